"""Iterated matrix games: the optima that are known, from exact enumeration, from training, and from the command line."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.errors import InputError
from stackjax.markov.followers import MarkovFollowers
from stackjax.markov.game import tabulate_markov
from stackjax.markov.iterated_games import SYMMETRIC, IteratedGame, iterated
from stackjax.markov.optimum import solve_markov
from stackjax.markov.problem import MarkovProblem
from stackjax.registry import forget
from tests.oracles.markov import best_stationary_values, best_timed_values
from tests.runs.commands import metrics_of, result_of, run

VALUES = {"prisoners-dilemma": 6.0, "deadlock": 5.0, "prisoners-delight": 5.0}  # T = 10; 15 in all others
CONTINUING = {"prisoners-dilemma": 3.1, "deadlock": 3.0, "prisoners-delight": 3.0}  # discount 0.9; 4 in all others
NUM_OPTIMAL = {"prisoners-dilemma": 1, "deadlock": 6, "prisoners-delight": 6, "hero": 6, "battle": 6, "chicken": 4}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_the_twelve_games_are_worth_what_the_literature_says(name):
    """Gerstgrasser and Parkes (2023): ten steps, and the continuing version, strong and weak."""
    found = solve_markov(iterated(name))
    assert (found.value, found.weak_value) == (VALUES.get(name, 15.0),) * 2
    assert found.num_optimal == NUM_OPTIMAL.get(name, 8)
    for_ever = solve_markov(iterated(name, horizon=None, discount=0.9, offset=0.0))
    assert [for_ever.value, for_ever.weak_value] == pytest.approx([CONTINUING.get(name, 4.0)] * 2, abs=1e-6)
    timed = solve_markov(iterated(name), knows_time=True)
    assert timed.value == timed.weak_value == (4.0 if name == "prisoners-dilemma" else found.value)


@pytest.mark.parametrize(
    ("name", "memory", "value", "timed", "table", "count"),
    [
        ("prisoners-dilemma", "both", 3.5, 1.5, [1, 0, 0, 1, 1], 1),
        ("prisoners-dilemma", "other", 3.5, 1.5, [1, 0, 1], 1),
        ("hidden-queries", "both", 7.5, 5.5, [0, 0, 1, 1, 1], 2),
        ("hidden-queries", "other", 7.5, 5.5, [0, 0, 1], 1),
    ],
)
def test_five_steps(name, memory, value, timed, table, count):
    game = iterated(name, horizon=5, memory=memory)
    found = solve_markov(game)
    assert (found.value, found.weak_value, found.num_optimal) == (value, value, count)
    assert found.value == solve_markov(game)._replace(commitment=np.array(table)).value
    problem = MarkovProblem(game, MarkovFollowers())
    assert float(problem.worth(jax.random.key(0), jnp.array([table], jnp.int32)).payoff[0]) == value
    assert solve_markov(game, knows_time=True).value == timed


def history_game(table, memory, commitment):
    """The arrays of the oracle, from the rules of the iterated game alone."""
    rows, columns = table.shape[:2]
    states = [None, *((a, b) for b in range(columns) for a in range(rows))] if memory == "both" else [None, *range(columns)]
    seen = (lambda a, b: (a, b)) if memory == "both" else (lambda a, b: b)
    return {
        "initial": [1.0] + [0.0] * (len(states) - 1),
        "successor": [[[states.index(seen(commitment[s], b))] for b in range(columns)] for s in range(len(states))],
        "probability": [[[1.0]] * columns for _ in states],
        "leader": [[table[commitment[s], b, 0] for b in range(columns)] for s in range(len(states))],
        "follower": [[table[commitment[s], b, 1] for b in range(columns)] for s in range(len(states))],
    }


@pytest.mark.parametrize("memory", ["both", "other"])
def test_random_games_pay_what_their_histories_say(memory):
    """Two rows, three columns: every kind of follower against the oracle, which plays out all histories."""
    rng = np.random.default_rng(4)
    table = rng.integers(0, 4, (2, 3, 2)).astype(float)
    game = IteratedGame(table, horizon=4, memory=memory)
    commitments = rng.integers(0, 2, (4, game.num_states)).astype(np.int32)
    for knows_time, oracle in ((True, best_timed_values), (False, best_stationary_values)):
        if game.num_states == 7 and not knows_time:
            continue  # 3 ** 7 policies over all histories take the oracle minutes
        for ties, column in (("for", 1), ("against", 2)):
            problem = MarkovProblem(game, MarkovFollowers("exact", knows_time=knows_time, ties=ties))
            found = problem.worth(jax.random.key(0), jnp.asarray(commitments)).payoff
            expected = [oracle(history_game(table, memory, made), 4, 1.0)[column] for made in commitments]
            np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_mix_is_drawn_anew_in_every_step():
    """A leader that mixes alike everywhere leaves the follower nothing to plan: ten times one step."""
    game = iterated("prisoners-dilemma", randomized=True)
    mix = jnp.array([0.25, 0.75])
    induced = tabulate_markov(game, jnp.broadcast_to(mix, (1, 5, 2)))
    once = [0.25 * 0.5 + 0.75 * 1.5, 0.25 * -1.5 + 0.75 * -0.5]  # against each action of the follower, offset and all
    np.testing.assert_allclose(induced.leader_payoff[..., 0], [once] * 5, atol=1e-6)
    assert np.allclose(induced.probability[..., 0], mix)


def test_the_certificate_says_what_ties_are_worth():
    """The follower is paid nothing whatever it does: the leader's payoff is a matter of its favour."""
    table = np.zeros((2, 2, 2))
    table[..., 0] = [[0, 1], [0, 1]]
    game = IteratedGame(table, horizon=3)
    problem = MarkovProblem(game, MarkovFollowers())
    judged = problem.judge(jax.random.key(0), jnp.zeros(5, jnp.int32), 1)
    assert (float(judged.details.strong_payoff), float(judged.details.weak_payoff)) == (3.0, 0.0)
    found = solve_markov(game)
    assert (found.value, found.weak_value) == (3.0, 0.0)
    assert problem.optimum().value == 3.0
    assert MarkovProblem(game, MarkovFollowers("exact", ties="against")).optimum().value == 0.0
    assert MarkovProblem(game, MarkovFollowers("softmax")).optimum() is None
    for_ever = IteratedGame(table, horizon=None, discount=0.5)
    assert MarkovProblem(for_ever, MarkovFollowers("exact", ties="even")).optimum() is None  # it lies in between


