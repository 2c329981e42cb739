"""What problems whose followers have private types share, judged exactly or by samples."""

import dataclasses
import math
from functools import cached_property
from typing import Self

from stackjax.acting import Episode, Leader, Policy
from stackjax.bayesian.followers.base import FollowerDynamics
from stackjax.bayesian.pomdp.episode_spec import EpisodeSpec
from stackjax.bayesian.sampled.episode import Setting, play_episode
from stackjax.bayesian.sampled.learners import Learners
from stackjax.errors import InputError
from stackjax.problem import Problem
from stackjax.types import PRNGKey

__all__ = ["PlayedProblem"]


@dataclasses.dataclass(frozen=True, eq=False)
class PlayedProblem(Problem):
    """What problems whose followers have private types share, judged exactly or by samples: episodes that can be played out.

    Args:
      env: the game and its followers, for as many rounds as a solver lets them learn.
      lasting: the same for as many rounds as a commitment is judged over; ``env`` itself if None.
      settled_share: the largest gap, or bound of it, at which followers count as settled, as a share of the payoff scale.
    """

    env: EpisodeSpec
    lasting: EpisodeSpec | None = None
    settled_share: float = 0.02

    @property
    def name(self) -> str:
        return self.env.game.name

    @property
    def payoff_range(self) -> tuple[float, float]:
        return self.env.game.competing_range

    @property
    def settled_gap(self) -> float:
        """Infinite where the follower errs by design: it has answered, however far from the best."""
        if self.env.errs:
            return math.inf
        return float(self.settled_share * self.env.game.payoff_scale)

    @property
    def lengths(self) -> dict[str, int]:
        """Of an episode, and of judging, as settings call them."""
        paid, judged = self.env.num_reward_episodes, (self.lasting or self.env).num_rounds
        return {"num_rounds": self.env.num_rounds, "num_reward_episodes": paid, "evaluation_rounds": judged}

    def with_dynamics(self, dynamics: FollowerDynamics) -> Self:
        """The same with other followers."""
        lasting = None if self.lasting is None else self.lasting.with_dynamics(dynamics)
        return dataclasses.replace(self, env=self.env.with_dynamics(dynamics), lasting=lasting)

    @cached_property
    def policies(self) -> Policy:
        """See `stackjax.acting.Played`."""
        game = self.env.game
        return Policy(self.env.observation_size, game.leader_actions, game.num_options)

    @cached_property
    def setting(self) -> Setting:
        """What episodes are played out by; raises `InputError` where the followers need a table."""
        env = self.env
        if env.reward_play == "empirical":
            raise InputError("reward_play='empirical' counts joint plays, which sampled episodes do not; use argmax or mixed")
        lengths = env.num_rounds, env.num_reward_episodes, env.reward_play
        return Setting(env.game, Learners.of(env.game, env.dynamics), *lengths)

    def play(self, key: PRNGKey, leader: Leader, num_distinct: int, num_own: int, fresh_noise: bool = False) -> Episode:
        """See `stackjax.acting.Played`."""
        return play_episode(self.setting, leader, key, num_distinct, num_own, fresh_noise)

    def yardsticks(self) -> dict[str, float]:
        """See `Problem`; of best answers, so that there are none for a follower that errs."""
        return {} if self.env.errs else self.env.game.yardsticks()
