import jax.numpy as jnp
import numpy as np
import pytest

from stackjax.solvers.ppo.advantages import advantages


def by_loop(rewards, values, terminated, visible, last_value, discount, gae_lambda):
    """GAE from its definition: for each visible step, walk forward over visible steps until the episode ends."""
    length = len(rewards)
    result = np.zeros(length)
    for t in np.flatnonzero(visible):
        total, decay, now = 0.0, 1.0, t
        while True:
            # One step of the visible chain: rewards up to the next visible step, discounted by time.
            delta, factor, step, over = -values[now], 1.0, now, False
            while True:
                delta += factor * rewards[step]
                factor *= discount
                if terminated[step]:
                    over = True
                    break
                step += 1
                if step == length:
                    delta += factor * last_value
                    over = True
                    break
                if visible[step]:
                    delta += factor * values[step]
                    break
            total += decay * delta
            if over:
                break
            decay *= factor * gae_lambda
            now = step
        result[t] = total
    return result


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("share_visible", [1.0, 0.5, 0.1])
def test_equals_loop(seed, share_visible):
    rng = np.random.default_rng(seed)
    length = 40
    rewards, values = rng.normal(size=(2, length)).astype(np.float32)
    terminated = rng.random(length) < 0.1
    visible = rng.random(length) < share_visible
    discount, gae_lambda = rng.choice([1.0, 0.9]), rng.choice([1.0, 0.95, 0.0])
    inputs = (rewards, values, terminated, visible)
    expected = by_loop(*inputs, 0.7, discount, gae_lambda)
    ours = advantages(*map(jnp.asarray, inputs), jnp.float32(0.7), discount, gae_lambda)
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)


def test_hidden_end_of_an_episode_is_not_lost():
    """A reward and an end that fall on hidden steps belong to the visible step before."""
    rewards = jnp.array([0.0, 5.0, 0.0, 7.0])
    visible = jnp.array([True, False, True, True])
    terminated = jnp.array([False, True, False, True])
    ours = advantages(rewards, jnp.zeros(4), terminated, visible, jnp.float32(99.0), 1.0, 1.0)
    np.testing.assert_allclose(ours, [5.0, 0.0, 7.0, 7.0])
