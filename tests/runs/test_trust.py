"""What a run left is about the game that it was trained on, is whole, and is nobody else's."""

import json
import os
import shutil

import pytest

import stackjax as sx
from stackjax import registry
from stackjax.bayesian.equilibrium.evaluate import kernel_of
from stackjax.bayesian.problem import BayesianProblem
from stackjax.disk.directory import RunDirectory
from tests.runs.commands import PLAIN, WHOLE, result_of, run

GAME = "import stackjax as sx\nsx.register('rows', lambda: sx.matrix_game([[[3, 0], [0, 1]], [[1, 2], [2, 0]]], name='rows'))\n"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run of a game in a Python file: the folder with the file ``rows.py`` and the run in ``run``."""
    folder = tmp_path_factory.mktemp("trust")
    (folder / "rows.py").write_text(GAME, encoding="utf-8")
    assert run("train", folder / "rows.py", *PLAIN, *WHOLE, "--checkpoint-seconds", 0, "--out", folder / "run") == 0
    yield folder
    registry.forget(["rows"])


@pytest.fixture
def copy(trained, tmp_path):
    """A run directory that may be spoilt."""
    return shutil.copytree(trained / "run", tmp_path / "run")


def said(capsys):
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("stackjax: error")]
    assert len(lines) == 1
    return lines[0]


def test_the_kernel_and_the_limit_of_the_gap_are_in_the_result(trained):
    result = json.loads((trained / "run/result.json").read_text(encoding="utf-8"))
    assert result["kernel"] == kernel_of(sx.StackelbergPOMDP(sx.make("rows")))[0]
    assert result["evaluation"]["settled_gap"] == pytest.approx(0.02 * 2)
    assert all(seed["settled"] == (seed["bcce_gap"] <= 0.04) for seed in result["seeds"])


def test_a_game_file_is_executed_only_if_it_is_named(trained, copy, capsys):
    assert run("evaluate", copy) == 2
    assert f"would be executed; if you trust it, add --game {trained / 'rows.py'}" in said(capsys)
    assert run("evaluate", copy, "--game", trained / "rows.py") == 0
    assert result_of(copy)["seeds"] == result_of(trained / "run")["seeds"]
    assert run("evaluate", copy, "--game") == 2
    assert "needs the Python file" in said(capsys)


@pytest.mark.parametrize("command", ["evaluate", "report", "export"])
def test_an_edited_game_is_another_game(command, trained, copy, tmp_path, capsys):
    """Payoff 3 becomes 3000: nothing of it comes into the run's results."""
    edited = tmp_path / "rows.py"
    edited.write_text(GAME.replace("[3, 0]", "[3000, 0]"), encoding="utf-8")
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    (copy / "config.json").write_text(json.dumps({**config, "python_file": str(edited)}), encoding="utf-8")
    before = (copy / "result.json").read_bytes()
    arguments = {"evaluate": ["--game", edited], "report": [], "export": [tmp_path / "out.json"]}[command]
    assert run(command, copy, *arguments) == 2
    assert f"game file {edited} was changed after the run was trained" in said(capsys)
    assert (copy / "result.json").read_bytes() == before
    assert run("evaluate", copy, "--game", trained / "rows.py") == 0  # the file as it was, wherever it lies


def test_a_run_in_use_is_not_evaluated(trained, copy, capsys):
    other = RunDirectory(copy)
    other.hold()
    assert run("evaluate", copy, "--game", trained / "rows.py") == 2
    assert "in use by another process" in said(capsys)
    other.release()


def test_a_run_that_is_half_trained_is_not_evaluated(trained, copy, capsys):
    """Its newest checkpoint is of an update before the last."""
    (copy / "result.json").unlink()
    (copy / "checkpoints/4").unlink()
    assert run("evaluate", copy, "--game", trained / "rows.py") == 2
    assert "trained up to update 3 of 4; go on with train --resume" in said(capsys)
    assert not (copy / "result.json").exists()


