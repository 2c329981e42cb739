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
    are bounded by the mean. Where the leader's actions are real numbers there is a bound if the game says that it only makes
    transfers, or at which action it earns the most. A sentence says why there is none.

    Raises:
      InputError: what the game says of its leader's actions is wrong.
    """
    space, is_welfare = game.leader_actions, game.objective != "own"
    if isinstance(space, Discrete):
        tried = np.arange(space.n, dtype=np.int32)
    else:
        low, high = np.asarray(space.low), np.asarray(space.high)
        tried = low + (high - low) * np.random.default_rng(0).random((NUM_TRIED, *space.shape))
    if not isinstance(space, Discrete) and not is_welfare:
        if game.free is None:
            return "what could be earned under all of the leader's actions, which are real numbers, has no bound"
        tried = np.concatenate([np.asarray(game.free, np.float64)[None], tried])
    elif not isinstance(space, Discrete) and not game.only_transfers:
        return "what followers could earn under all of the leader's actions, which are real numbers, has no bound"

    def best(tried: Array) -> tuple[Array, Array, Array]:
        every = jnp.broadcast_to(tried[:, None], (len(tried), game.num_states, *space.shape))
        induced = tabulate_markov(game, every)  # one commitment for each action
        pays = induced.follower_payoffs.mean(axis=0) if is_welfare else induced.leader_payoff
        most = lambda worth, _: (jnp.broadcast_to(worth.max(axis=(1, 2))[:, None], (game.num_states, len(tried))), None)
        mean = length.scale * induced.start(swept(induced, length, pays, most)[0])[0]
        return mean, pays, (induced.probability - induced.probability[..., :1]).max()

    with jax.enable_x64(True):
        mean, pays, moved = jax.device_get(jax.jit(best, compiler_options=compiler_options(runs_once=True))(jnp.asarray(tried)))
    size = ROUNDING * max(map(abs, np.ravel(game.payoff_bounds)))
    if is_welfare and game.only_transfers and max(np.ptp(pays, axis=-1).max(), moved) > size:
        raise InputError(
            f"only_transfers={game.only_transfers} must be False for game {game.name!r}: chances, or the sum of followers' "
            "payoffs, depend on what the leader does"
        )
    if not isinstance(space, Discrete) and not is_welfare and max((pays - pays[..., :1]).max(), moved) > size:
        raise InputError(
            f"free={game.free} must be None for game {game.name!r}: another action of the leader pays it more, or moves chances"
        )
    return Optimum(welfare_bound(game.objective, float(mean), game.num_followers), "upper-bound")
