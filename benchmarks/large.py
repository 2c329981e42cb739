"""Games too large for tables: leader decisions a second, followers' learning included, beside PPO on CartPole in the same run.

CartPole is played and learned as PureJaxRL does it: a rollout by ``lax.scan``, advantages, epochs of minibatches, all compiled,
with the same hidden layers, and once more with as many inputs and outputs as the game's network. One process; medians after a
first run, which is compilation and is told apart.
"""

import dataclasses
import json
import pathlib
import platform
import statistics
import time
from typing import Any

import distrax
import gymnax
import jax
import jax.numpy as jnp
import optax
import tyro

import stackjax as sx
from stackjax.bayesian.sampled.problem import SampledProblem
from stackjax.solvers.network import stepped
from stackjax.solvers.parts import Parts
from stackjax.solvers.policy import policy_solver
from stackjax.solvers.ppo.networks import MLP

HIDDEN = (32, 32)
GAMES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("copies", {"num_copies": 2}),
    ("copies", {"num_copies": 4}),
    ("posted-price-uniform", {"num_agents": 12}),
    ("posted-price-uniform", {"num_agents": 6, "num_messages": 4}),
    ("sequential-prices", {"num_agents": 20, "num_items": 5}),
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to measure."""

    games: int = 3
    """How many of the games, in order."""
    num_rounds: int = 60
    """T, rounds of learning in an episode."""
    num_envs: int = 64
    """Episodes, or environments, side by side."""
    repeats: int = 5
    """Timed runs of each; the median is reported."""
    out: pathlib.Path | None = None
    """Where to write the figures as JSON."""


def cartpole(num_envs: int, inputs: int = 4, outputs: int = 2) -> tuple[Any, Any, int]:
    """``init`` and ``update`` of PPO on CartPole, and decisions in an update.

    With more ``inputs`` than CartPole's 4 the others are 0; with more ``outputs`` than 2, a logit is the sum of every second.
    """
    num_steps, epochs, minibatches = 128, 4, 4
    env, params = gymnax.make("CartPole-v1")
    actor, critic = MLP(HIDDEN, outputs, 0.01), MLP(HIDDEN, 1, 1.0)
    wide = lambda seen: jnp.pad(seen, ((0, 0), (0, inputs - 4)))
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


def _seconds(compiled: Any, state: Any) -> float:
    started = time.perf_counter()
    jax.block_until_ready(compiled(state))
    return time.perf_counter() - started


def main(settings: Settings) -> None:
    rows: list[dict[str, Any]] = []

    def timed(name: str, init: Any, update: Any, decisions: float | None) -> float:
        state = jax.jit(init)(jax.random.key(0))
        started = time.perf_counter()
        compiled = jax.jit(update).lower(state).compile()
        compile_seconds = time.perf_counter() - started
        if decisions is None:  # as many as were made, which depends on the policy
            decisions = float(compiled(state)[1]["decisions"])
        seconds = statistics.median(_seconds(compiled, state) for _ in range(settings.repeats))
        memory = compiled.memory_analysis()
        mib = (memory.temp_size_in_bytes + memory.argument_size_in_bytes) / 2**20
        row = {"name": name, "decisions_per_second": decisions / seconds, "update_ms": 1e3 * seconds, "mib": mib}
        rows.append({**row, "compile_seconds": compile_seconds})
        print(
            f"{name:48s} {decisions / seconds:12,.0f} decisions/s {1e3 * seconds:9.1f} ms an update {mib:7.1f} MiB", flush=True
        )
        return decisions / seconds

    plain = timed("CartPole, PPO", *cartpole(settings.num_envs))
    ratios = []
    for game, options in GAMES[: settings.games]:
        dynamics = sx.followers.multiplicative_weights()
        problem = SampledProblem.of(sx.make(game, **options), dynamics, settings.num_rounds)
        solver = policy_solver(problem, sx.PolicyConfig(num_envs=settings.num_envs, hidden_sizes=HIDDEN))
        name = f"{game} {' '.join(f'{k}={v}' for k, v in options.items())}"
        own = timed(name, solver.init, solver.update, None)
        inputs, outputs = (
            problem.policies.observation_size,
            Parts.of(problem.policies, sx.PolicyConfig().grid_points).num_outputs,
        )
        outputs += outputs % 2
        as_large = timed(f"CartPole, {inputs} inputs, {outputs} outputs", *cartpole(settings.num_envs, inputs, outputs))
        ratios.append((name, own / plain, own / as_large))
    for name, beside_plain, beside_large in ratios:
        print(f"{name:48s} {beside_plain:.2f} times CartPole's, {beside_large:.2f} times it with as many inputs and outputs")
    if settings.out is not None:
        about = {"device": str(jax.devices()[0].device_kind), "jax": jax.__version__, "python": platform.python_version()}
        settings.out.write_text(
            json.dumps({**about, **dataclasses.asdict(settings), "out": None, "rows": rows}, indent=1) + "\n", encoding="utf-8"
        )


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
