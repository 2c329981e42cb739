"""Q-learning followers: update by update against the oracle, the discounted target, and what memory does."""

import jax
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.followers.joint_play import long_run_play
from stackjax.bayesian.followers.streams import next_uniforms, start_streams
from tests.bayesian.followers.test_equilibrate import draws, random_game
from tests.oracles.q_learning import q_learners
from tests.siblings import first


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize(
    ("num_types", "num_actions"), first(1, [((2, 3), (2, 2)), ((1,), (3,)), ((1, 1), (2, 3)), ((1, 2, 1), (2, 2, 3))])
)
def test_equals_the_oracle_update_by_update(x64, num_types, num_actions, memory):
    game, key, num_rounds = random_game(0, num_types, num_actions), jax.random.key(2), 150
    settings = {"learning_rate": 0.3, "discount": 0.9, "exploration_decay": 0.02, "initial_value": 0.5}
    streams, first, n = start_streams(key), None, len(num_types)
    if memory:  # the first number is the action remembered at first
        streams, uniform = next_uniforms(streams, 1)
        place = int(float(uniform[0]) * np.prod(num_actions))
        first = tuple(int(a) for a in np.unravel_index(place, num_actions))
    numbers = draws(streams, num_rounds, 1 + n)
    rule = sx.followers.q_learning(memory=memory, **settings)
    for rounds_so_far in (1, 2, 3, num_rounds):
        response = sx.followers.equilibrate(key, game, rule, rounds_so_far, count_plays=True)
        expected, counts = q_learners(
            game.type_prior, game.follower_payoffs, numbers[:rounds_so_far], first, memory=memory, **settings
        )
        np.testing.assert_array_equal(response.play_counts, counts)
        for i in range(n):
            table = np.stack(list(expected[i].values()))  # types first, then last joint actions
            np.testing.assert_allclose(response.states[i].values, table, rtol=1e-9)
            assert (np.asarray(response.states[i].num_rounds) == rounds_so_far).all()


@pytest.mark.parametrize("decay", [1e-8, 4e-6])
def test_slow_decay_of_exploration_survives_float32(decay):
    rule = sx.followers.q_learning(exploration_decay=decay)
    response = sx.followers.equilibrate(jax.random.key(0), sx.followers.induced_game([1.0], [[[0.0, 1.0]]]), rule, 100_000)
    np.testing.assert_allclose(response.strategies[0][0, 0], np.exp(-decay * 100_000) / 2, rtol=1e-5)


def test_values_hold_the_discounted_future():
    """Two types, alternately good and bad: Q(t, a) = r(t, a) + δ V with V = mean best reward / (1 - δ)."""
    prior, rewards = np.array([0.25, 0.75]), np.array([[[1.0, 0.2], [0.1, 0.4]]])
    game = sx.followers.induced_game(prior, rewards)
    rule = sx.followers.q_learning(0.2, discount=0.8, exploration_decay=1e-4)
    response = sx.followers.equilibrate(jax.random.key(0), game, rule, 5000)
    ahead = (0.25 * 1.0 + 0.75 * 0.4) / (1 - 0.8)
    np.testing.assert_allclose(response.states[0].values, rewards[0] + 0.8 * ahead, rtol=1e-3)
    short_sighted = sx.followers.equilibrate(
        jax.random.key(0), game, sx.followers.q_learning(0.2, exploration_decay=1e-4), 5000
    )
    np.testing.assert_allclose(short_sighted.states[0].values, rewards[0], rtol=1e-3)


