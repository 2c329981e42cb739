"""A follower who plans answers as the definition says, on random games; certificates cannot be fooled."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stackjax.errors import InputError
from stackjax.markov.answers import Length, best_stationary, best_timed, best_values, deviations, evaluate, softmax_answer
from stackjax.markov.game import InducedMarkovGame, without_batch
from tests.oracles.markov import best_stationary_values, best_timed_values, value_of, visits_of

STATES, ACTIONS, OUTCOMES, STEPS, TIE = 3, 2, 2, 3, 1e-5
QUICKLY = settings(max_examples=8, deadline=None)


def random_game(seed, ties=False):
    """Random arrays of one commitment; with ``ties`` payoffs are small whole numbers, so that many are equal."""
    rng = np.random.default_rng(seed)
    draw = (lambda *shape: rng.integers(0, 3, shape).astype(float)) if ties else (lambda *shape: rng.normal(size=shape))
    probability = rng.dirichlet(np.ones(OUTCOMES), (STATES, ACTIONS)) if not ties else np.eye(2)[rng.integers(0, 2, (3, 2))]
    return {
        "initial": rng.dirichlet(np.ones(STATES)),
        "successor": rng.integers(0, STATES, (STATES, ACTIONS, OUTCOMES)),
        "probability": probability,
        "leader": draw(STATES, ACTIONS),
        "follower": draw(STATES, ACTIONS),
    }


def induced(games):
    """The arrays of several commitments, batch-last; the successor table and the start are those of the first."""
    last = lambda name: jnp.asarray(np.stack([game[name] for game in games], axis=-1), jnp.float32)
    return InducedMarkovGame(
        games[0]["successor"].astype(np.int32),
        games[0]["initial"],
        last("probability"),
        last("follower")[None],
        last("leader"),
    )


def batch_of(seed, ties=False):
    first = random_game(seed, ties)
    others = [{**random_game(seed + k, ties), "successor": first["successor"], "initial": first["initial"]} for k in range(4)]
    return [first, *others]


@pytest.mark.parametrize("ties", [False, True])
@QUICKLY
@given(seed=st.integers(0, 10**6))
def test_exact_answers_are_the_oracles(ties, seed):
    games, length = batch_of(seed, ties), Length(STEPS, 0.9, 1.0)
    arrays = induced(games)
    for answer, oracle in ((best_stationary, best_stationary_values), (best_timed, best_timed_values)):
        expected = np.array([oracle(game, STEPS, 0.9, TIE) for game in games])  # follower, leader with ties for and against
        for column, rule in ((1, "for"), (2, "against")):
            found = evaluate(arrays, length, answer(arrays, length, rule, TIE))
            np.testing.assert_allclose(found.follower, expected[:, 0], atol=1e-4)
            np.testing.assert_allclose(found.leader, expected[:, column], atol=1e-4)
    np.testing.assert_allclose(best_values(arrays, length), expected[:, 0], atol=1e-4)


@QUICKLY
@given(seed=st.integers(0, 10**6))
def test_any_policy_is_worth_what_the_tree_of_histories_says(seed):
    games, rng, length = batch_of(seed), np.random.default_rng(seed), Length(STEPS, 0.8, 1.0)
    timed = rng.dirichlet(np.ones(ACTIONS), (STEPS, STATES, len(games)))  # [T, S, B, A]
    policy = jnp.asarray(np.moveaxis(timed, -1, 2), jnp.float32)
    found = evaluate(induced(games), length, policy)
    for b, game in enumerate(games):
        leader, follower = value_of(game, lambda t, s, b=b: timed[t, s, b], STEPS, 0.8)
        np.testing.assert_allclose([found.leader[b], found.follower[b]], [leader, follower], atol=1e-4)
    same = evaluate(induced(games), length, policy[0])
    leader, follower = value_of(games[0], lambda t, s: timed[0, s, 0], STEPS, 0.8)
    np.testing.assert_allclose([same.leader[0], same.follower[0]], [leader, follower], atol=1e-4)


@QUICKLY
@given(seed=st.integers(0, 10**6), temperature=st.sampled_from([0.01, 0.3, 10.0]))
def test_nobody_gains_on_a_best_answer_and_softmax_loses_no_more_than_its_bound(seed, temperature):
    """The bound of one step is temperature times W((A - 1) / e); over T steps T times that."""
    arrays, length = induced(batch_of(seed)), Length(STEPS, 1.0, 1.0)
    best = best_values(arrays, length)
    rng = np.random.default_rng(seed)
    anything = jnp.asarray(np.moveaxis(rng.dirichlet(np.ones(ACTIONS), (STATES, 5)), -1, 1), jnp.float32)
    assert (best >= evaluate(arrays, length, anything).follower - 1e-4).all()
    assert (best >= evaluate(arrays, length, best_stationary(arrays, length, "for", TIE)).follower - 1e-4).all()
    lost = best - evaluate(arrays, length, softmax_answer(arrays, length, temperature)).follower
    lambert = 0.27846454276107374  # W(1 / e), two actions
    assert (lost >= -1e-4).all()
    assert (lost <= STEPS * temperature * lambert + 1e-4).all()


@QUICKLY
@given(seed=st.integers(0, 10**6))
def test_without_a_horizon_time_does_not_matter(seed):
    arrays, length = induced(batch_of(seed)), Length.of(None, 0.7)
    stationary = best_stationary(arrays, length, "for", TIE)
    assert stationary.shape == (STATES, ACTIONS, 5)
    found = evaluate(arrays, length, stationary)
    np.testing.assert_allclose(found.follower, best_values(arrays, length), atol=1e-4)
    long = Length(60, 0.7, 0.3)
    np.testing.assert_allclose(found.leader, evaluate(arrays, long, stationary).leader, atol=1e-4)


@QUICKLY
@given(seed=st.integers(0, 10**6))
def test_a_deviation_costs_what_it_loses_for_each_visit(seed):
    game, rng = random_game(seed), np.random.default_rng(seed)
    answer = rng.integers(0, ACTIONS, STATES)
    policy_of = lambda answer: lambda t, s: np.eye(ACTIONS)[answer[s]]
    worth = lambda answer: value_of(game, policy_of(answer), STEPS, 0.9)
    values, slack = deviations(without_batch(induced([game])), Length(STEPS, 0.9, 1.0), jnp.asarray(answer, jnp.int32))
    leader, follower = worth(answer)
    visits = visits_of(game, np.eye(ACTIONS)[answer], STEPS, 0.9)
    changed = lambda s, a: np.where(np.arange(STATES) == s, a, answer)
    expected = [(follower - worth(changed(s, a))[1]) / visits[s] for s in range(STATES) for a in range(ACTIONS)]
    np.testing.assert_allclose(slack, expected, atol=1e-3)
    np.testing.assert_allclose(values, (leader, follower), atol=1e-4)


def test_even_ties_are_even():
    game = random_game(0)
    game["follower"] = np.zeros((STATES, ACTIONS))
    policy = best_timed(induced([game]), Length(STEPS, 1.0, 1.0), "even", TIE)
    np.testing.assert_allclose(policy, 0.5)
    with pytest.raises(InputError, match="ties='even' is for followers that know the time"):
        best_stationary(induced([game]), Length(STEPS, 1.0, 1.0), "even", TIE)


def test_too_many_policies_are_refused():
    states = 13
    arrays = InducedMarkovGame(
        np.zeros((states, 2, 1), np.int32),
        np.eye(states)[0],
        jnp.ones((states, 2, 1, 1)),
        jnp.zeros((1, states, 2, 1)),
        jnp.zeros((states, 2, 1)),
    )
    with pytest.raises(InputError, match=r"8192 policies, more than 4096; let it know the time \(knows_time\)"):
        best_stationary(arrays, Length(2, 1.0, 1.0), "for", TIE)


def test_answers_are_the_same_under_vmap():
    """A batch of batches, as seeds side by side make it."""
    arrays, length = induced(batch_of(1)), Length(STEPS, 1.0, 1.0)
    answer = lambda leader: best_stationary(arrays._replace(leader_payoff=leader), length, "for", TIE)
    both = jnp.stack([arrays.leader_payoff, -arrays.leader_payoff])
    found = jax.jit(jax.vmap(answer))(both)
    for k in range(2):
        np.testing.assert_array_equal(found[k], answer(both[k]))
