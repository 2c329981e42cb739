"""Judging by samples: what a commitment pays under frozen followers, and what a learner finds that one of them could gain."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import scipy

from stackjax.markov.groups.objectives import leader_payoff
from stackjax.markov.groups.sampled.game import PlayedGroupGame
from stackjax.markov.groups.sampled.play import Answer, Lead, episode_payoffs, play_out
from stackjax.types import Array, PRNGKey
from stackjax.welfare import equality

__all__ = ["GROUP_SIZE", "PlayedGroupCertificate", "certify", "linear_in_means", "paid_on_average"]

CONFIDENCE = 0.95
NORMAL = float(scipy.stats.norm.ppf(0.5 + CONFIDENCE / 2))
GROUP_SIZE = 256  # episodes that are played at once
SHOWN = 64  # episodes whose decisions a report shows


class PlayedGroupCertificate(NamedTuple):
    """What a commitment is worth under its frozen followers, by samples, game units. Intervals are of 95 % confidence.

    Attributes:
      leader_payoff: to the leader, by its objective of what everybody is paid on average.
      half_width: of its interval, by the delta method.
      follower_payoffs: ``[N]`` means.
      equality: of these, see `objectives.equality`.
      gains, gain_half_widths: ``[N]`` what each follower gained on average by the policy that a learner found: a lower bound of
        what it could gain.
      gain: the largest of these, at least 0.
      gain_end: the largest upper end of their intervals, at least 0; infinite where nothing was looked for.
      observations, leader_actions: ``[M, ...]`` decisions of some of the episodes.
      play: ``[N, A]`` how often followers took their actions.
      step_payoffs: ``[1 + N, T]`` what steps paid on average, leader first.
    """

    leader_payoff: Array
    half_width: Array
    follower_payoffs: Array
    equality: Array
    gains: Array
    gain_half_widths: Array
    gain: Array
    gain_end: Array
    observations: Array
    leader_actions: Array
    play: Array
    step_payoffs: Array


def linear_in_means(objective: str, paid: Array) -> tuple[Array, Array]:
    """What the leader is paid, of the means of ``paid [n, 1 + N]``, and ``[n]`` what each of these contributes.

    Objectives are of what is paid on average. To first order an episode adds to it in proportion to the slope at the means.
    """
    means = paid.mean(axis=0)
    payoff, slope = jax.value_and_grad(lambda means: leader_payoff(objective, means[0], means[1:]))(means)
    return payoff, payoff + (paid - means[None]) @ slope


def paid_on_average(objective: str, paid: Array) -> tuple[Array, Array]:
    """What the leader is paid, of episodes that paid ``[n, 1 + N]``, and half of its interval, by the delta method."""
    payoff, each = linear_in_means(objective, paid)
    return payoff, _half_width(each)


def _half_width(values: Array) -> Array:
    """``[...]`` of the interval of the mean of ``values [..., n]``; infinite for one value."""
    count = values.shape[-1]
    if count < 2:
        return jnp.full(values.shape[:-1], jnp.inf, values.dtype)
    return NORMAL / math.sqrt(count) * values.std(axis=-1, ddof=1)


def certify(
    game: PlayedGroupGame,
    lead: Lead,
    answer: Answer,
    key: PRNGKey,
    num_groups: int,
    gains: Callable[[PRNGKey], Array] | None = None,
) -> PlayedGroupCertificate:
    """A leader judged in ``num_groups`` groups of `GROUP_SIZE` fresh episodes.

    Args:
      game: the rules.
      lead, answer: what the leader and its followers do.
      key: of all draws.
      num_groups: see above.
      gains: ``key -> [N, n]`` what each follower gained in fresh episodes by another policy; without it none is looked for.
    """
    play_key, gains_key = jax.random.split(key)
    most = max(game.num_actions)

    def group(key: PRNGKey) -> tuple[Array, ...]:
        steps = play_out(game, jax.random.split(key, GROUP_SIZE), lead, answer)
        taken = jax.nn.one_hot(steps.actions, most).mean(axis=(0, 1))
        shown = steps.observations[:, :SHOWN], steps.leader_actions[:, :SHOWN]
        return episode_payoffs(game, steps.payoffs), taken, steps.payoffs.mean(axis=1).T, *shown

    paid, taken, by_step, observations, actions = jax.lax.map(group, jax.random.split(play_key, num_groups))
    payoff, half_width = paid_on_average(game.objective, paid.reshape(-1, paid.shape[-1]))
    followers = paid[..., 1:].mean(axis=(0, 1))
    nothing = jnp.zeros_like(followers)
    found, widths, end = nothing, nothing, jnp.full_like(payoff, jnp.inf)
    if gains is not None:
        each = gains(gains_key)
        found, widths = each.mean(axis=1), _half_width(each)
        end = jnp.maximum((found + widths).max(), 0.0)
    return PlayedGroupCertificate(
        leader_payoff=payoff,
        half_width=half_width,
        follower_payoffs=followers,
        equality=equality(followers),
        gains=found,
        gain_half_widths=widths,
        gain=jnp.maximum(found.max(), 0.0),
        gain_end=end,
        observations=observations[0].reshape(-1, observations.shape[-1]),
        leader_actions=actions[0].reshape(-1, *actions.shape[3:]),
        play=taken.mean(axis=0),
        step_payoffs=by_step.mean(axis=0),
    )
