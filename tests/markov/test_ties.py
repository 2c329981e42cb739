"""Ties of a follower who plans, told in float64: optima against tables of the test's own, theorems, and what float32 lost."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.markov import MarkovGame, solve_markov
from stackjax.markov.answers import Length, softmax_answer
from stackjax.markov.followers import MarkovFollowers
from stackjax.markov.game import tabulate_markov
from stackjax.markov.pictures import state_graph
from stackjax.markov.problem import MarkovProblem
from stackjax.reports.pictures import draw
from tests.oracles.markov import best_endless_values, best_stationary_values, best_timed_values

SOME = settings(max_examples=12, deadline=None)


class Tables(MarkovGame):
    """A game as its tables have it: ``[S, J, K]`` successors and chances, ``[S, J, L]`` payoffs."""

    def __init__(self, successor, chances, leader, follower, horizon, discount=1.0, initial=None):
        states, actions, choices = np.shape(leader)
        self.name, self.horizon, self.discount, self.num_actions = "tables", horizon, discount, (actions,)
        self.leader_actions = sx.Discrete(choices)
        self.successor, self.chances = np.asarray(successor, np.int32), np.asarray(chances, np.float64)
        self.leader, self.follower = np.asarray(leader, np.float64), np.asarray(follower, np.float64)
        self.initial = np.eye(states)[0] if initial is None else np.asarray(initial)
        self.payoff_bounds = tuple((float(pays.min()), float(pays.max())) for pays in (self.leader, self.follower))

    def outcomes(self, state, actions, leader_action):
        return jnp.asarray(self.chances, jnp.result_type(float))[state, actions[0]]

    def payoffs(self, state, actions, leader_action, outcome):
        at = lambda table: jnp.asarray(table, jnp.result_type(float))[state, actions[0], leader_action]
        return jnp.stack([at(self.leader), at(self.follower)])


def random_tables(seed):
    """Payoffs that tie, near 0 or near 1000, absorbing states, one state, one action, horizon 1, discount 0."""
    rng = np.random.default_rng(seed)
    states, actions, choices = rng.integers(1, 4), rng.integers(1, 3), rng.integers(1, 3)
    outcomes = int(rng.integers(1, 3))
    successor = rng.integers(0, states, (states, actions, outcomes))
    successor[-1] = states - 1  # where it stays
    shape = (states, actions, choices)
    follower = rng.choice([0.0, 0.1, 0.2, 0.3], shape) + rng.choice([0.0, 1000.0])
    if rng.random() < 0.2:
        follower = np.full(shape, 0.1)  # whatever it does
    discount = float(rng.choice([0.0, 0.5, 0.9, 0.99]))
    horizon = None if rng.random() < 0.4 else int(rng.integers(1, 4))
    chances = rng.dirichlet(np.ones(outcomes), (states, actions))
    leader = rng.integers(-2, 3, shape).astype(float)
    return Tables(successor, chances, leader, follower, horizon, discount, rng.dirichlet(np.ones(states)))


def by_hand(game, knows_time):
    """``(strong, weak)`` of every table of the leader's actions, by the oracles, and the best of each."""
    found = []
    states = range(len(game.leader))
    for table in itertools.product(range(game.leader.shape[2]), repeat=len(states)):
        at = lambda pays, table=table: [[pays[s, a, table[s]] for a in range(pays.shape[1])] for s in states]
        arrays = {
            "initial": game.initial,
            "successor": game.successor.tolist(),
            "probability": game.chances.tolist(),
            "leader": at(game.leader),
            "follower": at(game.follower),
        }
        if game.horizon is None:
            found.append(best_endless_values(arrays, game.discount)[1:])
        else:
            best = best_timed_values if knows_time else best_stationary_values
            found.append(best(arrays, game.horizon, game.discount)[1:])
    return np.array(found)


@pytest.mark.parametrize("knows_time", [False, True])
@SOME
@given(seed=st.integers(0, 10**6))
def test_optima_are_the_oracles(knows_time, seed):
    game = random_tables(seed)
    expected, found = by_hand(game, knows_time), solve_markov(game, knows_time=knows_time)
    assert found.value == pytest.approx(expected[:, 0].max(), abs=1e-7)
    assert found.weak_value == pytest.approx(expected[:, 1].max(), abs=1e-7)
    assert found.weak_value <= found.value + 1e-9


@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_certificate_of_the_optimum_is_the_optimum_and_no_other_is_above(seed):
    game = random_tables(seed)
    problem = MarkovProblem(game, MarkovFollowers("exact"))
    claimed, every = problem.optimum(), problem.commitments.draw(jax.random.key(seed), 6)
    every = jnp.concatenate([jnp.asarray(claimed.commitment, jnp.int32)[None], every])
    judged = jax.jit(lambda made: jax.lax.map(lambda one: problem.judge(jax.random.key(0), one, 1), made))(every)
    words = problem.describe(judged, every, [str(k) for k in range(len(every))])
    assert words[0]["leader_payoff"] == pytest.approx(claimed.value, abs=1e-9)
    for one in words:
        assert one["weak_payoff"] <= one["strong_payoff"] <= claimed.value + 1e-9
        assert one["exploitability"] <= 1e-6 * max(1.0, abs(one["follower_payoffs"][0]))


