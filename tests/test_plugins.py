"""Packages that bring games and solvers by an entry point, in processes of their own."""

import json
import os
import subprocess
import sys

import pytest

from tests.runs.commands import PLAIN

PLUGIN = """
import dataclasses

import stackjax as sx


class Coins(sx.OneShotGame):
    name = "plugin-coins"
    num_actions = (2,)
    type_prior = [1.0]
    leader_actions = sx.Discrete(2)
    payoff_scale = 1.0
    leader_payoff_range = (0.0, 3.0)

    def __init__(self, prize: float = 3.0):
        import numpy as np

        self.type_prior, self.prize = np.ones(1), prize

    def observation(self, actions):
        import jax.numpy as jnp

        return jnp.ones(1)

    def outcome_payoffs(self, types, actions, leader_action):
        import jax.numpy as jnp

        same = 1.0 * (leader_action == actions[0])
        return jnp.stack([self.prize * same * actions[0], same])


@dataclasses.dataclass(frozen=True)
class Settings:
    num_updates: int = 1


def bring():
    sx.register("plugin-coins", Coins, summary="matches coins")
    sx.register_solver(sx.SolverEntry("coins_solver", "does nothing", Settings, "nowhere:nothing"))
"""


@pytest.fixture
def run(tmp_path):
    """Run the command line with the packages below ``tmp_path`` installed."""

    def install(name, source, entry_points):
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n", encoding="utf-8")
        (info / "entry_points.txt").write_text(
            "[stackjax.plugins]\n" + "".join(f"{line}\n" for line in entry_points), encoding="utf-8"
        )

    def command(*arguments):
        path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
        environment = {**os.environ, "PYTHONPATH": path, "JAX_PLATFORMS": "cpu"}
        words = [sys.executable, "-m", "stackjax.cli", *map(str, arguments)]
        return subprocess.run(words, capture_output=True, text=True, env=environment, cwd=tmp_path)

    return install, command


@pytest.mark.long
def test_a_plugins_game_trains_at_the_command_line(run, tmp_path):
    install, command = run
    install("coins_plugin", PLUGIN, ["coins = coins_plugin:bring"])
    listed = command("list")
    assert listed.returncode == 0, listed.stderr
    assert "plugin-coins" in listed.stdout
    assert "coins_solver" in listed.stdout
    assert not listed.stderr
    trained = command("train", "plugin-coins", *PLAIN, "--game.prize", "2.0", "--out", tmp_path / "run")
    assert trained.returncode == 0, trained.stderr
    result = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    assert [seed["leader_payoff"] for seed in result["seeds"]] == [2.0, 2.0]
    again = command("evaluate", tmp_path / "run")  # a run finds its game again
    assert again.returncode == 0, again.stderr


def test_broken_plugins_are_a_line_each_and_the_others_stay(run):
    install, command = run
    install("a_broken", "import nowhere_to_be_found\n", ["broken = a_broken"])
    install("b_clash", "import stackjax as sx\nsx.register('escape', lambda: None)\n", ["clash = b_clash"])
    install("c_quits", "raise SystemExit(3)\n", ["quits = c_quits"])
    install("d_module", "import stackjax as sx\nsx.register('fine', lambda: None)\n", ["fine = d_module"])
    listed = command("list", "--json")
    assert listed.returncode == 0, listed.stderr
    assert {"fine", "escape"} <= {game["name"] for game in json.loads(listed.stdout)}
    lines = listed.stderr.splitlines()
    assert len(lines) == 3, listed.stderr
    assert "plugin 'broken' (a_broken) of a_broken failed to load" in lines[0]
    assert "'escape' is already registered" in lines[1]
    assert "SystemExit: 3" in lines[2]
