"""A conformance test that any new game can be put through."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError
from stackjax.games.base import Game
from stackjax.games.spaces import Box
from stackjax.pomdp.commitment import commit, decision_tree, tabulate
from stackjax.types import Array, PRNGKey

__all__ = ["check_game"]


def check_game(game: Game, *, num_commitments: int = 3, seed: int = 0) -> None:
    """Raise `InputError` naming the rule that ``game`` breaks, if it breaks one of those that stackjax relies on.

    Checked under random commitments: shapes and dtypes stay the same from state to state; the rules run under ``jit``
    and ``vmap``; payoffs are finite, ``[1 + N]``, and the leader's stay in ``leader_payoff_range``; and the leader tells
    the nodes of its decision tree apart (equal observations would let one observation have two commitments).
    """
    game.check()
    nobody = jnp.zeros(game.num_followers, jnp.int32)
    payoffs = jax.eval_shape(lambda: game.payoffs(nobody, nobody, game.start(nobody)))
    if payoffs.shape != (1 + game.num_followers,):
        raise InputError(
            f"game {game.name!r}: payoffs must have shape (1 + N,) = ({1 + game.num_followers},), leader first, "
            f"but have {payoffs.shape}"
        )
    tree = decision_tree(game)
    start = game.start(jnp.zeros(game.num_followers, jnp.int32))
    advanced = game.advance(start, game.leader_actions.clip(game.leader_actions.zeros()), jnp.int32(0))
    if jax.tree.map(_kind, start) != jax.tree.map(_kind, advanced):
        raise InputError(f"game {game.name!r}: advance must keep the state's structure, shapes and dtypes")
    for key in jax.random.split(jax.random.key(seed), num_commitments):
        actions = random_actions(game, tree.num_nodes, key)
        observations, _ = commit(game, tree, functools.partial(_at, actions), lambda a: a)
        table = jax.jit(functools.partial(tabulate, game, tree))(actions)
        leader = np.asarray(table.game.leader_payoff)
        if not (np.isfinite(leader).all() and np.isfinite(np.asarray(table.game.follower_payoffs)).all()):
            raise InputError(f"game {game.name!r}: payoffs must be finite")
        low, high = game.leader_payoff_range
        slack = 1e-5 * (high - low)
        if leader.min() < low - slack or leader.max() > high + slack:
            raise InputError(
                f"game {game.name!r}: leader payoffs in [{leader.min():.6g}, {leader.max():.6g}] leave "
                f"leader_payoff_range={game.leader_payoff_range}"
            )
        reached = np.unique(np.asarray(table.nodes)[np.asarray(table.reached)])
        seen = np.asarray(observations)[reached]
        if len(np.unique(seen.round(6), axis=0)) < len(seen):
            raise InputError(f"game {game.name!r}: two decisions with different pasts show the leader the same observation")


def random_actions(game: Game, count: int, key: PRNGKey) -> Array:
    """``count`` leader actions, uniform over the game's space."""
    space = game.leader_actions
    if isinstance(space, Box):
        low, high = jnp.asarray(space.low)[None], jnp.asarray(space.high)[None]
        return low + jax.random.uniform(key, (count, low.size)) * (high - low)
    return jax.random.randint(key, (count,), 0, space.n)


def _at(actions: Array, observations: Array, nodes: slice) -> Array:
    del observations
    return actions[nodes]


def _kind(leaf: Array) -> tuple[tuple[int, ...], str]:
    leaf = jnp.asarray(leaf)
    return leaf.shape, str(leaf.dtype)
