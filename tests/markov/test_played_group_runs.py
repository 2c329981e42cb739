"""Runs on games of followers who plan where no table has room: every command, a user's file, and what followers are worth."""

import json
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.cli import main
from stackjax.errors import InputError
from stackjax.markov import GroupFollowers, GroupGame, PlayedGroupFollowers, PlayedGroupProblem
from stackjax.solvers.network import random_acting
from tests.oracles import groups as oracle
from tests.test_docs import DOCS

TRAINED = ["--followers.updates", "2", "--followers.batch", "4", "--followers.episodes", "4", "--followers.hidden-sizes", "4"]
LOOKED = ["--followers.deviation-updates", "1", "--followers.deviation-episodes", "4", "--followers.probes", "4"]
SOLVED = ["--es.num-updates", "2", "--es.population", "4", "--es.hidden-sizes", "4"]
TINY = [*TRAINED, *LOOKED, "--game.horizon", "3"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("played") / "run"
    assert main(["train", "patches", *TINY, *SOLVED, "--game.patches", "2", "--seeds", "1", "--out", str(directory)]) == 0
    return directory


@pytest.mark.long
def test_a_result_names_the_rule_and_that_gains_are_lower_bounds(finished, capsys):
    result = json.loads((finished / "result.json").read_text(encoding="utf-8"))
    assert (result["family"], result["solver"], result["gap_name"]) == ("played-groups", "es", "gain_found_end")
    assert "a lower bound of what a follower could gain" in result["evaluation"]["rule"]
    assert "no ties to break" in result["evaluation"]["rule"]
    (seed,) = result["seeds"]
    assert seed["settled"] == (seed["gain_found_end"] <= result["evaluation"]["settled_gap"])
    ends = np.add(seed["gains_found"], seed["gain_half_widths"])
    assert seed["gain_found_end"] == pytest.approx(max(ends.max(), 0.0), abs=1e-6)
    assert seed["gain_found"] == pytest.approx(max(*seed["gains_found"], 0.0), abs=1e-6)
    assert np.mean(seed["follower_payoffs"]) == pytest.approx(seed["leader_payoff"], abs=1e-5)
    assert (seed["optimum_method"], seed["half_width"] > 0) == ("upper-bound", True)
    assert seed["leader_payoff"] <= seed["optimum"]
    assert re.fullmatch(r"stocks 6 6: rates \S+ \S+ \(3\d\.\d% of steps\)", seed["mechanism"][0])
    for line, gain, width in zip(seed["follower_play"], seed["gains_found"], seed["gain_half_widths"], strict=True):
        assert ("a learner found no gain" in line) == (gain + width <= 0)
        assert f"{gain:.3g} ± {width:.2g}" in line
    assert seed["pictures"][0]["kind"] == "curves"
    policies = sx.load_policy(finished / "policies.npz", 0)
    first = np.asarray(seed["commitment"]["observations"][0])
    np.testing.assert_allclose(policies.act(first), seed["commitment"]["actions"][0], atol=1e-6)

    followers = (finished / "followers.npz").read_bytes()
    assert main(["evaluate", str(finished)]) == 0
    said = capsys.readouterr().out
    assert "a lower bound of what a follower could gain" in " ".join(said.split())
    assert json.loads((finished / "result.json").read_text(encoding="utf-8"))["seeds"] == result["seeds"]
    assert (finished / "followers.npz").read_bytes() == followers
    assert main(["report", str(finished)]) == 0
    found = sx.load_run(finished)
    assert found.best.certificate.gain_found == seed["gain_found"]


@pytest.mark.long
@pytest.mark.parametrize(
    ("is_settled", "said"), [(True, ""), (False, "Not settled: a learner found, or may have found, that a follower could gain")]
)
def test_what_settled_means_is_said(finished, is_settled, said):
    from stackjax.reports.display import unsettled_in_words

    result = json.loads((finished / "result.json").read_text(encoding="utf-8"))
    result["seeds"][0]["settled"] = is_settled
    assert unsettled_in_words(result).startswith(said)
    assert bool(unsettled_in_words(result)) is not is_settled


def test_solve_tells_a_bound_and_says_that_the_optimum_is_not_known(capsys):
    assert main(["solve", "patches"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("patches (utilitarian): the optimum is not known; no commitment pays more than 13.03")
    assert main(["solve", "patches", "--game.objective", "product", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["value"] == pytest.approx(3 * 13.031, abs=2e-3)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--followers.kind", "no-regret"], "must be contextual for a game that is played out: no-regret needs a table"),
        (["--solver", "direct"], "use --solver policy"),
        (["--game.patches", "0"], "patches 0 must be"),
        (["--game.objective", "most"], "game.objective"),
        (["--followers.updates", "0"], "updates 0 must be"),
    ],
)
def test_mistakes_are_one_line(arguments, words, tmp_path, capsys):
    assert main(["train", "patches", *TINY, "--out", str(tmp_path / "run"), *arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert words in said
    assert len(said.splitlines()) == 1


def test_a_table_that_is_too_large_is_refused_with_the_class_to_use_instead():
    class Large(GroupGame):
        name, num_actions, leader_actions, horizon = "large", (9, 9, 9), sx.Discrete(2), 12
        successor, initial = np.zeros((200, 9, 9, 9, 16), np.int8), np.eye(200)[0]
        payoff_bounds = ((0.0, 1.0),) * 4

        def outcomes(self, *_):
            return jnp.full(16, 1 / 16)

        def payoffs(self, *_):
            return jnp.zeros(4)

    with pytest.raises(InputError, match=r"game 'large' is too large: 2332800 .* a sx\.markov\.PlayedGroupGame needs no table"):
        sx.markov.GroupProblem(Large(), GroupFollowers())


@pytest.mark.long
def test_the_game_of_the_page_is_trained_resumed_and_swept(tmp_path):
    (code,) = (
        block
        for block in re.findall(r"```python\n(.*?)```", (DOCS / "groups.md").read_text(encoding="utf-8"), flags=re.DOTALL)
        if "PlayedGroupGame" in block
    )
    file = tmp_path / "herds.py"
    file.write_text(code, encoding="utf-8")
    few = [*TRAINED, *LOOKED, "--seeds", "1"]
    policy = ["--policy.num-updates", "2", "--policy.num-envs", "4", "--policy.hidden-sizes", "4"]
    assert main(["train", str(file), *few, *policy, "--out", str(tmp_path / "run")]) == 0
    result = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    assert result["solver"] == "policy"
    assert main(["train", str(file), *few, *policy, "--resume", "--out", str(tmp_path / "run")]) == 0
    again = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    assert again["seeds"][0]["leader_payoff"] == result["seeds"][0]["leader_payoff"]
    file.write_text(code.replace("0.3", "0.4"), encoding="utf-8")
    assert main(["train", str(file), *few, *policy, "--resume", "--out", str(tmp_path / "run")]) == 2


@pytest.mark.long
def test_sweeps_over_objectives(tmp_path):
    swept = ["--sweep.game.objective", "utilitarian", "rawls", "--search.num-updates", "1", "--search.population", "4"]
    assert main(["sweep", "patches", *TINY, *swept, "--game.patches", "1", "--seeds", "1", "--out", str(tmp_path / "all")]) == 0
    table = (tmp_path / "all" / "table.csv").read_text(encoding="utf-8")
    assert "rawls" in table


@pytest.mark.long
def test_frozen_followers_of_one_patch_against_exact_values():
    """Judged payoffs lie in their intervals as often as they say; followers gain little, and a learner finds most of it."""
    game = sx.make("patches", patches=1, horizon=6)
    problem = PlayedGroupProblem(game, PlayedGroupFollowers("contextual", updates=60)).prepare()
    made = random_acting(problem.commitments, jax.random.key(1000), 12, 3)
    judge, seen = jax.jit(lambda one, key: problem.judge(key, one, 16).details), jnp.eye(7)
    inside, exact, found = 0, [], []
    for b in range(12):
        one = jax.tree.map(lambda leaf, b=b: leaf[b], made)
        judged, rates = jax.device_get(judge(one, jax.random.key(b))), np.asarray(one(seen))[:, 0].astype(float)
        by_step = [np.asarray(problem.chances(one, t, seen), float) for t in range(6)]
        policy = [[np.einsum("a,b,c->abc", *own[:, s]).ravel() for s in range(7)] for own in by_step]
        rules = oracle.stock_game(rates)
        values = oracle.value_by_stages(rules, np.array(policy))
        inside += abs(judged.leader_payoff - values[1:].mean()) <= judged.half_width
        gaps = [oracle.value_by_stages(rules, policy, i) - values[1 + i] for i in range(3)]
        exact.append(max(gaps))
        found.append(judged.gain)
        assert (judged.gains <= gaps + 2.0 * judged.gain_half_widths).all()
    assert inside >= 10
    assert np.mean(exact) <= 0.5
    assert np.mean(found) >= 0.5 * np.mean(exact)
