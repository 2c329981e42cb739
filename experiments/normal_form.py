"""Normal-form games (Brero et al. 2023, Figures 1 and 5): Escape and Maintain, a leader who picks a row or mixes rows."""

from toolkit.figures import BLUE, ORANGE, label_ends, learning_curve, new_figure, reference_line, wall_clock
from toolkit.intervals import with_interval
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.training import paper_lengths, step_path, train

CRITICS = {"weights": ("with tables", BLUE), "none": ("plain PPO", ORANGE)}
# The paper's figure, its words, how much of the optimum a seed must reach, and leader decisions a seed.
GAMES = {
    "maintain": ("Fig. 1", "MAPPO immediately learns the optimal deterministic strategy", 1.0, 200_000),
    "maintain-randomized": ("Fig. 1", "MAPPO learns the optimal randomized strategy (27.5 + ε)", 0.98, 800_000),
    "escape": ("Fig. 5", "the leader learns to play row C immediately", 1.0, 200_000),
    "escape-randomized": ("Fig. 5", "the same for a leader who mixes rows", 1.0, 400_000),
}


def main(settings: Settings) -> None:
    experiment = Experiment("normal_form", settings)
    games = settings.few(list(GAMES), ["maintain-randomized"])
    figure, panels = new_figure(rows=len(games), height=1.7)
    data = {}
    for game, (axes,) in zip(games, panels, strict=True):
        place, words, share, decisions = GAMES[game]
        (lengths, episode), ends, payoffs = paper_lengths(game), [], {}
        for style, (critic, (label, colour)) in enumerate(CRITICS.items()):
            training = step_path(settings.few(decisions, decisions // 4), num_envs=32, num_steps=episode)
            seen = train(settings, f"{game}-{critic}", game, pomdp=lengths, critic_inputs=critic, **training)
            curve = seen.curve("greedy_payoff")
            ends.append((*learning_curve(axes, curve, colour, style), label, colour))
            payoffs[critic] = seen.payoffs
            data[f"{game}, {critic}"] = {"leader_payoff": seen.payoffs, "bcce_gap": seen.gaps, "curve": curve._asdict()}
            if critic == "weights":
                wall_clock(axes, curve)
                reached = payoffs[critic] >= share * seen.optimum - 1e-3
        axes.set(title=game, ylabel="leader payoff, greedy", ylim=(0, 1.3 * seen.optimum))
        reference_line(axes, seen.optimum, f"optimum {seen.optimum:g}")
        label_ends(axes, ends)
        experiment.claim(
            place,
            words,
            f"{with_interval(payoffs['weights'])} of {seen.optimum:g}; {reached.sum()} of {len(reached)} seeds reach "
            f"{share:.0%} of the optimum; plain PPO {with_interval(payoffs['none'])}",
            reached.mean() >= 0.9,
            "27.5 is a supremum; 27.407 is the best of the policy's grid of weights" if game == "maintain-randomized" else "",
        )
    panels[-1, 0].set_xlabel("leader decisions per seed (thousands)")
    experiment.write(figure, data)


if __name__ == "__main__":
    run(main)