@pytest.mark.parametrize("config", ['{"model_type": "bert"}', '{"schema_version": 1}', "[]", "not JSON", ""])
@pytest.mark.parametrize("command", [["train", "escape"], ["sweep", "escape", "--sweep.followers.step-size", 0.1, 0.5]])
def test_somebody_elses_folder_is_left_alone(config, command, tmp_path, capsys):
    (tmp_path / "checkpoints").mkdir()
    for name in ("config.json", "result.json", "checkpoints/weights.bin"):
        (tmp_path / name).write_text(config if name == "config.json" else "precious", encoding="utf-8")
    assert run(*command, *PLAIN, "--overwrite", "--out", tmp_path) == 2
    assert "config.json that is no run's" in said(capsys)
    assert (tmp_path / "checkpoints/weights.bin").read_text(encoding="utf-8") == "precious"
    (tmp_path / "config.json").unlink()
    assert run(*command, *PLAIN, "--overwrite", "--out", tmp_path) == 2
    assert "no config.json that tells whose it is" in said(capsys)
    assert (tmp_path / "result.json").read_text(encoding="utf-8") == "precious"


@pytest.mark.long
def test_going_on_with_another_machine_or_version_is_said(trained, copy, capsys, monkeypatch):
    monkeypatch.setattr(BayesianProblem, "kernel", "another")
    (copy / "result.json").unlink()
    assert run("train", trained / "rows.py", *PLAIN, *WHOLE, "--out", copy, "--resume") == 0
    warned = [line for line in capsys.readouterr().err.splitlines() if "bit-identical" in line]
    assert len(warned) == 1
    assert "now another" in warned[0]


@pytest.mark.parametrize("content", ["{", '{"seeds": 3}', '{"seeds": [{"seed": 0}], "game": "x"}', "[1]"])
@pytest.mark.parametrize("command", ["report", "export"])
def test_a_damaged_result_is_one_line(content, command, copy, tmp_path, capsys):
    (copy / "result.json").write_text(content, encoding="utf-8")
    assert run(command, copy, *([tmp_path / "out.json"] if command == "export" else [])) == 2
    assert "result.json is damaged" in said(capsys)


def test_a_number_of_another_type_is_one_line(copy, capsys):
    result = json.loads((copy / "result.json").read_text(encoding="utf-8"))
    result["seeds"][0]["leader_payoff"] = "much"
    (copy / "result.json").write_text(json.dumps(result), encoding="utf-8")
    assert run("report", copy) == 2
    assert "result.json is damaged (TypeError" in said(capsys)


def test_a_damaged_line_of_the_metrics_is_said(copy, capsys):
    lines = (copy / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    (copy / "metrics.jsonl").write_text("\n".join([lines[0], "garbage", *lines[1:], lines[-1][:20]]), encoding="utf-8")
    assert run("report", copy) == 0
    warned = [line for line in capsys.readouterr().err.splitlines() if "damaged" in line]
    assert len(warned) == 1
    assert "metrics.jsonl, line 2 is damaged" in warned[0]


def test_files_are_as_the_umask_says(copy):
    before = os.umask(0o077)
    try:
        assert run("report", copy) == 0
    finally:
        os.umask(before)
    assert (copy / "report.html").stat().st_mode & 0o777 == 0o600


def test_sx_train_is_the_command(trained, tmp_path, capsys):
    """From Python, on the game itself: the same numbers, with certificates."""
    game = sx.matrix_game([[[3, 0], [0, 1]], [[1, 2], [2, 0]]], name="rows")
    small = {"ppo": sx.PPOConfig(num_updates=4, num_envs=16), "pomdp": sx.POMDPConfig(num_rounds=20)}
    small |= {"stop_at_optimum": False, "polish": 0, "progress": False}
    found = sx.train(game, seeds=2, out=tmp_path / "kept", **small)
    assert capsys.readouterr().err == ""
    expected = json.loads((trained / "run/result.json").read_text(encoding="utf-8"))
    assert found.directory == tmp_path / "kept"
    for seed, entry in zip(found.seeds, expected["seeds"], strict=True):
        assert (seed.seed, seed.certificate.leader_payoff) == (entry["seed"], entry["leader_payoff"])
        assert seed.certificate.bcce_gap == entry["bcce_gap"]
        assert seed.commitment.tolist() == entry["commitment"]["actions"]
        assert seed.policy.act(seed.observations).tolist() == seed.commitment.tolist()
    assert found.best.certificate.leader_payoff == max(seed.certificate.leader_payoff for seed in found.seeds)
    assert "rows: the best commitment of each seed" in str(found)
    with pytest.raises(sx.InputError, match="already holds a run"):
        sx.train(game, seeds=2, out=tmp_path / "kept", **small)


@pytest.mark.long
def test_without_a_directory_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = sx.train("escape", search=sx.SearchConfig(num_updates=2, population=16), seeds=1, polish=0, progress=False)
    assert found.directory is None
    assert found.best.policy is None
    assert not list(tmp_path.iterdir())
