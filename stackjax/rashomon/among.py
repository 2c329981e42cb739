"""The commitments that pay a leader all but its best as a problem of their own: which is best by a second objective?"""

import dataclasses
from collections.abc import Callable
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError
from stackjax.outcomes import Differentiable, Judged, Nearby, Optimum, Table, Worth
from stackjax.problem import Problem
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey
from stackjax.welfare import equality

__all__ = ["NEXT_TO_NONE", "Among", "Second", "distance", "measures", "named_second"]

WIDER = 4.0  # than what random commitments spread over: the unit of a second objective
NUM_DRAWN = 64
NEXT_TO_NONE = 0.02  # of the gap at which followers count as settled

Second = Callable[[Array, dict[str, Array]], Array]
"""``(commitment [O, ...], measures) -> scalar``, what is maximised among commitments that pay the leader enough."""


def measures(problem: Problem, payoff: Array, followers: Array | None, worst: Array | None) -> dict[str, Array]:
    """What of one commitment there is to go by beside the leader's ``payoff``: scalars by name, game units but for equality.

    ``follower 1``, ``follower 2``, ... are the followers' payoffs ``[N]``. ``revenue`` and ``robust``, the payoff at the worst
    of ties, are there where the problem tells them.
    """
    found: dict[str, Array] = {}
    if followers is not None:
        found |= {f"follower {i + 1}": followers[i] for i in range(len(followers))}
        found |= {"followers": followers.sum(), "least-follower": followers.min(), "equality": equality(followers)}
        revenue = problem.revenue(payoff, followers)
        found |= {} if revenue is None else {"revenue": revenue}
    return found | ({} if worst is None else {"robust": worst})


def distance(table: Table, commitment: Any, other: Any) -> Any:
    """How far ``commitment [O, ...]`` is from another: the mean over numbers of what they differ by, as shares of their range;
    of choices the share of nodes at which they differ.
    """
    if isinstance(table.actions, Discrete):
        return (commitment != other).astype(jnp.result_type(float)).mean()
    return jnp.abs(table.actions.to_unit(commitment) - table.actions.to_unit(other)).mean()


