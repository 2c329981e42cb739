"""Training throughput with PPO updates included: leader decisions per second (step path), episodes per second (committed).

Prints a table and writes JSON. Compile time is measured apart; every figure is the median of ``--repeats`` runs of a
compiled program, ended by ``block_until_ready``.
"""

import dataclasses
import json
import pathlib
import platform
import resource
import statistics
import time
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import tyro

import parts
import stackjax as sx
from cartpole import cartpole
from stackjax.solvers.ppo.networks import action_head


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to measure."""

    repeats: int = 5
    """Timed runs of each program; the median is reported."""
    parts: bool = False
    """Instead, what an update of every registered game and solver is made of; see parts.py."""
    games: tuple[str, ...] = ()
    """With --parts, the games; all if none is named."""
    solvers: tuple[str, ...] = ()
    """With --parts, the solvers; all that can play a game if none is named."""
    out: pathlib.Path | None = None
    """Where to write the figures as JSON."""


def measure(
    name: str, trainer: Any, seeds: int, num_updates: int, per_update: float, unit: str, repeats: int
) -> dict[str, Any]:
    """Time ``num_updates`` updates of ``seeds`` seeds at once; ``per_update`` is how many units a seed's update makes."""
    keys = jax.vmap(jax.random.key)(jnp.arange(seeds))
    started = time.perf_counter()
    state = jax.jit(jax.vmap(trainer.init))(keys)
    run = jax.jit(jax.vmap(lambda s: trainer.run(s, num_updates)[0])).lower(state).compile()
    compile_seconds = time.perf_counter() - started
    state = jax.block_until_ready(run(state))  # warm up
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        state = jax.block_until_ready(run(state))
        seconds.append(time.perf_counter() - started)
    units = seeds * num_updates * per_update
    return {
        "name": name,
        "unit": unit,
        "per_second": units / statistics.median(seconds),
        "per_second_best": units / min(seconds),
        "per_second_worst": units / max(seconds),
        "compile_seconds": compile_seconds,
        "seeds": seeds,
    }


def step_path(game: str, repeats: int) -> list[dict[str, Any]]:
    """PPO one decision a step, and a plain PPO on CartPole with networks of the same sizes and batches as large."""
    env = sx.StackelbergPOMDP(sx.make(game))
    config = sx.PPOConfig(path="step", num_envs=512, num_steps=64)
    decisions, trainer = config.num_envs * config.num_steps, sx.make_train(env, config)
    own = measure(f"step path, {game}", trainer, 1, 10, decisions, "leader decisions", repeats)
    inputs, outputs = env.observation_size, action_head(env.game.leader_actions, config).num_outputs
    sizes = config.hidden_sizes, config.num_steps, config.num_epochs, config.num_minibatches
    init, update, _ = cartpole(config.num_envs, inputs, outputs + outputs % 2, *sizes)
    run = lambda state, count: (jax.lax.fori_loop(0, count, lambda _, state: update(state), state), None)
    name = f"CartPole, networks as for {game}"
    plain = measure(name, SimpleNamespace(init=init, run=run), 1, 10, decisions, "decisions", repeats)
    return [own, plain]


def committed_path(game: str, seeds: int, repeats: int) -> dict[str, Any]:
    env = sx.StackelbergPOMDP(sx.make(game))
    config = sx.PPOConfig()
    name = f"committed path, {game}, T = {env.num_rounds}"
    return measure(name, sx.make_train(env, config), seeds, 10, config.num_envs, "Stackelberg episodes", repeats)


def throughput(settings: Settings) -> list[dict[str, Any]]:
    rows = [
        *step_path("posted-price-pi", settings.repeats),
        *step_path("maintain", settings.repeats),
        committed_path("posted-price-pi", 1, settings.repeats),
        committed_path("posted-price-pi", 10, settings.repeats),
        committed_path("maintain", 10, settings.repeats),
    ]
    for row in rows:
        print(
            f"{row['name']:<45} {row['per_second']:>12,.0f} {row['unit']}/s  "
            f"({row['per_second_worst']:,.0f} to {row['per_second_best']:,.0f}; {row['seeds']} seed(s); "
            f"compile {row['compile_seconds']:.1f} s)"
        )
    return rows


def main(settings: Settings) -> None:
    rows = parts.table(settings.games, settings.solvers, settings.repeats) if settings.parts else throughput(settings)
    device = jax.devices()[0]
    result = {
        "device": f"{device.platform}: {device.device_kind}",
        "machine": platform.machine(),
        "versions": {"python": platform.python_version(), "jax": jax.__version__, "stackjax": sx.__version__},
        "peak_memory_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "measurements": rows,
    }
    print(f"{result['device']}, peak memory {result['peak_memory_gib']:.2f} GiB")
    if settings.out is not None:
        settings.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Settings))
