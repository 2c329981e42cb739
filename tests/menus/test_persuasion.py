"""Persuasion: the programme against a grid, certificates against searches, and the two courtrooms that everybody knows."""

import itertools

import jax
import numpy as np
import pytest

from stackjax.errors import InputError, UnsolvedError
from stackjax.menus.persuasion import Persuasion, best_signals, full_revelation
from stackjax.menus.senders import best_answer, certify_senders, learn_senders
from tests.siblings import first

PRIOR = np.array([0.7, 0.3])  # innocent, guilty
JUDGE = np.eye(2)  # is paid for acquitting the innocent and convicting the guilty
CONVICT = np.array([[0.0, 1.0], [0.0, 1.0]])


def courtroom(*senders):
    return Persuasion(PRIOR, np.stack(senders), JUDGE)


def payoff_by_hand(problem, signals, sender):
    """Every state and signal, and a receiver who works out its posterior; ties for the sender."""
    total = 0.0
    for place in itertools.product(*(range(table.shape[1]) for table in signals)):
        chances = [problem.prior[s] * np.prod([t[s, m] for t, m in zip(signals, place, strict=True)]) for s in range(2)]
        worth = [sum(chances[s] * problem.receiver[s, a] for s in range(2)) for a in range(2)]
        paid = [sum(chances[s] * problem.senders[sender, s, a] for s in range(2)) for a in range(2)]
        total += max(paid[a] for a in range(2) if worth[a] >= max(worth) - 1e-9)
    return total


def test_a_prosecutor_gets_convictions_twice_as_often_as_there_is_guilt():
    value, signals = best_signals(courtroom(CONVICT))
    assert value == pytest.approx(0.6)
    np.testing.assert_allclose(signals, [[4 / 7, 3 / 7], [0, 1]], atol=1e-9)
    grid = np.linspace(0, 1, 141)
    tried = [payoff_by_hand(courtroom(CONVICT), (np.array([[1 - x, x], [1 - y, y]]),), 0) for x in grid for y in grid[::5]]
    assert max(tried) <= value + 1e-9


def test_one_sender_learns_what_the_programme_says():
    found = learn_senders(jax.random.key(0), courtroom(CONVICT))
    assert found.payoffs[0] == pytest.approx(0.6, abs=1e-3)
    assert found.gain[0] <= 1e-3


@pytest.fixture(scope="module")
def prosecutors():
    return [learn_senders(jax.random.key(seed), courtroom(CONVICT, CONVICT)) for seed in range(3)]


def test_two_prosecutors_do_better_than_by_revealing_all(prosecutors):
    problem = courtroom(CONVICT, CONVICT)
    np.testing.assert_allclose(full_revelation(problem), [0.3, 0.3])
    for found in prosecutors:
        np.testing.assert_allclose(found.payoffs, 0.6, atol=1e-3)
        assert found.gain.max() <= 1e-5


def test_a_prosecutor_against_a_defence_reveals_all():
    problem = courtroom(CONVICT, 1.0 - CONVICT)
    np.testing.assert_allclose(full_revelation(problem), [0.3, 0.7])
    found = learn_senders(jax.random.key(0), problem)
    np.testing.assert_allclose(found.payoffs, [0.3, 0.7], atol=1e-6)
    assert found.gain.max() <= 1e-6


@pytest.mark.parametrize("seed", range(3))
def test_no_search_finds_more_than_the_certificate(seed):
    rng = np.random.default_rng(seed)
    problem = Persuasion(PRIOR, rng.uniform(0, 1, (2, 2, 2)), rng.uniform(0, 1, (2, 2)))
    signals = tuple(rng.dirichlet(np.ones(2), 2) for _ in range(2))
    found = certify_senders(problem, signals)
    for i in range(2):
        most = found.payoffs[i] + found.gain[i]
        for _ in range(300):
            other = rng.dirichlet(np.ones(2) * rng.choice([0.1, 1.0]), 2)
            tried = tuple(other if j == i else table for j, table in enumerate(signals))
            assert payoff_by_hand(problem, tried, i) <= most + 1e-7


