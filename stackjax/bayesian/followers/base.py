"""How followers answer: a learning rule as a triple of pure functions, in the manner of optax.

A rule is written for **one** follower at **one** thing it may know when it acts (its type): the paper's Algorithm 1
runs an independent copy for each. `equilibrate` and `StackelbergPOMDP` hold the copies: a tuple over followers of
states whose leaves carry ``[K_i, ...]`` in front, and normalised they are the weight tables ``[N, K, A]``.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from stackjax.bayesian.followers.rounds import take_row
from stackjax.errors import InputError, require, require_is
from stackjax.types import Array, PyTree

__all__ = [
    "ClosedForm",
    "FollowerDynamics",
    "FusedHedge",
    "check_feedback",
    "closed_form",
    "init_followers",
    "known_rows",
    "mixed_at",
    "one_hot",
    "pad_tables",
    "require_dynamics",
    "strategies",
    "zeros",
]


class FusedHedge(NamedTuple):
    """``step_size`` ε of sampled multiplicative weights, and the functions it stands for: replaced ones are not fused."""

    step_size: Any
    init: Callable
    play: Callable
    update: Callable


class ClosedForm(NamedTuple):
    """How a follower that is alone answers at once, at every type: by no rounds, and in game units.

    Attributes:
      state: ``(payoffs [A, *batch], features [A, 3, *batch] or None) -> state``, in which `FollowerDynamics.play` is the
        answer; for features see `Game.features`.
      rule, options: its name and its numbers, for people and for `Game.optimum_against`.
      is_best: whether it is a best answer; such a rule may have rounds too, for several followers. Others draw from their
        answer whenever the leader is paid, and count as settled.
      needs_features: whether it goes by features.
    """

    state: Callable[[Array, Array | None], PyTree]
    rule: str
    options: tuple[tuple[str, Any], ...] = ()
    is_best: bool = False
    needs_features: bool = False

    @property
    def words(self) -> str:
        """The rule and its options."""
        shown = lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else value
        return ", ".join([self.rule, *(f"{name} {shown(value)}" for name, value in self.options)])


class FollowerDynamics(NamedTuple):
    """A follower's learning rule. Arrays have the action axis first; trailing axes are batch.

    Attributes:
      init: ``(num_actions, batch_shape) -> state``, leaves ``[..., *batch]``.
      play: ``state -> [A, *batch]``, the mixed strategy; sums to 1 over actions.
      update: ``(state, payoffs [A, *batch], action [*batch]) -> state``. ``payoffs`` are what each own action would
        have paid this round, over the game's ``payoff_scale``; ``action`` is the one played. Where there is a ``value``, a
        fourth argument ``[*batch]`` is that of the follower's next state, expected over its next type.
      feedback: what ``payoffs`` holds: ``"sampled"``, payoffs against the actions the others drew (Algorithm 2), or
        ``"expected"``, their expectation over the others' mixed strategies at the drawn types.
      fused: `FusedHedge` if the rule is exactly `multiplicative_weights`, so that the fused kernel may run its rounds.
      memory: whether followers know the last round's joint action besides their type. Their tables then have
        ``K_i * M`` rows, row ``type * M + joint action``, with ``M = A_1 * ... * A_N``.
      value: ``state -> [*batch]``, what a follower expects from a state on; None for rules that do not look ahead.
      tick: ``state -> state``, what a round does to every state, met or not, after the updates; None for nothing.
      closed: how one follower answers without rounds, None for rules that learn. Where it is played out step by step, it meets
        each of its types in turn, and ``update`` is given payoffs in game units.
    """

    init: Callable[[int, tuple[int, ...]], PyTree]
    play: Callable[[PyTree], Array]
    update: Callable[..., PyTree]
    feedback: Literal["sampled", "expected"] = "sampled"
    fused: FusedHedge | None = None
    memory: bool = False
    value: Callable[[PyTree], Array] | None = None
    tick: Callable[[PyTree], PyTree] | None = None
    closed: ClosedForm | None = None


def init_followers(
    dynamics: FollowerDynamics, num_types: tuple[int, ...], num_actions: tuple[int, ...], batch_shape: tuple[int, ...] = ()
) -> tuple[PyTree, ...]:
    """One fresh state per follower, leaves ``[K_i, ..., *batch]`` (``[K_i * M, ...]`` with memory)."""
    num_memories = math.prod(num_actions) if dynamics.memory else 1

    def init_one(num_types_i: int, num_actions_i: int) -> PyTree:
        fresh = dynamics.init(num_actions_i, batch_shape)
        return jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (num_types_i * num_memories, *leaf.shape)), fresh)

    return tuple(init_one(k, a) for k, a in zip(num_types, num_actions, strict=True))


def strategies(dynamics: FollowerDynamics, states: tuple[PyTree, ...]) -> tuple[Array, ...]:
    """Every follower's mixed strategy by type: a tuple over followers of ``[K_i, A_i, *batch]``."""
    return tuple(jax.vmap(dynamics.play)(state) for state in states)


