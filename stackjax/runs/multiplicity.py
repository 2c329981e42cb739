"""``sx.multiplicity`` and ``sx.compare``: finished runs, and problems, asked what else would pay the leader as much."""

import os
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.disk.directory import RunDirectory
from stackjax.disk.policies import read_arrays
from stackjax.errors import InputError, require_is
from stackjax.outcomes import Played
from stackjax.problem import Problem
from stackjax.rashomon import measures
from stackjax.rashomon.comparison import Comparison
from stackjax.rashomon.found import MEASURES, Multiplicity, outcomes_of
from stackjax.rashomon.members import judged_afresh, members
from stackjax.reports.display import best_seed
from stackjax.runs.commitments import commitments_in
from stackjax.runs.game_tables import check_tables
from stackjax.runs.trained import TrainedRun
from stackjax.specs.run import RunSpec

__all__ = ["compare", "multiplicity"]


class _Run(NamedTuple):
    directory: RunDirectory
    problem: Problem
    result: dict[str, Any]
    commitments: np.ndarray


def multiplicity(
    run: Any,
    slack: float = 0.0,
    second: str = "followers",
    measure: str = "allocation",
    *,
    commitments: Any = None,
    seed: int = 0,
    game_file: pathlib.Path | None = None,
    told: Callable[[str], None] = lambda stage: None,
) -> Multiplicity:
    """The commitments that pay a leader its best, but for ``slack``, and what they lead to.

    All of them where they are few; else a sample, of the run's own, of searches for the ends of every second objective, and of
    walks in between. All are judged by fresh followers.

    Args:
      run: the directory of a run, a `TrainedRun` that is kept in one, or a `Problem`.
      slack: game units.
      second: by what `Multiplicity.best` chooses: ``"followers"``, ``"least-follower"``, ``"equality"``, ``"revenue"`` or a
        follower, for example ``"follower 1"``.
      measure: what counts as an outcome: ``"allocation"``, what happens, or ``"payments"``, that and what followers are paid.
      commitments: ``[C, O, ...]`` those that there are, for example a grid; by default all of the game's.
      seed: of all that is drawn.
      game_file: the Python file of the run's game, which is executed; see `RunSpec.from_file`.
      told: hears what is done.

    Raises:
      InputError: there is no such run, an argument is wrong, or nothing that is known pays the leader that much.
      UnsolvedError: ``run`` is a problem of which the optimum is not known.

    References:
      Watson-Daniels et al. (2024), "Predictive churn with the set of good models".
    """
    given = None if commitments is None else np.asarray(commitments)
    if isinstance(run, Problem):
        given = None if given is None else _as_of(run, given)
        return members(run, slack=slack, second=second, measure=measure, commitments=given, seed=seed, told=told)
    found = _read(run, game_file)
    problem, entries = found.problem, found.result["seeds"]
    best, method = best_seed(found.result), f"the best of {len(entries)} seeds"
    known = (best["leader_payoff"], method)
    if best["optimum"] is not None and best["optimum_method"] != "upper-bound":
        known = (best["optimum"], best["optimum_method"])
    return members(
        problem,
        slack=slack,
        second=second,
        measure=measure,
        best=known,
        known=found.commitments,
        labels=tuple(f"seed {entry['seed']}" for entry in entries),
        commitments=None if given is None else _as_of(problem, given),
        seed=seed,
        told=told,
    )


def compare(
    first: Any, second: Any, *, seed: int = 0, game_files: tuple[pathlib.Path | None, pathlib.Path | None] = (None, None)
) -> Comparison:
    """What changes, and who gains and who loses, if the second run's best commitment takes the place of the first one's.

    Args:
      first, second: directories of runs of one game, or `TrainedRun` that are kept in one.
      seed: of the followers' draws.
      game_files: the Python files of the runs' games, which are executed.

    Raises:
      InputError: there is no such run, the games differ, or the game does not tell what its commitments lead to.
    """
    runs = [_read(run, file) for run, file in zip((first, second), game_files, strict=True)]
    played, paid, names = [], [], []
    for run in runs:
        best = best_seed(run.result)
        made = run.commitments[[run.result["seeds"].index(best)]]
        judged = judged_afresh(run.problem, jax.random.key(seed), made)
        told = run.problem.played(judged, jnp.asarray(made))
        if told is None:
            raise InputError(f"{run.directory.path}: {run.problem.name!r} does not tell what its commitments lead to")
        played.append(told[0])
        paid.append(float(judged.payoff[0]))
        names.append(f"{run.directory.path.name}, seed {best['seed']}")
    _check_alike(runs, played)
    tables = {name: outcomes_of(played, name) for name in MEASURES}
    apart = {name: measures.apart(table[:1], table[1])[0] for name, table in tables.items() if table is not None}
    weights = played[0].weights
    return Comparison(
        (names[0], names[1]),
        runs[0].problem.name,
        np.array(paid),
        {name: float(found @ weights) for name, found in apart.items()},
        apart,
        weights,
        played[0].profiles,
        np.stack([one.utilities for one in played]),
    )


def _check_alike(runs: list[_Run], played: list[Played]) -> None:
    """Raise `InputError` unless two runs are of games with the same followers and types."""
    one, other = runs
    if one.result["game"] != other.result["game"]:
        raise InputError(
            f"{other.directory.path} is a run of {other.result['game']!r}, but {one.directory.path} of {one.result['game']!r}; "
            "runs of one game can be compared"
        )
    shapes = [found.utilities.shape for found in played]
    if shapes[0] != shapes[1] or not np.allclose(played[0].weights, played[1].weights, atol=1e-9):
        raise InputError(
            f"{other.directory.path} and {one.directory.path} are runs of {one.result['game']!r} with different types: "
            f"{other.result['game_options']} and {one.result['game_options']}"
        )


def _read(run: Any, game_file: pathlib.Path | None) -> _Run:
    """A finished run with its problem."""
    if isinstance(run, TrainedRun):
        if run.directory is None:
            raise InputError("the run was not kept; train it with out, its directory")
        run = run.directory
    require_is("run", run, (str, os.PathLike), "the directory of a run, a TrainedRun or a Problem")
    directory = RunDirectory(run).open_existing()
    if directory.is_sweep:
        raise InputError(f"directory {directory.path} holds a sweep; give one run")
    spec, result = RunSpec.from_file(directory.config, game_file), directory.read_result()
    problem = spec.build_problem(read_arrays(directory.followers))
    check_tables(directory, spec, problem)
    with directory.damage_told():
        return _Run(directory, problem, result, commitments_in(directory, result, problem))


def _as_of(problem: Problem, commitments: np.ndarray) -> np.ndarray:
    """``commitments [C, O, ...]`` as the problem takes them; raises `InputError` unless they are its own."""
    table = problem.commitments
    shape = (table.num_nodes, *table.actions.shape)
    if commitments.ndim != 1 + len(shape) or commitments.shape[1:] != shape or not len(commitments):
        raise InputError(f"commitments has shape {commitments.shape}, but must be (at least 1, {', '.join(map(str, shape))})")
    wrong = table.actions.outside(commitments)
    if wrong is not None:
        raise InputError(f"commitments holds the leader action {wrong}, but it must be {table.actions.allowed()}")
    return commitments.astype(np.asarray(table.actions.zeros()).dtype)
