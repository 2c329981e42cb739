"""What somebody else wrote is read, never executed; a run goes on with its own game only; nobody else writes meanwhile."""

import json
import shlex
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax import registry
from stackjax.compute.programs import Programs
from stackjax.disk.directory import RunDirectory
from stackjax.families import NoOptions
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import GivenGame, stored_game
from tests.runs.commands import PLAIN, WHOLE, made_once, result_of, run
from tests.siblings import first

SMALL = ["--search.num-updates", 2, "--search.population", 8, "--seeds", 1, "--polish", 0]
SWEEP = ["sweep", "maintain", *SMALL, "--sweep.followers.step-size", 0.1, 0.2]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run and a sweep of ``maintain``."""

    def make(folder):
        assert run("train", "maintain", *SMALL, *WHOLE, "--out", folder / "run") == 0
        assert run(*SWEEP, "--out", folder / "sweep") == 0

    return made_once(tmp_path_factory, "strangers", make)


def rename_game(value, name):
    """Every ``game`` in a config.json, wherever it stands."""
    if isinstance(value, dict):
        return {key: name if key == "game" else rename_game(item, name) for key, item in value.items()}
    return [rename_game(item, name) for item in value] if isinstance(value, list) else value


COMMANDS = {
    "evaluate": lambda place, out: ["evaluate", place],
    "judge": lambda place, out: ["evaluate", place, "--judge-seed", 1],
    "report": lambda place, out: ["report", place],
    "compare": lambda place, out: ["report", place, place, "--out", out / "both.html"],
    "export": lambda place, out: ["export", place, out / "out.json"],
    "resume": lambda place, out: ["train", "maintain", *SMALL, *WHOLE, "--out", place, "--resume"],
    "overwrite": lambda place, out: ["train", "maintain", *SMALL, *WHOLE, "--out", place, "--overwrite"],
    "sweep": lambda place, out: [*SWEEP, "--out", place, "--resume"],
    "sweep report": lambda place, out: ["report", place],
}
FAST = ("evaluate", "report", "export", "resume", "sweep")  # the others run in make test-all


@pytest.mark.parametrize("named", first(1, ["{}", "{}:evil", "./{}"]))
@pytest.mark.parametrize("command", first(len(FAST), [*FAST, *(name for name in COMMANDS if name not in FAST)]))
def test_no_command_executes_what_a_stored_run_names(command, named, finished, tmp_path):
    """The run names a Python file as its game; the file would leave a mark."""
    mark, evil = tmp_path / "executed", tmp_path / "evil.py"
    evil.write_text(f"import pathlib\npathlib.Path({str(mark)!r}).touch()\n", encoding="utf-8")
    place = shutil.copytree(finished / ("sweep" if "sweep" in command else "run"), tmp_path / "theirs")
    for config in place.rglob("config.json"):
        config.write_text(
            json.dumps(rename_game(json.loads(config.read_text(encoding="utf-8")), named.format(evil))), encoding="utf-8"
        )
    run(*COMMANDS[command](place, tmp_path))
    assert not mark.exists()


@pytest.mark.parametrize(
    "name", ["evil.py", "there.json", "iterated:there.json", "openspiel:matrix_pd", "there.npz", "no-such", "/etc/passwd"]
)
def test_a_stored_game_is_a_registered_name_and_nothing_else(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there.json").write_text('{"payoffs": [[[1, 2]]]}', encoding="utf-8")
    with pytest.raises(sx.InputError, match="is not registered"):
        stored_game({"game": name}, None)


class Steps(sx.OneShotGame):
    """A game whose rules depend on a number that only the object knows."""

    name, type_prior, num_actions, leader_actions = "steps", np.ones(1), (2,), sx.Discrete(3)
    leader_payoff_range = (-4.0, 4.0)

    def __init__(self, bonus):
        self.bonus = bonus

    def observation(self, actions):
        return jnp.ones(1)

    def outcome_payoffs(self, types, actions, leader_action):
        same = (actions[0] == leader_action).astype(jnp.result_type(float))
        return jnp.stack([self.bonus * same, same])


@pytest.mark.long
def test_a_game_given_as_an_object_goes_on_with_itself_alone(tmp_path):
    settings = {"seeds": 1, "search": sx.SearchConfig(2, 8), "polish": 0, "progress": False, "out": tmp_path / "run"}
    before = sx.train(Steps(1.0), **settings).result["seeds"]
    assert sx.train(Steps(1.0), resume=True, **settings).result["seeds"] == before
    with pytest.raises(sx.InputError, match="holds a run of another game called 'steps'"):
        sx.train(Steps(2.0), resume=True, **settings)
    assert sx.train(Steps(2.0), overwrite=True, **settings).best.certificate.leader_payoff == pytest.approx(2.0)


def test_a_fingerprint_sees_a_table_within_a_jitted_helper():
    """Two games whose text is the same, and whose numbers differ at one place of many, inside a function of a function."""

    def game(table):
        helper = jax.jit(lambda row, column: jnp.asarray(table, jnp.result_type(float))[row, column])

        class Hidden(Steps):
            leader_actions = sx.Discrete(150)

            def outcome_payoffs(self, types, actions, leader_action):
                return jnp.stack([helper(actions[0], leader_action)] * 2)

        return Hidden(1.0)

    table = np.random.default_rng(0).normal(size=(2, 150))
    other = table.copy()
    other[1, 77] += 0.01
    digests = [GivenGame.of(game(one)).to_dict(problem_of(game(one)))["game_digest"] for one in (table, table, other)]
    assert digests[0] == digests[1] != digests[2]


def problem_of(game):
    return RunSpec(GivenGame("steps", NoOptions, "bayesian", game), {}, {}, sx.SearchConfig()).build_problem()


def test_a_run_that_ended_between_the_check_and_the_lock_is_not_replaced(finished, tmp_path, monkeypatch):
    out, real = tmp_path / "run", RunDirectory._hold

    def meanwhile(self):
        monkeypatch.setattr(RunDirectory, "_hold", real)
        shutil.copytree(finished / "run", out, dirs_exist_ok=True)  # another run begins and ends
        real(self)

    monkeypatch.setattr(RunDirectory, "_hold", meanwhile)
    with pytest.raises(sx.InputError, match="already holds a run"):
        RunDirectory(out).take(resume=False, overwrite=False)
    assert json.loads((out / "result.json").read_text(encoding="utf-8")) == json.loads(
        (finished / "run/result.json").read_text(encoding="utf-8")
    )


def test_what_a_stored_run_calls_its_file_is_looked_at_only_if_it_can_be_one(finished, tmp_path):
    place = shutil.copytree(finished / "run", tmp_path / "theirs")
    config = json.loads((place / "config.json").read_text(encoding="utf-8"))
    for file in ("/etc/hostname", 7, str(tmp_path)):
        (place / "config.json").write_text(
            json.dumps({**config, "python_file": file, "python_file_sha256": "0"}), encoding="utf-8"
        )
        assert run("report", place) == 0
    (tmp_path / "no_digest.py").write_text("", encoding="utf-8")
    (place / "config.json").write_text(json.dumps({**config, "python_file": str(tmp_path / "no_digest.py")}), encoding="utf-8")
    assert run("report", place) == 0


@pytest.mark.long
@pytest.mark.parametrize("randomized", [True, False])
def test_a_matrix_made_in_python_is_kept_and_can_be_evaluated(randomized, tmp_path):
    game = sx.matrix_game([[[2, 1], [4, 0]], [[1, 0], [3, 1]]], randomized=randomized, name="mine")
    settings = {"seeds": 1, "search": sx.SearchConfig(2, 16), "polish": 0, "progress": False, "out": tmp_path / "run"}
    sx.train(game, **settings)
    before = result_of(tmp_path / "run")
    assert run("evaluate", tmp_path / "run") == 0
    assert result_of(tmp_path / "run") == before
    other = sx.matrix_game([[[2, 1], [4, 0]], [[1, 0], [3, 2]]], randomized=randomized, name="mine")
    with pytest.raises(sx.InputError, match="holds a run with other settings: payoffs"):
        sx.train(other, resume=True, **settings)


def test_nobody_else_may_begin_between_the_check_and_the_first_write(tmp_path, monkeypatch, capsys):
    """While programs are compiled the directory is held; if that fails it is gone again."""
    out, compiling, seen = tmp_path / "a/b/run", Programs.compile, []

    def compile_slowly(self, *names, **how):
        try:
            RunDirectory(out).take(resume=False, overwrite=True)
        except sx.InputError as error:
            seen.append(str(error))
        if len(seen) == 1:
            raise RuntimeError("the compiler went away")
        return compiling(self, *names, **how)

    monkeypatch.setattr(Programs, "compile", compile_slowly)
    settings = {"seeds": 1, "search": sx.SearchConfig(2, 8), "polish": 0, "progress": False, "out": out}
    with pytest.raises(RuntimeError, match="went away"):
        sx.train("maintain", **settings)
    assert not (tmp_path / "a").exists()
    sx.train("maintain", **settings)
    assert len(seen) >= 2
    assert all("in use by another process" in line for line in seen)
    RunDirectory(out).take(resume=True, overwrite=False)  # and free again


COMMAND_LINES = {
    "maintain": ["--pomdp.ties", "against", "--seed", 3, "--no-stop-at-optimum", "--followers.kind", "regret-matching"],
    "posted-price-pi": ["--game.buy-when-indifferent", "--pomdp.num-rounds", 40, "--followers.kind", "regret-matching"],
    "iterated": ["--followers.knows-time", "--game.horizon", 4, "--game.matrix", "chicken"],
    "menu-additive": ["--game.high", 2.0, 1.0, "--menu.num-options", 4],
    "tariffs": ["--followers.kind", "softmax", "--followers.temperature", 0.3],
    "allocation": ["--followers.step-size", 0.3],
}
ALL = [entry.name for entry in registry.registered_games() if entry.is_ours]


@pytest.mark.parametrize("name", first(1, dict.fromkeys([*COMMAND_LINES, *ALL])))
def test_the_command_in_the_report_trains_the_same_again(name, tmp_path):
    settings = [*COMMAND_LINES.get(name, []), "--search.num-updates", 2, "--search.population", 8, "--seeds", 1, "--polish", 0]
    assert run("train", name, *settings, "--out", tmp_path / "run") == 0
    result = result_of(tmp_path / "run")
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    words = shlex.split(result["command"].replace("DIR", str(tmp_path / "again")))
    assert words[:2] == ["stackjax", "train"]
    assert result["command"].split(" --")[0] in page
    assert run(*words[1:]) == 0
    assert result_of(tmp_path / "again") == result


@pytest.mark.long
def test_a_game_of_a_file_is_named_by_its_file(tmp_path):
    path = tmp_path / "my game.json"
    path.write_text(json.dumps({"payoffs": [[[2, 1], [4, 0]], [[1, 0], [3, 1]]]}), encoding="utf-8")
    assert run("train", path, *PLAIN, "--game.randomized", "--out", tmp_path / "run") == 0
    result = result_of(tmp_path / "run")
    assert shlex.split(result["command"])[2] == str(path)
    assert "--game.randomized" in result["command"]
    path.unlink()
    assert run("evaluate", tmp_path / "run") == 0
    assert result_of(tmp_path / "run") == result


@pytest.mark.long
def test_the_report_says_what_a_gap_is_and_that_no_command_makes_a_game_of_python(tmp_path):
    sx.train(Steps(1.0), seeds=1, search=sx.SearchConfig(2, 8), polish=0, progress=False, out=tmp_path / "run")
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert "The most that a follower of any type gains by always playing one action" in page
    assert "on average over types" not in page
    assert "made in Python: no command trains it again" in page


class Marks:
    """Unpickled, it leaves a mark."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("name", ["followers.npz", "policies.npz"])
def test_no_pickled_object_is_read(name, finished, tmp_path):
    place = shutil.copytree(finished / "run", tmp_path / "theirs")
    mark = tmp_path / "executed"
    np.savez(place / name, policy_head=np.array([Marks(mark)], dtype=object), kernel_0=np.array([Marks(mark)], dtype=object))
    with pytest.raises(ValueError, match=r"npz|pickle|policy"):
        sx.load_policy(place / name)
    run("export", place, tmp_path / "out.npz")
    run("report", place)
    run("evaluate", place)
    assert not mark.exists()


def test_words_of_a_stored_result_are_words_on_the_page(finished, tmp_path):
    place = shutil.copytree(finished / "run", tmp_path / "theirs")
    result = json.loads((place / "result.json").read_text(encoding="utf-8"))
    evil = "<script>alert(1)</script>"
    for seed in result["seeds"]:
        seed["mechanism"] = [evil]
        for picture in seed["pictures"]:
            picture["title"] = evil
    (place / "result.json").write_text(json.dumps({**result, "game": evil, "command": evil}), encoding="utf-8")
    assert run("report", place) == 0
    assert "<script>alert" not in (place / "report.html").read_text(encoding="utf-8")
