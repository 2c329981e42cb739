"""Games in extensive form from Gambit's files, beside trees that are played out by hand."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
import scipy

import stackjax as sx
from stackjax.bayesian.games import gambit_trees
from stackjax.bayesian.games.gambit_trees import parse_efg, strategic_form
from tests.runs.commands import result_of, run

SENIOR = """EFG 2 R "General Bayes game, one stage" { "Player 1" "Player 2" }
"A comment over
two lines"

c "ROOT" 1 "(0,1)" { "1G" 1/2 "1B" 0.5 } 0
p "" 1 1 "(1,1)" { "H" "L" } 0
t "" 1 "Outcome 1" { 10.0 2 }
p "x" 2 1 "(2,1)" { "h" "l" } 2 "paid on the way" { 1, -1 }
t "" 3 "" { +1e0, .5 }
t "" 0
p "" 1 2 "(1,2)" { "H" "L" } 0
t "" 1
p "" 2 1 0
t "" 3
t "null" 0
"""


def test_a_file_of_every_form():
    """Outcomes on the way and again by number, none, fractions, commas or not, a comment, sets known by number alone."""
    game = parse_efg(SENIOR)
    assert game.title == "General Bayes game, one stage"
    told = {(node.player, node.number): node.actions for node in game.nodes if node.kind == "p"}
    assert told == {(0, 1): ("H", "L"), (0, 2): ("H", "L"), (1, 1): ("h", "l")}
    found = strategic_form(game)
    assert found.strategies == [["H, H", "H, L", "L, H", "L, L"], ["h", "l"]]
    expected = [
        [[10, 2], [10, 2]],
        [[5.5, 1.25], [5, 1]],
        [[6, 0.75], [5.5, 0.5]],
        [[1.5, 0], [0.5, -0.5]],
    ]
    np.testing.assert_allclose(found.payoffs, expected)


def random_tree(rng, depth, players, counts):
    """Nested tuples, and the text of the file; information sets are new at every node, or shared with a sibling."""
    if depth == 0 or rng.random() < 0.2:
        payoffs = rng.integers(-9, 10, size=players).tolist()
        counts["outcome"] += 1
        listed = ", ".join(map(str, payoffs))
        return ("t", payoffs), f't "" {counts["outcome"]} "" {{ {listed} }}\n'
    width = int(rng.integers(2, 4))
    kind = int(rng.integers(-1, players))
    counts["set"] += 1
    number = counts["set"]
    below = [random_tree(rng, depth - 1, players, counts) for _ in range(width)]
    text = "".join(one[1] for one in below)
    trees = [one[0] for one in below]
    names = [f"m{number}.{k}" for k in range(width)]
    if kind < 0:
        parts = rng.integers(1, 5, size=width)
        law = [Fraction(int(part), int(parts.sum())) for part in parts]
        listed = " ".join(f'"{name}" {chance}' for name, chance in zip(names, law, strict=True))
        return ("c", [float(chance) for chance in law], trees), f'c "" {number} "" {{ {listed} }} 0\n{text}'
    listed = " ".join(f'"{name}"' for name in names)
    return ("p", kind, number, trees), f'p "" {kind + 1} {number} "" {{ {listed} }} 0\n{text}'


def value(tree, plans):
    """Payoffs where each player does ``plans[player][set]``, node by node."""
    if tree[0] == "t":
        return np.array(tree[1], float)
    if tree[0] == "c":
        return sum(chance * value(below, plans) for chance, below in zip(tree[1], tree[2], strict=True))
    return value(tree[3][plans[tree[1]][tree[2]]], plans)


def sets_of(tree, player):
    """Information sets of a player and how many actions each has, in the order of the tree."""
    if tree[0] == "t":
        return {}
    own = {tree[2]: len(tree[3])} if tree[0] == "p" and tree[1] == player else {}
    for below in tree[-1]:
        own |= sets_of(below, player)
    return own


@pytest.mark.parametrize("seed", range(30))
def test_plans_pay_what_playing_them_out_pays(seed):
    rng = np.random.default_rng(seed)
    players = int(rng.integers(2, 4))
    tree, text = random_tree(rng, 3, players, {"set": 0, "outcome": 0})
    names = " ".join(f'"{i}"' for i in range(players))
    found = strategic_form(parse_efg(f'EFG 2 R "" {{ {names} }}\n{text}'))
    sets = [sets_of(tree, i) for i in range(players)]
    chosen = [dict(zip(own, [int(rng.integers(n)) for n in own.values()], strict=True)) for own in sets]
    for _ in range(20):
        for own, plan in zip(sets, chosen, strict=True):
            plan.update({k: int(rng.integers(n)) for k, n in own.items()})
        at = []
        for own, plan, listed in zip(sets, chosen, found.strategies, strict=True):
            agrees = lambda name, own=own, plan=plan: all(
                step in ("-", f"m{k}.{plan[k]}") for k, step in zip(own, name.split(", "), strict=False) if own
            )
            (place,) = [place for place, name in enumerate(listed) if agrees(name)]
            at.append(place)
        np.testing.assert_allclose(found.payoffs[tuple(at)], value(tree, chosen), atol=1e-12)


def kuhn():
    """Kuhn's poker: three cards, one each; check or bet, and call or fold."""
    lines, outcome = [], 0
    deals = list(itertools.permutations(range(3), 2))
    listed = " ".join(f'"{"JQK"[a]}{"JQK"[b]}" 1/6' for a, b in deals)
    lines.append(f'c "" 1 "" {{ {listed} }} 0')

    def end(pays):
        nonlocal outcome
        outcome += 1
        lines.append(f't "" {outcome} "" {{ {pays} {-pays} }}')

    for a, b in deals:
        wins = 1 if a > b else -1
        lines.append(f'p "" 1 {1 + a} "" {{ "check" "bet" }} 0')
        lines.append(f'p "" 2 {1 + b} "" {{ "check" "bet" }} 0')
        end(wins)
        lines.append(f'p "" 1 {4 + a} "" {{ "fold" "call" }} 0')
        end(-1)
        end(2 * wins)
        lines.append(f'p "" 2 {4 + b} "" {{ "fold" "call" }} 0')
        end(1)
        end(2 * wins)
    return 'EFG 2 R "kuhn" { "one" "two" }\n' + "\n".join(lines) + "\n"


