"""All followers' learning in arrays: those with as many actions as each other are worked on together.

`equilibrate` writes the followers out one by one, which is fastest where they are few; here there may be dozens.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers.base import ClosedForm, FollowerDynamics, closed_form
from stackjax.bayesian.followers.rounds import draw_index
from stackjax.bayesian.games.base import Game
from stackjax.bayesian.games.type_blocks import types_of
from stackjax.errors import InputError
from stackjax.types import Array, PyTree

__all__ = ["Learners"]


class Learners(NamedTuple):
    """How the followers of a game learn; states are tuples over groups of leaves ``[..., n, K]``.

    ``groups`` are the followers with as many actions as each other, ``num_types`` and ``num_actions`` of all followers. A lone
    follower with a ``closed`` form meets each of its types in turn, and sees payoffs in game units.
    """

    dynamics: FollowerDynamics
    groups: tuple[tuple[int, ...], ...]
    num_types: tuple[int, ...]
    num_actions: tuple[int, ...]
    own_types: tuple[tuple[float, ...], ...]
    closed: ClosedForm | None = None

    @staticmethod
    def of(game: Game, dynamics: FollowerDynamics) -> "Learners":
        """Raises `InputError` for rules that need tables of the whole game, or remember the last round."""
        closed = closed_form(dynamics, game.num_followers)
        if dynamics.feedback != "sampled" and closed is None:
            raise InputError(
                f"followers with feedback={dynamics.feedback!r} need a table of all profiles, and episodes of {game.name!r} "
                "are played by samples; use feedback='sampled'"
            )
        if dynamics.memory:
            raise InputError(
                f"followers with memory need a table of joint actions, and episodes of {game.name!r} are played by "
                "samples; use followers without memory"
            )
        counts = game.num_actions
        groups = tuple(tuple(i for i, a in enumerate(counts) if a == size) for size in dict.fromkeys(counts))
        blocks = types_of(game.type_prior)
        own = tuple(tuple(blocks.own(i).tolist()) for i in range(len(counts)))
        return Learners(dynamics, groups, tuple(game.num_types), tuple(counts), own, closed)

    def init(self) -> tuple[PyTree, ...]:
        most = max(self.num_types)
        return tuple(self.dynamics.init(self.num_actions[group[0]], (len(group), most)) for group in self.groups)

    def strategies(self, states: tuple[PyTree, ...]) -> Array:
        """``[N, K, A]``, zero where there is no such action."""
        most = max(self.num_actions)
        tables = jnp.zeros((len(self.num_actions), max(self.num_types), most))
        for group, state in zip(self.groups, states, strict=True):
            mixed = jnp.moveaxis(self.dynamics.play(state), 0, -1)  # [n, K, A]
            tables = tables.at[np.array(group), :, : mixed.shape[-1]].set(mixed)
        return tables

    def rows(self, states: tuple[PyTree, ...], types: Array) -> tuple[PyTree, ...]:
        """The state of every follower at its type: leaves ``[..., n]``."""
        found = []
        for group, state in zip(self.groups, states, strict=True):
            known = types[np.array(group)]
            found.append(jax.tree.map(lambda leaf, known=known: _taken(leaf, known), state))
        return tuple(found)

    def draw(self, rows: tuple[PyTree, ...], uniform: Array) -> Array:
        """Actions int ``[N]`` from the strategies at ``rows``, by ``uniform [N]``."""
        actions = jnp.zeros(len(self.num_actions), jnp.int32)
        for group, row in zip(self.groups, rows, strict=True):
            who = np.array(group)
            actions = actions.at[who].set(draw_index(uniform[who], self.dynamics.play(row)))
        return actions

    def learn(self, states: tuple[PyTree, ...], types: Array, actions: Array, payoffs: Array) -> tuple[PyTree, ...]:
        """States after a round in which own actions would have paid ``payoffs [N, A]``, over the game's scale."""
        after, most = [], max(self.num_types)
        for group, state, row in zip(self.groups, states, self.rows(states, types), strict=True):
            who = np.array(group)
            seen = payoffs[who, : self.num_actions[group[0]]].T  # [A, n]
            ahead: tuple[Array, ...] = ()
            if self.dynamics.value is not None:
                own = np.array([[*self.own_types[i], *[0.0] * (most - len(self.own_types[i]))] for i in group])
                ahead = ((self.dynamics.value(state) * jnp.asarray(own, seen.dtype)).sum(axis=-1),)
            learned = self.dynamics.update(row, seen, actions[who], *ahead)
            state = jax.tree.map(lambda leaf, new, k=types[who]: _put(leaf, k, new), state, learned)
            after.append(state if self.dynamics.tick is None else self.dynamics.tick(state))
        return tuple(after)


def _taken(leaf: Array, types: Array) -> Array:
    """``leaf [..., n, K]`` at ``types [n]``."""
    index = types.reshape(*(1,) * (leaf.ndim - 2), -1, 1)
    return jnp.take_along_axis(leaf, index, axis=-1)[..., 0]


def _put(leaf: Array, types: Array, new: Array) -> Array:
    is_here = types[:, None] == jnp.arange(leaf.shape[-1], dtype=types.dtype)[None]
    return jnp.where(is_here.reshape(*(1,) * (leaf.ndim - 2), *is_here.shape), new[..., None], leaf)
