"""The pieces of a sampled episode: hashes, the sketch, learners, types in blocks, equal actions where all is equal."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.acting import Leader
from stackjax.bayesian.followers.base import init_followers
from stackjax.bayesian.followers.equilibrate import learn_round
from stackjax.bayesian.followers.rounds import Draws, take_state
from stackjax.bayesian.games.type_blocks import types_of
from stackjax.bayesian.sampled.episode import Setting, deviations, learn_rounds, play_episode, profile_of
from stackjax.bayesian.sampled.hashing import NOTHING, Noise, empty_sketch, estimated_count, hash_of, uniforms, with_decisions
from stackjax.bayesian.sampled.learners import Learners
from stackjax.bayesian.sampled.plays import play_all, play_out
from stackjax.bayesian.sampled.problem import SampledProblem
from stackjax.solvers.network import PolicyNetwork

RULES = {
    "hedge": sx.followers.multiplicative_weights(0.2),
    "regret-matching": sx.followers.regret_matching(),
    "exp3": sx.followers.exp3(0.2),
    "q-learning": sx.followers.q_learning(0.2, discount=0.5),
}


def test_hashes_collide_as_seldom_as_chance_has_it():
    """Of observations of zeros and ones, which differ in few bits: 200,000 pairs out of 2^32 places make 4.7 collisions."""
    bits = (np.arange(200_000)[:, None] >> np.arange(18)) & 1
    for seen in (bits.astype(np.float32), bits.astype(np.int32)):
        hashes = np.asarray(hash_of(jnp.asarray(seen)))
        assert 200_000 - len(np.unique(hashes)) <= 20
        assert (hashes != NOTHING).all()
    assert jax.jit(hash_of)(jnp.array([0.0, 1.0])) == jax.jit(hash_of)(jnp.array([-0.0, 1.0]))


def test_noise_is_uniform_and_a_function_of_episode_and_observation():
    hashes = hash_of(jax.random.uniform(jax.random.key(0), (20_000, 4)))
    noise = np.asarray(uniforms(jnp.uint32(7), hashes, 3))
    assert (noise > 0).all()
    assert (noise < 1).all()
    counts = np.stack([np.histogram(noise[:, j], 20, (0, 1))[0] for j in range(3)])
    assert (np.abs(counts - 1000) < 6 * np.sqrt(1000)).all()
    assert np.abs(np.corrcoef(noise.T) - np.eye(3)).max() < 0.04
    np.testing.assert_array_equal(noise, np.asarray(uniforms(jnp.uint32(7), hashes, 3)))
    other = np.asarray(uniforms(jnp.uint32(8), hashes, 3))
    assert abs(np.corrcoef(noise[:, 0], other[:, 0])[0, 1]) < 0.04


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
def test_an_episodes_noise_is_uniform_at_every_observation_and_alike_where_observations_are(correlation):
    """Normal numbers at two observations correlate by the linear share, times the mean cosine of what is used of them."""
    size = 12
    leader = Leader(lambda observation, uniforms: uniforms, lambda choice: choice, 2, correlation)
    seen = np.random.default_rng(0).integers(0, 2, (6, size)).astype(np.float32)
    seen[5] = seen[0]
    hashes = hash_of(jnp.asarray(seen))

    def episode(key):
        noise = Noise.of(key, size, leader)
        return jax.vmap(noise.at)(jnp.asarray(seen), hashes)

    found = np.asarray(jax.vmap(episode)(jax.random.split(jax.random.key(1), 20_000)), np.float64)  # [episodes, 6, 2]
    np.testing.assert_array_equal(found[:, 5], found[:, 0])
    assert 0 < found.min() < found.max() < 1
    counts = np.stack([np.histogram(found[:, k, j], 20, (0, 1))[0] for k in range(6) for j in range(2)])
    assert (np.abs(counts - 1000) < 6 * np.sqrt(1000)).all()
    normal = scipy.stats.norm.ppf(found)
    features = np.c_[seen[:5] - 0.5, np.full(5, 0.5)]
    rng = np.random.default_rng(1)
    used = rng.random((20_000, size)) < (1.0 + size) ** -rng.random((20_000, 1))
    used = np.c_[used, np.ones(20_000)]
    cosines = np.einsum("kd,ld,nd,n->kl", features, features, used, 1 / used.sum(axis=1), optimize=True) / 0.25 / 20_000
    expected = np.where(np.eye(5) > 0, 1.0, correlation * cosines)
    assert np.abs(np.corrcoef(normal[:, :5, 0].T) - expected).max() < 0.04
    assert np.abs(np.corrcoef(normal[:, 0].T) - np.eye(2)).max() < 0.04


@pytest.mark.long
def test_which_decisions_are_kept_does_not_depend_on_what_was_chosen_there():
    """Of some hundred decisions that a leader draws evenly eight are kept: their choices are as even as all choices are."""
    game = sx.make("copies", num_copies=2)
    problem = SampledProblem.of(game, sx.followers.multiplicative_weights(), num_rounds=20)
    low, high = (jnp.asarray(end) for end in (game.leader_actions.low, game.leader_actions.high))
    leader = Leader(lambda observation, uniforms: uniforms, lambda u: low + u * (high - low), len(low))
    play = jax.jit(jax.vmap(lambda key: problem.play(key, leader, 8, 1)))
    found = play(jax.random.split(jax.random.key(0), 400))
    chosen = np.asarray(found.distinct.choices).reshape(-1, len(low))[np.asarray(found.distinct.weights).ravel() > 0]
    assert float(found.num_distinct.mean()) > 60
    assert len(chosen) == 3200
    for entry in chosen.T:
        assert scipy.stats.kstest(entry, "uniform").pvalue > 1e-4


def test_other_decisions_are_kept_in_every_episode():
    """There are 64 observations: eight are kept of each of 100 episodes, and in all nearly every one."""
    problem = SampledProblem.of(sx.make("allocations", num_followers=4), sx.followers.multiplicative_weights(), num_rounds=20)
    leader = Leader(lambda observation, uniforms: (uniforms[0] * 3).astype(jnp.int32), lambda choice: choice, 1)
    play = jax.jit(jax.vmap(lambda key: problem.play(key, leader, 8, 1).distinct))
    found = play(jax.random.split(jax.random.key(0), 100))
    kept = np.asarray(found.observations)[np.asarray(found.weights) > 0]
    assert len(np.unique(kept, axis=0)) > 50


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_sketch_holds_the_distinct_decisions_of_the_smallest_hashes(seed):
    rng = np.random.default_rng(seed)
    size, sketch, met = 6, empty_sketch(6), {}
    for part in range(4):
        hashes = rng.choice(np.r_[rng.integers(0, 40, 9), np.full(3, NOTHING, np.int64)], 5).astype(np.uint32)
        places = 5 * part + np.arange(5)
        for one, place in zip(hashes, places, strict=True):
            if one != NOTHING:
                met.setdefault(int(one), int(place))
        sketch = with_decisions(sketch, jnp.asarray(hashes), jnp.asarray(places, jnp.int32))
    expected = sorted(met)[:size]
    held = np.asarray(sketch.hashes)
    assert held[: len(expected)].tolist() == expected
    assert (held[len(expected) :] == NOTHING).all()
    assert np.asarray(sketch.places)[: len(expected)].tolist() == [met[h] for h in expected]
    if len(met) < size:
        assert float(estimated_count(sketch)) == len(met)


def test_many_distinct_decisions_are_counted_about_right():
    def count(key):
        hashes = jax.random.bits(key, (30, 100), jnp.uint32)
        places = jnp.arange(100, dtype=jnp.int32)
        sketch, _ = jax.lax.scan(lambda held, more: (with_decisions(held, more, places), None), empty_sketch(64), hashes)
        return estimated_count(sketch)

    counts = np.asarray(jax.jit(jax.vmap(count))(jax.random.split(jax.random.key(0), 40)))
    assert np.mean(counts) == pytest.approx(3000, rel=4 / np.sqrt(64 * 40))


@pytest.mark.parametrize("rule", RULES)
def test_learners_in_groups_are_the_followers_one_by_one(rule):
    """Followers unlike each other: numbers of types, of actions, and a correlated prior."""
    dynamics, rng = RULES[rule], np.random.default_rng(1)

    class Uneven(sx.OneShotGame):
        name, num_actions, leader_actions = "uneven", (2, 3, 2), sx.Discrete(2)
        type_prior = (lambda table: table / table.sum())(np.random.default_rng(0).random((3, 1, 2)))
        observation = lambda self, actions: jnp.ones(1)
        outcome_payoffs = lambda self, types, actions, leader_action: jnp.zeros(4)

    game = Uneven()
    learners = Learners.of(game, dynamics)
    grouped, single = learners.init(), init_followers(dynamics, game.num_types, game.num_actions)
    for _ in range(12):
        types = [int(rng.integers(k)) for k in game.num_types]
        actions = [int(rng.integers(a)) for a in game.num_actions]
        payoffs = rng.random((3, 3)).astype(np.float32)
        known = tuple(jnp.int32(t) for t in types)
        draws = Draws(known, known, tuple(jnp.int32(a) for a in actions))
        rows = tuple(take_state(k, state) for k, state in zip(known, single, strict=True))
        own = tuple(jnp.asarray(payoffs[i, :count]) for i, count in enumerate(game.num_actions))
        single = learn_round(dynamics, game, single, rows, own, draws)
        whole = lambda numbers: jnp.asarray(numbers, jnp.int32)
        grouped = learners.learn(grouped, whole(types), whole(actions), jnp.asarray(payoffs))
    tables = np.asarray(learners.strategies(grouped))
    for i, state in enumerate(single):
        alone = np.asarray(jax.vmap(dynamics.play)(state))
        np.testing.assert_allclose(tables[i, : alone.shape[0], : alone.shape[1]], alone, atol=1e-6)


@pytest.mark.parametrize(
    "rule", [sx.followers.multiplicative_weights(feedback="expected"), sx.followers.q_learning(memory=True)]
)
def test_rules_that_need_a_table_are_refused(rule):
    with pytest.raises(sx.InputError, match="played by samples"):
        Learners.of(sx.make("allocation"), rule)


def test_types_are_drawn_as_the_prior_has_them():
    rng = np.random.default_rng(2)
    pair, alone = rng.random((2, 3)), rng.random(4)
    blocks = types_of((pair / pair.sum(), alone / alone.sum()))
    uniform = jax.random.uniform(jax.random.key(0), (40_000, 2))
    joint = np.multiply.outer(*blocks.tables)

    def shares(drawn):
        return np.histogramdd(np.asarray(drawn), bins=[np.arange(n + 1) - 0.5 for n in joint.shape])[0] / len(drawn)

    assert np.abs(shares(jax.vmap(blocks.draw)(uniform)) - joint).max() < 0.01
    given_second = jax.vmap(lambda u: blocks.draw(u, jnp.int32(1), jnp.int32(2)))(uniform)
    expected = np.where(np.arange(3)[None, :, None] == 2, joint, 0.0)
    assert np.abs(shares(given_second) - expected / expected.sum()).max() < 0.01
    np.testing.assert_allclose(blocks.own(1), joint.sum(axis=(0, 2)))


def test_a_joint_table_of_independent_followers_is_taken_apart():
    own = (np.array([0.3, 0.7]), np.array([0.1, 0.2, 0.7]))
    assert len(types_of(np.multiply.outer(*own)).tables) == 2
    assert len(types_of(np.array([[0.5, 0.0], [0.0, 0.5]])).tables) == 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: sx.make("copies", num_copies=2),
        lambda: sx.make("sequential-prices", num_agents=3, num_items=2),
        lambda: sx.make("allocations", num_followers=3),
        lambda: sx.make("matrix-design-payments"),
    ],
)
def test_equal_observations_get_equal_actions_throughout_an_episode(make):
    game = make()
    _, leader, noise, types, actions = some_plays(game, 100)
    play = jax.jit(jax.vmap(lambda *given: play_out(game, leader, noise, *given)))

    def seen(*words):
        played = play(types, actions, *words)
        made = np.asarray(played.hashes).ravel() != NOTHING
        flat = lambda leaf: np.asarray(leaf).reshape(len(made), -1)[made]
        return list(zip(map(bytes, flat(played.observations)), map(tuple, flat(played.choices)), strict=True))

    committed, fresh = seen(), seen(977 * jnp.arange(100, dtype=jnp.uint32))
    assert len(set(committed)) == len({one for one, _ in committed}) < len(committed)
    assert len(set(fresh)) > len({one for one, _ in fresh})  # the test can tell


def some_plays(game, count):
    """A problem of eight rounds, a leader that explores, its noise, and types and actions of ``count`` sub-episodes."""
    problem = SampledProblem.of(game, sx.followers.multiplicative_weights(0.5), num_rounds=8)
    network = PolicyNetwork.of(problem.policies, (8,), 5, gain=1.0)
    leader = network.explorer(network.init(jax.random.key(0)), 0.5)
    noise = Noise.of(jax.random.key(5), problem.policies.observation_size, leader)
    blocks, rng = problem.setting.types, np.random.default_rng(0)
    types = jax.vmap(blocks.draw)(jnp.asarray(rng.random((count, blocks.num_uniforms)), jnp.float32))
    actions = np.stack([rng.integers(a, size=count) for a in game.num_actions], axis=-1)
    return problem, leader, noise, types, jnp.asarray(actions, jnp.int32)


GAMES = [
    ("copies", {"num_copies": 2}),
    ("sequential-prices", {}),
    ("posted-price-uniform", {"num_agents": 9}),
    ("maintains", {}),
]


@pytest.mark.parametrize(("game", "count"), [(0, 100), (1, 1), (2, 33)])
def test_sub_episodes_in_lanes_are_those_played_one_by_one(game, count):
    name, options = GAMES[game]
    game = sx.make(name, **options)
    _, leader, noise, types, actions = some_plays(game, count)
    alone = jax.jit(jax.vmap(lambda *given: play_out(game, leader, noise, *given)))(types, actions)

    def gather(held, t, hashes, places):
        del t
        there = jnp.where(hashes == NOTHING, count * game.num_decisions, places)
        return held[0].at[there].set(hashes, mode="drop"), held[1].at[there].add(1, mode="drop")

    nothing = jnp.full(count * game.num_decisions, NOTHING), jnp.zeros(count * game.num_decisions, jnp.int32)
    payoffs, (hashes, times) = jax.jit(lambda: play_all(game, leader, noise, types, actions, gather, nothing))()
    np.testing.assert_array_equal(payoffs, alone.payoffs)
    np.testing.assert_array_equal(hashes, np.asarray(alone.hashes).ravel())
    np.testing.assert_array_equal(times, np.asarray(alone.hashes).ravel() != NOTHING)  # each is told once


@pytest.mark.parametrize(
    ("name", "options"), [GAMES[1], *(pytest.param(*one, marks=pytest.mark.long) for one in (GAMES[0], GAMES[2]))]
)
def test_rounds_of_learning_are_those_played_one_by_one(name, options):
    """Three groups of followers in one batch, each of which takes as many decisions as it takes."""
    game = sx.make(name, **options)
    problem, leader, noise, _, _ = some_plays(game, 1)
    setting, keys = problem.setting, jax.random.split(jax.random.key(3), 3)
    keep = lambda held, *_: held
    learned, rounds, _ = jax.jit(jax.vmap(lambda key: learn_rounds(setting, leader, noise, key, keep)))(keys)
    learners, blocks = setting.learners, setting.types
    play = jax.jit(jax.vmap(lambda types, actions: play_out(game, leader, noise, types, actions).payoffs, (None, 0)))
    who, _ = deviations(game.num_actions)
    for k, key in enumerate(keys):
        states = learners.init()
        for t, uniform in enumerate(jax.random.uniform(key, (setting.num_rounds, blocks.num_uniforms + game.num_followers))):
            types = blocks.draw(uniform[: blocks.num_uniforms])
            drawn = np.asarray(learners.draw(learners.rows(states, types), uniform[blocks.num_uniforms :]))
            np.testing.assert_array_equal(rounds.types[k, t], types)
            np.testing.assert_array_equal(rounds.drawn[k, t], drawn)
            profiles = np.stack([profile_of(game, jnp.asarray(drawn), jnp.int32(p)) for p in range(1 + len(who))])
            assert (profiles != drawn).sum(axis=1).tolist() == [0] + [1] * len(who)
            assert len(np.unique(profiles, axis=0)) == len(profiles)
            paid = np.asarray(play(types, jnp.asarray(profiles)))
            payoffs = np.zeros((game.num_followers, max(game.num_actions)), np.float32)
            for profile, each in zip(profiles, paid, strict=True):
                for i in range(game.num_followers):
                    if (np.delete(profile, i) == np.delete(drawn, i)).all():
                        payoffs[i, profile[i]] = each[1 + i]
            states = learners.learn(states, types, jnp.asarray(drawn), jnp.asarray(payoffs / game.payoff_scale, jnp.float32))
        expected = np.asarray(learners.strategies(states))
        found = np.asarray(learners.strategies(jax.tree.map(lambda leaf, k=k: leaf[k], learned)))
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_an_episode_says_what_it_holds():
    game = sx.make("copies", num_copies=1)
    setting = Setting(game, Learners.of(game, sx.followers.multiplicative_weights()), 10, 16, "argmax")
    problem = SampledProblem.of(game, sx.followers.multiplicative_weights())
    network = PolicyNetwork.of(problem.policies, (8,), 5)
    leader = network.explorer(network.init(jax.random.key(0)), 0.5)
    found = jax.jit(lambda key: play_episode(setting, leader, key, 32, 8))(jax.random.key(1))
    assert -2.5 <= float(found.total_return) <= 0.0
    weights = np.asarray(found.distinct.weights)
    assert weights.sum() == pytest.approx(float(found.num_distinct))
    seen = np.asarray(found.distinct.observations)[weights > 0]
    assert len(np.unique(seen, axis=0)) == len(seen) == int(found.num_distinct) <= 12
    assert 10 * 3 + 16 <= int(found.num_decisions) <= 2 * (10 * 3 + 16)
    kept = {bytes(o): tuple(c) for o, c in zip(seen, np.asarray(found.distinct.choices)[weights > 0], strict=True)}
    own = zip(np.asarray(found.own.observations), np.asarray(found.own.choices), np.asarray(found.own.weights), strict=True)
    met = [(bytes(o), tuple(c)) for o, c, weight in own if weight > 0]
    assert met
    assert all(kept[o] == c for o, c in met)  # paid sub-episodes get the actions of the learning rounds
    assert found.own_hidden.shape[0] == 8
    assert np.isfinite(found.own_hidden).all()


def test_a_paid_decision_comes_with_the_payoff_and_the_types_of_its_own_sub_episode():
    """The leader is paid by what it sees, which tells the follower's type."""

    class Told(sx.OneShotGame):
        name, num_actions, leader_actions, type_prior = "told", (2,), sx.Discrete(2), np.full(2, 0.5)
        observation = lambda self, actions: actions.astype(jnp.float32)

        def outcome_payoffs(self, types, actions, leader_action):
            return jnp.stack([actions[0].astype(jnp.float32), (actions[0] == types[0]).astype(jnp.float32)])

    game = Told()
    setting = Setting(game, Learners.of(game, sx.followers.multiplicative_weights(1.0)), 60, 40, "argmax")
    leader = Leader(lambda observation, uniforms: jnp.int32(0), lambda choice: choice)
    found = jax.jit(lambda key: play_episode(setting, leader, key, 8, 20))(jax.random.key(0))
    seen = np.asarray(found.own.observations)[:, 0]
    assert (np.asarray(found.own.weights) > 0).all()
    assert 0 < seen.mean() < 1
    np.testing.assert_array_equal(found.own_payoffs, seen)
    np.testing.assert_array_equal(np.asarray(found.own_hidden)[:, 1], seen)  # each type says what it is


