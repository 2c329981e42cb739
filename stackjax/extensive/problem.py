"""The extensive family as a `Problem`: a game, and how its followers answer."""

import dataclasses
import itertools
import math
from collections.abc import Callable
from functools import cached_property, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full
from stackjax.errors import require_is
from stackjax.extensive.certificate import ExtensiveCertificate, best_gains
from stackjax.extensive.followers import ExtensiveFollowers, SoftmaxFollower
from stackjax.extensive.improve import improved
from stackjax.extensive.induced import counterfactual, induce, library_of, normalised, plan_of
from stackjax.extensive.nearby import nearby_of
from stackjax.extensive.optimum.solve import solved, takes_long
from stackjax.extensive.played import played
from stackjax.extensive.rules import TIE, Answer, FollowerRule, follower_range, tied_replies
from stackjax.extensive.treeplex import ExtensiveGame
from stackjax.extensive.words import Behaviour, behaviour_cells, behaviour_lines, tree_graph
from stackjax.game_problem import GameProblem
from stackjax.pictures import Picture, drawn_or_none
from stackjax.problem import Differentiable, Judged, Nearby, Optimum, Played, Worth
from stackjax.projection import onto_capped
from stackjax.simplices import Simplex
from stackjax.spaces import Discrete, Space
from stackjax.types import Array, PRNGKey

__all__ = ["ExtensiveProblem"]

MOST_ONE_HOT = 2_048  # sets that are told apart by an entry each; more by the bits of their number
MOST_CLIMBED = 75  # slacks, with which a search still climbs
MOST_SECONDS = 12.0  # for the optimum of a run that is over
NO_GAIN = 1e-12  # of the follower's payoff range: rounding in float64
AWAY = -2.0  # of a simplex: the nearest mix has none of it


