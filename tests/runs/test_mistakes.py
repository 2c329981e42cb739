"""One clear line for every mistake, and help that costs nothing."""

import subprocess
import sys

import numpy as np
import pytest

from stackjax.runs.spec import POMDPConfig
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
        (["train", "escape", "--out", "OUT", "--ppo.num-envs", "0"], ["num_envs=0", "at least 1"]),
        (["train", "escape", "--out", "OUT", "--ppo.num-minibatches", "7"], ["num_minibatches=7"]),
        (["train", "escape", "--out", "OUT", "--pomdp.num-rounds", "0"], ["num_rounds=0", "at least 1"]),
        (["train", "escape", "--out", "OUT", "--pomdp.num-rounds", "-5"], ["num_rounds=-5"]),
        (["train", "escape", "--out", "OUT", "--seeds", "0"], ["seeds=0"]),
        (["train", "escape", "--out", "OUT", "--followers.step-size", "-1"], ["step_size=-1"]),
        (["train", "escape", "--out", "OUT", "--followers.step-size", "nan"], ["step_size=nan"]),
        (["train", "allocation", "--out", "OUT", "--game.num-messages", "0"], ["num_messages=0"]),
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
        (["export", "OUT", "learnt.json"], ["holds no run"]),
        (["export", "OUT"], ["FILE"]),
        (["train", "openspiel:matrix_dp", "--out", "OUT"], ["matrix_dp", "matrix_pd"]),
        (["train", "missing.nfg", "--out", "OUT"], ["missing.nfg", "does not exist"]),
        (["train", "posted-price-uniform", "--out", "OUT", "--game.num-agents", "40"], ["num_agents=40"]),
        (["train", "escape", "--out", "OUT", "--seed", "2147483640"], ["seed=2147483640"]),
        (
            ["train", "posted-price-uniform", "--out", "OUT", "--game.num-agents", "5", "--ppo.num-envs", "65536"],
            ["GiB", "num_envs"],
        ),
        (["train", "ragged.json", "--out", "OUT"], ["payoffs", "ragged"]),
        (["train", "nan.json", "--out", "OUT"], ["payoffs[0, 0, 1]", "nan"]),
        *[
            (["train", "escape", "--out", "OUT", *arguments], mentions)
            for arguments, mentions in (
                (["--seeds", "100000000"], ["seeds=100000000 must be at most 100000"]),
                (["--pomdp.num-rounds", "99999999999999"], ["num_rounds=99999999999999 must be below 2**31"]),
                (["--followers.kind", "hedge"], ["kind=hedge must be one of", "optimistic-hedge"]),
                (
                    ["--followers.temperature", "1"],
                    ["temperature is not an option of multiplicative-weights", "logit-response"],
                ),
                (["--followers.kind=exp3", "--followers.step-size", "1"], ["step_size is not an option of exp3"]),
                (["--ppo.path", "fast"], ["--ppo.path fast must be one of committed, step"]),
                (["--ppo.num-envs"], ["--ppo.num-envs needs a value"]),
                (["--ppo.num-envs", "1.5"], ["--ppo.num-envs 1.5 must be a whole number"]),
                (["--pomdp.num-rounds", "many"], ["--pomdp.num-rounds many must be a whole number or None"]),
                (["--ppo.learning-rate", "x"], ["--ppo.learning-rate x must be a number"]),
                (["--ppo.hidden-sizes", "a"], ["--ppo.hidden-sizes a must be whole numbers"]),
                (["--ppo.critic-inputs", "[bold]"], ["--ppo.critic-inputs [bold] must be one of none, phase"]),
                (["--ppo.lr", "1"], ["option --ppo.lr is not known", "--ppo.learning-rate"]),
                (["--mesh", "1"], ["--mesh 1 must be two whole numbers"]),
                (["--mesh", "64", "1"], ["mesh=64 1 needs 64 devices, but JAX sees"]),
                (["--ppo.num-steps", "64"], ["num_steps=64 does nothing unless path is step"]),
                (["--ppo.gaussian-std", "0.1"], ["gaussian_std=0.1 does nothing"]),
                (["--ppo.path", "step", "--ppo.response-samples", "3"], ["response_samples=3 does nothing"]),
                (["--ppo.grid-points", "7"], ["grid_points=7 does nothing in 'escape'"]),
                (["--pomdp.settled-gap", "-1"], ["settled_gap=-1"]),
                (["stray"], ["stray is not expected there"]),
            )
        ],
        (["train", "complex.npz", "--out", "OUT"], ["complex.npz", "real numbers"]),
        (["train", "true.json", "--out", "OUT"], ["true.json", "must be a number"]),
        (["train", "if.py", "--out", "OUT"], ["payoffs uses `if`", "if.py, line 9", "jnp.where"]),
        (["train", "raises.py", "--out", "OUT"], ["payoffs raised ValueError: no payoffs today (raises.py, line 9)"]),
        (["train", "three.py", "--out", "OUT"], ["'three' cannot be made", "3"]),
        (["train", "deep.py", "--out", "OUT"], ["num_decisions=20", "more than 100000 nodes"]),
        (["solve", "posted-price-uniform", "--json", "more"], ["more is not expected there"]),
        (["train", "rank.json", "--out", "OUT"], ["payoffs", "shape (2,)"]),
    ],
    ids=lambda value: "-".join(value)[:40] if isinstance(value, list) else None,
)
def test_mistakes_get_one_line_and_exit_code_2(arguments, mentions, tmp_path, capsys, monkeypatch):
    for name, content in BAD_FILES.items():
        (tmp_path / name).write_text(content)
    np.savez(tmp_path / "complex.npz", payoffs=np.ones((1, 1, 2)) * 1j)
    (tmp_path / "FULL").mkdir()
    (tmp_path / "FULL/notes.txt").write_text("mine")
    (tmp_path / "FILE").write_text("")
    monkeypatch.chdir(tmp_path)
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    lines = [line for line in captured.err.splitlines() if line.strip()]
    assert len(lines) == 1, captured.err
    assert lines[0].startswith("stackjax: error: ")
    for text in mentions:
        assert text in lines[0]
    assert not (tmp_path / "OUT/config.json").exists()


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
