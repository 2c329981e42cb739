"""How a follower who plans answers commitments, and how far any answer is from a best one. Exact dynamic programming.

Everything is batch-last over commitments: policies are chances ``[S, J, *B]``, the same in every step (*stationary*), or
``[T, S, J, *B]`` where the follower knows the time.
"""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import chex
import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import added, lead
from stackjax.errors import InputError
from stackjax.markov.game import InducedMarkovGame, MarkovGame, joint_actions
from stackjax.spaces import Discrete
from stackjax.types import Array

__all__ = [
    "POLICIES_AT_ONCE",
    "Length",
    "Ties",
    "Values",
    "best_stationary",
    "best_timed",
    "best_values",
    "deviations",
    "evaluate",
    "occupancy",
    "softmax_answer",
    "swept",
    "tie_of",
    "visits",
]

Ties = Literal["for", "against", "even"]
MOST_POLICIES = 4096  # stationary policies of a follower that are all tried
POLICIES_AT_ONCE = 256
CONVERGED = {4: 1e-8, 8: 1e-16}  # by a number's bytes, of the largest payoff: what steps beyond the last sweep may add
ROUNDING = {4: 1e-6, 8: 1e-12}  # likewise, what may get lost of a value by rounding
TIE = 1e-9  # of the follower's payoff range: values closer than this are equal
TIE_IN_A_BOX = 2e-6  # likewise, where commitments are real numbers, which are held in float32


class Length(NamedTuple):
    """How long an episode is: ``steps`` sweeps of ``discount``; ``scale`` times a sum of payoffs is a value.

    An episode that does not end (``ends`` is False) is cut off where the rest is less than rounding.
    """

    steps: int
    discount: float
    scale: float
    ends: bool = True

    @staticmethod
    def of(horizon: int | None, discount: float) -> "Length":
        """That of a game, for values in the precision that JAX has now."""
        if horizon is not None:
            return Length(horizon, discount, 1.0)
        rest = CONVERGED[jnp.result_type(float).itemsize]
        steps = 1 if discount == 0 else math.ceil(math.log(rest) / math.log(discount))
        return Length(max(steps, 1), discount, 1.0 - discount, False)

    @property
    def weight(self) -> float:
        """What an episode is worth if every step pays 1."""
        total = self.steps if self.discount == 1.0 else (1.0 - self.discount**self.steps) / (1.0 - self.discount)
        return self.scale * total


def tie_of(game: MarkovGame, length: Length, dtype: Any, agent: int = 1) -> float:
    """Values of an episode that are closer than this, game units, are equal to an agent, in the precision ``dtype``.

    Without an end values are averages. What an action is worth then is a sum over some ``1 / (1 - γ)`` steps, and compared so.
    """
    low, high = game.competing_bounds[agent]
    of_range = TIE if isinstance(game.leader_actions, Discrete) else TIE_IN_A_BOX
    size = jnp.dtype(dtype).itemsize
    return float(length.weight * (of_range * length.scale * (high - low) + ROUNDING[size] * max(abs(low), abs(high))))


class Values(NamedTuple):
    """What a policy is worth from the start, game units: ``leader [*B]`` and ``follower [*B]``."""

    leader: Array
    follower: Array


def _one_follower(game: InducedMarkovGame) -> Array:
    """The follower's payoffs ``[S, J, *B]``; raises `InputError` unless there is one follower."""
    if game.follower_payoffs.shape[0] != 1:
        raise InputError(f"game has {game.follower_payoffs.shape[0]} followers; exact answers are for one")
    return game.follower_payoffs[0]


def swept(game: InducedMarkovGame, length: Length, pays: Array, act: Callable[..., tuple[Array, Any]], by: Any = None) -> Any:
    """The values ``[..., S, *B]`` of the first step, by backward induction, and what is kept of every step.

    ``act`` makes both of what actions are worth from a step on, ``[..., S, J, *B]``, of which ``pays`` is paid in that step,
    and of the step's part of ``by``.
    """
    axis = pays.ndim - game.leader_payoff.ndim + 1
    nothing = jnp.zeros((*pays.shape[:axis], *pays.shape[axis + 1 :]), pays.dtype)
    sweep = lambda values, now: act(pays + length.discount * game.ahead(values), now)
    return jax.lax.scan(sweep, nothing, by, length=length.steps, reverse=True)


