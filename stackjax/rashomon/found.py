"""What commitments that pay the leader all but its best differ in: the result of `sx.multiplicity`."""

import dataclasses
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np

from stackjax.errors import InputError, require
from stackjax.outcomes import Played
from stackjax.rashomon import measures

__all__ = ["MEASURES", "Measure", "Multiplicity", "Range", "outcomes_of"]

Measure = Literal["allocation", "payments"]
MEASURES: tuple[str, ...] = ("allocation", "payments")
SAME = 1e-5  # of what followers are paid: payments that are one
CERTAIN = 1e-9
MOST_CHANCES = 2**26  # of members, profiles and outcomes


class Range(NamedTuple):
    """The least and the most of something, and how that is known.

    Attributes:
      how: ``"all"``, of all commitments; ``"given"``, of all that were given; ``"lp"``, by linear programmes, borders being
        inside; ``"sample"``, of a sample: the true range is at least as wide.
    """

    low: float
    high: float
    how: str


@dataclasses.dataclass(frozen=True)
class Multiplicity:
    """Commitments that pay the leader its best but for a slack, and what they lead to.

    Attributes:
      name: the game's.
      slack: what a commitment may pay the leader less than ``best_payoff``, game units.
      best_payoff: the most that the leader is known to be paid, game units; ``best_method`` says how.
      commitments: ``[M, O, ...]``, the members.
      payoffs: ``[M]`` what the leader is paid, against fresh followers, game units.
      followers: ``[M, N]`` what each follower is paid.
      objectives: ``[M]`` each, all second objectives by name: payoffs of followers, their sum, the least, equality, revenue.
      how: ``"all"`` if there are no other members, ``"given"`` if there are none among those that were given, ``"sample"`` if
        there may be.
      num_members: how many were found; M is fewer where these are too many to judge.
      ranges: of each objective, see `Range`.
      weights, profiles: ``[T]`` the chances of profiles of types, and what they are called.
      utilities: ``[M, N, T]`` what followers are paid at each profile.
      outcomes: what members lead to, by what counts as an outcome, see `stackjax.rashomon.measures`; empty where it is not
        told.
      labels: ``[S]`` what the members are called that a run has learned, the first of them; empty without a run.
      mechanisms: the best member, and the medoid, in words.
    """

    name: str
    slack: float
    best_payoff: float
    best_method: str
    commitments: np.ndarray
    payoffs: np.ndarray
    followers: np.ndarray
    objectives: dict[str, np.ndarray]
    how: str
    num_members: int
    ranges: dict[str, Range]
    weights: np.ndarray
    profiles: list[str]
    utilities: np.ndarray
    outcomes: dict[str, np.ndarray]
    labels: list[str]
    mechanisms: dict[int, list[str]] = dataclasses.field(default_factory=dict)
    measure: str = "allocation"
    second: str = "followers"

    def __len__(self) -> int:
        return len(self.commitments)

    def _of(self, measure: str | None) -> np.ndarray:
        measure = self.measure if measure is None else measure
        require("measure", measure, measure in MEASURES, f"one of {', '.join(MEASURES)}")
        if measure not in self.outcomes:
            raise InputError(f"measure={measure!r}: {self.name!r} does not tell what its commitments lead to")
        return self.outcomes[measure]

    def disagreement(self, measure: str | None = None) -> np.ndarray:
        """``[T]`` how far apart two members are at each profile, on average."""
        return measures.disagreement(self._of(measure))

    def expected_churn(self, measure: str | None = None, *, distinct: bool = False) -> float:
        """The churn between two members drawn at random."""
        return measures.expected_churn(self._of(measure), self.weights, distinct=distinct)

    def ambiguity(self, member: int, measure: str | None = None) -> float:
        """The share of profiles at which some member leads elsewhere than ``member``."""
        return measures.ambiguity(self._of(measure), member, self.weights)

    def discrepancy(self, member: int, measure: str | None = None) -> float:
        """The most churn between ``member`` and any other."""
        return measures.discrepancy(self._of(measure), member, self.weights)

    def diameter(self, measure: str | None = None) -> float:
        """The most churn between any two members."""
        return measures.diameter(self._of(measure), self.weights)

    @cached_property
    def medoid(self) -> int:
        """The member with the least churn to all others: what to deploy if all else is equal."""
        return measures.medoid(self._of(self.telling), self.weights)

    @cached_property
    def telling(self) -> str:
        """What counts as an outcome: what was asked for, unless members do not differ in it and differ in payments."""
        measure = self.measure
        return measure if "payments" not in self.outcomes or self.disagreement(measure).any() else "payments"

    @property
    def best(self) -> int:
        """The member that is best by the second objective."""
        return self.best_by(self.second)

    def best_by(self, second: str) -> int:
        """The member with the most of an objective.

        Raises:
          InputError: there is no such objective.
        """
        require("second", second, second in self.objectives, f"one of {', '.join(self.objectives)}")
        return int(self.objectives[second].argmax())

    def stakes(self) -> np.ndarray:
        """``[N]`` how much of its payoff each follower has at stake, on average over profiles, game units."""
        return measures.spreads(self.utilities) @ self.weights

    def label(self, member: int) -> str:
        """What a member is called."""
        return self.labels[member] if member < len(self.labels) else f"member {member + 1}"

    def to_dict(self) -> dict[str, Any]:
        """All of it but the members, for JSON."""
        told = {
            measure: {
                "expected_churn": self.expected_churn(measure),
                "disagreement": self.disagreement(measure).tolist(),
                "medoid": self.label(measures.medoid(self._of(measure), self.weights)),
            }
            for measure in self.outcomes
        }
        best = self.best
        return {
            "game": self.name,
            "slack": self.slack,
            "best_payoff": self.best_payoff,
            "best_method": self.best_method,
            "num_members": self.num_members,
            "how": self.how,
            "ranges": {name: found._asdict() for name, found in self.ranges.items()},
            "profiles": self.profiles,
            "weights": self.weights.tolist(),
            "outcomes": told,
            "stakes": self.stakes().tolist() if self.utilities.size else [],
            "second": self.second,
            "best": {
                "value": float(self.objectives[self.second][best]),
                "commitment": self.commitments[best].tolist(),
                "mechanism": self.mechanisms.get(best, []),
            },
        }


