"""One clear line for every mistake, and help that costs nothing."""

import dataclasses
import os
import subprocess
import sys

import numpy as np
import pytest

from stackjax import registered_games, registry
from stackjax.bayesian.family import POMDPConfig
from tests.runs.commands import run

GAME = """import jax.numpy as jnp
import numpy as np
import stackjax as sx
class Rules(sx.OneShotGame):
    name, type_prior, num_actions, leader_actions = "rules", np.ones(1), (2,), sx.Discrete(2)
    def observation(self, actions):
        return jnp.ones(1)
    def outcome_payoffs(self, types, actions, leader_action):
        BODY
sx.register("rules", Rules)
"""
DEEP = "    num_decisions, num_continuing_outcomes = 20, 3\n    def outcome_payoffs"
BAD_FILES = {
    "if.py": GAME.replace("BODY", "if leader_action > 0: return jnp.ones(2)"),
    "raises.py": GAME.replace("BODY", "raise ValueError('no payoffs today')"),
    "deep.py": GAME.replace("    def outcome_payoffs", DEEP).replace("BODY", "return jnp.ones(2)"),
    "three.py": "import stackjax as sx\nsx.register('three', lambda: 3)\n",
    "true.json": '{"payoffs": [[[1, true]]]}',
    "ragged.json": '{"payoffs": [[[1, 2], [3, 4]], [[5, 6]]]}',
    "nan.json": '{"payoffs": [[[1, NaN]]]}',
    "rank.json": '{"payoffs": [1, 2]}',
    "nokey.json": '{"matrix": [[[1, 2]]]}',
    "broken.json": '{"payoffs": ',
    "empty.json": "",
    "list.json": "[1, 2]",
    "broken.npz": "not an archive",
    "empty.npz": "",
    "truncated.npz": "PK\x03\x04",
    "huge.json": '{"payoffs": [[[1' + "0" * 400 + ", 2]]]}",
    "offset.json": '{"payoffs": [[[1000000000, 2], [1000000001, 2]]]}',
    "mixed.json": '{"payoffs": [[[1, 2], [true, 0]]]}',
    "words.json": '{"payoffs": [[["1", 2], [3, 0]]]}',
    "null.json": '{"payoffs": [[[1, null], [3, 0]]]}',
    "word.json": '{"payoffs": "many"}',
    "deep.json": '{"payoffs": ' + "[" * 400 + "1" + "]" * 400 + "}",
    "broken.py": "import does_not_exist",
    "nothing.py": "",
}


