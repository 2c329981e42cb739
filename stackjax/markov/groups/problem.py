"""A Markov game of several followers as a `Problem`: the game, and how they come to a joint policy."""

import contextlib
import dataclasses
import itertools
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from stackjax.arrays import in_full
from stackjax.compiler import compiler_options
from stackjax.errors import UnsolvedError, require_is
from stackjax.markov.answers import Ties
from stackjax.markov.game import InducedMarkovGame, joint_actions, tabulate_markov
from stackjax.markov.groups.answers import joint_values, pure, unilateral_values, visited_policy
from stackjax.markov.groups.followers import GroupFollowers
from stackjax.markov.groups.game import GroupGame
from stackjax.markov.groups.objectives import leader_payoff, payoff_bounds
from stackjax.markov.groups.optimum import first_best, solve_group
from stackjax.markov.pictures import state_graph
from stackjax.markov.planned import PlannedProblem
from stackjax.pictures import drawn_or_none
from stackjax.problem import Judged, Optimum, Worth
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey, PyTree
from stackjax.welfare import equality

__all__ = ["GroupCertificate", "GroupProblem"]

AT_ONCE = 64  # commitments whose stages fit into a processor's cache
OF_TIES = 4  # gaps of so many ties are none


class GroupCertificate(NamedTuple):
    """What a commitment is worth against its followers' joint policy, exactly, game units.

    Attributes:
      leader_payoff: to the leader, by its objective.
      follower_payoffs: ``[N]``.
      equality: of these, see `objectives.equality`.
      exploitabilities: ``[N]`` how much more each follower would earn by its best policy against the others' play.
      strong_payoff, weak_payoff: to the leader, in pure equilibria with ties for and against it; NaN where there are none.
      policy: ``[S, J]`` the chances of joint actions, averaged over the visits of a state.
    """

    leader_payoff: Array
    follower_payoffs: Array
    equality: Array
    exploitabilities: Array
    strong_payoff: Array
    weak_payoff: Array
    policy: Array


