"""Runs set up by a file: every run's own config.json, or YAML that one writes; the command line has the last word."""

import json
import re

import pytest

from stackjax.cli import train as cli
from tests.runs.commands import PLAIN, result_of, run

YAML = """
game: maintain
solver: search
search: {num_updates: 2, population: 8}
pomdp:
  num_rounds: 20
  evaluation-rounds: 40
followers: {kind: regret-matching}
seeds: 1
polish: 0
"""


def settings_of(monkeypatch, *arguments):
    """The settings and the game that ``stackjax train ARGUMENTS`` comes to, without training."""
    seen = []
    monkeypatch.setattr(cli, "run_spec", lambda source, settings: seen.append((source, settings)) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.train_command([str(argument) for argument in arguments])
    monkeypatch.undo()
    return seen[0]


def test_settings_are_read_from_yaml(tmp_path, monkeypatch):
    path = tmp_path / "run.yaml"
    path.write_text(YAML, encoding="utf-8")
    source, settings = settings_of(monkeypatch, "--config", path, "--out", "o")
    assert (source.name, settings.seeds, settings.search.population, settings.pomdp.evaluation_rounds) == ("maintain", 1, 8, 40)
    assert settings.followers.kind == "regret-matching"
    source, settings = settings_of(
        monkeypatch, "escape", "--config", path, "--out", "o", "--search.population", 16, "--seeds", 3
    )
    assert (source.name, settings.seeds, settings.search.population) == ("escape", 3, 16)
    _, settings = settings_of(monkeypatch, "--config", path, "--out", "o", "--solver", "direct")
    assert not hasattr(settings, "search")


@pytest.mark.long
def test_a_runs_own_config_trains_it_again(tmp_path):
    game = {"payoffs": [[[2, 1], [4, 0]], [[1, 0], [3, 1]]], "name": "own"}
    (tmp_path / "own.json").write_text(json.dumps(game), encoding="utf-8")
    assert run("train", tmp_path / "own.json", "--game.randomized", *PLAIN, "--out", tmp_path / "a") == 0
    assert run("train", "--config", tmp_path / "a/config.json", "--out", tmp_path / "b") == 0
    assert result_of(tmp_path / "b") == result_of(tmp_path / "a")


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.yaml", "solver: ppo", "names no game"),
        ("a.yaml", "game: maintain\npomdpp: {}", "holds an entry 'pomdpp'; it may hold game, .*Did you mean 'pomdp'"),
        ("a.yaml", "game: maintain\nseeds: {a: [[1]]}", "seeds.a is .* must be a number, a word or a list"),
        ("a.yaml", "game: [maintain", "cannot be read"),
        ("a.yaml", "- 1", "must hold entries by name"),
        ("a.yaml", "game: !!python/object/apply:os.system ['echo']", "cannot be read"),
        ("a.json", '{"game": 1', "cannot be read"),
        ("a.json", '{"game": "x", "python_file": "/x.py"}', "which would be executed; if you trust it, name it first"),
        ("a.json", '{"game": "x", "game_object": "a"}', "made in Python"),
        ("a.toml", "", "must end in .json, .yaml or .yml"),
        ("a.yaml", "game: maintain\nseeds: 0", "seeds=0 must be a whole number"),
        ("a.yaml", "game: maintain\npomdp: {num_round: 3}", "option --pomdp.num-round is not known"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(tmp_path, capsys, name, text, said):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert run("train", "--config", tmp_path / name, "--out", tmp_path / "o") == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert re.search(said, lines[0])
    assert run("train", "--config") == 2
    assert "--config needs a file" in capsys.readouterr().err
    assert run("train", "--config", tmp_path / "none.yaml") == 2