@dataclasses.dataclass(frozen=True, eq=False)
class ExtensiveProblem(GameProblem):
    """A `Problem` whose leader commits to what it does at each of its information sets.

    Args:
      game: the rules.
      followers: how followers answer; its numbers may be tracers.
      settled_share: the largest gap at which followers count as settled, as a share of the widest follower's payoff range.
    """

    game: ExtensiveGame
    followers: ExtensiveFollowers
    settled_share: float = 0.02

    kernel = "sequence form"
    judges_roughly = True  # in float32; `describe` tells ties in float64

    def __post_init__(self) -> None:
        require_is("game", self.game, ExtensiveGame, "an ExtensiveGame, for example sx.make('kuhn')")
        require_is("followers", self.followers, ExtensiveFollowers, "ExtensiveFollowers, for example ExtensiveFollowers()")
        self.resolved  # noqa: B018  # raises for a rule that is not for as many followers

    @cached_property
    def resolved(self) -> Any:
        """The settings of the rule by which followers answer."""
        return self.followers.resolved(self.game.num_followers)

    @cached_property
    def rule(self) -> FollowerRule:
        """How followers answer."""
        return self.resolved.build()

    @cached_property
    def lasting_rule(self) -> FollowerRule:
        """How they answer where they are judged: who learns does so for longer."""
        return self.resolved.lasting().build()

    @property
    def gap_name(self) -> str:
        """See `Problem`."""
        return "exploitability" if self.game.num_followers == 1 else "cce_gap"

    @property
    def columns(self) -> dict[str, str]:
        """See `Problem`."""
        gap = {"exploitability": "exploitability", "cce_gap": "CCE gap"}[self.gap_name]
        who = "follower's payoff" if self.game.num_followers == 1 else "followers' payoffs"
        return {"follower_payoffs": who, self.gap_name: gap, "weak_payoff": "leader payoff, ties against"}

    @cached_property
    def leader_actions(self) -> Space:
        """A mix of the actions at each set, padded; what is on actions that there are not is spread over the others."""
        count = self.game.treeplexes[0].num_actions
        return Simplex(count) if self.game.randomized and count > 1 else Discrete(count)

    @property
    def mixes(self) -> bool:
        """Whether commitments are numbers."""
        return isinstance(self.leader_actions, Simplex)

    def _observations(self) -> Any:
        count = self.game.treeplexes[0].num_sets
        if count <= MOST_ONE_HOT:
            return np.eye(count, dtype=np.float32)
        bits = np.arange(max(1, (count - 1).bit_length()))
        return (np.arange(count)[:, None] >> bits & 1).astype(np.float32)

    @property
    def payoff_range(self) -> tuple[float, float]:
        low, high = self.game.payoff_ranges[0]
        return low, high if high > low else low + 1.0

    @property
    def follower_range(self) -> float:
        """The widest of any follower."""
        return follower_range(self.game)

    @property
    def settled_gap(self) -> float:
        return math.inf if self.rule.errs else super().settled_gap

    @property
    def tie_tolerance(self) -> float:
        return TIE * self.follower_range

    @cached_property
    def answer_choices(self) -> tuple[int, ...]:
        return tuple(int(count) for own in self.game.treeplexes[1:] for count in own.choices)

    @property
    def bytes_per_commitment(self) -> int:
        """Leaves, what they leave to followers, what passes over sequences keep, and what followers who draw know."""
        game = self.game
        sequences = sum(own.mask.size for own in game.treeplexes)
        leaves, profiles = len(game.leaf_chance), game.profile_rows.shape[1]
        numbers = 2 * leaves + (1 + game.num_followers) * profiles + 6 * sequences + game.treeplexes[0].mask.size
        return 4 * numbers + self.rule.kept(game)

    def behaviour(self, commitments: Any) -> Any:
        """``[I, A, B]`` the chances of the leader's actions under ``commitments [B, O, ...]``, by the library of these."""
        treeplex, library = self.game.treeplexes[0], library_of(commitments)
        if self.mixes:
            return normalised(treeplex, library.moveaxis(commitments, 0, -1))
        taken = commitments % library.asarray(treeplex.choices, commitments.dtype)[None]
        dtype = np.float64 if library is np else jnp.result_type(float)
        places = library.arange(treeplex.num_actions, dtype=commitments.dtype)
        return library.moveaxis((taken[:, :, None] == places[None, None]).astype(dtype), 0, -1)

    def answer(self, key: PRNGKey | None, commitments: Any) -> Answer:
        """What followers answer to ``commitments [B, O, ...]`` while the leader searches, by the library of these."""
        return self.rule.answer(self.game, key, plan_of(self.game.treeplexes[0], self.behaviour(commitments)))

    @in_full
    def worth(self, key: PRNGKey, commitments: Array, *, lasting: int = 0) -> Worth:
        """See `Problem`. ``answer`` is what followers are likeliest to do at each of their sets.

        Ties count as a risk only where they are not broken for the leader.
        """
        if not self.rule.learns:
            return self._worth(self.rule, key, commitments)
        cuts = sorted({0, min(lasting, len(commitments)), len(commitments)})
        found = [
            self._worth(
                self.lasting_rule if start < lasting else self.rule, jax.random.fold_in(key, start), commitments[start:end]
            )
            for start, end in itertools.pairwise(cuts)
        ]
        return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *found)

    def _worth(self, rule: FollowerRule, key: PRNGKey, commitments: Array) -> Worth:
        found = rule.answer(self.game, key, plan_of(self.game.treeplexes[0], self.behaviour(commitments)))
        paid, at_risk = found.payoffs[0], jnp.zeros_like(found.payoffs[0])
        if found.worst is not None and self.mixes and self.rule.ties != "for":
            at_risk = jnp.maximum(paid - found.worst, 0.0)
        answer = jnp.concatenate([own.argmax(axis=1) for own in found.behaviours]).astype(jnp.int32).T
        return Worth(paid, found.gap, at_risk, answer, found.payoffs[1:].T, found.worst)

    @cached_property
    def nearby(self) -> Callable[[Array, Array], tuple[Nearby, Nearby]] | None:
        """See `Problem`; None where the follower does not answer exactly, or the leader does not mix.

        None as well where it would take most of the time of a search: `improve` then climbs, once.
        """
        if not (self.rule.is_best and self.mixes) or self.num_slacks > MOST_CLIMBED:
            return None
        return in_full(nearby_of(self.game, lambda commitment: self.behaviour(commitment[None])[..., 0]))

    @cached_property
    def differentiable(self) -> Differentiable | None:
        """See `Problem`: one follower that errs as it does, or else as softmax does, the less the sharper."""
        if not self.mixes or self.game.num_followers > 1:
            return None
        game, mask = self.game, self.game.treeplexes[0].mask

        @in_full
        def payoff(key: PRNGKey, commitment: Array, sharpness: Array) -> Array:
            temperature: Any = self.follower_range / sharpness
            softened = self.rule if self.rule.errs else SoftmaxFollower(temperature=temperature).build()
            plan = plan_of(game.treeplexes[0], self.behaviour(commitment[None]))
            return softened.answer(game, key, plan).payoffs[0, 0]

        def project(commitment: Array) -> Array:
            return onto_capped(jnp.where(mask, commitment, AWAY), 1.0, is_spent=True)

        return Differentiable(payoff, lambda key: project(self.commitments.draw(key, 1)[0]), project)

    @in_full
    def judge(self, key: PRNGKey, commitment: Array, num_groups: int) -> Judged:
        """See `Problem`; only answers that are drawn are asked for more than once. ``details`` is an `ExtensiveCertificate`."""
        found = self.certificate(key, commitment, num_groups if self.rule.is_drawn else 1)
        return Judged(found.leader_payoff, found.gap, found)

    def certificate(self, key: PRNGKey | None, commitment: Any, groups: int = 1) -> ExtensiveCertificate:
        """What ``commitment [O, ...]`` is worth, by its library: in float64 by NumPy's.

        Of several ``groups`` of followers payoffs and play are means, gaps are those of the farthest.
        """
        game, library = self.game, library_of(commitment)
        plan = plan_of(game.treeplexes[0], self.behaviour(commitment[None]))
        plan = library.broadcast_to(plan, (len(plan), groups))
        found = self.lasting_rule.answer(game, key, plan)
        paid = found.payoffs.mean(axis=-1)
        plans = [plan_of(one, own) for one, own in zip(game.treeplexes[1:], found.behaviours, strict=True)]
        gains = best_gains(game, induce(game, plan), plans)
        nash_conv = sum(library.maximum(gain, library.zeros_like(gain)) for gain in gains)
        strong = weak = paid[0]
        if game.num_followers == 1:
            strong, weak = (one.value[1, 0] for one in tied_replies(game, plan[:, :1], "for", "against"))
        play = [own.mean(axis=-1) for own in found.behaviours]
        most = [max(own.shape[axis] for own in play) for axis in (0, 1)]
        padded = [library.pad(own, [(0, most[0] - own.shape[0]), (0, most[1] - own.shape[1])]) for own in play]
        gap, dropped = found.gap.max(), None if found.dropped is None else found.dropped.mean()
        if self.rule.is_best and library is np:  # in float32 it would be rounding
            gap = library.where(gains[0] > NO_GAIN * self.follower_range, gains[0], 0.0).max()
        return ExtensiveCertificate(paid[0], paid[1:], gap, nash_conv.max(), strong, weak, library.stack(padded), dropped)

    def _claimed(self) -> Optimum | str | None:
        if self.rule.errs:
            return "followers who err leave more to be had than any bound says"
        found = solved(self.game, MOST_SECONDS).claim(self.rule.ties)
        return found if self.mixes or found.commitment is None else found._replace(commitment=found.commitment.argmax(axis=1))

    @property
    def optimum_takes_long(self) -> bool:
        """See `Problem`."""
        return not self.rule.errs and takes_long(self.game)

    @cached_property
    def improve(self) -> Callable[[np.ndarray, int], np.ndarray] | None:
        """See `Problem`; where the leader mixes against one follower that does not err by design."""
        known = self.mixes and self.game.num_followers == 1 and not self.rule.errs
        return partial(improved, self.game, self.rule.ties) if known else None

    @property
    def improves_from_afar(self) -> bool:
        """See `Problem`."""
        return self.improve is not None

    def played(self, judged: Judged, commitments: Any) -> list[Played]:
        """See `Problem`."""
        seen, made = jax.tree.map(np.asarray, judged.details), np.asarray(commitments, np.float64 if self.mixes else np.int32)
        behaviours = np.moveaxis(self.behaviour(made), -1, 0)
        details = [jax.tree.map(lambda leaf, i=i: leaf[i], seen) for i in range(len(made))]
        return [played(self.game, own, one) for own, one in zip(behaviours, details, strict=True)]

    def describe(self, judged: Judged, commitments: Array, names: list[str]) -> list[dict[str, Any]]:
        """See `Problem`; ties are told in float64, and what was learned as it was judged."""
        if self.rule.learns:
            return super().describe(judged, commitments, names)
        dtype = np.float64 if self.mixes else np.int32
        return [self._described(one, self.certificate(None, one.astype(dtype))) for one in np.asarray(commitments)]

    def _described(self, actions: np.ndarray, seen: Any) -> dict[str, Any]:
        everybody = self._played(actions, seen)
        leader, *followers = everybody
        several = len(followers) > 1
        play = [line for own in followers for line in behaviour_lines(own, f"{own.name} at " if several else "")]
        return self._entry(
            actions,
            behaviour_lines(leader),
            play,
            leader_payoff=float(seen.leader_payoff),
            follower_payoffs=seen.follower_payoffs.tolist(),
            **{self.gap_name: float(seen.gap)},
            nash_conv=float(seen.nash_conv),
            **({} if seen.dropped is None else {"dropped_expansions": float(seen.dropped)}),
            strong_payoff=float(seen.strong_payoff),
            weak_payoff=float(seen.weak_payoff),
            worst_payoff=float(seen.weak_payoff),
            follower_strategies=[own.chances.tolist() for own in followers],
            pictures=drawn_or_none(partial(self._pictures, everybody)) or [],
        )

    def _played(self, actions: np.ndarray, seen: ExtensiveCertificate) -> list[Behaviour]:
        """What everybody does, leader first."""
        game, made = self.game, np.asarray(actions, np.float64 if self.mixes else np.int32)
        sizes = [own.mask.shape for own in game.treeplexes]
        leader = self.behaviour(made[None])[..., 0]
        behaviours = [leader, *(seen.play[i, : size[0], : size[1]] for i, size in enumerate(sizes[1:]))]
        plans = [plan_of(one, own) for one, own in zip(game.treeplexes, behaviours, strict=True)]
        found = []
        for player, (treeplex, own) in enumerate(zip(game.treeplexes, behaviours, strict=True)):
            before = plans[player][treeplex.parent]
            reach = before * counterfactual(game, player, plans)
            found.append(Behaviour(game.player_names[player], treeplex, own, reach, (reach if player else before) > 1e-9))
        return found

    def _pictures(self, everybody: list[Behaviour]) -> list[Picture]:
        drawn = [picture for own in everybody for picture in behaviour_cells(own, own.name)]
        return [*drawn, *tree_graph(self.game, [own.chances for own in everybody])]

    def evaluation_method(self) -> dict[str, Any]:
        """See `Problem`."""
        settled = None if self.rule.errs else self.settled_gap
        rule = self.lasting_rule.words
        return {"settled_gap": settled, "words": f"who answer by sequences ({rule}); payoffs are exact", "rule": rule}
