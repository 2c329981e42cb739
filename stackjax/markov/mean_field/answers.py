"""How a continuum of followers answers: the equilibrium, or softmax followers at the prices that they make themselves.

Everything is of one commitment. Costs are what followers pay; they want them low.
"""

from collections.abc import Callable
from typing import NamedTuple

import chex
import jax
import jax.numpy as jnp

from stackjax.arrays import added
from stackjax.markov.mean_field.game import MeanFieldGame, Outcome
from stackjax.types import Array

__all__ = ["ATOMS", "TOLERANCE", "best_costs", "equilibrium", "exploitability", "outcome_of", "softmax_population"]

TOLERANCE = 1e-6  # of a follower's payoff range: what counts as an equilibrium in float32
MOST_STEPS = 500
ATOMS = 16  # pure plans that a type's followers mix
SAME = 1e-6  # of units bought and paid: two plans that differ by less are one
NARROWINGS = 6
MOST_DAMPED = 3_000


class Atoms(NamedTuple):
    """The plans that followers mix.

    Attributes:
      flow: ``[K, M, T, S, A]`` of each.
      bought: ``[K, M, T]`` what each buys.
      paid: ``[K, M]`` what it costs beside the price of that.
      weight: ``[K, M]`` how many follow it, summing to 1 over plans; 0 where there is none.
    """

    flow: Array
    bought: Array
    paid: Array
    weight: Array


def _costs(game: MeanFieldGame, own: Array, field: Array) -> Array:
    """``[K, T, S, A]`` what actions cost at the prices that ``field`` makes; infinite where they are not allowed."""
    bought = game.prices(field)[None, :, None, None] * jnp.asarray(game.quantity, own.dtype)
    return jnp.where(jnp.asarray(game.allowed), own + bought, jnp.inf)


def _to_go(game: MeanFieldGame, costs: Array) -> Array:
    """``[T, S, A]`` what an action costs from a period on, of ``costs [T, S, A]``, if followers plan best from then on."""
    transition = jnp.asarray(game.transition, costs.dtype)

    def sweep(after: Array, now: Array) -> tuple[Array, Array]:
        found = now + (transition * after[None, None]).sum(axis=-1)
        return found.min(axis=-1), found

    return jax.lax.scan(sweep, jnp.zeros(costs.shape[1], costs.dtype), costs, reverse=True)[1]


def _flow(game: MeanFieldGame, policy: Array, initial: Array) -> Array:
    """``[T, S, A]`` of followers who begin in ``initial`` and follow ``policy [T, S, A]``."""
    transition = jnp.asarray(game.transition, policy.dtype)

    def step(there: Array, chances: Array) -> tuple[Array, Array]:
        flow = there[:, None] * chances
        return (flow[..., None] * transition).sum(axis=(0, 1)), flow

    return jax.lax.scan(step, jax.nn.one_hot(initial, policy.shape[1], dtype=policy.dtype), policy)[1]


def _best_flow(game: MeanFieldGame, kind: int, costs: Array) -> Array:
    """``[T, S, A]`` of a best plan of a type at ``costs [T, S, A]``."""
    best = jax.nn.one_hot(_to_go(game, costs).argmin(axis=-1), game.num_actions, dtype=costs.dtype)
    return _flow(game, best, jnp.asarray(game.initial[kind]))


def best_costs(game: MeanFieldGame, own: Array, field: Array) -> Array:
    """``[K]`` the least that a follower of each type can pay at the prices of ``field``."""
    to_go = jax.vmap(lambda one: _to_go(game, one))(_costs(game, own, field))
    return to_go[:, 0].min(axis=-1)[jnp.arange(game.num_types), jnp.asarray(game.initial)]


def outcome_of(game: MeanFieldGame, own: Array, flow: Array) -> Outcome:
    """What followers who do ``flow [K, T, S, A]`` make of the field, and pay."""
    chex.assert_shape((flow, own), game.quantity.shape)
    field = game.field_of(flow)
    return Outcome(flow, field, jnp.where(flow > 0, flow * _costs(game, own, field), 0.0).sum(axis=(1, 2, 3)))


