"""The game that a commitment leaves to the followers."""

from typing import NamedTuple

import numpy as np

from stackjax.bayesian.games.type_blocks import check_type_prior
from stackjax.errors import InputError, require_array
from stackjax.types import ArrayLike

__all__ = ["InducedGame", "induced_game"]


class InducedGame(NamedTuple):
    """A finite Bayesian game among followers, as a commitment leaves it. Trailing batch axes are allowed.

    Attributes:
      type_prior: ``[K_1, ..., K_N]``, joint, shared by the whole batch, or ``[K_1, ..., K_N, *batch]``.
      follower_payoffs: ``[N, K_1, ..., K_N, A_1, ..., A_N, *batch]``, game units.
      leader_payoff: ``[K_1, ..., K_N, A_1, ..., A_N, *batch]``, game units.
      features: ``[K, A, 3, *batch]`` what one follower sees of its actions, see `Game.features`; None where nothing is covered.
    """

    type_prior: ArrayLike
    follower_payoffs: ArrayLike
    leader_payoff: ArrayLike
    features: ArrayLike | None = None

    @property
    def num_followers(self) -> int:
        return self.follower_payoffs.shape[0]

    @property
    def num_types(self) -> tuple[int, ...]:
        return tuple(self.type_prior.shape[: self.num_followers])

    @property
    def num_actions(self) -> tuple[int, ...]:
        n = self.num_followers
        return tuple(self.leader_payoff.shape[n : 2 * n])

    @property
    def table_shape(self) -> tuple[int, ...]:
        return (*self.num_types, *self.num_actions)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return tuple(self.leader_payoff.shape[2 * self.num_followers :])


def induced_game(
    type_prior: ArrayLike,
    follower_payoffs: ArrayLike,
    leader_payoff: ArrayLike | None = None,
    features: ArrayLike | None = None,
) -> InducedGame:
    """A checked `InducedGame` from plain arrays: what a commitment leaves to N followers.

    Args:
      type_prior: ``[K_1, ..., K_N]`` the joint distribution of types, or ``[K_1, ..., K_N, *batch]``.
      follower_payoffs: ``[N, K_1, ..., K_N, A_1, ..., A_N, *batch]``, game units.
      leader_payoff: ``[K_1, ..., K_N, A_1, ..., A_N, *batch]``, game units; None is a game without a leader.
      features: ``[K, A, 3, *batch]`` of one follower's actions, how likely each is covered, its reward and its penalty, for
        `suqr`; see `Game.features`.

    Returns:
      The game, for `equilibrate`, `certify` and the gaps.

    Raises:
      InputError: the prior is no distribution, a shape does not fit, or a payoff is no number or not finite.
    """
    prior = require_array("type_prior", type_prior).astype(np.float64)
    followers = require_array("follower_payoffs", follower_payoffs)
    n = followers.shape[0] if followers.ndim else 0
    batch = followers.shape[1 + 2 * n :]
    fits = prior.shape in (followers.shape[1 : 1 + n], followers.shape[1 : 1 + n] + batch)
    if n < 1 or followers.ndim < 1 + 2 * n or not fits:
        raise InputError(
            f"follower_payoffs has shape {followers.shape}, but must be [N, K_1..K_N, A_1..A_N, *batch] where type_prior "
            f"has shape [K_1..K_N] or [K_1..K_N, *batch], and it has {prior.shape}"
        )
    check_type_prior(prior, n)
    nothing = np.zeros(followers.shape[1:], followers.dtype)
    leader = nothing if leader_payoff is None else require_array("leader_payoff", leader_payoff)
    if leader.shape != followers.shape[1:]:
        raise InputError(f"leader_payoff has shape {leader.shape}, but must be {followers.shape[1:]}")
    tables = {"follower_payoffs": followers, "leader_payoff": leader}
    if features is not None:
        tables["features"] = require_array("features", features)
        shape = (*followers.shape[1:3], 3, *batch)
        if n != 1 or tables["features"].shape != shape:
            raise InputError(f"features has shape {tables['features'].shape}, but must be [K, A, 3, *batch] of one follower")
    for name, table in tables.items():
        if not np.isfinite(table).all():
            raise InputError(f"{name} holds NaN or infinity; every payoff must be finite")
    return InducedGame(prior, followers, leader, tables.get("features"))
