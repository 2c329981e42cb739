"""Followers who plan where no table has room: rules, samples against exact values, what a learner finds, and mistakes."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.errors import InputError
from stackjax.markov import GroupFollowers, GroupProblem, PlayedGroupFollowers, PlayedGroupGame, PlayedGroupProblem
from stackjax.markov.groups.answers import joint_values
from stackjax.markov.groups.objectives import OBJECTIVES
from stackjax.markov.groups.optimum import first_best
from stackjax.markov.groups.sampled.judge import paid_on_average
from stackjax.markov.groups.sampled.learning import Learner
from stackjax.markov.groups.sampled.networks import FollowerNetworks
from stackjax.markov.groups.sampled.patches import Patches
from stackjax.markov.groups.sampled.patches_bound import most_together
from stackjax.markov.groups.sampled.pretraining import spread_out
from stackjax.solvers.network import random_acting
from tests.oracles import groups as oracle

QUICKLY = settings(max_examples=4, deadline=None)
SEEDS = st.integers(0, 10**6)
SMALL = PlayedGroupFollowers("contextual", hidden_sizes=(8,), probes=7, updates=1, deviation_updates=1, deviation_episodes=4)


def untrained(game, seed=0, rule=SMALL, scale=200.0):
    """A problem whose frozen followers do something arbitrary, which depends on everything that they see."""
    problem = PlayedGroupProblem(game, rule)
    params = problem.networks.init(jax.random.key(seed))
    last = f"kernel_{len(rule.hidden_sizes)}"
    params["actor"][last] = scale * params["actor"][last]
    size = game.observation_size
    return dataclasses.replace(problem, policy={"probes": jnp.tile(jnp.eye(size), (7, 1))[: rule.probes], **params})


def commitments(game, seed, count):
    return random_acting(PlayedGroupProblem(game, SMALL).commitments, jax.random.key(seed), count)


def one_of(made, b):
    return jax.tree.map(lambda leaf: leaf[b], made)


def exact_of(problem, made):
    """A commitment's rates ``[7]`` in a commons of one stock, and its followers' chances of joint actions, ``[T, S, J]``."""
    seen = jnp.eye(7)
    rates = np.asarray(jax.vmap(problem.game.rates)(made(seen)))[:, 0].astype(float)
    policy = []
    for t in range(problem.game.horizon):
        own = np.asarray(problem.chances(made, t, seen), float)  # [N, S, A]
        policy.append([np.einsum("a,b,c->abc", *own[:, s]).ravel() for s in range(7)])
    return rates, np.array(policy)


@functools.cache
def steps_of(patches):
    """Compiled once: ``(keys, stocks, actions, rates) -> `` what each key brings."""
    return jax.jit(jax.vmap(Patches(patches=patches).step, (0, None, None, None)))


@QUICKLY
@given(seed=SEEDS, patches=st.sampled_from([1, 3]))
def test_a_step_of_patches_is_the_oracles(seed, patches):
    rng = np.random.default_rng(seed)
    stocks, actions, rates = rng.integers(0, 7, patches), rng.integers(0, 1 + 2 * patches, 3), rng.random(patches)
    picks = [None if a == 0 else ((a - 1) // 2, 1 + (a - 1) % 2) for a in actions]
    paid, rests = oracle.patch_payoffs(stocks, picks, rates)
    keys = jax.random.split(jax.random.key(seed), 500)
    as_given = jnp.asarray(stocks, jnp.int32), jnp.asarray(actions, jnp.int32), jnp.asarray(rates, jnp.float32)
    after, found = steps_of(patches)(keys, *as_given)
    np.testing.assert_allclose(found[0, 1:], paid, atol=1e-5)
    assert (np.ptp(found, axis=0) == 0).all()
    assert (found[:, 0] == 0).all()
    grown = np.asarray(after) - np.asarray(rests)[None]
    chance = np.array([oracle.patch_chance(rest) for rest in rests])
    assert set(np.unique(grown)) <= {0, 1}
    np.testing.assert_allclose(grown.mean(axis=0), chance, atol=4.0 * np.sqrt(0.25 / len(keys)))


def test_rates_of_a_list_are_all_of_them():
    game = Patches(patches=2, levels=3)
    rates = np.asarray(jax.vmap(game.rates)(jnp.arange(9, dtype=jnp.int32)))
    assert {tuple(row) for row in rates.tolist()} == {(a / 2, b / 2) for a in range(3) for b in range(3)}
    with pytest.raises(InputError, match="levels=11 for 4 patches make 14641 choices, more than 10000"):
        Patches(levels=11)


def test_samples_agree_with_the_exact_values_of_one_patch():
    """Of the same joint policy, whatever it is, by the oracle."""
    problem = untrained(Patches(patches=1, horizon=4))
    made, seen = commitments(problem.game, 3, 3), []
    score = jax.jit(lambda key, made: jax.lax.map(lambda one: problem.score(key, one), made))
    judged = score(jax.random.key(5), made)
    for b in range(3):
        rates, policy = exact_of(problem, one_of(made, b))
        values = oracle.value_by_stages(oracle.stock_game(rates), policy)
        np.testing.assert_allclose(judged.details.follower_payoffs[b], values[1:], atol=0.08)
        assert abs(float(judged.payoff[b]) - values[1:].mean()) < 1.5 * float(judged.details.half_width[b])
        seen.append(values[1])
    assert np.ptp(seen) > 0.1  # commitments differ
    assert np.isinf(judged.gap).all()  # nobody has looked


@pytest.mark.long
@pytest.mark.parametrize(("levels", "objective"), [(None, "nash"), (5, "rawls")])
def test_nobody_finds_more_than_there_is(levels, objective):
    """Against followers who do something arbitrary; the leader's objective is of what they are paid on average."""
    rule = dataclasses.replace(SMALL, deviation_updates=20, deviation_episodes=64, pretraining_rate=0.02)
    problem = untrained(Patches(patches=1, levels=levels, horizon=4, objective=objective), rule=rule)
    made = commitments(problem.game, 3, 3)
    judge = jax.jit(lambda key, made: jax.lax.map(lambda one: problem.judge(key, one, 16).details, made))
    judged = judge(jax.random.key(5), made)
    for b in range(3):
        rates, policy = exact_of(problem, one_of(made, b))
        game = oracle.stock_game(rates)
        values = oracle.value_by_stages(game, policy)
        expected = oracle.welfare(objective, values[0], values[1:])
        assert abs(float(judged.leader_payoff[b]) - expected) < 2.0 * float(judged.half_width[b])
        gaps = [oracle.value_by_stages(game, policy, i) - values[1 + i] for i in range(3)]
        assert (np.asarray(judged.gains[b]) <= gaps + 2.0 * np.asarray(judged.gain_half_widths[b])).all()
        assert float(judged.gain[b]) >= 0.5 * max(gaps)