def exploitability(game: MeanFieldGame, own: Array, outcome: Outcome) -> Array:
    """``[K]`` how much less a follower of each type could pay, if it alone had another plan."""
    return jnp.maximum(outcome.costs - best_costs(game, own, outcome.field), 0.0)


def equilibrium(game: MeanFieldGame, own: Array, tolerance: float) -> Array:
    """``[K, T, S, A]`` the flow at which nobody gains more than ``tolerance`` by another plan, game units.

    Pairwise Frank-Wolfe on the potential (Lacoste-Julien and Jaggi 2015): again and again some followers of each type leave the
    worst plan in use for the best one, as many as the prices that they move make it pay.
    """
    shares, one_of = jnp.asarray(game.shares, own.dtype), lambda at: jax.nn.one_hot(at, ATOMS, dtype=own.dtype)
    quantity = jnp.asarray(game.quantity, own.dtype)
    paid = jnp.where(jnp.asarray(game.allowed), own, 0.0)
    movers = [k for k in range(game.num_types) if (game.allowed[k].sum(axis=-1) > 1).any()]  # the others have no choice

    def plan_of(kind: int, field: Array) -> tuple[Array, Array, Array]:
        """The best plan of a type: its flow, what it buys ``[T]``, and what it pays beside."""
        flow = _best_flow(game, kind, _costs(game, own, field)[kind])
        return flow, (quantity[kind] * flow).sum(axis=(1, 2)), (paid[kind] * flow).sum()

    def field_of(atoms: Atoms) -> Array:
        return ((shares[:, None] * atoms.weight)[..., None] * atoms.bought).sum(axis=(0, 1))

    def move(kind: int, atoms: Atoms) -> tuple[Atoms, Array]:
        field, weight, bought, beside = field_of(atoms), atoms.weight[kind], atoms.bought[kind], atoms.paid[kind]
        flow, to_buy, to_pay = plan_of(kind, field)
        prices = game.prices(field)
        worth = (bought * prices[None]).sum(axis=1) + beside
        gap = (weight * worth).sum() - ((prices * to_buy).sum() + to_pay)
        worst = one_of(jnp.where(weight > 0, worth, -jnp.inf).argmax())
        distance = jnp.abs(bought - to_buy[None]).sum(axis=1) + jnp.abs(beside - to_pay)
        is_same = (distance < SAME) & (weight > 0)
        into = one_of(jnp.where(is_same.any(), is_same.argmax(), weight.argmin()))  # a place that is free, or the least used
        change = to_buy - (worst[:, None] * bought).sum(axis=0)
        extra = to_pay - (worst * beside).sum()
        slope = lambda step: (game.prices(field + shares[kind] * step * change) * change).sum() + extra
        most = (worst * weight).sum() * (1.0 - (into * worst).sum())
        step = jnp.where(gap > tolerance, _zero_of(slope, most), 0.0)  # good enough is left alone: a step may widen the gap
        weight = jnp.maximum(weight + step * into - step * worst, 0.0)
        changes = (into > 0) & ~is_same.any() & (gap > tolerance)
        put = lambda leaf, new: leaf.at[kind].set(jnp.where(changes.reshape(-1, *[1] * new.ndim), new[None], leaf[kind]))
        plans = put(atoms.flow, flow), put(atoms.bought, to_buy), put(atoms.paid, to_pay)
        return Atoms(*plans, atoms.weight.at[kind].set(weight)), gap

    def step(carry: tuple[Array, Atoms, Array]) -> tuple[Array, Atoms, Array]:
        count, atoms, largest = carry[0], carry[1], jnp.zeros((), own.dtype)
        for kind in movers:
            atoms, gap = move(kind, atoms)
            largest = jnp.maximum(largest, gap)
        return count + 1, atoms, largest

    nobody = jnp.zeros(game.num_periods, own.dtype)
    first = [jnp.stack(leaves) for leaves in zip(*(plan_of(kind, nobody) for kind in range(game.num_types)), strict=True)]
    in_first = lambda leaf: jnp.zeros((leaf.shape[0], ATOMS, *leaf.shape[1:]), own.dtype).at[:, 0].set(leaf)
    flow, bought, beside = map(in_first, first)
    atoms = Atoms(flow, bought, beside, in_first(jnp.ones(game.num_types, own.dtype)))
    start = jnp.int32(0), atoms, jnp.asarray(jnp.inf, own.dtype)
    _, atoms, _ = jax.lax.while_loop(lambda carry: (carry[0] < MOST_STEPS) & (carry[2] > tolerance), step, start)
    return added(atoms.weight[..., None, None, None] * atoms.flow, 1)


