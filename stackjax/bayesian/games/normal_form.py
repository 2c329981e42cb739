"""Matrix games: the leader commits to a row (or a mix of rows), each follower picks an action.

`escape` and `maintain` are the games of Zhang et al. (2019), as in Brero et al. (2023), Tables 2 and 4. A user's
own game comes from an array, see `matrix_game`, from a file, see `load_matrix_game`, or from OpenSpiel.
"""

import functools
import math
import pathlib
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.games.base import OneShotGame
from stackjax.bayesian.games.openspiel import is_one_shot, load_openspiel
from stackjax.bayesian.games.payoff_checks import checked_prior
from stackjax.bayesian.games.payoff_files import PayoffFile, checked_names, checked_payoffs, checked_types, plain_payoffs
from stackjax.bayesian.games.penalties import without_penalties
from stackjax.bayesian.linear.game import LinearGame, mixing_game
from stackjax.errors import InputError, require_is
from stackjax.pictures import Picture, cells
from stackjax.problem import Optimum
from stackjax.simplices import Simplex
from stackjax.spaces import Discrete
from stackjax.types import Array, PyTree

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
      payoff_table: ``[A_0, A_1, ..., A_N, 1 + N]``, leader's action first and leader's payoff first, game units; with private
        types ``[K_1, ..., K_N, A_0, A_1, ..., A_N, 1 + N]``.
      action_names: what each agent's actions are called, leader first; empty for "row A", "column A" and so on.
      randomized: whether the leader commits to a mix of rows (Brero et al. 2023, Section 7.1). Its action is then the
        probability of each row.
    """

    def __init__(
        self,
        name: str,
        payoffs: Any,
        randomized: bool = False,
        optimum: Optimum | None = None,
        action_names: tuple[tuple[str, ...], ...] = (),
        prior: np.ndarray | None = None,
        type_names: tuple[tuple[str, ...], ...] = (),
    ) -> None:
        self.name = name
        self.payoff_table = np.asarray(payoffs, np.float64)
        self.randomized = self.is_smooth = randomized
        self._optimum = optimum
        self.has_types, self.type_names = prior is not None, type_names
        axes = 0 if prior is None else prior.ndim  # of types
        self.num_rows, *follower_actions = self.payoff_table.shape[axes:-1]
        self.num_actions = tuple(follower_actions)
        self.type_prior = np.ones((1,) * len(follower_actions)) if prior is None else prior
        self.action_names = action_names
        row_names = tuple(self.describe_row(row) for row in range(self.num_rows))
        self.leader_actions = (Simplex if randomized else Discrete)(self.num_rows, row_names)
        leader, *followers = np.moveaxis(self.payoff_table, -1, 0)
        best_replies = [payoffs.max(axis=axes + 1 + i, keepdims=True) for i, payoffs in enumerate(followers)]
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
        table = jnp.asarray(self.payoff_table, jnp.result_type(float))
        if self.has_types:
            table = table[tuple(types[i] for i in range(self.num_followers))]
        columns = table[(slice(None), *(actions[i] for i in range(self.num_followers)))]  # [A_0, 1 + N]
        if self.randomized:  # in full: some devices would round the factors of a product, also where nobody judges
            return jnp.matmul(leader_action, columns, precision="highest")
        return columns[leader_action]

    def outcome(self, types: Array, actions: Array, state: PyTree) -> tuple[Array, Array]:
        """What followers did, and the row that came up."""
        if not self.randomized:
            return super().outcome(types, actions, state)
        rows = jnp.arange(self.num_rows, dtype=jnp.result_type(float))[:, None]
        own = jnp.broadcast_to(actions[None].astype(rows.dtype), (self.num_rows, self.num_followers))
        return jnp.concatenate([own, rows], axis=1), state["leader_action"]

    def optimum(self) -> Optimum | None:
        return self._optimum

    def linear(self) -> LinearGame | None:
        """See `Game.linear`; None for several followers, or a leader who does not mix."""
        if not self.randomized or self.num_followers > 1:
            return None
        table = self.payoff_table if self.has_types else self.payoff_table[None]
        low, high = self.competing_range
        return mixing_game(table[..., 0], table[..., 1], self.type_prior, high - low)

    def describe_type(self, follower: int, type_index: int) -> str:
        return self.type_names[follower][type_index] if self.type_names else super().describe_type(follower, type_index)

    def describe_row(self, row: int) -> str:
        """What the leader's ``row`` is called."""
        return self.action_names[0][row] if self.action_names else f"row {row_label(row)}"

    def describe_action(self, follower: int, action: int) -> str:
        return self.action_names[1 + follower][action] if self.action_names else f"column {row_label(action)}"

    def explain(self, observations: np.ndarray, leader_actions: np.ndarray, paths: list[Any]) -> list[str]:
        if not self.randomized:
            return super().explain(observations, leader_actions, paths)
        mix = leader_actions[0]
        names = [self.describe_row(row).removeprefix("row ") for row in range(len(mix))]
        shown = [f"{name} {p:.3f}" for name, p in zip(names, mix, strict=True) if len(mix) <= FEW_ROWS or p >= 5e-4]
        rest = ", the others 0" if len(shown) < len(mix) else ""
        return ["rows mixed " + ", ".join(shown) + rest]

    def picture(
        self, leader_actions: np.ndarray, paths: list[Any], chances: list[float], strategies: list[np.ndarray]
    ) -> Picture:
        """The payoffs, leader first, shaded by how often they are played; of a large game what is played at all."""
        columns, kinds = self.num_actions, list(np.ndindex(*self.num_types))
        rows, first = self.num_rows, leader_actions[0]
        mix = first if self.randomized else np.eye(rows)[first]
        by_types = [[table[k] for table, k in zip(strategies, kind, strict=True)] for kind in kinds]
        play = np.concatenate([functools.reduce(np.multiply.outer, tables).ravel() for tables in by_types])
        play *= np.repeat(self.type_prior.ravel(), math.prod(columns))
        is_large, title = rows * play.size > MOST_DRAWN, "Payoffs, and how often they are played"
        some = [np.flatnonzero(chances >= 5e-4) if is_large else np.arange(chances.size) for chances in (mix, play)]
        if some[0].size * some[1].size > MOST_DRAWN:
            return super().picture(leader_actions, paths, chances, strategies)
        payoffs = np.moveaxis(self.payoff_table.reshape(len(kinds), rows, math.prod(columns), -1), 1, 0).reshape(
            rows, play.size, -1
        )
        places = [(kind, place) for kind in kinds for place in np.ndindex(*columns)]
        texts = [[", ".join(f"{x:.4g}" for x in payoffs[row, k]) for k in some[1]] for row in some[0]]
        names = [self._told(*places[k]) for k in some[1]]
        labels = [f"{self.describe_row(row)} ({mix[row]:.3g})" for row in some[0].tolist()]
        title += " (rows and columns that are played)" if is_large else ""
        return cells(title, labels, names, np.outer(mix[some[0]], play[some[1]]).tolist(), texts)

    def _told(self, kinds: tuple[int, ...], actions: tuple[int, ...]) -> str:
        """What followers of some types do, in words."""
        each = [self.describe_action(i, a) for i, a in enumerate(actions)]
        if self.has_types:
            each = [f"{self.describe_type(i, k)} {action}" for i, (k, action) in enumerate(zip(kinds, each, strict=True))]
        return ", ".join(each)


