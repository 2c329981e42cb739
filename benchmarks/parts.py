"""What an update is made of: for every registered game and every solver that can play it, in one process.

Followers are `equilibrate` alone, for as many commitments and rounds as the update has them answer. Of `direct` the other parts
are measured apart, too; each is a program of its own, so that they need not add up to the update, which XLA compiles as one.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

import stackjax as sx
from stackjax.bayesian.followers.equilibrate import equilibrate
from stackjax.bayesian.games.induced import InducedGame
from stackjax.bayesian.pomdp.commitment import tabulate_batch
from stackjax.bayesian.problem import BayesianProblem
from stackjax.errors import InputError
from stackjax.solvers.climbing import can_climb, climbed
from stackjax.solvers.elite import merge, parents_of
from stackjax.solvers.registry import registered_solvers
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import GivenGame

OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (  # beside every game with the options that it has by default
    ("posted-price-uniform", {"num_agents": 3}),
    ("posted-price-uniform", {"num_agents": 4}),
    ("posted-price-uniform", {"num_types": 6, "num_messages": 3}),
)
COLUMNS = ("compile_seconds", "update_ms", "followers_ms", "share", "worth_ms", "tabulate_ms", "climb_ms", "merge_ms")


def timed(function: Callable[..., Any], *arguments: Any, repeats: int) -> tuple[Any, float, float]:
    """What a compiled ``function`` returns, the median milliseconds that takes, and the seconds of compiling it."""
    started = time.perf_counter()
    compiled = jax.jit(function).lower(*arguments).compile()
    compile_seconds = time.perf_counter() - started
    found, seconds = jax.block_until_ready(compiled(*arguments)), []
    for _ in range(repeats):
        started = time.perf_counter()
        jax.block_until_ready(compiled(*arguments))
        seconds.append(time.perf_counter() - started)
    return found, 1e3 * statistics.median(seconds), compile_seconds


def followers(problem: BayesianProblem, made: Any, lasting: int, repeats: int) -> tuple[float, float]:
    """Milliseconds that tabulating the commitments ``made`` and that equilibrating takes; the first ``lasting`` meet judges."""
    game, judged = problem.env.game, problem.lasting or problem.env

    def tabulated(made: Any) -> tuple[Any, ...]:
        return tuple(jnp.asarray(table) for table in tabulate_batch(game, problem.env.tree, made).game[1:3])

    def answered(key: Any, tables: Any, env: Any) -> Any:
        own, scale, floor = InducedGame(game.type_prior, *tables), game.payoff_scale, game.payoff_floor
        return equilibrate(
            key, own, env.dynamics, env.num_rounds, payoff_scale=scale, payoff_floor=floor, count_plays=env.counts_plays
        )

    def answer(key: Any, first: Any, rest: Any) -> Any:
        both = (first, judged), (rest, problem.env)
        return [answered(key, tables, env) for tables, env in both if tables[0].shape[-1]]

    tables, tabulate_ms, _ = timed(tabulated, made, repeats=repeats)
    first, rest = (
        jax.tree.map(lambda table, part=part: table[..., part], tables) for part in (slice(lasting), slice(lasting, None))
    )
    return tabulate_ms, timed(answer, jax.random.key(0), first, rest, repeats=repeats)[1]


def row(game: Any, name: str, solver: str, config: Any, repeats: int) -> dict[str, Any]:
    """The figures of one game and solver; raises `InputError` where the one cannot play the other."""
    spec = RunSpec(GivenGame.of(game), {}, {}, config)
    problem = spec.build_problem()
    built = spec.build_solver(problem)
    state = jax.jit(built.init)(jax.random.key(0))
    state, update_ms, compile_seconds = timed(lambda state: built.update(state)[0], state, repeats=repeats)
    found: dict[str, Any] = {"game": name, "solver": solver, "compile_seconds": compile_seconds, "update_ms": update_ms}
    if isinstance(problem, BayesianProblem) and built.commitments_at_once:
        is_direct = solver == "direct" and not built.tries_all
        count = built.commitments_at_once
        lasting = config.num_rechecked if is_direct else count if built.tries_all else 0
        made = problem.commitments.draw(jax.random.key(1), count)
        found["tabulate_ms"], found["followers_ms"] = followers(problem, made, lasting, repeats)
        found["share"] = found["followers_ms"] / update_ms
        key = jax.random.key(2)
        found["worth_ms"] = timed(lambda key, made: problem.worth(key, made, lasting=lasting), key, made, repeats=repeats)[1]
        if is_direct:
            keep = lambda kept, new: merge(problem, kept, new, jnp.int32(config.num_answers), config.most_alike)
            found["merge_ms"] = timed(keep, state.elite, state.elite, repeats=repeats)[1]
            if can_climb(problem):
                climbing = round(config.climb_share * (count - lasting))

                def climb(key: Any, elite: Any) -> Any:
                    parents = parents_of(elite, config.num_answers + 1, config.most_alike)
                    return climbed(problem, config, problem.commitments.actions, key, elite, parents, climbing)

                found["climb_ms"] = timed(climb, key, state.elite, repeats=repeats)[1]
    return found


def table(games: tuple[str, ...], solvers: tuple[str, ...], repeats: int) -> list[dict[str, Any]]:
    """Rows of all games and solvers that are named, all of them if none is; prints each."""
    cases = [(entry.name, dict[str, Any]()) for entry in sx.registered_games()] + list(OPTIONS)
    print(f"{'game':46s} {'solver':9s}" + "".join(f"{column:>16s}" for column in COLUMNS))
    rows = []
    for name, options in cases:
        if games and name not in games:
            continue
        game = sx.make(name, **options)
        label = " ".join([name, *(f"{key}={value}" for key, value in options.items())])
        for entry in registered_solvers():
            if solvers and entry.name not in solvers:
                continue
            try:
                found = row(game, label, entry.name, entry.config(), repeats)
            except InputError:  # another family's solver
                continue
            rows.append(found)
            cells = "".join(f"{found[column]:16.3f}" if column in found else f"{'':>16s}" for column in COLUMNS)
            print(f"{label:46s} {entry.name:9s}{cells}", flush=True)
    return rows
