"""Nodes are what the leader can tell apart: by everything it has been shown, at first or later, whatever it did."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.bayesian.checking import _Check
from stackjax.bayesian.equilibrium.optimum import enumerate_commitments
from stackjax.bayesian.pomdp.commitment import commit, hides_a_difference, tabulate
from stackjax.bayesian.pomdp.tree import commitment_paths, decision_tree
from stackjax.bayesian.probes import random_actions
from tests.bayesian.pomdp.test_paths_agree import check_paths


class Late(sx.Game):
    """The leader sees nothing, acts, then is shown the follower's action; copying it pays 1, starting with 1 pays 1/4."""

    name = "late"
    type_prior = np.ones(1)
    num_actions = (2,)
    leader_actions = sx.Discrete(2)
    num_decisions = 2
    leader_payoff_range = (0.0, 1.25)

    def start(self, actions):
        zero = jnp.int32(0)
        return {"shown": actions[0], "time": zero, "first": zero, "last": zero}

    def observe(self, state):
        is_first = state["time"] == 0
        return jnp.where(is_first, jnp.zeros(3), jnp.append(self.reveal(state), 1.0))

    def reveal(self, state):
        return jnp.eye(2)[state["shown"]]

    def advance(self, state, leader_action, outcome):
        first = jnp.where(state["time"] == 0, leader_action, state["first"])
        return {**state, "time": state["time"] + 1, "first": first, "last": leader_action}

    def payoffs(self, types, actions, state):
        copied = (state["last"] == actions[0]).astype(float)
        return jnp.stack([copied + 0.25 * state["first"].astype(float), self.follower_payoff(actions)])

    def follower_payoff(self, actions):
        return jnp.array([0.0, 0.1])[actions[0]]


class Inspection(Late):
    """The follower's action is shown only to a leader who gives up the first 1/4 for it."""

    name = "inspection"

    def reveal(self, state):
        return jnp.eye(2)[state["shown"]] * (1.0 - state["first"].astype(float))


class Revelation(sx.Game):
    """Random rules: what is shown of the joint action at a decision depends on the leader's last action."""

    name = "revelation"
    type_prior = np.full((2, 1), 0.5)
    num_actions = (2, 3)
    leader_actions = sx.Box((0.0,), (1.0,))
    num_decisions = 3
    num_continuing_outcomes = 2

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.shown = rng.integers(3, size=(3, 2, 6)) * rng.integers(2, size=(3, 2, 1))  # [level, high last action, profile]
        self.outcomes = rng.integers(3, size=(2, 6, 3))  # [type, profile, level]; 2 ends the sub-episode

    def start(self, actions):
        zero = jnp.int32(0)
        return {"profile": actions[0] * 3 + actions[1], "level": zero, "high": zero, "outcomes": jnp.zeros(3), "shown": zero}

    def observe(self, state):
        shown = jnp.asarray(self.shown, jnp.int32)[jnp.minimum(state["level"], 2), state["high"], state["profile"]]
        return jnp.concatenate([jnp.stack([shown, state["level"]]).astype(jnp.float32), state["outcomes"]])

    def respond(self, types, state, leader_action):
        return jnp.asarray(self.outcomes, jnp.int32)[types[0], state["profile"], jnp.minimum(state["level"], 2)]

    def advance(self, state, leader_action, outcome):
        here = jnp.arange(3) == state["level"]
        outcomes = jnp.where(here, 1.0 + outcome.astype(float), state["outcomes"])
        high = (leader_action[0] > 0.5).astype(jnp.int32)
        return {**state, "level": state["level"] + 1, "high": high, "outcomes": outcomes}

    def payoffs(self, types, actions, state):
        return jnp.zeros(3)


