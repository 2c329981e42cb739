"""Shared by all tests: strict about ranks and dtypes, and the games that every general test runs over."""

import os
import pathlib

import jax
import numpy as np
import pytest
from hypothesis import settings

import stackjax as sx
from tests.said import listen

jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")

settings.register_profile("same", derandomize=True)  # the same instances every time: a change is what turns a test red
settings.register_profile("fresh", derandomize=False)
settings.load_profile(os.environ.get("INSTANCES", "same"))

if "SAID" in os.environ:
    listen(pathlib.Path(os.environ["SAID"]))


def correlated_posted_price() -> sx.Game:
    """Three agents, unequal numbers of types, correlated values, one type profile of probability zero."""
    prior = np.random.default_rng(7).random((2, 3, 2))
    prior[0, 1, 0] = 0.0
    return sx.PostedPrice([[0.2, 1.0], [0.1, 0.5, 0.9], [0.4, 0.8]], prior / prior.sum(), num_messages=2)


def three_followers() -> sx.Game:
    payoffs = np.random.default_rng(8).normal(size=(3, 2, 3, 2, 4))
    return sx.matrix_game(payoffs, name="three-followers")


GAMES = {
    "escape": lambda: sx.make("escape"),
    "maintain-randomized": lambda: sx.make("maintain-randomized"),
    "matrix-design": lambda: sx.make("matrix-design"),
    "matrix-design-payments": lambda: sx.make("matrix-design-payments"),
    "allocation": lambda: sx.make("allocation", num_messages=2),
    "posted-price-pi": lambda: sx.make("posted-price-pi"),
    "posted-price-uniform": lambda: sx.make("posted-price-uniform", num_types=3, num_messages=1),
    "bertrand-platform": lambda: sx.make("bertrand-platform", num_prices=3),
    "correlated": correlated_posted_price,
    "three-followers": three_followers,
}


@pytest.fixture(params=GAMES)
def any_game(request: pytest.FixtureRequest) -> sx.Game:
    return GAMES[request.param]()


@pytest.fixture
def x64():
    """Float64 for one test."""
    jax.config.update("jax_enable_x64", True)
    yield
    jax.config.update("jax_enable_x64", False)


@pytest.fixture(autouse=True, scope="module")
def _compiled_programs_do_not_pile_up():
    """A module's compiled programs go with it; otherwise a test process grows to several GiB."""
    yield
    jax.clear_caches()
