"""Sweeps: each run as it would be alone, one compilation for all that share a program, memory kept, mistakes named."""

import csv
import dataclasses
import itertools
import json
import pathlib
import shutil
import subprocess
import sys

import jax
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.family import POMDPConfig
from stackjax.bayesian.followers.config import FollowersConfig
from stackjax.compute.memory import GIB, fit_programs
from stackjax.compute.programs import Programs
from stackjax.compute.state import start_run
from stackjax.runs.loop import train_batch
from stackjax.settings import field_types
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import find_game
from stackjax.specs.sweep import Axis, read_axis
from tests.runs.commands import PLAIN, QUICK, WHOLE, made_once, poison, result_of, run, start
from tests.runs.test_loggers import expected, scalars

SECTIONS = {
    "game": sx.registered_games()[0].options,
    "pomdp": POMDPConfig,
    "followers": FollowersConfig.of("q-learning"),
    "ppo": sx.PPOConfig,
}
SWEEP = ["--sweep.ppo.learning-rate", "log", 1e-3, 1e-2, 2, "--sweep.followers.step-size", 0.1, 0.5]
AXES = ["--sweep.followers.step-size", 0.1, 0.5, "--sweep.game.num-messages", 1, 2]
NUMBERS = ("leader_payoff", "bcce_gap", "bne_gap", "mean_greedy_payoff", "stackelberg_episodes")