def _zero_of(slope: Callable[[Array], Array], most: Array) -> Array:
    """Where the increasing ``slope`` is 0, or ``most`` if it is not above 0 there: false position, exact where it is a line."""

    def narrow(ends: tuple[Array, ...]) -> tuple[Array, ...]:
        low, at_low, high, at_high, _ = ends
        middle = low - at_low * (high - low) / jnp.where(at_high > at_low, at_high - at_low, 1.0)
        found = slope(middle)
        falls = found <= 0
        return (  # the end that stays counts half, so that both close in (Dowell and Jarratt 1971)
            jnp.where(falls, middle, low),
            jnp.where(falls, found, 0.5 * at_low),
            jnp.where(falls, high, middle),
            jnp.where(falls, 0.5 * at_high, found),
            middle,
        )

    nothing = jnp.zeros_like(most)
    at_most = slope(most)
    ends: tuple[Array, ...] = nothing, jnp.minimum(slope(nothing), 0.0), most, at_most, most
    for _ in range(NARROWINGS):
        ends = narrow(ends)
    return jnp.where(at_most <= 0, most, ends[-1])


def softmax_population(
    game: MeanFieldGame, own: Array, temperature: float | Array, tolerance: float | Array
) -> tuple[Array, Array]:
    """``[K, T, S, A]`` the flow of followers whose chances are proportional to ``exp(-Q / temperature)``, and its error.

    Q is what an action costs from then on, planned best, at the prices of this very flow: a fixed point, found by damping that
    gives way where it does not come closer. The error is by how much the field that followers answered differs from the one
    that they make, in the worst period; the search ends when it is within ``tolerance``.
    """

    def flow_at(field: Array) -> Array:
        to_go = jax.vmap(lambda one: _to_go(game, one))(_costs(game, own, field))
        policy = jax.nn.softmax(-to_go / temperature, axis=-1)
        return jax.vmap(lambda one, initial: _flow(game, one, initial))(policy, jnp.asarray(game.initial))

    field = _fixed_point(lambda field: game.field_of(flow_at(field)), jnp.zeros(game.num_periods, own.dtype), tolerance)
    flow = flow_at(field)
    return flow, jnp.abs(game.field_of(flow) - field).max()


def _fixed_point(function: Callable[[Array], Array], start: Array, tolerance: float | Array) -> Array:
    def step(carry: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
        count, at, damping, before = carry
        move = function(at) - at
        size = jnp.abs(move).max()
        slow = size > (1.0 - 0.25 * damping) * before  # it closes in by 1 - damping or more where damping is small enough
        damping = jnp.where(slow, 0.5 * damping, jnp.minimum(1.02 * damping, 0.5))
        return count + 1, at + damping * move, damping, size

    first = jnp.int32(0), start, jnp.asarray(0.5, start.dtype), jnp.asarray(jnp.inf, start.dtype)
    return jax.lax.while_loop(lambda carry: (carry[0] < MOST_DAMPED) & (carry[3] > tolerance), step, first)[1]
