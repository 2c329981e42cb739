"""Judging by samples against exact numbers: intervals hold what they say they hold."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.acting import Leader
from stackjax.bayesian.pomdp.commitment import tabulate
from stackjax.bayesian.problem import BayesianProblem
from stackjax.bayesian.sampled.judge import certify_by_samples, comparisons
from stackjax.bayesian.sampled.problem import SampledProblem
from stackjax.solvers.network import PolicyNetwork

FOLLOWERS = sx.followers.multiplicative_weights()


class RandomGame(sx.OneShotGame):
    """Two followers with correlated types, random payoffs; the leader sees the first follower's action."""

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        kinds, counts = tuple(rng.integers(1, 4, 2).tolist()), tuple(rng.integers(2, 4, 2).tolist())
        self.name, self.num_actions, self.leader_actions = f"random {seed}", counts, sx.Discrete(3)
        prior = rng.random(kinds)
        self.type_prior = prior / prior.sum()
        self.table = rng.random((*kinds, *counts, 3, 3)).astype(np.float32)

    def observation(self, actions):
        return jax.nn.one_hot(actions[0], self.num_actions[0])

    def outcome_payoffs(self, types, actions, leader_action):
        return jnp.asarray(self.table)[(*types, *actions, leader_action)]


def exactly(game, followers, leader, strategies):
    """The leader's payoff, and the most that a type gains by another action, if followers play as ``strategies [N, K, A]``.

    ``followers`` and ``leader`` are the tables of payoffs that the commitment leaves.
    """
    prior, n = game.type_prior, game.num_followers
    chosen = strategies.argmax(axis=-1)
    payoff, gains = 0.0, {}
    for types in np.ndindex(*prior.shape):
        actions = tuple(int(chosen[i, k]) for i, k in enumerate(types))
        payoff += prior[types] * leader[(*types, *actions)]
        for i in range(n):
            for other in range(game.num_actions[i]):
                moved = (*actions[:i], other, *actions[i + 1 :])
                gain = followers[(i, *types, *moved)] - followers[(i, *types, *actions)]
                gains.setdefault((i, types[i], other), []).append((prior[types], gain))
    means = [sum(p * g for p, g in found) / sum(p for p, _ in found) for found in gains.values() if sum(p for p, _ in found)]
    return payoff, max(0.0, *means)


def coverage(game, seeds, num_draws):
    """For each seed, whether the interval holds the payoff and the bound the gap; a random policy each."""
    exact = BayesianProblem(sx.StackelbergPOMDP(game, FOLLOWERS, 20, 16))
    sampled = SampledProblem.of(game, FOLLOWERS, num_rounds=20)
    network = PolicyNetwork.of(sampled.policies, (8,), 5, gain=3.0)

    @jax.jit
    def judged(key):
        acting = network.acting(network.init(key))
        tables = tabulate(game, exact.env.tree, exact.filled(acting)).game[1:3]
        return certify_by_samples(sampled.setting, acting.leader, key, 16, num_draws, num_draws), tables

    holds_payoff, holds_gap = [], []
    for seed in seeds:
        found, tables = jax.device_get(judged(jax.random.key(seed)))
        each = [exactly(game, *tables, strategies) for strategies in found.strategies]
        payoff, gap = np.mean([one[0] for one in each]), max(one[1] for one in each[:4])
        room = 1e-5 * np.ptp(game.leader_payoff_range)
        holds_payoff.append(abs(payoff - found.leader_payoff) <= found.half_width + room)
        holds_gap.append(gap <= found.gap_bound + 1e-6)
        assert found.gap <= found.gap_bound
    return holds_payoff, holds_gap


@pytest.mark.parametrize("name", ["posted-price-pi", "allocation"])
def test_samples_agree_with_exact_numbers(name):
    payoff, gap = coverage(sx.make(name), range(4), 256)
    assert sum(payoff) >= 3
    assert all(gap)


@pytest.mark.long
@pytest.mark.parametrize("name", ["posted-price-pi", "allocation", "maintain"])
def test_intervals_hold_the_exact_numbers_as_often_as_they_say(name):
    payoff, gap = coverage(sx.make(name), range(100), 512)
    assert sum(payoff) >= 93
    assert sum(gap) >= 95


@pytest.mark.long
def test_intervals_hold_on_random_games():
    found = [coverage(RandomGame(seed), range(5), 512) for seed in range(20)]
    assert sum(sum(payoff) for payoff, _ in found) >= 93
    assert sum(sum(gap) for _, gap in found) >= 95


def test_every_type_that_can_be_is_compared():
    class Some(RandomGame):
        def __init__(self):
            super().__init__(0)
            self.type_prior, self.num_actions = np.array([[0.5, 0.0, 0.2], [0.3, 0.0, 0.0]]), (2, 2)

    problem = SampledProblem.of(Some(), FOLLOWERS)
    assert comparisons(problem.setting).tolist() == [[0, 0], [0, 1], [1, 0], [1, 2]]


def test_a_follower_who_gains_by_deviating_is_found_out():
    """Followers who have learned for one round from nothing play the first message; the leader gives away another item."""
    game = sx.make("allocation", num_messages=2)
    problem = SampledProblem.of(game, sx.followers.multiplicative_weights(1e-6), num_rounds=1, judged_rounds=1)
    network = PolicyNetwork.of(problem.policies, (), 5, gain=0.0)
    params = jax.tree.map(jnp.asarray, network.init(jax.random.key(0)))
    kernel = jnp.array([[3.0, 0.0, 0.0], [0.0, 3.0, 0.0]])  # message 1: item 1, message 2: item 2
    params = {"params": {"Dense_0": {"kernel": kernel, "bias": params["params"]["Dense_0"]["bias"]}}}
    found = jax.jit(lambda: problem.judge(jax.random.key(0), network.acting(params), 16))()
    assert float(found.details.gap) == pytest.approx(1.0, abs=0.01)
    assert float(found.gap) >= 1.0


def test_nobody_gains_who_plays_the_best_action():
    """Gains are over what is played, the second action, and not over the first."""

    class Prefers(sx.OneShotGame):
        name, num_actions, leader_actions, type_prior = "prefers", (2,), sx.Discrete(2), np.ones(1)
        observation = lambda self, actions: jnp.ones(1)
        outcome_payoffs = lambda self, types, actions, leader_action: jnp.stack([0.0, jnp.where(actions[0] == 1, 1.0, 0.0)])

    setting = SampledProblem.of(Prefers(), sx.followers.multiplicative_weights(), num_rounds=50).setting
    leader = Leader(lambda observation, uniforms: jnp.int32(0), lambda choice: choice)
    found = certify_by_samples(setting, leader, jax.random.key(0), 2, paid_draws=16, paired_draws=64)
    assert float(found.follower_payoffs[0]) == 1.0
    assert float(found.gap) == 0.0