def table_of(directory):
    with (directory / "table.csv").open(encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def chunked(monkeypatch, size):
    """As if there were memory for ``size`` elements at a time."""
    fit = lambda build, wanted, multiple, *others: fit_programs(build, size * multiple, multiple, *others)
    monkeypatch.setattr("stackjax.runs.sweep.fit_programs", fit)


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Two groups of two configurations, by random search."""

    def sweep(out):
        assert run("sweep", "allocation", *PLAIN, *AXES, "--log", "tensorboard", "--out", out) == 0

    return made_once(tmp_path_factory, "sweep", sweep)


@pytest.fixture(scope="module")
def swept_by_ppo(tmp_path_factory):
    """One group of four configurations."""

    def sweep(out):
        assert run("sweep", "escape", *QUICK, *SWEEP, "--out", out) == 0

    return made_once(tmp_path_factory, "sweep-by-ppo", sweep)


def test_the_table_has_a_row_for_each_configuration_and_seed(swept):
    rows = table_of(swept)
    assert [(int(row["configuration"]), int(row["seed"])) for row in rows] == [(c, s) for c in range(4) for s in range(2)]
    settings = [(float(r["followers.step_size"]), int(r["game.num_messages"])) for r in rows[::2]]
    assert settings == [(step, m) for step in (0.1, 0.5) for m in (1, 2)]
    assert {(row["game.num_messages"], row["optimum"]) for row in rows} == {("1", str(1 / 3)), ("2", str(2 / 3))}
    result = json.loads((swept / "result.json").read_text(encoding="utf-8"))
    best, means = result["best"], [np.mean([float(r["leader_payoff"]) for r in rows[2 * c : 2 * c + 2]]) for c in range(4)]
    assert best["leader_payoff"] == pytest.approx(max(means))
    assert best["settings"] == dict(result["configurations"][best["configuration"]]["settings"])
    assert best["interval"][0] <= best["leader_payoff"] <= best["interval"][1]
    assert [seed["seed"] for seed in best["seeds"]] == [0, 1]
    assert (swept / "surface.png").read_bytes().startswith(b"\x89PNG")
    assert "<svg" in (swept / "report.html").read_text(encoding="utf-8")


def test_every_configuration_and_seed_is_a_series_of_its_own(swept):
    found, wanted = {}, {}
    for path in (swept / "tensorboard").iterdir():
        found[path.name] = {key: pytest.approx(values) for key, values in scalars(path).items()}
    for configuration, seed in itertools.product(range(4), range(2)):
        name = f"configuration-{configuration}-seed-{seed}"
        (chunk,) = [path for path in (swept / "chunks").iterdir() if expected(path, configuration=configuration, seed=seed)]
        wanted[name] = {key: [value] for key, value in expected(chunk, configuration=configuration, seed=seed).items()}
    assert wanted == found


@pytest.mark.long
def test_the_policy_file_alone_is_enough(swept_by_ppo, tmp_path):
    """``policy.py`` copied elsewhere, a process that cannot import anything but NumPy, and the export of a sweep's best."""
    assert run("export", swept_by_ppo, tmp_path / "best.npz") == 0
    shutil.copy(pathlib.Path(sx.__file__).with_name("policy.py"), tmp_path / "policy.py")
    code = (
        "import sys, numpy as np\nsys.path.insert(0, '.')\nfrom policy import load_policy\n"
        "stored = np.load('best.npz')\n"
        "assert (load_policy('best.npz').act(stored['observations']) == stored['actions']).all()\n"
        "assert not {'jax', 'stackjax', 'flax'} & set(sys.modules)\n"
    )
    finished = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr


@pytest.mark.long
def test_a_run_of_a_sweep_is_the_run_alone(swept_by_ppo, tmp_path):
    """Configuration 2: the numbers enter as arguments instead of constants, which moves them by rounding at most."""
    alone = ["--ppo.learning-rate", 1e-2, "--followers.step-size", 0.1]
    assert run("train", "escape", *QUICK, *WHOLE, *alone, "--out", tmp_path / "run") == 0
    expected = json.loads((tmp_path / "run/result.json").read_text(encoding="utf-8"))["seeds"]
    for row, seed in zip(table_of(swept_by_ppo)[4:6], expected, strict=True):
        assert [float(row[name]) for name in NUMBERS] == pytest.approx([seed[name] for name in NUMBERS], abs=1e-4)


@pytest.mark.long
def test_one_compilation_for_each_group_whatever_its_size(tmp_path, monkeypatch):
    """Two groups, a chunk of one element at a time: four programs each, and no more for eight chunks.

    A start is traced once to see whether it fits, and once for its program.
    """
    compiled, started = [], []
    monkeypatch.setattr("stackjax.compute.programs.start_run", lambda *given: started.append(1) or start_run(*given))
    lowered = Programs._lowered
    monkeypatch.setattr(Programs, "_lowered", lambda self, name, at: compiled.append(name) or lowered(self, name, at))
    chunked(monkeypatch, 1)
    assert run("sweep", "allocation", *PLAIN, *AXES, "--out", tmp_path / "sweep") == 0
    assert len(started) == 4
    assert sorted(compiled) == sorted(["init", "advance", "score", "evaluate"] * 2)
    assert len(list((tmp_path / "sweep/chunks").iterdir())) == 8


@pytest.mark.long
def test_chunks_change_nothing(swept, tmp_path, monkeypatch):
    """With room for three and two cores, two at a time: a third would run alone."""
    monkeypatch.setattr("stackjax.compute.programs.num_cores", lambda: 2)
    chunked(monkeypatch, 3)
    out = tmp_path / "sweep"
    assert run("sweep", "allocation", *PLAIN, *AXES, "--out", out) == 0
    assert len(list((out / "chunks").iterdir())) == 4
    assert result_of(out) == result_of(swept)
    assert (out / "table.csv").read_text(encoding="utf-8") == (swept / "table.csv").read_text(encoding="utf-8")


@pytest.mark.long
def test_a_sweep_goes_on_where_it_was_killed(swept, tmp_path, monkeypatch, capsys):
    class Killed(Exception):
        pass

    calls = []

    def die_in_the_second(*arguments, **options):
        calls.append(1)
        if len(calls) == 2:
            raise Killed
        return train_batch(*arguments, **options)

    out, command = tmp_path / "sweep", ["sweep", "allocation", *PLAIN]
    monkeypatch.setattr("stackjax.runs.sweep.train_batch", die_in_the_second)
    with pytest.raises(Killed):
        run(*command, *AXES, "--out", out)
    assert not (out / "result.json").exists()
    capsys.readouterr()
    assert run(*command, *AXES, "--out", out) == 2
    assert "use --resume" in capsys.readouterr().err
    assert run(*command, *AXES, "--sweep.search.population", 16, 32, "--out", out, "--resume") == 2
    assert "sweep.search.population" in capsys.readouterr().err
    assert run(*command, *AXES[3:], *AXES[:3], "--out", out, "--resume") == 2
    assert "order" in capsys.readouterr().err
    assert run(*command, *AXES, "--out", out, "--resume") == 0
    assert len(calls) == 3  # the finished chunk is not trained again
    assert result_of(out) == result_of(swept)


@pytest.mark.long
def test_divergence_is_in_the_table_and_harms_nobody_else(tmp_path, monkeypatch, capsys):
    poison(monkeypatch, 2, [1])
    out = tmp_path / "sweep"
    assert run("sweep", "escape", *QUICK, "--sweep.ppo.learning-rate", 1e-3, 1e-2, "--out", out) == 0
    assert [row["diverged_at"] for row in table_of(out)] == ["", "2", "", "2"]
    assert "2 runs diverged" in capsys.readouterr().out


@pytest.mark.long
def test_peak_memory_stays_within_the_budget(tmp_path):
    """Deep networks in two groups: a batch of either as a whole would need more."""
    deep = ["--sweep.ppo.hidden-sizes", ",".join(["128"] * 8), ",".join(["128"] * 7), "--ppo.num-envs", 16]
    out, budget = tmp_path / "sweep", 1.84
    axis = ["--sweep.ppo.learning-rate", "log", 1e-4, 1e-2, 20, "--seeds", 6, "--memory-gib", budget]
    quickly = "--xla_backend_optimization_level=0"  # compiled, that is
    short = ["--ppo.num-updates", 1, "--pomdp.num-rounds", 20]
    process = start("sweep", "escape", *short, *deep, *axis, "--out", out, devices=1, flags=quickly)
    peak = 0.0
    while process.poll() is None:
        try:
            with open(f"/proc/{process.pid}/status", encoding="utf-8") as lines:
                peak = max([peak, *(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))])
        except OSError:
            break
    errors = process.communicate()[1]
    assert process.returncode == 0, errors
    assert len(list((out / "chunks").iterdir())) > 2
    assert 0.5 < peak / GIB <= budget