def test_kuhns_poker_is_worth_what_is_known(tmp_path):
    """27 plans against 64, and a commitment to a mix gets the value of the zero-sum game, -1/18."""
    found = strategic_form(parse_efg(kuhn()))
    assert found.payoffs.shape == (27, 64, 2)
    rows, columns = found.payoffs.shape[:2]
    cost = np.append(np.zeros(rows), -1.0)
    less = np.column_stack([-found.payoffs[..., 0].T, np.ones(columns)])
    bounds = [(0, None)] * rows + [(None, None)]
    solved = scipy.optimize.linprog(cost, less, np.zeros(columns), [[*np.ones(rows), 0.0]], [1.0], bounds, method="highs")
    assert -solved.fun == pytest.approx(-1 / 18)
    (tmp_path / "kuhn.efg").write_text(kuhn(), encoding="utf-8")
    solved = sx.solve(sx.load_matrix_game(tmp_path / "kuhn.efg", randomized=True))
    assert solved.value == pytest.approx(-1 / 18)


@pytest.mark.long
def test_a_tree_trains_and_its_run_stands_alone(tmp_path):
    path = tmp_path / "tree.EFG"
    path.write_text(SENIOR, encoding="utf-8")
    assert sx.load_matrix_game(path).describe_action(0, 1) == "l"
    few = ["--solver", "search", "--search.num-updates", 4, "--search.population", 16, "--polish", 0, "--seeds", 1]
    assert run("train", path, "--game.no-randomized", "--out", tmp_path / "run", *few) == 0
    path.unlink()
    assert run("evaluate", tmp_path / "run") == 0
    assert result_of(tmp_path / "run")["seeds"][0]["leader_payoff"] == pytest.approx(10.0)


def text(body, players='"a" "b"'):
    return f'EFG 2 R "" {{ {players} }}\n{body}'


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("NFG 1", "where 'EFG' should stand"),
        ("EFG 2 X", "'R' or 'D' should stand"),
        (text('t "" 0', ""), "has no players"),
        (text(""), "ends where a node"),
        (text('q "" 1'), "has 'q' in line 2, where a node, 'c', 'p' or 't', should stand"),
        (text('p "" 3 1 "" { "x" } 0 t "" 0'), "a player's number, a whole number of at most 2, should stand"),
        (text('p "" 0 1 "" { "x" } 0 t "" 0'), "has a node of player 0"),
        (text('p "" 1 1 0 t "" 0'), "actions of information set 1 of player 1 should stand"),
        (text('p "" 1 1 "" { "x" "y" } 0 p "" 1 1 "" { "x" } 0'), "2 actions, not 1, of information set 1 of player 1"),
        (text('c "" 1 "" { "x" 1/2 "y" 1/3 } 0'), "probabilities 0.5, 0.333333, which must sum to 1"),
        (text('c "" 1 0 t "" 0'), "probabilities of chance's information set 1"),
        (text('t "" 7'), "payoffs of outcome 7 should stand"),
        (text('t "" 1 "" { 1 }'), "has outcome 1, which pays 1 players, but there are 2"),
        (text('t "" 1 "" { 1 x }'), "a payoff, a number,"),
        (text('t "" 0 t "" 0'), "where the end should stand"),
    ],
)
def test_what_is_no_tree_is_told_with_its_line(content, said, tmp_path, capsys):
    with pytest.raises(sx.InputError) as error:
        parse_efg(content)
    assert said in str(error.value)
    (tmp_path / "bad.efg").write_text(content, encoding="utf-8")
    assert run("solve", tmp_path / "bad.efg") == 2
    assert "is not a game in extensive form: it " in capsys.readouterr().err


@pytest.mark.parametrize("first", ["", 'p "" 1 99 "" { "in" } 0\n'])
def test_too_many_plans_are_told_before_they_are_made(first):
    sets = 30
    body = first + 'c "" 1 "" { ' + " ".join(f'"{k}" 1/{sets}' for k in range(sets)) + " } 0\n"
    body += "".join(f'p "" 1 {k} "" {{ "x" "y" }} 0 t "" 0 t "" 0\n' for k in range(sets))
    with pytest.raises(sx.InputError, match="has a player with more than"):
        strategic_form(parse_efg(text(body)))


def test_trees_beyond_what_is_read_are_told(monkeypatch):
    monkeypatch.setattr(gambit_trees, "MOST_WORK", 1)
    with pytest.raises(sx.InputError, match="has 4 x 2 plans, which makes more than 10000000 payoffs"):
        strategic_form(parse_efg(SENIOR))
    monkeypatch.setattr(gambit_trees, "MOST_NODES", 10)
    with pytest.raises(sx.InputError, match="has more than 10 nodes"):
        parse_efg(SENIOR)
    monkeypatch.setattr(gambit_trees, "MOST_NODES", 11)
    assert len(parse_efg(SENIOR).nodes) == 11
