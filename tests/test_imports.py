"""Who may know whom: the machinery of runs speaks of problems and solvers alone, and a solver of a problem only by the seam."""

import ast
import pathlib

import pytest

import stackjax

PACKAGE = pathlib.Path(stackjax.__file__).parent
FAMILY = ("bayesian", "games", "followers", "pomdp", "equilibrium")
SOLVERS = ("ppo", "solvers.direct", "solvers.search")
# What describes a Bayesian run, reads its arguments, or hands its result to Python.
DESCRIBE = {"runs/spec.py", "runs/sweep_spec.py", "runs/trained.py", "runs/game_files.py"}
TYPES = {"stackjax.games.base.Optimum", "stackjax.games.spaces.Box", "stackjax.games.spaces.Discrete"}  # of the seam itself


def imported(path):
    """Every name that a file imports from the package, in full."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stackjax"):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(folder):
    return [path for path in sorted((PACKAGE / folder).glob("*.py")) if str(path.relative_to(PACKAGE)) not in DESCRIBE]


@pytest.mark.parametrize("path", files("runs"), ids=lambda path: path.stem)
def test_runs_know_neither_a_family_nor_a_solver(path):
    forbidden = tuple(f"stackjax.{name}." for name in (*FAMILY, *SOLVERS))
    assert [name for name in imported(path) if name.startswith(forbidden) and name not in TYPES] == []


@pytest.mark.parametrize("path", files("solvers"), ids=lambda path: path.stem)
def test_a_solver_knows_a_problem_by_the_seam(path):
    forbidden = tuple(f"stackjax.{name}." for name in (*FAMILY, "runs", "cli"))
    assert [name for name in imported(path) if name.startswith(forbidden) and name not in TYPES] == []


@pytest.mark.parametrize("folder", [*FAMILY, "ppo"])
def test_nothing_below_knows_the_runs(folder):
    for path in files(folder):
        assert [name for name in imported(path) if name.startswith(("stackjax.runs.", "stackjax.cli."))] == [], path
