"""ABCs beside counterfactual regrets and Q-learning when all players learn: the published tables, ours beside theirs.

NashConv against nodes, the steps of the game that a learner takes. Published figures are the final ones of three runs, from
the results that come with the code of the authors (lucadwong/abcs).
"""

from typing import Any, NamedTuple

import numpy as np

import stackjax as sx
from stackjax.extensive import Decision, ExtensiveFollowers, ExtensiveGame, SelfPlay, Terminal
from toolkit.figures import COLOURS, LINE_STYLES, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run

PAYS = ((0.0, -1.0, 1.0), (1.0, 0.0, -2.0), (-1.0, 2.0, 0.0))
LEARNERS = {
    "ABCs": ("abcs", {}),
    "MAX-CFR": ("abcs", {"significance": 1.0}),
    "ES-MCCFR": ("es-mccfr", {}),
    "Q-learning": ("bql", {}),
}
AT = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0)  # of all iterations, where NashConv is told


class Setting(NamedTuple):
    """A game of the published tables.

    Attributes:
      nodes: after which their figures are.
      iterations: about as many, by learner. ES-MCCFR tries every action where MAX-CFR does, so it has as many as that.
      share: 0.5 where their figures are half of NashConv.
      published: theirs.
      seeds: the most.
    """

    nodes: float
    iterations: dict[str, int]
    share: float
    published: dict[str, float]
    seeds: int


SETTINGS = {
    "Kuhn poker": Setting(
        5e5,
        {"ABCs": 104_000, "MAX-CFR": 102_000, "ES-MCCFR": 102_000, "Q-learning": 214_000},
        0.5,
        {"ABCs": 0.0047, "MAX-CFR": 0.0019, "ES-MCCFR": 0.0037, "Q-learning": 0.191},
        10,
    ),
    "Leduc poker": Setting(
        5e6,
        {"ABCs": 256_000, "MAX-CFR": 242_000, "ES-MCCFR": 60_000, "Q-learning": 960_000},
        0.5,
        {"ABCs": 0.268, "MAX-CFR": 0.190, "ES-MCCFR": 0.238, "Q-learning": 1.895},
        3,
    ),
    "weighted rock, paper, scissors": Setting(
        1e6,
        {"ABCs": 166_667, "MAX-CFR": 166_667, "ES-MCCFR": 166_667, "Q-learning": 500_000},
        1.0,
        {"ABCs": 0.0020, "MAX-CFR": 0.0011, "ES-MCCFR": 0.0011, "Q-learning": 1.93},
        10,
    ),
}


def games() -> dict[str, ExtensiveGame]:
    """The games of `SETTINGS`."""

    def node(history: tuple[str, ...]) -> Any:
        if len(history) < 2:
            return Decision(len(history), "here" if history else "there", ["rock", "paper", "scissors"])
        paid = PAYS[("rock", "paper", "scissors").index(history[0])][("rock", "paper", "scissors").index(history[1])]
        return Terminal((paid, -paid))

    weighted = sx.extensive.game("weighted", players=("one", "other"), node=node)
    return dict(zip(SETTINGS, (sx.make("kuhn"), sx.make("leduc"), weighted), strict=True))


def learned(game: ExtensiveGame, setting: Setting, learner: str, settings: Settings) -> SelfPlay:
    """NashConv of all seeds on the way."""
    kind, options = LEARNERS[learner]
    iterations = settings.few(setting.iterations[learner], 2_000)
    told = sorted({max(1, round(share * iterations)) for share in AT})
    return sx.extensive.self_play(
        game, ExtensiveFollowers(kind, **options), told=told, seeds=min(settings.seeds, setting.seeds)
    )


def main(settings: Settings) -> None:
    experiment = Experiment("abcs", settings)
    data: dict[str, Any] = {}
    figure, (panels,) = new_figure(columns=len(SETTINGS), height=2.2)
    last: dict[str, dict[str, np.ndarray]] = {}
    for panel, (name, game) in zip(panels, games().items(), strict=True):
        setting, found = SETTINGS[name], {}
        for learner in LEARNERS:
            found[learner] = learned(game, setting, learner, settings)
            print(f"  {name}, {learner}: {setting.share * found[learner].nash_conv[-1].mean():.4f}", flush=True)
        of = lambda learner, found=found: found[learner if found[learner].nodes is not None else "MAX-CFR"]
        each = {one: of(one).nodes[-1].mean() / of(one).iterations[-1] for one in LEARNERS}
        last[name] = {learner: setting.share * one.nash_conv[-1] for learner, one in found.items()}
        for (learner, one), colour, style in zip(found.items(), COLOURS, (*LINE_STYLES, "-"), strict=False):
            values = setting.share * one.nash_conv.mean(axis=1)
            panel.plot(each[learner] * one.iterations, values, color=colour, linestyle=style, label=learner)
        panel.set(xscale="log", yscale="log", xlabel="nodes", title=name.partition(" ")[0])
        data[name] = {
            learner: {
                "nodes": each[learner] * one.iterations,
                "nash_conv": setting.share * one.nash_conv,
                "published": setting.published[learner],
            }
            for learner, one in found.items()
        }
    panels[0].set_ylabel("NashConv (poker: half)")
    panels[0].legend(fontsize=5.5, frameon=False)

    for name, setting in SETTINGS.items():
        words = "half of NashConv" if setting.share < 1 else "NashConv"
        ours, sizes = last[name], len(last[name]["ABCs"])
        told = "; ".join(
            f"{one} {ours[one].mean():.4f} (sd {ours[one].std():.4f}), published {setting.published[one]}" for one in ours
        )
        experiment.claim(
            "ABCs",
            f"{name}, {words} after {setting.nodes:.0e} nodes: ABCs come near equilibrium, Q-learning does not",
            told,
            ours["ABCs"].mean() < 0.2 * ours["Q-learning"].mean() and ours["ABCs"].mean() <= 1.5 * setting.published["ABCs"],
            "ours matches regrets in ES-MCCFR, theirs takes exponential weights"
            + ("; ES-MCCFR after a quarter of the nodes" if name == "Leduc poker" else ""),
            seeds=sizes,
        )
    better = [name for name in SETTINGS if last[name]["ABCs"].mean() < last[name]["MAX-CFR"].mean()]
    experiment.claim(
        "beyond",
        "where nothing is stationary MAX-CFR is ahead of ABCs at equal nodes",
        "; ".join(f"{name} {last[name]['ABCs'].mean() / last[name]['MAX-CFR'].mean():.2f} times its gap" for name in SETTINGS),
        not better,
        "ABCs pay for finding out that the world changes; they gain where parts of it do not",
    )
    experiment.write(figure, data)


if __name__ == "__main__":
    run(main)
