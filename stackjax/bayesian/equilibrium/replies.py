"""What followers may answer to one commitment, in equilibrium: the best and the worst of it for the leader, exactly."""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.equilibrium.matrix_commitments import distribution, leaves_no_gain, scaled_columns, solved, tied_best
from stackjax.bayesian.followers.rounds import all_profiles
from stackjax.bayesian.games.base import Game
from stackjax.bayesian.games.induced import InducedGame
from stackjax.bayesian.pomdp.commitment import tabulate_batch
from stackjax.bayesian.pomdp.tree import DecisionTree
from stackjax.compiler import compiler_options

__all__ = [
    "MOST_STRATEGY_PROFILES",
    "NO_GAIN",
    "Replies",
    "can_reply",
    "exact_games",
    "margin",
    "num_strategy_profiles",
    "replies",
    "worst_payoff",
]

MOST_STRATEGY_PROFILES = 20_000
MOST_QUICKLY = 2_000  # profiles of strategies whose worst is worked out for every commitment that is judged: some 20 ms each
MOST_TYPE_PROFILES = 4_096  # which are gone through one by one
NO_GAIN = 1e-6  # of what a deviator has at stake: what counts as no gain


class Replies(NamedTuple):
    """The leader's highest and lowest payoff, game units, over all that followers may answer."""

    best: float
    worst: float


def replies(game: InducedGame, slack: float = 0.0) -> Replies:
    """The range of the leader's payoff over the followers' equilibrium play in ``game`` (no batch axes, NumPy float64).

    One follower best-responds at each type, and only ties leave a choice. Several play any Bayesian coarse-correlated
    equilibrium that followers who keep their types to themselves can reach, a distribution over profiles of strategies (maps
    from own type to action): the limits of no-regret learning (Brero et al. 2023, Proposition 3.1). It is one linear programme
    each way.

    Args:
      slack: of what a follower has at stake: what it does not mind losing, as payoffs were rounded.

    Raises:
      ArithmeticError: the linear programme failed, or its answer leaves a deviator more to gain than a millionth of its stake.
    """
    prior, leader = np.asarray(game.type_prior, np.float64), np.asarray(game.leader_payoff, np.float64)
    followers = np.asarray(game.follower_payoffs, np.float64)
    if game.num_followers == 1:
        payoffs = followers[0]
        tied = tied_best(payoffs) | (payoffs >= payoffs.max(axis=-1, keepdims=True) - slack * np.ptp(payoffs))
        best, worst = np.where(tied, leader, -np.inf).max(axis=1), np.where(tied, leader, np.inf).min(axis=1)
        return Replies(float(prior @ best), float(prior @ worst))
    value, gains = _strategic_form(prior, followers, leader)
    low, spread = value.min(), float(np.ptp(value)) or 1.0
    extremes = [_extreme(sign * (value - low) / spread, gains, slack) * sign * spread + low for sign in (1.0, -1.0)]
    return Replies(*map(float, extremes))


def can_reply(game: Game) -> bool:
    """Whether `exact_games` has an answer for ``game``, quickly enough to ask for it again and again."""
    profiles = num_strategy_profiles(game.num_types, game.num_actions)
    return math.prod(game.num_types) <= MOST_TYPE_PROFILES and (game.num_followers == 1 or profiles <= MOST_QUICKLY)


def exact_games(game: Game, tree: DecisionTree, commitments: Any) -> list[InducedGame] | None:
    """The games, in float64, that each of ``commitments [S, O, ...]`` leaves to the followers.

    None where there are too many strategies, or the game's functions are in float32 alone.
    """
    if not can_reply(game):
        return None
    with jax.enable_x64(True):
        is_box = not jnp.issubdtype(np.asarray(commitments).dtype, np.integer)
        made = jnp.asarray(np.asarray(commitments), np.float64 if is_box else np.int32)
        options = compiler_options(runs_once=True)
        try:
            table = jax.device_get(jax.jit(lambda made: tabulate_batch(game, tree, made).game, compiler_options=options)(made))
        except (TypeError, ValueError):  # a game that mixes its precision with another
            return None
    return [
        InducedGame(game.type_prior, table.follower_payoffs[..., b], table.leader_payoff[..., b])
        for b in range(len(commitments))
    ]