@pytest.mark.long
def test_training_finds_the_one_table_of_the_dilemma(tmp_path, capsys):
    """And sweeps, goes on, reports and exports as the other family does."""
    small = ["--seeds", 3, "--polish", 0, "--direct.num-updates", 12, "--direct.population", 32]
    out, command = tmp_path / "run", ["train", "iterated", *small]
    assert run(*command, "--out", out) == 0
    assert "after 0 against 1: action 1" in capsys.readouterr().out
    result = result_of(out)
    for seed in result["seeds"]:
        assert (seed["leader_payoff"], seed["weak_payoff"], seed["exploitability"]) == (6.0, 6.0, 0.0)
        assert seed["commitment"]["actions"] == [1, 0, 0, 1, 1]
        assert (seed["optimum"], seed["optimum_method"], seed["settled"]) == (6.0, "enumeration", True)
    assert all(row["exploitability"] == 0.0 for row in metrics_of(out))
    (out / "result.json").unlink()
    assert run(*command, "--out", out, "--resume") == 0
    assert result_of(out) == result
    assert run("evaluate", out) == 0
    assert result_of(out) == result
    assert run("report", out) == 0
    assert "who plan (exact)" in (out / "report.html").read_text(encoding="utf-8")
    assert run("export", out, tmp_path / "table.json") == 0
    stored = json.loads((tmp_path / "table.json").read_text(encoding="utf-8"))
    assert (stored["actions"], stored["exploitability"]) == ([1, 0, 0, 1, 1], 0.0)


