"""The Markov family as a `Problem`: a game, and how its follower plans."""

import dataclasses
import math
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full
from stackjax.compiler import compiler_options
from stackjax.errors import InputError
from stackjax.markov.answers import (
    MOST_POLICIES,
    POLICIES_AT_ONCE,
    Ties,
    Values,
    best_stationary,
    best_timed,
    best_values,
    deviations,
    evaluate,
)
from stackjax.markov.certificate import MarkovCertificate
from stackjax.markov.followers import MarkovFollowers
from stackjax.markov.game import InducedMarkovGame, MarkovGame, tabulate_markov, without_batch
from stackjax.markov.optimum import solve_markov, takes_long
from stackjax.markov.pictures import state_graph
from stackjax.markov.planned import PlannedProblem
from stackjax.markov.queries import QueryConfig
from stackjax.pictures import drawn_or_none
from stackjax.problem import Judged, Nearby, Optimum, Region, Solver, Worth
from stackjax.slopes import varies
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["MarkovProblem"]

MOST_SECONDS = 60.0  # for the optimum of a run that is over
WITHOUT_EPISODES = QueryConfig()
COLUMNS = {
    "follower_payoffs": "follower's payoff",
    "exploitability": "exploitability",
    "weak_payoff": "leader payoff, ties against",
}