@pytest.mark.long
def test_far_sighted_learners_with_memory_cooperate_more():
    """Prisoners' dilemma, 64 pairs: with memory and patience some end up cooperating, short-sighted ones never do."""
    dilemma = np.array([[(0.6, 0.6), (0.0, 1.0)], [(1.0, 0.0), (0.2, 0.2)]])
    payoffs = np.moveaxis(dilemma, -1, 0).reshape(2, 1, 1, 2, 2, 1).repeat(64, axis=-1)
    game = sx.followers.induced_game(np.ones((1, 1)), payoffs)

    def cooperation(**settings):
        rule = sx.followers.q_learning(0.2, exploration_decay=2e-4, **settings)
        response = jax.jit(lambda key: sx.followers.equilibrate(key, game, rule, 40_000))(jax.random.key(1))
        tables = tuple(np.asarray(table) for table in response.strategies)
        shares = []
        for b in range(64):
            one = sx.followers.induced_game(np.ones((1, 1)), payoffs[..., b])
            memory = None if response.memory is None else response.memory[b]
            play = long_run_play(one, tuple(table[..., b] for table in tables), memory, 100)
            shares.append(float(play[0, 0, 0, 0]))
        return np.mean(shares)

    assert cooperation(discount=0.0) < 0.05
    assert cooperation(discount=0.95, memory=True) > 0.2


def test_long_run_play_of_a_cycle_is_its_average():
    """One follower that does what it did not do last: half and half, from either start; an odd number leans to the first."""
    game = sx.followers.induced_game([1.0], np.zeros((1, 1, 2)))
    alternate = (np.array([[0.0, 1.0], [1.0, 0.0]]),)
    np.testing.assert_allclose(long_run_play(game, alternate, np.int32(0), 10)[0], [0.5, 0.5])
    np.testing.assert_allclose(long_run_play(game, alternate, np.int32(0), 1)[0], [0.0, 1.0])
    np.testing.assert_allclose(long_run_play(game, alternate, np.int32(1), 3)[0], [2 / 3, 1 / 3], rtol=1e-6)


def test_play_of_followers_with_memory_needs_the_right_function():
    game = sx.followers.induced_game(np.ones((1, 1)), np.random.default_rng(0).random((2, 1, 1, 2, 2)))
    rule = sx.followers.q_learning(memory=True)
    response = sx.followers.equilibrate(jax.random.key(0), game, rule, 600, gap_every=300)
    with pytest.raises(sx.InputError, match="long_run_play"):
        sx.followers.empirical_play(response.play_counts, response.strategies)
    play = sx.followers.long_run_play(game, response.strategies, response.memory, 50)
    assert play.shape == (1, 1, 2, 2)
    seen = np.asarray(response.play_counts) / 600  # no types, so every type profile has been seen
    np.testing.assert_allclose(response.gaps.bcce_gap[-1], sx.certify(game, seen).bcce_gap, atol=1e-5)


@pytest.mark.long
def test_evaluation_and_training_with_memory():
    """Certificates of followers with memory are those of their average play in a reward phase."""
    game = sx.make("matrix-design")
    rule = sx.followers.q_learning(0.3, exploration_decay=0.003, memory=True)
    env = sx.StackelbergPOMDP(game, rule, num_rounds=2000, num_reward_episodes=7)
    found = sx.evaluate_commitment(jax.random.key(0), env, np.array([6]), 4)
    assert [table.shape for table in found.strategies] == [(4, 1, 2), (4, 1, 2)]
    np.testing.assert_allclose(np.asarray(found.strategies[0]).sum(axis=-1), 1.0, rtol=1e-5)
    np.testing.assert_allclose(found.argmax.leader_payoff, 1.0)  # row A is dominant, column B its best reply
    train = sx.make_train(env, sx.PPOConfig(num_envs=8, num_updates=2, hidden_sizes=(8,)))
    result = jax.jit(train)(jax.random.key(0))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(result) if jax.numpy.issubdtype(leaf.dtype, np.floating))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning_rate": 1.5}, "learning_rate=1.5"),
        ({"learning_rate": 0.0}, "learning_rate=0"),
        ({"discount": 1.0}, "discount=1.0"),
        ({"exploration_decay": -1.0}, "exploration_decay=-1"),
        ({"initial_value": float("nan")}, "initial_value=nan"),
    ],
)
def test_bad_settings_are_named(settings, message):
    with pytest.raises(sx.InputError, match=message):
        sx.followers.q_learning(**settings)
    with pytest.raises(sx.InputError, match=message):
        sx.followers.FollowersConfig(kind="q-learning", **settings)