@pytest.mark.long
def test_ppo_learns_the_one_table_of_the_dilemma():
    """Defect once, then copy the follower: one table of 32, whose threats the best response never meets."""
    found = sx.train("iterated", ppo=sx.PPOConfig(num_updates=60, num_envs=32), seeds=4, polish=0, progress=False)
    assert [seed.commitment.tolist() for seed in found.seeds] == [[1, 0, 0, 1, 1]] * 4


@pytest.mark.long
def test_softmax_followers_sweep_over_temperatures_in_one_program(tmp_path):
    axes = ["--followers.kind", "softmax", "--sweep.followers.temperature", 0.1, 1.0]
    small = ["--seeds", 1, "--search.num-updates", 2, "--search.population", 64, "--polish", 0]
    assert run("sweep", "iterated", *small, *axes, "--out", tmp_path / "sweep") == 0
    cold, warm = (row["exploitability"] for row in result_of(tmp_path / "sweep")["configurations"])
    assert 0 < cold < warm
    assert len(list((tmp_path / "sweep/chunks").iterdir())) == 1


@pytest.mark.long
def test_a_users_matrix_is_played_again_and_again(tmp_path, capsys):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"payoffs": [[[3, 3], [1, 4]], [[4, 1], [2, 2]]]}), encoding="utf-8")
    assert run("solve", f"iterated:{path}", "--game.offset", -2.5, "--json") == 0
    assert json.loads(capsys.readouterr().out)["value"] == 6.0
    out = tmp_path / "run"
    small = ["--seeds", 1, "--search.num-updates", 2, "--search.population", 64, "--polish", 0]
    assert run("train", f"iterated:{path}", "--game.offset", -2.5, *small, "--out", out) == 0
    before = result_of(out)
    path.unlink()  # a run remembers the payoffs
    assert run("evaluate", out) == 0
    assert result_of(out) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"matrix": "prisoner"}, "matrix=prisoner must be one of prisoners-dilemma"),
        ({"horizon": -3}, "horizon=-3"),
        ({"horizon": None}, "discount=1.0 must be below 1 where there is no horizon"),
        ({"discount": 1.5}, "discount=1.5"),
        ({"memory": "all"}, "memory=all must be one of both, other"),
    ],
)
def test_mistakes_name_what_is_allowed(options, words):
    with pytest.raises(InputError, match=words):
        iterated(**options)


def test_mistakes_at_the_command_line_are_one_line(tmp_path, capsys):
    for arguments, words in (
        (["--game.horizon", "0"], "--game.horizon 0"),
        (["--followers.temperature", "1"], "--followers.temperature is not an option of exact; it belongs to softmax"),
        (["--followers.kind", "exakt"], "--followers.kind exakt must be one of exact, softmax"),
        (["--pomdp.num-rounds", "3"], "option --pomdp.num-rounds is not known"),
        (["--ppo.path", "step"], "--ppo.path step is for games of the Bayesian family"),
        (["--ppo.num-minibatches", "7"], "--ppo.num-minibatches 7 must divide the batch of 1280 decisions"),
    ):
        assert run("train", "iterated", *arguments, "--out", tmp_path / "run") == 2
        errors = capsys.readouterr().err.strip().splitlines()
        assert len(errors) == 1
        assert words in errors[0]


def test_a_factory_that_does_not_say_what_it_makes_is_told_how():
    sx.register("unsaid", lambda: iterated("chicken"))
    try:
        with pytest.raises(InputError, match=r"must return a Game, but returned .*; register it with family='markov'"):
            sx.make("unsaid")
    finally:
        forget(["unsaid"])


def test_a_markov_game_trains_from_python():
    found = sx.train(iterated("chicken", horizon=3), search=sx.SearchConfig(2, 64), seeds=1, polish=0, progress=False)
    assert found.best.certificate.leader_payoff == 4.5
