"""The Markov family as a `Problem`: a game, and how its follower plans."""

import dataclasses
import math
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError, UnsolvedError
from stackjax.markov.answers import (
    POLICIES_AT_ONCE,
    Length,
    Ties,
    Values,
    best_stationary,
    best_timed,
    best_values,
    evaluate,
    softmax_answer,
)
from stackjax.markov.followers import ExactFollower, MarkovFollowers, SoftmaxFollower
from stackjax.markov.game import InducedMarkovGame, MarkovGame, tabulate_markov
from stackjax.markov.optimum import solve_markov
from stackjax.problem import Judged, Optimum, Table, Worth
from stackjax.spaces import Box
from stackjax.types import Array, PRNGKey

__all__ = ["MarkovCertificate", "MarkovProblem"]

TIE = 1e-5  # of the follower's payoff range: well above what float32 rounds, well below what anybody minds


class MarkovCertificate(NamedTuple):
    """What a commitment is worth against its follower's answer, exactly, game units.

    Attributes:
      leader_payoff: to the leader, under the answer as the follower's rule has it.
      follower_payoff: to the follower.
      exploitability: how much more a best answer would pay the follower, of those that its rule allows (stationary, or knowing
        the time).
      strong_payoff, weak_payoff: to the leader, if an exact follower of that kind breaks its ties for and against the leader.
      policy: ``[S, A]`` the chances of the follower's actions, averaged over steps where it knows the time.
    """

    leader_payoff: Array
    follower_payoff: Array
    exploitability: Array
    strong_payoff: Array
    weak_payoff: Array
    policy: Array


