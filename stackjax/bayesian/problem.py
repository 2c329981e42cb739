"""The Bayesian family as a `Problem`: a game, how its followers learn, and how long."""

import dataclasses
import math
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.acting import Acting
from stackjax.arrays import drawn, in_full, lead
from stackjax.bayesian.answers import answer_of, nearby, risk, stay, tied_loss, worst_pure
from stackjax.bayesian.equilibrium.evaluate import evaluate_commitment, kernel_of
from stackjax.bayesian.equilibrium.optimum import attaining, solve, takes_long
from stackjax.bayesian.equilibrium.replies import NO_GAIN, can_reply, replies
from stackjax.bayesian.followers.base import ClosedForm, FollowerDynamics
from stackjax.bayesian.followers.regret import bcce_gap
from stackjax.bayesian.followers.response import Response
from stackjax.bayesian.games.induced import InducedGame
from stackjax.bayesian.linear.improve import improved
from stackjax.bayesian.linear.regions import regions_of
from stackjax.bayesian.played import played
from stackjax.bayesian.played_problem import PlayedProblem
from stackjax.bayesian.pomdp.commitment import commit, tabulate, tabulate_batch
from stackjax.bayesian.pomdp.reward_phase import expected_play
from stackjax.bayesian.smooth import differentiable, smooth_nearby
from stackjax.bayesian.words import describe
from stackjax.errors import InputError, UnsolvedError
from stackjax.problem import Differentiable, Judged, Nearby, Optimum, Played, Region, Solver, Table, Worth
from stackjax.slopes import varies
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.spaces import Continuous
from stackjax.types import Array, PRNGKey

__all__ = ["BayesianProblem"]

RISK_TAG = 19  # keeps its draws apart from the followers'
MOST_SECONDS, TYPED_SECONDS = 60.0, 20.0  # for the optimum of a run that is over; where a follower has types
TIE = 1e-5  # of the payoff scale: well above what float32 rounds, well below what anybody minds