def test_stages_are_the_trees_oracle():
    """The oracle of long episodes is that of all histories, for what a policy is worth and for its best reply."""
    rng, joint = np.random.default_rng(0), 4
    game = {
        "num_actions": (2, 2),
        "initial": rng.dirichlet(np.ones(2)),
        "successor": rng.integers(0, 2, (2, joint, 2)),
        "probability": rng.dirichlet(np.ones(2), (2, joint)),
        "leader": rng.normal(size=(2, joint)),
        "followers": rng.normal(size=(2, 2, joint)),
    }
    policy = rng.dirichlet(np.ones(joint), (2, 2))
    by_tree = oracle.joint_value(game, lambda t, s: policy[t, s], 2, 1.0)
    np.testing.assert_allclose(oracle.value_by_stages(game, policy), by_tree, atol=1e-12)
    for i in range(2):
        best = oracle.best_reply_value(game, lambda t, s: policy[t, s], 2, 1.0, i)
        assert oracle.value_by_stages(game, policy, i) == pytest.approx(best, abs=1e-12)


def test_one_patch_is_the_commons():
    """The exact evaluation of the library agrees with the oracle's game of one stock."""
    rates = np.linspace(0.1, 0.9, 7)
    commons = GroupProblem(sx.make("commons", levels=None, horizon=3), GroupFollowers())
    policy = np.random.default_rng(1).dirichlet(np.ones(27), (3, 7))
    induced = commons.tabulate(jnp.asarray(rates[None, 1:, None], jnp.float32))
    found = joint_values(induced, commons.length, jnp.asarray(policy[..., None], jnp.float32))[:, 0]
    np.testing.assert_allclose(found, oracle.value_by_stages(oracle.stock_game(rates), policy), atol=1e-5)
    assert sx.make("patches", patches=1).payoff_bounds == sx.make("commons").payoff_bounds


