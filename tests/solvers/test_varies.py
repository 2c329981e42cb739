"""Which payoffs have slopes that a search can climb, told before any training."""

import jax
import jax.numpy as jnp
import pytest

import stackjax as sx
from stackjax.bayesian.problem import BayesianProblem
from stackjax.markov import MarkovFollowers, MarkovProblem
from stackjax.problem import Table
from stackjax.slopes import varies
from stackjax.solvers.climbing import can_climb
from tests.markov.toll import Toll

UNIT = Table(2, sx.Box((0.0,), (1.0,)))


def outputs(commitments):
    entry = commitments[:, 0, 0]
    return entry * 0.0, jnp.where(entry > 0.5, 1.0, 2.0), entry**2, jnp.floor(3.0 * entry), (1.0 - entry).clip(0.9)


def test_steps_have_no_slope_and_a_slope_somewhere_counts():
    assert varies(outputs, UNIT) == [False, False, True, False, True]


def test_it_is_the_same_inside_of_another_functions_trace():
    told = []

    @jax.jit
    def traced(number):
        told.append(varies(outputs, UNIT))
        return number

    traced(1.0)
    assert told == [[False, False, True, False, True]]


def test_whole_numbers_have_no_slopes():
    assert varies(lambda made: made.astype(float), Table(2, sx.Discrete(3))) == [False]


@pytest.mark.parametrize(
    ("name", "climbs"),
    [("posted-price-pi", False), ("maintain-randomized", True), ("maintain", False), ("escape-randomized", True)],
)
def test_bayesian_games_climb_where_the_leaders_payoff_has_a_slope(name, climbs):
    assert can_climb(BayesianProblem(sx.StackelbergPOMDP(sx.make(name)))) == climbs


def test_a_slope_that_some_answers_have_is_found():
    """The leader is paid by its toll, but only by who sails."""
    assert can_climb(MarkovProblem(Toll(), MarkovFollowers("exact")))
