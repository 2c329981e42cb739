"""The command line: what it leaves on disk, and how it goes on."""

import json
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest

import stackjax as sx
from stackjax import InputError, PPOConfig
from stackjax.bayesian.family import POMDPConfig
from stackjax.bayesian.problem import BayesianProblem
from stackjax.compute.programs import Programs
from stackjax.disk import metrics
from stackjax.disk.directory import RunDirectory
from stackjax.followers import FollowersConfig
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import find_game
from tests.runs.commands import PLAIN, QUICK, WHOLE, made_once, poison, result_of, run


@pytest.fixture
def payoff_file(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"payoffs": [[[1, 0], [3, 1]], [[0, 1], [2, 0]]]}), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Three seeds of PPO, trained to the end."""
    return made_once(
        tmp_path_factory, "sound", lambda out: run("train", "maintain", *QUICK, *WHOLE, "--seeds", 3, "--out", out)
    )


def test_commitments_are_judged_for_ten_times_the_rounds_unless_told_otherwise():
    spec = RunSpec(find_game("escape"), {}, {"pomdp": POMDPConfig(num_rounds=7), "followers": FollowersConfig()}, PPOConfig())
    assert spec.build_problem().lasting.num_rounds == 70
    assert spec.to_dict(spec.build_problem())["pomdp"]["evaluation_rounds"] == 70
    with pytest.raises(InputError, match="evaluation_rounds=0"):
        POMDPConfig(evaluation_rounds=0)


def test_train_leaves_a_whole_run(tmp_path, capsys):
    out = tmp_path / "run"
    assert run("train", "posted-price-pi", *QUICK, *WHOLE, "--seed", 3, "--pomdp.evaluation-rounds", 30, "--out", out) == 0
    printed = capsys.readouterr().out
    assert "agent 1 at price" in printed
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    config = json.loads((out / "config.json").read_text(encoding="utf-8"))
    assert result["evaluation"]["num_rounds"] == 30
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    lengths = {"num_rounds": 20, "num_reward_episodes": 100, "evaluation_rounds": 30}
    assert config["pomdp"] == {**lengths, "settled_gap": 0.02, "reward_play": "argmax", "ties": "learned"}
    assert [(row["update"], row["seed"]) for row in rows] == [(u, s) for u in (0, 1, 2, 3, 4) for s in (3, 4)]
    assert [seed["seed"] for seed in result["seeds"]] == [3, 4]
    for seed in result["seeds"]:
        assert seed["optimum"] == 0.0
        assert seed["optimality_gap"] == pytest.approx(-seed["leader_payoff"])
        assert seed["stackelberg_episodes"] == 64
        assert set(seed["plays"]) == {"argmax", "mixed", "empirical"}
        assert np.shape(seed["commitment"]["actions"]) == (8, 3)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    assert "agent 1 at price" in page
    assert "http" not in page

    (out / "report.html").unlink()
    assert run("report", out) == 0
    assert (out / "report.html").read_text(encoding="utf-8") == page
    before = [seed["leader_payoff"] for seed in result["seeds"]]
    assert run("evaluate", out) == 0
    again = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert [seed["leader_payoff"] for seed in again["seeds"]] == before

    capsys.readouterr()
    assert run("export", out, tmp_path / "learned.json", "--seed", 4) == 0
    assert "seed 4" in capsys.readouterr().out
    learned = json.loads((tmp_path / "learned.json").read_text(encoding="utf-8"))
    assert (learned["game"], learned["seed"], learned["leader_payoff"]) == ("posted-price-pi", 4, before[1])
    assert learned["actions"] == result["seeds"][1]["commitment"]["actions"]
    assert run("export", out, tmp_path / "learned.npz") == 0
    with np.load(tmp_path / "learned.npz") as arrays:
        assert arrays["actions"].shape == (8, 3)
        assert arrays["follower_1"].shape == arrays["follower_2"].shape == (2, 2)
        np.testing.assert_allclose(arrays["follower_1"].sum(axis=1), 1.0, atol=1e-5)
        assert arrays["leader_payoff"] == max(before)
    for path, seed in ((out / "policies.npz", 4), (tmp_path / "learned.json", None)):
        acted = sx.load_policy(path, seed).act(np.array(learned["observations"]))
        np.testing.assert_allclose(acted, learned["actions"], atol=1e-5)
    assert run("export", out, tmp_path / "learned.txt") == 2
    assert "must end in .json, .npz, .onnx, .csv, .tex, .svg or .pdf" in capsys.readouterr().err
    assert run("export", out, out / "result.json") == 2
    assert "would replace a file of the run" in capsys.readouterr().err
    assert run("export", out, tmp_path / "nowhere" / "learned.json") == 2
    assert "directory that exists" in capsys.readouterr().err
    assert run("export", out, tmp_path / "learned.json", "--seed", 9) == 2
    assert "--seed 9 is not in the run; it has 3, 4" in capsys.readouterr().err
    for damage in (b"", b"PK\x03\x04", (out / "policies.npz").read_bytes()[:-100]):
        (out / "policies.npz").write_bytes(damage)
        assert run("export", out, tmp_path / "again.npz") == 2
        assert "policies.npz is damaged" in capsys.readouterr().err


def test_an_interrupted_run_goes_on_and_ends_the_same(sound, tmp_path, capsys, monkeypatch):
    cut, command = tmp_path / "cut", ["train", "maintain", *QUICK, *WHOLE, "--seeds", 3]

    class Killed(Exception):
        pass

    calls = []

    def die(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise Killed
        return rows(*arguments)

    rows = metrics.rows
    monkeypatch.setattr(metrics, "rows", die)
    with pytest.raises(Killed):
        run(*command, "--out", cut)
    monkeypatch.setattr(metrics, "rows", rows)
    assert run(*command, "--out", cut) == 2
    assert "--resume" in capsys.readouterr().err
    assert run(*command, "--out", cut, "--resume") == 0
    results = [json.loads((out / "result.json").read_text(encoding="utf-8")) for out in (sound, cut)]
    assert results[0]["seeds"] == results[1]["seeds"]
    lines = [
        [{**json.loads(line), "seconds": 0} for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        for out in (sound, cut)
    ]
    assert lines[0] == lines[1]
    assert run(*command, "--followers.step-size", 0.2, "--out", cut, "--resume") == 2
    assert "followers.step_size (was 0.1, now 0.2)" in capsys.readouterr().err


@pytest.mark.long
@pytest.mark.parametrize("kind", ["py", "json"])
def test_a_game_from_a_file_goes_on_too(tmp_path, payoff_file, kind, capsys):
    path, text = payoff_file, "import stackjax as sx\nsx.register('resumed', lambda: sx.make('escape'))\n"
    if kind == "py":
        path = tmp_path / "resumed_game.py"
        path.write_text(text, encoding="utf-8")
    out = tmp_path / "run"
    assert run("train", path, *PLAIN, "--out", out) == 0
    (out / "result.json").unlink()
    assert run("train", path, *PLAIN, "--out", out, "--resume") == 0
    assert (out / "result.json").exists()
    changed = '{"payoffs": [[[9, 0], [3, 1]], [[0, 1], [2, 0]]]}' if kind == "json" else text + "# edited\n"
    path.write_text(changed, encoding="utf-8")
    assert run("train", path, *PLAIN, "--out", out, "--resume") == 2
    assert ("payoffs" if kind == "json" else "python_file_sha256") in capsys.readouterr().err


@pytest.mark.long
def test_a_killed_run_goes_on(tmp_path):
    """A real kill, in the middle of training; whatever it left, --resume ends as an uninterrupted run does."""
    slow = ["--ppo.num-updates", "4000", "--ppo.num-envs", "16", "--pomdp.num-rounds", "20", "--seeds", "1", *WHOLE]
    out = tmp_path / "run"
    command = [sys.executable, "-m", "stackjax.cli", "train", "escape", *slow, "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not (out / "metrics.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.05)
    process.kill()
    process.wait()
    assert not (out / "result.json").exists()
    assert run("train", "escape", *slow, "--out", out) == 2
    assert run("train", "escape", *slow, "--out", out, "--resume") == 0
    updates = [json.loads(line)["update"] for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert updates == list(range(0, 4001, 100))


@pytest.mark.long
def test_leftovers_of_a_kill_do_not_block_a_directory(tmp_path):
    out = tmp_path / "run"
    (out / "checkpoints").mkdir(parents=True)
    (out / ".config.json.abc123").write_text("{", encoding="utf-8")
    assert run("train", "escape", *PLAIN, "--out", out) == 0


def test_a_run_whose_config_is_gone_is_not_deleted(tmp_path, capsys):
    out = tmp_path / "run"
    out.mkdir()
    (out / "metrics.jsonl").write_text('{"update": 1}\n', encoding="utf-8")
    for extra in ([], ["--resume"]):
        assert run("train", "escape", *PLAIN, "--out", out, *extra) == 2
        assert "holds metrics.jsonl but no config.json" in capsys.readouterr().err
    assert (out / "metrics.jsonl").exists()


def test_two_processes_do_not_write_into_one_directory(tmp_path, capsys, monkeypatch):
    out = tmp_path / "run"
    other = RunDirectory(out)
    other.prepare({"schema_version": 1}, False)
    (out / "config.json").unlink()
    with monkeypatch.context() as patch:
        patch.setattr(Programs, "compile", lambda *_: pytest.fail("found only after compiling"))
        assert run("train", "escape", *PLAIN, "--out", out) == 2
    assert "in use by another process" in capsys.readouterr().err
    other.release()
    assert run("train", "escape", *PLAIN, "--out", out) == 0


def test_matrix_game_from_a_file_and_solve(tmp_path, payoff_file, capsys):
    out = tmp_path / "run"
    assert run("train", payoff_file, *PLAIN, "--out", out) == 0
    payoff_file.rename(tmp_path / "moved.json")
    assert run("evaluate", out) == 0
    assert json.loads((out / "result.json").read_text(encoding="utf-8"))["seeds"][0]["optimum"] == 3.0
    capsys.readouterr()
    assert run("solve", tmp_path / "moved.json", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    expected = {"game": "moved", "value": 3.0, "method": "enumeration", "weak_value": 3.0, "commitment": [1.0, 0.0], "reply": 1}
    assert found == expected
    assert run("solve", tmp_path / "moved.json", "--game.randomized") == 0
    assert "rows mixed A 1.000, B 0.000\n  reply: column B" in capsys.readouterr().out


def test_solve_says_why_not(tmp_path, capsys):
    """One line and code 1, as JSON too; a run of such a game goes without an optimum."""
    path = tmp_path / "large.json"
    path.write_text(json.dumps({"payoffs": np.eye(32)[:, :, None, None].repeat(32, 2).repeat(3, 3).tolist()}), encoding="utf-8")
    reason = "game 'large' is too large to solve: 32768 joint plays, more than the 20000 of one linear programme"
    assert run("solve", path, "--game.randomized") == 1
    way = f"stackjax train {path} --game.randomized --out DIR looks for a good commitment instead"
    assert capsys.readouterr() == ("", f"stackjax: error: {reason}; {way}\n")
    assert run("solve", path, "--game.randomized", "--json") == 1
    assert json.loads(capsys.readouterr().out) == {"game": "large", "reason": reason}
    large = sx.StackelbergPOMDP(sx.load_matrix_game(path, randomized=True))
    assert BayesianProblem(large).optimum() is None


@pytest.mark.long
def test_game_from_a_python_file(tmp_path, capsys):
    path = tmp_path / "my_game.py"
    path.write_text(
        "import numpy as np\nimport stackjax as sx\n"
        "def meet(size: int = 2):\n    return sx.matrix_game(np.eye(size)[..., None] * np.ones(2), name='meet')\n"
        "sx.register('meet', meet)\n",
        encoding="utf-8",
    )
    assert run("train", path, "--game.size", 3, *PLAIN, "--out", tmp_path / "run") == 0
    assert json.loads((tmp_path / "run/config.json").read_text(encoding="utf-8"))["game_options"] == {"size": 3}
    assert run("evaluate", tmp_path / "run", "--game", path) == 0
    assert run("train", f"{path}:other", "--out", tmp_path / "b") == 2
    assert "it registers meet" in capsys.readouterr().err
    (tmp_path / "other").mkdir()
    namesake = tmp_path / "other/my_game.py"
    namesake.write_text("import stackjax as sx\nsx.register('namesake', lambda: sx.make('escape'))\n", encoding="utf-8")
    assert find_game(str(namesake)).name == "namesake"


def test_a_seed_that_diverges_is_frozen_and_the_others_go_on(sound, tmp_path, capsys, monkeypatch):
    """The second of three seeds turns to NaN at the third update; the others end as they would have, bit for bit."""
    poison(monkeypatch, 3, [1])
    assert run("train", "maintain", *QUICK, *WHOLE, "--seeds", 3, "--out", tmp_path / "run") == 0
    warned = [line for line in capsys.readouterr().err.splitlines() if "not finite" in line]
    assert len(warned) == 1
    assert warned[0].startswith("stackjax: warning: ")
    assert "seed 1 at update 3;" in warned[0]
    found, expected = (
        json.loads((out / "result.json").read_text(encoding="utf-8"))["seeds"] for out in (tmp_path / "run", sound)
    )
    assert [seed["diverged_at"] for seed in found] == [None, 3, None]
    assert [found[0], found[2]] == [expected[0], expected[2]]
    assert found[1]["update"] <= 2
    assert found[1]["stackelberg_episodes"] == 2 * 16
    assert np.isfinite(found[1]["leader_payoff"])
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["update"] for row in rows if row["seed"] == 1] == [0, 1, 2]


@pytest.mark.long
def test_when_every_seed_diverges_the_run_stops_and_names_them(tmp_path, capsys, monkeypatch):
    poison(monkeypatch, 3, [0, 1])
    assert run("train", "maintain", *QUICK, *WHOLE, "--out", tmp_path / "run") == 1
    assert "not finite: seed 0 at update 3, seed 1 at update 3;" in capsys.readouterr().err
    rows = [json.loads(line) for line in (tmp_path / "run/metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {row["update"] for row in rows} == {0, 1, 2}
    assert not (tmp_path / "run/result.json").exists()


@pytest.mark.long
def test_a_real_divergence_is_found(tmp_path, capsys):
    """A learning rate beyond float32 overflows the weights by itself."""
    code = run("train", "maintain", *QUICK, *WHOLE, "--ppo.learning-rate", 1e38, "--out", tmp_path / "run")
    assert code == 1
    assert "not finite: seed 0 at update" in capsys.readouterr().err


def test_an_existing_run_is_not_lost(searched, tmp_path, capsys):
    out = shutil.copytree(searched, tmp_path / "run")
    before = (out / "result.json").read_bytes()
    assert run("train", "escape", *PLAIN, "--out", out) == 2
    assert "already holds a run" in capsys.readouterr().err
    assert (out / "result.json").read_bytes() == before
    assert run("train", "escape", *PLAIN, "--out", out, "--overwrite", "--game.typo", 1) == 2
    too_large = ["--game.num-agents", 9, "--pomdp.reward-play", "empirical"]
    assert run("train", "posted-price-uniform", *too_large, "--out", out, "--overwrite") == 2
    assert (out / "result.json").read_bytes() == before
    assert run("train", "escape", *PLAIN, "--out", out, "--overwrite") == 0


def test_commitments_are_judged_by_other_followers_and_the_run_stays_as_it_is(searched, capsys):
    out = searched
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    own = result_of(out)["seeds"]
    capsys.readouterr()

    def judged(*arguments):
        assert run("evaluate", out, *arguments, "--json") == 0
        return json.loads(capsys.readouterr().out)

    empirical = lambda found: [seed["plays"]["empirical"]["leader_payoff"] for seed in found["seeds"]]
    assert empirical(judged("--judge-seed", "4")) != empirical(judged("--judge-seed", "3"))  # other draws
    same, others = judged("--judge-seed", "3"), judged("--followers.kind", "best-response", "--pomdp.evaluation-rounds", "7")
    assert [seed["commitment"]["actions"] for seed in same["seeds"]] == [seed["commitment"]["actions"] for seed in own]
    assert (same["settings"]["pomdp"]["num_rounds"], same["judge_seed"]) == (20, 3)  # the run's own
    assert others["settings"]["followers"]["kind"] == "best-response"
    assert others["settings"]["pomdp"]["evaluation_rounds"] == 7
    assert others["evaluation"]["num_rounds"] == 0  # one best response is there at once
    for seed in others["seeds"]:  # maintain's follower answers a row with the column that pays it most
        row = seed["commitment"]["actions"][0]
        assert seed["plays"]["argmax"]["leader_payoff"] == pytest.approx([20, 10, 5][row])
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    assert run("evaluate", out, "--followers.kind", "best-response") == 0
    assert "leader payoff" in capsys.readouterr().out
    for arguments, said in (
        (["--judge-seed", "-1"], "--judge-seed -1"),
        (["--followers.kind", "nope"], "must be one of"),
        (["--followers.step-sise", "1"], "Did you mean '--followers.step-size'?"),
        (["other"], "takes one directory"),
    ):
        assert run("evaluate", out, *arguments) == 2
        assert said in capsys.readouterr().err


def test_a_damaged_result_is_one_line_when_judged_again(searched, tmp_path, capsys):
    shutil.copytree(searched, tmp_path / "run")
    result = json.loads((tmp_path / "run/result.json").read_text(encoding="utf-8"))
    del result["seeds"][0]["commitment"]
    (tmp_path / "run/result.json").write_text(json.dumps(result), encoding="utf-8")
    capsys.readouterr()
    assert run("evaluate", tmp_path / "run", "--judge-seed", "1") == 2
    assert "is damaged (KeyError: 'commitment')" in capsys.readouterr().err