def test_what_bounds_patches_is_above_what_can_be_earned():
    commons = sx.make("commons")
    together = first_best(commons, GroupProblem(commons, GroupFollowers()).length).value
    assert most_together(1, 12) / 3 == pytest.approx(together, abs=1e-6)
    assert oracle.together_by_stages(1, 3) == pytest.approx(most_together(1, 3), abs=1e-9)
    assert [entry.optimum for entry in sx.registry.registered_games() if entry.name == "patches"] == [
        f"at most {most_together(4, 12) / 3:.3f} (4 patches)"
    ]
    assert Patches(objective="product", patches=1).bound() == pytest.approx(3 * together, abs=1e-6)


@pytest.mark.long
def test_what_bounds_two_patches_is_near_what_can_be_earned():
    exact = oracle.together_by_stages(2, 4)
    assert exact <= most_together(2, 4) + 1e-9
    assert most_together(2, 4) <= 1.02 * exact


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_intervals_cover_objectives_of_means(objective):
    """The delta method: of 95 % intervals about 95 % cover, also where two followers are paid the same."""
    rng, means = np.random.default_rng(0), np.array([2.0, 3.0, 1.0, 1.0])
    mixing = rng.normal(size=(4, 4)) * 0.5
    draws = means + rng.normal(size=(600, 256, 4)) @ mixing.T
    payoff, width = jax.jit(jax.vmap(lambda paid: paid_on_average(objective, paid)))(jnp.asarray(draws, jnp.float32))
    exact = oracle.welfare(objective, means[0], means[1:])
    covered = (np.abs(np.asarray(payoff) - exact) <= np.asarray(width)).mean()
    assert 0.90 <= covered <= 0.975
    for b in range(3):
        expected = oracle.welfare(objective, *(lambda m: (m[0], m[1:]))(draws[b].mean(axis=0)))
        assert float(payoff[b]) == pytest.approx(expected, abs=1e-4)


@QUICKLY
@given(seed=SEEDS, count=st.integers(1, 9))
def test_probes_are_far_from_each_other(seed, count):
    points = np.random.default_rng(seed).integers(0, 3, (12, 2)).astype(float)
    chosen = [0]
    while len(chosen) < count:
        apart = [min(((row - points[c]) ** 2).sum() for c in chosen) for row in points]
        chosen.append(int(np.argmax(apart)))
    np.testing.assert_allclose(spread_out(jnp.asarray(points, jnp.float32), count), points[chosen])


class Rounds(PlayedGroupGame):
    """Two followers are paid for the action that the round asks for, and for the other's; one of them has two actions."""

    def __init__(self, horizon=3, discount=1.0):
        self.name, self.num_actions, self.leader_actions = "rounds", (3, 2), sx.Discrete(3)
        self.horizon, self.discount = horizon, discount
        self.payoff_bounds = ((0.0, 2.0), (0.0, 3.0), (0.0, 3.0))
        self.check()

    def start(self, key):
        return {"asked": jax.random.randint(key, (), 0, 2, jnp.int32), "step": jnp.int32(0)}

    def observe(self, state):
        return jax.nn.one_hot(state["asked"], 2)

    def step(self, key, state, actions, leader_action):
        right = (actions == state["asked"]).astype(jnp.float32)
        bonus = (leader_action == 2).astype(jnp.float32)
        paid = jnp.stack([2.0 * right[0] * bonus, right[0] * (1.0 + bonus), right[1] + right[0]])
        return {"asked": jax.random.randint(key, (), 0, 2, jnp.int32), "step": state["step"] + 1}, paid


