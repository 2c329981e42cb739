"""Persuasion in court: one sender by linear programme and by gradients, two senders by extragradient, with certificates.

What each sender could still gain, by any number of signals, is found by a linear programme.
"""

import jax
import numpy as np

from stackjax.menus import Persuasion, Profile, best_signals, full_revelation, learn_senders
from toolkit.figures import BLUE, GREY, ORANGE, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run

PRIOR = np.array([0.7, 0.3])  # innocent, guilty
JUDGE = np.eye(2)  # wants to acquit the innocent and to convict the guilty
PROSECUTOR = np.array([[0.0, 1.0], [0.0, 1.0]])
DEFENCE = 1.0 - PROSECUTOR


def random_problem(seed: int) -> Persuasion:
    """Two states, two senders with random payoffs, and a receiver with two actions."""
    rng = np.random.default_rng(seed)
    return Persuasion(rng.dirichlet(np.ones(2)), rng.uniform(0, 1, (2, 2, 2)), rng.uniform(0, 1, (2, 2)))


def learned(problem: Persuasion, seeds: int) -> list[Profile]:
    return [learn_senders(jax.random.key(seed), problem) for seed in range(seeds)]


def _why(reached: np.ndarray) -> str:
    if reached.all():
        return ""
    return f"{reached.sum()} of {len(reached)} seeds; because there are other equilibria, which are certified too"


def main(settings: Settings) -> None:
    experiment = Experiment("persuasion", settings)
    court = lambda *senders: Persuasion(PRIOR, np.stack(senders), JUDGE)
    value, _ = best_signals(court(PROSECUTOR))
    single = learned(court(PROSECUTOR), settings.seeds)
    payoffs = np.array([profile.payoffs[0] for profile in single])
    experiment.claim(
        "Kamenica and Gentzkow",
        "a prosecutor, 3 in 10 guilty: 6 in 10 are convicted",
        f"{value:.6f} by linear programme, {payoffs.min():.6f} to {payoffs.max():.6f} by gradients",
        abs(value - 0.6) < 1e-9 and bool((np.abs(payoffs - 0.6) <= 1e-3).all()),
    )
    drawn = {"one prosecutor": (single, full_revelation(court(PROSECUTOR)))}
    for label, other, wanted in (("two prosecutors", PROSECUTOR, (0.6, 0.6)), ("prosecutor and defence", DEFENCE, (0.3, 0.7))):
        problem = court(PROSECUTOR, other)
        found, revealed = learned(problem, settings.seeds), full_revelation(problem)
        made, gains = np.array([profile.payoffs for profile in found]), np.array([profile.gain.max() for profile in found])
        drawn[label] = found, revealed
        experiment.claim(
            "Hossain et al.",
            f"{label}: an equilibrium with payoffs {wanted[0]} and {wanted[1]} is reached; all revealed, they have "
            f"{revealed[0]:.1f} and {revealed[1]:.1f}",
            f"{made[:, 0].min():.4f} to {made[:, 0].max():.4f} and {made[:, 1].min():.4f} to {made[:, 1].max():.4f}; "
            f"nobody gains more than {gains.max():.1g}",
            bool((np.abs(made - wanted) <= 1e-3).all() and gains.max() <= 1e-5),
            _why((np.abs(made - wanted) <= 1e-3).all(axis=1)),
        )
    problems = [random_problem(seed) for seed in range(settings.few(20, 2))]
    profiles = [learn_senders(jax.random.key(0), problem) for problem in problems]
    gains = np.array([profile.gain.max() for profile in profiles])
    better = [float((found.payoffs - full_revelation(one)).sum()) for found, one in zip(profiles, problems, strict=True)]
    settled = int((gains <= 1e-3).sum())
    revealing = sum(all(np.array_equal(table, np.eye(2)) for table in profile.signals) for profile in profiles)
    experiment.claim(
        "random problems",
        "two senders with random payoffs, two states and actions: an equilibrium is found",
        f"{settled} of {len(problems)} within 0.001, largest gain {gains.max():.2g}; "
        f"in sum {np.mean(better):+.3f} on revealing all",
        settled == len(problems),
        f"{revealing} of them are that all is revealed, where learning and exact answers did not settle",
        seeds=1,
    )
    figure, ((axes,),) = new_figure(columns=1, height=2.4)
    for k, (profiles, revealed) in enumerate(drawn.values()):
        for i in range(len(revealed)):
            own = [profile.payoffs[i] for profile in profiles]
            shift = 0.25 * i + np.linspace(-0.05, 0.05, len(own))
            axes.plot(k + shift, own, ".", color=(BLUE, ORANGE)[i], label=f"sender {i + 1}, each seed" if k == 1 else None)
            axes.plot(
                [k + 0.25 * i], [revealed[i]], "_", color=GREY, markersize=14, label="all revealed" if k + i == 0 else None
            )
    axes.set_xticks(np.arange(len(drawn)), list(drawn), fontsize=7)
    axes.set_ylabel("sender's payoff")
    axes.legend(fontsize=6, frameon=False)
    data = {label: {"payoffs": [p.payoffs for p in found], "revealed": revealed} for label, (found, revealed) in drawn.items()}
    experiment.write(figure, {**data, "random": {"gains": gains, "better": better}})


if __name__ == "__main__":
    run(main)
