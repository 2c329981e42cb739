"""What an episode of the Stackelberg POMDP is made of: the game, its followers, how long they learn, by which plays.

With sampled feedback a round plays, for every follower i and every own action a', the profile (a', a_-i): Σ_i A_i plays
(Brero et al. 2023, Appendix C). With expected feedback it plays every action profile once: Π_i A_i plays. Free of gymnax.
"""

import copy
import functools
from typing import Any, NamedTuple, Self

import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers.at_once import check_features
from stackjax.bayesian.followers.base import FollowerDynamics, closed_form, require_dynamics
from stackjax.bayesian.followers.equilibrate import equilibrate
from stackjax.bayesian.followers.multiplicative_weights import multiplicative_weights
from stackjax.bayesian.followers.response import Response
from stackjax.bayesian.followers.rounds import all_profiles
from stackjax.bayesian.games.base import Game, observation_size, require_game
from stackjax.bayesian.games.induced import InducedGame
from stackjax.bayesian.pomdp.reward_phase import RewardPlay, check_reward_play
from stackjax.bayesian.pomdp.tree import DecisionTree, decision_tree
from stackjax.errors import InputError, require, require_count
from stackjax.types import Array, PRNGKey

__all__ = ["EpisodeSpec", "RoundPlays", "rounds_from_plays"]

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
        if getattr(self, "game", None) is not game:  # else it is the copy of a record for the same game
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
        self.asked_play = reward_play
        for name in ("num_rounds", "num_reward_episodes"):
            require_count(name, getattr(self, name))
            require(name, getattr(self, name), getattr(self, name) < 2**31, "below 2**31")
        check_reward_play(reward_play)
        self.holds_commitments = holds_commitments
        self._tree = (getattr(self, "_tree", None) or decision_tree(game)) if holds_commitments else None  # a copy has it
        self.closed = closed_form(self.dynamics, game.num_followers)
        check_features(self.closed, game, 0 if self._tree is None else self._tree.num_nodes)

    @property
    def arguments(self) -> dict[str, Any]:
        """What it is made from, by name."""
        names = ("game", "dynamics", "num_rounds", "num_reward_episodes", "holds_commitments")
        return {"reward_play": self.asked_play, **{name: getattr(self, name) for name in names}}

    @property
    def errs(self) -> bool:
        """Whether the follower's answer is not meant to be a best one, as with `quantal`."""
        return self.closed is not None and not self.closed.is_best

    @property
    def reward_play(self) -> RewardPlay:
        """As asked for; but one follower that errs draws from its answer, and one that answers at once has no past play."""
        return "mixed" if self.errs or (self.closed is not None and self.asked_play == "empirical") else self.asked_play

    def learned_from(self, payoffs: Array) -> Array:
        """Followers' ``payoffs`` as their rule sees them: scaled where it learns, in game units where it has a closed form."""
        return self.game.learned_from(payoffs) if self.closed is None else payoffs

    def with_num_rounds(self, num_rounds: int) -> Self:
        """The same with another length of the response phase."""
        return self._with(num_rounds=num_rounds)

    def with_dynamics(self, dynamics: FollowerDynamics) -> Self:
        """The same with followers who learn otherwise."""
        return self._with(dynamics=dynamics)

    def _with(self, **changes: Any) -> Self:
        other = copy.copy(self)
        other.__dict__.pop("plays", None)
        EpisodeSpec.__init__(other, **{**self.arguments, **changes})
        return other

    @functools.cached_property
    def plays(self) -> "RoundPlays":
        """What followers learn from, play by play."""
        return round_plays(self.game, self.dynamics)

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
        return observation_size(self.game)

    def equilibrate(self, key: PRNGKey, game: InducedGame, num_rounds: int | None = None, **options: Any) -> Response:
        """What the followers learn in ``game``, which a commitment leaves to them; see `sx.followers.equilibrate`."""
        scale, floor, rounds = self.game.payoff_scale, self.game.payoff_floor, num_rounds or self.num_rounds
        return equilibrate(key, game, self.dynamics, rounds, payoff_scale=scale, payoff_floor=floor, **options)


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
