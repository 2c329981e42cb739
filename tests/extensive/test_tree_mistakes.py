"""Games of one's own that make no sense, and followers that fit no game: each is told before anything is computed."""

import math

import numpy as np
import pytest

import stackjax as sx
from stackjax.extensive import Chance, Decision, ExtensiveFollowers, ExtensiveProblem, Terminal
from stackjax.extensive.games import small
from stackjax.extensive.games.kuhn import kuhn
from stackjax.extensive.games.leduc import leduc
from stackjax.extensive.making import game
from stackjax.extensive.tree import Named
from tests.runs.commands import run


def made(nodes, players=("a", "b"), **options):
    """The game of a dict of histories; what it lacks ends with nothing for everybody."""
    nothing = Terminal([0.0] * len(players))
    return game("mine", players=players, node=lambda history: nodes.get(history, nothing), **options)


FIRST, SECOND = Decision("a", "one", ["x", "y"]), Decision(1, "two", ["l", "r"])
BOTH = {(): FIRST, ("x",): SECOND, ("y",): SECOND}


def test_a_game_of_ones_own():
    found = made({**BOTH, ("x", "l"): Terminal((2.0, 1.0))}, leader="b")
    assert found.player_names == ("b", "a")
    assert found.treeplexes[0].set_names == ("two",)
    assert found.payoff_ranges == ((0.0, 1.0), (0.0, 2.0))
    assert found.tree.path(int(found.tree.leaves[1])) == ("x", "r")


@pytest.mark.parametrize(
    ("nodes", "said"),
    [
        ({**BOTH, ("x", "l"): Terminal((1.0,))}, "the end after x, l pays 1 players, but there are 2"),
        ({**BOTH, ("x", "l"): Terminal((math.nan, 1.0))}, "the end after x, l pays nan; every payoff must be a finite number"),
        ({(): Chance({"u": 0.5, "v": 0.4})}, "chances at the root sum to 0.9, but must sum to 1"),
        ({(): Chance({"u": 1.5, "v": -0.5})}, "chance at the root takes 'v' with -0.5; a chance must be at least 0"),
        ({(): Chance([0.5, 0.5])}, r"chances=\[0.5, 0.5\] must be a dict of chances by action; so it is at the root"),
        ({**BOTH, ("y",): Decision("b", "two", "lrs")}, 'set "two" has 2 actions, and after y 3; it must be as many'),
        ({**BOTH, ("y",): Decision("b", "two", "lq")}, r'set "two" has actions \(l, r\), and after y \(l, q\)'),
        ({**BOTH, ("y",): Decision("b", "one", "xy")}, 'set "one" is of player 1, and after y of player 2; a set is of one'),
        (
            {**BOTH, ("x", "l"): FIRST},
            'player 1 is absent-minded: set "one" is met again after x, l; games need perfect recall',
        ),
        (
            {**BOTH, ("x", "l"): Decision(0, "late", "uv"), ("y", "l"): Decision(0, "late", "uv")},
            r'player 1 forgets: set "late" is reached after \(x\), and after \(y\); games need perfect recall',
        ),
        ({(): Decision("c", "one", "xy")}, "player='c' at the root must be a place from 0 to 1, or one of a, b"),
        ({(): Decision(2, "one", "xy")}, "player=2 at the root must be a place from 0 to 1"),
        ({(): Decision(0, ["one"], "xy")}, r"infoset=\['one'\] must be hashable"),
        ({(): Decision(0, "one", [])}, r"the decision at the root has actions \(\); it needs one or more, all different"),
        ({(): Decision(0, "one", 3)}, "actions=3 must be a list of names; so it is at the root"),
        ({(): "end"}, "node at the root is 'end'; it must be a Chance, a Decision or a Terminal"),
        ({(): FIRST}, "game 'mine' needs a follower that moves; only player 1"),
        ({**BOTH, ("x", "l"): Terminal((1e6, 0.0)), ("x", "r"): Terminal((1e31, 0.0))}, "payoffs of player 1"),
    ],
)
def test_nodes_that_make_no_sense(nodes, said):
    with pytest.raises(sx.InputError, match=said):
        made(nodes)


def test_the_same_moves_at_other_sets_are_told_apart():
    """Two ways to a set on which a player did the same, but where it knew something else."""
    nodes = {
        (): Chance({"u": 0.5, "v": 0.5}),
        ("u",): Decision(0, "up", "xy"),
        ("v",): Decision(0, "down", "xy"),
        ("u", "x"): Decision(0, "late", "lr"),
        ("v", "x"): Decision(0, "late", "lr"),
    }
    with pytest.raises(sx.InputError, match=r"after \(x at up\), and after \(x at down\)"):
        made(nodes)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"leader": 3}, "leader=3 must be a seat from 1 to 2, or one of a, b"),
        ({"leader": True}, "leader=True must be a seat"),
        ({"leader": "c"}, "leader='c' must be a seat from 1 to 2, or one of a, b"),
        ({"players": ("a", "b", "c"), "leader": 3}, r"player 3 \(c\) never moves; it cannot lead"),
        ({"players": ("a", "a")}, "players=.* must have different names"),
        ({"players": "ab"}, "players='ab' must be a list of names"),
        ({"players": (1, 2)}, "players=1 must be a list of names"),
        ({"randomized": 1}, "randomized=1 must be True or False"),
    ],
)
def test_players_that_make_no_sense(options, said):
    with pytest.raises(sx.InputError, match=said):
        made({**BOTH, (): FIRST}, **options)


