"""Every game: conformance, the registry, files, and messages for wrong input."""

import dataclasses
import importlib
import inspect
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.pomdp.commitment import tabulate
from tests.conftest import GAMES


@pytest.mark.parametrize("name", ["correlated", "three-followers", "posted-price-uniform"])
def test_games_of_the_tests_conform(name):
    sx.testing.check_game(GAMES[name]())


ENTRIES = [entry for entry in sx.registered_games() if entry.family == "bayesian"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_registered_game_conforms(entry):
    game = sx.make(entry.name)
    sx.testing.check_game(game)
    assert game.name == entry.name


def test_unknown_names_have_near_matches():
    with pytest.raises(sx.InputError, match="Did you mean 'maintain'"):
        sx.make("maintian")
    with pytest.raises(sx.InputError, match=r"'num_mesages'.*num_messages"):
        sx.make("allocation", num_mesages=2)
    with pytest.raises(sx.InputError, match="it has no options"):
        sx.make("escape", rows=3)


def test_register_takes_options_from_the_factory():
    def corner(size: int = 2):
        return sx.matrix_game(np.eye(size)[..., None] * np.ones(2), name="corner")

    sx.register("corner", corner, summary="meet in the corner")
    assert sx.make("corner", size=4).num_actions == (4,)
    with pytest.raises(sx.InputError, match="already registered"):
        sx.register("corner", corner)
    with pytest.raises(sx.InputError, match="needs a default"):
        sx.register("other", lambda size: corner(size))


@pytest.mark.parametrize("suffix", ["json", "npz"])
def test_matrix_games_from_files(tmp_path, suffix):
    payoffs = np.random.default_rng(0).normal(size=(2, 3, 2, 3))
    path = tmp_path / f"mine.{suffix}"
    if suffix == "json":
        path.write_text(json.dumps({"payoffs": payoffs.tolist()}), encoding="utf-8")
    else:
        np.savez(path, payoffs=payoffs)
    game = sx.load_matrix_game(path)
    assert (game.name, game.num_actions, game.leader_actions.n) == ("mine", (3, 2), 2)
    np.testing.assert_array_equal(game.payoff_table, payoffs)
    sx.testing.check_game(game)


@pytest.mark.parametrize(
    ("payoffs", "message"),
    [
        ([[[1, 2], [3, 4]], [[5, 6]]], "ragged"),
        ([[["a", 2]]], "not a number"),
        ([[1, 2], [3, 4]], "shape"),
        ([[[1, 2, 3]]], "shape"),
        ([], "shape"),
        ([[[1, float("nan")]]], r"payoffs\[0, 0, 1\] is nan"),
        ([[[1, float("inf")]]], "inf"),
    ],
)
def test_bad_payoffs_are_named(payoffs, message):
    with pytest.raises(sx.InputError, match=message):
        sx.matrix_game(payoffs)


@pytest.mark.parametrize(
    ("prior", "message"),
    [([0.5, 0.6], "sums to 1.1"), ([1.5, -0.5], "negative"), ([np.nan, 1.0], "NaN"), ([], "shape")],
)
def test_bad_priors_are_named(prior, message):
    with pytest.raises(sx.InputError, match=message):
        sx.PostedPrice([[0.5, 1.0]], prior)
    with pytest.raises(sx.InputError, match=message):
        sx.followers.induced_game(prior, np.zeros((1, 2, 2)))


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("allocation", {"num_messages": 0}, "num_messages=0"),
        ("posted-price-pi", {"num_messages": 0}, "num_messages=0"),
        ("posted-price-pi", {"epsilon": 0.7}, "epsilon=0.7"),
        ("posted-price-uniform", {"num_types": 1}, "num_types=1"),
        ("posted-price-uniform", {"num_agents": 0}, "num_agents=0"),
    ],
)
def test_bad_options_are_named(name, options, message):
    with pytest.raises(sx.InputError, match=message):
        sx.make(name, **options)


def test_too_many_profiles_to_tabulate():
    game = sx.make("posted-price-uniform", num_types=10, num_agents=5)
    env = sx.StackelbergPOMDP(game)  # stepping through it is still possible
    _, state = env.reset(jax.random.key(0))
    env.step(jax.random.key(0), state, jnp.ones(6))
    with pytest.raises(sx.InputError, match="can be tabulated"):
        tabulate(game, env.tree, jnp.zeros((env.tree.num_nodes, 6)))
    with pytest.raises(sx.InputError, match="action profiles"):
        sx.StackelbergPOMDP(sx.make("posted-price-uniform", num_types=2, num_messages=10, num_agents=7))


@pytest.mark.parametrize(
    ("followers", "leader", "message"),
    [
        (np.zeros((2, 2, 2)), None, "follower_payoffs has shape"),
        (np.full((1, 2, 3), np.inf), None, "follower_payoffs holds NaN or infinity"),
        (np.zeros((1, 2, 3)), np.zeros((2, 4)), "leader_payoff has shape"),
    ],
)
def test_bad_induced_games_are_named(followers, leader, message):
    with pytest.raises(sx.InputError, match=message):
        sx.followers.induced_game([0.5, 0.5], followers, leader)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_listed_defaults_are_the_factorys(entry):
    listed = {field.name: field.default for field in dataclasses.fields(entry.options)}
    if isinstance(entry.factory, str):
        module, _, attribute = entry.factory.partition(":")
        parameters = inspect.signature(getattr(importlib.import_module(module), attribute)).parameters
        fixed = dict(entry.fixed)
        accepted = {name: p.default for name, p in parameters.items() if name != "randomized" or name in fixed}
        assert listed == {name: default for name, default in accepted.items() if name not in fixed}


@pytest.mark.parametrize("end", [list, tuple, np.array, jnp.array])
def test_the_ends_of_a_box_and_labels_may_be_any_sequence(end):
    box = sx.Box(end([0.0, 1.0]), end([2.0, 3.5]))
    assert box == sx.Box((0.0, 1.0), (2.0, 3.5))
    assert hash(box) == hash(sx.Box((0.0, 1.0), (2.0, 3.5)))
    assert sx.Discrete(2, ["low", "high"]) == sx.Discrete(2, ("low", "high"))
