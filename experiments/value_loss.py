"""Value loss with and without weight tables in matrix design (Brero et al. 2023, Figure 6): the runs of Figure 2."""

import numpy as np

from matrix_design import CRITICS, train_all
from toolkit.figures import label_ends, learning_curve, new_figure, wall_clock
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.statistics import interval, with_interval


def main(settings: Settings) -> None:
    experiment = Experiment("value_loss", settings)
    curves = {critic: found.curve("value_loss") for critic, found in train_all(settings).items()}
    # The steps' batches hold different shares of reward-phase decisions, so compare means over the second half of training.
    late = {critic: curve.values[len(curve.values) // 2 :].mean(axis=0) for critic, curve in curves.items()}

    figure, ((axes,),) = new_figure()
    ends = [
        (*learning_curve(axes, curve, CRITICS[critic][1], style), *CRITICS[critic])
        for style, (critic, curve) in enumerate(curves.items())
    ]
    axes.set(
        xlabel="leader decisions per seed (thousands)",
        ylabel="value loss (squared share of\nthe leader's payoff range)",
        ylim=(0, None),
    )
    wall_clock(axes, curves["weights"])
    label_ends(axes, ends)

    ratios = {critic: late["none"] / late[critic] for critic in ("weights", "phase")}
    low = float(interval(ratios["weights"], np.mean)[1])
    experiment.claim(
        "Fig. 6",
        "a centralized critic dramatically improves the accuracy of the critic network, value loss below 0.2 early on",
        f"value loss of plain PPO over that with tables, second half of training: {with_interval(ratios['weights'], np.mean)}; "
        f"over that with the phase alone {with_interval(ratios['phase'], np.mean)}; with tables {late['weights'].mean():.2g} "
        "(squared share of the payoff range)",
        low > 1,
        "each critic is held to its own bootstrapped targets; here knowing the phase "
        + ("gives all of the gain" if ratios["phase"].mean() > 0.95 * ratios["weights"].mean() else "gives part of the gain"),
    )
    data = {critic: {"late_value_loss": late[critic], "curve": curve._asdict()} for critic, curve in curves.items()}
    experiment.write(figure, {**data, "ratio": ratios["weights"], "ratio_phase_alone": ratios["phase"]})


if __name__ == "__main__":
    run(main)
