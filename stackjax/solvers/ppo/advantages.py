"""Generalised advantage estimation over trajectories in which some decisions may be hidden from the learner."""

from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from stackjax.types import Array

__all__ = ["advantages"]


class _Carry(NamedTuple):
    reward: Array  # of hidden steps since the last visible one (in backward order)
    value: Array
    advantage: Array


def advantages(
    rewards: Array,
    values: Array,
    terminated: Array,
    visible: Array,
    last_value: Array,
    discount: Array | float,
    gae_lambda: Array | float,
) -> Array:
    """GAE(λ) of one trajectory: ``A_t = Σ_k (γλ)^k δ_{t+k}`` with ``δ_t = r_t + γ V_{t+1} - V_t``.

    Only visible steps count as steps: rewards and ends of episodes that fall on hidden steps belong to the visible
    step before them, so hiding steps loses neither (the Basic POMDP ablation). After termination the next value is 0,
    and no later δ enters.

    Args:
      rewards, values, terminated, visible: ``[T]``, one trajectory; callers ``vmap``.
      last_value: the value after the last step, used if that step ends no episode.

    Returns:
      ``[T]`` advantages, 0 at hidden steps.

    References: Schulman et al. (2016), equation 16.
    """
    chex.assert_equal_shape([rewards, values, terminated, visible])
    chex.assert_rank(rewards, 1)

    def step(after: _Carry, inputs: tuple[Array, ...]) -> tuple[_Carry, Array]:
        reward, value, is_terminated, is_visible = inputs
        rest = jax.tree.map(lambda leaf: discount * jnp.where(is_terminated, 0.0, leaf), after)
        reward_since = reward + rest.reward
        advantage = reward_since + rest.value - value + gae_lambda * rest.advantage
        seen = _Carry(jnp.zeros_like(reward), value, advantage)
        hidden = _Carry(reward_since, rest.value, rest.advantage)
        carry = jax.tree.map(lambda a, b: jnp.where(is_visible, a, b), seen, hidden)
        return carry, jnp.where(is_visible, advantage, 0.0)

    zero = jnp.zeros_like(last_value)
    inputs = (rewards, values, terminated, visible)
    return jax.lax.scan(step, _Carry(zero, last_value, zero), inputs, reverse=True)[1]