def test_other_arguments_that_make_no_sense():
    with pytest.raises(sx.InputError, match="name=3 must be a word"):
        game(3, players=("a", "b"), node=lambda history: FIRST)
    with pytest.raises(sx.InputError, match="must be a function of a history"):
        game("mine", players=("a", "b"), node=BOTH)


def test_endless_games_are_refused():
    with pytest.raises(sx.InputError, match="player 1 moves more than 1000 times on a path"):
        game("mine", players=("a", "b"), node=lambda history: Decision(len(history) % 2, len(history), ["on"]))
    with pytest.raises(sx.InputError, match="a path has more than 4000 moves"):
        game("mine", players=("a", "b"), node=lambda history: Chance({"on": 1.0}))


def test_names_that_do_not_tell_sets_apart():
    nodes = {(): Decision(0, Named((0, "J"), "J"), "xy"), ("x",): Decision(1, Named((1, "J"), "J"), "lr")}
    assert [one.set_names for one in made(nodes).treeplexes] == [("J",), ("J",)]


@pytest.mark.parametrize(
    ("make", "options", "said"),
    [
        (kuhn, {"players": 1}, "players=1 must be a whole number of at least 2"),
        (kuhn, {"players": 3, "cards": 2}, "cards=2 must be a whole number of at least 3"),
        (kuhn, {"rake": 1.5}, "rake=1.5 must be at least 0 and at most 1"),
        (leduc, {"rake": -0.1}, "rake=-0.1 must be at least 0 and at most 1"),
        (small.inspection, {"inspections": 5}, "inspections=5 must be at most 4"),
        (small.sheriff, {"items": 0}, "items=0 must be a whole number of at least 1"),
        (small.haggle, {"values": ()}, r"values=\(\) must be one or more numbers"),
        (small.haggle, {"prices": (1.0, 1.0)}, "prices=.* must be different numbers"),
        (small.haggle, {"prices": (-1.0,)}, "prices=-1.0 must be finite numbers of at least 0"),
        (small.haggle, {"delta": 2}, "delta=2 must be at least 0 and at most 1"),
        (small.patrol, {"reward": math.inf}, "reward=inf must be a finite number"),
        (small.random_game, {"levels": 20, "actions": 3}, "leaves; they must make at most 500000"),
    ],
)
def test_options_out_of_range(make, options, said):
    with pytest.raises(sx.InputError, match=said):
        make(**options)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--game.players", "3", "--followers.kind", "exact"], "exact answers are for one follower; this game has 2"),
        (["--game.players", "3", "--followers.kind", "softmax"], "softmax answers are for one follower; this game has 2"),
        (["--followers.kind", "softmax", "--followers.temperature", "0"], "temperature"),
        (["--followers.temperature", "1"], "it belongs to softmax"),
        (["--followers.kind", "luck"], "must be one of"),
        (["--game.leader", "3"], "--game.leader 3 must be a seat from 1 to 2"),
    ],
)
def test_followers_that_fit_no_game(options, said, capsys, tmp_path):
    assert run("train", "kuhn", *options, "--out", tmp_path / "run") == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.strip().splitlines()) == 1


def test_settings_that_make_no_sense():
    with pytest.raises(sx.InputError, match="ties=never must be one of for, against, even"):
        ExtensiveFollowers("exact", ties="never")
    with pytest.raises(sx.InputError, match="ties=never must be one of for, against, even"):
        ExtensiveFollowers(ties="never")
    with pytest.raises(sx.InputError, match="must be an ExtensiveGame"):
        ExtensiveProblem("kuhn", ExtensiveFollowers())
    with pytest.raises(sx.InputError, match="must be ExtensiveFollowers"):
        ExtensiveProblem(kuhn(), "exact")


def test_behaviours_that_are_none():
    found = kuhn()
    even = [one.mask / 2 for one in found.treeplexes]
    assert sx.extensive.nash_conv(found, even) == sx.extensive.nash_conv(found)
    assert sx.extensive.exploitability(found) == pytest.approx(11 / 24)
    with pytest.raises(sx.InputError, match="behaviours=1 of them must be as many as the 2 players who move"):
        sx.extensive.nash_conv(found, even[:1])
    with pytest.raises(sx.InputError, match=r"behaviours of player 1 have shape \(2, 2\), but must be \(6, 2\)"):
        sx.extensive.nash_conv(found, [np.eye(2), even[1]])
    with pytest.raises(sx.InputError, match=r"behaviours of player 2 at set 'Q after check' are \[1.0, 1.0\]"):
        sx.extensive.nash_conv(found, [even[0], even[1] * 2])
