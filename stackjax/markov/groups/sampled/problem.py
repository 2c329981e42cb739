"""A game of followers who plan, whose states are too many for tables, as a `Problem`: played out, and judged by samples."""

import dataclasses
from functools import cached_property, partial
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from stackjax import pictures
from stackjax.acting import Acting, Episode, Leader, Policy, met_most
from stackjax.arrays import in_full
from stackjax.errors import InputError, require_is
from stackjax.markov.groups.objectives import payoff_bounds
from stackjax.markov.groups.sampled.deviations import gains_found
from stackjax.markov.groups.sampled.episode import play_episode
from stackjax.markov.groups.sampled.followers import PlayedContextual, PlayedGroupFollowers
from stackjax.markov.groups.sampled.game import PlayedGroupGame
from stackjax.markov.groups.sampled.judge import (
    GROUP_SIZE,
    PlayedGroupCertificate,
    certify,
    paid_on_average,
)
from stackjax.markov.groups.sampled.networks import FollowerNetworks
from stackjax.markov.groups.sampled.play import (
    Answer,
    Lead,
    answer_of,
    contexts,
    done,
    episode_payoffs,
    lead_of,
    play_out,
    policies_of,
    seen_in_step,
)
from stackjax.markov.groups.sampled.pretraining import networks_of, pretrained
from stackjax.markov.planned import by_name, nested
from stackjax.problem import Judged, Optimum, Problem, Worth
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["PlayedGroupProblem"]

EPISODES = 32  # of a commitment, where a solver asks what it is worth
SCORED = 4  # groups of episodes that score a commitment on the way
MOST_SHOWN = 24  # observations that a result tells of
MOST_ACTIONS = 4  # of each follower, that it tells of


