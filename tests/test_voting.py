"""Votes against ballots counted one by one, theorems of voting, and what a wrong argument is told."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.voting import RULES
from tests.oracles import voting as oracle

COMMONS = np.array([[5.766667, 5.2785, 4.535, 4.535], [4.091667, 4.264, 4.57, 4.57], [4.031667, 4.3235, 4.335, 4.335]])
NAMES = ["utilitarian", "nash", "rawls", "product"]
ORDINAL = ("plurality", "borda", "copeland", "runoff")


def tables(most_options=4, distinct=False, most_voters=6):
    """Utilities of whole numbers, so that ties are ties; ``distinct`` within a voter."""

    def of_size(size):
        voters, options = size
        row = st.permutations(range(options)) if distinct else st.lists(st.integers(-3, 3), min_size=options, max_size=options)
        return st.lists(row, min_size=voters, max_size=voters)

    return st.tuples(st.integers(1, most_voters), st.integers(2, most_options)).flatmap(of_size)


def test_a_commons_elects_its_poorest_members_friend():
    found = {rule: sx.vote(COMMONS, rule, NAMES) for rule in RULES}
    assert found["borda"].ballots.tolist() == [[0, 1, 2, 3], [2, 3, 1, 0], [2, 3, 1, 0]]
    for rule in ORDINAL:
        assert NAMES[found[rule].winner] == "rawls"
        assert found[rule].manipulability == 0.0
        assert found[rule].price == pytest.approx(4.63 - 4.48, abs=1e-6)
        assert found[rule].condorcet == 2
    assert found["borda"].pairwise[2].tolist() == [2, 2, 0, 3]
    assert NAMES[found["sum"].winner] == "utilitarian"
    assert found["sum"].price == 0.0
    assert NAMES[found["approval"].winner] == "nash"  # with rawls and product, and listed before them
    assert found["approval"].scores["approval"].tolist() == [1, 2, 2, 2]


def test_the_third_voter_gains_where_it_hides_what_it_approves_of():
    """Under approval nash ties with rawls and product, of which the third voter would rather have either."""
    assert sx.vote(COMMONS, "approval").manipulability == pytest.approx(4.335 - 4.3235)


@pytest.mark.parametrize("rule", RULES)
@settings(max_examples=60, deadline=None)
@given(utilities=tables())
def test_winners_and_manipulability_are_those_of_ballots_counted_one_by_one(rule, utilities):
    found = sx.vote(utilities, rule)
    ballots = oracle.ballots_of(rule, utilities)
    assert found.winner == oracle.elect(rule, ballots, len(utilities[0]))
    assert found.manipulability == oracle.manipulability(rule, utilities)
    assert found.condorcet == oracle.condorcet(utilities)
    orders = [oracle.sincere(row) for row in utilities]
    assert [tuple(row) for row in found.ballots] == orders
    for one, other in itertools.permutations(range(len(utilities[0])), 2):
        assert found.pairwise[one, other] == oracle.prefer(orders, one, other)


@pytest.mark.parametrize("rule", RULES)
def test_payoffs_that_are_no_whole_numbers(rule):
    rng = np.random.default_rng(0)
    for _ in range(30):
        utilities = rng.normal(size=(5, 4))
        found = sx.vote(utilities, rule)
        assert found.winner == oracle.elect(rule, oracle.ballots_of(rule, utilities.tolist()), 4)
        assert found.manipulability == pytest.approx(oracle.manipulability(rule, utilities.tolist()))


@pytest.mark.long
@pytest.mark.parametrize("rule", ["borda", "copeland", "runoff"])
def test_six_options_are_still_tried_ballot_by_ballot(rule):
    utilities = np.random.default_rng(1).normal(size=(3, 6))
    assert sx.vote(utilities, rule).manipulability == pytest.approx(oracle.manipulability(rule, utilities.tolist()))


@given(utilities=tables(most_options=6, distinct=True))
def test_who_beats_every_other_wins_by_copeland_and_by_no_less_than_all_duels(utilities):
    found = sx.vote(utilities)
    if found.condorcet is not None:
        assert found.winners["copeland"] == found.condorcet
        assert found.scores["copeland"][found.condorcet] == len(utilities[0]) - 1


@given(utilities=tables(most_options=6), seed=st.integers(0, 1000))
def test_voters_are_anonymous(utilities, seed):
    table = np.array(utilities) / 7
    found, mixed = sx.vote(table), sx.vote(np.random.default_rng(seed).permutation(table))
    assert found.winners == mixed.winners
    assert (found.pairwise == mixed.pairwise).all()
    assert (found.price, found.manipulability) == (mixed.price, mixed.manipulability)


@given(utilities=tables(most_options=5, distinct=True), seed=st.integers(0, 1000))
def test_options_are_alike_but_for_ties(utilities, seed):
    """Scores move with their options; so does the winner, where no other has its score."""
    table = np.array(utilities)
    order = np.random.default_rng(seed).permutation(table.shape[1])
    found, moved = sx.vote(table), sx.vote(table[:, order])
    for rule in ("plurality", "borda", "copeland", "approval", "sum"):
        assert (moved.scores[rule] == found.scores[rule][order]).all()
        if (found.scores[rule] == found.scores[rule].max()).sum() == 1:
            assert order[moved.winners[rule]] == found.winners[rule]
    assert (moved.pairwise == found.pairwise[np.ix_(order, order)]).all()


@pytest.mark.parametrize("rule", RULES)
@given(own=st.permutations(range(4)), second=st.permutations(range(4)))
def test_whoever_votes_alone_or_with_two_of_its_kind_gets_its_best(rule, own, second):
    best = int(np.argmax(own))
    assert sx.vote([own], rule).condorcet == best
    if rule != "approval":  # by which it may approve of several
        alone = sx.vote([own], rule)
        assert (alone.winner, alone.manipulability) == (best, 0.0)
    if rule in ("plurality", "copeland", "runoff"):
        assert sx.vote([own, own, second], rule).winner == best


def test_equal_utilities_are_listed_first_and_all_approved_of():
    found = sx.vote([[0.1, 0.1, 0.1]], "approval")  # whose mean in floating point is above each of them
    assert found.scores["approval"].tolist() == [1, 1, 1]
    assert found.ballots.tolist() == [[0, 1, 2]]
    assert set(found.winners.values()) == {0}


def test_seven_options_are_too_many_to_try_every_ballot_of():
    utilities = np.random.default_rng(0).random((4, 7))
    assert sx.vote(utilities, "borda").manipulability is None
    assert sx.vote(utilities, "approval").manipulability is None
    assert sx.vote(utilities, "sum").manipulability is not None
    assert sx.vote(utilities[:, :6], "borda").manipulability is not None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([[1.0, 2.0]], "bordo"), r"rule=bordo must be one of plurality.*Did you mean 'borda'\?"),
        (([1.0, 2.0],), r"utilities has shape \(2,\), but must be \[voters, options\]"),
        (([[1.0], [2.0]],), r"utilities has shape \(2, 1\)"),
        (([[1.0, np.nan]],), r"utilities=\[\[1.0, nan\]\] must be finite"),
        (("words",), "utilities='words' must be an array of numbers"),
        (([[1.0, 2.0]], "borda", ["a"]), r"names=\('a',\) must be 2 different names, one for each option"),
        (([[1.0, 2.0]], "borda", ["a", "a"]), r"names=\('a', 'a'\) must be 2 different names"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(sx.InputError, match=message):
        sx.vote(*arguments)
