"""Trees from Gambit's files and from OpenSpiel: what is read, what is written, and what is refused in one line."""

import json

import numpy as np
import pytest

import stackjax as sx
from stackjax.extensive.games import small
from stackjax.extensive.games.kuhn import kuhn
from stackjax.extensive.readers import openspiel as reader
from stackjax.extensive.readers.efg import efg_text, tree_of_text
from stackjax.solvers.config import SearchConfig
from tests.interop.test_gambit_trees import SENIOR, random_tree
from tests.oracles import extensive as oracle
from tests.runs.commands import PLAIN, result_of, run

ARRAYS = ("owner", "infoset", "parent", "move", "chance", "leaves", "payoffs")


def is_same(one, other):
    """Whether two trees are the same, names and all."""
    names = [(tree.players, tree.set_names, tree.action_names, tree.chance_names) for tree in (one, other)]
    return names[0] == names[1] and all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ARRAYS)


@pytest.mark.parametrize(
    "make", [kuhn, lambda: kuhn(players=3, rake=0.1), small.haggle, small.random_game, small.inspection, small.sheriff]
)
def test_what_is_written_is_read_again_exactly(make, tmp_path):
    game = make()
    sx.extensive.save_efg(game, tmp_path / "game.efg")
    again = sx.extensive.load_efg(tmp_path / "game.efg")
    assert is_same(game.tree, again.tree)
    assert sx.extensive.nash_conv(again) == sx.extensive.nash_conv(game)
    assert again.digest == game.digest


@pytest.mark.parametrize("seed", range(8))
def test_random_trees_are_written_and_read_again(seed, tmp_path):
    game = sx.extensive.game("r", players=("a", 'b "c"'), node=oracle.random_node(seed))
    sx.extensive.save_efg(game, tmp_path / "game.efg")
    assert is_same(game.tree, sx.extensive.load_efg(tmp_path / "game.efg").tree)


def openspiel_values(pyspiel, text):
    """Everybody's values under uniform play, by a walk over OpenSpiel's own states."""

    def value(state):
        if state.is_terminal():
            return np.array(state.returns())
        outcomes = state.chance_outcomes() if state.is_chance_node() else None
        actions = state.legal_actions()
        outcomes = outcomes or [(action, 1.0 / len(actions)) for action in actions]
        return sum(chance * value(state.child(action)) for action, chance in outcomes)

    return value(pyspiel.load_efg_game(text).new_initial_state())


def uniform_values(tree):
    game = type("Game", (), {"tree": tree})
    nodes = oracle.nodes_of(game)
    even = [{k: np.ones(n) / n for k, n in oracle.sets_of(nodes, seat).items()} for seat in range(len(tree.players))]
    return oracle.values(nodes, even)


def test_files_mean_what_openspiel_says_they_mean():
    """Those that are written here, and one of every form; OpenSpiel needs sets' names and actions wherever they are met."""
    pyspiel = pytest.importorskip("pyspiel")
    for game in (kuhn(rake=0.2), small.sheriff(), small.patrol()):
        text = efg_text(game)
        np.testing.assert_allclose(uniform_values(tree_of_text(text, "it")), openspiel_values(pyspiel, text), atol=1e-9)
    # By hand: G pays H 10, 2; L on the way 1, -1 and then h 1, 0.5 or l nothing. B: H 10, 2; L h 1, 0.5 or l nothing.
    expected = [(10 + 1 + 0.5 + 10 + 0.5) / 4, (2 - 1 + 0.25 + 2 + 0.25) / 4]
    np.testing.assert_allclose(uniform_values(tree_of_text(SENIOR, "it")), expected)


@pytest.mark.parametrize("seed", range(20))
def test_random_files_pay_what_their_plans_pay(seed):
    """Trees of files, whose sets are all alone, pay what the nested tuples that made the file pay."""
    rng = np.random.default_rng(seed)
    made, text = random_tree(rng, 3, 2, {"set": 0, "outcome": 0})

    def even(tree):
        if tree[0] == "t":
            return np.array(tree[1], float)
        chances = tree[1] if tree[0] == "c" else np.ones(len(tree[3])) / len(tree[3])
        return sum(chance * even(below) for chance, below in zip(chances, tree[-1], strict=True))

    tree = tree_of_text(f'EFG 2 R "" {{ "0" "1" }}\n{text}', "it")
    np.testing.assert_allclose(uniform_values(tree), even(made), atol=1e-12)


