"""What one meets first: mistakes told at once and in one's own words, and nothing left as it was not found."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time

import jax
import pytest

import stackjax as sx
from stackjax.cache import programs_kept
from stackjax.cli import main
from stackjax.cli import train as cli
from stackjax.cli.complaints import as_typed
from stackjax.errors import nearest
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import find_game
from tests.runs.commands import PLAIN, WHOLE, metrics_of, result_of, run

MISTAKES = """
train maintane --out o
train maintain --out o --seeds 0
train maintain --out o --ppo.learning-rate 0
train maintain --out o --ppo.lr 0.1
train maintain --out o --solver sac
train maintain --out o --pomdp.num-rounds 0
train maintain --out o --followers.step-size 1e30
train maintain --out o --followers.eta 1
train maintain --out o --resume --overwrite
train maintain --out file
train ragged.json --out o
train broken.json --out o
train bad.nfg --out o
train broken.py --out o
train nothing.py --out o
train none.json --out o
train iterated:none.json --out o
train --config none.yaml --out o
sweep maintain --out o --sweep.ppo.learning-rate 0.1,0.2
sweep maintain --out file --sweep.ppo.learning-rate 0.1
evaluate nowhere
report nowhere
export nowhere x.json
solve maintane
"""


def test_mistakes_are_told_before_jax_loads(tmp_path):
    """Two dozen of them, in one process that never imports JAX."""
    files = {
        "ragged.json": '{"payoffs": [[[1, 2], [3]]]}',
        "broken.json": "{",
        "bad.nfg": 'NFG 1 R "x" { "a" "b" }',
        "broken.py": "def f(:",
        "nothing.py": "import stackjax as sx",
        "file": "",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    lines = MISTAKES.strip().splitlines()
    code = f"""
import sys
from stackjax.cli import main
for line in {lines!r}:
    assert main(line.split()) == 2, line
    assert "jax" not in sys.modules, line
