"""What is certified of play in a game in extensive form: how far it is from an equilibrium, exactly."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from stackjax.errors import InputError, require_array
from stackjax.extensive.exact import best_value
from stackjax.extensive.induced import InducedExtensiveGame, expected, gradient, induce, normalised, plan_of, uniform
from stackjax.extensive.treeplex import ExtensiveGame, Treeplex
from stackjax.types import Array

__all__ = ["ExtensiveCertificate", "best_gains", "cce_gap", "exploitability", "nash_conv"]


class ExtensiveCertificate(NamedTuple):
    """What a commitment is worth against its followers' play, exactly, game units.

    Attributes:
      leader_payoff: to the leader, under the play.
      follower_payoffs: ``[N]`` to the followers.
      gap: of one follower how much more a best reply pays it; of several the most that any of them gains by a plan of its own
        instead of its part in what was played, the gap from a coarse correlated equilibrium.
      nash_conv: the sum over followers of what each gains by a best reply to the others' averages.
      strong_payoff, weak_payoff: to the leader, if a lone exact follower breaks its ties for and against it; with several
        followers what was played pays.
      play: ``[N, I, A]`` the chances of each follower's actions, padded.
      dropped: how many nodes an iteration of abcs did not go on from, on average, because the frontier was full; else None.
    """

    leader_payoff: Array
    follower_payoffs: Array
    gap: Array
    nash_conv: Array
    strong_payoff: Array
    weak_payoff: Array
    play: Array
    dropped: Array | None = None


def best_gains(game: ExtensiveGame, induced: InducedExtensiveGame, plans: Sequence[Any]) -> list[Any]:
    """Of each follower ``[*B]``, what it gains by a best reply if the others keep to ``plans``, each ``[Q_i, *B]``."""
    paid, found = expected(game, induced, plans), []
    for i in range(game.num_followers):
        best = best_value(game.treeplexes[1 + i], gradient(game, induced, plans, i))
        found.append(best - paid[1 + i])
    return found


def cce_gap(treeplex: Treeplex, gradients: Any, earned: Any, weight: Any) -> Any:
    """``[*B]`` what a player gains by one plan of its own instead of what it played over time.

    Args:
      treeplex: the player's.
      gradients: ``[Q, *B]`` the sum over time of what sequences paid it, weighted.
      earned: ``[*B]`` the sum of what it was paid, with the same weights.
      weight: the sum of the weights.

    References: Hannan (1957); Farina, Bianchi and Sandholm (2020), "Coarse correlation in extensive-form games".
    """
    return (best_value(treeplex, gradients) - earned) / weight


def nash_conv(game: ExtensiveGame, behaviours: Sequence[Any] | None = None) -> float:
    """The sum over all players, the leader too, of what each gains by a best reply to the others, game units; in float64.

    Args:
      game: the game.
      behaviours: of each player, leader first, the chances of its actions ``[I, A]`` as in `ExtensiveGame.treeplexes`; by
        default all actions are equally likely.

    Raises:
      InputError: a behaviour is of another shape, or holds what is no chance.

    References: Lanctot et al. (2017).
    """
    return float(sum(_gains(game, behaviours)))


def exploitability(game: ExtensiveGame, behaviours: Sequence[Any] | None = None) -> float:
    """`nash_conv` over the number of players."""
    return nash_conv(game, behaviours) / len(game.seats)


def _gains(game: ExtensiveGame, behaviours: Sequence[Any] | None) -> list[float]:
    given = [uniform(one) for one in game.treeplexes] if behaviours is None else list(behaviours)
    if len(given) != len(game.seats):
        raise InputError(f"behaviours={len(given)} of them must be as many as the {len(game.seats)} players who move")
    plans = [
        plan_of(own, _checked(own, made, who)) for own, made, who in zip(game.treeplexes, given, game.player_names, strict=True)
    ]
    induced = induce(game, plans[0])
    followers = best_gains(game, induced, plans[1:])
    reached = np.prod([plan[rows] for plan, rows in zip(plans[1:], game.leaf_rows[1:], strict=True)], axis=0)
    slopes = np.bincount(game.leaf_rows[0], game.leaf_paid[0] * reached, minlength=game.treeplexes[0].num_rows)
    return [float(best_value(game.treeplexes[0], slopes) - slopes @ plans[0]), *map(float, followers)]


def _checked(treeplex: Treeplex, behaviour: Any, who: str) -> np.ndarray:
    """The behaviour in float64, with chances that sum to 1."""
    made = require_array("behaviours", behaviour).astype(np.float64)
    shape = treeplex.mask.shape
    if made.shape != shape:
        raise InputError(f"behaviours of {who} have shape {made.shape}, but must be {shape}, its sets and their actions")
    total = np.where(treeplex.mask, made, 0.0).sum(axis=1)
    wrong = ~((made >= 0).all(axis=1) & (np.abs(total - 1.0) <= 1e-4))  # True for NaN
    if wrong.any():
        place = int(np.flatnonzero(wrong)[0])
        where = f"{who} at set {treeplex.set_names[place]!r}"
        raise InputError(f"behaviours of {where} are {made[place].tolist()}; they must be chances that sum to 1")
    return normalised(treeplex, made)
