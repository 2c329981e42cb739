"""The committed path and the step-by-step path are the same POMDP: same draws, same weights, payoffs, transitions."""

from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.followers.base import strategies
from stackjax.bayesian.followers.config import Kind
from stackjax.bayesian.followers.equilibrate import equilibrate
from stackjax.bayesian.pomdp.commitment import commit, tabulate_batch
from stackjax.bayesian.pomdp.reward_phase import play_reward_phase
from stackjax.bayesian.ppo.committed import committed_rollout
from stackjax.solvers.ppo.held import none_held
from stackjax.testing import random_actions
from tests.conftest import GAMES
from tests.siblings import first

NUM_ROUNDS, NUM_PAID = 9, 4
QUICKLY = {"xla_backend_optimization_level": "0"}  # compiled, that is


def random_commitment(env: sx.StackelbergPOMDP, key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Random actions at every node, and what the leader observes there."""
    actions = random_actions(env.game, env.tree.num_nodes, key)
    return commit(env.game, env.tree, lambda _, nodes: actions[nodes], lambda a: a)


def step_through(env: sx.StackelbergPOMDP, key: jax.Array, actions: jax.Array) -> dict[str, np.ndarray]:
    """One whole episode, one decision a step, from the rules alone; every quantity per decision."""

    def step(carry, _):
        observation, state, over = carry
        view = env.critic_view(state)
        seen = {
            "observation": observation,
            "node": state.node,
            "types": view.types,
            "drawn": view.actions,
            "play": view.play,
            "is_response": view.is_response,
            "round": state.round,
            "level": state.level,
            "strategies": view.strategies,
            "view": view,
            "over": over,
        }
        after, state, reward, terminated, _ = env.step_env(key, state, actions[state.node])
        return (after, state, over | terminated), {**seen, "reward": reward}

    observation, state = env.reset_env(key)
    length = env.default_params.max_steps_in_episode
    play = jax.jit(lambda carry: jax.lax.scan(step, carry, None, length=length), compiler_options=QUICKLY)
    (_, _, over), seen = play((observation, state, jnp.bool_(False)))
    assert over
    alive = ~np.asarray(seen["over"])
    return jax.tree.map(lambda leaf: np.asarray(leaf)[alive], seen)


PLAYS, FEEDBACK = ("argmax", "mixed", "empirical"), ("sampled", "expected")
# Every game once, each with another play or another kind of feedback than its neighbours.
PAIRS = [(game, PLAYS[g % 3], FEEDBACK[g % 2]) for g, game in enumerate(reversed(GAMES))]
EVERYTHING = [(game, play, feedback) for game in GAMES for play in PLAYS for feedback in FEEDBACK]
OTHER_PAIRS = [case for case in EVERYTHING if case not in PAIRS]


@pytest.mark.parametrize(("game", "reward_play", "feedback"), first(5, [*PAIRS, *OTHER_PAIRS]))
def test_committed_path_equals_step_path(game, reward_play, feedback):
    check_paths(GAMES[game](), sx.followers.multiplicative_weights(0.3, feedback=feedback), reward_play)


ALONE = ("quantal", "suqr")  # for one follower, see test_one_follower_at_once.py
ALWAYS = ("regret-matching", "q-learning", "swap-regret")  # one of each shape of state
OTHERS = [kind for kind in get_args(Kind) if kind not in ("multiplicative-weights", *ALONE, *ALWAYS)]


@pytest.mark.parametrize("kind", first(1, [*ALWAYS, *OTHERS]))
def test_every_learning_rule_takes_both_paths(kind):
    check_paths(GAMES["correlated"](), sx.followers.FollowersConfig(kind=kind).build(), "mixed")


@pytest.mark.long
def test_followers_with_memory_take_both_paths():
    rule = sx.followers.q_learning(0.3, discount=0.9, exploration_decay=0.2, memory=True)
    check_paths(GAMES["correlated"](), rule, "argmax")
    check_paths(GAMES["escape"](), rule, "mixed")


def check_paths(any_game, dynamics, reward_play):
    """One episode under one commitment, both ways; every draw, table, payoff and decision compared."""
    env = sx.StackelbergPOMDP(any_game, dynamics, NUM_ROUNDS, NUM_PAID, reward_play)
    key = jax.random.key(3)
    observations, actions = random_commitment(env, jax.random.key(4))
    steps = step_through(env, key, actions)

    def committed(key, actions):
        table = tabulate_batch(any_game, env.tree, actions[None])
        scale = any_game.payoff_scale
        response = equilibrate(
            key, table.game, dynamics, NUM_ROUNDS, payoff_scale=scale, count_plays=True, num_snapshots=NUM_ROUNDS
        )
        paid = play_reward_phase(table.game, response, reward_play, NUM_PAID, NUM_PAID)
        return table, response, paid._replace(first=jnp.asarray(paid.first))

    table, response, paid = jax.jit(committed, compiler_options=QUICKLY)(key, actions)

    # Rounds: the same types, the same drawn actions, the same weight tables before each.
    in_response = steps["is_response"] == 1.0
    for r in range(NUM_ROUNDS):
        first = np.flatnonzero(in_response & (steps["round"] == r))[0]
        snapshot = response.snapshots
        for i in range(any_game.num_followers):
            assert steps["types"][first][i] == snapshot.draws.types[i][r, 0]
            assert steps["drawn"][first][i] == snapshot.draws.actions[i][r, 0]
            np.testing.assert_allclose(steps["strategies"][i][first], snapshot.strategies[i][r, ..., 0], rtol=2e-5, atol=1e-6)
    last = strategies(dynamics, response.states)
    first_paid = np.flatnonzero(~in_response)[0]
    for i in range(any_game.num_followers):
        np.testing.assert_allclose(steps["strategies"][i][first_paid], last[i][..., 0], rtol=2e-5, atol=1e-6)

    # Reward phase: the same plays and rewards.
    rewards = steps["reward"]
    assert (rewards[in_response] == 0).all()
    for r in range(NUM_PAID):
        during = np.flatnonzero(~in_response & (steps["round"] == r))
        for i in range(any_game.num_followers):
            assert steps["types"][during[0]][i] == paid.draws.types[i][r, 0]
            assert steps["drawn"][during[0]][i] == paid.draws.actions[i][r, 0]
        assert (rewards[during[:-1]] == 0).all()
        np.testing.assert_allclose(rewards[during[-1]], paid.payoffs[r, 0] / NUM_PAID, rtol=1e-5, atol=1e-6)

    # Transitions: every sub-episode passes through the tabulated nodes, and the leader sees their observations.
    np.testing.assert_allclose(steps["observation"], observations[steps["node"]], atol=1e-6)
    numbered = lambda _, nodes: (actions[nodes], jnp.arange(nodes.start, nodes.stop))
    first_alike = np.asarray(commit(any_game, env.tree, numbered, lambda choice: choice[0])[1][1])
    starts = np.flatnonzero(steps["level"] == 0)
    for begin, end in zip(starts, [*starts[1:], len(rewards)], strict=True):
        types, drawn, play = steps["types"][begin], steps["drawn"][begin], steps["play"][begin]
        profile = np.asarray(env.plays.profile(play, drawn)) if in_response[begin] else drawn
        cell = (
            np.ravel_multi_index(tuple(types), any_game.num_types),
            np.ravel_multi_index(tuple(profile), any_game.num_actions),
        )
        reached = np.asarray(table.reached[*cell, :, 0])
        assert end - begin == reached.sum()
        passed = np.asarray(table.nodes[*cell, :, 0])[reached]
        np.testing.assert_array_equal(first_alike[steps["node"][begin:end]], first_alike[passed])


def test_number_of_plays_in_a_round(any_game):
    sampled = sx.StackelbergPOMDP(any_game, sx.followers.multiplicative_weights())
    expected = sx.StackelbergPOMDP(any_game, sx.followers.multiplicative_weights(feedback="expected"))
    assert sampled.plays.num_plays == sum(any_game.num_actions)
    assert expected.plays.num_plays == np.prod(any_game.num_actions)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "feedback"),
    [
        ("correlated", "sampled"),
        ("posted-price-pi", "expected"),
        ("matrix-design-payments", "sampled"),
        ("correlated", "expected"),
    ],
)
def test_committed_transitions_are_those_of_the_step_path(name, feedback):
    """All rounds and reward sub-episodes sampled: the learner's batch is the step path's decisions, one for one."""
    game = GAMES[name]()
    env = sx.StackelbergPOMDP(game, sx.followers.multiplicative_weights(0.3, feedback=feedback), NUM_ROUNDS, NUM_PAID, "mixed")
    config = sx.PPOConfig(num_envs=1, credit="all", response_samples=NUM_ROUNDS, reward_samples=NUM_PAID, critic_inputs="state")
    agent = sx.make_train(env, config).agent
    params = agent.init(jax.random.key(0))
    key = jax.random.key(1)
    held = none_held(agent.head, env.tree.num_nodes)
    rollout = jax.jit(lambda k: committed_rollout(agent, config, params, k, held), compiler_options=QUICKLY)
    _, seen, _, stats, _ = rollout(key)

    # Replay the commitment and the followers' draws of that rollout one decision at a time.
    choice_key, response_key, play_key, _ = jax.random.split(key, 4)
    episode_key = jax.random.split(choice_key, 1)[0]

    def choose(observations, nodes):
        noise = agent.head.noise(jax.random.fold_in(episode_key, nodes.start), observations.shape[:-1])
        return agent.head.draw(noise, agent.policy(params, observations))

    choices = jax.jit(lambda: commit(game, env.tree, choose, agent.game_action)[1])()
    steps = step_through(env, response_key, agent.game_action(choices))
    critic_inputs = np.asarray(jax.vmap(agent.critic_inputs)(jnp.asarray(steps["observation"]), steps["view"]))
    plays = np.asarray(jax.random.randint(play_key, (NUM_ROUNDS, 1), 0, env.plays.num_plays))[:, 0]
    rows, rewards = [], 0.0
    for r in range(NUM_ROUNDS):
        rows += list(np.flatnonzero((steps["is_response"] == 1.0) & (steps["round"] == r) & (steps["play"] == plays[r])))
    rows += list(np.flatnonzero(steps["is_response"] == 0.0))
    visible = np.asarray(seen.visible)[:, 0]
    assert visible.sum() == len(rows)
    np.testing.assert_allclose(np.asarray(seen.observation)[visible, 0], steps["observation"][rows], atol=1e-6)
    np.testing.assert_allclose(np.asarray(seen.critic_input)[visible, 0], critic_inputs[rows], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(np.asarray(seen.choice)[visible, 0], np.asarray(choices)[steps["node"][rows]])
    rewards = steps["reward"].sum()
    low, high = game.leader_payoff_range
    np.testing.assert_allclose(np.asarray(seen.reward).sum(), (rewards - low) / (high - low), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(stats.total_return, rewards, rtol=1e-4, atol=1e-5)
    terminated = np.asarray(seen.terminated)[:, 0]
    assert terminated[-1]
    assert terminated.sum() == 1


def test_rounds_from_the_published_codes_episodes():
    assert sx.followers.rounds_from_plays(sx.make("maintain"), 100) == 33
    assert sx.followers.rounds_from_plays(sx.make("posted-price-pi"), 1000) == 250