@dataclasses.dataclass(frozen=True, eq=False)
class GroupProblem(PlannedProblem):
    """A `Problem` whose several followers plan.

    Args:
      game: the rules.
      followers: how followers answer; its numbers may be tracers.
      settled_share: the largest exploitability at which followers count as settled, as a share of their payoff range. For pure
        equilibria there must be none.
      policy: what a rule has trained beforehand, see `prepare`; None for most.
    """

    game: GroupGame
    followers: GroupFollowers
    settled_share: float = 0.005
    policy: PyTree = None

    def __post_init__(self) -> None:
        require_is("game", self.game, GroupGame, "a GroupGame, for example sx.make('commons')")
        self.game.check()

    @property
    def columns(self) -> dict[str, str]:
        """Of every follower; and what ties cost where the rule has to break them."""
        shown = {"follower_payoffs": "followers' payoffs", "equality": "equality", "exploitability": "exploitability"}
        return shown if self.rule.ties is None else {**shown, "weak_payoff": "leader payoff, ties against"}

    def _observations(self) -> Array:
        first = [int(np.argmax(self.game.nodes == node)) for node in range(int(self.game.nodes.max()) + 1)]
        return jax.vmap(self.game.observe)(jnp.asarray(first, jnp.int32))

    @property
    def payoff_range(self) -> tuple[float, float]:
        bounds = tuple(self._range(agent) for agent in range(1 + self.game.num_followers))
        low, high = payoff_bounds(self.game.objective, bounds)
        return low, max(high, low + 1e-9)

    @property
    def settled_gap(self) -> float:
        return self.settled_share * self.follower_range if self.rule.ties is None else OF_TIES * self.tie_tolerance

    @property
    def answer_choices(self) -> tuple[int, ...]:
        return (int(np.prod(self.game.num_actions)),) * self.game.num_states

    @property
    def bytes_per_commitment(self) -> int:
        steps = self.game.horizon or self.length.steps
        return 8 * (1 + self.game.num_followers) * self.game.successor.size + 8 * steps * len(self.answer_choices) * max(
            self.answer_choices
        )

    def tabulate(self, commitments: Array) -> InducedMarkovGame:
        """What ``commitments [B, O, ...]`` leave to the followers."""
        return tabulate_markov(self.game, commitments[:, self.game.nodes])

    def pure(self, induced: InducedMarkovGame, ties: Ties) -> Array:
        """Pure equilibria of each stage, see `answers.pure`."""
        is_welfare = self.game.objective != "own"
        tie = self.tie_in(induced.leader_payoff.dtype)
        return pure(induced, self.length, self.game.num_actions, ties, tie, is_welfare)

    def payoff(self, values: Array) -> Array:
        """``[*B]`` the leader's, of everybody's ``values [1 + N, *B]``."""
        return leader_payoff(self.game.objective, values[0], values[1:])

    def gaps(self, induced: InducedMarkovGame, policy: Array, values: Array) -> Array:
        """``[N, *B]`` what each follower would gain by its best policy against the others' play."""
        best = unilateral_values(induced, self.length, self.game.num_actions, policy)
        return jnp.maximum(best - values[1:], 0.0)

    @in_full
    def worth(self, key: PRNGKey, commitments: Array, *, lasting: int = 0) -> Worth:
        """See `Problem`. ``answer`` is what followers are likeliest to do in each state at first."""

        def of(lasts: bool, part: Array, key: PRNGKey) -> Worth:
            induced = self.tabulate(part)
            policy = self.rule.answer(self, key, part, induced, lasts)
            values = joint_values(induced, self.length, policy)
            payoff = self.payoff(values)
            risk, worst = jnp.zeros_like(payoff), None
            if self.rule.ties is not None:
                worst = self.payoff(joint_values(induced, self.length, self.pure(induced, "against")))
                if not isinstance(self.game.leader_actions, Discrete):
                    risk = jnp.maximum(payoff - worst, 0.0)
            first = policy[0] if policy.ndim > 3 else policy
            gap = self.gaps(induced, policy, values).max(axis=0)
            return Worth(payoff, gap, risk, first.argmax(axis=1).astype(jnp.int32).T, values[1:].T, worst)

        in_parts = self._in_parts()
        cuts = [0, lasting, len(commitments)]
        found = [
            in_parts(partial(of, start < lasting))(commitments[start:end], jax.random.fold_in(key, start))
            for start, end in itertools.pairwise(cuts)
            if end > start
        ]
        return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *found)

    def _in_parts(self) -> Callable[[Callable[..., Worth]], Callable[..., Worth]]:
        """How many commitments are worked on at once: all of them, but for a CPU, whose cache is small."""
        if jax.default_backend() != "cpu":
            return lambda function: function
        is_fixed = not self.rule.is_drawn and not any(isinstance(value, Tracer) for value in self.followers.options().values())
        if is_fixed and jax.device_count() == 1:  # seeds may lie on several
            return _side_by_side
        return lambda function: partial(_in_parts, function)

    @in_full
    def judge(self, key: PRNGKey, commitment: Array, num_groups: int) -> Judged:
        """See `Problem`; only answers that are drawn are asked for more than once. ``details`` is a `GroupCertificate`."""
        groups = num_groups if self.rule.is_drawn else 1
        commitments = jnp.broadcast_to(commitment, (groups, *commitment.shape))
        induced = self.tabulate(commitments)
        found = self._certified(induced, self.rule.answer(self, key, commitments, induced, True))
        return Judged(found.leader_payoff, found.exploitabilities.max(), found)

    def _certified(self, induced: InducedMarkovGame, policy: Array) -> GroupCertificate:
        """Of the joint policies ``[(T,) S, J, B]`` that answer one commitment, ``B`` times."""
        values = joint_values(induced, self.length, policy)
        return GroupCertificate(
            leader_payoff=self.payoff(values).mean(),
            follower_payoffs=values[1:].mean(axis=1),
            equality=equality(values[1:]).mean(),
            exploitabilities=self.gaps(induced, policy, values).max(axis=1),
            strong_payoff=self._pure_payoff(induced, "for"),
            weak_payoff=self._pure_payoff(induced, "against"),
            policy=visited_policy(induced, self.length, policy).mean(axis=-1),
        )

    def _pure_payoff(self, induced: InducedMarkovGame, ties: Ties) -> Array:
        """To the leader in pure equilibria; NaN where there are none."""
        policy = self.pure(induced, ties)
        values = joint_values(induced, self.length, policy)
        gap = self.gaps(induced, policy, values).max(axis=0)
        is_equilibrium = gap <= OF_TIES * self.tie_in(gap.dtype)
        return jnp.where(is_equilibrium, self.payoff(values), jnp.nan)[0]

    @in_full
    def _in_double(self, judged: GroupCertificate, commitments: np.ndarray) -> GroupCertificate:
        """``judged`` (leaves ``[M, ...]``) in float64, where ties are told; what followers learned stays as it was."""

        def one(commitment: Array) -> GroupCertificate:
            induced = self.tabulate(commitment[None])
            return self._certified(induced, self.pure(induced, self.rule.ties or "for"))

        with jax.enable_x64(True):
            made = jnp.asarray(commitments, np.int32 if isinstance(self.game.leader_actions, Discrete) else np.float64)
            compiled = jax.jit(lambda made: jax.lax.map(one, made), compiler_options=compiler_options(runs_once=True))
            full: GroupCertificate = jax.device_get(compiled(made))
        if self.rule.ties is not None:
            return full
        as_judged = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), judged)
        return as_judged._replace(strong_payoff=full.strong_payoff, weak_payoff=full.weak_payoff)

    @property
    def _tells_ties(self) -> bool:
        return self.rule.ties is not None

    def _answered(self, commitments: Array) -> tuple[InducedMarkovGame, Array]:
        induced = self.tabulate(commitments)
        return induced, self.rule.answer(self, jax.random.key(0), commitments, induced, True)

    def _claimed(self) -> Optimum | str | None:
        """The best pure equilibrium, or what all together could earn the leader at most."""
        if self.rule.ties is not None and isinstance(self.game.leader_actions, Discrete):
            with contextlib.suppress(UnsolvedError):  # there is still a bound
                return solve_group(self, self.rule.ties)
        return first_best(self.game, self.length)

    def describe(self, judged: Judged, commitments: Array, names: list[str]) -> list[dict[str, Any]]:
        """See `Problem`."""
        made = np.asarray(commitments)
        probability = np.asarray(self.tabulate(jnp.asarray(made)).probability, np.float64)
        details = self._in_double(judged.details, made), np.moveaxis(probability, -1, 0)
        return super().describe(judged._replace(details=details), commitments, names)

    def _described(self, actions: np.ndarray, seen: Any) -> dict[str, Any]:
        found, probability = seen
        game, policy = self.game, found.policy
        joint, by_state = joint_actions(game.num_actions), actions[game.nodes]
        each = lambda picks: ", ".join(f"{game.describe_follower(i)} {game.describe_action(i, a)}" for i, a in enumerate(picks))
        plays = [f"{each(joint[best])} ({row[best]:.0%})" for row, best in zip(policy, policy.argmax(axis=1), strict=True)]
        own = [np.eye(count)[joint[:, i]] for i, count in enumerate(game.num_actions)]
        number = lambda value: None if np.isnan(value) else float(value)
        return self._entry(
            actions,
            [f"{game.describe_node(o)}: {game.describe_leader_action(action)}" for o, action in enumerate(actions)],
            [f"{game.describe_state(s)}: {plays[s]}" for s in game.told_states],
            leader_payoff=float(found.leader_payoff),
            follower_payoffs=found.follower_payoffs.tolist(),
            equality=float(found.equality),
            exploitability=float(found.exploitabilities.max()),
            exploitabilities=found.exploitabilities.tolist(),
            strong_payoff=number(found.strong_payoff),
            weak_payoff=number(found.weak_payoff),
            follower_strategies=[(policy @ one).tolist() for one in own],
            pictures=drawn_or_none(partial(state_graph, game, by_state, plays, policy, probability)) or [],
        )

    def evaluation_method(self) -> dict[str, Any]:
        """See `Problem`."""
        found, rule = self.pretraining, self.rule.words
        if found is not None:
            tried = f"{'all' if found.every else 'random'} {found.num_commitments} commitments"
            rule += (
                f"; over {tried} a follower could gain {found.largest_regret:.3g} at most, {found.mean_regret:.3g} on average"
            )
        words = f"who plan together ({rule}); payoffs are exact"
        about = {"settled_gap": self.settled_gap, "words": words, "rule": rule, "objective": self.game.objective}
        return about if found is None else {**about, "pretraining": found._asdict()}


