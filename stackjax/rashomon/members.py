"""From a problem to the commitments that pay its leader all but the best, judged by fresh followers, and what they lead to."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.claims import is_attainable, verified, words_of
from stackjax.compiler import compiler_options
from stackjax.errors import InputError, UnsolvedError, require, require_number
from stackjax.outcomes import Region
from stackjax.problem import Judged, Problem
from stackjax.rashomon import programmes
from stackjax.rashomon.among import measures
from stackjax.rashomon.explore import answered, enumerated, explored, names_of, sound
from stackjax.rashomon.found import MEASURES, Multiplicity, Range, outcomes_of
from stackjax.rashomon.selection import TOLERANCE
from stackjax.types import Array, PRNGKey

__all__ = ["MOST_MEMBERS", "judged_afresh", "members", "most_of"]

MOST_MEMBERS = 4096  # that are judged
STEP_BACK = 2e-5  # of the leader's payoff range: what commitments that stand for an optimum may miss it by


def members(
    problem: Problem,
    *,
    slack: float = 0.0,
    second: str = "followers",
    measure: str = "allocation",
    best: tuple[float, str] | None = None,
    known: np.ndarray | None = None,
    labels: tuple[str, ...] = (),
    commitments: np.ndarray | None = None,
    seed: int = 0,
    told: Callable[[str], None] = lambda stage: None,
) -> Multiplicity:
    """The commitments of ``problem`` that pay its leader the best but for ``slack``.

    Args:
      slack: game units.
      second: by what `Multiplicity.best` chooses.
      measure: what counts as an outcome, unless a measure is asked for with another: ``"allocation"`` or ``"payments"``.
      best: the most that the leader is known to be paid and how that is known; by default see `most_of`.
      known: ``[S, O, ...]`` commitments to begin with, which stay first; ``labels`` are what they are called.
      commitments: ``[C, O, ...]`` those that there are, for example a grid; by default all of the problem's.
      seed: of all that is drawn.
      told: hears what is done.

    Raises:
      InputError: an argument is wrong, the problem has no table, or no commitment that is known pays that much.
    """
    require_number("slack", slack, lambda slack: slack >= 0, "at least 0")
    require("measure", measure, measure in MEASURES, f"one of {', '.join(MEASURES)}")
    names = names_of(problem)
    if second not in names:
        allowed = ", ".join(names) or "nothing, as this problem does not tell what followers are paid"
        raise InputError(f"second={second!r} must be one of {allowed}")
    keys = jax.random.split(jax.random.key(seed), 3)
    if best is None:
        best, own = most_of(problem, keys[0], commitments)
        known = own if known is None else known
    floor, low_high = best[0] - slack, problem.payoff_range
    if commitments is not None:
        found, how = commitments[sound(problem, keys[1], commitments, floor)], "given"
    else:
        assert known is not None
        floor, good = _reached(problem, keys[1], floor, known)
        every = explored(problem, keys[1], floor, good, told=told)
        found, how = every.commitments, "all" if every.is_all else "sample"
    count = len(found)
    if count > MOST_MEMBERS:
        found = found[np.sort(np.random.default_rng(seed).choice(count, MOST_MEMBERS, replace=False))]
    labels = _those_first(labels, known, found) if how == "sample" and known is not None else ()
    told(f"judging {len(found):,} commitments")
    judged = judged_afresh(problem, keys[2], found)
    paid, gaps = np.asarray(judged.payoff, np.float64), np.asarray(judged.gap)
    kept = (paid + _rough(judged) >= floor - 2.0 * TOLERANCE * (low_high[1] - low_high[0])) & (gaps <= problem.settled_gap)
    if not kept.any():
        raise InputError(f"no commitment that is known of {problem.name!r} pays {floor:.6g} ({best[0]:.6g} less slack={slack})")
    labels = tuple(label for label, stays in zip(labels, kept, strict=False) if stays)
    found, paid, judged = found[kept], paid[kept], jax.tree.map(lambda leaf: leaf[kept], judged)
    told_of = _told_of(problem, found, paid, judged, how)
    outcomes = told_of["outcomes"]
    gathered = Multiplicity(
        name=problem.name,
        slack=slack,
        best_payoff=best[0],
        best_method=best[1],
        commitments=found,
        payoffs=paid,
        how=how,
        num_members=count if count > MOST_MEMBERS else len(found),
        labels=list(labels),
        measure=measure if measure in outcomes or not outcomes else next(iter(outcomes)),
        second=second,
        **told_of,
    )
    shown = sorted({gathered.best, *([gathered.medoid] if outcomes else [])})
    words = words_of(problem, jax.tree.map(lambda leaf: leaf[np.array(shown)], judged), jnp.asarray(found[shown]))
    gathered.mechanisms.update({place: one["mechanism"] for place, one in zip(shown, words, strict=True)})
    if how == "sample" and (regions := problem.regions()) is not None:
        told("solving linear programmes")
        gathered.ranges.update(_by_programmes(problem, regions, floor))
    return gathered


def _reached(problem: Problem, key: PRNGKey, floor: float, known: np.ndarray) -> tuple[float, np.ndarray]:
    """``floor``, or a little less where the best of ``known`` misses it by a tie or by draws; and those that may pay it."""
    low, high = problem.payoff_range
    if not problem.judges_by_draws:
        payoffs, gaps = answered(problem, key, known)
        most, room = float(np.where(gaps <= problem.settled_gap, payoffs, -np.inf).max()), STEP_BACK * (high - low)
        return (most if floor - room <= most < floor else floor), known
    judged = judged_afresh(problem, key, known)
    payoffs = np.where(judged.gap <= problem.settled_gap, judged.payoff + _rough(judged), -np.inf)
    if payoffs.max() < floor:
        raise InputError(f"no commitment that is known of {problem.name!r} pays {floor:.6g}: give it slack")
    return floor, known[payoffs >= floor]


def _those_first(labels: Sequence[str], known: np.ndarray, found: np.ndarray) -> tuple[str, ...]:
    """What the first of ``found`` are called: those of ``known`` that were not left out, which are in order."""
    names: list[str] = []
    for label, one in zip(labels, known, strict=False):
        if len(names) < len(found) and np.array_equal(found[len(names)], one):
            names.append(label)
    return tuple(names)


def _rough(judged: Judged) -> np.ndarray:
    """``[M]`` half of the payoffs' 95 % intervals, 0 where they are exact."""
    return np.asarray(getattr(judged.details, "half_width", np.zeros_like(judged.payoff)), np.float64)


