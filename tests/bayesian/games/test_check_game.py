"""`check_game` names the rule that a game breaks, in one line, whatever the game's own code does."""

import itertools

import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.checking import _Check
from stackjax.bayesian.games.faults import index_fault
from stackjax.bayesian.pomdp.tree import decision_tree
from stackjax.bayesian.probes import extreme_commitments

COUNTER = itertools.count()
NOISE = np.random.default_rng(0)


class Echo(sx.OneShotGame):
    """A sound game to break one rule of at a time."""

    name = "echo"
    type_prior = np.ones(1)
    num_actions = (2,)
    leader_actions = sx.Discrete(2)

    def observation(self, actions):
        return jnp.eye(2)[actions[0]]

    def outcome_payoffs(self, types, actions, leader_action):
        return jnp.array([(leader_action == actions[0]).astype(float), 0.0])


def broken(**parts):
    """`Echo` with other attributes or methods."""
    return type("Broken", (Echo,), parts)()


def payoffs(function):
    return broken(outcome_payoffs=lambda self, types, actions, leader_action: function(types, actions, leader_action))


def if_on_a_traced_value(types, actions, leader_action):
    if leader_action == actions[0]:
        return jnp.array([1.0, 0.0])
    return jnp.zeros(2)


def stores_types(self, types, state, leader_action):
    self.types = types
    return jnp.int32(0)


def appends(self, types, state, leader_action):
    self.calls = getattr(self, "calls", 0) + 1
    return jnp.int32(0)


class Choices(Echo):
    """Payoffs go wrong at one leader action of 200."""

    leader_actions = sx.Discrete(200)

    def __init__(self, wrong):
        self.wrong = wrong

    def outcome_payoffs(self, types, actions, leader_action):
        return jnp.stack([jnp.where(leader_action == 77, self.wrong, 0.5), jnp.float32(0.0)])


class Corner(Echo):
    """Payoffs leave their range where all entries of the leader's action are at their highest."""

    leader_actions = sx.Box((0.0, 0.0, 0.0), (1.0, 1.0, 1.0))

    def outcome_payoffs(self, types, actions, leader_action):
        return jnp.stack([jnp.where((leader_action > 0.99).all(), 7.0, 0.5), jnp.float32(0.0)])


def respond_with(value):
    return broken(respond=lambda self, types, state, leader_action: value)


@pytest.mark.parametrize(
    ("game", "message"),
    [
        (broken(leader_payoff_range=(2.0, 3.0)), "leave leader_payoff_range"),
        (broken(leader_payoff_range=3.0), "leader_payoff_range=3.0 must be two finite numbers"),
        (broken(num_decisions=2), "same observation"),
        (broken(num_actions=(2, 2)), "one entry for each of the 1 followers"),
        (broken(num_actions=2), "num_actions=2 must be a tuple"),
        (broken(num_actions=(2.5,)), "num_actions=2.5 must be a whole number"),
        (broken(leader_actions=3), "leader_actions=3 must be a Discrete, a Box, a Simplex or a CappedSimplex"),
        (broken(type_prior=[1.0]), "NumPy array"),
        (broken(name=3), "name=3 must be a string"),
        (broken(payoff_scale=0), "payoff_scale=0 must be a positive"),
        (payoffs(lambda *_: jnp.zeros(3)), r"shape \(1 \+ N,\)"),
        (payoffs(lambda *_: [1.0, 2.0]), "payoffs must return an array, but returns list"),
        (payoffs(lambda *_: jnp.array([0.0, jnp.nan])), "payoffs must be finite"),
        (payoffs(lambda *_: jnp.array([NOISE.random(), 0.0])), "must be pure"),
        (payoffs(lambda *_: jnp.array([0.001 * next(COUNTER), 0.0])), "must be pure"),
        (payoffs(if_on_a_traced_value), r"payoffs uses `if`.*test_check_game.py, line \d+.*jnp.where"),
        (payoffs(lambda types, actions, a: jnp.array([float(a), 0.0])), r"needs the number behind a value.*line \d+"),
        (payoffs(lambda types, actions, a: jnp.array([1.0 / 0, 0.0])), "payoffs raised ZeroDivisionError"),
        (broken(observation=lambda self, actions: None), "observe"),
        (broken(observation=lambda self, actions: jnp.array([jnp.nan, 1.0])), "observe returns NaN"),
        (broken(observation=lambda self, actions: jnp.ones((2, 2))), "observe must return a vector"),
        (respond_with(jnp.int32(-1)), "respond returns -1"),
        (respond_with(jnp.float32(0)), "respond must return one whole number, but returns float32"),
        (respond_with(jnp.zeros(2, jnp.int32)), "respond must return one whole number"),
        (broken(respond=stores_types), "respond changes self.types"),
        (broken(respond=appends), "respond changes self.calls"),
        (broken(explain=lambda self, *_: 1 / 0), "explain raised ZeroDivisionError"),
        (broken(explain=lambda self, *_: "words"), "explain must return a list of strings"),
        (broken(picture=lambda self, *_: 1 / 0), "picture raised ZeroDivisionError"),
        (broken(picture=lambda self, *_: {"kind": "film"}), "picture must return one of stackjax.pictures"),
        (broken(describe_action=lambda self, follower, action: action), "describe_action must return a string"),
        (broken(optimum=lambda self: 3.0), "optimum must return an Optimum or None"),
        (Choices(jnp.nan), "payoffs must be finite, but are not under the leader actions"),
        (Choices(1.5), r"leave leader_payoff_range=\(0.0, 1.0\), for example under"),
        (Corner(), r"leader payoffs in \[0.5, 7\] leave"),
        ("echo", "game='echo' must be a Game; make one with sx.make"),
        (Echo, r"make one with Echo\(\)"),
    ],
)
def test_the_broken_rule_is_named(game, message):
    with pytest.raises(sx.InputError, match=message) as caught:
        sx.testing.check_game(game)
    assert "\n" not in str(caught.value)


