"""Payoff tables of followers with private types, from Python and from files."""

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.bayesian.equilibrium.optimum import solve

RNG = np.random.default_rng(4)
TABLE, PRIOR = RNG.normal(size=(2, 3, 4, 2)), np.array([0.25, 0.75])


def write(path, **content):
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def best_row(table, prior):
    """The best row by brute force: each type answers by itself, ties for the leader."""
    worth = []
    for row in range(table.shape[1]):
        paid = 0.0
        for chance, cells in zip(prior, table[:, row], strict=True):
            liked = cells[:, 1] == cells[:, 1].max()
            paid += chance * cells[liked, 0].max()
        worth.append(paid)
    return max(worth)


def test_a_file_of_types_is_the_array_and_keeps_its_names(tmp_path):
    path = write(tmp_path / "a.json", payoffs=TABLE.tolist(), prior=PRIOR.tolist(), types=["meek", "bold"])
    by_side = write(tmp_path / "b.json", A=TABLE[..., 0].tolist(), B=TABLE[..., 1].tolist(), prior=PRIOR.tolist())
    np.savez(tmp_path / "c.npz", payoffs=TABLE, prior=PRIOR)
    for file in (path, by_side, tmp_path / "c.npz"):
        game = sx.load_matrix_game(file)
        np.testing.assert_array_equal(game.payoff_table, TABLE)
        np.testing.assert_array_equal(game.type_prior, PRIOR)
        assert (game.num_types, game.num_actions, game.leader_actions.n) == ((2,), (4,), 3)
    assert [sx.load_matrix_game(path).describe_type(0, k) for k in (0, 1)] == ["meek", "bold"]
    assert sx.load_matrix_game(by_side).describe_type(0, 1) == "type 1"
    with pytest.raises(sx.InputError, match="has private types, which a strategic form has no place for"):
        sx.interop.save_nfg(sx.load_matrix_game(path), tmp_path / "game.nfg")


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_payoffs_of_types_are_those_of_the_table(seed):
    rng = np.random.default_rng(seed)
    kinds, actions = tuple(rng.integers(1, 4, size=2)), tuple(rng.integers(1, 4, size=3))
    table = rng.normal(size=(*kinds, *actions, 3))
    game = sx.matrix_game(table, prior=rng.dirichlet(np.ones(np.prod(kinds))).reshape(kinds))
    types, played = rng.integers(kinds, dtype=np.int32), rng.integers(actions[1:], dtype=np.int32)
    row = np.int32(rng.integers(actions[0]))
    np.testing.assert_allclose(game.outcome_payoffs(types, played, row), table[(*types, row, *played)], rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_the_best_row_against_types_is_that_of_brute_force(seed):
    rng = np.random.default_rng(seed)
    table, prior = rng.integers(0, 4, size=(3, 5, 4, 2)).astype(float), rng.dirichlet(np.ones(3))
    assert solve(sx.matrix_game(table, prior=prior)).value == pytest.approx(best_row(table, prior), abs=1e-9)


def test_one_type_is_no_type():
    plain, typed = (sx.matrix_game(table, prior=prior) for table, prior in ((TABLE[0], None), (TABLE[:1], [1.0])))
    assert solve(plain).value == solve(typed).value


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"prior": [0.5, 0.6]}, "prior sums to 1.1, but must sum to 1"),
        ({"prior": [1.5, -0.5]}, "prior[1] is -0.5; a chance must be at least 0"),
        ({"prior": [0.5, float("nan")]}, "prior[1] is nan; a chance must be at least 0"),
        ({"prior": []}, "prior has shape (0,), but must have an axis of at least one type"),
        ({"prior": "half"}, "prior='half' must be an array of numbers"),
        ({"prior": [1.0]}, "it must be [type of follower 1, of 1][leader action][follower 1 action]"),
        ({"types": ["a"]}, "types=['a'] must hold a list of words for each follower, of 2 words"),
        ({"prior": None, "payoffs": TABLE[0].tolist(), "types": ["a", "b"]}, "need a prior, the chances of the types"),
        ({"payoffs": [[[[1, 2]]], [[[1, 2], [3, 4]]]]}, "payoffs[1, 0] has 2 entries, but those before it have 1"),
    ],
)
def test_what_a_file_of_types_may_not_say(tmp_path, changes, message):
    content = {"payoffs": TABLE.tolist(), "prior": PRIOR.tolist(), **changes}
    with pytest.raises(sx.InputError, match=re.escape(message)):
        sx.load_matrix_game(write(tmp_path / "game.json", **content))


def test_two_sides_of_types_must_be_equal_tables(tmp_path):
    path = write(tmp_path / "game.json", A=TABLE[0, ..., 0].tolist(), B=TABLE[0, ..., 1].tolist(), prior=[1.0])
    with pytest.raises(sx.InputError, match=re.escape("must be equal tables [type][row][column]")):
        sx.load_matrix_game(path)
