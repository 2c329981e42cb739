"""What the Stackelberg POMDP's two ideas do: showing the leader's learner the response phase, and its critic the tables.

With the response phase hidden (the Basic POMDP) only decisions of the reward phase are learnt from.
"""

import numpy as np
from scipy import stats

from toolkit.figures import COLOURS, label_ends, learning_curve, new_figure, reference_line, wall_clock
from toolkit.intervals import with_interval
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.training import paper_lengths, step_path, train

DECISIONS = {"allocation": 700_000, "matrix-design-payments": 200_000}
VARIANTS = {
    ("weights", 1.0): "visible, tables",
    ("none", 1.0): "visible, no tables",
    ("weights", 0.0): "hidden, tables",
    ("none", 0.0): "hidden, no tables",
}


def effects(game: str, late: dict[tuple[str, str, float], np.ndarray]) -> str:
    """Which of the two ideas makes a difference that seeds do not explain, in words."""
    pairs = {
        "the visible response phase, with tables": (("weights", 1.0), ("weights", 0.0)),
        "the visible response phase, without": (("none", 1.0), ("none", 0.0)),
        "tables, visible": (("weights", 1.0), ("none", 1.0)),
        "tables, hidden": (("weights", 0.0), ("none", 0.0)),
    }
    found = []
    for name, (a, b) in pairs.items():
        test = stats.permutation_test((late[(game, *a)], late[(game, *b)]), lambda x, y: x.mean() - y.mean(), rng=0)
        found.append(f"{name} {test.statistic:+.2g} (p = {test.pvalue:.2g})")
    return "effect of " + ", ".join(found)


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
            training = step_path(settings.few(decisions, decisions // 8), num_envs=16, num_steps=episode)
            name = f"ablation-{game}-{critic}-{'visible' if visibility else 'hidden'}"
            seen = train(
                settings, name, game, pomdp=lengths, critic_inputs=critic, response_visibility=visibility, **training
            )  # fmt: skip
            curve = seen.curve("greedy_payoff")
            ends.append((*learning_curve(axes, curve, COLOURS[style], style), label, COLOURS[style]))
            late[game, critic, visibility] = curve.values[-10:].mean(axis=0)
            data[f"{game}, {label}"] = {
                "late_payoff": late[game, critic, visibility], "leader_payoff": seen.payoffs, "curve": curve._asdict()
            }  # fmt: skip
        axes.set(title=game, ylabel="leader payoff, greedy")
        reference_line(axes, seen.optimum, f"optimum {seen.optimum:g}")
        if game == "allocation":
            wall_clock(axes, curve)
        label_ends(axes, ends)
        means = {variant: late[(game, *variant)].mean() for variant in VARIANTS}
        shown = ", ".join(f"{label} {with_interval(late[(game, *variant)])}" for variant, label in VARIANTS.items())
        best = max(means.values())
        holds = means["weights", 1.0] >= best - 0.02 * abs(best) and means["weights", 1.0] > means["none", 0.0]
        ordered = "; ".join(VARIANTS[variant] for variant in sorted(means, key=lambda v: -means[v]))
        experiment.claim(
            "Section 6",
            f"{game}: learning from the response phase with tables in the critic (the Stackelberg POMDP) does best",
            f"last quarter of training: {shown}",
            holds,
            f"best first: {ordered}; {effects(game, late)}",
        )
    panels[-1, 0].set_xlabel("leader decisions per seed (thousands)")
    experiment.write(figure, data)


if __name__ == "__main__":
    run(main)
