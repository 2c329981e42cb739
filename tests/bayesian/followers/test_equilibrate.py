import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.followers import rounds
from stackjax.bayesian.followers.streams import next_uniforms, start_streams
from tests.oracles.algorithm2 import multiplicative_weights as algorithm2
from tests.siblings import first


def random_game(seed, num_types, num_actions, correlated=True, low=0.0, high=1.0):
    rng = np.random.default_rng(seed)
    if correlated:
        prior = rng.random(num_types)
        prior.flat[rng.integers(prior.size)] = 0.0 if prior.size > 1 else prior.flat[0]
    else:
        prior = np.ones(())
        for k in num_types:
            prior = np.multiply.outer(prior, rng.random(k))
    shape = (*num_types, *num_actions)
    payoffs = low + (high - low) * rng.random((len(num_types), *shape))
    return sx.followers.induced_game(prior / prior.sum(), payoffs, rng.random(shape))


def draws(streams, num_rounds, count):
    """The uniform numbers that each round spends."""
    advance = jax.jit(lambda streams: next_uniforms(streams, count))
    numbers = []
    for _ in range(num_rounds):
        streams, row = advance(streams)
        numbers.append(row)
    return np.stack(numbers)


@pytest.mark.parametrize("feedback", ["sampled", "expected"])
@pytest.mark.parametrize("correlated", [False, True])
@pytest.mark.parametrize(
    ("num_types", "num_actions"), first(2, [((1,), (3,)), ((2, 1, 3), (2, 3, 2)), ((2, 2), (2, 2)), ((3, 2), (2, 4))])
)
def test_equals_algorithm_2(x64, feedback, correlated, num_types, num_actions):
    game = random_game(0, num_types, num_actions, correlated)
    key, num_rounds, epsilon = jax.random.key(5), 300, 0.2
    response = sx.followers.equilibrate(
        key, game, sx.followers.multiplicative_weights(epsilon, feedback=feedback), num_rounds, count_plays=True
    )
    uniforms = draws(start_streams(key), num_rounds, 1 + len(num_types))
    expected, counts = algorithm2(game.type_prior, game.follower_payoffs, epsilon, uniforms, feedback == "expected")
    for ours, theirs in zip(response.strategies, expected, strict=True):
        assert ours.dtype == jnp.float64
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(response.play_counts, counts)


def test_batch_elements_do_not_mix():
    """Element b of a batch is learned from its own payoffs: reversing the others changes nothing about it."""
    games = [random_game(seed, (2, 2), (2, 3), correlated=False) for seed in range(4)]
    prior = games[0].type_prior

    def run(order):
        followers = np.stack([games[i].follower_payoffs for i in order], axis=-1)
        leader = np.stack([games[i].leader_payoff for i in order], axis=-1)
        game = sx.followers.InducedGame(prior, followers, leader)
        return sx.followers.equilibrate(jax.random.key(0), game, sx.followers.multiplicative_weights(), 50).strategies

    first, second = run([0, 1, 2, 3]), run([3, 1, 2, 0])
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a[..., 1:3], b[..., 1:3])
        assert not np.array_equal(a[..., 0], b[..., 0])


