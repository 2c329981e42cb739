"""What is certified of a commitment in a Markov game."""

from typing import NamedTuple

from stackjax.types import Array

__all__ = ["MarkovCertificate"]


class MarkovCertificate(NamedTuple):
    """What a commitment is worth against its follower's answer, exactly, game units.

    Attributes:
      leader_payoff: to the leader, under the answer as the follower's rule has it.
      follower_payoff: to the follower.
      exploitability: how much more a best answer would pay the follower, of those that its rule allows (stationary, or knowing
        the time).
      strong_payoff, weak_payoff: to the leader, if an exact follower of that kind breaks its ties for and against the leader.
      policy: ``[S, A]`` the chances of the follower's actions, averaged over steps where it knows the time.
    """

    leader_payoff: Array
    follower_payoff: Array
    exploitability: Array
    strong_payoff: Array
    weak_payoff: Array
    policy: Array