@pytest.mark.long
def test_a_learner_finds_what_there_is_to_gain():
    """Followers who act evenly earn a third and a half of what an own best action does in every step."""
    discount = 0.5
    game = Rounds(discount=discount)
    rule = PlayedGroupFollowers(
        "contextual", hidden_sizes=(8,), probes=7, deviation_updates=30, deviation_episodes=32, pretraining_rate=0.03
    )
    problem = untrained(game, rule=rule, scale=0.0)
    acting = one_of(commitments(game, 0, 1), 0)
    bonus = 1.0 + (np.asarray(acting(jnp.eye(2))) == 2)  # at the two observations
    weight = sum(discount**t for t in range(3))
    found = jax.jit(lambda key: problem.judge(key, acting, 8))(jax.random.key(2))
    np.testing.assert_allclose(found.details.gains, [weight * bonus.mean() * 2 / 3, weight / 2], atol=0.15)
    assert float(found.gap) == pytest.approx(float((found.details.gains + found.details.gain_half_widths).max()))
    (words,) = problem.describe(jax.tree.map(lambda leaf: leaf[None], found), None, ["seed 0"])
    assert words["gain_found"] <= words["gain_found_end"]
    assert words["gain_found_end"] > problem.settled_gap
    assert np.sum(found.details.play, axis=1) == pytest.approx([1.0, 1.0], abs=1e-5)
    assert float(found.details.play[1, 2]) == 0.0  # an action that it does not have


@pytest.mark.long
def test_followers_learn_what_is_asked_for():
    game = Rounds()
    rule = PlayedGroupFollowers(
        "contextual", hidden_sizes=(8,), probes=3, updates=40, batch=8, episodes=8, pretraining_rate=0.03
    )
    problem = PlayedGroupProblem(game, rule).prepare()
    acting = one_of(commitments(game, 1, 1), 0)
    chances = np.asarray(problem.chances(acting, 1, jnp.eye(2)))
    assert (chances[:, [0, 1], [0, 1]] > 0.9).all()
    again = PlayedGroupProblem(game, rule).prepare(problem.prepared())
    np.testing.assert_array_equal(chances, again.chances(acting, 1, jnp.eye(2)))
    assert "lower bound" in problem.evaluation_method()["rule"]


def test_advantages_are_those_of_the_textbook():
    game = Rounds(horizon=4, discount=0.9)
    networks = FollowerNetworks(game.num_actions, 5, 2, (6,))
    params = networks.init(jax.random.key(0))
    params["critic"]["kernel_1"] = 100.0 * params["critic"]["kernel_1"]
    rng = np.random.default_rng(0)
    seen, context = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(2, 2))  # [C, E, T, F]
    actions, payoffs = rng.integers(0, 2, (2, 2, 3, 4)), rng.random((2, 2, 3, 4))
    as_given = [jnp.asarray(one, jnp.float32) for one in (context, seen)]
    learner = Learner(game, networks, 1e-3, 0.0, 1)
    learn = jax.jit(learner.lesson)
    lesson = learn(params, *as_given, jnp.asarray(actions, jnp.int32), jnp.asarray(payoffs, jnp.float32))
    values = np.asarray(networks.values(params["critic"], as_given[1].reshape(2, 12, 5), as_given[0])).reshape(2, 2, 3, 4)
    span = sum(0.9**t for t in range(4)) * 3.0
    expected = np.zeros((2, 2, 3, 4))
    for t in reversed(range(4)):
        ahead = values[..., t + 1] if t < 3 else 0.0
        later = expected[..., t + 1] if t < 3 else 0.0
        expected[..., t] = payoffs[..., t] / span + 0.9 * ahead - values[..., t] + 0.9 * 0.95 * later
    np.testing.assert_allclose(lesson.targets.reshape(expected.shape), expected + values, atol=1e-4)
    of_each = expected.reshape(2, -1)
    standard = (of_each - of_each.mean(axis=1, keepdims=True)) / of_each.std(axis=1, keepdims=True)
    np.testing.assert_allclose(lesson.advantages.reshape(2, -1), standard, atol=1e-3)
    own = learn(  # each with episodes of its own, which are the same ones
        params, as_given[0], jnp.stack([as_given[1]] * 2), jnp.asarray(actions, jnp.int32), jnp.asarray(payoffs, jnp.float32)
    )
    np.testing.assert_allclose(own.advantages, lesson.advantages, atol=1e-5)
