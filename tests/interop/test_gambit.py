"""Matrix games to Gambit's files and back, names and payoffs as they were."""

import json

import numpy as np
import pytest

import stackjax as sx
from stackjax.interop.gambit import nfg_text
from tests.runs.commands import PLAIN, run

PAYOFFS = [[(2, 1), (4, 0)], [(1, 0), (3, 1)]]
NAMES = [["up", 'go "down"'], ["left", "right"]]


def test_the_first_players_strategies_change_first():
    game = sx.matrix_game(PAYOFFS, name="cs", action_names=NAMES)
    assert nfg_text(game).splitlines() == [
        r'NFG 1 R "cs" { "leader" "follower" } { { "up" "go \"down\"" } { "left" "right" } }',
        "",
        "2.0 1.0",
        "1.0 0",
        "4.0 0",
        "3.0 1.0",
    ]


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("shape", [(2, 3), (3, 2, 2), (2, 2, 3, 2)])
def test_round_trip(tmp_path, shape, named):
    pytest.importorskip("pygambit")
    payoffs = np.random.default_rng(0).normal(size=(*shape, len(shape)))
    payoffs[(0,) * len(shape)] = 1 / 3
    names = [[f"agent {i}'s {k}" for k in range(n)] for i, n in enumerate(shape)] if named else None
    game = sx.matrix_game(payoffs, action_names=names)
    sx.interop.save_nfg(game, tmp_path / "game.nfg")
    again = sx.load_matrix_game(tmp_path / "game.nfg")
    np.testing.assert_array_equal(again.payoff_table, game.payoff_table)
    assert again.action_names == game.action_names
    assert again.leader_actions == game.leader_actions


def test_names_are_what_people_read(tmp_path):
    game = sx.matrix_game(PAYOFFS, action_names=NAMES)
    assert game.leader_actions.labels == ("up", 'go "down"')
    assert game.describe_action(0, 1) == "right"
    mixed = sx.matrix_game(PAYOFFS, randomized=True, action_names=NAMES)
    assert mixed.explain(np.ones((1, 1)), np.array([[0.5, 0.5]]), []) == ['rows mixed up 0.500, go "down" 0.500']
    with pytest.raises(sx.InputError, match=r"must hold a list of words for each agent, of 2, 2 words"):
        sx.matrix_game(PAYOFFS, action_names=[["a", "b"], ["c"]])
    with pytest.raises(sx.InputError, match=r"must end in \.nfg"):
        sx.interop.save_nfg(game, tmp_path / "game.efg")
    with pytest.raises(sx.InputError, match=r"must be a matrix game"):
        sx.interop.save_nfg(sx.make("allocation"), tmp_path / "game.nfg")


def test_a_run_keeps_the_names(tmp_path):
    pytest.importorskip("pygambit")
    sx.interop.save_nfg(sx.matrix_game(PAYOFFS, action_names=NAMES), tmp_path / "game.nfg")
    out = tmp_path / "run"
    assert run("train", tmp_path / "game.nfg", "--out", out, *PLAIN) == 0
    (tmp_path / "game.nfg").unlink()
    assert run("evaluate", out) == 0
    assert json.loads((out / "result.json").read_text(encoding="utf-8"))["seeds"][0]["mechanism"] == ["up"]
