"""Decision problems before poker: graphs that mean what the rules say, and the learners that walk them event by event."""

import itertools
import pathlib
import sys

import numpy as np
import pytest

import stackjax as sx
from tests.oracles.abcs import ABCS, MAXCFR, Learning, graph_of

EXPERIMENTS = pathlib.Path(__file__).parents[2] / "experiments"


@pytest.fixture(autouse=True)
def stack(monkeypatch):
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    import abcs_stack

    yield abcs_stack
    sys.modules.pop("abcs_stack")


def even(problem):
    return np.ones((len(problem.choices[0]), problem.choices[0].max())) / problem.choices[0][:, None]


def test_an_orchard_pays_what_its_rule_says(stack):
    problem = stack.orchard()
    prizes = [(37 * place % 512) / 511 for place in range(512)]
    assert len(problem.choices[0]) == 1 + 8 + 64
    assert stack.worth(problem) == max(prizes) == 1.0
    assert stack.worth(problem, even(problem)) == pytest.approx(np.mean(prizes))


def test_a_line_pays_what_playing_every_way_pays(stack):
    """Three steps: all 4^3 sequences of moves and slips, by the rule."""
    problem, total = stack.line(3, 4), 0.0
    for moves in itertools.product([(-1, 0.4), (1, 0.4), (-1, 0.1), (1, 0.1)], repeat=3):
        x, chance = 2, 1.0
        for move, share in moves:
            x, chance = min(max(x + move, 0), 3), chance * share
        total += chance * (7 * x % 4) / 3
    assert stack.worth(problem, even(problem)) == pytest.approx(total)


def test_a_game_after_a_problem_pays_both(stack):
    """Under even play, by backward induction over the graph; every end of the problem leads to the same game."""
    problem, game = stack.line(3, 4), sx.make("kuhn")
    graph, alone = stack.then(problem, game), graph_of(game)
    assert (graph.child[graph.first[:-1][graph.who >= 0]] > np.flatnonzero(graph.who >= 0)).all()
    assert (graph.who == -2).sum() == len(game.tree.leaves)

    def paid(one, p):
        values = one.pays[p].copy()
        for v in range(len(one.who) - 1, -1, -1):
            edges = slice(one.first[v], one.first[v + 1])
            if one.who[v] != -2:
                chances = one.chance[edges] if one.who[v] == -1 else np.full(edges.stop - edges.start, 1.0)
                values[v] = chances / chances.sum() @ (values[one.child[edges]] + one.gain[p, edges])
        return values[0]

    assert paid(graph, 0) == pytest.approx(stack.worth(problem, even(problem)) + paid(alone, 0))
    assert paid(graph, 1) == pytest.approx(paid(alone, 1))


@pytest.mark.long
@pytest.mark.parametrize("mode", [ABCS, MAXCFR])
def test_both_parts_are_learned(stack, mode):
    pytest.importorskip("numba")
    problem, game = stack.orchard(), sx.make("kuhn")
    done = Learning(stack.then(problem, game), mode, seed=7).run(nodes=3e5)
    sets = len(problem.choices[0])
    assert stack.worth(problem, done.explored(0)[:sets]) >= 0.85
    average = done.average()
    own = [average[0][sets:, : game.treeplexes[0].num_actions], average[1]]
    assert sx.extensive.nash_conv(game, own) / 2 <= 0.15  # 0.458 at first


def test_the_corridor_is_a_game_that_pays_forks_and_poker(stack):
    game = stack.corridor()
    assert len(game.tree.leaves) == 128 * 30
    assert game.treeplexes[0].num_sets == 127 + 128 * 6
    assert game.treeplexes[1].num_sets == 6
    assert game.payoff_ranges[0] == (-2.0, 4.0)
