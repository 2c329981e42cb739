"""Matrix games to Gambit's files and back, names and payoffs as they were."""

import json
import re

import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.games.gambit_text import parse_nfg
from stackjax.interop.gambit import nfg_of
from tests.runs.commands import PLAIN, run

PAYOFFS = [[(2, 1), (4, 0)], [(1, 0), (3, 1)]]
NAMES = [["up", 'go "down"'], ["left", "right"]]


def test_the_first_players_strategies_change_first():
    game = sx.matrix_game(PAYOFFS, name="cs", action_names=NAMES)
    assert nfg_of(game).splitlines() == [
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
    payoffs = np.random.default_rng(0).normal(size=(*shape, len(shape)))
    payoffs[(0,) * len(shape)] = 1 / 3
    names = [[f"agent {i}'s {k}" for k in range(n)] for i, n in enumerate(shape)] if named else None
    game = sx.matrix_game(payoffs, action_names=names)
    sx.interop.save_nfg(game, tmp_path / "game.nfg")
    again = sx.load_matrix_game(tmp_path / "game.nfg")
    np.testing.assert_array_equal(again.payoff_table, game.payoff_table)
    assert again.action_names == game.action_names
    assert again.leader_actions == game.leader_actions


@pytest.mark.parametrize(
    "words", [["ü", "a\\b"], ['"', 'say "no"'], ["two\nlines", ""], ["2", "3"], ["1/2", "{"], ["a,b", "NFG"]]
)
def test_names_are_kept_exactly(tmp_path, words):
    game = sx.matrix_game(PAYOFFS, name='a title, of "words"', action_names=[words, ["L", "R"]])
    sx.interop.save_nfg(game, tmp_path / "game.nfg")
    assert sx.load_matrix_game(tmp_path / "game.nfg").action_names == game.action_names


@pytest.mark.parametrize("word", ["end\\", 'in\\"side'])
def test_names_that_the_format_cannot_hold_are_refused(tmp_path, word):
    game = sx.matrix_game(PAYOFFS, action_names=[["up", word], ["L", "R"]])
    with pytest.raises(sx.InputError, match="backslash before a quotation mark or at its end"):
        sx.interop.save_nfg(game, tmp_path / "game.nfg")
    assert not (tmp_path / "game.nfg").exists()


OF_EVERY_FORM = {
    "names": '{ { "T" "B" } { "L" "R" } } 2 1 1 0 4 0 3 1',
    "counts, a comment": '{ 2 2 } "a comment, of two\nlines" 2 1 1 0 4 0 3 1',
    "counts and names": '{ 2 { "L" "R" } }\r\n2 1\r\n1 0\r\n4 0\r\n3 1\r\n',
    "numbers": "{ 2 2 } +2 1.0 1e+00 .0 40E-1 -0 6/2 1.",
    "fractions": "{ 2 2 } 4/2 3/3 1/1 0/7 8/2 0 9/3 1/1",
    "outcomes": '{ 2 2 } { { "a" 2, 1 } { "b" 1, 0 } { "" 4 0 } { 3, 1 } } 1 2 3 4',
    "an outcome twice": '{ 2 2 } { { "a" 2 1 } { "b" 1 0 } { "c" 4 0 } { "d" 3 1 } { "unused" 9 9 } }\n1 2 3 4',
}


@pytest.mark.parametrize("form", OF_EVERY_FORM)
def test_every_form_of_the_format(form):
    for begins in ('NFG 1 R "a \\"title\\"" { "Boss" "Worker" } ', 'NFG 1 D ""\n{"Boss""Worker"}'):
        game = parse_nfg(begins + OF_EVERY_FORM[form])
        np.testing.assert_array_equal(game.payoffs, PAYOFFS)
        assert game.players == ["Boss", "Worker"]


def test_outcome_0_pays_nothing_and_one_player_or_three_may_play():
    game = parse_nfg('NFG 1 R "" { "a" "b" } { 2 1 } { { "x" 1/3, -2 } } 0 1')
    np.testing.assert_array_equal(game.payoffs, [[[0.0, 0.0]], [[1 / 3, -2.0]]])
    assert parse_nfg('NFG 1 R "" { "a" } { 3 } 1 2 3').payoffs.tolist() == [[1.0], [2.0], [3.0]]
    three = parse_nfg('NFG 1 R "" { "a" "b" "c" } { 2 1 2 } 1 2 3 4 5 6 7 8 9 10 11 12')
    assert three.payoffs[1, 0, 0].tolist() == [4.0, 5.0, 6.0]


BEGIN = 'NFG 1 R "" { "a" "b" } { 1 2 }'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "ends where 'NFG' should stand"),
        ("EFG 2 R", "has 'EFG' in line 1, where 'NFG' should stand"),
        ('NFG 2 R ""', "has '2' in line 1, where '1' should stand"),
        ('NFG 1 X ""', "where 'R' or 'D' should stand"),
        ("NFG 1 R title", "where the title in quotation marks should stand"),
        ('NFG 1 R "title', "where the title in quotation marks should stand"),
        ('NFG 1 R "" { } { }', "has no players"),
        ('NFG 1 R "" { "a" } { 0 }', "has a player without strategies"),
        ('NFG 1 R "" { "a" "b" } { 2 }', "has 2 players, but strategies of 1"),
        ('NFG 1 R "" { "a" } { 2 2 }', "the end of the strategies of 1 players"),
        ('NFG 1 R "" { "a" "b" } { 100000 1000 }', "makes more than 10000000 payoffs"),
        (
            'NFG 1 R "" { "a" "b" } { 99999999999 2 }',
            "a number of strategies, a whole number of at most 10000000, should stand",
        ),
        (BEGIN + "\n1 2 3", "ends where a payoff, a number, should stand"),
        (BEGIN + "\n1 2 3 x", "has 'x' in line 2, where a payoff, a number, should stand"),
        (BEGIN + "\n1 2\n3 1e99999", "has '1e99999' in line 3, where a payoff, a finite number, should stand"),
        (BEGIN + "\n1 2 3 1e99999999", "where a payoff, a number, should stand"),
        (BEGIN + "\n1 2 3 " + "9" * 500, "where a payoff, a finite number, should stand"),
        (BEGIN + "\n1 2 3 1/0", "where a payoff, a finite number, should stand"),
        (BEGIN + "\n1 2 3 nan", "where a payoff, a number, should stand"),
        (BEGIN + "\n1 2 3 4 5", "has '5' in line 2, where the end should stand"),
        (BEGIN + '{ { "x" 1 2 } } 0 2', "an outcome's number, a whole number of at most 1, should stand"),
        (BEGIN + '{ { "x" 1 } } 0 1', "where a payoff, a number, should stand"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text, message):
    with pytest.raises(sx.InputError, match=re.escape(message)):
        parse_nfg(text)


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
    sx.interop.save_nfg(sx.matrix_game(PAYOFFS, action_names=NAMES), tmp_path / "game.nfg")
    out = tmp_path / "run"
    assert run("train", tmp_path / "game.nfg", "--out", out, *PLAIN) == 0
    (tmp_path / "game.nfg").unlink()
    assert run("evaluate", out) == 0
    assert json.loads((out / "result.json").read_text(encoding="utf-8"))["seeds"][0]["mechanism"] == ['go "down"']
