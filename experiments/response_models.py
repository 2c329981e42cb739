"""One leader problem under every follower dynamics of the library: what the leader gets, and how well the followers answer."""

import dataclasses
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np

import stackjax as sx
from stackjax.bayesian.followers.config import Kind
from stackjax.bayesian.pomdp.commitment import tabulate
from toolkit.figures import BLUE, GREY, ORANGE, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.statistics import with_interval
from toolkit.training import Run, train

GAME = "matrix-design-payments"
MOST_ROUNDS, EVERY = 20_000, 100
TOLERANCE = 0.1  # game units: a hundredth of the payoff scale
NUM_GROUPS = 64


def rounds_needed(settings: sx.followers.FollowersConfig, seen: Run) -> np.ndarray:
    """``[NUM_GROUPS]`` rounds until the play against the best seed's commitment has a B-CCE gap of at most `TOLERANCE`.

    Infinity where `MOST_ROUNDS` were not enough.
    """
    env = sx.StackelbergPOMDP(sx.make(GAME))
    best = max(seen.result["seeds"], key=lambda seed: seed["leader_payoff"])
    game = tabulate(env.game, env.tree, jnp.asarray(best["commitment"]["actions"])).game
    copies = lambda table: jnp.repeat(jnp.asarray(table)[..., None], NUM_GROUPS, axis=-1)
    response = jax.jit(
        lambda key: sx.followers.equilibrate(
            key,
            sx.followers.InducedGame(game.type_prior, copies(game.follower_payoffs), copies(game.leader_payoff)),
            settings.build(),
            MOST_ROUNDS,
            payoff_scale=env.game.payoff_scale,
            gap_every=EVERY,
            tolerance=TOLERANCE,
        )
    )(jax.random.key(0))
    reached = np.asarray(response.gaps.bcce_gap[-1]) <= TOLERANCE
    return np.where(reached, np.asarray(response.num_rounds), np.inf)


def in_equilibrium(seen: Run) -> bool:
    """Whether nine of ten seeds get the optimum from followers whose gap is within the tolerance."""
    return bool(np.mean((seen.payoffs >= seen.optimum - 0.01) & (seen.gaps <= TOLERANCE)) >= 0.9)


def main(settings: Settings) -> None:
    experiment = Experiment("response_models", settings)
    kinds = settings.few(list(get_args(Kind)), ["multiplicative-weights", "q-learning"])
    data, payoffs = {}, {}
    for kind in kinds:
        followers = sx.followers.FollowersConfig(kind=kind)
        seen = train(settings, f"{GAME}-{kind}", GAME, followers=followers, num_updates=settings.few(50, 30))
        rounds = rounds_needed(followers, seen)
        payoffs[kind] = seen.payoffs
        holds, why = in_equilibrium(seen), "" if np.isfinite(np.median(rounds)) else "its play never stops exploring"
        if not holds:  # too little training, or the followers?
            longer = train(settings, f"{GAME}-{kind}-long", GAME, followers=followers, num_updates=settings.few(200, 30))
            why += f"{'; ' * bool(why)}with four times the updates {with_interval(longer.payoffs)}, gap at most "
            why += f"{longer.gaps.max():.3g}, {longer.at_optimum().sum()} of {len(longer.payoffs)} seeds at the optimum"
        shown = f"at most {np.median(rounds):.0f}" if np.isfinite(np.median(rounds)) else f"more than {MOST_ROUNDS:,}"
        data[kind] = {
            "leader_payoff": seen.payoffs,
            "bcce_gap": seen.gaps,
            "median_rounds_to_tolerance": shown,
            "followers": dataclasses.asdict(followers),
        }
        experiment.claim(
            "beyond",
            f"against {kind} the leader gets its optimum, {seen.optimum:g}, from followers in equilibrium",
            f"{with_interval(seen.payoffs)}; B-CCE gap at most {seen.gaps.max():.3g}; rounds of learning until the play so far "
            f"has a gap of {TOLERANCE:g}: {shown} (median of {NUM_GROUPS} groups against the best seed's commitment)",
            holds,
            why,
        )

    figure, ((axes,),) = new_figure(height=0.6 + 0.24 * len(kinds))
    for place, kind in enumerate(kinds):
        axes.scatter(payoffs[kind], np.full(len(payoffs[kind]), place), s=10, color=BLUE, alpha=0.5, linewidths=0)
        axes.plot(np.median(payoffs[kind]), place, "|", color=ORANGE, markersize=10)
        below = {"xycoords": ("axes fraction", "data"), "fontsize": 6.5, "color": GREY, "va": "center"}
        axes.annotate(
            f"gap {data[kind]['bcce_gap'].max():.2g}; {data[kind]['median_rounds_to_tolerance']} rounds", (1.02, place), **below
        )
    axes.set(yticks=range(len(kinds)), yticklabels=kinds, xlabel="leader payoff (welfare); each dot a seed")
    axes.invert_yaxis()
    experiment.write(figure, data)


if __name__ == "__main__":
    run(main)
