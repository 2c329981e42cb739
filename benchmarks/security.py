"""Security games: thousands of instances are answered and climbed in one program, beside one linear programme at a time.

One process, one run, medians of repeated runs after a first one; what that one takes more, the compilation, is told apart.
Payoffs are arrays, so that all instances share one compiled program.
"""

import dataclasses
import json
import pathlib
import platform

import jax
import jax.numpy as jnp
import numpy as np
import tyro

import stackjax as sx
from planning import measure
from stackjax.bayesian.games.security.game import SecurityGame
from stackjax.bayesian.games.security.tables import random_security
from stackjax.bayesian.linear.programmes import best_holding
from stackjax.bayesian.problem import BayesianProblem
from stackjax.solvers.direct import direct

RANGES = ((-10.0, 10.0), (-10.0, 10.0))  # in which random payoffs lie


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to measure."""

    instances: int = 4096
    """Random instances that are climbed together."""
    targets: int = 10
    """Targets of each."""
    guards: int = 3
    """Guards of each."""
    updates: int = 40
    """Updates of `direct`, whose population is 32."""
    programmes: int = 32
    """Instances that linear programmes solve, one programme for each target."""
    repeats: int = 3
    """Timed runs of each; the median is reported."""
    out: pathlib.Path | None = None
    """Where to write the figures as JSON."""


def by_programmes(game: SecurityGame) -> float:
    """The optimum against one type of attacker: the best of the programmes that hold each target to be attacked."""
    linear = game.linear()
    found = [best_holding(linear, [target]) for target in range(game.num_actions[0])]
    return max(one[0] for one in found if one is not None)


def main(settings: Settings) -> None:
    tables = [random_security(settings.targets, settings.guards, 1, seed) for seed in range(settings.instances)]
    sides = [jnp.asarray(np.stack([getattr(one, side) for one in tables]), jnp.float32) for side in ("defender", "attacker")]
    config = sx.DirectConfig(num_updates=settings.updates, population=32, starts=1)

    def problem_of(defender: jax.Array, attacker: jax.Array) -> BayesianProblem:
        game = SecurityGame(tables[0]._replace(defender=defender, attacker=attacker), RANGES)
        return BayesianProblem(sx.StackelbergPOMDP(game, sx.followers.best_response()))

    def climbed(defender: jax.Array, attacker: jax.Array) -> jax.Array:
        solver = direct(problem_of(defender, attacker), config)
        update = lambda _, state: solver.update(state)[0]
        return solver.commitment(jax.lax.fori_loop(0, settings.updates, update, solver.init(jax.random.key(0))))[0]

    def answered(defender: jax.Array, attacker: jax.Array, made: jax.Array) -> jax.Array:
        return problem_of(defender, attacker).worth(jax.random.key(0), made[None, None]).payoff[0]

    climb, answer = jax.jit(jax.vmap(climbed)), jax.jit(jax.vmap(answered))
    made = np.asarray(climb(*sides), np.float64)
    few = [SecurityGame(one) for one in tables[: settings.programmes]]
    best = np.array([by_programmes(game) for game in few])
    plain = np.full(settings.targets, settings.guards / settings.targets)
    reached = np.array([float(game.linear().value(own, "weak")) for game, own in zip(few, made, strict=False)])
    alike = np.array([float(game.linear().value(plain)) for game in few])
    share = (reached - alike) / (best - alike)
    rows = [
        measure("answered, stackjax", lambda: jax.block_until_ready(answer(*sides, made)), len(tables), settings.repeats),
        measure("climbed, stackjax", lambda: jax.block_until_ready(climb(*sides)), len(tables), settings.repeats),
        measure("programmes, HiGHS", lambda: [by_programmes(game) for game in few], len(few), settings.repeats),
    ]
    print(f"climbed: share of the optimum {share.mean():.4f} on average, {share.min():.4f} at least")
    ratio = rows[1]["per_second"] / rows[2]["per_second"]
    print(f"{ratio:.1f} times as many instances a second as by programmes, which are exact")
    if settings.out is not None:
        found = {"share_mean": float(share.mean()), "share_least": float(share.min()), "ratio": ratio}
        device = jax.devices()[0]
        about = {"device": f"{device.platform}: {device.device_kind}", "machine": platform.machine(), "jax": jax.__version__}
        content = {"settings": {**dataclasses.asdict(settings), "out": None}, **about, "rows": rows, **found}
        settings.out.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Settings))
