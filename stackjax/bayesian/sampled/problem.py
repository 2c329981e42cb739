"""The Bayesian family where nothing can be written out: commitments act on observations, and are judged by samples."""

import dataclasses
from collections import Counter
from functools import partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.acting import Acting, Policy, met_most, played_by_batches
from stackjax.bayesian.followers.at_once import check_turns
from stackjax.bayesian.followers.base import FollowerDynamics
from stackjax.bayesian.games.base import Game
from stackjax.bayesian.played_problem import PlayedProblem
from stackjax.bayesian.pomdp.episode_spec import EpisodeSpec
from stackjax.bayesian.pomdp.reward_phase import RewardPlay
from stackjax.bayesian.sampled.episode import play_episode
from stackjax.bayesian.sampled.judge import SampledCertificate, certify_by_samples, evaluation_words, num_paired_draws
from stackjax.bayesian.sampled.learners import Learners
from stackjax.errors import InputError
from stackjax.pictures import drawn_or_none
from stackjax.pictures import paths as draw_paths
from stackjax.problem import Judged, Optimum, Worth
from stackjax.types import Array, PRNGKey

__all__ = ["NUM_REWARD_EPISODES", "NUM_ROUNDS", "SampledProblem"]

NUM_ROUNDS, NUM_REWARD_EPISODES = 60, 32  # of an episode, unless told otherwise
SCORE_GROUPS, SCORE_DRAWS, SCORE_ROUNDS_FACTOR = 8, 256, 3  # a commitment on the way is judged less thoroughly
MOST_SHOWN = 24  # observations that a result tells of