def test_too_little_memory_is_said_before_anything_is_touched(swept, capsys):
    before = (swept / "result.json").read_bytes()
    assert run("sweep", "escape", *PLAIN, *AXES[:3], "--memory-gib", 0.1, "--out", swept, "--overwrite") == 2
    assert "--memory-gib 0.1 is too little" in capsys.readouterr().err
    assert (swept / "result.json").read_bytes() == before
    assert len(list((swept / "chunks").iterdir())) == 2


def test_what_is_for_runs_says_so_in_a_line(swept, capsys):
    for command in ("report", "evaluate"):
        assert run(command, swept) == 2
        assert "holds a sweep" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("axis", "mentions"),
    [
        ([], ["needs at least one --sweep"]),
        (["--sweep.ppo.learning-rte", "1"], ["learning-rte", "learning-rate"]),
        (["--sweep.learning-rate", "1"], ["must name a setting"]),
        (["--sweep.ppo.learning-rate"], ["needs values"]),
        (["--sweep.ppo.learning-rate", "fast"], ["learning-rate", "fast"]),
        (["--sweep.ppo.learning-rate", "log", "0", "1", "3"], ["LOW must be positive"]),
        (["--sweep.ppo.learning-rate", "log", "1", "0.1", "3"], ["LOW < HIGH"]),
        (["--sweep.ppo.learning-rate", "linear", "0", "1"], ["linear LOW HIGH COUNT"]),
        (["--sweep.ppo.learning-rate", "0.1", "0.1"], ["twice"]),
        (["--sweep.ppo.learning-rate", "0.1", "-1"], ["learning_rate=-1"]),
        (["--sweep.ppo.learning-rate", "0.1", "nan"], ["learning_rate=nan"]),
        (["--sweep.ppo.num-envs", "linear", "8", "64", "3"], ["list the values"]),
        (["--sweep.ppo.num-epochs", "8", "0"], ["configuration ppo.num_epochs=0: num_epochs=0"]),
        (["--sweep.ppo.num-minibatches", "4", "7"], ["num_minibatches=7"]),
        (["--sweep.ppo.discount", "1", "0.9"], ["discount=0.9", "step"]),
        (["--sweep.game.num-messages", "2", "0"], ["num_messages=0"]),
        (["--sweep.followers.kind", "exp3", "hedge"], ["hedge"]),
        (
            ["--followers.kind", "q-learning", "--sweep.followers.memory", "maybe"],
            ["--sweep.followers.memory maybe must be True or False"],
        ),
        (["--sweep.followers.memory", "true", "false"], ["memory is not an option of multiplicative-weights", "q-learning"]),
        (["--sweep.followers.temperature", "0.1", "0.2"], ["it belongs to logit-response"]),
        (["--followers.step-size", "0.3", "--sweep.followers.kind", "exp3"], ["step_size is not an option of exp3"]),
        (["--sweep.ppo.num-steps", "64", "128"], ["num_steps=64 does nothing unless path is step"]),
        (["--sweep.ppo.gaussian-std", "0.1", "0.5"], ["gaussian_std=0.1 does nothing unless box_policy is gaussian"]),
        (["--sweep.ppo.grid-points", "5", "9"], ["grid_points=5 does nothing in 'allocation'"]),
        (["--ppo.gae-lambda", "0.9", "--sweep.ppo.gae-lambda", "0.9", "1"], ["both fixed and swept"]),
        (["--sweep.ppo.gae-lambda", "linear", "0", "1", "100000000"], ["100000000 values, more than 1000000"]),
        (["--seeds", "100000", "--sweep.ppo.gae-lambda", "linear", "0", "1", "100"], ["10000000 runs"]),
        (["--sweep.ppo.gae-lambda", "0.9", "--sweep.ppo.gae-lambda", "1"], ["given once"]),
        (["--sweep.ppo.gae-lambda", "0.9", "--memory-gib", "-1"], ["--memory-gib -1"]),
        (["--sweep.ppo.gae-lambda", "0.9", "--mesh", "3", "1"], ["--mesh 3 1 needs 3 devices, but JAX sees"]),
    ],
)
def test_mistakes_get_one_line(axis, mentions, tmp_path, capsys):
    assert run("sweep", "allocation", *QUICK, *axis, "--out", tmp_path / "sweep") == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    assert len(lines) == 1
    for text in mentions:
        assert text in lines[0]
    assert not (tmp_path / "sweep/config.json").exists()