def test_snapshots_are_the_rounds_they_name():
    game = random_game(1, (2, 3), (3, 2))
    key, dynamics = jax.random.key(2), sx.followers.multiplicative_weights(0.3)
    response = sx.followers.equilibrate(key, game, dynamics, 23, num_snapshots=4)
    np.testing.assert_array_equal(response.snapshots.rounds, [0, 5, 10, 15])
    for place, before in enumerate([0, 5, 10, 15]):
        for i in range(2):
            expected = np.full(response.strategies[i].shape, 1 / response.strategies[i].shape[1])
            if before:
                expected = sx.followers.equilibrate(key, game, dynamics, before).strategies[i]
            np.testing.assert_allclose(response.snapshots.strategies[i][place], expected, rtol=1e-6)
    whole = sx.followers.equilibrate(key, game, dynamics, 23)
    for a, b in zip(whole.strategies, response.strategies, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_nothing_over_or_underflows(scale):
    game = random_game(3, (2, 2), (3, 3), low=-scale, high=scale)
    response = sx.followers.equilibrate(jax.random.key(0), game, sx.followers.multiplicative_weights(10.0), 3000)
    for table in response.strategies:
        assert np.isfinite(table).all()
        np.testing.assert_allclose(table.sum(axis=1), 1.0, rtol=1e-5)


def test_dominant_action_is_found_and_play_counts_add_up():
    payoffs = np.zeros((2, 1, 1, 2, 2))
    payoffs[0, 0, 0, 1], payoffs[1, 0, 0, :, 0] = 1.0, 1.0
    game = sx.followers.induced_game(np.ones((1, 1)), payoffs)
    response = sx.followers.equilibrate(jax.random.key(0), game, sx.followers.multiplicative_weights(), 500, count_plays=True)
    assert response.play_counts.sum() == 500
    assert response.strategies[0][0, 1] > 0.99
    assert response.strategies[1][0, 0] > 0.99


def test_streams_are_xoshiro128plusplus():
    """Against the recurrence in plain integers (Blackman and Vigna 2021)."""
    words = [int(word) for word in start_streams(jax.random.key(7))]
    rotated = lambda x, k: ((x << k) | (x >> (32 - k))) & 0xFFFFFFFF
    expected = []
    for _ in range(50):
        s0, s1, s2, s3 = words
        expected.append(((rotated((s0 + s3) & 0xFFFFFFFF, 7) + s0) & 0xFFFFFFFF) >> 8)
        t = (s1 << 9) & 0xFFFFFFFF
        s2, s3 = s2 ^ s0, s3 ^ s1
        s1, s0 = s1 ^ s2, s0 ^ s3
        words = [s0, s1, s2 ^ t, rotated(s3, 11)]
    _, found = next_uniforms(start_streams(jax.random.key(7)), 50)
    np.testing.assert_array_equal(found, np.array(expected) * 2.0**-24)


def test_uniforms_look_uniform_and_independent():
    """Over the batch, and over time within a stream."""
    streams = start_streams(jax.random.key(0), (20_000,))
    sample = np.asarray(next_uniforms(streams, 5)[1])
    assert sample.min() >= 0
    assert sample.max() < 1
    np.testing.assert_allclose(sample.mean(axis=1), 0.5, atol=0.01)
    np.testing.assert_allclose(np.corrcoef(sample), np.eye(5), atol=0.03)
    counts = np.stack([np.histogram(row, 16, (0, 1))[0] for row in sample])
    assert (np.abs(counts - 1250) < 5 * 1250**0.5).all()


def test_type_and_action_frequencies_follow_their_distributions():
    prior = np.array([[0.1, 0.0, 0.2], [0.3, 0.25, 0.15]])
    uniform = next_uniforms(start_streams(jax.random.key(1), (40_000,)), 1)[1][0]
    first, second = rounds.draw_types(uniform, prior, prior.shape)
    seen = np.zeros((2, 3))
    np.add.at(seen, (np.asarray(first), np.asarray(second)), 1 / 40_000)
    np.testing.assert_allclose(seen, prior, atol=0.01)
    assert seen[0, 1] == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_rounds": 0}, "num_rounds=0"),
        ({"num_rounds": 5, "num_snapshots": 6}, "num_snapshots=6"),
        ({"num_rounds": 5, "kernel": "fast"}, "kernel='fast'"),
    ],
)
def test_bad_lengths_are_named(arguments, message):
    with pytest.raises(sx.InputError, match=message):
        sx.followers.equilibrate(
            jax.random.key(0), random_game(0, (1,), (2,)), sx.followers.multiplicative_weights(), **arguments
        )


@pytest.mark.parametrize("step_size", [0.0, -1.0, float("nan"), float("inf")])
def test_bad_step_size_is_named(step_size):
    with pytest.raises(sx.InputError, match="step_size"):
        sx.followers.multiplicative_weights(step_size)


def test_proposition_3_1_on_a_hundred_games_with_correlated_types():
    """Every follower's regret at every type stays within the bound of Hedge at every T, and falls like 1 / sqrt(T).

    The bound for n rounds at a type, learning rate η and A actions is ``(ln A / η + η n / 8) / n``, and each of the two
    sides of a regret is a sum of n drawn payoffs in [0, 1] around its expectation (Azuma, at probability 1e-4 a game).
    """
    rng = np.random.default_rng(0)
    prior = rng.random((2, 2)) + 0.2
    prior /= prior.sum()
    payoffs = rng.random((2, 2, 2, 3, 3, 100))
    horizons, means = [100, 1000, 10_000], []
    for num_rounds in horizons:
        rate = np.sqrt(8 * np.log(3) / num_rounds)
        game = sx.followers.InducedGame(prior, payoffs, payoffs[0])
        rule = sx.followers.multiplicative_weights(float(np.expm1(rate)))
        response = sx.followers.equilibrate(jax.random.key(num_rounds), game, rule, num_rounds, count_plays=True)
        counts = np.asarray(response.play_counts)  # [K, K, A, A, games]
        met = counts.sum(axis=(2, 3))  # how often each type profile came up
        gaps = []
        for b in range(100):
            seen = sx.followers.induced_game(met[..., b] / num_rounds, payoffs[..., b])
            play = counts[..., b] / np.maximum(met[..., b], 1)[:, :, None, None]
            gaps.append(float(sx.certify(seen, play).bcce_gap))
        fewest = min(met.sum(axis=0).min(), met.sum(axis=1).min())
        bound = np.log(3) / (rate * fewest) + rate / 8 + np.sqrt(2 * np.log(1e4) / fewest)
        assert max(gaps) <= bound
        means.append(np.mean(gaps))
    exponent = np.polyfit(np.log(horizons), np.log(means), 1)[0]
    assert -0.75 < exponent < -0.35, (means, exponent)
