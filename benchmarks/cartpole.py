"""PPO on CartPole, as PureJaxRL does it: a rollout by ``lax.scan``, advantages, epochs of minibatches, all compiled."""

from typing import Any

import distrax
import gymnax
import jax
import jax.numpy as jnp
import optax

from stackjax.solvers.network import stepped
from stackjax.solvers.ppo.networks import MLP

__all__ = ["cartpole"]


def cartpole(
    num_envs: int,
    inputs: int = 4,
    outputs: int = 2,
    hidden: tuple[int, ...] = (32, 32),
    num_steps: int = 128,
    epochs: int = 4,
    minibatches: int = 4,
) -> tuple[Any, Any, int]:
    """``init`` and ``update`` of PPO on CartPole, and decisions in an update.

    With more ``inputs`` than CartPole's 4 the others are 0, with fewer it sees so many; with more ``outputs`` than 2, a logit
    is the sum of every second.
    """
    env, params = gymnax.make("CartPole-v1")
    actor, critic = MLP(hidden, outputs, 0.01), MLP(hidden, 1, 1.0)
    wide = lambda seen: jnp.pad(seen, ((0, 0), (0, max(0, inputs - 4))))[:, :inputs]
    policy_at = lambda weights, seen: distrax.Categorical(actor.apply(weights, seen).reshape(len(seen), -1, 2).sum(axis=1))
    rule = optax.chain(optax.clip_by_global_norm(0.5), optax.adam(2.5e-4, eps=1e-5))

    def init(key: Any) -> Any:
        keys = jax.random.split(key, 4)
        seen, state = jax.vmap(env.reset, (0, None))(jax.random.split(keys[0], num_envs), params)
        seen = wide(seen)
        weights = {"actor": actor.init(keys[1], seen), "critic": critic.init(keys[2], seen)}
        return weights, rule.init(weights), seen, state, keys[3]

    def update(carry: Any) -> Any:
        weights, held, seen, state, key = carry

        def step(carry: Any, key: Any) -> Any:
            seen, state = carry
            draw_key, step_key = jax.random.split(key)
            policy = policy_at(weights["actor"], seen)
            action, log_prob = policy.sample_and_log_prob(seed=draw_key)
            value = critic.apply(weights["critic"], seen)[..., 0]
            keys = jax.random.split(step_key, num_envs)
            after, state, reward, terminated, truncated, _ = jax.vmap(env.step, (0, 0, 0, None))(keys, state, action, params)
            ended = jnp.logical_or(terminated, truncated)
            return (wide(after), state), (seen, action, log_prob, value, reward, ended.astype(jnp.float32))

        key, roll_key, mix_key = jax.random.split(key, 3)
        (seen, state), batch = jax.lax.scan(step, (seen, state), jax.random.split(roll_key, num_steps))
        last = critic.apply(weights["critic"], seen)[..., 0]

        def back(carry: Any, moment: Any) -> Any:
            advantage, following = carry
            value, reward, ended = moment
            advantage = reward + 0.99 * following * (1 - ended) - value + 0.99 * 0.95 * (1 - ended) * advantage
            return (advantage, value), advantage

        _, advantages = jax.lax.scan(back, (jnp.zeros_like(last), last), batch[3:], reverse=True)
        flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), (*batch[:4], advantages, advantages + batch[3]))

        def loss(weights: Any, part: Any) -> Any:
            seen, action, old, _, advantage, target = part
            policy = policy_at(weights["actor"], seen)
            ratio = jnp.exp(policy.log_prob(action) - old)
            advantage = (advantage - advantage.mean()) / (advantage.std() + 1e-8)
            gains = jnp.minimum(ratio * advantage, jnp.clip(ratio, 0.8, 1.2) * advantage).mean()
            error = ((critic.apply(weights["critic"], seen)[..., 0] - target) ** 2).mean()
            return 0.5 * error - gains - 0.01 * policy.entropy().mean()

        def epoch(carry: Any, key: Any) -> Any:
            order = jax.random.permutation(key, num_envs * num_steps)
            parts = jax.tree.map(lambda leaf: leaf[order].reshape(minibatches, -1, *leaf.shape[1:]), flat)
            learn = lambda carry, part: (stepped(rule, carry[0], jax.grad(loss)(carry[0], part), carry[1]), None)
            return jax.lax.scan(learn, carry, parts)[0], None

        (weights, held), _ = jax.lax.scan(epoch, (weights, held), jax.random.split(mix_key, epochs))
        return weights, held, seen, state, key

    return init, update, num_envs * num_steps