def test_axes_are_read_as_typed():
    assert read_axis("ppo.learning-rate", ["log", "1e-4", "1e-2", "3"], SECTIONS, None) == Axis(
        "ppo.learning_rate", (1e-4, pytest.approx(1e-3), pytest.approx(1e-2))
    )
    assert read_axis("ppo.gae-lambda", ["linear", "0", "1", "5"], SECTIONS, None).values == (0, 0.25, 0.5, 0.75, 1)


def test_real_numbers_of_followers_and_of_solvers_that_say_so_go_through_one_program():
    ppo, direct = (RunSpec(find_game("allocation"), {}, {}, solver) for solver in (sx.PPOConfig(), sx.DirectConfig()))
    assert ppo.is_traced("ppo.learning_rate")
    assert ppo.is_traced("followers.discount")  # of a rule that the sweep may come to
    assert direct.is_traced("followers.step_size")
    assert not any(ppo.is_traced(name) for name in ("ppo.num_envs", "game.num_messages", "pomdp.settled_gap"))
    assert not direct.is_traced("direct.first_step")


@pytest.mark.long
def test_every_float_setting_can_be_traced():
    """What `RunSpec.is_traced` promises: one compiled program takes any value of any float setting."""
    game = sx.make("escape-randomized")
    floats = [("ppo", f.name) for f in dataclasses.fields(sx.PPOConfig) if f.type is float]
    floats += [("followers", name) for name, kind in field_types(FollowersConfig).items() if kind is float]
    assert len(floats) >= 16
    config = sx.PPOConfig(num_updates=1, num_envs=8, num_steps=8, hidden_sizes=(8,), path="step", box_policy="gaussian")
    kinds = {"exploration": "exp3", "temperature": "logit-response"}
    q_fields = ("learning_rate", "discount", "exploration_decay", "initial_value")
    for section, name in floats:
        rule = kinds.get(name, "q-learning" if section == "followers" and name in q_fields else "multiplicative-weights")
        followers = sx.followers.FollowersConfig(rule)

        def start_and_update(value, section=section, name=name, followers=followers):
            ppo = dataclasses.replace(config, **{name: value}) if section == "ppo" else config
            rules = dataclasses.replace(followers, **{name: value}) if section == "followers" else followers
            trainer = sx.make_train(sx.StackelbergPOMDP(game, rules.build(), 5, 2), ppo)
            return trainer.update(trainer.init(jax.random.key(0)))

        jax.eval_shape(start_and_update, jax.ShapeDtypeStruct((), np.float32))
