"""What the Stackelberg POMDP's two ideas do: showing the leader's learner the response phase, and its critic the tables.

With the response phase hidden (the Basic POMDP) only decisions of the reward phase are learned from.
"""

import numpy as np

from toolkit.figures import COLOURS, label_ends, learning_curve, new_figure, reference_line, wall_clock
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.statistics import difference, with_interval
from toolkit.training import COMMITMENT_ALONE, paper_lengths, step_path, train

DECISIONS = {"allocation": 700_000, "matrix-design-payments": 200_000}
VARIANTS = {
    ("weights", 1.0): "visible, tables",
    ("none", 1.0): "visible, no tables",
    ("weights", 0.0): "hidden, tables",
    ("none", 0.0): "hidden, no tables",
}


def main(settings: Settings) -> None:
    experiment = Experiment("ablations", settings)
    games = settings.few(list(DECISIONS), ["matrix-design-payments"])
    figure, panels = new_figure(rows=len(games), height=2.1)
    data, late = {}, {}
    for game, (axes,) in zip(games, panels, strict=True):
        decisions = DECISIONS[game]
        lengths, episode = paper_lengths(game)
        ends = []
        for style, ((critic, visibility), label) in enumerate(VARIANTS.items()):
            training = step_path(settings.few(decisions, decisions // 96), num_envs=16, num_steps=episode)
            name = f"ablation-{game}-{critic}-{'visible' if visibility else 'hidden'}"
            seen = train(
                settings, name, game, pomdp=lengths, critic_inputs=critic, response_visibility=visibility, **training
            )  # fmt: skip
            curve = seen.curve("greedy_payoff")
            ends.append((*learning_curve(axes, curve, COLOURS[style], style), label, COLOURS[style]))
            late[game, critic, visibility] = curve.late()
            data[f"{game}, {label}"] = {
                "late_payoff": late[game, critic, visibility], "leader_payoff": seen.payoffs, "curve": curve._asdict()
            }  # fmt: skip
        axes.set(title=game, ylabel="leader payoff, greedy")
        axes.set_ylim(top=axes.get_ylim()[1] + 0.12 * np.ptp(axes.get_ylim()))
        reference_line(axes, seen.optimum, f"optimum {seen.optimum:g}")
        if game == "allocation":
            wall_clock(axes, curve)
        label_ends(axes, ends)
        shown = ", ".join(f"{label} {with_interval(late[(game, *variant)], np.mean)}" for variant, label in VARIANTS.items())
        pooled = lambda position, value, game=game: np.concatenate(
            [late[(game, *variant)] for variant in VARIANTS if variant[position] == value]
        )
        effects = {
            "learning from the response phase too helps": difference(pooled(1, 1.0), pooled(1, 0.0)),
            "phase and weight tables in the critic help": difference(pooled(0, "weights"), pooled(0, "none")),
        }
        alone = {
            critic: train(
                settings,
                f"ablation-{game}-{critic}-commitment",
                game,
                pomdp=lengths,
                critic_inputs=critic,
                **{**training, **COMMITMENT_ALONE},
            )
            for critic in ("weights", "none")
        }
        switched = difference(*(alone[critic].curve("greedy_payoff").late() for critic in ("weights", "none")))
        effect_alone = "{:.2g} [{:.2g}, {:.2g}]".format(*switched)
        why = {
            "learning from the response phase too helps": "the reward phase repeats every commitment, and its "
            "decisions reach the batch either way",
            "phase and weight tables in the critic help": "because of the decisions that are credited, all of them: with the "
            f"one that makes the commitment alone, λ = 1, the effect is {effect_alone}",
        }
        for words, (effect, low, high) in effects.items():
            experiment.claim(
                "Sections 6, 7",
                f"{game}: {words}",
                f"effect {effect:.2g} [{low:.2g}, {high:.2g}]; last quarter of training: {shown}",
                low > 0,
                ""
                if low > 0
                else f"{'no effect that seeds do not explain' if high >= 0 else 'the opposite is seen'}; {why[words]}",
            )
    panels[-1, 0].set_xlabel("leader decisions per seed (thousands)")
    experiment.write(figure, data)


if __name__ == "__main__":
    run(main)
