"""Followers who learn: beforehand, once for all commitments (contextual), or again against each (tabular Q-learning)."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stackjax.errors import InputError
from stackjax.markov.answers import Length, occupancy
from stackjax.markov.contracts.game import contracts
from stackjax.markov.followers import MarkovFollowers
from stackjax.markov.game import InducedMarkovGame, tabulate_markov
from stackjax.markov.iterated_games import iterated
from stackjax.markov.problem import MarkovProblem
from stackjax.markov.q_learning import FIRST_SCALE, q_learning_answer
from stackjax.solvers.config import SearchConfig
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import GivenGame
from tests.oracles.markov import greedy_after_q_learning, visits_of
from tests.runs.commands import result_of, run

SMALL = ["--seeds", 1, "--polish", 0, "--search.num-updates", 2, "--search.population", 64]


def random_game(rng, states=3, actions=2, outcomes=2, batch=4):
    successor = rng.integers(0, states, (states, actions, outcomes)).astype(np.int32)
    chances = rng.dirichlet(np.ones(outcomes), (batch, states, actions)).astype(np.float32)
    pays = rng.normal(size=(2, states, actions, batch)).astype(np.float32)
    initial = rng.dirichlet(np.ones(states))
    return InducedMarkovGame(
        successor, initial, jnp.moveaxis(jnp.asarray(chances), 0, -1), jnp.asarray(pays[:1]), jnp.asarray(pays[1])
    )


@pytest.mark.parametrize(("horizon", "discount"), [(4, 1.0), (3, 0.5)])
def test_occupancy_counts_visits_over_all_histories(horizon, discount):
    rng = np.random.default_rng(0)
    game = random_game(rng)
    policy = rng.dirichlet(np.ones(2), (3, 4)).astype(np.float32).transpose(0, 2, 1)
    found = np.asarray(occupancy(game, Length.of(horizon, discount), jnp.asarray(policy)))
    for b in range(4):
        rules = {
            "initial": game.initial,
            "successor": game.successor.tolist(),
            "probability": np.asarray(game.probability[..., b]).tolist(),
        }
        np.testing.assert_allclose(found[:, b], visits_of(rules, policy[:, :, b], horizon, discount), atol=1e-5)


def test_q_learning_is_that_of_the_textbook():
    """Without exploration and with certain outcomes nothing is left to chance but the first values."""
    game = iterated("hero", horizon=5)
    commitments = np.random.default_rng(1).integers(0, 2, (48, 5)).astype(np.int32)
    induced, length = tabulate_markov(game, jnp.asarray(commitments)), Length.of(5, 1.0)
    rule = MarkovFollowers("q-learning", episodes=7, learning_rate=0.7, exploration=0.0, discount=0.9)
    key = jax.random.key(3)
    found = np.asarray(jax.jit(lambda: q_learning_answer(key, induced, length, rule, game.num_actions))())
    for b, own in enumerate(jax.random.split(key, 48)):
        first = FIRST_SCALE * np.asarray(jax.random.normal(jax.random.split(own)[0], (5, 2)), np.float64)
        after = (
            game.successor[:, :, 0]
            if game.num_outcomes == 1
            else np.take_along_axis(game.successor, commitments[b][:, None, None] * np.ones((1, 2, 1), int), axis=2)[:, :, 0]
        )
        pays = np.asarray(induced.follower_payoffs[0, :, :, b], np.float64)
        expected = greedy_after_q_learning(first, after, pays, start=0, episodes=7, steps=5, rate=0.7, discount=0.9)
        np.testing.assert_array_equal(found[:, :, b].argmax(axis=1), expected)


def test_q_learning_finds_best_answers_that_are_easy():
    """One step, no future: what pays most."""
    game = iterated("harmony", horizon=1)
    problem = MarkovProblem(game, MarkovFollowers("q-learning", exploration=0.3))
    worth = jax.jit(problem.worth)(jax.random.key(0), jnp.zeros((32, 5), jnp.int32))
    assert float(worth.gap.max()) == 0.0


@pytest.fixture(scope="module")
def contextual(tmp_path_factory):
    """A finished run of the dilemma against a contextual follower."""
    out = tmp_path_factory.mktemp("contextual") / "run"
    assert run("train", "iterated", *SMALL, "--followers.kind", "contextual", "--out", out) == 0
    return out


@pytest.mark.long
def test_a_contextual_follower_answers_every_commitment_best(contextual):
    """All 32 tables of the dilemma, exactly; so the leader learns the one that is best against it."""
    result = result_of(contextual)
    assert result["evaluation"]["pretraining"] == {
        "share_best": 1.0,
        "mean_regret": 0.0,
        "largest_regret": 0.0,
        "num_commitments": 32,
        "every": True,
    }
    for seed in result["seeds"]:
        assert (seed["leader_payoff"], seed["exploitability"]) == (6.0, 0.0)
        assert seed["commitment"]["actions"] == [1, 0, 0, 1, 1]
    assert "of all 32 commitments it answers 100.0% best" in (contextual / "report.html").read_text(encoding="utf-8")


@pytest.mark.long
def test_a_run_keeps_the_follower_that_it_trained(contextual, capsys):
    """What is evaluated or goes on later meets the same follower, not one trained again."""
    before, kept = result_of(contextual), (contextual / "followers.npz").read_bytes()
    assert run("evaluate", contextual) == 0
    assert result_of(contextual) == before
    with np.load(contextual / "followers.npz") as stored:
        arrays = {name: np.zeros_like(stored[name]) for name in stored.files}
    np.savez(contextual / "followers.npz", **arrays)  # one that does the same whatever the leader commits to
    assert run("evaluate", contextual) == 0
    changed = result_of(contextual)["evaluation"]["pretraining"]
    assert changed["share_best"] < 1.0
    for nothing in ("nothing", ""):
        (contextual / "followers.npz").write_text(nothing, encoding="utf-8")
        capsys.readouterr()
        assert run("evaluate", contextual) == 2
        assert "followers.npz cannot be read" in capsys.readouterr().err
    (contextual / "followers.npz").write_bytes(kept)


@pytest.mark.long
def test_a_follower_that_plans_has_nothing_to_keep(tmp_path):
    assert run("train", "iterated", *SMALL, "--out", tmp_path / "run") == 0
    assert not (tmp_path / "run/followers.npz").exists()
    assert "pretraining" not in json.loads((tmp_path / "run/result.json").read_text(encoding="utf-8"))["evaluation"]


def test_a_follower_with_too_many_policies_to_try_is_held_against_those_that_know_the_time():
    """In a tree every state has its own time, so that nothing is lost by it."""
    rule = MarkovFollowers("contextual", updates=2, batch=2, hidden_sizes=(4,))
    problem = MarkovProblem(contracts(depth=4), rule).prepare()
    found = problem.pretraining
    assert found.num_commitments == 4096
    assert not found.every
    assert found.mean_regret > 0


def test_a_run_prepares_its_followers_or_takes_them_as_an_earlier_one_left_them():
    rule = MarkovFollowers("contextual", updates=2, batch=2, hidden_sizes=(4,))
    spec = RunSpec(GivenGame.of(iterated(horizon=3)), {}, {"followers": rule}, SearchConfig())
    kept = spec.build_problem().prepared()
    assert kept
    other = {name: array + 1 for name, array in kept.items()}
    assert all((array == other[name]).all() for name, array in spec.build_problem(other).prepared().items())


def test_mistakes_are_said():
    problem = MarkovProblem(iterated(), MarkovFollowers("contextual"))
    with pytest.raises(InputError, match=r"must be trained first: MarkovProblem\(...\).prepare\(\)"):
        problem.worth(jax.random.key(0), jnp.zeros((1, 5), jnp.int32))
    for kind, options, words in (
        ("contextual", {"updates": 0}, "updates=0"),
        ("contextual", {"hidden_sizes": (0,)}, "hidden_sizes=0"),
        ("q-learning", {"exploration": 1.5}, "exploration=1.5"),
        ("q-learning", {"temperature": 1.0}, "temperature is not an option of q-learning; it belongs to softmax"),
    ):
        with pytest.raises(InputError, match=words):
            MarkovFollowers(kind, **options)
    assert dataclasses.replace(problem, followers=MarkovFollowers()).prepare().prepared() == {}
