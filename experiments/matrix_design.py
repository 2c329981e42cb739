"""Matrix design (Brero et al. 2023, Figure 2): the leader picks a bonus τ; centralized critic against plain PPO.

With τ at least 4 both followers have dominant actions, and their actions differ, which is all that the leader is paid for.
"""

import numpy as np

from toolkit.figures import BLUE, ORANGE, label_ends, learning_curve, new_figure, reference_line, wall_clock
from toolkit.intervals import with_interval
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.training import Run, paper_lengths, step_path, train

GAME = "matrix-design"
CRITICS = {"weights": ("with weight tables", BLUE), "none": ("plain PPO", ORANGE)}
DECISIONS = 200_000
ENOUGH = 4  # the least τ that makes both followers' actions dominant


def train_both(settings: Settings) -> dict[str, Run]:
    """A run for each critic; Figure 6 looks at the same ones."""
    lengths, episode = paper_lengths(GAME)
    training = step_path(settings.few(DECISIONS, 50_000), num_envs=16, num_steps=episode)
    return {
        critic: train(settings, f"{GAME}-{critic}", GAME, pomdp=lengths, critic_inputs=critic, **training) for critic in CRITICS
    }


def instability(run: Run) -> np.ndarray:
    """``[S]`` the share of evaluations in the second half of training at which a seed's greedy leader was not paid in full."""
    values = run.curve("greedy_payoff").values
    return (values[len(values) // 2 :] < run.optimum - 1e-6).mean(axis=0)


def main(settings: Settings) -> None:
    experiment = Experiment("matrix_design", settings)
    runs = train_both(settings)
    taus = {critic: [seed["commitment"]["actions"][0] for seed in run.result["seeds"]] for critic, run in runs.items()}
    shaky = {critic: instability(run) for critic, run in runs.items()}

    figure, ((axes,),) = new_figure()
    ends = [
        (*learning_curve(axes, run.curve("greedy_payoff"), CRITICS[critic][1], style), *CRITICS[critic])
        for style, (critic, run) in enumerate(runs.items())
    ]
    axes.set(xlabel="leader decisions per seed (thousands)", ylabel="leader payoff, greedy", ylim=(0, 1.25))
    reference_line(axes, 1.0, "optimum")
    wall_clock(axes, runs["weights"].curve("greedy_payoff"))
    label_ends(axes, ends)

    with_tables = np.array(taus["weights"])
    experiment.claim(
        "Fig. 2",
        "MAPPO learns τ ≥ 4",
        f"τ = {', '.join(str(tau) for tau in sorted(set(taus['weights'])))} on {(with_tables >= ENOUGH).sum()} of "
        f"{len(with_tables)} seeds; payoff {with_interval(runs['weights'].payoffs)}",
        (with_tables >= ENOUGH).all(),
    )
    apart = shaky["none"].mean() > shaky["weights"].mean() + 0.05
    experiment.claim(
        "Fig. 2",
        "PPO oscillates and is not always optimal",
        f"late evaluations below the optimum: plain PPO {shaky['none'].mean():.0%}, with tables {shaky['weights'].mean():.0%}; "
        f"plain PPO's τ ≥ 4 on {(np.array(taus['none']) >= ENOUGH).sum()} of {len(taus['none'])} seeds",
        apart,
        "" if apart else "plain PPO is as stable here: many short episodes side by side average out what its critic cannot see",
    )
    data = {
        critic: {
            "tau": taus[critic],
            "leader_payoff": run.payoffs,
            "bcce_gap": run.gaps,
            "late_evaluations_below_optimum": shaky[critic],
            "curve": run.curve("greedy_payoff")._asdict(),
        }
        for critic, run in runs.items()
    }
    experiment.write(figure, data)


if __name__ == "__main__":
    run(main)
