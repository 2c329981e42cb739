"""Every learning rule: its oracle, what its regret bound promises, and that it fits everywhere a rule is used."""

from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.followers.config import Kind
from stackjax.bayesian.followers.multiplicative_weights import stationary_distribution
from tests.bayesian.followers.test_equilibrate import random_game
from tests.oracles import learners
from tests.oracles.quantal import chances

RULES = {
    "multiplicative-weights": (
        lambda: sx.followers.multiplicative_weights(0.3),
        learners.multiplicative_weights,
        {"step_size": 0.3},
    ),
    "optimistic-hedge": (lambda: sx.followers.optimistic_hedge(0.3), learners.optimistic_hedge, {"step_size": 0.3}),
    "regret-matching": (sx.followers.regret_matching, learners.regret_matching, {}),
    "regret-matching-plus": (sx.followers.regret_matching_plus, learners.regret_matching_plus, {}),
    "exp3": (lambda: sx.followers.exp3(0.2), learners.exp3, {"exploration": 0.2}),
    "swap-regret": (lambda: sx.followers.swap_regret(0.3), learners.swap_regret, {"step_size": 0.3}),
    "fictitious-play": (sx.followers.fictitious_play, learners.fictitious_play, {}),
    "logit-response": (lambda: sx.followers.logit_response(0.2), learners.logit_response, {"temperature": 0.2}),
    "best-response": (sx.followers.best_response, learners.best_response, {}),
    "q-learning": (
        lambda: sx.followers.q_learning(0.2, exploration_decay=0.05),
        learners.q_learning,
        {"learning_rate": 0.2, "exploration_decay": 0.05},
    ),
    "quantal": (
        lambda: sx.followers.quantal(2.0),
        lambda payoffs, actions, rationality: chances([*np.zeros((1, payoffs.shape[1])), *payoffs][-1], rationality),
        {"rationality": 2.0},
    ),
}


def test_every_rule_is_here_and_can_be_chosen():
    assert set(RULES) == set(get_args(Kind)) - {"suqr"}  # which goes by more than payoffs, see test_quantal.py
    for kind in RULES:
        assert isinstance(sx.followers.FollowersConfig(kind=kind).build(), sx.followers.FollowerDynamics)


@pytest.mark.parametrize("num_actions", [1, 2, 4])
@pytest.mark.parametrize("kind", RULES)
def test_equals_its_definition(x64, kind, num_actions):
    """A batch of histories at once, against plays computed from the whole history each time."""
    make, oracle, parameters = RULES[kind]
    rule, rng = make(), np.random.default_rng(0)
    payoffs = rng.uniform(-0.5, 1.0, size=(40, num_actions, 3))
    actions = rng.integers(num_actions, size=(40, 3))
    state = rule.init(num_actions, (3,))
    after = jax.jit(lambda *seen: rule.update(*seen) if rule.tick is None else rule.tick(rule.update(*seen)))
    ahead = () if rule.value is None else (jnp.zeros(3),)
    for t in range(41):
        play = np.asarray(rule.play(state))
        for b in range(3):
            expected = oracle(payoffs[:t, :, b], actions[:t, b], **parameters)
            np.testing.assert_allclose(play[:, b], expected, rtol=1e-9, atol=1e-9)
        if t < 40:
            state = after(state, jnp.asarray(payoffs[t]), jnp.asarray(actions[t]), *ahead)


def external_regret(plays, payoffs):
    return payoffs.sum(axis=0).max() - (plays * payoffs).sum()


def swap_regret(plays, payoffs):
    """The most gained by replacing each action by one other, throughout."""
    exchanged = plays.T @ payoffs  # [own, instead]
    return (exchanged.max(axis=1) - np.diag(exchanged)).sum()


T, A = 4000, 3
BOUNDS = {
    "multiplicative-weights": (
        sx.followers.multiplicative_weights(float(np.expm1(np.sqrt(8 * np.log(A) / T)))),
        np.sqrt(T * np.log(A) / 2),
    ),
    "regret-matching": (sx.followers.regret_matching(), np.sqrt(A * T)),
    "regret-matching-plus": (sx.followers.regret_matching_plus(), np.sqrt(A * T)),
    "exp3": (sx.followers.exp3(float(np.sqrt(A * np.log(A) / ((np.e - 1) * T)))), 2 * np.sqrt((np.e - 1) * T * A * np.log(A))),
    "logit-response": (sx.followers.logit_response(0.05), T * 0.05 * np.log(A) + 1 / 0.05 * (1 + np.log(T))),
}


@pytest.mark.parametrize("opponent", ["random", "adaptive"])
@pytest.mark.parametrize("kind", BOUNDS)
def test_regret_stays_within_the_published_bound(kind, opponent):
    """Against random payoffs and against one who always pays least what is played most."""
    rule, bound = BOUNDS[kind]

    def step(state, key):
        play = rule.play(state)
        action_key, payoff_key = jax.random.split(key)
        payoffs = jax.random.uniform(payoff_key, (A,)) if opponent == "random" else (play != play.max()).astype(float)
        action = jax.random.categorical(action_key, jnp.log(play))
        return rule.update(state, payoffs.astype(jnp.float32), action), (play, payoffs)

    _, (plays, payoffs) = jax.lax.scan(step, rule.init(A, ()), jax.random.split(jax.random.key(0), T))
    assert external_regret(np.asarray(plays), np.asarray(payoffs)) <= bound


