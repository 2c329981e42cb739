"""Learning in extensive-form games on one core: iterations a CPU second, beside OpenSpiel's Python, C++ and JAX forms.

One process, one run, the fastest of repeated runs after a first one; compile time apart, in CPU seconds. OpenSpiel computes in
float64, stackjax in float32. CFR+ is alternating. NashConv after as many iterations of both is printed.
"""

import os

if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})  # before JAX counts cores

import dataclasses
import json
import pathlib
import platform
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import tyro

import stackjax as sx
from stackjax.extensive import ExtensiveFollowers, ExtensiveGame, cfr
from stackjax.extensive.abcs import Branching
from stackjax.extensive.induced import plan_of

GAMES = {"kuhn": "kuhn_poker", "leduc": "leduc_poker"}
AT_ONCE = {"kuhn": (1, 256, 4096), "leduc": (1, 64, 256)}  # games, or commitments


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to measure."""

    seconds: float = 2.0
    """About how long each is run for, a time."""
    repeats: int = 3
    """Timed runs of each; the fastest is reported."""
    games: tuple[str, ...] = ("kuhn", "leduc")
    """Which of Kuhn and Leduc poker."""
    out: pathlib.Path | None = None
    """Where to write the figures as JSON."""


def measure(
    settings: Settings, game: str, name: str, make: Callable[[int], Callable[[], Any]], at_once: int = 1
) -> dict[str, Any]:
    """``make(iterations)`` returns what makes that many; how many is found so that a run takes about the seconds wanted."""

    def seconds(run: Callable[[], Any]) -> float:
        started = time.process_time()
        jax.block_until_ready(run())
        return time.process_time() - started

    iterations = 1
    while True:
        run = make(iterations)
        first, taken = seconds(run), seconds(run)
        if taken > settings.seconds / 20:
            break
        iterations = int(iterations * min(max(settings.seconds / 10 / max(taken, 1e-6), 2), 100))
    iterations = max(1, int(iterations * settings.seconds / taken))
    run = make(iterations)
    first = seconds(run)
    best = min(seconds(run) for _ in range(settings.repeats))
    row = {
        "game": game,
        "name": name,
        "at_once": at_once,
        "iterations": iterations,
        "per_cpu_second": iterations * at_once / best,
    }
    row["first_cpu_seconds"] = max(first - best, 0.0)
    print(
        f"{game:<6} {name:<34} {at_once:>5} {row['per_cpu_second']:>14,.0f} first {row['first_cpu_seconds']:.1f} s more",
        flush=True,
    )
    return row


def compiled(function: Callable[[Any], Any], given: Any) -> Callable[[], Any]:
    """A program that has yet to be compiled: its first run is that, too."""
    program = jax.jit(function)
    return lambda: program(given)


def everybody(game: ExtensiveGame, at_once: int) -> Callable[[int], Callable[[], Any]]:
    """All players learn; payoffs of the games at once differ by a thousandth."""
    factors = 1.0 + 1e-3 * np.random.default_rng(0).random(at_once)
    paid = jnp.asarray(game.leaf_paid[..., None] * factors, jnp.float32)
    sizes = tuple(max(abs(low), abs(high)) for low, high in game.payoff_ranges)

    def averages(paid: Any, iterations: int) -> Any:
        learners = cfr.together(game.treeplexes, game.leaf_rows, paid, sizes)
        state = cfr.regret_start(learners, jnp.zeros(at_once), False)
        state = cfr.regret_steps(learners, state, iterations, cfr.discounts("cfr-plus"), True)
        return cfr.learnt(learners, state).average

    return lambda iterations: compiled(lambda paid: averages(paid, iterations), paid)


def one_follower(game: ExtensiveGame, at_once: int) -> Callable[[int], Callable[[], Any]]:
    """A follower learns against each of random commitments, as problems have it."""
    treeplex = game.treeplexes[0]
    made = np.random.default_rng(0).exponential(size=(*treeplex.mask.shape, at_once)) * treeplex.mask[..., None]
    plans = jnp.asarray(plan_of(treeplex, made / made.sum(axis=1, keepdims=True)), jnp.float32)

    def make(iterations: int) -> Callable[[], Any]:
        rule = ExtensiveFollowers("cfr-plus", iterations=iterations).build()
        return compiled(lambda plans: rule.answer(game, None, plans).payoffs, plans)

    return make


def branching(game: ExtensiveGame, lanes: int, frontier: int = 16) -> Callable[[int], Callable[[], Any]]:
    """ABCs, both players."""
    sampler = Branching(game, (0, 1), frontier=frontier)
    keys = jax.random.split(jax.random.key(0), lanes)
    one = lambda iterations: lambda key: sampler.steps(sampler.start(jnp.float32), key, iterations, {}).estimates[0].played
    return lambda iterations: compiled(jax.vmap(one(iterations)), keys)


def openspiel(name: str) -> list[tuple[str, Callable[[int], Callable[[], Any]]]]:
    """OpenSpiel's forms; each run starts anew."""
    import pyspiel
    from open_spiel.python.algorithms import cfr as python_cfr

    game = pyspiel.load_game(GAMES[name])

    def repeated(solver: Callable[[], Any], step: Callable[[Any], Any]) -> Callable[[int], Callable[[], Any]]:
        def make(iterations: int) -> Callable[[], Any]:
            def run() -> None:
                made = solver()
                for _ in range(iterations):
                    step(made)

            return run

        return make

    plus = lambda made: made.evaluate_and_update_policy()
    forms = [
        ("OpenSpiel Python, CFR+", repeated(lambda: python_cfr.CFRPlusSolver(game), plus)),
        ("OpenSpiel C++, CFR+", repeated(lambda: pyspiel.CFRPlusSolver(game), plus)),
        (
            "OpenSpiel C++, ES-MCCFR",
            repeated(lambda: pyspiel.ExternalSamplingMCCFRSolver(game, 1), lambda made: made.run_iteration()),
        ),
    ]
    try:
        from open_spiel.python.jax.cfr.jax_cfr import JaxCFR
    except ImportError:
        return forms
    solver = JaxCFR(game, regret_matching_plus=True, alternating_updates=True, linear_averaging=True)
    return [*forms, ("OpenSpiel JAX, CFR+", lambda iterations: lambda: solver.multiple_steps(iterations))]