def test_a_sound_game_passes_and_missing_attributes_are_named():
    sx.testing.check_game(Echo())
    for attribute in ("name", "type_prior", "num_actions", "leader_actions"):

        class Lacking(sx.OneShotGame):
            observation, outcome_payoffs = Echo.observation, Echo.outcome_payoffs

        for other in {"name", "type_prior", "num_actions", "leader_actions"} - {attribute}:
            setattr(Lacking, other, getattr(Echo, other))
        with pytest.raises(sx.InputError, match=f"Lacking must have an attribute {attribute}"):
            sx.testing.check_game(Lacking())


def test_every_node_meets_every_extreme_action():
    """Of a few choices each, of a box each corner, at every node."""
    game = sx.make("allocation")
    tried = extreme_commitments(game, decision_tree(game), 4, 0)
    assert all(set(tried[:, node]) == {0, 1, 2} for node in range(3))
    game = sx.make("posted-price-pi")
    tried = extreme_commitments(game, decision_tree(game), 64, 0)
    for node in range(8):
        assert set(itertools.product((0.0, 1.0), (0.0, 1.0), (0.0, 2.5))) <= {tuple(a) for a in tried[:, node].tolist()}


@pytest.mark.parametrize(
    "read",
    [
        lambda table, action: table[action + 1],
        lambda table, action: table[jnp.stack([action + 1])][0],
        lambda table, action: jnp.take_along_axis(table, action[None] + 1, 0)[0],
    ],
)
def test_reading_beyond_the_end_of_an_array_is_no_payoff(read):
    table = jnp.arange(2.0)
    at = lambda index: payoffs(lambda types, actions, action: jnp.stack([index(table, action), table[actions[0]]]))
    with pytest.raises(sx.InputError, match=r"payoffs reads beyond the end of an array: .*index 2 is out of bounds"):
        sx.testing.check_game(at(read))
    for sound in (
        lambda table, action: table[action - 1],
        lambda table, action: read(table, jnp.clip(action + 1, 0, 1) - 1),
        lambda table, action: table.at[action + 1].set(0.0)[action],
    ):
        sx.testing.check_game(at(sound))


class Ending(sx.Game):
    """At most two decisions; outcomes are those of ``table`` at the number of decisions made, plus the action if told to."""

    name, type_prior, num_actions, num_decisions = "ending", np.ones(1), (2,), 2
    leader_actions, leader_payoff_range, num_continuing_outcomes = sx.Discrete(2), (0.0, 1.0), 1

    def __init__(self, table, adds_action):
        self.table, self.adds_action = np.array(table, np.int32), int(adds_action)

    def start(self, actions):
        return jnp.stack([actions[0], 0])

    def observe(self, state):
        return state.astype(float)

    def respond(self, types, state, leader_action):
        return jnp.asarray(self.table)[state[1] + self.adds_action * state[0]]

    def advance(self, state, leader_action, outcome):
        return state.at[1].add(1)

    def payoffs(self, types, actions, state):
        return jnp.zeros(2)


def test_what_would_come_after_the_end_is_not_looked_at():
    tried = np.arange(2)
    assert index_fault(Ending([1], False), tried, 0) is None  # all end at once
    assert index_fault(Ending([0, 1], True), tried, 0) is None  # half of them end at once
    assert "respond reads beyond the end of an array" in index_fault(Ending([0], False), tried, 0)


def test_functions_are_looked_at_one_by_one():
    """Before anything is compiled: what is wrong with the last of them is found though the tree is never built."""
    with pytest.raises(sx.InputError, match="payoffs"):
        _Check(payoffs(lambda *_: jnp.zeros(5))).functions()


def test_what_is_shown_must_be_a_vector_whoever_asks():
    game = broken(observation=lambda self, actions: jnp.ones((2, 2)))
    stepped = sx.StackelbergPOMDP(game, holds_commitments=False)
    for ask in (lambda: decision_tree(game), lambda: stepped.observation_size):
        with pytest.raises(sx.InputError, match=r"'echo': observe must return a vector, but its shape is \(2, 2\)"):
            ask()