def histories(game, tree, actions):
    """``{everything observed: the leader actions there}``, by the rules of `Revelation` in plain Python, profile by profile."""
    nodes = np.asarray(tabulate(game, tree, actions).nodes)
    found = {}
    for p, m in itertools.product(range(2), range(6)):
        high, outcomes, history = 0, np.zeros(3), ()
        for level in range(3):
            history = (*history, (int(game.shown[level, high, m]), *outcomes))
            action = float(actions[nodes[p, m, level], 0])
            found.setdefault(history, set()).add(action)
            outcome = game.outcomes[p, m, level]
            outcomes[level] = 1 + outcome
            high = int(action > 0.5)
            if outcome == 2:
                break
    return found


@pytest.mark.long
@settings(max_examples=2, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_one_action_for_each_history_and_another_for_every_other(seed):
    """Random real actions are all different, so that equal actions mean one node."""
    game = Revelation(seed)
    tree = decision_tree(game)
    drawn = random_actions(game, tree.num_nodes, jax.random.key(seed))
    _, actions = commit(game, tree, lambda _, nodes: drawn[nodes], lambda a: a)
    found = histories(game, tree, actions)
    assert all(len(actions) == 1 for actions in found.values())
    assert len(set.union(*found.values())) == len(found)
    assert not hides_a_difference(game, tree, drawn)


@pytest.mark.parametrize("seed", range(2))
def test_the_step_path_holds_the_leader_to_the_same_nodes(seed):
    """A leader that acts again at every decision is held to what it did first after the same history."""
    game = Revelation(seed)
    env = sx.StackelbergPOMDP(game, num_rounds=40, num_reward_episodes=2)

    def step(carry, key):
        observation, state, _ = carry
        action = jax.random.uniform(key, (1,))
        after, new, _, over, info = env.step_env(key, state, action)
        return (after, new, over), (observation, state.level, info["leader_action"], over)

    start = (*env.reset_env(jax.random.key(seed)), jnp.bool_(False))
    keys = jax.random.split(jax.random.key(seed + 1), env.default_params.max_steps_in_episode)
    observations, levels, actions, over = (np.asarray(x) for x in jax.jit(lambda c: jax.lax.scan(step, c, keys)[1])(start))
    found, seen = {}, ()
    for k in range(int(over.argmax()) + 1):
        seen = (*(seen if levels[k] else ()), tuple(np.round(observations[k], 5).tolist()))
        found.setdefault(seen, set()).add(float(actions[k, 0]))
    assert all(len(played) == 1 for played in found.values())
    assert len(set.union(*found.values())) == len(found)


@pytest.mark.parametrize(("game", "merges"), [(Late(), False), (Inspection(), True)])
def test_late_revelation_is_tabulated_as_written_out(game, merges):
    """Node 0 comes first, nodes 1 and 2 after the follower's action 0 and 1 was shown."""
    tree = decision_tree(game)
    assert (tree.num_nodes, tree.may_merge) == (3, merges)
    assert [path.label for path in commitment_paths(game, tree)] == ["action 0", "action 1"]
    for first, after_0, after_1 in itertools.product((0, 1), repeat=3):
        blind = merges and first == 1  # it cannot but do after 1 what it does after 0
        expected = [(after_0 == 0) + 0.25 * first, ((after_0 if blind else after_1) == 1) + 0.25 * first]
        table = tabulate(game, tree, jnp.array([first, after_0, after_1]))
        np.testing.assert_array_equal(table.game.leader_payoff[0], expected)


@pytest.mark.parametrize(("game", "optimum"), [(Late(), 1.25), (Inspection(), 1.25)])
def test_late_revelation_is_enumerated(game, optimum):
    """The follower plays 1 whatever happens, so that copying it needs no look."""
    sx.testing.check_game(game)
    assert enumerate_commitments(game).value == optimum
    game.follower_payoff = lambda actions: jnp.zeros(())  # indifferent: it pays to look, if the worst is feared
    assert enumerate_commitments(game).weak_value == (1.25 if isinstance(game, Late) and type(game) is Late else 1.0)


@pytest.mark.parametrize("game", [Late(), Revelation(1)], ids=lambda game: game.name)
def test_both_paths_agree_on_late_revelation(game):
    check_paths(game, sx.followers.multiplicative_weights(0.3), "mixed")


class Indifferent(Inspection):
    """It plays at random, so that only a leader who looks can copy it every time."""

    name = "indifferent"
    leader_payoff_range = (0.0, 1.25)

    def follower_payoff(self, actions):
        return jnp.zeros(())


@pytest.mark.parametrize(
    "settings",
    [{"num_updates": 30}, {"path": "step", "num_updates": 40, "num_steps": 120}],
)
@pytest.mark.long
@pytest.mark.parametrize(("game", "optimum"), [(Late(), 1.25), (Indifferent(), 1.0)])
def test_leaders_learn_when_to_look(settings, game, optimum):
    env = sx.StackelbergPOMDP(game, num_rounds=10, num_reward_episodes=10, reward_play="mixed")
    trainer = sx.make_train(env, sx.PPOConfig(num_envs=64, hidden_sizes=(32,), learning_rate=1e-2, **settings))
    train = jax.jit(trainer, compiler_options={"xla_backend_optimization_level": "0"})
    params = train(jax.random.key(0)).state.params
    actions = commit(game, env.tree, lambda seen, _: trainer.agent.mode_action(params, seen), lambda a: a)[1]
    evaluation = sx.evaluate_commitment(jax.random.key(1), env, actions)
    np.testing.assert_allclose(evaluation.mixed.leader_payoff.mean(), optimum, atol=0.02)


class NarrowPeek(Late):
    """Shows the follower's action only after an action in a narrow range, which nobody tries by chance."""

    name = "narrow-peek"
    leader_actions = sx.Box((0.0,), (1.0,))

    def start(self, actions):
        return {**super().start(actions), "first": jnp.zeros(1), "last": jnp.zeros(1)}

    def reveal(self, state):
        return jnp.eye(2)[state["shown"]] * (jnp.abs(state["first"][0] - 0.123) < 1e-4).astype(float)

    def payoffs(self, types, actions, state):
        return jnp.stack([state["last"][0], jnp.zeros(())])


def test_a_difference_that_was_not_found_is_noticed():
    game = NarrowPeek()
    tree = decision_tree(game)
    assert tree.num_nodes == 2
    assert not hides_a_difference(game, tree, jnp.array([[0.5], [0.5]]))
    assert hides_a_difference(game, tree, jnp.array([[0.123], [0.5]]))
    with pytest.raises(sx.InputError, match="observe shows a difference between followers' actions that no leader action"):
        _Check(game).commitments(tree, np.array([[[0.123], [0.5]]], np.float32))


class Wide(Inspection):
    """A thousand actions and one, shown if the leader asks."""

    name, num_actions = "wide", (1001,)

    def reveal(self, state):
        return jnp.eye(1001)[state["shown"]] * (1.0 - state["first"].astype(float))

    def observe(self, state):
        return jnp.where(state["time"] == 0, jnp.zeros(1002), jnp.append(self.reveal(state), 1.0))


class Grows(Late):
    """Its state is another after a step."""

    name = "grows"

    def advance(self, state, leader_action, outcome):
        return {**super().advance(state, leader_action, outcome), "last": leader_action.astype(jnp.float32)}


def test_levels_that_are_too_wide_and_states_that_change_their_kind_are_refused():
    with pytest.raises(sx.InputError, match="which makes 1001 nodes at one decision, more than 1000"):
        decision_tree(Wide())
    with pytest.raises(sx.InputError, match="advance must keep the state's structure, shapes and dtypes"):
        sx.testing.check_game(Grows())


def test_a_tree_that_is_too_large_is_refused():
    class Long(Late):
        num_decisions = 20
        num_continuing_outcomes = 3

    with pytest.raises(sx.InputError, match="num_decisions=20 with num_continuing_outcomes=3 makes more than 100000 nodes"):
        sx.StackelbergPOMDP(Long())