def _by_programmes(problem: Problem, regions: Sequence[Region], floor: float) -> dict[str, Range]:
    """What followers, each and in all, may be paid, and what they may pay, over all commitments above ``floor``."""
    count, parts = len(regions[0].followers), programmes.above(regions, min(floor, programmes.best(regions)))
    revenue = lambda leader, own: problem.revenue(jnp.asarray(leader, float), jnp.asarray(own, float))
    weights, nobody = None, np.zeros(count)
    if revenue(0.0, nobody) is not None:  # payoffs in other weights
        slope = lambda leader, own: float(np.asarray(revenue(leader, own)) - np.asarray(revenue(0.0, nobody)))
        weights = (
            np.array([slope(0.0, one) for one in np.eye(count)]),
            slope(1.0, nobody),
            float(np.asarray(revenue(0.0, nobody))),
        )
    found = programmes.ranges(parts, -np.inf, weights)
    least, most = (sign * programmes.extreme(parts, -np.inf, np.full(count, sign)).value for sign in (-1.0, 1.0))
    ranges = {f"follower {i + 1}": Range(float(low), float(high), "lp") for i, (low, high) in enumerate(found.followers)}
    ranges["followers"] = Range(float(least), float(most), "lp")
    return ranges if found.revenue is None else {**ranges, "revenue": Range(*found.revenue, how="lp")}


def most_of(problem: Problem, key: Any, commitments: np.ndarray | None = None) -> tuple[tuple[float, str], np.ndarray]:
    """The most that the leader is known to be paid, how that is known, and a commitment ``[1, O, ...]`` that pays it.

    It is the optimum if it is known and attained, else the best of all commitments where they are few, or of ``commitments``.

    Raises:
      UnsolvedError: it is not known.
    """
    optimum = None if commitments is not None else verified(problem, problem.optimum())
    if is_attainable(optimum):
        return (optimum.value, optimum.method), np.asarray(optimum.commitment)[None]
    every = enumerated(problem) if commitments is None else commitments
    if every is None:
        raise UnsolvedError(f"the optimum of {problem.name!r} is not known; train a run, and give its directory")
    payoffs, gaps = answered(problem, key, every)
    payoffs = np.where(gaps <= problem.settled_gap, payoffs, -np.inf)
    if payoffs.max() == -np.inf:
        raise UnsolvedError(f"followers settle at no commitment of {problem.name!r}")
    return (float(payoffs.max()), "enumeration" if commitments is None else "the best that was given"), every[
        [payoffs.argmax()]
    ]


def judged_afresh(problem: Problem, key: Any, commitments: np.ndarray) -> Judged:
    """What ``commitments [M, O, ...]`` lead to against fresh followers, leaves ``[M, ...]``."""
    judge = lambda pair: problem.judge(pair[0], pair[1], problem.num_groups)
    options = compiler_options(runs_once=True)
    program = jax.jit(lambda keys, made: jax.lax.map(judge, (keys, made)), compiler_options=options)
    return jax.device_get(program(jax.random.split(key, len(commitments)), jnp.asarray(commitments)))


def _told_of(problem: Problem, found: np.ndarray, paid: np.ndarray, judged: Judged, how: str) -> dict[str, Any]:
    """What the members ``found [M, O, ...]`` lead to, by the names of `Multiplicity`."""
    played = problem.played(judged, jnp.asarray(found))
    outcomes: dict[str, np.ndarray] = {}
    if played is None:
        worth = jax.jit(lambda made: problem.worth(jax.random.key(0), made, lasting=len(made)).followers)
        followers, weights, profiles = np.asarray(worth(jnp.asarray(found)), np.float64), np.ones(0), list[str]()
        utilities = np.zeros((*followers.shape, 0))
    else:
        weights, profiles = played[0].weights, played[0].profiles
        utilities = np.stack([one.utilities for one in played])
        followers = utilities @ weights
        tables = {name: outcomes_of(played, name) for name in MEASURES}
        outcomes = {name: table for name, table in tables.items() if table is not None}
    tell: Callable[[Array, Array], dict[str, Array]] = jax.vmap(lambda payoff, own: measures(problem, payoff, own, None))
    with jax.enable_x64(True):
        by_name = tell(jnp.asarray(paid), jnp.asarray(followers))
    objectives = {name: np.asarray(by_name[name]) for name in names_of(problem)}
    return {
        "followers": followers,
        "objectives": objectives,
        "ranges": {name: Range(float(column.min()), float(column.max()), how) for name, column in objectives.items()},
        "weights": weights,
        "profiles": profiles,
        "utilities": utilities,
        "outcomes": outcomes,
    }