def worst_payoff(game: InducedGame) -> float | None:
    """What a commitment pays at the followers' worst equilibrium for the leader, in its game of `exact_games`.

    Followers do not mind what is less than a millionth of their stake: commitments are float32. None where it is not known.
    """
    try:
        return replies(game, NO_GAIN).worst
    except ArithmeticError:
        return None


def margin(game: InducedGame, answers: list[np.ndarray], least: float) -> float | None:
    """What keeps the followers to their ``answers``, an action for each type of each: the least that one of a positive chance
    loses, given its type, by another action that costs the leader more than ``least``. None where none does.
    """
    types, prior = tuple(all_profiles(game.num_types).T), np.asarray(game.type_prior, np.float64).ravel()  # [N][P], [P]
    obeyed = [answer[own] for answer, own in zip(answers, types, strict=True)]
    leader, found = np.asarray(game.leader_payoff, np.float64), [np.inf]
    by_type = lambda i, values: np.bincount(types[i], prior * values, game.num_types[i])
    for i, own in enumerate(answers):
        tables, chance = (np.asarray(game.follower_payoffs[i], np.float64), leader), by_type(i, 1.0)
        for other in range(game.num_actions[i]):
            instead = [*obeyed[:i], np.full_like(obeyed[i], other), *obeyed[i + 1 :]]
            lost, cost = (by_type(i, table[(*types, *obeyed)] - table[(*types, *instead)]) for table in tables)
            counts = (chance > 0) & (cost > least) & (own != other)
            found += list(lost[counts] / chance[counts])
    return None if min(found) == np.inf else float(min(found))


def num_strategy_profiles(num_types: tuple[int, ...], num_actions: tuple[int, ...]) -> int:
    """How many profiles of pure strategies there are, Π A_i^K_i."""
    return math.prod(a**k for k, a in zip(num_types, num_actions, strict=True))


def _strategic_form(prior: np.ndarray, followers: np.ndarray, leader: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every profile of pure strategies: the leader's payoff ``[S]``, and deviators' gains ``[Σ K_i A_i, S]``."""
    n = prior.ndim
    num_actions = leader.shape[n:]
    per_type = [a for k, a in zip(prior.shape, num_actions, strict=True) for _ in range(k)]
    plans = all_profiles(tuple(per_type))  # [S, Σ K_i]
    first = np.cumsum([0, *prior.shape])
    value = np.zeros(len(plans))
    deviations = {
        (i, k, b): np.zeros(len(plans)) for i in range(n) for k in range(prior.shape[i]) for b in range(num_actions[i])
    }
    for types in all_profiles(prior.shape):
        weight = prior[tuple(types)]
        actions = [plans[:, first[i] + types[i]] for i in range(n)]
        value += weight * leader[(*types, *actions)]
        for i in range(n):
            obeyed = followers[(i, *types, *actions)]
            for b in range(num_actions[i]):
                instead = [np.full(len(plans), b) if j == i else actions[j] for j in range(n)]
                deviations[i, types[i], b] += weight * (followers[(i, *types, *instead)] - obeyed)
    return value, np.stack(list(deviations.values()))


def _extreme(objective: np.ndarray, gains: np.ndarray, slack: float) -> float:
    """The largest expectation of ``objective [S]`` over distributions that leave no deviator more than ``slack`` to gain."""
    found = solved(objective, scaled_columns(gains.T).T, slack, np.ones(len(objective)), (0, None))
    if found.status != 0:  # never infeasible: every finite game has a coarse-correlated equilibrium
        raise ArithmeticError(f"the linear programme of the followers' replies failed: {found.message}")
    chances = distribution(found.x)
    if slack == 0.0 and not leaves_no_gain(chances, gains.T, NO_GAIN):  # checked again in float64
        raise ArithmeticError("the linear programme's answer leaves a follower something to gain")
    return float(objective @ chances)
