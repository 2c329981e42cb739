"""What a security game is made of: from Python, from a file, at random; and what it may not be."""

import copy
import json
import re
import warnings

import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.games.payoff_files import read_payoffs
from stackjax.bayesian.games.security.tables import checked_security, random_security, read_security
from tests.small_security import MUSEUM


def changed(**changes):
    """The museum with other entries, by dotted names; None takes one out."""
    found = copy.deepcopy(MUSEUM)
    for name, value in changes.items():
        *outer, last = name.split("__")
        place = found[outer[0]] if outer else found
        if value is None:
            del place[last]
        else:
            place[last] = value
    return found


def test_a_file_holds_what_python_says(tmp_path):
    path = tmp_path / "museum.json"
    path.write_text(json.dumps({"security": MUSEUM}), encoding="utf-8")
    read = read_payoffs(path)
    sides = [tuple(MUSEUM[side].values()) for side in ("defender", "attacker")]
    names = {name: MUSEUM[name] for name in ("targets", "types")}
    made = checked_security(1, *sides, MUSEUM["prior"], **names, name="museum")
    for one, other in zip(read, made, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (read.name, read.targets, read.types) == ("museum", ("gate", "vault", "hall"), ("thief", "vandal"))
    assert read.defender.shape == read.attacker.shape == (2, 2, 3)
    np.testing.assert_array_equal(read.defender[0], [[1, 2, 3]] * 2)  # one list is that of every type
    again = read_security({"security": json.loads(json.dumps(read.to_json()))}, "museum", "config.json")
    for one, other in zip(again, read, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(
        sx.InputError, match=r"museum\.json holds a security game, not a matrix game; sx\.load_security_game reads it"
    ):
        sx.load_matrix_game(path)


def test_random_instances_are_drawn_as_they_say():
    rng = np.random.default_rng(7)
    tables = random_security(6, 2, 3, 7)
    for state, low, high in ((tables.defender[0], 1, 10), (tables.defender[1], -10, -1)):
        np.testing.assert_array_equal(state, rng.uniform(low, high, (3, 6)))
    for state, low, high in ((tables.attacker[0], -10, -1), (tables.attacker[1], 1, 10)):
        np.testing.assert_array_equal(state, rng.uniform(low, high, (3, 6)))
    np.testing.assert_array_equal(tables.prior, rng.dirichlet(np.ones(3)))


def test_schedules_name_targets_by_words_or_places():
    tables = read_security({"security": changed(guards=2, schedules=[["gate", "hall"], [1], ["vault", 2, 1]])}, "m", "file")
    assert tables.schedules == ((0, 2), (1,), (1, 2))
    assert tables.choices == [(0, 1), (0, 2), (1, 2)]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"guards": 0}, "guards=0 must be a whole number of at least 1"),
        ({"guards": "2"}, "guards='2' must be a whole number"),
        ({"guards": None}, "security holds no entry 'guards'"),
        ({"prior": [0.5, 0.4]}, "prior sums to 0.9, but must sum to 1"),
        ({"prior": [1.2, -0.2]}, "prior[1] is -0.2; a chance must be at least 0"),
        ({"prior": [1.0], "types": None}, "defender's uncovered payoffs are of 2 types, but prior of 1"),
        ({"prior": None}, "prior is missing: payoffs are of 2 types"),
        ({"prior": [[0.6, 0.4]]}, "a security game has one attacker"),
        ({"types": ["thief"]}, "types=['thief'] must hold a word for each of the 2"),
        ({"targets": ["gate", "gate", "hall"]}, "targets holds 'gate' twice"),
        ({"gaurds": 1}, "security holds an entry 'gaurds'; it may hold 'guards'"),
        ({"defender": [1, 2]}, "defender=[1, 2] must be an object"),
        ({"defender__uncovered": None}, "defender holds no entry 'uncovered'"),
        ({"attacker__uncoverd": [1, 2, 3]}, "Did you mean 'uncovered'"),
        ({"attacker__uncovered": [[2, 9, 3], [4, 1]]}, "attacker's uncovered payoffs are ragged or no numbers"),
        ({"attacker__uncovered": [2, 9]}, "payoffs are of different numbers of targets"),
        ({"attacker__uncovered": [2, 9, float("nan")]}, "attacker's uncovered payoffs[2] is nan"),
        ({"attacker__uncovered": 3}, "attacker's uncovered payoffs have shape (), but must be [target] or [type][target]"),
        (
            {"attacker__covered": [[-1, -1, -1], [-1, 2, -1]]},
            "a guard at 'vault' pleases 'vandal' (2 covered, 1 uncovered); covered must pay it no more",
        ),
        (
            {"attacker__uncovered": [1e6, 1e6 + 1, 1e6 + 2], "attacker__covered": [1e6, 1e6, 1e6]},
            "payoffs of the attacker spread over 2 at",
        ),
        ({"schedules": []}, "schedules=[] must be a list of lists of targets"),
        ({"schedules": [[]]}, "schedules[0]=[] must be a list of targets"),
        ({"schedules": [["gate"], ["valt"]]}, "schedules[1] names 'valt', which is no target. Did you mean 'vault'?"),
        ({"schedules": [[3]]}, "schedules[0] names 3, which is no target"),
        ({"schedules": [["gate"]], "guards": 2}, "guards=2 must be at most 1, the number of schedules"),
        ({"schedules": [[0]] * 40, "guards": 9}, "guards=9 can take 40 schedules in 273438880 ways, more than 4096"),
    ],
)
def test_what_a_security_game_may_not_be(changes, message):
    with pytest.raises(sx.InputError, match=re.escape(message)) as caught:
        read_security({"security": changed(**changes)}, "museum", "game file museum.json")
    assert str(caught.value).startswith("game file museum.json: ")


def test_what_lies_beside_must_be_known():
    with pytest.raises(sx.InputError, match="the file holds an entry 'payoffs'; it may hold 'security', 'name'"):
        read_security({"security": MUSEUM, "payoffs": []}, "m", "file")
    with pytest.raises(sx.InputError, match="security=3 must be an object"):
        read_security({"security": 3}, "m", "file")
    with pytest.raises(sx.InputError, match="name=3 must be a word"):
        read_security({"security": MUSEUM, "name": 3}, "m", "file")
    with pytest.raises(sx.InputError, match="defender must be a pair of payoffs"):
        checked_security(1, [1, 2, 3], MUSEUM["attacker"])


def test_what_is_odd_is_warned_of():
    for guards in (3, 7):
        with pytest.warns(RuntimeWarning, match=f"guards={guards} cover every target"):
            assert read_security({"security": changed(guards=guards)}, "m", "file").guards == 3
    with pytest.warns(RuntimeWarning, match="a guard at 'hall' costs the defender if 'thief' attacks it"):
        read_security({"security": changed(defender__covered=[1, 2, -3])}, "m", "file")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_security({"security": MUSEUM}, "m", "file")
