"""Several followers who plan: joint policies, what each could gain by leaving them, and the games that the library brings."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.errors import InputError
from stackjax.markov import GroupFollowers, GroupProblem, MarkovFollowers, MarkovProblem
from stackjax.markov.answers import Length, best_stationary, best_timed, best_values, evaluate, softmax_answer
from stackjax.markov.game import InducedMarkovGame
from stackjax.markov.groups.answers import joint_values, learned, logit, pure, unilateral_values, visited_policy
from stackjax.markov.groups.objectives import OBJECTIVES, leader_payoff, payoff_bounds, welfare_bound
from stackjax.markov.q_learning import first_values, q_learning_answer
from stackjax.welfare import equality
from tests.oracles import groups as oracle

STATES, OUTCOMES, STEPS, DISCOUNT, BATCH = 3, 2, 3, 0.9, 3
QUICKLY = settings(max_examples=6, deadline=None)
SEEDS = st.integers(0, 10**6)


def random_rules(seed, num_actions, *, whole=False):
    """Random arrays of one commitment; ``whole`` payoffs are small whole numbers and outcomes certain, so that many tie."""
    rng, joint = np.random.default_rng(seed), int(np.prod(num_actions))
    draw = (lambda *shape: rng.integers(0, 3, shape).astype(float)) if whole else (lambda *shape: rng.normal(size=shape))
    chances = np.eye(2)[rng.integers(0, 2, (STATES, joint))] if whole else rng.dirichlet(np.ones(2), (STATES, joint))
    return {
        "num_actions": tuple(num_actions),
        "initial": rng.dirichlet(np.ones(STATES)),
        "successor": rng.integers(0, STATES, (STATES, joint, OUTCOMES)),
        "probability": chances,
        "leader": draw(STATES, joint),
        "followers": draw(len(num_actions), STATES, joint),
    }


def batch_of(seed, num_actions, *, whole=False):
    first = random_rules(seed, num_actions, whole=whole)
    others = [random_rules(seed + k, num_actions, whole=whole) for k in range(1, BATCH)]
    return [first, *({**one, "successor": first["successor"], "initial": first["initial"]} for one in others)]


def induced(games):
    last = lambda name: jnp.asarray(np.stack([game[name] for game in games], axis=-1), jnp.float32)
    arrays = last("probability"), last("followers"), last("leader")
    return InducedMarkovGame(games[0]["successor"].astype(np.int32), games[0]["initial"], *arrays)


@QUICKLY
@given(seed=SEEDS)
@pytest.mark.parametrize("num_actions", [(2, 2), (2, 3), (2, 2, 2)])
def test_what_a_follower_gains_by_leaving_a_bad_policy_is_brute_force(num_actions, seed):
    """Any correlated joint policy, against all A ** (T S) policies of each follower."""
    game, length = random_rules(seed, num_actions), Length(2, DISCOUNT, 1.0)
    joint = int(np.prod(num_actions))
    chances = np.random.default_rng(seed).dirichlet(np.full(joint, 0.5), (2, STATES))
    policy = jnp.asarray(chances[..., None], jnp.float32)
    values = joint_values(induced([game]), length, policy)[:, 0]
    np.testing.assert_allclose(values, oracle.joint_value(game, lambda t, s: chances[t, s], 2, DISCOUNT), atol=1e-4)
    best = unilateral_values(induced([game]), length, num_actions, policy)[:, 0]
    expected = [
        oracle.best_reply_value(game, lambda t, s: chances[t, s], 2, DISCOUNT, follower) for follower in range(len(num_actions))
    ]
    np.testing.assert_allclose(best, expected, atol=1e-4)


def test_three_steps_and_three_states_too():
    game, length = random_rules(7, (2, 2)), Length(3, 1.0, 1.0)
    chances = np.random.default_rng(8).dirichlet(np.ones(4), STATES)  # the same in every step
    best = unilateral_values(induced([game]), length, (2, 2), jnp.asarray(chances[..., None], jnp.float32))[:, 0]
    expected = [oracle.best_reply_value(game, lambda t, s: chances[s], 3, 1.0, follower) for follower in range(2)]
    np.testing.assert_allclose(best, expected, atol=1e-4)


@QUICKLY
@given(seed=SEEDS, is_welfare=st.booleans(), ties=st.sampled_from(["for", "against"]), whole=st.booleans())
@pytest.mark.parametrize("num_actions", [(2, 3), (3, 2, 2)])
def test_pure_equilibria_are_the_oracles(num_actions, seed, is_welfare, ties, whole):
    games, length = batch_of(seed, num_actions, whole=whole), Length(STEPS, 1.0, 1.0)
    arrays = induced(games)
    values = joint_values(arrays, length, pure(arrays, length, num_actions, ties, 1e-5, is_welfare))
    for b, game in enumerate(games):
        stages = oracle.pure_stages(game, STEPS, 1.0, ties, is_welfare, 1e-7)
        expected = oracle.joint_value(game, lambda t, s, stages=stages: stages[t, s], STEPS, 1.0)
        if is_welfare:
            expected, found = expected[1:].sum(), values[1:, b].sum()
        else:
            found, expected = values[0, b], expected[0]
        np.testing.assert_allclose(found, expected, atol=1e-4)


@QUICKLY
@given(seed=SEEDS, step_size=st.sampled_from([1.0, 10.0]))
@pytest.mark.parametrize("num_actions", [(2, 3), (2, 2, 2)])
def test_learners_without_regret_are_the_oracles(num_actions, seed, step_size):
    games, length = batch_of(seed, num_actions), Length(2, DISCOUNT, 1.0)
    arrays = induced(games)
    policy = learned(arrays, length, num_actions, 20, step_size)
    np.testing.assert_allclose(policy.sum(axis=2), 1.0, atol=1e-5)
    for b, game in enumerate(games):
        expected = oracle.learned_stages(game, 2, DISCOUNT, 20, step_size)
        np.testing.assert_allclose(policy[..., b], expected, atol=2e-3)


@QUICKLY
@given(seed=SEEDS)
def test_gaps_of_learners_shrink_with_their_rounds(seed):
    arrays, length = induced(batch_of(seed, (3, 2, 2))), Length(STEPS, 1.0, 1.0)

    def gap(rounds):
        policy = learned(arrays, length, (3, 2, 2), rounds, 10.0)
        return unilateral_values(arrays, length, (3, 2, 2), policy) - joint_values(arrays, length, policy)[1:]

    few, many = gap(20), gap(1000)  # negative where advice is worth more than any plan of one's own
    assert many.max() < 0.1
    assert many.max() <= 0.5 * few.max() + 1e-3


@QUICKLY
@given(seed=SEEDS)
def test_softmax_followers_answer_each_other(seed):
    arrays, length, temperature = induced(batch_of(seed, (2, 3))), Length(1, 1.0, 1.0), 2.0
    policy = logit(arrays, length, (2, 3), temperature, 200)[0]
    shared = np.asarray(policy).reshape(STATES, 2, 3, BATCH)
    own = shared.sum(axis=2), shared.sum(axis=1)
    np.testing.assert_allclose(shared, own[0][:, :, None] * own[1][:, None], atol=1e-5)
    pays = np.asarray(arrays.follower_payoffs).reshape(2, STATES, 2, 3, BATCH)
    expected = (pays[0] * own[1][:, None]).sum(axis=2), (pays[1] * own[0][:, :, None]).sum(axis=1)
    for play, worth in zip(own, expected, strict=True):
        np.testing.assert_allclose(play, np.asarray(jax.nn.softmax(worth / temperature, axis=1)), atol=1e-3)


@pytest.mark.parametrize("horizon", [STEPS, None])
def test_one_follower_in_a_group_is_the_follower_alone(horizon):
    """On 50 random games: exact, softmax and Q-learning answers; learners without regret come near the best."""
    length, count = Length.of(horizon, 0.9), 50
    first = random_rules(0, (3,))
    shared = {"successor": first["successor"], "initial": first["initial"]}
    games = induced([{**random_rules(seed, (3,)), **shared} for seed in range(count)])
    same = lambda ours, theirs: np.testing.assert_allclose(jax.jit(ours)(games), jax.jit(theirs)(games), atol=1e-6)
    exact = best_timed if horizon else best_stationary
    for ties in ("for", "against"):
        same(lambda g, ties=ties: pure(g, length, (3,), ties, 1e-5, False), lambda g, ties=ties: exact(g, length, ties, 1e-5))
    same(lambda g: logit(g, length, (3,), 0.3, 5), lambda g: softmax_answer(g, length, 0.3))
    group, alone = GroupFollowers("q-learning", episodes=4, discount=0.9), MarkovFollowers("q-learning", episodes=4)
    learn = lambda rule: lambda g: q_learning_answer(jax.random.key(1), g, length, rule, (3,))
    same(learn(group), learn(alone))
    policy = jax.jit(lambda g: learned(g, length, (3,), 1000, 10.0))(games)
    missing = best_values(games, length) - evaluate(games, length, policy).follower
    assert float(missing.max()) < 0.05
    assert float(jnp.abs(unilateral_values(games, length, (3,), policy)[0] - best_values(games, length)).max()) < 1e-4


@pytest.mark.parametrize("knows_time", [False, True])
def test_joint_q_learning_is_that_of_the_textbook(knows_time):
    """Without exploration, from a certain first state and with certain outcomes nothing is left to chance but first values."""
    actions, count = (2, 3), 12
    one = random_rules(5, actions, whole=True)
    shared = {"successor": one["successor"], "initial": np.eye(STATES)[1]}
    games = [
        {**random_rules(5 + k, actions, whole=True), **shared, "followers": random_rules(k, actions)["followers"]}
        for k in range(count)
    ]
    rule = GroupFollowers("q-learning", episodes=6, learning_rate=0.7, exploration=0.0, discount=0.9)
    length, key, arrays = Length(STEPS, 1.0, 1.0), jax.random.key(3), induced(games)
    found = jax.jit(lambda: q_learning_answer(key, arrays, length, rule, actions, knows_time=knows_time))()
    first = first_values(key, arrays, length, actions, knows_time=knows_time)
    for b, game in enumerate(games):
        own = [np.asarray(table[..., b], np.float64) for table in first]
        numbers = {"start": 1, "episodes": 6, "steps": STEPS, "rate": 0.7, "discount": 0.9}
        expected = oracle.greedy_after_q_learning(game, own, knows_time=knows_time, **numbers)
        np.testing.assert_array_equal(found[..., b], expected if knows_time else expected[0])


@QUICKLY
@given(
    payoffs=st.lists(st.floats(-3, 3).map(lambda x: round(x, 3)), min_size=1, max_size=4),
    own=st.floats(-2, 2).map(lambda x: round(x, 3)),
)
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_objectives_are_the_oracles_and_keep_their_bounds(objective, payoffs, own):
    columns = jnp.asarray(payoffs, jnp.float32)[:, None]
    found = float(leader_payoff(objective, jnp.asarray([own], jnp.float32), columns)[0])
    np.testing.assert_allclose(found, oracle.welfare(objective, own, payoffs), atol=1e-4)
    np.testing.assert_allclose(equality(columns)[0], oracle.equality_of(payoffs), atol=1e-4)
    low, high = payoff_bounds(objective, ((-2.0, 2.0), *((-3.0, 3.0) for _ in payoffs)))
    assert low - 1e-5 <= found <= high + 1e-5
    if objective != "own":
        assert found <= welfare_bound(objective, float(np.mean(payoffs)), len(payoffs)) + 1e-4


@pytest.mark.parametrize("objective", OBJECTIVES[1:])
@pytest.mark.parametrize("count", [1, 3])
def test_bounds_of_welfares_are_reached_where_all_are_paid_the_same(objective, count):
    found = leader_payoff(objective, jnp.zeros(1), jnp.full((count, 1), 2.0))
    assert float(found[0]) == pytest.approx(welfare_bound(objective, 2.0, count), rel=1e-5)


def test_parts_and_seeds_side_by_side_change_nothing():
    """Commitments are worked on in parts; under vmap those of all seeds together."""
    problem = GroupProblem(sx.make("commons"), GroupFollowers(rounds=30, lasting_rounds=60))
    made = jnp.asarray(np.random.default_rng(0).integers(0, 5, (3, 70, 6)), jnp.int32)
    keys = jax.random.split(jax.random.key(0), 3)
    worth = lambda key, made: problem.worth(key, made, lasting=5)
    together = jax.jit(jax.vmap(worth))(keys, made)
    for i in range(3):
        alone = jax.jit(worth)(keys[i], made[i])
        mine = jax.tree.map(lambda leaf, i=i: leaf[i], together)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-4), alone, mine)
    for row in (0, 4, 5, 69):
        by_itself = dataclasses.replace(problem, followers=GroupFollowers(rounds=60 if row < 5 else 30))
        one = by_itself.worth(jax.random.key(1), made[0, row][None])
        assert float(one.payoff[0]) == pytest.approx(float(together.payoff[0, row]), abs=1e-4)


def test_a_sweep_over_the_learners_step_is_one_program():
    problem = GroupProblem(sx.make("commons", levels=3), GroupFollowers(rounds=30, lasting_rounds=60))
    made = jnp.asarray(np.random.default_rng(0).integers(0, 3, (5, 6)), jnp.int32)

    def payoff(step_size):
        other = dataclasses.replace(problem, followers=GroupFollowers(rounds=30, lasting_rounds=60, step_size=step_size))
        return other.worth(jax.random.key(0), made).payoff

    found = jax.jit(jax.vmap(payoff))(jnp.asarray([1.0, 10.0], jnp.float32))
    np.testing.assert_allclose(found[1], payoff(10.0), atol=1e-4)
    assert np.abs(found[0] - found[1]).max() > 1e-3


def test_policies_are_averaged_over_visits():
    game, length = random_rules(3, (2, 2)), Length(2, 1.0, 1.0)
    chances = np.random.default_rng(1).dirichlet(np.ones(4), (2, STATES))
    found = visited_policy(induced([game]), length, jnp.asarray(chances[..., None], jnp.float32))[..., 0]
    here = np.asarray(game["initial"])
    after = np.zeros(STATES)
    for s in range(STATES):
        for j in range(4):
            for k in range(OUTCOMES):
                after[game["successor"][s, j, k]] += here[s] * chances[0, s, j] * game["probability"][s, j, k]
    visits = np.stack([here, after])
    expected = (visits[:, :, None] * chances).sum(axis=0) / visits.sum(axis=0)[:, None]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_wrong_games_are_refused_in_one_line():
    with pytest.raises(InputError, match="a MarkovGame is for one"):
        MarkovProblem(sx.make("commons"), MarkovFollowers())
    with pytest.raises(InputError, match="objective=most must be one of own, utilitarian"):
        sx.make("commons", objective="most")
    crowded = sx.make("escape-room")
    crowded.num_actions = (17, 17, 17)
    crowded.successor = np.zeros((9, 17, 17, 17, 1), np.int32)
    crowded.payoff_bounds = ((0.0, 1.0),) * 4
    with pytest.raises(InputError, match=r"4913 joint actions, more than 4096"):
        crowded.check()
