"""What a commitment in a Markov game is worth against its follower's answer: as numbers, in float64, and in words."""

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full
from stackjax.compiler import compiler_options
from stackjax.markov.answers import best_values, evaluate
from stackjax.markov.game import InducedMarkovGame, tabulate_markov
from stackjax.markov.pictures import state_graph
from stackjax.pictures import drawn_or_none
from stackjax.spaces import Discrete
from stackjax.types import Array

if TYPE_CHECKING:
    from stackjax.markov.problem import MarkovProblem

__all__ = ["MarkovCertificate", "certify", "in_double", "told"]


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


def told(problem: "MarkovProblem", seen: MarkovCertificate, actions: np.ndarray, probability: np.ndarray) -> dict[str, Any]:
    """What ``result.json`` says of a commitment ``actions [S, ...]``; ``probability [S, J, K]`` is of the outcomes."""
    game, states = problem.game, problem.game.told_states
    plays = [game.describe_action(0, int(seen.policy[s].argmax())) for s in states]
    return {
        "leader_payoff": float(seen.leader_payoff),
        "follower_payoffs": [float(seen.follower_payoff)],
        "exploitability": float(seen.exploitability),
        "strong_payoff": float(seen.strong_payoff),
        "weak_payoff": float(seen.weak_payoff),
        "worst_payoff": float(seen.weak_payoff),
        "commitment": {"observations": np.asarray(problem.commitments.observations).tolist(), "actions": actions.tolist()},
        "mechanism": [f"{game.describe_state(s)}: {game.describe_leader_action(actions[s])}" for s in states],
        "follower_strategies": [seen.policy.tolist()],
        "follower_play": [f"{game.describe_state(s)}: {play}" for s, play in zip(states, plays, strict=True)],
        "pictures": drawn_or_none(partial(state_graph, game, actions, np.asarray(seen.policy), probability)) or [],
    }
