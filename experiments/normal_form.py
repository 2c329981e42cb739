"""Normal-form games (Brero et al. 2023, Figures 1 and 5): Escape and Maintain, a leader who picks a row or mixes rows."""

import numpy as np

from toolkit.figures import BLUE, ORANGE, label_ends, learning_curve, new_figure, reference_line, wall_clock
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.statistics import with_interval
from toolkit.training import Run, paper_lengths, step_path, train

CRITICS = {"weights": ("with tables", BLUE), "none": ("plain PPO", ORANGE)}
# The paper's figure, its words, how much of the optimum a seed must reach, and leader decisions a seed.
GAMES = {
    "maintain": ("Fig. 1", "MAPPO immediately learns the optimal deterministic strategy", 1.0, 200_000),
    "maintain-randomized": (
        "Fig. 1",
        "MAPPO learns the optimal randomized strategy (27.5 + ε), about 100k steps",
        0.98,
        800_000,
    ),
    "escape": ("Fig. 5", "the leader learns to play row C immediately, with MAPPO and PPO", 1.0, 200_000),
    "escape-randomized": ("beyond", "the same for a leader who mixes rows", 1.0, 400_000),
}
SUPREMUM = "27.5 is a supremum: at a quarter of row A the follower is indifferent; the next mix on the policy's grid has 27.407"


def in_words(seen: Run, share: float) -> str:
    """How a run went: the best commitments, and when the current one was good for good."""
    curve, level = seen.curve("greedy_payoff"), share * seen.optimum - 1e-3
    when = np.median(curve.first_lasting(level))
    settled = f"from {when / 1e3:.0f} thousand decisions on (median)" if np.isfinite(when) else "never for good (median)"
    return (
        f"{with_interval(seen.payoffs)}; {(seen.payoffs >= level).sum()} of {len(seen.payoffs)} seeds reach {share:.0%} of "
        f"{seen.optimum:g}, the current commitment {settled}, {(curve.values[-1] >= level).sum()} seeds at the last evaluation"
    )


def main(settings: Settings) -> None:
    experiment = Experiment("normal_form", settings)
    games = settings.few(list(GAMES), ["maintain-randomized"])
    figure, panels = new_figure(rows=len(games), height=1.7)
    data = {}
    for game, (axes,) in zip(games, panels, strict=True):
        place, words, share, decisions = GAMES[game]
        (lengths, episode), ends, runs = paper_lengths(game), [], {}
        for style, (critic, (label, colour)) in enumerate(CRITICS.items()):
            training = step_path(settings.few(decisions, decisions // 64), num_envs=32, num_steps=episode)
            runs[critic] = train(settings, f"{game}-{critic}", game, pomdp=lengths, critic_inputs=critic, **training)
            curve = runs[critic].curve("greedy_payoff")
            ends.append((*learning_curve(axes, curve, colour, style), label, colour))
            data[f"{game}, {critic}"] = {
                "leader_payoff": runs[critic].payoffs, "bcce_gap": runs[critic].gaps, "curve": curve._asdict()
            }  # fmt: skip
        optimum = runs["weights"].optimum
        axes.set(title=game, ylabel="leader payoff, greedy", ylim=(0, 1.3 * optimum))
        wall_clock(axes, runs["weights"].curve("greedy_payoff"))
        reference_line(axes, optimum, f"optimum {optimum:g}")
        label_ends(axes, ends)
        reached = runs["weights"].payoffs >= share * optimum - 1e-3
        experiment.claim(
            place,
            words,
            f"{in_words(runs['weights'], share)}. Plain PPO: {in_words(runs['none'], share)}",
            reached.mean() >= 0.9,
            SUPREMUM if game == "maintain-randomized" else "",
        )
    panels[-1, 0].set_xlabel("leader decisions per seed (thousands)")
    experiment.write(figure, data)


if __name__ == "__main__":
    run(main)
