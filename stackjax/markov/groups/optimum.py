"""What a leader of several followers can get: the best pure equilibrium by enumeration, and the most that all could earn it."""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full
from stackjax.compiler import compiler_options
from stackjax.errors import InputError, UnsolvedError, count_in_words
from stackjax.markov.answers import Length, Ties, swept
from stackjax.markov.game import joint_actions, tabulate_markov
from stackjax.markov.groups.answers import joint_values
from stackjax.markov.groups.game import GroupGame
from stackjax.markov.groups.objectives import welfare_bound
from stackjax.problem import Optimum
from stackjax.spaces import Discrete
from stackjax.types import Array

if TYPE_CHECKING:
    from stackjax.markov.groups.problem import GroupProblem

__all__ = ["first_best", "solve_group"]

MOST_COMMITMENTS = 65_536
CELLS_AT_ONCE = 1_000_000
NUM_TRIED = 8  # actions of a leader that is said to make transfers only
ROUNDING = 1e-6  # of the largest payoff: games may compute in float32
EQUILIBRIUM = 1e-9  # of a follower's payoff range: the largest gap of an equilibrium, in float64


@in_full
def solve_group(problem: "GroupProblem", ties: Ties) -> Optimum:
    """The best of all commitments that leave the followers a pure equilibrium in every stage, in float64.

    Args:
      problem: whose leader has finitely many actions.
      ties: of several equilibria of a stage, the leader's best or its worst.

    Raises:
      UnsolvedError: there are too many commitments, or none of them leaves such an equilibrium.
    """
    game, space = problem.game, problem.game.leader_actions
    assert isinstance(space, Discrete)
    nodes = problem.commitments.num_nodes
    count = space.n**nodes
    if count > MOST_COMMITMENTS:
        raise UnsolvedError(
            f"game {game.name!r} is too large to solve: {count_in_words(count)} commitments, more than {MOST_COMMITMENTS}"
        )
    made = joint_actions((space.n,) * nodes)

    def values(part: Array) -> tuple[Array, Array]:
        induced = problem.tabulate(part)
        policy = problem.pure(induced, ties)
        worth = joint_values(induced, problem.length, policy)
        return problem.payoff(worth), problem.gaps(induced, policy, worth).max(axis=0)

    size = min(count, max(1, CELLS_AT_ONCE // (game.successor.size * (1 + game.num_followers))))
    with jax.enable_x64(True):
        compiled = jax.jit(values, compiler_options=compiler_options(runs_once=True))
        parts = [made[np.arange(first, first + size) % count] for first in range(0, count, size)]
        found = [np.stack([np.asarray(leaf) for leaf in compiled(jnp.asarray(part))]) for part in parts]
    payoffs, gaps = np.concatenate(found, axis=1)[:, :count]
    is_equilibrium = gaps <= EQUILIBRIUM * problem.follower_range
    if not is_equilibrium.any():
        raise UnsolvedError(f"no commitment of game {game.name!r} leaves a pure equilibrium in every step and state")
    best = int(np.where(is_equilibrium, payoffs, -np.inf).argmax())
    return Optimum(float(payoffs[best]), "enumeration", made[best])


@in_full
def first_best(game: GroupGame, length: Length) -> Optimum | str:
    """What the leader is paid at most if everybody does what is best for it in every step, by dynamic programming, in float64.

    For ``utilitarian``, and ``own``, that is the best of all joint policies, and of all that the leader may do. Other welfares
    are bounded by the mean. Where the leader's actions are real numbers there is a bound if it only makes transfers.

    Raises:
      InputError: the leader is said to make transfers only, but what followers earn in sum depends on what it does.
    """
    space, is_welfare = game.leader_actions, game.objective != "own"
    if not isinstance(space, Discrete) and not (is_welfare and game.only_transfers):
        return "what could be earned under all of the leader's actions, which are real numbers, has no bound"

    def best() -> tuple[Array, Array]:
        if isinstance(space, Discrete):  # one commitment for each action
            made = jnp.arange(space.n, dtype=jnp.int32)
        else:
            low, high = (jnp.asarray(end, jnp.result_type(float)) for end in (space.low, space.high))
            made = low + (high - low) * jax.random.uniform(jax.random.key(0), (NUM_TRIED, *space.shape), low.dtype)
        every = jnp.broadcast_to(made[:, None], (len(made), game.num_states, *space.shape))
        induced = tabulate_markov(game, every)
        pays = induced.follower_payoffs.mean(axis=0) if is_welfare else induced.leader_payoff
        most = lambda worth, _: (jnp.broadcast_to(worth.max(axis=(1, 2))[:, None], (game.num_states, len(made))), None)
        tables = jnp.concatenate([pays[:, :, None], induced.probability], axis=2)
        return length.scale * induced.start(swept(induced, length, pays, most)[0])[0], jnp.ptp(tables, axis=-1).max()

    with jax.enable_x64(True):
        mean, apart = map(float, jax.jit(best, compiler_options=compiler_options(runs_once=True))())
    if game.only_transfers and is_welfare and apart > ROUNDING * max(map(abs, np.ravel(game.payoff_bounds))):
        raise InputError(
            f"only_transfers={game.only_transfers} must be False for game {game.name!r}: chances, or the sum of followers' payoffs, "
            f"differ by {apart:.3g} from one action of the leader to another"
        )
    return Optimum(welfare_bound(game.objective, mean, game.num_followers), "upper-bound")