@dataclasses.dataclass(frozen=True, eq=False)
class SampledProblem(PlayedProblem):
    """A `Problem` that is played out: no table of types, actions or observations is ever formed."""

    gap_name = "bne_gap_bound"
    kernel = "sampled"
    answer_choices = (1,)
    judges_by_draws = True
    num_groups = 16  # of fresh followers that judge
    columns: ClassVar = {"half_width": "± (95 %)", "follower_payoffs": "followers' payoffs", "bne_gap_bound": "BNE gap at most"}

    @staticmethod
    def of(
        game: Game,
        dynamics: FollowerDynamics,
        num_rounds: int | None = None,
        num_reward_episodes: int | None = None,
        reward_play: RewardPlay = "argmax",
        judged_rounds: int | None = None,
        settled_share: float = 0.02,
    ) -> "SampledProblem":
        """The problem of ``game``; by default 60 rounds, 32 paid sub-episodes, and ten times the rounds to judge by.

        Raises:
          InputError: the followers need a table, or ``reward_play`` is empirical.
        """
        rounds, paid = num_rounds or NUM_ROUNDS, num_reward_episodes or NUM_REWARD_EPISODES
        env = EpisodeSpec(game, dynamics, rounds, paid, reward_play, holds_commitments=False)
        if reward_play == "empirical":
            raise InputError(
                f"reward_play='empirical' counts joint plays, and game {game.name!r} is too large for that; use argmax or mixed"
            )
        learners = Learners.of(game, dynamics)  # whom it refuses is told at once
        check_turns(learners.closed, game.num_types, min(rounds, judged_rounds or rounds))
        return SampledProblem(env, env.with_num_rounds(judged_rounds or 10 * rounds), settled_share)

    @property
    def judged_rounds(self) -> int:
        return (self.lasting or self.env).num_rounds

    @property
    def commitments(self) -> Policy:
        return self.policies

    @property
    def tie_tolerance(self) -> float:
        return 0.0

    @property
    def bytes_per_commitment(self) -> int:
        """Observations of a round's plays."""
        game = self.env.game
        plays = 1 + sum(count - 1 for count in game.num_actions) + self.env.num_reward_episodes
        return 4 * plays * game.num_decisions * (self.policies.observation_size + 64)

    def worth(self, key: PRNGKey, commitments: Acting, *, lasting: int = 0) -> Worth:
        """See `Problem`; ``commitments`` has leaves ``[B, ...]``. A payoff is the mean of an episode's paid sub-episodes.

        Of all episodes, whatever ``lasting`` says: who learns for longer here is asked by `score`.
        """
        del lasting
        keys = jax.random.split(key, len(jax.tree.leaves(commitments)[0]))

        def one(key: PRNGKey, commitment: Acting) -> Array:
            return play_episode(self.setting, commitment.leader, key, 1, 1).total_return

        payoff = played_by_batches(one, keys, commitments)
        nothing = jnp.zeros_like(payoff)
        return Worth(payoff, nothing, nothing, jnp.zeros((len(payoff), 1), jnp.int32))

    def judge(self, key: PRNGKey, commitment: Acting, num_groups: int) -> Judged:
        """See `Problem`; ``details`` is a `SampledCertificate`, the gap an upper bound."""
        setting = self.setting._replace(num_rounds=self.judged_rounds)
        draws = num_paired_draws(setting)
        found = certify_by_samples(setting, commitment.leader, key, num_groups, paired_draws=draws)
        return Judged(found.leader_payoff, found.gap_bound, found)

    def score(self, key: PRNGKey, commitment: Acting) -> Judged:
        """As `judge`, but with an infinite gap: a commitment on the way is judged by fewer draws, which bound no gap."""
        setting = self.setting._replace(num_rounds=min(SCORE_ROUNDS_FACTOR * self.env.num_rounds, self.judged_rounds))
        found = certify_by_samples(setting, commitment.leader, key, SCORE_GROUPS, SCORE_DRAWS)
        return Judged(found.leader_payoff, found.gap_bound, found)

    def optimum(self) -> Optimum | None:
        """What is known of the game, as an upper bound: samples cannot tell whether it is attained."""
        known = self.env.game.optimum()
        return None if known is None else known._replace(method="upper-bound", commitment=None)

    def describe(self, judged: Judged, commitments: Any, names: list[str]) -> list[dict[str, Any]]:
        """See `Problem`; the commitment is told where it was met most."""
        found = []
        for i in range(len(names)):
            seen: SampledCertificate = jax.tree.map(lambda leaf, i=i: np.asarray(leaf[i]), judged.details)
            observations, actions, chances = _met_most(seen)
            found.append(
                {
                    "leader_payoff": float(seen.leader_payoff),
                    "half_width": float(seen.half_width),
                    "follower_payoffs": [float(value) for value in seen.follower_payoffs],
                    "bne_gap": float(seen.gap),
                    "bne_gap_bound": float(seen.gap_bound),
                    "commitment": {"observations": observations.tolist(), "actions": actions.tolist()},
                    "chances": chances.tolist(),
                    "mechanism": self._in_words(observations, actions, chances),
                    "follower_play": self._play_in_words(np.asarray(seen.strategies).mean(axis=0)),
                    "pictures": [one for one in [drawn_or_none(partial(self._picture, seen))] if one is not None],
                }
            )
        return found

    def _in_words(self, observations: np.ndarray, actions: np.ndarray, chances: np.ndarray) -> list[str]:
        each = zip(observations, actions, chances, strict=True)
        return [
            f"{self.env.game.describe_decision(seen, action)} ({chance:.1%} of sub-episodes)" for seen, action, chance in each
        ]

    def _picture(self, seen: SampledCertificate) -> dict[str, Any]:
        """What the leader does from start to end, for the ways that were met most."""
        game, ways = self.env.game, Counter[tuple[str, tuple[str, ...]]]()
        flat = [leaf.reshape(-1, *leaf.shape[2:]) for leaf in (seen.observations, seen.actions, seen.is_shown)]
        for observations, actions, made in zip(*flat, strict=True):
            label = game.describe_observation(observations[0])
            steps = tuple(game.describe_decision(*each) for each in zip(observations[made], actions[made], strict=True))
            ways[label, steps] += 1
        total = sum(ways.values())
        found = [
            {"label": label, "chance": n / total, "steps": [{"text": step, "size": None} for step in steps]}
            for (label, steps), n in ways.items()
        ]
        return draw_paths("What the leader does, in the ways that were met most", found)

    def _play_in_words(self, strategies: np.ndarray) -> list[str]:
        """What each type of each follower most often plays; nothing where there is no choice."""
        game, lines = self.env.game, list[str]()
        for i, (types, count) in enumerate(zip(game.num_types, game.num_actions, strict=True)):
            if count == 1 or len(lines) > MOST_SHOWN:
                continue
            for k in range(types):
                kind = f" ({game.describe_type(i, k)})" if types > 1 else ""
                lines.append(f"follower {i + 1}{kind}: {game.describe_action(i, int(strategies[i, k].argmax()))}")
        return lines

    def evaluation_method(self) -> dict[str, Any]:
        """See `Problem`."""
        words = evaluation_words(self.setting, self.judged_rounds)
        return {"num_rounds": self.judged_rounds, "settled_gap": self.settled_gap, "gap_is_bound": True, "words": words}


def _met_most(seen: SampledCertificate) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Observations, actions, and in what share of the sub-episodes each was met; most met first."""
    made = np.asarray(seen.is_shown).ravel()
    count = seen.is_shown.shape[0] * seen.is_shown.shape[1]
    observations = np.asarray(seen.observations).reshape(len(made), -1)[made]
    actions = np.asarray(seen.actions).reshape(len(made), *seen.actions.shape[3:])[made]
    observations, actions, times = met_most(observations, actions, MOST_SHOWN)
    return observations, actions, times / count