def test_swap_regret_stays_within_its_bound():
    """The payoffs favour each action in turn, so that what to play instead depends on what was played."""
    rng = np.random.default_rng(1)
    payoffs = np.tile(np.eye(3), (T // 3, 1)) * 0.8 + 0.2 * rng.random((T // 3 * 3, 3))
    rule = sx.followers.swap_regret(float(np.expm1(np.sqrt(8 * np.log(3) / T))))

    def step(state, row):
        return rule.update(state, row, jnp.int32(0)), rule.play(state)

    plays = np.asarray(jax.lax.scan(step, rule.init(3, ()), jnp.asarray(payoffs, jnp.float32))[1])
    assert swap_regret(plays, payoffs) <= 3 * np.sqrt(T * np.log(3) / 2)


def test_swap_regret_dynamics_find_a_correlated_equilibrium():
    """Observation 6.1, in Shapley's game with types: the correlated-equilibrium gap falls with the rounds."""
    rng = np.random.default_rng(0)
    shapley = np.stack([np.eye(3), np.roll(np.eye(3), 1, axis=1)])[:, None, None]
    payoffs = 0.9 * shapley + 0.1 * rng.random((2, 2, 2, 3, 3))
    game = sx.followers.induced_game(np.array([[0.4, 0.1], [0.2, 0.3]]), payoffs)

    def gap(num_rounds):
        rule = sx.followers.swap_regret(0.05)
        response = sx.followers.equilibrate(jax.random.key(0), game, rule, num_rounds, count_plays=True)
        return float(sx.certify(game, sx.followers.empirical_play(response.play_counts, response.strategies)).ce_gap)

    early, late = gap(100), gap(40_000)
    assert late < 0.05
    assert late < early / 3


@pytest.mark.parametrize("size", [1, 2, 3, 6])
def test_stationary_distribution(x64, size):
    rng = np.random.default_rng(size)
    matrices = rng.random((size, size, 5)) ** 6
    matrices /= matrices.sum(axis=1, keepdims=True)
    found = np.asarray(stationary_distribution(jnp.asarray(matrices)))
    for b in range(5):
        np.testing.assert_allclose(found[:, b], learners.stationary(matrices[:, :, b]), rtol=1e-9)
        np.testing.assert_allclose(found[:, b] @ matrices[:, :, b], found[:, b], rtol=1e-9)


def test_stationary_distribution_survives_nearly_separate_parts():
    q = np.full((3, 3), 1e-30)
    np.fill_diagonal(q, 1.0)
    np.testing.assert_allclose(stationary_distribution(jnp.asarray(q, jnp.float32)), 1 / 3, rtol=1e-5)
    absorbing = jnp.array([[1.0, 0.0], [1.0, 0.0]])
    np.testing.assert_allclose(stationary_distribution(absorbing), [1.0, 0.0])


# Rules without a regret that vanishes at the settings above: follow-the-leader, cycling, τ ln A, bandit noise.
NO_VANISHING_GAP = ("fictitious-play", "best-response", "logit-response", "exp3", "q-learning", "quantal")


@pytest.mark.parametrize("kind", [kind for kind in RULES if kind not in NO_VANISHING_GAP])
def test_empirical_play_tends_to_a_bcce_with_correlated_types(kind):
    """Proposition 3.1: the gap falls as rounds go on, and is small in the end."""
    game = random_game(3, (2, 2), (2, 3))

    def gap(num_rounds):
        response = sx.followers.equilibrate(jax.random.key(0), game, RULES[kind][0](), num_rounds, count_plays=True)
        return float(sx.certify(game, sx.followers.empirical_play(response.play_counts, response.strategies)).bcce_gap)

    early, late = gap(30), gap(20_000)
    assert late < 0.06
    assert late < early


def test_last_play_may_cycle_while_empirical_play_converges():
    """Matching pennies: Hedge spirals outward, best responses cycle, yet the empirical gap vanishes."""
    pennies = np.array([[1.0, 0.0], [0.0, 1.0]])
    game = sx.followers.induced_game(np.ones((1, 1)), np.stack([pennies, 1 - pennies])[:, None, None])
    rule = sx.followers.multiplicative_weights(0.05, feedback="expected")
    response = sx.followers.equilibrate(jax.random.key(3), game, rule, 30_000, count_plays=True, num_snapshots=30)
    tilted = sx.followers.equilibrate(jax.random.key(3), game, sx.followers.fictitious_play(), 30_000, count_plays=True)
    for learned in (response, tilted):
        certificate = sx.certify(game, sx.followers.empirical_play(learned.play_counts, learned.strategies))
        assert certificate.bcce_gap < 0.03
    assert sx.certify(game, sx.followers.argmax_play(tilted.strategies)).bne_gap == 1.0


@pytest.mark.parametrize("kind", RULES)
def test_a_single_follower_finds_its_best_reply(kind):
    game = sx.followers.induced_game([0.5, 0.5], [[[0.1, 0.9, 0.3], [0.8, 0.2, 0.3]]])
    response = sx.followers.equilibrate(jax.random.key(0), game, RULES[kind][0](), 2000)
    np.testing.assert_array_equal(response.strategies[0].argmax(axis=1), [1, 0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sx.followers.exp3(1.5), "exploration=1.5"),
        (lambda: sx.followers.exp3(0.0), "exploration=0"),
        (lambda: sx.followers.logit_response(-1.0), "temperature=-1"),
        (lambda: sx.followers.regret_matching(feedback="all"), "feedback=all"),
        (lambda: sx.followers.FollowersConfig(kind="guessing"), "kind=guessing"),
        (lambda: sx.followers.FollowersConfig("logit-response", temperature=float("nan")), "temperature=nan"),
    ],
)
def test_bad_settings_are_named(make, message):
    with pytest.raises(sx.InputError, match=message):
        make()
