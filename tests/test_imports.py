"""Who may know whom: imports point up the list of rooms only, and the machinery of runs names neither a family nor a solver."""

import ast
import importlib.util
import pathlib
import subprocess
import sys

import pytest

import stackjax

PACKAGE = pathlib.Path(stackjax.__file__).parent
ROOMS = [
    "solvers",
    "bayesian",
    "markov",
    "menus",
    "extensive",
    "rashomon",
    "interop",
    "specs",
    "compute",
    "disk",
    "reports",
    "runs",
    "cli",
]  # each may know those before it
MACHINERY = ["specs", "compute", "disk", "reports", "runs", "cli"]
FAMILIES = ["bayesian", "markov", "menus", "extensive"]
SOLVERS = ["ppo", "direct", "search", "gradient"]
NETWORKS = [f"stackjax.solvers.network.{name}" for name in ("random_acting", "stepped")]  # which are no solvers


def imported(path):
    """Every name that a file imports from the package, in full, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stackjax"):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def files(room):
    return sorted((PACKAGE / room).rglob("*.py"))


def room_of(name):
    return name.split(".")[1]


@pytest.mark.parametrize("room", ROOMS)
def test_imports_point_up_the_list(room):
    below = ROOMS[ROOMS.index(room) + 1 :]
    for path in files(room):
        assert [name for name in imported(path) if room_of(name) in below] == [], path


@pytest.mark.parametrize("room", MACHINERY)
def test_the_machinery_knows_neither_a_family_nor_a_solver(room):
    forbidden = tuple([f"stackjax.{family}." for family in FAMILIES] + [f"stackjax.solvers.{solver}." for solver in SOLVERS])
    for path in files(room):
        assert [name for name in imported(path) if name.startswith(forbidden)] == [], path


@pytest.mark.parametrize("folder", ["benchmarks", "experiments"])
def test_what_benchmarks_and_experiments_import_is_there(folder):
    """Nothing else runs all of them, and a name that is gone must not be noticed years later."""
    for path in sorted((PACKAGE.parent / folder).rglob("*.py")):
        for name in imported(path):
            module, _, attribute = name.rpartition(".")
            found = importlib.import_module(module)
            assert hasattr(found, attribute) or importlib.util.find_spec(name), f"{path}: {name}"


def test_solvers_know_a_problem_by_the_seam():
    """Also inside of functions, and by the names of modules: no family is known to any of them."""
    for path in files("solvers"):
        assert [name for name in imported(path) if room_of(name) in FAMILIES] == [], path
        text = path.read_text(encoding="utf-8")
        assert not any(f"stackjax.{family}" in text or f"stackjax/{family}" in text for family in FAMILIES), path


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_knows_no_solver_but_the_learner_that_it_brings(family):
    for path in files(family):
        if path.parent not in (PACKAGE / "bayesian/ppo", PACKAGE / "markov/ppo"):
            known = [name for name in imported(path) if room_of(name) == "solvers"]
            assert set(known) <= {"stackjax.solvers.ppo.config.PPOConfig", *NETWORKS}, path


def test_no_two_files_import_each_other():
    """Over the whole package, of what is imported when a module is loaded."""
    names = {
        ".".join(("stackjax", *path.relative_to(PACKAGE).with_suffix("").parts)): path
        for path in PACKAGE.rglob("*.py")
        if path.name not in ("__init__.py", "__main__.py")
    }
    edges = {name: set() for name in names}
    for name, path in names.items():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:  # not inside functions or TYPE_CHECKING
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stackjax"):
                found = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
                edges[name] |= {other for other in found if other in names}
    done, path = set(), []

    def visit(name):
        assert name not in path, [*path[path.index(name) :], name]
        if name not in done:
            path.append(name)
            for other in sorted(edges[name]):
                visit(other)
            done.add(path.pop())

    for name in names:
        visit(name)


def test_every_room_is_listed():
    assert sorted(ROOMS) == sorted(path.name for path in PACKAGE.iterdir() if path.is_dir() and path.name != "__pycache__")


@pytest.mark.long
def test_a_run_that_does_not_step_needs_no_gymnax(tmp_path):
    """Its import takes a third of what all others take together."""
    code = """
import sys
import stackjax as sx
sx.train("maintain", seeds=1, progress=False)
sys.exit("gymnax" in sys.modules)
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=tmp_path, timeout=300).returncode == 0
