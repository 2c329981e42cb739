"""Menus: a step of training and an exact evaluation, beside plain NumPy; sequential auctions, solved and judged.

One process, one run. Of what is repeated, medians after a first run; what that one takes more, the compilation, is told apart.
"""

import dataclasses
import json
import pathlib
import platform
import time
from typing import Any

import jax
import numpy as np
import tyro

import stackjax as sx
from planning import measure
from stackjax.menus import MenuProblem, Sale, SolveConfig, sale_value, solve_backward
from stackjax.menus.improve import slopes
from stackjax.menus.sales.game import MenuKind
from stackjax.solvers.gradient import gradient

SALES = (
    Sale(5, 5),
    Sale(10, 10),
    Sale(5, 5, "unit-demand"),
    Sale(10, 10, "unit-demand"),
    Sale(5, 5, "asymmetric"),
    Sale(5, 5, "three-demand"),
    Sale(10, 10, "three-demand"),
    Sale(10, 10, "bundles"),
    Sale(20, 10, "bundles"),
    Sale(20, 20),
    Sale(50, 50),
    Sale(10, 10, "complements"),
    Sale(10, 10, "asymmetric"),
)


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to measure."""

    sales: int = 5
    """How many of the sequential auctions, the quick ones first."""
    repeats: int = 7
    """Timed runs of each; the median is reported."""
    out: pathlib.Path | None = None
    """Where to write the figures as JSON."""


def numpy_step(types: np.ndarray, options: np.ndarray, sharpness: float) -> np.ndarray:
    """The softened profit's derivatives by allocations and prices, in plain NumPy: what a step of training computes."""
    allocations, prices = options[:, :-1], options[:, -1]
    gains = sharpness * np.concatenate([types @ allocations.T - prices, np.zeros((len(types), 1))], axis=1)
    chances = np.exp(gains - gains.max(axis=1, keepdims=True))
    chances /= chances.sum(axis=1, keepdims=True)
    margins = np.append(prices, 0.0)
    pull = sharpness * chances[:, :-1] * (margins[:-1] - (chances @ margins)[:, None])
    by_price = chances[:, :-1].mean(axis=0) - pull.mean(axis=0)
    return np.concatenate([pull.T @ types / len(types), by_price[:, None]], axis=1)


def menus(settings: Settings) -> list[dict[str, Any]]:
    """Two goods, 32 options, 2,048 types a step."""
    problem, count = MenuProblem(sx.make("menu-additive")), 100
    solver = gradient(problem, sx.GradientConfig())
    steps = jax.jit(lambda state: jax.lax.fori_loop(0, count, lambda _, state: solver.update(state)[0], state))
    state = jax.jit(solver.init)(jax.random.key(0))
    made = np.asarray(solver.commitment(state), np.float64)
    menu, rng = problem.menu_of(made), np.random.default_rng(0)
    rows = [measure("training step", lambda: jax.block_until_ready(steps(state)), count, settings.repeats)]
    numpy_steps = lambda: [numpy_step(rng.uniform(size=(2048, 2)), made, 100.0) for _ in range(count)]
    rows.append(measure("training step, NumPy", numpy_steps, count, settings.repeats))
    rows.append(measure("exact profit and slopes", lambda: slopes(problem.game, menu), 1, settings.repeats))
    points = rng.uniform(size=(2**20, 2))

    def sampled() -> float:
        gains = points @ menu.allocations.T - menu.prices
        return float(np.where(gains.max(axis=1) > 0, menu.prices[gains.argmax(axis=1)], 0.0).mean())

    rows.append(measure("profit of 2**20 types, NumPy", sampled, 1, settings.repeats))
    return rows


def sales(settings: Settings) -> list[dict[str, Any]]:
    """Solved once each, with compilation; judged on fresh valuations."""
    rows = []
    for sale in SALES[: settings.sales]:
        small = sale.num_items > 10 or sale.valuations == "complements"
        config = SolveConfig(num_steps=150, batch=512) if small else SolveConfig()
        if sale == Sale(10, 10, "asymmetric"):
            config = SolveConfig(num_steps=120, batch=256, value_batches=32)
        menu: MenuKind = "size" if sale.is_symmetric else "bundle"
        started = time.perf_counter()
        table = jax.block_until_ready(solve_backward(sale, jax.random.key(0), config, menu=menu))
        seconds = time.perf_counter() - started
        found = sale_value(sale, table, jax.random.key(1), 2**13 if small else 2**16)
        name = f"{sale.valuations} {sale.num_bidders} x {sale.num_items}"
        rows.append({"name": name, "seconds": seconds, "value": found.value, "half_width": found.half_width})
        print(f"{name:<28} {found.value:.4f} ± {found.half_width:.4f}, solved in {seconds:.1f} s with compilation", flush=True)
    return rows


def main() -> None:
    settings = tyro.cli(Settings)
    rows = menus(settings) + sales(settings)
    about = {"jax": jax.__version__, "python": platform.python_version(), "device": jax.devices()[0].device_kind}
    if settings.out is not None:
        settings.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