def _in_parts(function: Callable[[Array, PRNGKey], Worth], commitments: Array, key: PRNGKey) -> Worth:
    """``function`` of ``commitments [B, ...]``, `AT_ONCE` at a time, which a cache has room for."""
    parts = -(-len(commitments) // AT_ONCE)
    size = -(-len(commitments) // parts)
    split = commitments[jnp.arange(parts * size) % len(commitments)].reshape(parts, size, *commitments.shape[1:])
    found = jax.lax.map(lambda given: function(*given), (split, jax.random.split(key, parts)))
    return jax.tree.map(lambda leaf: leaf.reshape(parts * size, *leaf.shape[2:])[: len(commitments)], found)


def _side_by_side(function: Callable[[Array, PRNGKey], Worth]) -> Callable[[Array, PRNGKey], Worth]:
    """``function``, which draws nothing, of commitments in parts; under ``vmap`` those of all seeds are cut up together."""
    whole = jax.custom_batching.custom_vmap(partial(_in_parts, function))

    @whole.def_vmap
    def together(count: int, batched: Any, commitments: Array, key: PRNGKey) -> tuple[Worth, Worth]:
        if not batched[0]:
            commitments = jnp.broadcast_to(commitments, (count, *commitments.shape))
        flat = commitments.reshape(-1, *commitments.shape[2:])
        found = _in_parts(function, flat, key[0] if batched[1] else key)
        split = jax.tree.map(lambda leaf: leaf.reshape(*commitments.shape[:2], *leaf.shape[1:]), found)
        return split, jax.tree.map(lambda _: True, split)

    return whole