def row_label(index: int) -> str:
    """A, B, ..., Z, then 26, 27, ...: how the paper names rows and columns."""
    return chr(ord("A") + index) if index < 26 else str(index)


def matrix_game(
    payoffs: Any,
    *,
    prior: Any = None,
    randomized: bool = False,
    name: str = "matrix-game",
    action_names: Sequence[Sequence[str]] | None = None,
    types: Sequence[Any] | None = None,
) -> MatrixGame:
    """A matrix game from nested lists or an array ``[A_0, A_1, ..., A_N, 1 + N]``, leader first in both.

    Args:
      payoffs: in game units; with a ``prior`` the followers' types come first, ``[K_1, ..., K_N, A_0, A_1, ..., A_N, 1 + N]``.
      prior: ``[K_1, ..., K_N]`` the chances of the followers' private types, which may be correlated; None for no types.
      randomized: whether the leader mixes rows.
      name: of the game.
      action_names: for each agent, leader first, what its actions are called, for example
        ``[["swerve", "drive on"], ["swerve", "drive on"]]``; by default "row A", "column A" and so on.
      types: what each follower's types are called, a list for each follower; of one follower a plain list will do.

    Raises:
      InputError: ragged, not numbers, NaN or infinite, or of a rank that does not fit; or the prior or the names do not fit.
    """
    require_is("randomized", randomized, bool, "True or False")
    require_is("name", name, str, "a word")
    chances = None if prior is None else checked_prior(prior)
    table = checked_payoffs(payoffs, chances)
    names = checked_names(action_names, table.shape[0 if chances is None else chances.ndim : -1])
    return MatrixGame(name, table, randomized, None, names, chances, checked_types(types, chances))


def load_matrix_game(path: str | pathlib.Path, *, randomized: bool = False) -> MatrixGame:
    """A matrix game from a file.

    ``.json`` holds ``{"payoffs": ...}`` as in `matrix_game`, or ``{"A": ..., "B": ...}``, a table for each of two agents, and
    ``action_names``, ``name`` and ``randomized`` if it likes; with ``prior``, and ``types`` if it likes, the followers' types
    come first in its tables. ``.npz`` holds an array ``payoffs``, and perhaps ``prior``; other arrays do not matter.
    ``.nfg`` is Gambit's strategic form, whose names of strategies are kept. ``.efg`` is its extensive form; actions are
    then the players' plans, what to do wherever one may come by following them.

    Args:
      path: of the file; its text is UTF-8, or UTF-16 with a byte order mark.
      randomized: whether the leader mixes rows, also where the file does not say so.

    Raises:
      InputError: the file is missing, unreadable, or holds no game.
    """
    return game_of(plain_payoffs(pathlib.Path(path)), randomized=randomized)


def game_of(file: PayoffFile, *, randomized: bool = False) -> MatrixGame:
    """The game that a file holds."""
    mixes, name = randomized or file.randomized, file.name or "matrix-game"
    return matrix_game(
        file.payoffs, prior=file.prior, randomized=mixes, name=name, action_names=file.action_names, types=file.types
    )


def openspiel_game(text: str, *, randomized: bool = False) -> MatrixGame:
    """The one-shot game that OpenSpiel loads by ``text``: ``"matrix_pd"``, ``"blotto(coins=3,fields=2,players=3)"``.

    Needs OpenSpiel (``pip install 'stackjax[openspiel]'``).

    Raises:
      InputError: OpenSpiel is not installed, has no such game, or the game is not one-shot.
    """
    game, name = load_openspiel(text), text.partition("(")[0]
    if not is_one_shot(game):
        raise InputError(f"OpenSpiel's {text!r} is not a one-shot game with simultaneous moves")
    import pyspiel

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
