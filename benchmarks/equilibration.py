"""Follower equilibration: rounds of Algorithm 2 per second against other ways to write it, and what a round costs.

One process, one run, medians; compile time apart. `contestants.py` says who runs, `README.md` what to make of it.
"""

import dataclasses
import datetime
import json
import pathlib
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib
import numpy as np
import tyro

import stackjax as sx
from contestants import CONTESTANTS, SHARE, Size, random_games

matplotlib.use("Agg")
import matplotlib.pyplot as plt

GRID = (Size(2, 2, 2), Size(2, 5, 4), Size(3, 3, 3))
SWEEPS = {  # one axis at a time, from (2, 2, 2), batch 8192, T 1000
    "rounds": (250, 1000, 4000, 16000),
    "batch": (4096, 16384, 65536, 262144),
    "followers": (1, 2, 3, 4),
    "types": (1, 2, 4, 8),
    "actions": (2, 4, 8, 16),
}
FITTED = ("rounds", "batch")  # axes along which time should grow in proportion
DRAWN = ("stackjax", "stackjax, scan")


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to measure."""

    repeats: int = 5
    """Timed runs of each contestant; the median is reported."""
    quick: bool = False
    """Only the first size, and no sweeps."""
    out: pathlib.Path | None = None
    """Where to write the figures as JSON; the picture goes beside it."""


def measure(run: Callable[[int], Any], size: Size, repeats: int, share: float = 1.0) -> dict[str, float]:
    """Median speed over ``repeats`` runs after a first one, whose extra time is the compilation."""
    started = time.perf_counter()
    run(0)
    first = time.perf_counter() - started
    seconds = []
    for seed in range(1, repeats + 1):
        started = time.perf_counter()
        run(seed)
        seconds.append(time.perf_counter() - started)
    median = statistics.median(seconds)
    return {
        "seconds": median,
        "rounds_per_second": share * size.rounds * size.batch / median,
        "games_per_second": share * size.batch / median,
        "compile_seconds": max(first - median, 0.0),
    }


def compare(size: Size, settings: Settings) -> dict[str, dict[str, float]]:
    """All contestants on the same games, printed as ratios."""
    prior, payoffs = random_games(size)
    print(f"{size.followers} followers, {size.types} types, {size.actions} actions, batch {size.batch}, T {size.rounds}")
    figures: dict[str, dict[str, float]] = {}
    for name, make in CONTESTANTS.items():
        run = make(size, prior, payoffs)
        if run is None:
            print(f"  {name:<16} not installed")
            continue
        figure = measure(run, size, settings.repeats, SHARE.get(name, 1.0))
        figures[name] = figure
        ratio = figures["stackjax"]["rounds_per_second"] / figure["rounds_per_second"]
        speed = figure["rounds_per_second"] / 1e6
        print(
            f"  {name:<16} {speed:>9.2f} M rounds/s  stackjax is {ratio:.1f}x  compile {figure['compile_seconds']:.1f} s",
            flush=True,
        )
    return figures


def sweep(axis: str, settings: Settings) -> list[dict[str, Any]]:
    """stackjax along one axis, with and without its kernel."""
    points = []
    for value in SWEEPS[axis]:
        size = dataclasses.replace(GRID[0], **{axis: value})
        prior, payoffs = random_games(size)
        for name in DRAWN:
            figure = measure(CONTESTANTS[name](size, prior, payoffs), size, settings.repeats)
            points.append({"axis": axis, "value": value, "contestant": name, **figure})
    return points


def exponents(points: list[dict[str, Any]]) -> dict[str, float]:
    """The b of ``seconds ~ value ** b``, least squares on logarithms."""
    fits = {}
    for axis in FITTED:
        for name in DRAWN:
            chosen = [point for point in points if point["axis"] == axis and point["contestant"] == name]
            logs = np.log([[point["value"], point["seconds"]] for point in chosen])
            fits[f"{axis}: {name}"] = float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])
    return fits


def scratch_bytes() -> dict[str, int]:
    """What the compiled program needs besides its arguments and results, by number of rounds: flat if memory is."""
    prior, payoffs = random_games(GRID[0])
    tables, rule = jnp.asarray(payoffs), sx.followers.multiplicative_weights()

    def needed(num_rounds: int) -> int:
        game = sx.followers.InducedGame(prior, tables, tables[0])
        run = jax.jit(lambda key: sx.followers.equilibrate(key, game, rule, num_rounds).strategies)
        return int(run.lower(jax.random.key(0)).compile().memory_analysis().temp_size_in_bytes)

    return {str(num_rounds): needed(num_rounds) for num_rounds in (100, 10_000, 1_000_000)}


def draw(points: list[dict[str, Any]], title: str, path: pathlib.Path) -> None:
    """Nanoseconds a round of one game against each axis."""
    figure, panels = plt.subplots(1, len(SWEEPS), figsize=(13, 3), sharey=True, layout="constrained")
    names = {
        "rounds": "rounds T",
        "batch": "games in the batch",
        "followers": "followers",
        "types": "types each",
        "actions": "actions each",
    }
    for panel, axis in zip(panels, SWEEPS, strict=True):
        for name, colour, marker in zip(DRAWN, ("#0072B2", "#D55E00"), "os", strict=True):
            chosen = [point for point in points if point["axis"] == axis and point["contestant"] == name]
            panel.plot(
                [point["value"] for point in chosen],
                [1e9 / point["rounds_per_second"] for point in chosen],
                marker + "-",
                color=colour,
                label={"stackjax": "fused kernel", "stackjax, scan": "scan"}[name],
            )
        panel.set(xscale="log", yscale="log", xlabel=names[axis])
        panel.set_xticks(SWEEPS[axis], [str(value) for value in SWEEPS[axis]])
        panel.minorticks_off()
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("ns a round of one game")
    panels[0].legend(frameon=False)
    figure.suptitle(title, fontsize=10)
    figure.savefig(path, dpi=150)


def main(settings: Settings) -> None:
    device = jax.devices()[0]
    result: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "device": f"{device.platform}: {device.device_kind}",
        "machine": platform.machine(),
        "versions": {"python": platform.python_version(), "jax": jax.__version__, "stackjax": sx.__version__},
        "comparison": [
            {**dataclasses.asdict(size), "contestants": compare(size, settings)}
            for size in (GRID[:1] if settings.quick else GRID)
        ],
    }
    if not settings.quick:
        points = [point for axis in SWEEPS for point in sweep(axis, settings)]
        result.update(sweeps=points, exponents=exponents(points), scratch_bytes=scratch_bytes())
        print("time grows as a power of:", ", ".join(f"{name} {value:.2f}" for name, value in result["exponents"].items()))
        print("scratch memory by rounds:", ", ".join(f"T {t}: {size} bytes" for t, size in result["scratch_bytes"].items()))
    if settings.out is not None:
        settings.out.parent.mkdir(parents=True, exist_ok=True)
        settings.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        if not settings.quick:
            draw(
                points,
                f"2 followers, 2 types, 2 actions, 8192 games, T 1000 unless varied; on {device.platform}",
                settings.out.with_suffix(".png"),
            )


if __name__ == "__main__":
    main(tyro.cli(Settings))
