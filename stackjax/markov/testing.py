"""Looks for faults in the rules of a Markov game."""

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError, require_is
from stackjax.markov.game import MarkovGame, tabulate_markov
from stackjax.problem import Table

__all__ = ["check_markov_game"]

NUM_COMMITMENTS = 64
ROUNDING = 1e-4  # of chances, and of payoffs as a share of their range


def check_markov_game(game: MarkovGame) -> None:
    """Raise `InputError` naming the first thing that is wrong with ``game``.

    Shapes, states and lengths (`MarkovGame.check`); then, under random commitments and those of every leader action in all
    states, chances of outcomes, payoffs within ``payoff_bounds``, and that the same question has the same answer.
    """
    require_is("game", game, MarkovGame, "a MarkovGame")
    game.check()
    commitments = Table(game.num_states, game.leader_actions).draw(jax.random.key(0), NUM_COMMITMENTS)
    if jnp.issubdtype(commitments.dtype, jnp.integer):
        same = jnp.arange(game.leader_actions.n, dtype=jnp.int32)[:, None]  # type: ignore[union-attr]
        commitments = jnp.concatenate([commitments, jnp.broadcast_to(same, (len(same), game.num_states))])
    try:
        once, again = (jax.jit(lambda made: tabulate_markov(game, made)[2:])(commitments) for _ in range(2))
    except (TypeError, ValueError, jax.errors.ConcretizationTypeError) as error:
        said = str(error).strip().splitlines()[0][:200]
        raise InputError(
            f"game {game.name!r}: outcomes and payoffs cannot be traced: {type(error).__name__}: {said}; write jnp.where "
            "instead of if, and return arrays of the shapes that MarkovGame states"
        ) from error
    chances, followers, leader = (np.asarray(table, np.float64) for table in once)
    wanted = (game.num_states, int(np.prod(game.num_actions)), game.num_outcomes, len(commitments))
    if chances.shape != wanted:
        raise InputError(f"outcomes has shape {chances.shape[2:-1]}, but must be [{game.num_outcomes}]")
    off = np.abs(chances.sum(axis=2) - 1.0)
    if not (chances >= -ROUNDING).all() or not (off <= ROUNDING).all():
        state = int(np.argwhere(~(off <= ROUNDING) | (chances < -ROUNDING).any(axis=2))[0][0])
        raise InputError(f"outcomes in {game.describe_state(state)} are no chances: they must be at least 0 and sum to 1")
    for agent, paid in enumerate([leader, *followers]):
        low, high = game.payoff_bounds[agent]
        slack = ROUNDING * max(high - low, abs(low), abs(high))
        bad = ~((paid >= low - slack) & (paid <= high + slack))
        if bad.any():
            raise InputError(
                f"payoffs of agent {agent} in {game.describe_state(int(np.argwhere(bad)[0][0]))} are {paid[bad][0]:g}, beyond "
                f"payoff_bounds={low, high}"
            )
    if not all(np.array_equal(a, b) for a, b in zip(once, again, strict=True)):
        raise InputError(f"game {game.name!r} gives two answers to one question: outcomes and payoffs must be pure")