def outcomes_of(played: list[Played], measure: str) -> np.ndarray | None:
    """What members lead to: whole numbers ``[M, T]`` where outcomes are certain, else chances ``[M, T, Y]``.

    None where these are too many.

    Args:
      measure: ``"allocation"``, what happens; ``"payments"``, that and what it pays each follower.
    """
    most = max(one.chances.shape[1] for one in played)
    pad = lambda rows: np.pad(rows, [(0, 0), (0, most - rows.shape[1])] + [(0, 0)] * (rows.ndim - 2))
    chances = np.stack([pad(one.chances) for one in played])  # [M, T, E]
    labels = np.stack([pad(one.labels) for one in played])
    if measure == "payments":
        paid = np.stack([pad(one.paid) for one in played])
        unit = SAME * (float(np.ptp(paid[chances > 0])) or 1.0)
        labels = np.concatenate([labels, np.rint(paid / unit)], axis=-1)
    rows = labels.reshape(-1, labels.shape[-1])
    happens = chances.ravel() > 0
    named = np.zeros(len(rows), np.int64)
    named[happens] = _named(rows[happens])
    kinds = named.reshape(chances.shape)
    likeliest = np.take_along_axis(kinds, chances.argmax(axis=-1)[..., None], axis=-1)
    on_likeliest = np.where(kinds == likeliest, chances, 0.0).sum(axis=-1)
    if (on_likeliest >= 1.0 - CERTAIN).all():
        return likeliest[..., 0]
    count = int(kinds.max()) + 1
    if len(played) * chances.shape[1] * count > MOST_CHANCES:
        return None
    found = np.zeros((*chances.shape[:2], count))
    places = np.indices(chances.shape)
    np.add.at(found, (places[0], places[1], kinds), chances)
    return found / found.sum(axis=-1, keepdims=True)


def _named(rows: np.ndarray) -> np.ndarray:
    """int ``[R]``, the same for rows ``[R, D]`` that are the same: column by column, much faster than rows as a whole."""
    found = np.zeros(len(rows), np.int64)
    for column in rows.T:
        _, own = np.unique(column, return_inverse=True)
        _, found = np.unique(found * (own.max(initial=0) + 1) + own, return_inverse=True)
    return found