def closed_form(dynamics: FollowerDynamics, num_followers: int) -> ClosedForm | None:
    """How the follower answers at once, or None where followers learn by rounds.

    Raises:
      InputError: there are several, and the rule is for one.
    """
    closed = dynamics.closed
    if num_followers > 1 and closed is not None:
        if closed.is_best:
            return None
        raise InputError(
            f"{closed.rule} followers answer one at a time, but there are {num_followers} here; use a rule that learns, for "
            "example multiplicative-weights"
        )
    return closed


def check_feedback(feedback: str) -> None:
    """Raise `InputError` unless ``feedback`` is a kind that `FollowerDynamics` knows."""
    require("feedback", feedback, feedback in ("sampled", "expected"), "sampled or expected")


def require_dynamics(dynamics: Any) -> None:
    """Raise `InputError` unless ``dynamics`` is a `FollowerDynamics`."""
    is_ours = getattr(dynamics, "__module__", "").startswith("stackjax.bayesian.followers.") and hasattr(dynamics, "__name__")
    rule = dynamics.__name__ if is_ours else "multiplicative_weights"
    require_is("dynamics", dynamics, FollowerDynamics, f"a FollowerDynamics, for example sx.followers.{rule}()")


def zeros(num_actions: int, batch_shape: tuple[int, ...]) -> Array:
    """``[A, *batch]``: where rules that hold a number for each action begin."""
    return jnp.zeros((num_actions, *batch_shape))


def one_hot(action: Array, like: Array) -> Array:
    """``[A, *batch]`` 1 at ``action [*batch]``, with the shape and dtype of ``like``."""
    cells = jnp.arange(like.shape[0], dtype=action.dtype).reshape(-1, *(1,) * action.ndim)
    return (action[None] == cells).astype(like.dtype)


def known_rows(types: Sequence[Array], memory: Array | None, num_actions: tuple[int, ...]) -> tuple[Array, ...]:
    """The row of each follower's table for what it knows, int ``[*batch]`` each: its type and any ``memory``."""
    return tuple(types) if memory is None else tuple(t * math.prod(num_actions) + memory for t in types)


def mixed_at(tables: tuple[Array, ...], known: Sequence[Array]) -> Array:
    """``[N, A, *batch]`` the followers' mixed strategies at rows ``known``, int ``[*batch]`` each; zero where padded."""
    rows = [take_row(k, table) for k, table in zip(known, tables, strict=True)]
    return pad_tables(tuple(row[None] for row in rows))[:, 0]


def pad_tables(tables: tuple[Array, ...]) -> Array:
    """A tuple over followers of ``[K_i, A_i, *batch]`` as one table ``[N, K, A, *batch]``, zero where padded."""
    num_types = max(table.shape[0] for table in tables)
    num_actions = max(table.shape[1] for table in tables)

    def pad(table: Array) -> Array:
        widths = [(0, num_types - table.shape[0]), (0, num_actions - table.shape[1])]
        return jnp.pad(table, widths + [(0, 0)] * (table.ndim - 2))

    return jnp.stack([pad(table) for table in tables])
