"""A game of one follower in sequence form: its payoffs, plans and best replies as the matrices of linear programmes."""

from typing import Literal, NamedTuple

import numpy as np
import scipy

from stackjax.extensive.exact import best_reply, best_value
from stackjax.extensive.induced import behaviour_of, counterfactual, normalised, plan_of
from stackjax.extensive.treeplex import ExtensiveGame, Treeplex

__all__ = [
    "Reply",
    "SequenceForm",
    "best_values",
    "following",
    "in_spreads",
    "kept",
    "leader_plan",
    "reply_to",
    "sequence_form",
]

NOTHING = 1e-11  # a plan's entry that is a solver's rounding


class SequenceForm(NamedTuple):
    """Payoffs less their middle, over their spread: at most 1/2. ``n`` are the follower's sequences, ``Q`` the leader's.

    Attributes:
      game: whose.
      leader, follower: sparse ``[n, Q]``, what pairs of sequences pay.
      rows: int ``[n]`` the rows of the follower's sequences in its treeplex, without those of actions that there are not.
      plans: sparse ``[I_0 + 1, Q]``: ``plans @ x`` is 0 but for the last entry, 1, of the leader's plans ``x``.
      values: sparse ``[n, I_1 + 1]``: of what the follower's sets are worth, the last for the whole game, ``values @ v`` is the
        worth of each sequence's set less that of the sets that follow.
      most: ``[Q]`` 0 for actions that there are not, else 1.
      units, middles: of the leader and the follower, game units.
    """

    game: ExtensiveGame
    leader: scipy.sparse.csr_array
    follower: scipy.sparse.csr_array
    rows: np.ndarray
    plans: scipy.sparse.csr_array
    values: scipy.sparse.csr_array
    most: np.ndarray
    units: tuple[float, ...]
    middles: tuple[float, ...]

    def in_game_units(self, value: float) -> float:
        """What the leader is paid, game units."""
        return float(value * self.units[0] + self.middles[0])

    @property
    def right(self) -> np.ndarray:
        """``[I_0 + 1]``, what ``plans @ x`` must be."""
        return np.append(np.zeros(self.plans.shape[0] - 1), 1.0)

    def averse(self, share: float) -> "SequenceForm":
        """The same with a follower who dislikes, by a ``share``, what the leader is paid: of equal plans it takes the worst."""
        return self._replace(follower=(self.follower - share * self.leader).tocsr())


def sequence_form(game: ExtensiveGame) -> SequenceForm:
    """The matrices of a ``game`` of one follower."""
    own, other = game.treeplexes
    rows = np.append(np.flatnonzero(other.mask), other.empty)
    place = np.full(other.num_rows, -1)
    place[rows] = np.arange(len(rows))
    numbers, units, middles = in_spreads(game)
    cells = place[game.leaf_rows[1]], game.leaf_rows[0]
    tables = [scipy.sparse.csr_array((paid, cells), (len(rows), own.num_rows)) for paid in numbers]
    most = np.append(own.mask.ravel(), True).astype(float)
    leader, follower = tables
    return SequenceForm(game, leader, follower, rows, following(own).T.tocsr(), following(other)[rows], most, units, middles)


def in_spreads(game: ExtensiveGame) -> tuple[np.ndarray, tuple[float, ...], tuple[float, ...]]:
    """What entries of leaves pay ``[1 + N, L]``, less the middle of a player's payoffs, over their spread; and both."""
    units = tuple((high - low) or 1.0 for low, high in game.payoff_ranges)
    middles = tuple((low + high) / 2 for low, high in game.payoff_ranges)
    return (game.leaf_paid - np.outer(middles, game.leaf_chance)) / np.array(units)[:, None], units, middles


def following(treeplex: Treeplex) -> scipy.sparse.csr_array:
    """``[Q, I + 1]``: 1 at each sequence's set, -1 at the sets that follow it; the empty sequence's set is the last."""
    sets, width, root = treeplex.num_sets, treeplex.num_actions, treeplex.num_sets
    legal = np.flatnonzero(treeplex.mask)
    rows = np.concatenate([legal, [treeplex.empty], treeplex.parent])
    columns = np.concatenate([legal // width, [root], np.arange(sets)])
    signs = np.concatenate([np.ones(len(legal) + 1), -np.ones(sets)])
    return scipy.sparse.csr_array((signs, (rows, columns)), (treeplex.num_rows, sets + 1))


def leader_plan(treeplex: Treeplex, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The behaviour ``[I, A]`` of a solver's plan ``x [Q]``, and the plan exactly; all actions alike where it does not come."""
    kept = np.where(x > NOTHING, x, 0.0)
    behaviour = behaviour_of(treeplex, kept)
    return behaviour, plan_of(treeplex, behaviour)


def best_values(treeplex: Treeplex, payoffs: np.ndarray) -> np.ndarray:
    """``[*B]`` the most of payoffs ``[Q, *B]`` that are linear in the treeplex's plans."""
    return np.asarray(best_value(treeplex, payoffs))


class Reply(NamedTuple):
    """What the follower answers.

    Attributes:
      plan: ``[n]`` 0 or 1, by the form's rows.
      behaviour: ``[I_1, A_1]`` 0 or 1, off the plan too.
      leader: what the leader is paid, in the form's units.
    """

    plan: np.ndarray
    behaviour: np.ndarray
    leader: float


def reply_to(
    form: SequenceForm,
    plan: np.ndarray,
    ties: Literal["for", "against"],
    tie: float,
    least: float = 0.0,
    noise: np.ndarray | float = 0.0,
) -> Reply:
    """A best reply to the leader's ``plan [Q]``, by the backward pass.

    Args:
      form: the game's.
      plan: the leader's.
      ties: for whom ties are broken.
      tie: by how much an action may fall short, once at its set, of the follower's spread.
      least: by how much it may at any rate, however unlikely the set.
      noise: ``[n]`` by which shares what sequences pay the leader is told wrongly, where ties are to be broken at random.
    """
    game = form.game
    other = game.treeplexes[1]
    payoffs, own = np.zeros((2, other.num_rows)), form.leader @ plan
    payoffs[0, form.rows], payoffs[1, form.rows] = form.follower @ plan, own * (1.0 + noise)
    slack = np.maximum(tie * counterfactual(game, 1, [plan, None]), least)
    behaviour = np.asarray(best_reply(other, payoffs, slack, ties).behaviour)
    taken = plan_of(other, behaviour)[form.rows]
    return Reply(taken, behaviour, float(taken @ own))


def kept(treeplex: Treeplex, behaviour: np.ndarray) -> np.ndarray:
    """The plan of a behaviour ``[I, A]`` as a run keeps it, in float32."""
    return plan_of(treeplex, normalised(treeplex, behaviour.astype(np.float32).astype(np.float64)))
