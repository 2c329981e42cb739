"""``result.json``: what training came to, evaluated exactly, and the learned commitment in words."""

import pathlib
import platform
from collections.abc import Sequence
from importlib import metadata
from typing import Any

import jax
import numpy as np

from stackjax import claims
from stackjax._version import __version__
from stackjax.compute.conclusion import Conclusion
from stackjax.compute.state import Evaluated
from stackjax.disk import metrics
from stackjax.problem import Optimum, Problem
from stackjax.solvers.config import OwnConfig
from stackjax.specs.run import RunSpec

__all__ = ["entries", "refuted", "result_of", "updates_of", "versions"]

FEWEST_TO_RISE = 20  # updates, of which something can be said of the last tenth


def result_of(
    spec: RunSpec,
    problem: Problem,
    optimum: Optimum | None,
    concluded: Conclusion,
    metrics_path: pathlib.Path,
    timing: dict[str, float],
    updates: dict[str, Any],
) -> dict[str, Any]:
    """The content of ``result.json``: every seed's best commitment, as ``concluded``; ``updates`` is of `updates_of`."""
    names = [{"seed": spec.first_seed + i} for i in range(spec.num_seeds)]
    device = jax.devices()[0]
    return {
        "game": problem.name,
        "family": spec.source.family,
        "game_options": spec.game_options,
        "command": spec.command(problem),
        "solver": spec.solver_entry.name,
        **({"choice": spec.choice.to_dict()} if spec.choice else {}),
        "caveat": spec.solver_entry.warns(problem, spec.solver),
        **({"counts_last": True} if problem.counts_last else {}),
        "has_policies": bool(concluded.final.policy),
        "device": f"{device.platform}: {device.device_kind}",
        "updates": updates,
        "kernel": problem.kernel,
        "versions": versions(),
        "wall_seconds": timing,
        "evaluation": {**problem.evaluation_method(), "num_equilibrations": problem.num_groups},
        "gap_name": problem.gap_name,
        "payoff_range": list(problem.payoff_range),
        "columns": problem.columns,
        "why_unknown": problem.why_unknown if optimum is None else "",
        "yardsticks": problem.yardsticks(),
        "seeds": entries(problem, [optimum] * len(names), names, concluded, metrics_path),
    }


def updates_of(spec: RunSpec, asked: int, done: int, stopped: str, rose_at: np.ndarray) -> dict[str, Any]:
    """What ``result.json`` says of updates: how many were asked for and done, why a run stopped before, with how much patience,
    and which seeds were ``still_rising`` in the last tenth of them.

    Args:
      rose_at: ``[S]`` the updates at which the seeds' best payoffs last rose.
    """
    is_fixed = isinstance(spec.solver, OwnConfig) and spec.solver.num_updates is None  # the method needs no more
    is_rising = (rose_at > 0.9 * asked) & (not (stopped or is_fixed) and asked >= FEWEST_TO_RISE)
    rising = [spec.first_seed + int(i) for i in np.flatnonzero(is_rising)]
    return {"done": done, "asked": asked, "stopped": stopped, "patience": spec.patience, "still_rising": rising}


def entries(
    problem: Problem,
    optima: Sequence[Optimum | None],
    names: list[dict[str, Any]],
    concluded: Conclusion,
    metrics_path: pathlib.Path,
) -> list[dict[str, Any]]:
    """What became of every element of a batch, named by ``names``: payoffs, gaps, the commitment in numbers and in words.

    ``learned`` is what polishing started from (payoff, gap, whether followers settled, actions), or None if it was left out.
    ``second`` is the second objective, if there is one, and ``second_before`` what it was before choosing by it.
    """
    key_of = lambda entry: tuple(entry.get(key) for key in names[0])
    logged: dict[tuple[Any, ...], dict[str, Any]] = {}  # the last of each
    curves: dict[tuple[Any, ...], list[float]] = {}
    for row in metrics.stream(metrics_path):
        logged[key_of(row)] = row
        if row["greedy_payoff"] is not None and row["update"] > 0:
            curves.setdefault(key_of(row), []).append(row["greedy_payoff"])
    in_words = [", ".join(f"{key} {value}" for key, value in name.items()) for name in names]
    found, (evaluated, before, chosen) = [], concluded
    learned = [None] * len(names) if before is None else _learned(problem, before)
    for i, words in enumerate(problem.describe(evaluated.judged, evaluated.commitment, in_words)):
        name, optimum, diverged_at = names[i], optima[i], int(evaluated.diverged_at[i])
        last = logged.get(key_of(name), {})
        found.append(
            {
                **name,
                "update": int(evaluated.update[i]),
                "diverged_at": None if diverged_at < 0 else diverged_at,
                **words,
                "settled": words[problem.gap_name] <= problem.settled_gap,
                "learned": learned[i],
                **({} if chosen is None else {"second_before": float(chosen.before[i]), "second": float(chosen.after[i])}),
                "optimum": None if optimum is None else optimum.value,
                "optimum_method": None if optimum is None else optimum.method,
                "optimality_gap": claims.distance(problem, optimum, words),
                "mean_greedy_payoff": float(np.mean(curves[key_of(name)])) if key_of(name) in curves else None,
                **({"mean_return": last.get("mean_return")} if problem.counts_last else {}),
                "stackelberg_episodes": last.get("stackelberg_episodes"),
                "leader_decisions": last.get("leader_decisions"),
            }
        )
    return found


def refuted(problem: Problem, optimum: Optimum | None, found: list[dict[str, Any]], metrics_path: pathlib.Path) -> str | None:
    """That something judged, on the way or at the end, pays more than the optimum, see `claims.refutation`; or None."""
    on_the_way = (
        {"leader_payoff": row["greedy_payoff"], problem.gap_name: row[problem.gap_name]}
        for row in metrics.stream(metrics_path)
        if row["greedy_payoff"] is not None
    )
    # Averages on the way come without intervals, and what is rounded there does not tell ties as the end does.
    is_exact = not (problem.judges_roughly or problem.judges_by_draws)
    return claims.refutation(problem, optimum, [*found, *(on_the_way if is_exact else ())])


def _learned(problem: Problem, before: Evaluated) -> list[dict[str, Any]]:
    gap = problem.gap_name
    return [
        {
            "leader_payoff": words["leader_payoff"],
            gap: words[gap],
            "settled": words[gap] <= problem.settled_gap,
            "actions": words["commitment"]["actions"],
        }
        for words in claims.words_of(problem, before.judged, before.commitment)
    ]


def versions() -> dict[str, str]:
    packages = ("jax", "jaxlib", "flax", "optax", "distrax", "gymnax", "numpy")
    return {
        "stackjax": __version__,
        "python": platform.python_version(),
        **{package: metadata.version(package) for package in packages},
    }
