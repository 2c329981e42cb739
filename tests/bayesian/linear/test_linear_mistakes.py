"""Wrong games and settings are refused in words."""

import numpy as np
import pytest

from stackjax.bayesian.games.security.origami import origami
from stackjax.bayesian.games.security.placements import placements
from stackjax.bayesian.games.security.quantal_optimum import quantal_optimum
from stackjax.bayesian.linear.game import LinearGame, coverage_game, mixing_game
from stackjax.bayesian.linear.solve import solve_linear
from stackjax.errors import InputError

DEFENDER, ATTACKER = ([2.0, 3.0], [-1.0, 0.0]), ([-2.0, -1.0], [4.0, 1.0])
GAME = coverage_game(DEFENDER, ATTACKER, 1)
MISTAKES = {
    "guards=0": lambda: coverage_game(DEFENDER, ATTACKER, 0),
    "guards=nan": lambda: origami(DEFENDER, ATTACKER, float("nan")),
    "guards=-1": lambda: quantal_optimum(DEFENDER, ATTACKER, -1, 1.0),
    "rationality=-0.5 must be a finite number of at least 0": lambda: quantal_optimum(DEFENDER, ATTACKER, 1, -0.5),
    "length of defender=1 must be 2": lambda: coverage_game(DEFENDER[:1], ATTACKER, 1),
    "attacker, covered, holds nan": lambda: coverage_game(DEFENDER, ([np.nan, 0.0], [4.0, 1.0]), 1),
    "defender, uncovered=.* must be an array of numbers": lambda: coverage_game(([2.0, 3.0], [1.0, "x"]), ATTACKER, 1),
    r"shapes of payoffs=\[.*\] must be four times": lambda: coverage_game(DEFENDER, ([-2.0], [4.0]), 1),
    "attacker: type 0 gets 5 at target 1 if it is covered and 1 if not": lambda: origami(DEFENDER, ([0.0, 5.0], [4.0, 1.0]), 1),
    "number of types=2 must be 1": lambda: origami(
        ([DEFENDER[0]] * 2, [DEFENDER[1]] * 2), ([ATTACKER[0]] * 2, [ATTACKER[1]] * 2), 1
    ),
    r"shape of prior=\(3,\) must be \(1,\)": lambda: coverage_game(DEFENDER, ATTACKER, 1, [0.5, 0.25, 0.25]),
    r"prior=\[-1.0, 2.0\] must be numbers of at least 0": lambda: mixing_game(
        np.ones((2, 2, 2)), np.ones((2, 2, 2)), [-1.0, 2.0]
    ),
    "sum of prior=0.5 must be 1": lambda: coverage_game(DEFENDER, ATTACKER, 1, [0.5]),
    "shapes of payoffs=.* must be twice": lambda: mixing_game(np.ones((2, 3)), np.ones((3, 2))),
    "leader holds inf": lambda: mixing_game([[np.inf, 0.0]], [[0.0, 0.0]]),
    "shape of follower=": lambda: LinearGame(
        np.ones(1), np.ones((1, 2, 2)), np.ones((1, 2)), np.ones((1, 3, 2)), np.ones((1, 2))
    ).check(),
    "total=-1.0 must be None or a positive": lambda: solve_linear(GAME._replace(total=-1.0)),
    "seconds=0 must be": lambda: solve_linear(GAME, 0),
    "num_starts=0 must be": lambda: solve_linear(GAME, num_starts=0),
    "seed=-1 must be": lambda: solve_linear(GAME, seed=-1),
    r"coverage=\[1.5\] must be from 0 to 1": lambda: placements([0.5, 1.5]),
    r"coverage=\[nan\] must be from 0 to 1": lambda: placements([0.5, float("nan")]),
    r"shape of coverage=\(1, 2\) must be \(targets,\)": lambda: placements([[0.5, 1.0]]),
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_told(message):
    with pytest.raises(InputError, match=message):
        MISTAKES[message]()
