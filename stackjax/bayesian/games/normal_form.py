"""Matrix games: the leader commits to a row (or a mix of rows), each follower picks an action.

`escape` and `maintain` are the games of Zhang et al. (2019), as in Brero et al. (2023), Tables 2 and 4. A user's
own game comes from an array, see `matrix_game`, from a file, see `load_matrix_game`, or from OpenSpiel.
"""

import functools
import pathlib
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from stackjax.arrays import shares
from stackjax.bayesian.games.base import OneShotGame
from stackjax.bayesian.games.payoff_files import PayoffFile, checked_names, checked_payoffs, read_payoffs
from stackjax.bayesian.games.penalties import without_penalties
from stackjax.errors import InputError, near_matches, require_is
from stackjax.pictures import Picture, cells
from stackjax.problem import Optimum
from stackjax.spaces import Box, Discrete
from stackjax.types import Array

__all__ = ["MatrixGame", "escape", "game_of", "load_matrix_game", "maintain", "matrix_game", "openspiel_game", "row_label"]

ESCAPE = [[(15, 15), (10, 10), (0, 0)], [(10, 10), (10, 10), (0, 0)], [(0, 0), (0, 0), (30, 30)]]
NEAR = 2e-5  # of a supremum: the δ of a mix that comes as close as a claim must
FLOOR = 100.0  # of the payoff scale: how far below the least best reply followers still tell payoffs apart
MOST_DRAWN = 400  # cells of a picture
FEW_ROWS = 12  # of these a mix is told row by row, of more those that are played
MAINTAIN = [[(20, 15), (0, 0), (0, 0)], [(30, 0), (10, 5), (0, 0)], [(0, 0), (0, 0), (5, 10)]]


