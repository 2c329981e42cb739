"""The Bayesian family as a `Problem`: a game, how its followers learn, and how long."""

import dataclasses
import math
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp

from stackjax.bayesian.words import describe
from stackjax.equilibrium.evaluate import evaluate_commitment, kernel_of
from stackjax.equilibrium.optimum import solve
from stackjax.errors import UnsolvedError
from stackjax.followers.base import FollowerDynamics
from stackjax.followers.equilibrate import equilibrate
from stackjax.followers.regret import bcce_gap
from stackjax.games.base import InducedGame, Optimum
from stackjax.pomdp.commitment import tabulate_batch
from stackjax.pomdp.environment import StackelbergPOMDP
from stackjax.pomdp.reward_phase import expected_play
from stackjax.problem import Judged, Table, Worth
from stackjax.types import Array, PRNGKey

__all__ = ["BayesianProblem"]


@dataclasses.dataclass(frozen=True, eq=False)
class BayesianProblem:
    """A `Problem` whose followers have private types and answer by learning.

    Args:
      env: the game and its followers, for as many rounds as a solver lets them learn.
      lasting: the same for as many rounds as a commitment is judged over; ``env`` itself if None.
      settled_share: the largest gap at which followers count as settled, as a share of the game's payoff scale.
    """

    env: StackelbergPOMDP
    lasting: StackelbergPOMDP | None = None
    settled_share: float = 0.02

    @property
    def name(self) -> str:
        return self.env.game.name

    @cached_property
    def commitments(self) -> Table:
        return Table(self.env.tree.num_nodes, self.env.game.leader_actions)

    @property
    def payoff_range(self) -> tuple[float, float]:
        return self.env.game.leader_payoff_range

    @property
    def settled_gap(self) -> float:
        return float(self.settled_share * self.env.game.payoff_scale)

    @property
    def bytes_per_commitment(self) -> int:
        """Payoffs and paths of every (type, action) profile, with room for one copy."""
        game = self.env.game
        per_profile = 4 * (2 * (1 + game.num_followers) + 2 * game.num_decisions)
        return per_profile * math.prod(game.table_shape)

    @cached_property
    def kernel(self) -> str:
        return kernel_of(self.env)[0]

    def with_dynamics(self, dynamics: FollowerDynamics) -> "BayesianProblem":
        """The same with other followers."""
        lasting = None if self.lasting is None else self.lasting.with_dynamics(dynamics)
        return dataclasses.replace(self, env=self.env.with_dynamics(dynamics), lasting=lasting)

    def worth(self, key: PRNGKey, commitments: Array) -> Worth:
        """See `Problem`; the payoff is expected over types and the followers' play, as ``reward_play`` has it."""
        env = self.env
        table = tabulate_batch(env.game, env.tree, commitments).game
        response = equilibrate(
            key, table, env.dynamics, env.num_rounds, payoff_scale=env.game.payoff_scale, count_plays=env.counts_plays
        )
        play = expected_play(env.reward_play, env.num_reward_episodes, table, response)

        def one(followers: Array, leader: Array, play: Array) -> Worth:
            game = InducedGame(table.type_prior, followers, leader)
            prior = jnp.asarray(game.type_prior, play.dtype).reshape(*game.num_types, *(1,) * game.num_followers)
            return Worth((prior * play * leader).sum(), bcce_gap(game, play))

        return jax.vmap(one, -1)(jnp.asarray(table.follower_payoffs), jnp.asarray(table.leader_payoff), play)

    def judge(self, key: PRNGKey, commitment: Array, num_groups: int) -> Judged:
        """See `Problem`; ``details`` is an `Evaluation`."""
        evaluation = evaluate_commitment(key, self.lasting or self.env, commitment, num_groups)
        chosen = getattr(evaluation, self.env.reward_play)
        return Judged(chosen.leader_payoff.mean(), chosen.bcce_gap.max(), evaluation)

    def optimum(self) -> Optimum | None:
        """The leader's optimum, or None where it is not known: what cannot be solved must not cost a run its result."""
        try:
            found = solve(self.env.game)
        except (UnsolvedError, ArithmeticError):
            return None
        return Optimum(found.value, found.method)

    def describe(self, judged: Judged, commitments: Array, names: list[str]) -> list[dict[str, Any]]:
        """See `Problem`."""
        return describe(self.env, judged.details, commitments, names)

    def judged_how(self) -> dict[str, Any]:
        """See `Problem`."""
        return {"num_rounds": (self.lasting or self.env).num_rounds, "settled_gap": self.settled_gap}
