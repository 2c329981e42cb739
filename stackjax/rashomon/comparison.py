"""Two commitments side by side: where they lead elsewhere, and who is paid what."""

from typing import Any, NamedTuple

import numpy as np

__all__ = ["Comparison"]


class Comparison(NamedTuple):
    """What changes if one run's commitment takes the place of another's.

    Attributes:
      names: of the two runs, with the seeds whose commitments are compared.
      game: their name.
      payoffs: ``[2]`` what the leader is paid, game units.
      churn: the share of profiles of types, by weight, at which they lead elsewhere, by what counts as an outcome.
      apart: ``[T]`` likewise, at each profile.
      weights, profiles: ``[T]`` the profiles' chances, and what they are called.
      utilities: ``[2, N, T]`` what followers are paid, game units.
    """

    names: tuple[str, str]
    game: str
    payoffs: np.ndarray
    churn: dict[str, float]
    apart: dict[str, np.ndarray]
    weights: np.ndarray
    profiles: list[str]
    utilities: np.ndarray

    @property
    def gains(self) -> np.ndarray:
        """``[N, T]`` what each follower gains at each profile if the second takes the first one's place, game units."""
        return np.asarray(self.utilities[1] - self.utilities[0])

    def to_dict(self) -> dict[str, Any]:
        """All of it, for JSON."""
        return {
            "game": self.game,
            "runs": list(self.names),
            "leader_payoffs": self.payoffs.tolist(),
            "follower_payoffs": self.followers.tolist(),
            "churn": self.churn,
            "profiles": self.profiles,
            "weights": self.weights.tolist(),
            "apart": {measure: apart.tolist() for measure, apart in self.apart.items()},
            "gains": self.gains.tolist(),
        }

    @property
    def followers(self) -> np.ndarray:
        """``[2, N]`` what followers are paid on average, game units."""
        return np.asarray(self.utilities @ self.weights)
