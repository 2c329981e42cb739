"""A solver that is registered elsewhere trains, sweeps, goes on, is reported and exported like the library's own."""

import dataclasses
import json
import pathlib
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.cli.train import RunSettings, settings_type, solver_of
from stackjax.problem import Solver
from stackjax.solvers.registry import SolverEntry, entry_of, forget_solver, register_solver, solver_entry
from stackjax.specs.sources import find_game
from tests.runs.commands import WHOLE, metrics_of, result_of, run


@dataclasses.dataclass(frozen=True)
class SlowClimb:
    """Settings of the toy."""

    num_updates: int = 4
    step: float = 0.5
    """Chance of another action at a node."""


def climb(problem, config):
    """Changes some actions at random and keeps what is worth more; knows nothing but the seam."""
    table = problem.commitments

    def init(key):
        return key, jnp.zeros((table.num_nodes, *table.actions.shape), jnp.int32), jnp.asarray(-jnp.inf)

    def update(state):
        key, held, payoff = state
        key, action_key, change_key, worth_key = jax.random.split(key, 4)
        other = jax.random.randint(action_key, held.shape, 0, table.actions.n, jnp.int32)
        tried = jnp.where(jax.random.uniform(change_key, held.shape) < config.step, other, held)
        worth = problem.worth(worth_key, tried[None])
        better = worth.payoff[0] > payoff
        metrics = {
            "episodes": jnp.ones(()),
            "total_return": worth.payoff[0],
            "height": worth.payoff[0],
            "is_finite": jnp.isfinite(worth.payoff[0]),
        }
        return (key, jnp.where(better, tried, held), jnp.maximum(worth.payoff[0], payoff)), metrics

    return Solver(init, update, lambda state: state[1])


@pytest.fixture
def toy():
    register_solver(SolverEntry("climb", "changes actions at random", SlowClimb, climb, traced=True))
    yield ["--solver", "climb", "--seeds", 2, "--pomdp.num-rounds", 20]
    forget_solver("climb")


@pytest.mark.long
def test_a_solver_from_elsewhere_goes_through_the_command_line(toy, tmp_path, capsys):
    whole, half = tmp_path / "whole", tmp_path / "half"
    command = ["train", "allocation", *toy, *WHOLE, "--polish", 0, "--climb.num-updates", 12]
    assert run(*command, "--out", whole) == 0
    capsys.readouterr()
    result = result_of(whole)
    assert result["solver"] == "climb"
    assert [seed["stackelberg_episodes"] for seed in result["seeds"]] == [12.0, 12.0]
    assert all("height" in row for row in metrics_of(whole))
    config = json.loads((whole / "config.json").read_text(encoding="utf-8"))
    assert config["climb"] == {"num_updates": 12, "step": 0.5}

    shutil.copytree(whole, half)  # as if it had been stopped after its last checkpoint
    for name in ("result.json", "report.html"):
        (half / name).unlink()
    newest = max(int(path.name) for path in (half / "checkpoints").iterdir() if path.name.isdigit())
    assert newest == 12
    assert run(*command, "--out", half, "--resume") == 0
    assert result_of(half) == result

    assert run("evaluate", whole) == 0
    assert result_of(whole) == result
    assert run("report", whole) == 0
    assert not (whole / "policies.npz").exists()
    assert run("export", whole, tmp_path / "commitment.npz") == 0
    stored = np.load(tmp_path / "commitment.npz")
    assert stored["actions"].shape == (3,)
    assert "policy_head" not in stored
    assert run("sweep", "allocation", *toy, "--sweep.climb.step", 0.2, 0.9, "--out", tmp_path / "sweep") == 0
    best = result_of(tmp_path / "sweep")["best"]
    assert best["settings"].keys() == {"climb.step"}
    assert run("export", tmp_path / "sweep", tmp_path / "best.json") == 0
    assert "policy" not in json.loads((tmp_path / "best.json").read_text(encoding="utf-8"))


@pytest.mark.long
@pytest.mark.parametrize("name", ["direct", "search"])
def test_what_needs_no_network_trains_from_python(name):
    settings = solver_entry(name).config(num_updates=20)
    found = sx.train("allocation", solver=settings, seeds=2, polish=0, pomdp=sx.POMDPConfig(num_rounds=50), progress=False)
    assert found.best.policy is None
    assert found.best.optimality_gap == pytest.approx(0.0)
    assert found.result["solver"] == name


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["--solver", "pgo"],
            "solver 'pgo' must be one of direct, ppo, gradient, search, bandit, policy, es, own. Did you mean 'ppo'?",
        ),
        (["--solver", "search", "--ppo.num-envs", "4"], "--ppo.num-envs belongs to --solver ppo, but the solver is search"),
        (
            ["--ppo.num-envs", "4", "--direct.num-updates", "4"],
            "--direct.num-updates belongs to --solver direct, but the solver is",
        ),
        (["--solver", "direct", "--direct.num-updates", "0"], "--direct.num-updates 0"),
        (["--solver", "direct", "--mesh", "1", "2"], "--mesh 1 2"),
    ],
)
def test_mistakes_are_one_line(arguments, words, tmp_path, capsys):
    assert run("train", "allocation", *arguments, "--out", tmp_path / "run") == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert words in errors[0]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], "direct"),
        (["--ppo.num-envs", "4"], "ppo"),
        (["--search.population", "4"], "search"),
        (["--sweep.search.population", "4"], "search"),
        (["--solver", "ppo"], "ppo"),
    ],
)
def test_settings_choose_their_solver(arguments, expected):
    kind = settings_type(find_game("escape"), RunSettings, arguments)
    assert solver_of(kind(out=pathlib.Path("run"))) == expected


def test_mistakes_in_python_name_what_is_allowed():
    with pytest.raises(sx.InputError, match="ppo holds settings of another solver than solver='search'"):
        sx.train("allocation", ppo=sx.PPOConfig(), solver="search")
    with pytest.raises(
        sx.InputError, match=r"solver=3 must be the settings of a solver: DirectConfig, PPOConfig, GradientConfig, SearchConfig"
    ):
        sx.train("allocation", solver=3)
    with pytest.raises(sx.InputError, match="solver name 'ppo' is taken"):
        register_solver(solver_entry("ppo"))
    with pytest.raises(sx.InputError, match="must be a dataclass of settings that has num_updates"):
        register_solver(SolverEntry("plain", "", int, climb))
    with pytest.raises(sx.InputError, match="name=game must be a Python identifier other than game"):
        register_solver(SolverEntry("game", "", SlowClimb, climb))
    assert entry_of(sx.PPOConfig()).name == "ppo"
