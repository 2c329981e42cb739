"""Matrix games from Gambit and OpenSpiel, against tables written out here."""

import sys

import numpy as np
import pytest

import stackjax as sx

COMMITMENT_PAYS = [[(2, 1), (4, 0)], [(1, 0), (3, 1)]]  # Conitzer and Sandholm (2006), Figure 1

NFG = """NFG 1 R "Commitment pays" { "leader" "follower" } { 2 2 }

2 1 1 0 4 0 3 1
"""


def test_gambit_files_are_read_with_pygambit(tmp_path):
    pytest.importorskip("pygambit", reason="an optional extra that builds from source: pip install 'stackjax[gambit]'")
    path = tmp_path / "cs.nfg"
    path.write_text(NFG, encoding="utf-8")
    game = sx.load_matrix_game(path, randomized=True)
    np.testing.assert_array_equal(game.payoff_table, COMMITMENT_PAYS)
    assert sx.solve(game).value == pytest.approx(3.5)
    path.write_text(NFG[:40], encoding="utf-8")
    with pytest.raises(sx.InputError, match="is not a strategic-form game"):
        sx.load_matrix_game(path)


def test_gambit_and_openspiel_missing_is_said(tmp_path, monkeypatch):
    path = tmp_path / "cs.nfg"
    path.write_text(NFG, encoding="utf-8")
    for module in ("pygambit", "pyspiel"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(sx.InputError, match=r"pip install 'stackjax\[gambit\]'"):
        sx.load_matrix_game(path)
    with pytest.raises(sx.InputError, match=r"pip install 'stackjax\[openspiel\]'"):
        sx.openspiel_game("matrix_pd")


def test_openspiel_games():
    game = sx.openspiel_game("matrix_pd")
    np.testing.assert_array_equal(game.payoff_table, [[(5, 5), (0, 10)], [(10, 0), (1, 1)]])
    assert sx.solve(game).value == 1.0
    blotto = sx.openspiel_game("blotto(coins=3,fields=2,players=3)")
    assert blotto.num_actions == (4, 4)
    np.testing.assert_allclose(blotto.payoff_table.sum(axis=-1), 0.0, atol=1e-12)
    sx.testing.check_game(sx.openspiel_game("matrix_rps", randomized=True))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("matrix_dp", "has no game 'matrix_dp'. Did you mean 'matrix_pd'"),
        ("kuhn_poker", "not a one-shot game"),
        ("blotto(coins=many)", "cannot load"),
    ],
)
def test_bad_openspiel_games_are_named(text, message):
    with pytest.raises(sx.InputError, match=message.replace("(", r"\(")):
        sx.openspiel_game(text)