@dataclasses.dataclass(frozen=True, eq=False)
class PlayedGroupProblem(Problem):
    """A `Problem` of followers who were trained together beforehand; nothing of the size of a state space is ever formed.

    Args:
      game: the rules.
      followers: how they were trained, and how long a learner looks for what they could gain.
      settled_share: followers count as settled where what the learner found that one of them could gain, with 95 % confidence,
        is at most this share of their payoff range. It may have missed more.
      policy: what has been trained, see `prepare`.

    Raises:
      InputError: ``game`` is no `PlayedGroupGame`, or does not make sense.
    """

    game: PlayedGroupGame
    followers: PlayedGroupFollowers = dataclasses.field(default_factory=PlayedGroupFollowers)
    settled_share: float = 0.02
    policy: PyTree = None

    gap_name = "gain_found_end"
    kernel = "sampled"
    answer_choices = (1,)
    judges_by_draws = True
    num_groups = 16
    tie_tolerance = 0.0
    columns: ClassVar = {
        "half_width": "± (95 %)",
        "follower_payoffs": "followers' payoffs",
        "equality": "equality",
        "gain_found": "gain found (lower bound)",
        "gain_found_end": "end of its interval",
    }

    def __post_init__(self) -> None:
        require_is("game", self.game, PlayedGroupGame, "a PlayedGroupGame, for example sx.make('patches')")
        self.game.check()

    @property
    def name(self) -> str:
        return self.game.name

    @cached_property
    def commitments(self) -> Policy:
        return policies_of(self.game)

    @property
    def policies(self) -> Policy:
        """See `stackjax.acting.Played`."""
        return self.commitments

    @property
    def payoff_range(self) -> tuple[float, float]:
        low, high = payoff_bounds(self.game.objective, self.game.episode_bounds)
        return low, max(high, low + 1e-9)

    @property
    def settled_gap(self) -> float:
        return self.settled_share * max(high - low for low, high in self.game.episode_bounds[1:])

    @property
    def bytes_per_commitment(self) -> int:
        """What followers see, and their hidden layers, in the episodes of a commitment."""
        width = self.networks.seen_size + self.game.num_followers * sum(self.networks.hidden_sizes)
        return 4 * EPISODES * (self.game.horizon * self.networks.seen_size + width)

    @property
    def rule(self) -> PlayedContextual:
        """The followers' settings, of the one kind that there is."""
        assert isinstance(self.followers, PlayedContextual)
        return self.followers

    @cached_property
    def networks(self) -> FollowerNetworks:
        """The followers'."""
        return networks_of(self.game, self.rule)

    def prepare(self, arrays: dict[str, np.ndarray] | None = None) -> "PlayedGroupProblem":
        """With trained followers: of ``arrays``, which `prepared` gave, or trained now."""
        return dataclasses.replace(self, policy=nested(arrays) if arrays else pretrained(self.game, self.rule))

    def prepared(self) -> dict[str, np.ndarray]:
        """See `Problem`."""
        return {} if self.policy is None else by_name(self.policy)

    @property
    def _trained(self) -> PyTree:
        if self.policy is None:
            raise InputError("contextual followers must be trained first: PlayedGroupProblem(...).prepare()")
        return self.policy

    def _answer(self, lead: Lead, count: int = 1) -> Answer:
        """What followers do under ``count`` leaders."""
        context = contexts(self.game.leader_actions, self._trained["probes"], lead, count)
        return answer_of(self.networks, self._trained["actor"], context)

    def chances(self, commitment: Acting, step: int | Array, observations: Array) -> Array:
        """``[N, M, A]`` the chances of each follower's actions in a step, at ``observations [M, D]``, under a commitment."""
        trained, lead = self._trained, lead_of(_alone(commitment))
        context = contexts(self.game.leader_actions, trained["probes"], lead)
        seen = seen_in_step(
            self.game, jnp.asarray(step, jnp.int32), observations, done(self.game.leader_actions, lead, observations)
        )
        return jax.nn.softmax(self.networks.logits(trained["actor"], seen[None], context))[:, 0]

    @in_full
    def worth(self, key: PRNGKey, commitments: Acting, *, lasting: int = 0) -> Worth:
        """See `Problem`; ``commitments`` has leaves ``[B, ...]``. Of a few episodes each, whatever ``lasting`` says."""
        del lasting
        lead, count = lead_of(commitments), len(jax.tree.leaves(commitments)[0])
        steps = play_out(self.game, jax.random.split(key, count * EPISODES), lead, self._answer(lead, count))
        paid = episode_payoffs(self.game, steps.payoffs).reshape(count, EPISODES, -1)
        payoff = jax.vmap(partial(paid_on_average, self.game.objective))(paid)[0]
        nothing, followers = jnp.zeros_like(payoff), paid[..., 1:].mean(axis=1)
        return Worth(payoff, nothing, nothing, jnp.zeros((count, 1), jnp.int32), followers)

    def play(self, key: PRNGKey, leader: Leader, num_distinct: int, num_own: int, fresh_noise: bool = False) -> Episode:
        """See `stackjax.acting.Played`; decisions at the followers' probes are among the distinct ones.

        Raises:
          InputError: ``fresh_noise`` is True.
        """
        if fresh_noise:
            raise InputError(f"fresh_noise={fresh_noise} must be False: followers see what the leader has committed to")
        return play_episode(self.game, leader, self._trained["probes"], self._answer, key, num_distinct, num_own)

    @in_full
    def judge(self, key: PRNGKey, commitment: Acting, num_groups: int) -> Judged:
        """See `Problem`; ``details`` is a `PlayedGroupCertificate`, and the gap the upper end of what a learner found.

        A group is 256 episodes; what it found is judged in half as many.
        """
        groups = max(1, num_groups // 2)
        gains = lambda key: gains_found(self.game, self.rule, self._trained, commitment, key, groups, GROUP_SIZE)
        lead = lead_of(_alone(commitment))
        found = certify(self.game, lead, self._answer(lead), key, num_groups, gains)
        return Judged(found.leader_payoff, found.gain_end, found)

    @in_full
    def score(self, key: PRNGKey, commitment: Acting) -> Judged:
        """As `judge`, of fewer episodes, and with an infinite gap: nobody looks for what followers could gain."""
        lead = lead_of(_alone(commitment))
        found = certify(self.game, lead, self._answer(lead), key, SCORED)
        return Judged(found.leader_payoff, found.gain_end, found)

    def optimum(self) -> Optimum | None:
        """What the game knows as a bound; samples cannot tell whether it is attained."""
        known = self.game.bound()
        return None if known is None else Optimum(float(known), "upper-bound")

    def describe(self, judged: Judged, commitments: Any, names: list[str]) -> list[dict[str, Any]]:
        """See `Problem`; the commitment is told where it was met most."""
        details: PlayedGroupCertificate = jax.tree.map(np.asarray, judged.details)
        return [self._described(jax.tree.map(lambda leaf, i=i: leaf[i], details)) for i in range(len(names))]

    def _described(self, seen: Any) -> dict[str, Any]:
        game = self.game
        observations, actions, times = met_most(seen.observations, seen.leader_actions, MOST_SHOWN)
        chances = times / len(seen.observations)
        each = zip(observations, actions, chances, strict=True)
        told = lambda o, a: f"{game.describe_observation(o)}: {game.describe_leader_action(a)}"
        picture = drawn_steps(game, seen.step_payoffs)
        return {
            "leader_payoff": float(seen.leader_payoff),
            "half_width": float(seen.half_width),
            "follower_payoffs": seen.follower_payoffs.tolist(),
            "equality": float(seen.equality),
            "gain_found": float(seen.gain),
            "gain_found_end": float(seen.gain_end),
            "gains_found": seen.gains.tolist(),
            "gain_half_widths": seen.gain_half_widths.tolist(),
            "commitment": {"observations": observations.tolist(), "actions": actions.tolist()},
            "chances": chances.tolist(),
            "mechanism": [f"{told(o, a)} ({chance:.1%} of steps)" for o, a, chance in each],
            "follower_play": [self._play_in_words(seen, i) for i in range(game.num_followers)],
            "pictures": [picture] if picture else [],
        }

    def _play_in_words(self, seen: Any, i: int) -> str:
        """What a follower does most, and what a learner found that it could gain."""
        shares = seen.play[i, : self.game.num_actions[i]]
        order = np.argsort(-shares, kind="stable")[:MOST_ACTIONS]
        actions = ", ".join(f"{self.game.describe_action(i, int(a))} ({shares[a]:.0%})" for a in order if shares[a] > 0)
        gain, width = seen.gains[i], seen.gain_half_widths[i]
        found = "a learner found no gain" if gain + width <= 0 else "a learner found a gain"
        return f"{self.game.describe_follower(i)}: {actions}; {found} by another policy ({gain:.3g} ± {width:.2g})"

    def evaluation_method(self) -> dict[str, Any]:
        """See `Problem`."""
        learned, tried = self.rule.updates, self.rule.deviation_updates
        rule = (
            f"contextual, {learned} updates beforehand; no ties to break; a gain is what a learner found in {tried} updates, a "
            "lower bound of what a follower could gain, and settled says no more than that this is small"
        )
        words = f"who plan together ({rule}), by samples: {self.num_groups * GROUP_SIZE} episodes; 95 % confidence"
        about = {"settled_gap": self.settled_gap, "words": words, "rule": rule, "objective": self.game.objective}
        return {**about, "gap_is_found": True}


def drawn_steps(game: PlayedGroupGame, step_payoffs: np.ndarray) -> pictures.Picture | None:
    """What steps pay each follower on average, as curves."""
    lines = [
        {"label": game.describe_follower(i), "points": [[t + 1, float(paid)] for t, paid in enumerate(row)]}
        for i, row in enumerate(step_payoffs[1:])
    ]
    return pictures.drawn_or_none(lambda: pictures.curves("What a step pays on average", ("step", "payoff"), lines))


def _alone(commitment: Acting) -> Acting:
    """With leaves ``[1, ...]``."""
    return jax.tree.map(lambda leaf: leaf[None], commitment)
