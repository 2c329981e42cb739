"""What a commitment in a Markov game is worth against its follower's answer: as numbers, in float64."""

from typing import TYPE_CHECKING, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full
from stackjax.compiler import compiler_options
from stackjax.markov.answers import best_values, evaluate
from stackjax.markov.game import InducedMarkovGame, tabulate_markov
from stackjax.spaces import Discrete
from stackjax.types import Array

if TYPE_CHECKING:
    from stackjax.markov.problem import MarkovProblem

__all__ = ["MarkovCertificate", "certify", "in_double"]


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


def certify(problem: "MarkovProblem", induced: InducedMarkovGame, policy: Array) -> MarkovCertificate:
    """Of the answers ``policy [(T,) S, J, B]`` to one commitment, ``B`` times."""
    worth = lambda policy: evaluate(induced, problem.length, policy)
    values, strong, weak = (worth(one) for one in (policy, *(problem.best(induced, ties) for ties in ("for", "against"))))
    timed = problem.compares_timed or problem.game.horizon is None
    best = best_values(induced, problem.length) if timed else jnp.maximum(strong.follower, weak.follower)
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
def in_double(problem: "MarkovProblem", judged: MarkovCertificate, commitments: np.ndarray) -> MarkovCertificate:
    """``judged`` (leaves ``[M, ...]``) in float64, where ties are told; answers that are not exact are as they were."""

    def one(commitment: Array) -> MarkovCertificate:
        induced = tabulate_markov(problem.game, commitment[None])
        return certify(problem, induced, problem.best(induced, problem.rule.ties))

    with jax.enable_x64(True):
        made = jnp.asarray(commitments, np.int32 if isinstance(problem.game.leader_actions, Discrete) else np.float64)
        compiled = jax.jit(lambda made: jax.lax.map(one, made), compiler_options=compiler_options(runs_once=True))
        full: MarkovCertificate = jax.device_get(compiled(made))
    if problem.rule.is_best:
        return full
    as_judged = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), judged)
    return as_judged._replace(strong_payoff=full.strong_payoff, weak_payoff=full.weak_payoff)