def alike(name: str) -> dict[str, Any]:
    """NashConv after ten iterations, of stackjax and of OpenSpiel's C++ form."""
    import pyspiel
    from open_spiel.python.algorithms.exploitability import nash_conv

    game = pyspiel.load_game(GAMES[name])
    solver = pyspiel.CFRPlusSolver(game)
    for _ in range(10):
        solver.evaluate_and_update_policy()
    theirs = pyspiel.nash_conv(game, solver.average_policy()) if hasattr(pyspiel, "nash_conv") else nash_conv(game, solver)
    ours = sx.extensive.self_play(sx.make(name), told=(10,)).nash_conv[0, 0]
    print(f"{name:<6} NashConv after 10 iterations of CFR+: {ours:.6f}, OpenSpiel {theirs:.6f}")
    return {"game": name, "name": "NashConv after 10 iterations", "stackjax": float(ours), "openspiel": float(theirs)}


def main(settings: Settings) -> None:
    rows = []
    for name in settings.games:
        game = sx.make(name)
        rows.append(alike(name))
        rows += [measure(settings, name, what, make) for what, make in openspiel(name)]
        for at_once in AT_ONCE[name]:
            rows.append(measure(settings, name, "two players, CFR+", everybody(game, at_once), at_once))
        for at_once in AT_ONCE[name]:
            rows.append(measure(settings, name, "one follower, CFR+", one_follower(game, at_once), at_once))
        for what, options in (("ABCs", {}), ("ABCs, frontier 4", {"frontier": 4})):
            rows.append(measure(settings, name, what, branching(game, 32, **options), 32))
    about = {"jax": jax.__version__, "python": platform.python_version(), "device": jax.default_backend(), "cores": 1}
    if settings.out is not None:
        settings.out.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Settings))
