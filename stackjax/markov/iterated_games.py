"""A matrix game played again and again, with a short public memory (Gerstgrasser and Parkes 2023).

The leader, who is the row player, commits to an action, or a mix, in each state of that memory.
"""

from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import shares
from stackjax.bayesian.games.penalties import without_penalties
from stackjax.errors import InputError, require
from stackjax.markov.game import MarkovGame
from stackjax.spaces import Box, Discrete
from stackjax.types import Array

__all__ = ["SYMMETRIC", "IteratedGame", "Memory", "iterated"]

Memory = Literal["both", "other"]
SYMMETRIC = {  # the leader's payoffs R, S, T, P at 00, 01, 10, 11, its own action first; the follower's are the transpose
    "prisoners-dilemma": (3, 1, 4, 2),
    "stag-hunt": (4, 1, 3, 2),
    "assurance": (4, 1, 2, 3),
    "coordination": (4, 2, 1, 3),
    "mixedharmony": (4, 3, 1, 2),
    "harmony": (4, 3, 2, 1),
    "noconflict": (4, 2, 3, 1),
    "deadlock": (2, 1, 4, 3),
    "prisoners-delight": (1, 2, 4, 3),
    "hero": (1, 3, 4, 2),
    "battle": (2, 3, 4, 1),
    "chicken": (3, 2, 4, 1),
}
OTHERS = {  # [leader's action][follower's][leader, follower]
    "hidden-queries": (((4, 3), (2, 4)), ((3, 1), (1, 2))),
    "battle-of-the-sexes": (((2, 1), (0, 0)), ((0, 0), (1, 2))),
    "costly-coordination": (((2, 0.001), (-5, 0)), ((-5, 0), (1, 2))),
}


class IteratedGame(MarkovGame):
    """A two-player matrix game in every step.

    Args:
      table: ``[A_leader, A_follower, 2]`` payoffs of a step, leader first, game units.
      horizon: T, or None to go on for ever.
      discount: γ, below 1 where there is no horizon.
      offset: what is added to both payoffs in every step.
      memory: what the public state remembers of the step before. ``"both"``: both actions, state ``1 + a_leader + A_leader *
        a_follower``. ``"other"``: the follower's, state ``1 + a_follower``. State 0 is the start.
      randomized: whether the leader mixes in each state.
      name: for people.
      action_names: for each agent, leader first, what its actions are called; "action 0" and so on by default.

    Raises:
      InputError: an argument is of the wrong kind or out of range.
    """

    def __init__(
        self,
        table: Any,
        *,
        horizon: int | None = 10,
        discount: float = 1.0,
        offset: float = 0.0,
        memory: Memory = "both",
        randomized: bool = False,
        name: str = "iterated",
        action_names: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        self.table = np.asarray(table, np.float64) + offset
        if self.table.ndim != 3 or self.table.shape[-1] != 2 or not np.isfinite(self.table).all():
            raise InputError(f"table has shape {self.table.shape}, but must be finite [leader action][follower action][2]")
        require("memory", memory, memory in get_args(Memory), f"one of {', '.join(get_args(Memory))}")
        rows, columns = self.table.shape[:2]
        self.name, self.horizon, self.discount = name, horizon, discount
        self.offset, self.memory, self.randomized = offset, memory, randomized
        self.action_names = tuple(tuple(names) for names in action_names)
        self.num_actions = (columns,)
        self.leader_actions = Box((0.0,) * rows, (1.0,) * rows) if randomized else Discrete(rows)
        states = 1 + (rows * columns if memory == "both" else columns)
        own, other = np.arange(rows)[None, None], np.arange(columns)[None, :, None]
        after = 1 + own + rows * other if memory == "both" else 1 + other + 0 * own
        self.successor = np.broadcast_to(after, (states, columns, rows)).astype(np.int32)
        self.initial = np.eye(states)[0]
        self.payoff_bounds = tuple((float(self.table[..., i].min()), float(self.table[..., i].max())) for i in range(2))
        self.check()

    @property
    def competing_bounds(self) -> tuple[tuple[float, float], ...]:
        leader, follower = np.moveaxis(self.table, -1, 0)
        best = follower.max(axis=1, keepdims=True)
        competing = without_penalties((leader.max() - leader).ravel()), without_penalties((best - follower).ravel())
        lowest = leader.max() - competing[0], best.min() - competing[1]
        found = zip(self.payoff_bounds, lowest, strict=True)
        return tuple((max(low, float(least)), high) for (low, high), least in found)

    def mix(self, leader_action: Array) -> Array:
        """The chances of the leader's actions: weights over their sum, equal if all are zero."""
        return shares(leader_action)

    def outcomes(self, state: Array, actions: Array, leader_action: Array) -> Array:
        """The chances of the leader's own actions."""
        del state, actions
        return self.mix(leader_action) if self.randomized else jax.nn.one_hot(leader_action, self.table.shape[0])

    def payoffs(self, state: Array, actions: Array, leader_action: Array, outcome: Array) -> Array:
        del state, leader_action
        return jnp.asarray(self.table, jnp.result_type(float))[outcome, actions[0]]

    def _called(self, agent: int, action: int, otherwise: str) -> str:
        return self.action_names[agent][action] if self.action_names else otherwise

    def describe_action(self, follower: int, action: int) -> str:
        return self._called(1, action, super().describe_action(follower, action))

    def describe_leader_action(self, action: np.ndarray) -> str:
        if not self.randomized:
            return self._called(0, int(action), super().describe_leader_action(action))
        mix = np.asarray(self.mix(jnp.asarray(action)))
        return "mixes " + ", ".join(f"{self._called(0, k, str(k))} {p:.3f}" for k, p in enumerate(mix))

    def describe_state(self, state: int) -> str:
        if state == 0:
            return "at the start"
        rows = self.table.shape[0]
        if self.memory == "other":
            return f"after the follower's {self._called(1, state - 1, str(state - 1))}"
        own, other = (state - 1) % rows, (state - 1) // rows
        return f"after {self._called(0, own, str(own))} against {self._called(1, other, str(other))}"


def iterated(
    matrix: str = "prisoners-dilemma",
    horizon: int | None = 10,
    discount: float = 1.0,
    offset: float = -2.5,
    memory: Memory = "both",
    randomized: bool = False,
) -> IteratedGame:
    """One of the twelve symmetric 2 x 2 games, or another of Gerstgrasser and Parkes (2023), again and again.

    Args:
      matrix: which of them.
      horizon, discount, offset, memory, randomized: see `IteratedGame`.
    """
    known = [*SYMMETRIC, *OTHERS]
    require("matrix", matrix, matrix in known, f"one of {', '.join(known)}")
    if matrix in SYMMETRIC:
        leader = np.array(SYMMETRIC[matrix], float).reshape(2, 2)
        table = np.stack([leader, leader.T], axis=-1)
    else:
        table = np.array(OTHERS[matrix], float)
    if horizon is None and discount == 1.0:
        raise InputError(f"discount={discount} must be below 1 where there is no horizon, for example 0.9")
    return IteratedGame(
        table,
        horizon=horizon,
        discount=discount,
        offset=offset,
        memory=memory,
        randomized=randomized,
        name=f"iterated {matrix}",
    )
