"""The rules of a Markov game of several followers, and what its leader is paid for."""

import math

import numpy as np

from stackjax.errors import InputError, require
from stackjax.markov.game import MarkovGame
from stackjax.markov.groups.objectives import OBJECTIVES, Objective

__all__ = ["GroupGame"]

MOST_JOINT_ACTIONS = 4096


class GroupGame(MarkovGame):
    """A `MarkovGame` of ``N`` followers, each with any number of actions.

    Attributes:
      objective: what the leader is paid: ``"own"`` is what `payoffs` says; ``"utilitarian"``, ``"nash"``, ``"rawls"`` and
        ``"product"`` are welfares of the followers' payoffs of an episode, see `objectives.leader_payoff`.
      only_transfers: whether the leader moves payoffs from followers to followers alone, so that neither their sum nor what
        happens depends on what it does: what they can earn together then bounds its welfare, whatever it may choose from.
      free: a leader action, of real numbers, at which it earns at least as much as at any other, whatever followers do, and on
        which no chance depends, for example payments of 0: what is earned there bounds its own payoff. None for no such action.
    """

    objective: Objective = "own"
    only_transfers: bool = False
    free: tuple[float, ...] | None = None

    def check(self) -> None:
        """See `MarkovGame`; the objective must be a known one."""
        require("objective", self.objective, self.objective in OBJECTIVES, f"one of {', '.join(OBJECTIVES)}")
        super().check()
        nodes = np.asarray(self.nodes)
        is_numbered = nodes.shape == (self.num_states,) and np.array_equal(np.unique(nodes), np.arange(nodes.max() + 1))
        require(
            "nodes", nodes.tolist(), is_numbered, f"a number from 0 for each of the {self.num_states} states, none left out"
        )
        joint = math.prod(self.num_actions)
        if joint > MOST_JOINT_ACTIONS:
            raise InputError(f"num_actions={self.num_actions} make {joint} joint actions, more than {MOST_JOINT_ACTIONS}")

    @property
    def nodes(self) -> np.ndarray:
        """int ``[S]`` the leader's node in each state, from 0; it does the same where states share one. By default none do."""
        return np.arange(self.num_states, dtype=np.int32)

    def describe_node(self, node: int) -> str:
        """A node in words; by default its first state."""
        return self.describe_state(int(np.argmax(self.nodes == node)))

    def describe_follower(self, follower: int) -> str:
        """A follower in words."""
        return f"follower {follower + 1}"