@pytest.mark.parametrize(
    ("arguments", "mentions"),
    [
        (["train", "maintan", "--out", "OUT"], ["maintan", "Did you mean 'maintain'"]),
        (["train"], ["needs a game"]),
        (["trian", "escape"], ["trian", "Did you mean 'train'"]),
        (["train", "escape"], ["--out"]),
        (["train", "escape", "--out", "OUT", "--ppo.learning-rte", "1"], ["--ppo.learning-rte", "Did you mean"]),
        (["train", "escape", "--out", "OUT", "--game.num-messages", "1"], ["--game.num-messages"]),
        (["train", "escape", "--out", "OUT", "--ppo.num-envs", "many"], ["num-envs", "many"]),
        (["train", "escape", "--out", "OUT", "--ppo.num-envs", "0"], ["--ppo.num-envs 0", "at least 1"]),
        (["train", "escape", "--out", "OUT", "--ppo.num-minibatches", "7"], ["--ppo.num-minibatches 7"]),
        (["train", "escape", "--out", "OUT", "--pomdp.num-rounds", "0"], ["--pomdp.num-rounds 0", "at least 1"]),
        (["train", "escape", "--out", "OUT", "--pomdp.num-rounds", "-5"], ["--pomdp.num-rounds -5"]),
        (["train", "escape", "--out", "OUT", "--seeds", "0"], ["--seeds 0"]),
        (["train", "escape", "--out", "OUT", "--followers.step-size", "-1"], ["--followers.step-size -1"]),
        (["train", "escape", "--out", "OUT", "--followers.step-size", "nan"], ["--followers.step-size nan"]),
        (["train", "allocation", "--out", "OUT", "--game.num-messages", "0"], ["--game.num-messages 0"]),
        (["train", "escape", "--out", "FILE"], ["not a directory"]),
        (["train", "escape", "--out", "FULL"], ["not empty"]),
        (["train", "escape", "--out", "OUT", "--resume", "--overwrite"], ["contradict"]),
        (["train", "missing.json", "--out", "OUT"], ["missing.json", "does not exist"]),
        (["train", "missing.py", "--out", "OUT"], ["missing.py", "does not exist"]),
        (["train", "game.csv", "--out", "OUT"], ["game.csv", ".json"]),
        (["evaluate", "OUT"], ["holds no run"]),
        (["evaluate", "OUT", "more"], ["one directory"]),
        (["solve", "nothing-like-it"], ["not registered"]),
        *[(["train", name, "--out", "OUT"], [name.split(".")[0]]) for name in ("broken.json", "empty.json", "nokey.json")],
        *[
            (["train", name, "--out", "OUT"], [name])
            for name in ("list.json", "broken.npz", "empty.npz", "truncated.npz", "broken.py", "nothing.py")
        ],
        (["train", "huge.json", "--out", "OUT"], ["payoffs"]),
        (["train", "offset.json", "--out", "OUT"], ["payoffs of agent 0", "float32"]),
        (["evaluate"], ["one directory"]),
        (["report", "OUT"], ["holds no run"]),
        (["export", "OUT", "learned.json"], ["holds no run"]),
        (["export", "OUT"], ["FILE"]),
        (["train", "openspiel:matrix_dp", "--out", "OUT"], ["matrix_dp", "matrix_pd"]),
        (["train", "missing.nfg", "--out", "OUT"], ["missing.nfg", "does not exist"]),
        (["train", "posted-price-uniform", "--out", "OUT", "--game.num-agents", "0"], ["--game.num-agents 0"]),
        (["train", "escape", "--out", "OUT", "--seed", "2147483640"], ["--seed 2147483640"]),
        (
            ["train", "posted-price-uniform", "--out", "OUT", "--game.num-agents", "5", "--ppo.num-envs", "65536"],
            ["GiB", "lower --ppo.num-envs"],
        ),
        (["train", "ragged.json", "--out", "OUT"], ["payoffs", "ragged"]),
        (["train", "nan.json", "--out", "OUT"], ["payoffs[0, 0, 1]", "nan"]),
        *[
            (["train", "escape", "--out", "OUT", *arguments], mentions)
            for arguments, mentions in (
                (["--seeds", "100000000"], ["--seeds 100000000 must be at most 100000"]),
                (["--pomdp.num-rounds", "99999999999999"], ["--pomdp.num-rounds 99999999999999 must be below 2**31"]),
                (["--followers.kind", "hedge"], ["--followers.kind hedge must be one of", "optimistic-hedge"]),
                (
                    ["--followers.temperature", "1"],
                    ["temperature is not an option of multiplicative-weights", "logit-response"],
                ),
                (["--followers.kind=exp3", "--followers.step-size", "1"], ["--followers.step-size is not an option of exp3"]),
                (["--ppo.path", "fast"], ["--ppo.path fast must be one of committed, step"]),
                (["--ppo.num-envs"], ["--ppo.num-envs needs a value"]),
                (["--ppo.num-envs", "1.5"], ["--ppo.num-envs 1.5 must be a whole number"]),
                (["--pomdp.num-rounds", "many"], ["--pomdp.num-rounds many must be a whole number or None"]),
                (["--ppo.learning-rate", "x"], ["--ppo.learning-rate x must be a number"]),
                (["--ppo.hidden-sizes", "a"], ["--ppo.hidden-sizes a must be whole numbers"]),
                (["--ppo.critic-inputs", "[bold]"], ["--ppo.critic-inputs [bold] must be one of none, phase"]),
                (["--ppo.lr", "1"], ["option --ppo.lr is not known", "--ppo.learning-rate"]),
                (["--mesh", "1"], ["--mesh 1 must be two whole numbers"]),
                (["--mesh", "64", "1"], ["--mesh 64 1 needs 64 devices, but JAX sees"]),
                (["--ppo.num-steps", "64"], ["--ppo.num-steps 64 does nothing unless path is step"]),
                (["--ppo.gaussian-std", "0.1"], ["--ppo.gaussian-std 0.1 does nothing"]),
                (["--ppo.path", "step", "--ppo.response-samples", "3"], ["--ppo.response-samples 3 does nothing"]),
                (["--ppo.grid-points", "7"], ["--ppo.grid-points 7 does nothing in 'escape'"]),
                (["--ppo.num-updates", "99999999999999"], ["--ppo.num-updates 99999999999999 must be at most 2147483647"]),
                (["--ppo.hidden-sizes", "99999999"], ["--ppo.hidden-sizes 99999999 must be at most 65536"]),
                (["--ppo.response-samples", "99999999"], ["--ppo.response-samples 99999999 must be at most 10000"]),
                (["--pomdp.settled-gap", "-1"], ["--pomdp.settled-gap -1"]),
                (["stray"], ["stray is not expected there"]),
            )
        ],
        (["train", "complex.npz", "--out", "OUT"], ["complex.npz", "real numbers"]),
        (["train", "true.json", "--out", "OUT"], ["true.json", "must be a number"]),
        (["train", "if.py", "--out", "OUT"], ["payoffs uses `if`", "if.py, line 9", "jnp.where"]),
        (["train", "raises.py", "--out", "OUT"], ["payoffs raised ValueError: no payoffs today (raises.py, line 9)"]),
        (["train", "three.py", "--out", "OUT"], ["'three' cannot be made", "3"]),
        (["train", "deep.py", "--solver", "direct", "--out", "OUT"], ["needs a table", "--solver policy"]),
        (["solve", "posted-price-uniform", "--json", "more"], ["more is not expected there"]),
        (["train", "rank.json", "--out", "OUT"], ["payoffs", "shape (2,)"]),
        (["train", "mixed.json", "--out", "OUT"], ["mixed.json: payoffs[0, 1, 0] is true, but must be a number"]),
        (["train", "words.json", "--out", "OUT"], ['words.json: payoffs[0, 0, 0] is "1", but must be a number']),
        (["train", "null.json", "--out", "OUT"], ["null.json: payoffs[0, 0, 1] is null, but must be a number"]),
        (["train", "word.json", "--out", "OUT"], ['word.json: payoffs is "many", but must be a number']),
        (["train", "deep.json", "--out", "OUT"], ["payoffs is ragged"]),
        (["train", "bool.npz", "--out", "OUT"], ["bool.npz: payoffs are of dtype bool, but must be real numbers"]),
        (["train", "text.npz", "--out", "OUT"], ["text.npz: payoffs are of dtype <U1"]),
        (["train", "escape", "--out", "OUT", "--mesh", "0", "1"], ["0 1 must be at least 1"]),
    ],
    ids=lambda value: "-".join(value)[:40] if isinstance(value, list) else None,
)
def test_mistakes_get_one_line_and_exit_code_2(arguments, mentions, tmp_path, capsys, monkeypatch):
    for name, content in BAD_FILES.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    np.savez(tmp_path / "complex.npz", payoffs=np.ones((1, 1, 2)) * 1j)
    for name, dtype in (("bool", bool), ("text", str)):
        np.savez(tmp_path / f"{name}.npz", payoffs=np.ones((1, 2, 2), dtype))
    (tmp_path / "FULL").mkdir()
    (tmp_path / "FULL/notes.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "FILE").write_text("", encoding="utf-8")
    registry.registered_games()  # loads them
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))  # what a file registers goes with its test
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.strip()]
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("stackjax: error: ")
    for text in mentions:
        assert text in lines[0]
    assert not (tmp_path / "OUT/config.json").exists()