class MatrixGame(OneShotGame):
    """A matrix game with one leader and any number of followers.

    Attributes:
      payoff_table: ``[A_0, A_1, ..., A_N, 1 + N]``, leader's action first and leader's payoff first, game units.
      action_names: what each agent's actions are called, leader first; empty for "row A", "column A" and so on.
      randomized: whether the leader commits to a mix of rows. Its action is then a weight in [0, 1] for each row,
        and the mix is the weights divided by their sum (Brero et al. 2023, Section 7.1).
    """

    def __init__(
        self,
        name: str,
        payoffs: Any,
        randomized: bool = False,
        optimum: Optimum | None = None,
        action_names: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        self.name = name
        self.payoff_table = np.asarray(payoffs, np.float64)
        self.randomized = randomized
        self._optimum = optimum
        num_rows, *follower_actions = self.payoff_table.shape[:-1]
        self.num_actions = tuple(follower_actions)
        self.type_prior = np.ones((1,) * len(follower_actions))
        self.action_names = action_names
        row_names = tuple(self.describe_row(row) for row in range(num_rows))
        self.leader_actions = Box((0.0,) * num_rows, (1.0,) * num_rows) if randomized else Discrete(num_rows, row_names)
        leader, *followers = np.moveaxis(self.payoff_table, -1, 0)
        best_replies = [payoffs.max(axis=1 + i, keepdims=True) for i, payoffs in enumerate(followers)]
        losses = np.concatenate([(best - own).ravel() for best, own in zip(best_replies, followers, strict=True)])
        competing, spread = without_penalties(losses), max(float(np.ptp(payoffs)) for payoffs in followers)
        self.payoff_scale = (competing if competing < losses.max() else spread) or 1.0
        if competing < losses.max():
            self.payoff_floor = min(float(best.min()) for best in best_replies) - FLOOR * self.payoff_scale
        lowest, highest = float(leader.min()), float(leader.max())
        self.leader_payoff_range = (lowest, highest if highest > lowest else lowest + 1.0)
        self._least_competing = highest - without_penalties((highest - leader).ravel())

    @property
    def competing_range(self) -> tuple[float, float]:
        low, high = self.leader_payoff_range
        return (max(low, self._least_competing), high) if self._least_competing < high else (low, high)

    def observation(self, actions: Array) -> Array:
        del actions
        return jnp.ones(1)

    def outcome_payoffs(self, types: Array, actions: Array, leader_action: Array) -> Array:
        del types
        table = jnp.asarray(self.payoff_table, jnp.result_type(float))
        columns = table[(slice(None), *(actions[i] for i in range(self.num_followers)))]  # [A_0, 1 + N]
        if self.randomized:  # in full: some devices would round the factors of a product, also where nobody judges
            return jnp.matmul(self.row_mix(leader_action), columns, precision="highest")
        return columns[leader_action]

    def row_mix(self, leader_action: Array) -> Array:
        """The probabilities of the rows: weights over their sum, uniform if all are zero."""
        return shares(leader_action)

    def optimum(self) -> Optimum | None:
        return self._optimum

    def describe_row(self, row: int) -> str:
        """What the leader's ``row`` is called."""
        return self.action_names[0][row] if self.action_names else f"row {row_label(row)}"

    def describe_action(self, follower: int, action: int) -> str:
        return self.action_names[1 + follower][action] if self.action_names else f"column {row_label(action)}"

    def explain(self, observations: np.ndarray, leader_actions: np.ndarray, paths: list[Any]) -> list[str]:
        if not self.randomized:
            return super().explain(observations, leader_actions, paths)
        mix = np.asarray(self.row_mix(jnp.asarray(leader_actions[0])))
        names = [self.describe_row(row).removeprefix("row ") for row in range(len(mix))]
        shown = [f"{name} {p:.3f}" for name, p in zip(names, mix, strict=True) if len(mix) <= FEW_ROWS or p >= 5e-4]
        rest = ", the others 0" if len(shown) < len(mix) else ""
        return ["rows mixed " + ", ".join(shown) + rest]

    def picture(
        self, leader_actions: np.ndarray, paths: list[Any], chances: list[float], strategies: list[np.ndarray]
    ) -> Picture:
        """The payoffs, leader first, shaded by how often they are played; of a large game what is played at all."""
        rows, *columns = self.payoff_table.shape[:-1]
        first = leader_actions[0]
        mix = np.asarray(self.row_mix(jnp.asarray(first))) if self.randomized else np.eye(rows)[first]
        play = functools.reduce(np.multiply.outer, [table[0] for table in strategies]).ravel()
        is_large, title = rows * play.size > MOST_DRAWN, "Payoffs, and how often they are played"
        some = [np.flatnonzero(chances >= 5e-4) if is_large else np.arange(chances.size) for chances in (mix, play)]
        if some[0].size * some[1].size > MOST_DRAWN:
            return super().picture(leader_actions, paths, chances, strategies)
        payoffs, places = self.payoff_table.reshape(rows, play.size, -1), list(np.ndindex(*columns))
        texts = [[", ".join(f"{x:.4g}" for x in payoffs[row, k]) for k in some[1]] for row in some[0]]
        names = [", ".join(self.describe_action(i, a) for i, a in enumerate(places[k])) for k in some[1]]
        labels = [f"{self.describe_row(row)} ({mix[row]:.3g})" for row in some[0].tolist()]
        title += " (rows and columns that are played)" if is_large else ""
        return cells(title, labels, names, np.outer(mix[some[0]], play[some[1]]).tolist(), texts)


def row_label(index: int) -> str:
    """A, B, ..., Z, then 26, 27, ...: how the paper names rows and columns."""
    return chr(ord("A") + index) if index < 26 else str(index)


def matrix_game(
    payoffs: Any, *, randomized: bool = False, name: str = "matrix-game", action_names: Sequence[Sequence[str]] | None = None
) -> MatrixGame:
    """A matrix game from nested lists or an array ``[A_0, A_1, ..., A_N, 1 + N]``, leader first in both.

    Args:
      payoffs: in game units.
      randomized: whether the leader mixes rows.
      name: of the game.
      action_names: for each agent, leader first, what its actions are called, for example
        ``[["swerve", "drive on"], ["swerve", "drive on"]]``; by default "row A", "column A" and so on.

    Raises:
      InputError: ragged, not numbers, NaN or infinite, or of a rank that does not fit; or the names do not fit.
    """
    require_is("randomized", randomized, bool, "True or False")
    require_is("name", name, str, "a word")
    table = checked_payoffs(payoffs)
    return MatrixGame(name, table, randomized, action_names=checked_names(action_names, table.shape[:-1]))


def load_matrix_game(path: str | pathlib.Path, *, randomized: bool = False) -> MatrixGame:
    """A matrix game from a file.

    ``.json`` holds ``{"payoffs": ...}`` as in `matrix_game`, or ``{"A": ..., "B": ...}``, a table for each of two agents, and
    ``action_names``, ``name`` and ``randomized`` if it likes. ``.npz`` holds an array ``payoffs``; other arrays do not matter.
    ``.nfg`` is Gambit's strategic form, whose names of strategies are kept. ``.efg`` is its extensive form; actions are
    then the players' plans, what to do wherever one may come by following them.

    Args:
      path: of the file; its text is UTF-8, or UTF-16 with a byte order mark.
      randomized: whether the leader mixes rows, also where the file does not say so.

    Raises:
      InputError: the file is missing, unreadable, or holds no game.
    """
    return game_of(read_payoffs(pathlib.Path(path)), randomized=randomized)


def game_of(file: PayoffFile, *, randomized: bool = False) -> MatrixGame:
    """The game that a file holds."""
    mixes = randomized or file.randomized
    return matrix_game(file.payoffs, randomized=mixes, name=file.name or "matrix-game", action_names=file.action_names)


def openspiel_game(text: str, *, randomized: bool = False) -> MatrixGame:
    """The one-shot game that OpenSpiel loads by ``text``: ``"matrix_pd"``, ``"blotto(coins=3,fields=2,players=3)"``.

    Needs OpenSpiel (``pip install 'stackjax[openspiel]'``).

    Raises:
      InputError: OpenSpiel is not installed, has no such game, or the game is not one-shot.
    """
    try:
        import pyspiel
    except ImportError as error:
        raise InputError("openspiel: games need OpenSpiel: pip install 'stackjax[openspiel]'") from error
    name, known = text.partition("(")[0], pyspiel.registered_names()
    if name not in known:
        raise InputError(f"OpenSpiel has no game {name!r}.{near_matches(name, known)}")
    try:
        game = pyspiel.load_game(text)
    except Exception as error:
        raise InputError(f"OpenSpiel cannot load {text!r}: {str(error).partition(chr(10))[0]}") from error
    kind = game.get_type()
    if kind.information != pyspiel.GameType.Information.ONE_SHOT or kind.dynamics != pyspiel.GameType.Dynamics.SIMULTANEOUS:
        raise InputError(f"OpenSpiel's {text!r} is not a one-shot game with simultaneous moves")
    tensor = pyspiel.extensive_to_tensor_game(game)
    payoffs = [np.reshape(tensor.player_utilities(player), tensor.shape()) for player in range(game.num_players())]
    return matrix_game(np.stack(payoffs, axis=-1), randomized=randomized, name=name)


def escape(*, randomized: bool = False) -> MatrixGame:
    """Escape: row C with column C pays both players their best, 30."""
    name = "escape-randomized" if randomized else "escape"
    return MatrixGame(name, ESCAPE, randomized, Optimum(30.0, "closed-form", [[0.0, 0.0, 1.0]] if randomized else [2]))


def maintain(*, randomized: bool = False) -> MatrixGame:
    """Maintain: row A pays 20; mixing A with probability 1/4 + δ and B with the rest pays up to 27.5, a supremum."""
    if randomized:
        close = [[0.25 + NEAR, 0.75 - NEAR, 0.0]]
        return MatrixGame("maintain-randomized", MAINTAIN, True, Optimum(27.5, "closed-form", close))
    return MatrixGame("maintain", MAINTAIN, False, Optimum(20.0, "closed-form", [0]))
