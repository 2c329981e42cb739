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

import jax
import tyro

import stackjax as sx
from cartpole import cartpole
from stackjax.bayesian.sampled.problem import SampledProblem
from stackjax.solvers.parts import Parts
from stackjax.solvers.policy import policy_solver

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