def stepped(env, agent, key, num_steps):
    """Observations, actions and rewards ``[num_steps, ...]`` from a reset by ``key``."""

    def step(carry, _):
        seen, state = carry
        after, state_after, reward, *_ = env.step(key, state, agent(env, seen, state))
        action = env.committed_action(state, agent(env, seen, state))
        return (after, state_after), (seen, action, reward)

    return jax.jit(lambda: jax.lax.scan(step, env.reset(key), None, length=num_steps)[1])()


def test_stepping_needs_no_table_and_an_observation_gets_the_same_action_throughout():
    game = sx.make("posted-price-uniform", num_agents=14, num_messages=2)
    with pytest.raises(sx.InputError, match="holds_commitments=False"):
        sx.StackelbergPOMDP(game)
    env = sx.StackelbergPOMDP(game, num_rounds=1, num_reward_episodes=300, holds_commitments=False)
    with pytest.raises(sx.InputError, match="has no decision tree"):
        _ = env.tree
    agent = lambda env, seen, state: jax.random.uniform(env.observation_key(state), (15,))
    seen, actions, rewards = (np.asarray(leaf) for leaf in stepped(env, agent, jax.random.key(0), 300))
    first = {}
    for one, action in zip(map(bytes, seen), actions, strict=True):
        np.testing.assert_array_equal(first.setdefault(one, action), action)
    assert 10 < len(first) < 300
    assert rewards.min() < 0.0
    other = stepped(env, agent, jax.random.key(1), 1)
    assert not np.array_equal(other[1][0], actions[0])


def test_an_environment_that_holds_nothing_pays_a_steady_agent_the_same():
    agent = lambda env, seen, state: seen @ jnp.asarray(np.random.default_rng(0).random((env.observation_size, 3)), seen.dtype)
    of = lambda held: sx.StackelbergPOMDP(sx.make("posted-price-pi"), None, 5, 10, holds_commitments=held)
    for held, free in zip(*(stepped(of(held), agent, jax.random.key(2), 80) for held in (True, False)), strict=True):
        np.testing.assert_array_equal(held, free)


def test_joint_plays_of_a_large_game_are_not_counted():
    game = sx.make("posted-price-uniform", num_agents=14)
    with pytest.raises(sx.InputError, match="empirical"):
        sx.StackelbergPOMDP(game, reward_play="empirical", holds_commitments=False)