def test_a_certificate_counts_signals_that_were_not_learned():
    """A sender with the receiver's own wishes wants to tell three states apart: two signals leave it a third to gain."""
    aligned = Persuasion(np.full(3, 1 / 3), np.eye(3)[None], np.eye(3))
    two = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    found = certify_senders(aligned, (two,))
    assert (found.payoffs[0], found.gain[0]) == (pytest.approx(2 / 3), pytest.approx(1 / 3, abs=1e-6))
    assert learn_senders(jax.random.key(0), aligned, num_updates=50).payoffs[0] == pytest.approx(1.0, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_one_sender_gains_what_the_programme_of_recommendations_says(seed):
    rng = np.random.default_rng(seed)
    problem = Persuasion(rng.dirichlet(np.ones(3)), rng.uniform(0, 1, (1, 3, 3)), rng.uniform(0, 1, (3, 3)))
    best, _ = best_signals(problem)
    found = certify_senders(problem, (np.ones((3, 1)),))
    assert found.payoffs[0] + found.gain[0] == pytest.approx(best, abs=1e-5)


def test_ties_that_nobody_can_break_go_to_the_sum_of_senders():
    """The receiver does not care at all: a sender cannot make it do what the sum does not like."""
    rng = np.random.default_rng(0)
    problem = Persuasion(PRIOR, rng.uniform(0, 1, (2, 2, 2)), np.ones((2, 2)))
    total = np.einsum("s,sa->a", PRIOR, problem.senders.sum(axis=0))
    silent = certify_senders(problem, (np.ones((2, 1)), np.ones((2, 1))))
    np.testing.assert_allclose(silent.payoffs, np.einsum("s,isa->ia", PRIOR, problem.senders)[:, total.argmax()])
    told = full_revelation(problem)
    for i in range(2):  # what it can do is tell the states apart
        most = max(silent.payoffs[i], told[i])
        assert silent.payoffs[i] + silent.gain[i] >= most - 1e-6


@pytest.mark.parametrize(
    ("senders", "receiver", "signals", "gain"),
    [  # an action that is best at a tie alone; one state that ties, and goes to the sum; a tie that telling all would break
        ([[[0, 0, 1], [0, 0, 1]], [[0] * 3] * 2], [[1, 0, 0.5], [0, 1, 0.5]], (np.eye(2), np.ones((2, 1))), 1.0),
        ([[[0, 1], [0, 0]], [[0, -2], [0, 0]]], [[0, 0], [1, 0]], (np.ones((2, 1)), np.ones((2, 1))), 0.0),
        (
            [[[-1, -1, 1], [-1, 1, 0]], [[1, 0, 0], [-1, -1, 0]]],
            [[-1, 1, 1], [-1, -1, -1]],
            (np.ones((2, 1)), np.ones((2, 1))),
            0.5,
        ),
    ],
)
def test_ties_of_the_receiver_are_told_in_full(senders, receiver, signals, gain):
    problem = Persuasion(np.full(2, 0.5), np.array(senders, float), np.array(receiver, float))
    assert certify_senders(problem, signals).gain[0] == pytest.approx(gain, abs=1e-6)


@pytest.mark.parametrize("seed", first(8, range(60)))
def test_abest_answer_is_earned_and_nobody_finds_a_better_one(seed):
    """Payoffs are small whole numbers, so that everything ties; the table that comes close is played as payoffs are."""
    rng = np.random.default_rng(seed)
    states, actions = rng.integers(1, 4, 2)
    whole = lambda *shape: rng.integers(-1, 2, shape).astype(float)
    problem = Persuasion(rng.dirichlet(np.ones(states)), whole(2, states, actions), whole(states, actions))
    signals = (np.eye(states) if seed % 2 else rng.dirichlet(np.ones(2), states), np.ones((states, 1)))
    for i in range(2):
        best, answer = best_answer(problem, signals, i)
        of = lambda table, i=i: certify(problem, tuple(table if j == i else own for j, own in enumerate(signals)))[i]
        assert of(answer) == pytest.approx(best, abs=1e-5)
        for _ in range(60):
            tried = rng.dirichlet(np.ones(3) * rng.choice([0.1, 1.0]), states)
            assert of(tried) <= best + 1e-7


def certify(problem, signals):
    """What senders get, signal by signal, in plain Python."""
    total = np.zeros(2)
    for place in itertools.product(*(range(table.shape[1]) for table in signals)):
        chances = problem.prior * np.prod([table[:, m] for table, m in zip(signals, place, strict=True)], axis=0)
        worth = chances @ problem.receiver
        best = worth >= worth.max() - 1e-9 * (np.ptp(problem.receiver) or 1.0) * chances.sum()
        act = int(np.where(best, chances @ problem.senders.sum(axis=0), -np.inf).argmax())
        total += np.einsum("s,is->i", chances, problem.senders[:, :, act])
    return total


@pytest.mark.parametrize("seed", first(3, [10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
def test_random_senders_end_where_nobody_gains(seed):
    rng = np.random.default_rng(seed)
    problem = Persuasion(rng.dirichlet(np.ones(2)), rng.uniform(0, 1, (2, 2, 2)), rng.uniform(0, 1, (2, 2)))
    assert learn_senders(jax.random.key(0), problem).gain.max() <= 1e-5


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"prior": [0.5, np.nan]}, "prior=.* must be finite"),
        ({"prior": 0.5}, "must be \\[S\\], \\[I, S, A\\] and \\[S, A\\]"),
        ({"receiver": [1.0, 0.0]}, "receiver of shape \\(2,\\)"),
        ({"receiver": [[1, 0], [0, np.inf]]}, "receiver=.* must be finite"),
        ({"senders": CONVICT}, "senders of shape \\(2, 2\\)"),
        ({"senders": [[["a", 1], [0, 1]]]}, "senders=.* must be an array of numbers"),
        ({"prior": [1.5, -0.5]}, "at least 0 and sum to 1"),
    ],
)
def test_arrays_that_make_no_problem_are_named(change, said):
    problem = Persuasion(PRIOR, CONVICT[None], JUDGE)._replace(**change)
    for use in (best_signals, full_revelation, lambda problem: learn_senders(jax.random.key(0), problem)):
        with pytest.raises(InputError, match=said):
            use(problem)