@dataclasses.dataclass(frozen=True, eq=False)
class Among(Problem):
    """A `Problem` for solvers: the payoff is a second objective, of commitments that pay the leader of ``problem`` a ``floor``.

    Followers count as settled if their gap is at most ``gap`` and the leader is paid the floor, whatever a follower that is all
    but indifferent does; else the gap is above 1, the more the leader misses.

    Args:
      problem: which commitments there are, and what they lead to.
      floor: game units; may be traced.
      gap: likewise: a search that looks for an extreme would else use up all that settled followers may gain.
      second: see `Second`.
      unit: what the second objective spreads over; may be traced.
    """

    problem: Problem
    floor: Array
    gap: Array
    second: Second
    unit: Array

    @classmethod
    def of(cls, problem: Problem, key: PRNGKey, held: Array, floor: Array, second: Second) -> "Among":
        """With the unit that random commitments give, and the gap of ``held [O, ...]``, or next to none."""
        own_key, key = jax.random.split(key)
        own = problem.worth(own_key, held[None], lasting=1).gap[0]
        gap = jnp.clip(own, NEXT_TO_NONE * problem.settled_gap, problem.settled_gap)
        drawn = problem.commitments.draw(key, NUM_DRAWN)
        told = _told(problem, second)(drawn, problem.worth(key, drawn))
        spread = jnp.where(jnp.isfinite(told), told, jnp.nanmean(told))
        return cls(problem, floor, gap, second, WIDER * (spread.max() - spread.min()) + 1e-6 * (1.0 + jnp.abs(spread).max()))

    @property
    def name(self) -> str:
        return self.problem.name

    @property
    def commitments(self) -> Table:
        return self.problem.commitments

    @property
    def payoff_range(self) -> tuple[Any, Any]:
        """Of which only the width counts."""
        return 0.0 * self.unit, self.unit

    settled_gap, gap_name, kernel = 1.0, "gap", "another problem's"

    @property
    def tie_tolerance(self) -> float:
        return self.problem.tie_tolerance

    @property
    def answer_choices(self) -> tuple[int, ...]:
        return self.problem.answer_choices

    @property
    def bytes_per_commitment(self) -> int:
        return self.problem.bytes_per_commitment

    @property
    def columns(self) -> dict[str, str]:
        return self.problem.columns

    @property
    def num_slacks(self) -> int:
        return 1 + self.problem.num_slacks

    def worth(self, key: PRNGKey, commitments: Array, *, lasting: int = 0) -> Worth:
        """See `Problem`."""
        found = self.problem.worth(key, commitments, lasting=lasting)
        low, high = self.problem.payoff_range
        paid = found.payoff if isinstance(self.commitments.actions, Discrete) else found.payoff - found.risk
        missing = jnp.maximum(self.floor - paid, 0.0) / (high - low)
        gap = jnp.maximum(found.gap / jnp.maximum(self.gap, 1e-30), jnp.where(missing > 0, 1.0 + missing, 0.0))
        told = _told(self.problem, self.second)(commitments, found)
        return Worth(jnp.where(gap <= 1.0, told, -self.unit), gap, jnp.zeros_like(found.risk), found.answer)

    @cached_property
    def nearby(self) -> Callable[[Array, Array], tuple[Nearby, Nearby]] | None:
        """See `Problem`; that the leader is paid the floor is one slack more."""
        inner = self.problem.nearby
        if inner is None:
            return None

        def nearby(commitment: Array, answer: Array) -> tuple[Nearby, Nearby]:
            here, slopes = inner(commitment, answer)
            value = lambda made, payoff, followers: self.second(made, measures(self.problem, payoff, followers, payoff))
            told, (by_made, by_payoff, by_followers) = jax.value_and_grad(value, argnums=(0, 1, 2))(
                commitment, here.payoff, here.followers
            )
            slope = by_made + by_payoff * slopes.payoff
            if slopes.followers is not None:
                slope = slope + jnp.tensordot(by_followers, slopes.followers, axes=1, precision="highest")
            floor = here.payoff - self.floor + 2.0 * self.tie_tolerance  # which it may touch
            slack = jnp.concatenate([here.slack, floor[None]])
            return Nearby(told, slack), Nearby(slope, jnp.concatenate([slopes.slack, slopes.payoff[None]]))

        return nearby

    def judge(self, key: PRNGKey, commitment: Array, num_groups: int) -> Judged:
        """See `Problem`: the mean over groups."""
        keys = jax.random.split(key, num_groups)
        found = jax.lax.map(lambda key: self.worth(key, commitment[None], lasting=1), keys)
        return Judged(found.payoff.mean(), found.gap.max(), ())

    def optimum(self) -> Optimum | None:
        """See `Problem`."""
        return None

    def describe(self, judged: Judged, commitments: Array, names: list[str]) -> list[dict[str, Any]]:
        """See `Problem`; the least that there is to say."""
        made = zip(np.asarray(judged.payoff), np.asarray(judged.gap), np.asarray(commitments), strict=True)
        return [
            {
                "leader_payoff": float(payoff),
                "gap": float(gap),
                "commitment": {"observations": [], "actions": one.tolist()},
                "mechanism": [],
                "follower_play": [],
            }
            for payoff, gap, one in made
        ]

    def evaluation_method(self) -> dict[str, Any]:
        """See `Problem`."""
        return {"settled_gap": 1.0, "words": "by a second objective"}

    @property
    def differentiable(self) -> Differentiable | None:
        return None


def _told(problem: Problem, second: Second) -> Callable[[Array, Worth], Array]:
    """``(commitments [B, O, ...], their worth) -> [B]`` the second objective."""

    def one(commitment: Array, payoff: Array, followers: Array | None, worst: Array | None) -> Array:
        return second(commitment, measures(problem, payoff, followers, worst))

    return lambda commitments, found: jax.vmap(one)(commitments, found.payoff, found.followers, found.worst)


def named_second(problem: Problem, name: str, nearest: Any = None) -> Second:
    """The second objective called ``name``: one of `measures`, or ``"nearest"``.

    Args:
      nearest: the commitment ``[O, ...]`` that ``"nearest"`` means.

    Raises:
      InputError: the problem does not tell what that needs.
    """
    if name == "nearest":
        return lambda commitment, _: -distance(problem.commitments, commitment, jnp.asarray(nearest, commitment.dtype))
    key, table = jax.random.key(0), problem.commitments
    found = jax.eval_shape(lambda: problem.worth(key, table.draw(key, 1)))
    one = lambda leaf: None if leaf is None else jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype)
    shapes = jax.eval_shape(lambda *told: measures(problem, *told), one(found.payoff), one(found.followers), one(found.worst))
    if name not in shapes:
        known = ", ".join([*(one for one in shapes if not one.startswith("follower ")), "simplicity", "nearest:RUN"])
        raise InputError(f"second={name!r}: {problem.name!r} does not tell that of a commitment; it can be {known}")
    return lambda _, told: told[name]
