"""The leader's exact optimum in small Markov games: every table of actions is tried, in float64.

Written in NumPy, apart from the answers that solvers meet, so that either checks the other.
"""

import itertools
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from stackjax.errors import UnsolvedError, require_is
from stackjax.markov.answers import MOST_POLICIES, Length
from stackjax.markov.game import MarkovGame, tabulate_markov
from stackjax.spaces import Discrete

__all__ = ["MarkovOptimum", "solve_markov"]

MOST_TABLES = 65_536
MOST_PAIRS = 4_000_000  # of a leader's table and a follower's policy
TIE = 1e-9  # of the follower's payoffs in an episode: values closer than this are equal


class MarkovOptimum(NamedTuple):
    """The best table of actions.

    Attributes:
      value: the leader's payoff if the follower breaks ties in its favour, game units.
      weak_value: the most that a table pays whatever the follower does where it is indifferent; None where not computed.
      commitment: ``[S, ...]`` a table that pays ``value``, one that also pays ``weak_value`` if there is such.
      num_optimal: how many tables pay ``value``, where they were counted.
      method: how this is known, see `Optimum`.
    """

    value: float
    weak_value: float | None
    commitment: np.ndarray
    num_optimal: int | None
    method: str = "enumeration"


def solve_markov(game: MarkovGame, *, knows_time: bool = False) -> MarkovOptimum:
    """The leader's best commitment against a follower that answers best: every table is tried, or as the game has it.

    Args:
      knows_time: whether the follower may do something else in every step; without a horizon this makes no difference.

    Raises:
      InputError: ``game`` is no `MarkovGame`.
      UnsolvedError: the leader mixes or pays, there are several followers, or there are too many tables; says which.
    """
    require_is("game", game, MarkovGame, "a MarkovGame, for example sx.make('iterated')")
    if hasattr(game, "solve"):
        return game.solve(knows_time=knows_time)
    if not isinstance(game.leader_actions, Discrete):
        raise UnsolvedError(f"game {game.name!r} has a leader whose actions are real numbers; its tables cannot be enumerated")
    if game.num_followers != 1:
        raise UnsolvedError(f"game {game.name!r} has {game.num_followers} followers; exact optima are for one")
    states, count = game.num_states, game.leader_actions.n**game.num_states
    if count > MOST_TABLES:
        raise UnsolvedError(f"game {game.name!r} is too large to solve: {count} tables, more than {MOST_TABLES}")
    length = Length.of(game.horizon, game.discount)
    is_timed = knows_time or game.horizon is None
    policies = game.num_actions[0] ** states
    if not is_timed and (policies > MOST_POLICIES or policies * count > MOST_PAIRS):
        raise UnsolvedError(
            f"game {game.name!r} is too large to solve: {count} tables against {policies} policies of a follower that does not "
            f"know the time, more than {MOST_PAIRS} pairs"
        )
    tables = np.array(list(itertools.product(range(game.leader_actions.n), repeat=states)), np.int32)
    induced = tabulate_markov(game, jnp.asarray(tables))
    arrays = [np.moveaxis(np.asarray(table, np.float64), -1, 0) for table in induced[2:]]
    probability, own, leader = arrays[0], np.moveaxis(arrays[1], 1, 0)[0], arrays[2]  # [C, S, J, K], [C, S, J] twice
    lowest, highest = game.payoff_bounds[1]
    tie = TIE * max(abs(lowest), abs(highest), 1e-300) * length.steps * length.scale
    best = _timed if is_timed else _stationary
    strong, weak = best(game, length, probability, own, leader, tie)
    value, weak_value = float(strong.max()), float(weak.max())
    close = TIE * max(1.0, abs(value))
    optimal = strong >= value - close
    chosen = int(np.where(optimal, weak, -np.inf).argmax())
    return MarkovOptimum(value, weak_value, tables[chosen], int(optimal.sum()))


def _timed(
    game: MarkovGame, length: Length, probability: np.ndarray, own: np.ndarray, leader: np.ndarray, tie: float
) -> tuple[np.ndarray, np.ndarray]:
    """``[C]`` what each table pays with ties for and against the leader, by backward induction."""
    successor = game.successor.reshape(game.num_states, -1, game.num_outcomes)
    ahead = lambda values: (probability * values[:, successor]).sum(axis=-1)
    values = np.zeros((3, *own.shape[:2]))
    for _ in range(length.steps):
        q, high, low = (pays + length.discount * ahead(v) for pays, v in zip((own, leader, leader), values, strict=True))
        is_best = q >= q.max(axis=-1, keepdims=True) - tie
        values = np.stack(
            [q.max(axis=-1), np.where(is_best, high, -np.inf).max(axis=-1), np.where(is_best, low, np.inf).min(axis=-1)]
        )
    return tuple(length.scale * values[1:] @ np.asarray(game.initial))


def _stationary(
    game: MarkovGame, length: Length, probability: np.ndarray, own: np.ndarray, leader: np.ndarray, tie: float
) -> tuple[np.ndarray, np.ndarray]:
    """The same for a follower that does the same in every step: all of its policies, one after another."""
    successor = game.successor.reshape(game.num_states, -1, game.num_outcomes)
    rows = np.arange(game.num_states)
    found = []
    for policy in itertools.product(range(game.num_actions[0]), repeat=game.num_states):
        chosen = np.array(policy)
        chance, after = probability[:, rows, chosen], successor[rows, chosen]  # [C, S, K], [S, K]
        pays = np.stack([own[:, rows, chosen], leader[:, rows, chosen]])
        values = np.zeros_like(pays)
        for _ in range(length.steps):
            values = pays + length.discount * (chance * values[..., after]).sum(axis=-1)
        found.append(length.scale * values @ np.asarray(game.initial))
    follower, paid = np.moveaxis(np.array(found), 1, 0)  # [P, C] each
    is_best = follower >= follower.max(axis=0) - tie
    return np.where(is_best, paid, -np.inf).max(axis=0), np.where(is_best, paid, np.inf).min(axis=0)