def evaluate(game: InducedMarkovGame, length: Length, policy: Array) -> Values:
    """What ``policy``, stationary or timed, is worth to both."""
    chex.assert_shape(policy, (..., *game.leader_payoff.shape))
    pays = jnp.stack([game.leader_payoff, _one_follower(game)])  # [2, S, J, *B]

    act = lambda worth, chances: (added(lead(chances, worth.ndim) * worth, 2), None)
    if policy.ndim > game.leader_payoff.ndim:
        values, _ = swept(game, length, pays, act, policy)
    else:
        values, _ = swept(game, length, pays, lambda worth, _: act(worth, policy))
    leader, follower = length.scale * game.start(values)
    return Values(leader, follower)


def occupancy(game: InducedMarkovGame, length: Length, policy: Array) -> Array:
    """``[S, *B]`` how often an episode under ``policy``, the same in every step, comes to each state, discounted."""
    chex.assert_shape(policy, game.leader_payoff.shape)
    first = game.first_visits()

    def step(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        there, visits = carry
        return (length.discount * game.moved(there, policy), visits + there), None

    return jax.lax.scan(step, (first, jnp.zeros_like(first)), None, length=length.steps)[0][1]


def visits(game: InducedMarkovGame, length: Length, policy: Array) -> Array:
    """``[S, J, *B]`` how often an episode under ``policy``, stationary or timed, is in a state and joint action, discounted."""
    if policy.ndim == game.leader_payoff.ndim:
        return occupancy(game, length, policy)[:, None] * policy

    def step(carry: tuple[Array, Array], chances: Array) -> tuple[tuple[Array, Array], None]:
        there, often = carry
        return (length.discount * game.moved(there, chances), often + there[:, None] * chances), None

    start = game.first_visits(), jnp.zeros_like(game.leader_payoff)
    return jax.lax.scan(step, start, policy, length=length.steps)[0][1]


def deviations(game: InducedMarkovGame, length: Length, answer: Array) -> tuple[Values, Array]:
    """What a stationary ``answer`` int ``[S]`` is worth, and ``[S * J]`` what another action in one state costs the follower.

    The loss is for each visit of the state, and 0 where no episode comes to it. No batch axes.
    """
    states, actions = game.leader_payoff.shape
    chex.assert_shape(answer, (states,))
    dtype = game.leader_payoff.dtype
    policy = jax.nn.one_hot(answer, actions, dtype=dtype)
    here, other = np.divmod(np.arange(states * actions), actions)
    changed = jax.vmap(lambda s, a: policy.at[s].set(jax.nn.one_hot(a, actions, dtype=dtype)))(here, other)
    own, others = evaluate(game, length, policy), jax.vmap(lambda policy: evaluate(game, length, policy))(changed)
    visits = length.scale * occupancy(game, length, policy)[here]
    is_met = visits > 0
    lost = (own.follower - others.follower) / jnp.where(is_met, visits, 1.0)
    return own, jnp.where(is_met, lost, 0.0)


def best_values(game: InducedMarkovGame, length: Length) -> Array:
    """``[*B]`` the follower's value if it answers best and knows the time; without a horizon time does not matter."""
    values, _ = swept(game, length, _one_follower(game), lambda worth, _: (worth.max(axis=1), None))
    return length.scale * game.start(values)


def best_timed(game: InducedMarkovGame, length: Length, ties: Ties, tie: float) -> Array:
    """``[T, S, J, *B]`` a best answer of a follower that knows the time, by backward induction.

    Among actions within ``tie`` of the best (game units of an episode's value), it takes the leader's best (``"for"``), its
    worst (``"against"``), or all with equal chances (``"even"``).
    """

    def act(worth: Array, _: None) -> tuple[Array, Array]:
        chosen = _chosen(worth[0], worth[1], ties, tie / length.scale)
        return added(chosen[None] * worth, 2), chosen

    return swept(game, length, jnp.stack([_one_follower(game), game.leader_payoff]), act)[1]


def _chosen(own: Array, leader: Array, ties: Ties, tie: float) -> Array:
    """The chances ``[S, J, *B]`` of actions worth ``own`` to the follower and ``leader`` to the leader."""
    is_best = own >= own.max(axis=1, keepdims=True) - tie
    if ties == "even":
        return jax.nn.softmax(jnp.where(is_best, 0.0, -jnp.inf).astype(own.dtype), axis=1)
    sign = 1.0 if ties == "for" else -1.0
    return jax.nn.one_hot(jnp.where(is_best, sign * leader, -jnp.inf).argmax(axis=1), own.shape[1], axis=1, dtype=own.dtype)


def best_stationary(game: InducedMarkovGame, length: Length, ties: Ties, tie: float) -> Array:
    """``[S, J, *B]`` a best answer that is the same in every step.

    Where an episode goes on for ever it is one that takes best actions only, of which the leader's best, or worst, are found
    likewise. Where it ends, backward induction would use the time, so every deterministic policy is tried.

    Raises:
      InputError: there are too many policies to try.
    """
    states, actions = game.leader_payoff.shape[:2]
    if not length.ends:
        return _best_endless(game, length, ties, tie)
    if length.steps == 1:
        return best_timed(game, length, ties, tie)[0]
    if ties == "even":
        raise InputError("ties='even' is for followers that know the time, or episodes without a horizon")
    if actions**states > MOST_POLICIES:
        raise InputError(
            f"a follower that does not know the time has {actions**states} policies, more than {MOST_POLICIES}; "
            "let it know the time (knows_time), or take away the horizon"
        )
    policies = joint_actions((actions,) * states)  # [P, S]
    parts = np.array_split(policies, -(-len(policies) // POLICIES_AT_ONCE))
    found = Values(*(jnp.concatenate(worths) for worths in zip(*(_worths(game, length, part) for part in parts), strict=True)))
    is_best = found.follower >= found.follower.max(axis=0, keepdims=True) - tie
    sign = 1.0 if ties == "for" else -1.0
    best = jnp.where(is_best, sign * found.leader, -jnp.inf).argmax(axis=0)  # [*B]
    chosen = jnp.moveaxis(jnp.take(jnp.asarray(policies), best, axis=0), -1, 0)  # [S, *B]
    return jax.nn.one_hot(chosen, actions, axis=1, dtype=game.leader_payoff.dtype)


def _best_endless(game: InducedMarkovGame, length: Length, ties: Ties, tie: float) -> Array:
    """See `best_stationary`: the follower's values first, to their end, then those of the leader among best actions."""
    pays, leads = _one_follower(game), game.leader_payoff
    ahead = lambda now, values: now + length.discount * game.ahead(values)
    own = ahead(pays, swept(game, length, pays, lambda worth, _: (worth.max(axis=1), None))[0])
    choose = lambda worth: _chosen(own, worth, ties, tie / length.scale)
    return choose(ahead(leads, swept(game, length, leads, lambda worth, _: (added(choose(worth) * worth, 1), None))[0]))


def _worths(game: InducedMarkovGame, length: Length, policies: np.ndarray) -> Values:
    """What each of the deterministic ``policies [P, S]``, the same in every step, is worth: ``[P, *B]``."""
    states = policies.shape[1]
    rows, batch = np.arange(states)[None], game.leader_payoff.ndim - 2
    pays = jnp.stack([game.leader_payoff, _one_follower(game)])[:, rows, policies]  # [2, P, S, *B]
    chance = game.probability[rows, policies]  # [P, S, K, *B]
    leads_to = np.eye(states, dtype=np.float32)[game.successor[rows, policies]]  # [P, S, K, S]
    leads_to = jnp.asarray(leads_to.reshape(*leads_to.shape, *[1] * batch), chance.dtype)
    step = added(chance[:, :, :, None] * leads_to, 2)  # [P, S, S, *B]

    def sweep(carry: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], None]:
        there, visits = carry
        return (length.discount * added(there[:, :, None] * step, 1), visits + there), None

    first = jnp.asarray(game.initial, chance.dtype).reshape(1, states, *[1] * batch)
    first = jnp.broadcast_to(first, pays.shape[1:])
    (_, visits), _ = jax.lax.scan(sweep, (first, jnp.zeros_like(first)), None, length=length.steps)
    leader, follower = length.scale * added(visits[None] * pays, 2)
    return Values(leader, follower)


def softmax_answer(game: InducedMarkovGame, length: Length, temperature: float | Array) -> Array:
    """``[T, S, J, *B]`` chances proportional to ``exp(Q / temperature)`` of the best values Q, game units.

    Without a horizon they are ``[S, J, *B]``, the same in every step.
    """
    act = lambda worth, _: (worth.max(axis=1), jax.nn.softmax(worth / temperature, axis=1))
    policy = swept(game, length, _one_follower(game), act)[1]
    return policy if length.ends else policy[0]
