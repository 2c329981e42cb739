"""Churn, ambiguity, discrepancy, disagreement and the medoid: definitions, identities, the bound."""

import subprocess
import sys

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

import stackjax as sx
from stackjax.rashomon import measures
from tests.oracles import churn as oracle

sizes = st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**31 - 1), st.booleans())


def drawn(members, profiles, kinds, seed, are_certain):
    """Outcomes and weights, with members that repeat each other."""
    rng = np.random.default_rng(seed)
    weights = rng.dirichlet(np.ones(profiles))
    if are_certain:
        return rng.integers(0, kinds, (members, profiles)), weights
    some = rng.dirichlet(np.full(kinds, 0.5), (max(1, members // 2), profiles))
    return some[rng.integers(0, len(some), members)], weights


@hypothesis.given(sizes)
def test_measures_are_those_of_pairs(case):
    outcomes, weights = drawn(*case)
    for distinct in (False, True):
        if distinct and len(outcomes) == 1:
            continue
        expected = oracle.disagreement(outcomes, distinct)
        assert measures.disagreement(outcomes, distinct=distinct) == pytest.approx(expected, abs=1e-12)
        churn = measures.expected_churn(outcomes, weights, distinct=distinct)
        assert churn == pytest.approx(np.dot(weights, expected), abs=1e-12)
    totals = [oracle.total_churn(outcomes, member, weights) for member in range(len(outcomes))]
    assert measures.replacement_churn(outcomes, weights) == pytest.approx(np.array(totals) / len(outcomes), abs=1e-12)
    assert totals[measures.medoid(outcomes, weights)] == pytest.approx(min(totals), abs=1e-9)
    churns = [[oracle.churn(one, other, weights) for one in outcomes] for other in outcomes]
    assert measures.diameter(outcomes, weights) == pytest.approx(np.max(churns), abs=1e-12)
    for member in range(len(outcomes)):
        assert measures.ambiguity(outcomes, member, weights) == pytest.approx(
            oracle.ambiguity(outcomes, member, weights), abs=1e-12
        )
        assert measures.discrepancy(outcomes, member, weights) == pytest.approx(max(churns[member]), abs=1e-12)
        assert measures.churn(outcomes[0], outcomes[member], weights) == pytest.approx(churns[0][member], abs=1e-12)


@hypothesis.given(sizes)
def test_identities(case):
    outcomes, weights = drawn(*case)
    expected = measures.expected_churn(outcomes, weights)
    assert measures.replacement_churn(outcomes, weights).mean() == pytest.approx(expected, abs=1e-12)
    for member in range(len(outcomes)):
        assert measures.discrepancy(outcomes, member, weights) <= measures.ambiguity(outcomes, member, weights) + 1e-12
    certain = np.argmax(outcomes, axis=-1) if outcomes.ndim == 3 else outcomes
    as_chances = np.eye(int(certain.max()) + 1)[certain]
    assert measures.expected_churn(as_chances, weights) == pytest.approx(measures.expected_churn(certain, weights), abs=1e-12)


@hypothesis.given(st.integers(0, 2**31 - 1))
def test_churn_is_bounded_by_what_two_commitments_lose(seed):
    """At every profile one outcome is best; commitments lead to random chances of outcomes."""
    rng = np.random.default_rng(seed)
    members, profiles, kinds = rng.integers(2, 5), rng.integers(1, 5), rng.integers(2, 5)
    weights, cost = rng.dirichlet(np.ones(profiles)), rng.uniform(0.1, 2.0, (profiles, kinds))
    best = rng.integers(0, kinds, profiles)
    cost[np.arange(profiles), best] = 0.0
    least = np.sort(cost, axis=1)[:, 1].min()
    outcomes = rng.dirichlet(np.full(kinds, 0.3), (members, profiles))
    losses = np.einsum("mty,ty,t->m", outcomes, cost, weights)
    for one in range(members):
        for other in range(members):
            bound = measures.churn_bound(losses[one], losses[other], least)
            assert measures.churn(outcomes[one], outcomes[other], weights) <= bound + 1e-12


def test_models_that_classify_weigh_all_examples_alike():
    predictions = np.array([[0, 1, 1, 0], [0, 1, 0, 0], [0, 0, 1, 0]])
    assert sx.rashomon.churn(predictions[0], predictions[1]) == 0.25
    assert sx.rashomon.ambiguity(predictions, 0) == 0.5
    assert sx.rashomon.discrepancy(predictions, 0) == 0.25
    assert sx.rashomon.medoid(predictions) == 0
    assert sx.rashomon.expected_churn(predictions, distinct=True) == pytest.approx((0.25 + 0.25 + 0.5) / 3)


def test_measures_need_no_jax():
    code = "import sys; import stackjax.rashomon.measures; sys.exit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0


GOOD = np.zeros((2, 3), int)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: measures.disagreement(np.zeros(3, int)), "outcomes has shape (3,), but must have [members, profiles]"),
        (lambda: measures.disagreement(np.zeros((0, 3), int)), "outcomes has shape (0, 3), but must have"),
        (lambda: measures.disagreement(np.zeros((2, 3))), "must hold whole numbers, which name outcomes"),
        (lambda: measures.disagreement(np.zeros((2, 3, 1), int)), "has dtype int64, but must hold chances"),
        (lambda: measures.disagreement(np.full((2, 3, 2), 0.4)), "chances that do not sum to 1"),
        (lambda: measures.disagreement(np.full((2, 3, 2), np.nan)), "chances that do not sum to 1"),
        (lambda: measures.medoid(GOOD, np.ones(2) / 2), "weights has shape (2,), but there are 3 profiles"),
        (lambda: measures.medoid(GOOD, np.ones(3)), "weights must be at least 0 and sum to 1, not to 3.0"),
        (lambda: measures.churns_from(GOOD, np.zeros(2, int)), "one has shape (2,), but outcomes of a member have (3,)"),
        (lambda: measures.churn_bound(-1.0, 0.0, 1.0), "loss=-1.0 must be at least 0"),
        (lambda: measures.churn_bound(0.0, 0.0, 0.0), "least_cost=0.0 must be positive"),
    ],
)
def test_wrong_input_is_one_line(call, message):
    with pytest.raises(sx.InputError) as caught:
        call()
    assert message in str(caught.value)
