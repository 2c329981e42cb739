"""Which sub-episodes make up a round of the response phase, in what order.

With sampled feedback a round plays, for every follower i and every own action a', the profile (a', a_-i): Σ_i A_i plays
(Brero et al. 2023, Appendix C). With expected feedback it plays every action profile once: Π_i A_i plays.
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers.base import FollowerDynamics
from stackjax.bayesian.followers.multiplicative_weights import multiplicative_weights
from stackjax.bayesian.followers.rounds import all_profiles
from stackjax.bayesian.games.base import Game
from stackjax.errors import require_count
from stackjax.types import Array

__all__ = ["RoundPlays", "round_plays", "rounds_from_plays"]


class RoundPlays(NamedTuple):
    """The plays of a round.

    Attributes:
      profiles: ``[Q, N]`` the actions played; -1 means the action that the follower drew this round.
    """

    profiles: np.ndarray

    @property
    def num_plays(self) -> int:
        return len(self.profiles)

    @property
    def is_expected(self) -> bool:
        return bool((self.profiles >= 0).all()) and self.profiles.shape[1] > 1

    def profile(self, play: Array, drawn: Array) -> Array:
        """The actions ``[N]`` of one play, given the actions ``[N]`` drawn this round."""
        fixed = jnp.asarray(self.profiles, drawn.dtype)[play]
        return jnp.where(fixed >= 0, fixed, drawn)

    def learned(self, play: Array, payoffs: Array, mixed: Array) -> Array:
        """What one play adds to the payoffs ``[N, A]`` that followers learn from.

        Args:
          payoffs: ``[N]`` this play's scaled follower payoffs.
          mixed: ``[N, A]`` the followers' mixed strategies at this round's types.
        """
        fixed = jnp.asarray(self.profiles, jnp.int32)[play]
        own_actions = jnp.arange(mixed.shape[1], dtype=jnp.int32)
        own = (own_actions[None] == fixed[:, None]).astype(payoffs.dtype)  # zero rows where drawn
        weight = jnp.ones_like(payoffs)
        if self.is_expected:
            likelihood = (mixed * own).sum(axis=1)
            followers = range(len(payoffs))
            weight = jnp.stack([jnp.prod(jnp.stack([likelihood[j] for j in followers if j != i])) for i in followers])
        return own * (payoffs * weight)[:, None]


def round_plays(game: Game, dynamics: FollowerDynamics) -> RoundPlays:
    """The plays of a round of ``game`` under ``dynamics.feedback``."""
    if dynamics.feedback == "expected":
        return RoundPlays(all_profiles(game.num_actions))
    rows = []
    for follower, count in enumerate(game.num_actions):
        for action in range(count):
            row = [-1] * game.num_followers
            row[follower] = action
            rows.append(row)
    return RoundPlays(np.array(rows))


def rounds_from_plays(game: Game, num_plays: int, dynamics: FollowerDynamics | None = None) -> int:
    """Whole rounds in ``num_plays`` counterfactual sub-episodes, which is what the paper's published code counts.

    Its 100 "episodes" of a game with one follower and 3 actions are ``rounds_from_plays(game, 100) == 33`` rounds.
    """
    require_count("num_plays", num_plays)
    plays = round_plays(game, multiplicative_weights() if dynamics is None else dynamics)
    return num_plays // plays.num_plays