def test_names_that_a_file_lacks_or_repeats():
    body = """EFG 2 R "" { "" "x" "x" }
p "" 1 1 "" { "a" "a" } 0
p "" 2 5 "here" { "l" "r" } 0
t "" 1 "" { 1 2 3 }
t "" 0
p "" 2 6 "here" { "l" "r" } 0
t "" 0
p "" 3 1 { "z" } 0
t "" 0
"""
    tree = tree_of_text(body, "it")
    assert tree.players == ("player 1", "x", "x (2)")
    assert tree.action_names[0] == (("a", "a (2)"),)
    assert tree.set_names == (("set 1",), ("here 5", "here 6"), ("set 1",))


FAST = ["--solver", "search", "--search.num-updates", 2, "--search.population", 16, "--polish", 0, "--seeds", 1]


def test_a_file_trains_and_its_run_stands_alone(tmp_path, capsys):
    path = tmp_path / "mine.efg"
    sx.extensive.save_efg(small.signalling(), path)
    assert run("train", path, "--game.leader", "receiver", *FAST, "--out", tmp_path / "run") == 0
    assert "mine: the best commitment" in capsys.readouterr().out
    content = json.loads((tmp_path / "run/config.json").read_text(encoding="utf-8"))
    assert content["followers"] == {"kind": "exact", "ties": "for"}
    assert content["efg"].startswith('EFG 2 R "mine"')
    path.unlink()
    assert run("evaluate", tmp_path / "run") == 0
    assert run("report", tmp_path / "run") == 0
    seed = result_of(tmp_path / "run")["seeds"][0]
    assert seed["exploitability"] == 0
    assert seed["strong_payoff"] >= seed["weak_payoff"] - 1e-9


@pytest.mark.long
def test_a_game_made_in_python_is_remembered_too(tmp_path):
    game = small.signalling(leader="receiver")
    sx.train(game, seeds=1, solver=SearchConfig(num_updates=2, population=16), out=tmp_path / "run", polish=0, progress=False)
    assert run("evaluate", tmp_path / "run") == 0
    content = json.loads((tmp_path / "run/config.json").read_text(encoding="utf-8"))
    assert (content["efg_leader"], content["efg_randomized"]) == (2, True)


@pytest.mark.long
def test_an_openspiel_game_trains(tmp_path):
    pytest.importorskip("pyspiel")
    assert run("train", "openspiel:kuhn_poker", *FAST, "--out", tmp_path / "run") == 0
    assert run("evaluate", tmp_path / "run") == 0
    assert run("train", "openspiel:matrix_pd", *PLAIN, "--out", tmp_path / "flat") == 0  # of the Bayesian family, as ever


def test_games_of_openspiel_are_the_librarys_own():
    pytest.importorskip("pyspiel")
    for text, game in (("kuhn_poker(players=3)", kuhn(players=3)), ("kuhn_poker", kuhn())):
        found = sx.extensive.openspiel(text)
        assert [one.num_sets for one in found.treeplexes] == [one.num_sets for one in game.treeplexes]
        assert sx.extensive.nash_conv(found) == pytest.approx(sx.extensive.nash_conv(game), abs=1e-12)


def test_simultaneous_moves_become_turns():
    pytest.importorskip("pyspiel")
    game = sx.extensive.openspiel("goofspiel(num_cards=3,imp_info=true)")
    assert len(game.tree.leaves) == 216
    assert [one.num_sets for one in game.treeplexes] == [45, 45]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kuhn_pokr", "OpenSpiel has no game 'kuhn_pokr'. Did you mean 'kuhn_poker'?"),
        ("kuhn_poker(x=3)", "OpenSpiel cannot load 'kuhn_poker(x=3)': Unknown parameter 'x'"),
        ("liars_dice(numdice=0)", "OpenSpiel's 'liars_dice(numdice=0)' cannot be played out"),
        ("liars_dice_ir", "player 2 forgets: set"),
        ("phantom_ttt_ir", "games need perfect recall"),
        ("mfg_crowd_modelling", "is a mean-field game, which has no tree of players' moves"),
        ("hearts", "the game has more than 2000000 leaves"),
        ("catch", "does not tell information states as strings"),
    ],
)
def test_games_of_openspiel_that_are_none_of_ours(text, said, capfd):
    pytest.importorskip("pyspiel")
    assert run("train", f"openspiel:{text}", "--out", "nowhere") == 2
    told = capfd.readouterr().err
    assert said in told
    assert len(told.strip().splitlines()) == 1


