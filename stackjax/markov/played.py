"""What commitments in a Markov game come to: how often an episode comes to each state and action, and what that pays."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full
from stackjax.compiler import compiler_options
from stackjax.markov.answers import Length, visits
from stackjax.markov.game import InducedMarkovGame, MarkovGame, joint_actions
from stackjax.outcomes import Played
from stackjax.spaces import Discrete
from stackjax.types import Array

__all__ = ["played"]

MOST_OUTCOMES = 2**20  # states and joint actions


@in_full
def played(
    game: MarkovGame,
    length: Callable[[], Length],
    answered: Callable[[Array], tuple[InducedMarkovGame, Array]],
    commitments: Any,
    *,
    groups: int = 1,
    in_double: bool = False,
) -> list[Played] | None:
    """See `Problem.played`: one profile, where what happens is a state and a joint action in it, drawn from an episode's steps.

    The end of an episode counts as one of them, whatever is done there, and pays what that pays on average. None where there
    are more than `MOST_OUTCOMES`.

    Args:
      game: the rules.
      length: of an episode, in the precision that JAX has when it is asked.
      answered: ``[B, O, ...] -> (induced game, policy [(T,) S, J, B])``.
      commitments: ``[M, O, ...]``.
      groups: of followers that answer each commitment, whose mean counts.
      in_double: whether ties are told in float64.
    """
    joint = joint_actions(game.num_actions)
    if game.num_states * len(joint) > MOST_OUTCOMES:
        return None

    def one(commitment: Array) -> tuple[Array, Array]:
        induced, policy = answered(jnp.broadcast_to(commitment, (groups, *commitment.shape)))
        times = length()
        return times.scale * visits(induced, times, policy).mean(axis=-1), induced.follower_payoffs[..., 0]

    with jax.enable_x64(in_double):
        numbers = np.float64 if in_double else np.float32
        made = jnp.asarray(commitments, np.int32 if isinstance(game.leader_actions, Discrete) else numbers)
        program = jax.jit(lambda made: jax.lax.map(one, made), compiler_options=compiler_options(runs_once=True))
        found = jax.device_get(program(made))
    return [_gathered(game, joint, *(np.asarray(leaf, np.float64) for leaf in row)) for row in zip(*found, strict=True)]


def _gathered(game: MarkovGame, joint: np.ndarray, often: np.ndarray, pays: np.ndarray) -> Played:
    """Of ``often [S, J]`` and ``pays [N, S, J]``; what never happens goes."""
    if game.end is not None and often[game.end].any():
        there, once = often[game.end], np.eye(len(joint))[0]
        at_end = np.arange(game.num_states)[:, None] == game.end
        pays = np.where(at_end, (pays[:, game.end] @ there / there.sum())[:, None, None], pays)
        often = np.where(at_end, once * there.sum(), often)
    states, actions = np.nonzero(often > 0)
    times, total = often[states, actions], often.sum()
    paid = total * pays[:, states, actions].T
    labels = np.column_stack([states, joint[actions]]).astype(np.float64)
    chances = times / total
    return Played(np.ones(1), labels[None], chances[None], paid[None], (chances @ paid)[:, None], ["always"])