HERE = ["train", "escape", "--out", "OUT"]
SWEEP = ["sweep", "escape", "--out", "OUT"]
RATE = ["--sweep.ppo.learning-rate", "0.1", "0.2"]
RATES = " or ".join(f"'--{solver}.learning-rate'" for solver in ("ppo", "gradient", "policy", "es"))
RULE = "multiplicative-weights"
NO_MEMORY = "option --no-followers.memory is not known. See stackjax train escape --help"
BOTH = "--ppo.learning-rate is both fixed and swept; give one of --ppo.learning-rate and --sweep.ppo.learning-rate"
MANY = ["--sweep.ppo.gae-lambda", "log", "0.1", "1", "400", "--sweep.ppo.clip-epsilon", "log", "0.1", "1", "400"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([*HERE, "--pomdp.reward-play", "best"], "--pomdp.reward-play best must be one of argmax, mixed, empirical"),
        ([*HERE, "--seeds"], "--seeds needs a value: a whole number"),
        ([*HERE, "--pomdp.reward-play"], "--pomdp.reward-play needs a value: one of argmax, mixed, empirical"),
        ([*HERE, "--seeds", "1", "2"], "2 is not expected there; --seeds takes a whole number"),
        ([*HERE, "--pomdp.num-rounds", "abc"], "--pomdp.num-rounds abc must be a whole number or None"),
        ([*HERE, "--ppo.num-envs", "2.5"], "--ppo.num-envs 2.5 must be a whole number"),
        ([*HERE, "--ppo.num_envs=many"], "--ppo.num-envs many must be a whole number"),
        ([*HERE, "--ppo.num-envs", "[bold]"], "--ppo.num-envs [bold] must be a whole number"),
        ([*HERE, "--ppo.learning-rate", "fast"], "--ppo.learning-rate fast must be a number"),
        ([*HERE, "--ppo.hidden-sizes", "64", "b"], "--ppo.hidden-sizes 64 b must be whole numbers"),
        ([*HERE, "--mesh", "3"], "--mesh 3 must be two whole numbers or None"),
        ([*HERE, "--mesh", "3", "x"], "--mesh 3 x must be two whole numbers or None"),
        ([*HERE, "--resume", "yes"], "yes is not expected there; --resume takes no value"),
        ([*HERE, "--ppo.lr", "1"], "option --ppo.lr is not known. Did you mean '--ppo.learning-rate'?"),
        ([*HERE, "--ppo.lrate", "1"], "option --ppo.lrate is not known. Did you mean '--ppo.learning-rate'?"),
        ([*HERE, "--lr", "1"], f"option --lr is not known. Did you mean {RATES}?"),
        ([*HERE, "--ppo.step-size", "1"], "option --ppo.step-size is not known. Did you mean '--followers.step-size'?"),
        ([*HERE, "--game.size", "1"], "option --game.size is not known. See stackjax train escape --help"),
        ([*HERE, "-x"], "option -x is not known. See stackjax train escape --help"),
        (
            [*HERE, "--followers.no-memory"],
            "--followers.memory is not an option of multiplicative-weights; it belongs to q-learning",
        ),
        ([*HERE, "--seeds", "1", "--no-followers.memory"], NO_MEMORY),
        ([*HERE, "more"], "more is not expected there; --out takes a path"),
        (["train", "escape", "more", "--out", "OUT"], "more is not expected there; train takes options only"),
        (["train", "escape"], "train needs --out DIR"),
        (["train", "escape", "--out"], "--out needs a value: a path"),
        (["export"], "export needs DIR and FILE"),
        (["export", "OUT"], "export needs FILE"),
        (["export", "OUT", "a.npz", "b.npz"], "b.npz is not expected there; export takes DIR and FILE"),
        (["export", "OUT", "a.npz", "--seed", "a"], "--seed a must be a whole number or None"),
        (["list", "--jsn"], "option --jsn is not known. Did you mean '--json'?"),
        ([*SWEEP, "--sweep.ppo.lr", "1"], "--sweep.ppo.lr: ppo has no such setting. Did you mean 'learning-rate'?"),
        ([*SWEEP, "--sweep.ppo.num-envs", "many"], "--sweep.ppo.num-envs many must be a whole number"),
        *[([*SWEEP, *RATE, *fixed], BOTH) for fixed in (["--ppo.learning-rate", "0.1"], ["--ppo.learning_rate=0.1"])],
        (
            [*SWEEP, "--followers.kind", "q-learning", "--sweep.followers.memory", "true", "false", "--followers.no-memory"],
            "--followers.no-memory is both fixed and swept; give one of --followers.no-memory and --sweep.followers.memory",
        ),
        ([*HERE, "--seeds", "100000000"], "--seeds 100000000 must be at most 100000"),
        *[
            ([*HERE, f"--pomdp.{name}", "99999999999999"], f"--pomdp.{name} 99999999999999 must be below 2**31")
            for name in ("num-rounds", "num-reward-episodes", "evaluation-rounds")
        ],
        ([*HERE, "--pomdp.num-rounds", "300000000"], "--pomdp.num-rounds 3000000000 must be below 2**31"),  # of the evaluation
        (
            [*SWEEP, "--sweep.ppo.learning-rate", "log", "1e-4", "1e-2", "100000000"],
            "--sweep.ppo.learning-rate log 1e-4 1e-2 100000000 makes 100000000 values, more than 1000000",
        ),
        ([*SWEEP, *MANY], "the sweep makes 1600000 runs (configurations times seeds), more than 1000000"),
    ],
    ids=lambda value: "-".join(value)[:40] if isinstance(value, list) else None,
)
def test_what_is_wrong_with_an_option_is_said_in_its_own_words(arguments, line, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    assert capsys.readouterr().err == f"stackjax: error: {line}\n"
    assert not list(tmp_path.iterdir())


def test_an_option_that_is_not_known_is_told_before_the_parser_loads():
    """Nor is JAX: the line comes in a fraction of the time in which JAX loads."""
    code = "import sys\nfrom stackjax.cli import main\nassert main(['train', 'maintain', '--nonsense', '3']) == 2\n"
    code += "assert not {'tyro', 'jax', 'numpy'} & set(sys.modules), set(sys.modules)"
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert finished.stderr == "stackjax: error: option --nonsense is not known. See stackjax train maintain --help\n"


@pytest.mark.parametrize("arguments", ["list", "--help", "solve escape --help"])
def test_who_has_read_enough_may_leave(arguments):
    """The reader of the pipe is gone before anything is written, or after a line."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "stackjax.cli", *arguments.split()]
    finished = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (finished.returncode, finished.stderr) == (0, "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no device that is always full")
def test_output_that_cannot_be_kept_is_one_line():
    command = [sys.executable, "-m", "stackjax.cli", "--version"]
    with open("/dev/full", "w", encoding="utf-8") as full:
        finished = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert (finished.returncode, finished.stderr) == (2, "stackjax: error: [Errno 28] No space left on device\n")


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_the_list_never_cuts_what_one_must_type(columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    assert run("list") == 0
    words = capsys.readouterr().out.split()
    for game in registered_games():
        assert game.name in words
        for field in dataclasses.fields(game.options):
            default = str(field.default).replace(", ", ",")
            assert f"{field.name.replace('_', '-')}={default}" in words


@pytest.mark.parametrize(
    "arguments", [["--help"], ["list"], ["list", "--json"], ["train", "maintain", "--help"], ["--version"]]
)
def test_looking_around_costs_no_jax(arguments):
    code = (
        "import sys\nfrom stackjax.cli import main\n"
        f"try:\n    code = main({arguments!r})\nexcept SystemExit as stop:\n    code = stop.code\n"
        "assert not code, code\nassert 'jax' not in sys.modules and 'matplotlib' not in sys.modules"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout


def test_pomdp_config_names_bad_values():
    with pytest.raises(ValueError, match="reward_play=best"):
        POMDPConfig(reward_play="best")
