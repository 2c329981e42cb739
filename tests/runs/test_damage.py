"""Runs that lack something, or are of something else: one line says what, and what there is stays."""

import json
import shutil

import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from tests.runs.commands import PLAIN, run


@pytest.fixture
def copy(searched, tmp_path):
    return shutil.copytree(searched, tmp_path / "run")


def said(capsys):
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("stackjax: error")]
    return line


def change(path, **others):
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **others}), encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[]", "is not a run's config.json"),
        ('{"schema_version": 0}', "is not a run's config.json"),
        ({"schema_version": 0}, "has schema_version 0, but this version reads"),
        ({"first_seed": 0, "maintain": {}, "search": {"nonsense": 1}}, "does not describe a run of this version"),
    ],
)
def test_a_config_of_something_else(content, words, copy, capsys):
    if isinstance(content, dict):
        change(copy / "config.json", **content)
    else:
        (copy / "config.json").write_text(content, encoding="utf-8")
    before = (copy / "result.json").read_bytes()
    assert run("evaluate", copy) == 2
    assert words in said(capsys)
    assert (copy / "result.json").read_bytes() == before


def test_checkpoints_that_are_gone(copy, capsys):
    shutil.rmtree(copy / "checkpoints")
    assert run("evaluate", copy) == 2
    assert "holds no good checkpoint; go on with train --resume" in said(capsys)


def test_commitments_of_another_shape(copy, capsys):
    result = json.loads((copy / "result.json").read_text(encoding="utf-8"))
    for seed in result["seeds"]:
        seed["commitment"]["actions"] = [0, 1]
    change(copy / "result.json", seeds=result["seeds"])
    assert run("evaluate", copy, "--judge-seed", 3) == 2
    assert "holds commitments of shape (2, 2), but the game's are (2, 1)" in said(capsys)


def test_a_search_has_no_network(copy, tmp_path, capsys):
    assert run("export", copy, tmp_path / "learned.onnx") == 2
    assert "the run has no network to write; train one with --solver ppo" in said(capsys)


def test_a_policy_that_is_gone(copy, tmp_path, capsys):
    change(copy / "result.json", has_policies=True)  # as of a run by PPO whose file was deleted
    assert run("export", copy, tmp_path / "learned.json") == 2
    assert "holds no policies.npz with" in said(capsys)


def test_a_game_that_is_no_file(copy, tmp_path, capsys):
    (tmp_path / "game.py").write_text("", encoding="utf-8")
    assert run("evaluate", copy, "--game", tmp_path / "game.py") == 2
    assert "the game of this run is not a Python file" in said(capsys)


@pytest.mark.long
def test_a_game_that_was_made_in_python(tmp_path, capsys):
    class Mine(sx.OneShotGame):
        name, num_actions, leader_actions, type_prior = "mine", (2,), sx.Discrete(2), np.ones(1)
        observation = lambda self, actions: jnp.ones(1)
        outcome_payoffs = lambda self, types, actions, leader_action: jnp.where(leader_action == 1, jnp.ones(2), jnp.zeros(2))

    game = Mine()
    small = {"search": sx.SearchConfig(num_updates=2, population=4), "pomdp": sx.POMDPConfig(num_rounds=20)}
    sx.train(game, out=tmp_path / "run", seeds=1, polish=0, progress=False, **small)
    assert run("evaluate", tmp_path / "run") == 2
    assert "was made in Python, not named; use sx.evaluate_commitment there" in said(capsys)


@pytest.mark.parametrize("command", [["train", "maintain"], ["sweep", "maintain", "--sweep.followers.step-size", 0.1, 0.2]])
def test_a_time_that_is_negative(command, tmp_path, capsys):
    assert run(*command, *PLAIN, "--checkpoint-seconds", -1, "--out", tmp_path / "run") == 2
    assert "--checkpoint-seconds -1.0 must be at least 0" in said(capsys)