@dataclasses.dataclass(frozen=True, eq=False)
class MarkovProblem:
    """A `Problem` whose one follower plans.

    Args:
      game: the rules.
      followers: how the follower answers; its numbers may be tracers.
      settled_share: the largest exploitability at which the follower counts as settled, as a share of its payoff range.
    """

    game: MarkovGame
    followers: MarkovFollowers
    settled_share: float = 0.02

    def __post_init__(self) -> None:
        self.game.check()
        if self.game.num_followers != 1:
            raise InputError(f"game {self.game.name!r} has {self.game.num_followers} followers; planning is for one")

    gap_name = "exploitability"
    kernel = "dynamic programming"
    nearby = None
    columns: ClassVar = {
        "follower_payoffs": "follower's payoff",
        "exploitability": "exploitability",
        "weak_payoff": "leader payoff, ties against",
    }

    @property
    def name(self) -> str:
        return self.game.name

    @cached_property
    def commitments(self) -> Table:
        with jax.ensure_compile_time_eval():
            states = jnp.arange(self.game.num_states, dtype=jnp.int32)
            return Table(self.game.num_states, self.game.leader_actions, jax.vmap(self.game.observe)(states))

    @cached_property
    def length(self) -> Length:
        return Length.of(self.game.horizon, self.game.discount)

    def _range(self, agent: int) -> tuple[float, float]:
        """Bounds of what an episode pays."""
        steps = self.length.scale * sum(self.length.discount**t for t in range(self.length.steps))
        low, high = self.game.payoff_bounds[agent]
        return steps * low, steps * max(high, low + 1e-9)

    @property
    def payoff_range(self) -> tuple[float, float]:
        return self._range(0)

    @property
    def settled_gap(self) -> float:
        low, high = self._range(1)
        return float(self.settled_share * (high - low))

    @property
    def tie(self) -> float:
        low, high = self._range(1)
        return float(TIE * (high - low))

    @property
    def answer_choices(self) -> tuple[int, ...]:
        return self.game.num_actions * self.game.num_states

    @property
    def bytes_per_commitment(self) -> int:
        """Payoffs, chances, and what all policies that are tried at once make of the states; or a policy for every step."""
        tables, states = 16 * math.prod(self.game.successor.shape), self.game.num_states
        if self.is_timed or self.game.horizon is None:
            return tables + 16 * self.length.steps * states * self.game.num_actions[0]
        return tables + 4 * min(self.game.num_actions[0] ** states, POLICIES_AT_ONCE) * states * (states + 8)

    @property
    def is_timed(self) -> bool:
        """Whether the follower may do something else in every step."""
        ends = self.game.horizon is not None
        return ends and (isinstance(self.followers, SoftmaxFollower) or getattr(self.followers, "knows_time", False))

    def answer(self, induced: InducedMarkovGame) -> Array:
        """The follower's policy ``[S, J, B]``, or ``[T, S, J, B]`` where it knows the time."""
        if isinstance(self.followers, SoftmaxFollower):
            return softmax_answer(induced, self.length, self.followers.temperature)
        assert isinstance(self.followers, ExactFollower)
        return self._best(induced, self.followers.ties)

    def _best(self, induced: InducedMarkovGame, ties: Ties) -> Array:
        best = best_timed if self.is_timed else best_stationary
        return best(induced, self.length, ties, self.tie)

    def worth(self, key: PRNGKey, commitments: Array, *, lasting: bool = False) -> Worth:
        """See `Problem`; a follower that plans draws nothing. ``answer`` is its likeliest action in each state at first."""
        del key, lasting
        induced = tabulate_markov(self.game, commitments)
        policy = self.answer(induced)
        values = evaluate(induced, self.length, policy)
        at_risk = jnp.zeros_like(values.leader)
        if isinstance(self.game.leader_actions, Box) and isinstance(self.followers, ExactFollower):
            against = evaluate(induced, self.length, self._best(induced, "against"))
            at_risk = jnp.maximum(values.leader - against.leader, 0.0)
        first = policy[0] if self.is_timed else policy
        return Worth(values.leader, self._gap(induced, values), at_risk, first.argmax(axis=1).astype(jnp.int32).T)

    def _gap(self, induced: InducedMarkovGame, values: Values) -> Array:
        if isinstance(self.followers, ExactFollower):  # its answer is the best that there is
            return jnp.zeros_like(values.follower)
        return jnp.maximum(best_values(induced, self.length) - values.follower, 0.0)

    def judge(self, key: PRNGKey, commitment: Array, num_groups: int) -> Judged:
        """See `Problem`; there is nothing to average over. ``details`` is a `MarkovCertificate`."""
        del key, num_groups
        induced = tabulate_markov(self.game, commitment[None])
        policy = self.answer(induced)
        values = evaluate(induced, self.length, policy)
        strong, weak = (evaluate(induced, self.length, self._best(induced, ties)) for ties in ("for", "against"))
        knows_time_or_none = self.is_timed or self.game.horizon is None
        best = best_values(induced, self.length) if knows_time_or_none else jnp.maximum(strong.follower, weak.follower)
        gap = jnp.maximum(best - values.follower, 0.0)[0]
        table = policy.mean(axis=0) if self.is_timed else policy
        found = MarkovCertificate(values.leader[0], values.follower[0], gap, strong.leader[0], weak.leader[0], table[..., 0])
        return Judged(found.leader_payoff, found.exploitability, found)

    def optimum(self) -> Optimum | None:
        """The optimum against an exact follower, strong or weak by its ties, or None where it is not known."""
        if not isinstance(self.followers, ExactFollower):
            return None
        try:
            found = solve_markov(self.game, knows_time=self.is_timed)
        except UnsolvedError:
            return None
        value = found.value if self.followers.ties == "for" else found.weak_value
        if value is None or (self.followers.ties == "even" and found.value != value):
            return None  # with even ties the best lies in between
        return Optimum(value, found.method)

    def describe(self, judged: Judged, commitments: Array, names: list[str]) -> list[dict[str, Any]]:
        """See `Problem`."""
        game, states = self.game, range(self.game.num_states)
        observations = np.asarray(self.commitments.observations)
        found = []
        for i in range(len(names)):
            seen = jax.tree.map(lambda leaf, i=i: np.asarray(leaf[i], np.float64), judged.details)
            actions = np.asarray(commitments[i])
            found.append(
                {
                    "leader_payoff": float(seen.leader_payoff),
                    "follower_payoffs": [float(seen.follower_payoff)],
                    "exploitability": float(seen.exploitability),
                    "strong_payoff": float(seen.strong_payoff),
                    "weak_payoff": float(seen.weak_payoff),
                    "commitment": {"observations": observations.tolist(), "actions": actions.tolist()},
                    "mechanism": [f"{game.describe_state(s)}: {game.describe_leader_action(actions[s])}" for s in states],
                    "follower_strategies": [seen.policy.tolist()],
                    "follower_play": [
                        f"{game.describe_state(s)}: {game.describe_action(0, int(seen.policy[s].argmax()))}" for s in states
                    ],
                }
            )
        return found

    def judged_how(self) -> dict[str, Any]:
        """See `Problem`."""
        return {"settled_gap": self.settled_gap, "words": f"who plan ({self.followers.kind}); payoffs are exact"}
