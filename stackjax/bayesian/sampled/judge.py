"""Judging by samples: what a leader that acts on observations earns, and how far its followers are from equilibrium."""

import math
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy

from stackjax.acting import Leader
from stackjax.bayesian.sampled.episode import Setting, draw_paid, learn_rounds
from stackjax.bayesian.sampled.hashing import NOTHING
from stackjax.bayesian.sampled.plays import play_all, play_out
from stackjax.types import Array, PRNGKey

__all__ = ["SampledCertificate", "SampledNumbers", "certify_by_samples", "comparisons", "evaluation_words", "num_paired_draws"]

CONFIDENCE = 0.95
PAID_DRAWS = 1024  # sub-episodes in which a group of followers is judged
SHOWN = 32  # of them, whose decisions a report shows
MOST_PAIRS, FEWEST_PAIRS = 4000, 64  # draws for each follower, type and other action
MOST_DECISIONS = 1.5e7  # of all draws that the gap takes
GAP_GROUPS = 4  # groups of followers whose gap is bounded


class SampledCertificate(NamedTuple):
    """What a commitment earns against fresh followers, by samples; game units.

    Attributes:
      leader_payoff, half_width: mean over groups, and half of its 95 % interval (Student's t).
      follower_payoffs: ``[N]`` means.
      gap: the largest estimate of what a type of a follower could gain by another action, over the first four groups: biased
        upwards, as the largest of many estimates is.
      gap_bound: with 95 % confidence no type of a follower in these groups can gain more than this (Maurer and Pontil 2009,
        Theorem 4, with a union bound over all comparisons). A follower's payoffs are taken to be within ``payoff_scale`` of
        each other.
      observations, actions, is_shown: ``[G, s, L, ...]`` decisions of some of the sub-episodes.
      strategies: ``[G, N, K, A]`` what the followers have learned.
    """

    leader_payoff: Array
    half_width: Array
    follower_payoffs: Array
    gap: Array
    gap_bound: Array
    observations: Array
    actions: Array
    is_shown: Array
    strategies: Array


class SampledNumbers(NamedTuple):
    """The numbers of a `SampledCertificate`, as a result has them; see there."""

    leader_payoff: float
    half_width: float
    follower_payoffs: list[float]
    bne_gap: float
    bne_gap_bound: float


def comparisons(setting: Setting) -> np.ndarray:
    """``[Q, 2]`` every follower with every type that it can have."""
    blocks, sizes = setting.types, setting.game.num_types
    return np.array([(i, k) for i, size in enumerate(sizes) for k in range(size) if blocks.own(i)[k] > 0], np.int32)


def num_paired_draws(setting: Setting) -> int:
    """How many paired draws each comparison gets."""
    plays = len(comparisons(setting)) * max(setting.game.num_actions) * setting.game.num_decisions * GAP_GROUPS
    return int(np.clip(MOST_DECISIONS / plays, FEWEST_PAIRS, MOST_PAIRS))


def evaluation_words(setting: Setting, num_rounds: int) -> str:
    """How a commitment is judged."""
    return (
        f"for {num_rounds} rounds, by samples: {PAID_DRAWS} sub-episodes for each group, and for the gap of {GAP_GROUPS} "
        f"groups {num_paired_draws(setting)} pairs for each follower, type and action; {CONFIDENCE:.0%} confidence"
    )


def certify_by_samples(
    setting: Setting, leader: Leader, key: PRNGKey, num_groups: int, paid_draws: int = PAID_DRAWS, paired_draws: int = 0
) -> SampledCertificate:
    """``num_groups`` fresh groups of followers learn for as long as ``setting`` has it, and then play.

    Args:
      paired_draws: for the gap, for each follower, type and other action; 0 leaves it out, so that its bound is infinite.
    """
    game = setting.game

    def group(key: PRNGKey) -> tuple[Array, ...]:
        learn_key, paid_key = jax.random.split(key)
        strategies = setting.learners.strategies(learn_rounds(setting, leader, None, learn_key)[0])
        types, actions = draw_paid(setting, strategies, paid_key, paid_draws)
        payoffs, _ = play_all(game, leader, None, types, actions)
        shown = jax.vmap(partial(play_out, game, leader, None))(types[:SHOWN], actions[:SHOWN])
        return payoffs.mean(axis=0), strategies, shown.observations, leader.to_action(shown.choices), shown.hashes

    keys = jax.random.split(jax.random.fold_in(key, 0), num_groups)
    payoffs, strategies, seen, actions, hashes = jax.vmap(group)(keys)
    width = scipy.stats.t.ppf(0.5 + CONFIDENCE / 2, num_groups - 1) / math.sqrt(num_groups) if num_groups > 1 else np.inf
    gap, bound = jnp.float32(0.0), jnp.float32(jnp.inf)
    if paired_draws:
        judged = strategies[:GAP_GROUPS]
        gap, bound = _gap(setting, leader, jax.random.fold_in(key, 1), judged, paired_draws)
    return SampledCertificate(
        leader_payoff=payoffs[:, 0].mean(),
        half_width=width * payoffs[:, 0].std(ddof=1) if num_groups > 1 else jnp.float32(jnp.inf),
        follower_payoffs=payoffs[:, 1:].mean(axis=0),
        gap=gap,
        gap_bound=bound,
        observations=seen,
        actions=actions,
        is_shown=hashes != NOTHING,
        strategies=strategies,
    )


def _gap(setting: Setting, leader: Leader, key: PRNGKey, strategies: Array, draws: int) -> tuple[Array, Array]:
    """The largest mean gain of a deviation, and the largest upper bound; ``strategies [G, N, K, A]``."""
    game = setting.game
    pairs, most = comparisons(setting), max(game.num_actions)
    counts = np.array(game.num_actions, np.int32)
    num_tests = len(strategies) * int(sum(counts[i] for i, _ in pairs if counts[i] > 1))
    if num_tests == 0:
        return jnp.float32(0.0), jnp.float32(0.0)
    log_term, reach = math.log(2.0 * num_tests / (1.0 - CONFIDENCE)), 2.0 * game.payoff_scale

    def compared(argument: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        which, pair, key = argument
        learned, follower, own = strategies[which], pair[0], pair[1]
        count = jnp.asarray(counts)[follower]
        types, actions = draw_paid(setting, learned, key, draws, follower, own)
        every = jnp.arange(most, dtype=jnp.int32)
        moved = jax.vmap(lambda profile: jax.vmap(profile.at[follower].set)(jnp.where(every < count, every, 0)))(actions)
        payoffs, _ = play_all(game, leader, None, jnp.repeat(types, most, axis=0), moved.reshape(-1, game.num_followers))
        paid = payoffs[:, 1 + follower].reshape(draws, most)
        found = paid - jnp.take_along_axis(paid, actions[:, follower, None], axis=1)  # of always playing an action instead
        mean, variance = found.mean(axis=0), found.var(axis=0, ddof=1)
        bound = mean + jnp.sqrt(2.0 * variance * log_term / draws) + 7.0 * reach * log_term / (3.0 * (draws - 1))
        return mean.max(), bound.max()

    groups = np.repeat(np.arange(len(strategies), dtype=np.int32), len(pairs))
    keys = jax.random.split(key, len(groups))
    mean, bound = jax.lax.map(compared, (jnp.asarray(groups), jnp.asarray(np.tile(pairs, (len(strategies), 1))), keys))
    return jnp.maximum(mean.max(), 0.0), jnp.maximum(bound.max(), 0.0)