def chain(horizon, discount=1.0):
    """Paid .1 and then .2, or .3 at once: the same to the follower, if nothing is lost to rounding; 1 to the leader, or 0."""
    successor = np.array([[[1], [2]], [[3], [3]], [[3], [3]], [[3], [3]]])
    follower, leader = np.zeros((4, 2, 1)), np.zeros((4, 2, 1))
    follower[0, :, 0], follower[1], leader[1] = (0.1, 0.3), 0.2, 1.0
    return Tables(successor, np.ones((4, 2, 1)), leader, follower, horizon, discount)


@pytest.mark.parametrize("knows_time", [False, True])
def test_sums_that_are_equal_tie(knows_time):
    found = solve_markov(chain(2), knows_time=knows_time)
    assert (found.value, found.weak_value) == (1.0, 0.0)


@pytest.mark.parametrize("discount", [0.5, 0.9, 0.99])
def test_ties_are_told_for_ever(discount):
    """The same .3 in every step, whatever the follower does; the leader is paid in one of the two states."""
    successor = np.array([[[0], [1]], [[1], [0]]])
    leader = np.zeros((2, 2, 1))
    leader[1] = 1.0
    found = solve_markov(Tables(successor, np.ones((2, 2, 1)), leader, np.full((2, 2, 1), 0.3), None, discount))
    assert found.value == pytest.approx(discount, abs=1e-9)
    assert found.weak_value == 0.0


@pytest.mark.parametrize("discount", [0.9, 0.99, 0.999])
def test_what_costs_a_little_in_every_step_is_no_tie_in_a_box_either(discount):
    """A thousandth a step, for ever: what the follower does is no matter of taste, however far the future counts."""

    class Boxed(Tables):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.leader_actions = sx.Box((0.0,), (1.0,))

        def payoffs(self, state, actions, leader_action, outcome):
            return super().payoffs(state, actions, 0, outcome)

    follower, leader = np.array([[[1.0], [0.999]]]), np.array([[[0.0], [1.0]]])
    game = Boxed(np.zeros((1, 2, 1)), np.ones((1, 2, 1)), leader, follower, None, discount)
    game.payoff_bounds = ((0.0, 1.0), (0.0, 1.0))
    problem = MarkovProblem(game, MarkovFollowers("exact"))
    made = jnp.zeros((1, 1, 1))
    judged = jax.jit(lambda made: jax.lax.map(lambda one: problem.judge(jax.random.key(0), one, 1), made))(made)
    (words,) = problem.describe(judged, made, ["a"])
    assert (words["leader_payoff"], words["strong_payoff"], words["exploitability"]) == (0.0, 0.0, pytest.approx(0.0))


def test_streams_are_followed_to_their_end():
    """1 now, or a half for ever at discount 1/2: the same."""
    follower, leader = np.zeros((2, 2, 1)), np.zeros((2, 2, 1))
    follower[0, :, 0], leader[0, 1, 0] = (1.0, 0.5), 1.0
    game = Tables([[[1], [0]], [[1], [1]]], np.ones((2, 2, 1)), leader, follower, None, 0.5)
    found = solve_markov(game)
    assert (found.value, found.weak_value) == (pytest.approx(1.0), 0.0)


def test_no_discount_at_all_is_no_end():
    """Without a horizon softmax is the same in every step, also where the future counts nothing."""
    induced = tabulate_markov(chain(None, 0.0), jnp.zeros((1, 4), jnp.int32))
    length = Length.of(None, 0.0)
    assert not length.ends
    assert softmax_answer(induced, length, 0.1).shape == (4, 2, 1)
    problem = MarkovProblem(chain(None, 0.0), MarkovFollowers("softmax"))
    assert jnp.isfinite(jax.jit(problem.worth)(jax.random.key(0), jnp.zeros((2, 4), jnp.int32)).payoff).all()


def test_a_picture_takes_chances_that_sum_to_a_little_more_than_one():
    game = chain(2)
    (picture,) = state_graph(game, np.zeros(4, int), ["waits"] * 4, np.eye(2)[[0, 0, 0, 0]], np.full((4, 2, 1), 1.0 + 2e-8))
    assert all(0 <= edge["chance"] <= 1 for edge in picture["edges"])
    assert "<svg" in draw(picture)


@pytest.mark.long
def test_chances_that_sum_to_more_than_one_cost_no_result(tmp_path):
    """In float32 they may; what a picture makes of them used to end a finished run in a traceback."""
    rng = np.random.default_rng(3)
    shape = (3, 2, 2)
    game = Tables(
        rng.integers(0, 3, (3, 2, 7)),
        rng.dirichlet(np.ones(7), (3, 2)),
        rng.normal(size=shape),
        rng.normal(size=shape),
        None,
        0.9,
    )
    config = sx.SearchConfig(2, 16)
    found = sx.train(game, seeds=1, search=config, progress=False, out=tmp_path / "run")
    graph = found.result["seeds"][0]["pictures"][0]
    assert all(0 <= edge["chance"] <= 1 for edge in graph["edges"])
    assert "<svg" in (tmp_path / "run/report.html").read_text(encoding="utf-8")