def test_large_games_are_refused_on_the_way(monkeypatch):
    pytest.importorskip("pyspiel")
    from stackjax.extensive import walking

    monkeypatch.setattr(walking, "MOST_LEAVES", 100)
    with pytest.raises(sx.InputError, match="the game has more than 100 leaves"):
        sx.extensive.openspiel("tic_tac_toe")  # as its first levels show
    monkeypatch.setattr(reader, "LOOK", 0)
    with pytest.raises(sx.InputError, match="the game has more than 100 leaves"):
        sx.extensive.openspiel("tic_tac_toe")  # on the way
    with pytest.raises(sx.InputError, match=r"is a one-shot game .* sx\.openspiel_game loads it"):
        sx.extensive.openspiel("matrix_pd")
    sampled = type("Kind", (), {"dynamics": 0, "information": 0, "chance_mode": 0})
    import pyspiel

    sampled.chance_mode = pyspiel.GameType.ChanceMode.SAMPLED_STOCHASTIC
    monkeypatch.setattr(reader, "load_openspiel", lambda text: type("G", (), {"get_type": lambda self: sampled})())
    with pytest.raises(sx.InputError, match="draws its chance moves inside; a tree needs explicit chances"):
        sx.extensive.openspiel("anything")


def text(body, players='"a" "b"'):
    return f'EFG 2 R "" {{ {players} }}\n{body}'


BOTH = 'p "" 1 1 "" { "x" "y" } 0 p "" 2 1 "h" { "l" "r" } 0 '


@pytest.mark.parametrize(
    ("content", "options", "said"),
    [
        (None, [], "does not exist or is not a file"),
        ("NFG 1", [], "is not a game in extensive form: it has 'NFG'"),
        (text('t "" 0 t "" 0'), [], "where the end should stand"),
        (text('t "" 5 "" { 1 2 }', '"a" "b" "c"'), [], "outcome 5, which pays 2 players, but there are 3"),
        (text('c "" 1 "" { "x" 1/2 "y" 1/3 } 0'), [], "which must sum to 1"),
        (text(BOTH + 't "" 0 t "" 0 p "" 2 1 { "l" } 0'), [], "2 actions, not 1, of information set 1 of player 2"),
        (text(BOTH + 't "" 0 p "" 2 1 0 t "" 0 t "" 0 t "" 0'), [], 'player 2 is absent-minded: set "h" is met again'),
        (
            text(BOTH + 'p "" 1 2 "f" { "u" "v" } 0 t "" 0 t "" 0 t "" 0 p "" 1 2 0 t "" 0 t "" 0'),
            [],
            'player 1 forgets: set "f" is reached after (x), and after (y); games need perfect recall',
        ),
        (text('p "" 1 1 "" { "x" "y" } 0 t "" 0 t "" 0'), [], "needs a follower that moves; only player 1 (a) does"),
        (
            text(BOTH + 't "" 0 t "" 0 t "" 0'),
            ["--game.leader", "4"],
            "--game.leader 4 must be a seat from 1 to 2, or one of a, b",
        ),
        (text(BOTH + 't "" 0 t "" 0 t "" 0'), ["--game.leader", "bob"], "--game.leader 'bob' must be a seat from 1 to 2"),
        (
            text(BOTH + 't "" 0 t "" 0 t "" 0', '"a" "b" "c"'),
            ["--game.leader", "3"],
            "player 3 (c) never moves; it cannot lead",
        ),
        (text(BOTH + 't "" 1 "" { 1e31 0 } t "" 0 t "" 0'), [], "which float32 cannot tell apart well"),
    ],
)
def test_files_that_are_no_game(content, options, said, tmp_path, capsys):
    path = tmp_path / "bad.efg"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    assert run("train", path, *options, "--out", tmp_path / "run") == 2
    told = capsys.readouterr().err
    assert said in told
    assert len(told.strip().splitlines()) == 1


def test_what_cannot_be_written_is_told(tmp_path):
    with pytest.raises(sx.InputError, match=r"must end in \.efg"):
        sx.extensive.save_efg(kuhn(), tmp_path / "game.txt")
    with pytest.raises(sx.InputError, match="must be an ExtensiveGame"):
        sx.extensive.save_efg("kuhn", tmp_path / "game.efg")


@pytest.mark.long
def test_a_game_too_long_to_remember_is_read_again(tmp_path, monkeypatch, capsys):
    from stackjax.extensive import family

    monkeypatch.setattr(family, "MOST_REMEMBERED", 10)
    path = tmp_path / "mine.efg"
    sx.extensive.save_efg(small.signalling(), path)
    assert run("train", path, *FAST, "--out", tmp_path / "run") == 0
    assert run("evaluate", tmp_path / "run") == 0
    sx.extensive.save_efg(small.inspection(), path)
    capsys.readouterr()
    assert run("evaluate", tmp_path / "run") == 2
    assert "was changed after the run was trained" in capsys.readouterr().err
    path.unlink()
    assert run("evaluate", tmp_path / "run") == 2
    assert "does not exist" in capsys.readouterr().err
    with pytest.raises(sx.InputError, match=r"argument='mine.txt' in config\.json must be a file in \.efg"):
        family.EXTENSIVE.stored({"argument": "mine.txt", "efg_sha256": "0", "game": "mine"})