def test_lists_will_do():
    assert best_signals(Persuasion(PRIOR.tolist(), [CONVICT.tolist()], JUDGE.tolist()))[0] == pytest.approx(0.6)


def test_mistakes_name_what_is_allowed():
    with pytest.raises(InputError, match="sender=1 must be"):
        best_signals(courtroom(CONVICT), sender=1)
    with pytest.raises(InputError, match="sender=-1 must be a whole number of at least 0"):
        best_signals(courtroom(CONVICT), sender=-1)
    with pytest.raises(InputError, match=r"signals=.* must be an array of numbers"):
        certify_senders(courtroom(CONVICT), ([["a", "b"]],))
    with pytest.raises(InputError, match="signals=2 must be 1 tables"):
        certify_senders(courtroom(CONVICT), (np.eye(2), np.eye(2)))
    with pytest.raises(InputError, match="sum to 1 in each state"):
        certify_senders(courtroom(CONVICT), (2 * np.eye(2),))
    with pytest.raises(InputError, match="sum to 1"):
        best_signals(Persuasion(np.array([0.5, 0.6]), CONVICT[None], JUDGE))
    with pytest.raises(InputError, match="must be"):
        full_revelation(Persuasion(PRIOR, CONVICT, JUDGE))
    tables = tuple(np.full((2, 4), 0.25) for _ in range(3))
    with pytest.raises(UnsolvedError, match="too many to certify"):
        certify_senders(courtroom(CONVICT, CONVICT, CONVICT), tables)