@dataclasses.dataclass(frozen=True, eq=False)
class MarkovProblem(PlannedProblem):
    """A `Problem` whose one follower plans.

    Args:
      game: the rules.
      followers: how the follower answers; its numbers may be tracers.
      queries: the episode that a leader learns from, where it does not learn from what commitments are worth.
      settled_share: the largest exploitability at which the follower counts as settled, as a share of its payoff range.
      policy: what a follower's rule has trained beforehand, see `prepare`; None for most.
    """

    game: MarkovGame
    followers: MarkovFollowers
    queries: QueryConfig = WITHOUT_EPISODES
    settled_share: float = 0.02
    policy: PyTree = None

    def __post_init__(self) -> None:
        self.game.check()
        if self.game.num_followers != 1:
            raise InputError(
                f"game {self.game.name!r} has {self.game.num_followers} followers; a MarkovGame is for one. Several who "
                "plan are a sx.markov.GroupGame, several who learn a sx.Game, a crowd of equals a sx.markov.MeanFieldGame"
            )
        switched = self.queries.switched
        if switched and self.game.horizon is None:
            raise InputError(f"{switched} needs episodes that end, but game {self.game.name!r} has horizon=None")
        for name in ("carried", "paid"):
            if getattr(self.queries, name) and self.rule.learning is None:
                raise InputError(
                    f"queries.{name}=True is for followers that learn within an episode (--followers.kind q-learning), but "
                    f"these are {self.followers.kind}"
                )

    @property
    def columns(self) -> dict[str, str]:
        """See `Problem`."""
        return COLUMNS | ({"mean_return": "paid in its episodes"} if self.counts_last else {})

    @property
    def counts_last(self) -> bool:
        """See `Problem`."""
        return bool(self.queries.switched)

    @property
    def caveat(self) -> str:
        """See `Problem`."""
        return self.queries.caveat

    def check_solver(self, name: str) -> None:
        """See `Problem`: only ``ppo`` learns from episodes."""
        if self.counts_last and name != "ppo":
            raise InputError(
                f"{self.queries.switched} is for --solver ppo, which learns from the leader's episodes; {name} evaluates "
                "commitments and has none"
            )

    def ppo(self, config: PPOConfig) -> Solver | None:
        """See `Problem`: the learner from episodes with queries, where these are switched on."""
        if not self.counts_last:
            return None
        from stackjax.markov.ppo.learner import query_solver  # loads what networks need

        return query_solver(self, config)

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
        return self.rule.knows_time and self.game.horizon is not None

    @property
    def compares_timed(self) -> bool:
        """Whether the answer is held against those that know the time: where it is one, and where others are too many."""
        policies = self.game.num_actions[0] ** self.game.num_states
        return self.is_timed or (not self.rule.is_best and self.game.horizon is not None and policies > MOST_POLICIES)

    def answer(self, key: PRNGKey, commitments: Array, induced: InducedMarkovGame) -> Array:
        """The follower's policy ``[S, J, B]`` under ``commitments [B, S, ...]``, or ``[T, S, J, B]`` where it knows the time.

        Raises:
          InputError: a contextual follower has no policy yet, see `prepare`.
        """
        return self.rule.answer(self, key, commitments, induced)

    def best(self, induced: InducedMarkovGame, ties: Ties) -> Array:
        """A best answer ``[S, J, B]``, or ``[T, S, J, B]`` where best ones know the time.

        Args:
          ties: which action is taken of equals: the leader's best (``"for"``), its worst (``"against"``), or all with equal
            chances (``"even"``).
        """
        best = best_timed if self.compares_timed else best_stationary
        return best(induced, self.length, ties, self.tie_in(induced.leader_payoff.dtype))

    @in_full
    def worth(self, key: PRNGKey, commitments: Array, *, lasting: int = 0) -> Worth:
        """See `Problem`. ``answer`` is what the follower is likeliest to do in each state at first."""
        del lasting
        induced = tabulate_markov(self.game, commitments)
        policy = self.answer(key, commitments, induced)
        values = evaluate(induced, self.length, policy)
        worst, at_risk = evaluate(induced, self.length, self.best(induced, "against")).leader, jnp.zeros_like(values.leader)
        if not isinstance(self.game.leader_actions, Discrete) and self.rule.is_best:
            at_risk = jnp.maximum(values.leader - worst, 0.0)
        first = policy[0] if policy.ndim > 3 else policy
        answer, followers = first.argmax(axis=1).astype(jnp.int32).T, values.follower[:, None]
        return Worth(values.leader, self._gap(induced, values), at_risk, answer, followers, worst)

    @cached_property
    def nearby(self) -> Callable[[Array, Array], tuple[Nearby, Nearby]] | None:
        """See `Problem`; None where the follower does not answer exactly, or may do something else in every step."""
        if not self.rule.is_best or self.is_timed:
            return None

        def values(commitment: Array, answer: Array) -> tuple[Nearby, Nearby]:
            induced = without_batch(tabulate_markov(self.game, commitment[None]))
            values, slack = deviations(induced, self.length, answer)
            return (Nearby(values.leader, slack, values.follower[None]),) * 2

        def nearby(commitment: Array, answer: Array) -> tuple[Nearby, Nearby]:
            num_slacks = sum(self.answer_choices)
            derivative = jax.jacfwd if commitment.size <= num_slacks else jax.jacrev
            slopes, here = derivative(values, has_aux=True)(commitment, answer)
            return here, slopes

        def at_random_answers(commitments: Array) -> Nearby:
            choices = np.random.default_rng(0).integers(0, self.answer_choices, (len(commitments), len(self.answer_choices)))
            return jax.vmap(values)(commitments, jnp.asarray(choices, jnp.int32))[0]

        paid, *_ = varies(at_random_answers, self.commitments)
        return nearby if paid else None

    def _gap(self, induced: InducedMarkovGame, values: Values) -> Array:
        if self.rule.is_best:
            return jnp.zeros_like(values.follower)
        if self.compares_timed or self.game.horizon is None:
            best = best_values(induced, self.length)
        else:
            best = evaluate(induced, self.length, self.best(induced, "for")).follower
        return jnp.maximum(best - values.follower, 0.0)

    @in_full
    def judge(self, key: PRNGKey, commitment: Array, num_groups: int) -> Judged:
        """See `Problem`; only answers that are drawn are asked for more than once. ``details`` is a `MarkovCertificate`."""
        groups = num_groups if self.rule.is_drawn else 1
        commitments = jnp.broadcast_to(commitment, (groups, *commitment.shape))
        induced = tabulate_markov(self.game, commitments)
        found = self._certified(induced, self.answer(key, commitments, induced))
        return Judged(found.leader_payoff, found.exploitability, found)

    def _claimed(self) -> Optimum | str | None:
        """The optimum against an exact follower, strong or weak by its ties.

        Followers that learn, again or beforehand, are held against it too; they may pay the leader more, if they err.
        """
        if not self.rule.aims_at_best:
            return "followers who err leave more to be had than any bound says"
        found = solve_markov(self.game, knows_time=self.is_timed, seconds=MOST_SECONDS)
        ties = self.rule.ties
        value = found.value if ties == "for" else found.weak_value
        if value is None or (ties == "even" and found.value != value):
            return None  # with even ties the best lies in between
        return Optimum(value, found.method, found.commitment if ties == "for" else found.weak_commitment)

    @property
    def optimum_takes_long(self) -> bool:
        return takes_long(self.game)

    @property
    def _tells_ties(self) -> bool:
        return self.rule.is_best

    def _answered(self, commitments: Array) -> tuple[InducedMarkovGame, Array]:
        induced = tabulate_markov(self.game, commitments)
        return induced, self.answer(jax.random.key(0), commitments, induced)

    def regions(self) -> list[Region] | None:
        """See `Problem` and `MarkovGame.regions`."""
        return self.game.regions(knows_time=self.is_timed) if self.rule.is_best else None

    def _certified(self, induced: InducedMarkovGame, policy: Array) -> MarkovCertificate:
        """Of the answers ``policy [(T,) S, J, B]`` to one commitment, ``B`` times."""
        worth = lambda policy: evaluate(induced, self.length, policy)
        values, strong, weak = (worth(one) for one in (policy, *(self.best(induced, ties) for ties in ("for", "against"))))
        timed = self.compares_timed or self.game.horizon is None
        best = best_values(induced, self.length) if timed else jnp.maximum(strong.follower, weak.follower)
        table = policy.mean(axis=0) if policy.ndim > 3 else policy
        return MarkovCertificate(
            leader_payoff=values.leader.mean(),
            follower_payoff=values.follower.mean(),
            exploitability=jnp.maximum(best - values.follower, 0.0).max(),
            strong_payoff=strong.leader[0],
            weak_payoff=weak.leader[0],
            policy=table.mean(axis=-1),
        )

    @in_full
    def _in_double(self, judged: MarkovCertificate, commitments: np.ndarray) -> MarkovCertificate:
        """``judged`` (leaves ``[M, ...]``) in float64, where ties are told; answers that are not exact are as they were."""

        def one(commitment: Array) -> MarkovCertificate:
            induced = tabulate_markov(self.game, commitment[None])
            return self._certified(induced, self.best(induced, self.rule.ties))

        with jax.enable_x64(True):
            made = jnp.asarray(commitments, np.int32 if isinstance(self.game.leader_actions, Discrete) else np.float64)
            compiled = jax.jit(lambda made: jax.lax.map(one, made), compiler_options=compiler_options(runs_once=True))
            full: MarkovCertificate = jax.device_get(compiled(made))
        if self.rule.is_best:
            return full
        as_judged = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), judged)
        return as_judged._replace(strong_payoff=full.strong_payoff, weak_payoff=full.weak_payoff)

    def describe(self, judged: Judged, commitments: Array, names: list[str]) -> list[dict[str, Any]]:
        """See `Problem`."""
        made = np.asarray(commitments)
        probability = np.asarray(tabulate_markov(self.game, jnp.asarray(made)).probability, np.float64)
        details = self._in_double(judged.details, made), np.moveaxis(probability, -1, 0)
        return super().describe(judged._replace(details=details), commitments, names)

    def _described(self, actions: np.ndarray, seen: Any) -> dict[str, Any]:
        found, probability = seen
        game, states, policy = self.game, self.game.told_states, found.policy
        plays = [game.describe_action(0, int(best)) for best in policy.argmax(axis=1)]
        return self._entry(
            actions,
            [f"{game.describe_state(s)}: {game.describe_leader_action(actions[s])}" for s in states],
            [f"{game.describe_state(s)}: {plays[s]}" for s in states],
            leader_payoff=float(found.leader_payoff),
            follower_payoffs=[float(found.follower_payoff)],
            exploitability=float(found.exploitability),
            strong_payoff=float(found.strong_payoff),
            weak_payoff=float(found.weak_payoff),
            worst_payoff=float(found.weak_payoff),
            follower_strategies=[policy.tolist()],
            pictures=drawn_or_none(partial(state_graph, game, actions, plays, policy, probability)) or [],
        )

    def evaluation_method(self) -> dict[str, Any]:
        """See `Problem`."""
        found, kind = self.pretraining, self.followers.kind
        knows = "knows the time" if self.is_timed else "does not know the time"
        rule = f"{kind}, {knows}, ties {self.rule.ties} the leader" if self.rule.is_best else kind
        if found is None:
            return {"settled_gap": self.settled_gap, "words": f"who plan ({kind}); payoffs are exact", "rule": rule}
        tried = f"{'all' if found.every else 'random'} {found.num_commitments} commitments"
        words = (
            f"who plan ({kind}, trained beforehand: of {tried} it answers {found.share_best:.1%} best and loses "
            f"{found.largest_regret:.3g} at most); payoffs are exact"
        )
        return {"settled_gap": self.settled_gap, "words": words, "rule": rule, "pretraining": found._asdict()}