@dataclasses.dataclass(frozen=True, eq=False)
class BayesianProblem(PlayedProblem):
    """A `Problem` whose followers have private types and answer by learning.

    Args:
      env, lasting, settled_share: as of a `PlayedProblem`.
      ties: ``"learned"``, a commitment is judged by the play that followers learn; ``"against"``, by the worst for the leader
        of all that they may answer in equilibrium, see `worst_payoff`.

    Raises:
      InputError: ``ties="against"`` for a game of too many strategies.
    """

    ties: str = "learned"

    def __post_init__(self) -> None:
        if self.ties == "against" and self.env.errs:
            raise InputError(
                "ties='against': followers that err draw among all actions, and have no ties to break; use learned"
            )
        if self.ties == "against" and not can_reply(self.env.game):
            raise InputError(
                f"ties='against': game {self.env.game.name!r} has too many strategies to find the worst reply; use learned"
            )

    @cached_property
    def commitments(self) -> Table:
        return Table(self.env.tree.num_nodes, self.env.game.leader_actions)

    @property
    def tie_tolerance(self) -> float:
        return float(TIE * self.env.game.payoff_scale)

    @property
    def answer_choices(self) -> tuple[int, ...]:
        game = self.env.game
        return tuple(n for types, n in zip(game.num_types, game.num_actions, strict=True) for _ in range(types))

    @property
    def bytes_per_commitment(self) -> int:
        """Payoffs and paths of every (type, action) profile, with room for one copy."""
        game = self.env.game
        per_profile = 4 * (2 * (1 + game.num_followers) + 2 * game.num_decisions)
        return per_profile * math.prod(game.table_shape)

    gap_name = "bcce_gap"
    columns: ClassVar = {"follower_payoffs": "followers' payoffs", "bcce_gap": "B-CCE gap", "bne_gap": "BNE gap"}

    @cached_property
    def kernel(self) -> str:
        return kernel_of(self.env)[0]

    @property
    def num_groups(self) -> int:
        """See `Problem`; one where there is nothing to learn, as all would answer the same."""
        return super().num_groups if self.env.closed is None else 1

    @property
    def has_kernel(self) -> bool:
        """See `Problem`."""
        return self.kernel == "native"

    def with_dynamics(self, dynamics: FollowerDynamics) -> "BayesianProblem":
        """See `PlayedProblem`."""
        other = super().with_dynamics(dynamics)
        other.__dict__["_varies"] = self._varies  # a matter of the game alone
        return other

    def filled(self, acting: Acting) -> Array:
        """The commitment ``[O, ...]`` that a policy makes."""
        return commit(self.env.game, self.env.tree, lambda seen, _: acting(seen), lambda action: action)[1]

    @in_full
    def worth(self, key: PRNGKey, commitments: Array, *, lasting: int = 0) -> Worth:
        """See `Problem`; the payoff is expected over types and the followers' play, as ``reward_play`` has it."""
        env, judged, count, risk_key = self.env, self.lasting or self.env, len(commitments), jax.random.fold_in(key, RISK_TAG)

        if self.env.errs or not self._varies[1]:
            tables, changes = self._payoffs(commitments), None
        else:  # in some direction, of which no entry is 0
            direction = 0.5 + 0.5 * drawn(jax.random.uniform, risk_key, commitments.shape).astype(commitments.dtype)
            space = env.game.leader_actions
            assert isinstance(space, Continuous)
            tables, changes = jax.jvp(self._payoffs, (commitments,), (space.tangent(direction),))
        game = InducedGame(env.game.type_prior, *tables)

        def answered(key: PRNGKey, num_rounds: int, part: slice) -> Response:
            own = InducedGame(game.type_prior, *jax.tree.map(lambda table: table[..., part], tables))
            return env.equilibrate(key, own, num_rounds, count_plays=env.counts_plays)

        if lasting in (0, count) or judged.num_rounds == env.num_rounds:
            response = answered(key, judged.num_rounds if lasting else env.num_rounds, slice(None))
        else:
            keys, parts = jax.random.split(key), (slice(lasting), slice(lasting, None))
            both = map(answered, keys, (judged.num_rounds, env.num_rounds), parts)
            response = jax.tree.map(lambda *leaves: jnp.concatenate(leaves, axis=-1), *both)
        is_pure = env.reward_play == "argmax" and response.memory is None
        strategies = response.strategies if is_pure else None
        play = None if is_pure else expected_play(env.reward_play, env.num_reward_episodes, game, response)

        def one(tables: tuple[Array, ...], changes: tuple[Array, ...] | None, strategies: Any, play: Array | None) -> Worth:
            game = InducedGame(env.game.type_prior, *tables)
            if play is None:
                answer = jnp.concatenate([table.argmax(axis=1).astype(jnp.int32) for table in strategies])
                payoff, slack, followers = stay(game, answer)
                gap = -slack.min(initial=0.0)
            else:
                prior = jnp.asarray(game.type_prior, play.dtype).reshape(*game.num_types, *(1,) * game.num_followers)
                answer, payoff, gap = answer_of(game, play), (prior * play * game.leader_payoff).sum(), bcce_gap(game, play)
                followers = (lead(prior * play, 2 * game.num_followers + 1) * game.follower_payoffs).sum(
                    axis=tuple(range(1, 2 * game.num_followers + 1))
                )
            at_risk = jnp.zeros((), payoff.dtype)
            if changes is not None:
                at_risk = risk(game, InducedGame(game.type_prior, *changes), answer, self.tie_tolerance)
            tied = payoff - tied_loss(game, answer, self.tie_tolerance)  # of several followers a guess that judging puts right
            worst = jnp.minimum(tied, worst_pure(game, self.tie_tolerance))
            return Worth(tied if self.ties == "against" else payoff, gap, at_risk, answer, followers, worst)

        return jax.vmap(one, -1)(tables, changes, strategies, play)

    @cached_property
    def nearby(self) -> Callable[[Array, Array], tuple[Nearby, Nearby]] | None:
        """See `Problem`; a follower that errs holds to no answer."""
        if not self.env.errs:
            return partial(nearby, self.env.game, self.env.tree) if self._varies[0] else None

        return smooth_nearby(self.env) if any(self._varies) else None

    @property
    def num_slacks(self) -> int:
        """See `Problem`."""
        return 1 if self.env.errs else super().num_slacks

    @cached_property
    def differentiable(self) -> Differentiable | None:
        """See `Problem`; of one follower, where the leader's actions are numbers."""
        is_smooth = self.env.game.num_followers == 1 and (self.env.errs or self.env.reward_play == "argmax")
        return differentiable(self.env, self.commitments) if is_smooth and any(self._varies) else None

    @cached_property
    def _varies(self) -> tuple[bool, bool]:
        """Whether what the leader is paid, and whether what followers are paid, has slopes while nobody answers otherwise."""
        if self.env.game.is_smooth:
            return True, True
        followers, leader, *_ = varies(self._payoffs, self.commitments)
        return leader, followers

    def _payoffs(self, commitments: Array) -> tuple[Any, ...]:
        """What is in the games that ``commitments [B, O, ...]`` leave, beside the prior: payoffs of the followers and of the
        leader, and features; batch last.
        """
        return tuple(tabulate_batch(self.env.game, self.env.tree, commitments).game[1:])

    @in_full
    def judge(self, key: PRNGKey, commitment: Array, num_groups: int) -> Judged:
        """See `Problem`; ``details`` is an `Evaluation`."""
        evaluation = evaluate_commitment(key, self.lasting or self.env, commitment, num_groups)
        chosen = getattr(evaluation, self.env.reward_play)
        payoff = chosen.leader_payoff.mean()
        if self.ties == "against":
            payoff = self.worst(commitment)
        return Judged(payoff, chosen.bcce_gap.max(), evaluation)

    @in_full
    def worst(self, commitment: Array) -> Array:
        """See `Problem`: at the worst equilibrium, exactly, where strategies are few enough."""
        if self.env.errs or not can_reply(self.env.game):
            return super().worst(commitment)
        game = tabulate(self.env.game, self.env.tree, commitment).game
        dtype = jnp.result_type(game.leader_payoff)
        worst = lambda *tables: np.asarray(replies(InducedGame(game.type_prior, *tables), NO_GAIN).worst, dtype)
        tables = game.follower_payoffs, game.leader_payoff
        return jax.pure_callback(worst, jax.ShapeDtypeStruct((), dtype), *tables, vmap_method="sequential")

    def optimum(self) -> Optimum | None:
        """The leader's optimum, or None where it is not known: what cannot be solved must not cost a run its result."""
        try:
            if self.env.errs and self.env.closed is not None:
                return self._optimum_against(self.env.closed)
            has_types = math.prod(self.env.game.num_types) > 1
            found = solve(self.env.game, seconds=TYPED_SECONDS if has_types else MOST_SECONDS)
        except (UnsolvedError, ArithmeticError) as error:
            self.__dict__["why_unknown"] = str(error)
            return None
        if self.ties == "against":
            return Optimum(
                found.value if found.weak_value is None else found.weak_value, "upper-bound"
            )  # the strong is one too
        return Optimum(found.value, found.method, attaining(self.env.game, found))

    def _optimum_against(self, closed: ClosedForm) -> Optimum:
        known = self.env.game.optimum_against(closed.rule, **dict(closed.options))
        if known is None:
            raise UnsolvedError(f"no exact optimum against {closed.words} is known; that against exact ones is no bound")
        return known

    @property
    def improve(self) -> Callable[[np.ndarray, int], np.ndarray] | None:
        """See `Problem`; where the leader mixes or covers, by holding what one follower answers, see `hop`."""
        linear = self.env.game.linear()
        return None if linear is None or self.env.reward_play != "argmax" else partial(improved, linear)

    @property
    def optimum_takes_long(self) -> bool:
        return not self.env.errs and takes_long(self.env.game)

    def describe(self, judged: Judged, commitments: Array, names: list[str]) -> list[dict[str, Any]]:
        """See `Problem`."""
        found = describe(self.env, judged.details, commitments, names)
        if self.ties == "learned":
            return found
        return [{**words, "leader_payoff": words["worst_payoff"], "learned_payoff": words["leader_payoff"]} for words in found]

    def revenue(self, payoff: Array, followers: Array) -> Array | None:
        """See `Problem`."""
        return self.env.game.revenue(payoff, followers)

    def played(self, judged: Judged, commitments: Array) -> list[Played] | None:
        """See `Problem`."""
        return played(self.env, judged.details, commitments)

    def regions(self) -> list[Region] | None:
        """See `Problem`; of one follower that does not err, where payoffs are linear in what the leader commits to."""
        linear = self.env.game.linear()
        return None if linear is None or self.env.errs or self.env.reward_play != "argmax" else regions_of(linear)

    def ppo(self, config: PPOConfig) -> Solver:
        """See `Problem`: the learner of the Stackelberg POMDP."""
        from stackjax.bayesian.ppo.train import pomdp_solver  # loads what networks need

        return pomdp_solver(self.env, config)

    def evaluation_method(self) -> dict[str, Any]:
        """See `Problem`."""
        rounds, closed = (self.lasting or self.env).num_rounds, self.env.closed
        play = self.env.reward_play if self.ties == "learned" else "the worst equilibrium for the leader"
        exact = f"exact expectations over types and play ({play})"
        if closed is None:
            return {"num_rounds": rounds, "settled_gap": self.settled_gap, "words": f"for {rounds} rounds, {exact}"}
        settled = None if self.env.errs else self.settled_gap
        words = f"who answer at once ({closed.words}), {exact}"
        return {"num_rounds": 0, "settled_gap": settled, "words": words, "rule": closed.words}
