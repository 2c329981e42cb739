"""What an episode of the Stackelberg POMDP is made of: the game, its followers, and how long they learn. Free of gymnax."""

import copy
from typing import Any, Self

import jax
import jax.numpy as jnp

from stackjax.bayesian.followers.base import FollowerDynamics, require_dynamics
from stackjax.bayesian.followers.multiplicative_weights import multiplicative_weights
from stackjax.bayesian.games.base import Game, require_game
from stackjax.bayesian.pomdp.plays import round_plays
from stackjax.bayesian.pomdp.reward_phase import RewardPlay, check_reward_play
from stackjax.bayesian.pomdp.tree import DecisionTree, decision_tree
from stackjax.errors import InputError, require, require_count

__all__ = ["EpisodeSpec"]

# The paper's lengths (Section 7): followers with private types need more rounds, and more sub-episodes to average.
BAYESIAN_LENGTHS, OTHER_LENGTHS = (1000, 100), (100, 10)


class EpisodeSpec:
    """A game, how its followers learn, and how long: all that a `StackelbergPOMDP` plays, and nothing that steps it.

    Arguments and errors are those of `StackelbergPOMDP`.
    """

    def __init__(
        self,
        game: Game,
        dynamics: FollowerDynamics | None = None,
        num_rounds: int | None = None,
        num_reward_episodes: int | None = None,
        reward_play: RewardPlay = "argmax",
        holds_commitments: bool = True,
    ) -> None:
        require_game(game)
        game.check()
        if holds_commitments and not game.has_joint_prior:
            raise InputError(
                f"game {game.name!r} has a {type(game.type_prior).__name__} as its type_prior, so that no table of what the "
                "leader sees can be formed; use holds_commitments=False, or the solvers policy and es"
            )
        if reward_play == "empirical" and not game.has_joint_prior:
            raise InputError(
                f"reward_play='empirical' counts joint plays, and game {game.name!r} is too large for that; use argmax or mixed"
            )
        lengths = BAYESIAN_LENGTHS if game.is_bayesian else OTHER_LENGTHS
        self.game = game
        self.dynamics = multiplicative_weights() if dynamics is None else dynamics
        require_dynamics(self.dynamics)
        self.num_rounds = lengths[0] if num_rounds is None else num_rounds
        self.num_reward_episodes = lengths[1] if num_reward_episodes is None else num_reward_episodes
        self.reward_play = reward_play
        for name in ("num_rounds", "num_reward_episodes"):
            require_count(name, getattr(self, name))
            require(name, getattr(self, name), getattr(self, name) < 2**31, "below 2**31")
        check_reward_play(reward_play)
        self.holds_commitments = holds_commitments
        self._tree = self._known_tree(game) if holds_commitments else None
        self.plays = round_plays(game, self.dynamics)  # what followers learn from, play by play

    @property
    def arguments(self) -> dict[str, Any]:
        """What it is made from, by name."""
        names = ("game", "dynamics", "num_rounds", "num_reward_episodes", "reward_play", "holds_commitments")
        return {name: getattr(self, name) for name in names}

    def with_num_rounds(self, num_rounds: int) -> Self:
        """The same with another length of the response phase."""
        return self._with(num_rounds=num_rounds)

    def with_dynamics(self, dynamics: FollowerDynamics) -> Self:
        """The same with followers who learn otherwise."""
        return self._with(dynamics=dynamics)

    def _known_tree(self, game: Game) -> DecisionTree:
        """That of ``game``, which a copy of another record for the same game already has."""
        known = getattr(self, "_tree", None)
        return decision_tree(game) if known is None else known

    def _with(self, **changes: Any) -> Self:
        other = copy.copy(self)
        EpisodeSpec.__init__(other, **{**self.arguments, **changes})
        return other

    @property
    def name(self) -> str:
        return f"StackelbergPOMDP({self.game.name})"

    @property
    def tree(self) -> DecisionTree:
        """All that the leader can see."""
        if self._tree is None:
            raise InputError(f"{self.name} has no decision tree; make it with holds_commitments=True")
        return self._tree

    @property
    def counts_plays(self) -> bool:
        return self.reward_play == "empirical"

    @property
    def observation_size(self) -> int:
        example = jax.eval_shape(lambda: self.game.observe(self.game.start(jnp.zeros(self.game.num_followers, jnp.int32))))
        return example.shape[0]