"""
    child = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert child.returncode == 0, child.stderr
    said = child.stderr.splitlines()
    assert len(said) == len(lines)
    assert all(line.startswith("stackjax: error: ") for line in said)
    assert not (tmp_path / "o").exists()
    words = dict(zip(lines, said, strict=True))
    assert "separate values by spaces" in words["sweep maintain --out o --sweep.ppo.learning-rate 0.1,0.2"]
    assert "Did you mean" not in words["train maintain --out o --solver sac"]
    assert "--followers.step-size 1e+30 must be at most 1e+06" in words["train maintain --out o --followers.step-size 1e30"]
    assert "Did you mean '--followers.step-size'?" in words["train maintain --out o --followers.eta 1"]


@pytest.mark.parametrize(
    ("message", "arguments", "said"),
    [
        ("learning_rate=0.0 must", ["x", "--ppo.learning-rate", "0"], "--ppo.learning-rate 0.0 must"),
        ("seeds=0 must", ["x", "--seeds=0"], "--seeds 0 must"),
        ("num_updates=0 must", ["x", "--sweep.direct.num-updates", "0"], "--sweep.direct.num-updates 0 must"),
        ("learning_rate=0.0 must", ["x", "--seeds", "1"], "learning_rate=0.0 must"),
        ("game 'x': seeds=0", ["x", "--seeds", "0"], "game 'x': seeds=0"),
    ],
)
def test_settings_are_called_as_they_were_typed(message, arguments, said):
    assert as_typed(message, arguments) == said


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: sx.PPOConfig(lr=1.0), "PPOConfig has no option 'lr'. Did you mean 'learning_rate'?"),
        (lambda: sx.DirectConfig(pop_size=3), "Did you mean 'population'?"),
        (lambda: sx.POMDPConfig(T=3), "Did you mean 'num_rounds'?"),
        (
            lambda: sx.followers.multiplicative_weights(eta=1.0),
            "weights has no option 'eta'. Did you mean 'step_size'?",
        ),
        (lambda: sx.followers.q_learning(gamma=0.9), "Did you mean 'discount'?"),
        (lambda: sx.followers.FollowersConfig("hedg"), "must be one of"),
    ],
)
def test_a_keyword_that_is_not_known_is_told_with_the_one_that_is_meant(made, said):
    with pytest.raises(sx.InputError) as error:
        made()
    assert said in str(error.value)


def test_names_that_are_far_away_are_not_suggested():
    solvers = ["direct", "ppo", "gradient", "search", "policy", "es"]
    assert nearest("sac", solvers) == []
    assert nearest("pgo", solvers) == ["ppo"]
    assert nearest("serach", solvers) == ["search"]


def test_resuming_where_nothing_is_says_so(tmp_path, capsys):
    assert run("train", "maintain", "--out", tmp_path / "new", "--resume", *PLAIN) == 0
    assert "holds no run yet, so this one starts from the beginning" in capsys.readouterr().err


def test_curves_begin_before_the_first_update(tmp_path):
    """One row for each seed, with a payoff and no means; and once, however often a run starts again."""
    assert run("train", "maintain", "--out", tmp_path / "run", *PLAIN, *WHOLE) == 0
    first = [row for row in metrics_of(tmp_path / "run") if row["update"] == 0]
    assert [row["seed"] for row in first] == [row["seed"] for row in result_of(tmp_path / "run")["seeds"]]
    for row in first:
        assert row["greedy_payoff"] is not None
        assert row["stackelberg_episodes"] == 0
        assert row["mean_return"] is None
        assert row["best_payoff"] is None


PRINTED = {
    "plain.json": ["--game.randomized"],
    "named.nfg": [],
    "own game.py": ["--game.bonus", "2.0"],
    "iterated:plain.json": ["--game.horizon", "3", "--game.memory", "other"],
}
PYTHON = (
    "import stackjax as sx\nsx.register('own', lambda bonus=1.0: sx.matrix_game([[[bonus, 1], [0, 0]], [[1, 0], [2, 1]]]))\n"
)


@pytest.mark.parametrize("name", PRINTED)
def test_the_printed_command_is_the_run_again(name, tmp_path, monkeypatch):
    """One file of each kind: what the report prints parses to the same run."""
    (tmp_path / "plain.json").write_text('{"payoffs": [[[2, 1], [4, 0]], [[1, 0], [3, 1]]]}', encoding="utf-8")
    sx.interop.save_nfg(sx.load_matrix_game(tmp_path / "plain.json"), tmp_path / "named.nfg")
    (tmp_path / "own game.py").write_text(PYTHON, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    seen = []

    def spec_of(source, settings):
        seen.append(found := RunSpec(source, cli.dataclasses.asdict(settings.game), *rest(source, settings)))
        raise ZeroDivisionError(found)

    def rest(source, settings):
        sections = {section: getattr(settings, section) for section in cli.family_of(source).sections}
        return sections, getattr(settings, cli.solver_of(settings)), settings.seed, settings.seeds

    monkeypatch.setattr(cli, "run_spec", spec_of)
    more = [*PRINTED[name], "--direct.population", "8", "--seeds", "3", "--seed", "5"]
    with pytest.raises(ZeroDivisionError):
        main(["train", name, "--out", "o", *more])
    problem = seen[0].build_problem()
    words = seen[0].command(problem)
    with pytest.raises(ZeroDivisionError):
        main(shlex.split(words.replace("DIR", "again"))[1:])
    assert seen[1].to_dict(problem) == seen[0].to_dict(problem)
    assert find_game(seen[0].source.argument) == seen[0].source


def test_what_jax_was_told_comes_back(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    names = "jax_compilation_cache_dir", "jax_persistent_cache_min_compile_time_secs", "jax_compilation_cache_max_size"
    before = [getattr(jax.config, name) for name in names]
    jax.config.update(names[0], None)
    try:
        with programs_kept():
            assert str(tmp_path) in jax.config.jax_compilation_cache_dir
        assert jax.config.jax_compilation_cache_dir is None
        jax.config.update(names[0], str(tmp_path / "own"))
        with programs_kept():
            assert jax.config.jax_compilation_cache_dir == str(tmp_path / "own")
    finally:
        for name, value in zip(names, before, strict=True):
            jax.config.update(name, value)


def test_a_command_leaves_no_file_open(capsys):
    run("--version")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(8):
        run("--version")
    time.sleep(0.2)  # who listens for Ctrl-C goes a little later
    assert len(os.listdir("/proc/self/fd")) <= before


def test_help_has_many_names(capsys):
    assert run("help") == 0
    usage = capsys.readouterr().out
    assert run("--help") == 0
    assert capsys.readouterr().out == usage
    assert run("help", "train") == 0
    assert "stackjax train GAME --help shows all settings" in capsys.readouterr().out


def test_options_of_several_processes_come_last(capsys):
    assert run("train", "allocation", "--help") == 0
    shown = capsys.readouterr().out
    assert 0 < shown.index("--out") < shown.index("--game.num-items") < shown.index("--direct.") < shown.index("--coordinator")


def test_actions_of_a_file_have_their_names_when_played_again(tmp_path):
    names = [["help", "fight"], ["stay", "leave"]]
    content = {"payoffs": [[[3, 3], [1, 4]], [[4, 1], [2, 2]]], "action_names": names}
    (tmp_path / "named.json").write_text(json.dumps(content), encoding="utf-8")
    game = find_game(f"iterated:{tmp_path / 'named.json'}").build({})
    assert game.describe_leader_action(1) == "fight"
    assert game.describe_action(0, 1) == "leave"
    assert game.describe_state(2) == "after fight against stay"


@pytest.mark.long
def test_ctrl_c_while_compiling_ends_soon(tmp_path):
    """XLA does not listen; the command ends within two seconds all the same, and its folder can be used again."""
    command = [sys.executable, "-m", "stackjax.cli", "train", "posted-price-uniform", "--game.num-agents", "4", "--out", "run"]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "JAX_LOG_COMPILES": "1"}
    listening = ["env", "--default-signal=INT", *command]  # also where these tests run in the background of a shell
    child = subprocess.Popen(listening, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    assert any("Compiling" in line and "key<fry>[1]" in line for line in child.stderr)  # a program of runs
    time.sleep(0.5)  # into the seconds that it takes
    child.send_signal(signal.SIGINT)
    started = time.perf_counter()
    assert child.wait(timeout=60) == 130
    assert time.perf_counter() - started < 4.0  # on a busy machine
    assert child.stderr.read().endswith("stackjax: error: interrupted\n")
    assert run("train", "maintain", "--out", tmp_path / "run", *PLAIN) == 0
