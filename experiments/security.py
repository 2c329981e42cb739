"""Where to guard: learners beside exact methods, as the types of the attacker grow in number. Random instances, 20 targets.

A *share* is 0 for the same coverage everywhere and 1 for the best that any method found on the instance; all commitments are
judged exactly, ties for the leader. Learners see payoffs alone; they are improved by programmes where the name says so.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import stackjax as sx
from stackjax.bayesian.games.security.game import SecurityGame
from stackjax.bayesian.games.security.tables import SecurityTables, random_security
from stackjax.bayesian.linear.game import LinearGame
from stackjax.bayesian.linear.hopping import hop, hop_many, random_commitments
from stackjax.bayesian.linear.integer import best_by_integers
from stackjax.bayesian.linear.programmes import best_holding
from stackjax.bayesian.linear.solve import Solved, solve_linear
from stackjax.bayesian.problem import BayesianProblem
from stackjax.problem import Problem, Solver
from stackjax.solvers.direct import direct
from stackjax.solvers.gradient import gradient
from stackjax.solvers.search import search
from toolkit.figures import COLOURS, LINE_STYLES, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run

TYPES = (1, 3, 6, 12, 25)
TARGETS, GUARDS = 20, 5
SECONDS = 20.0  # of each exact method, an instance
STARTS = 40  # of tie-hopping
RANGES = ((-10.0, 10.0), (-10.0, 10.0))  # in which random payoffs lie
LEARNERS = ("direct", "gradient", "search")
METHODS = ("branch and bound", "integer programme", "tie-hopping", *LEARNERS, "direct, then hops")


class Outcome(NamedTuple):
    """Of a method on all instances ``[S]``: payoffs, game units, and seconds, compilation apart."""

    payoffs: np.ndarray
    seconds: np.ndarray


def evenly(game: LinearGame) -> np.ndarray:
    return np.full(game.num_variables, GUARDS / game.num_variables)


def timed(games: list[LinearGame], method: Callable[[LinearGame], np.ndarray]) -> Outcome:
    """``method`` finds a commitment in each game, one after the other."""
    payoffs, seconds = [], []
    for game in games:
        started = time.perf_counter()
        x = method(game)
        seconds.append(time.perf_counter() - started)
        payoffs.append(float(game.value(x)))
    return Outcome(np.array(payoffs), np.array(seconds))


def by_integers(game: LinearGame) -> np.ndarray:
    """What the integer programme finds in its time, judged exactly; the same coverage everywhere if that is nothing."""
    answers, _ = best_by_integers(game, ~game.never_best(), SECONDS)
    held = None if answers is None else best_holding(game, answers)
    return evenly(game) if held is None else held[1]


def learned(tables: list[SecurityTables], name: str, settings: Settings) -> tuple[np.ndarray, float]:
    """Coverages ``[S, n]`` of a learner, all instances in one program, and seconds for all of them, compilation apart."""
    updates = settings.few(400, 20)
    makers: dict[str, Callable[[Problem], Solver]] = {
        "direct": lambda problem: direct(problem, sx.DirectConfig(num_updates=updates)),
        "gradient": lambda problem: gradient(problem, sx.GradientConfig(num_updates=5 * updates)),
        "search": lambda problem: search(problem, sx.SearchConfig(num_updates=updates)),
    }
    kinds = len(tables[0].prior)
    even = tables[0]._replace(prior=np.full(kinds, 1.0 / kinds))

    def found(key: jax.Array, defender: jax.Array, attacker: jax.Array) -> jax.Array:
        game = SecurityGame(even._replace(defender=defender, attacker=attacker), RANGES)
        solver = makers[name](BayesianProblem(sx.StackelbergPOMDP(game, sx.followers.best_response())))
        steps = 5 * updates if name == "gradient" else updates
        update = lambda _, state: solver.update(state)[0]
        return solver.commitment(jax.lax.fori_loop(0, steps, update, solver.init(key)))[0]

    keys = jax.random.split(jax.random.key(0), len(tables))
    weighed = [one.defender * (kinds * one.prior)[None, :, None] for one in tables]  # the prior is part of the payoffs
    sides = [jnp.asarray(np.stack(side), jnp.float32) for side in (weighed, [one.attacker for one in tables])]
    program = jax.jit(jax.vmap(found)).lower(keys, *sides).compile()
    started = time.perf_counter()
    made = np.asarray(jax.block_until_ready(program(keys, *sides)), np.float64)
    return made, time.perf_counter() - started


def main(settings: Settings) -> None:
    experiment = Experiment("security", settings)
    types = settings.few(TYPES, TYPES[:2])
    shares, seconds, bounds, closed = {}, {}, {}, {}
    for kinds in types:
        tables = [random_security(TARGETS, GUARDS, kinds, seed) for seed in range(settings.seeds)]
        games = [SecurityGame(one).linear() for one in tables]
        known: list[Solved] = []

        def closing(game: LinearGame, known: list[Solved] = known) -> np.ndarray:
            known.append(solve_linear(game, SECONDS))
            return known[-1].commitment

        outcomes = {
            "branch and bound": timed(games, closing),
            "integer programme": timed(games, by_integers),
            "tie-hopping": timed(games, lambda game: hop_many(game, random_commitments(game, STARTS, 0))),
        }
        for name in LEARNERS:
            made, spent = learned(tables, name, settings)
            exact = [game.feasible(x) for game, x in zip(games, made, strict=True)]
            paid = np.array([float(game.value(x)) for game, x in zip(games, exact, strict=True)])
            outcomes[name] = Outcome(paid, np.full(len(games), spent / len(games)))
            if name == "direct":
                hopped = dict(zip(map(id, games), exact, strict=True))
                more = timed(games, lambda game, hopped=hopped: hop(game, hopped[id(game)]))
                outcomes["direct, then hops"] = more._replace(seconds=more.seconds + outcomes[name].seconds)
        best = np.max([outcome.payoffs for outcome in outcomes.values()], axis=0)
        base = np.array([float(game.value(evenly(game))) for game in games])
        shares[kinds] = {name: (outcomes[name].payoffs - base) / (best - base) for name in METHODS}
        seconds[kinds] = {name: outcomes[name].seconds for name in METHODS}
        bounds[kinds] = (np.array([one.bound for one in known]) - base) / (best - base)
        closed[kinds] = np.array([one.closed for one in known])
        print(f"  {kinds} types: {closed[kinds].sum()} of {len(games)} closed", flush=True)

    told = lambda values, of=np.mean: "; ".join(f"{kinds} types {of(values(kinds)):.3f}" for kinds in types)
    rows = {name: told(lambda kinds, name=name: shares[kinds][name]) for name in METHODS}
    experiment.claim(
        "security games",
        f"branch and bound closes every instance in {SECONDS:g} s",
        "; ".join(f"{kinds} types {closed[kinds].sum()} of {len(closed[kinds])}" for kinds in types)
        + f"; bounds as shares {told(lambda kinds: bounds[kinds], np.max)} at most",
        all(one.all() for one in closed.values()),
        f"{TARGETS} targets, {GUARDS} guards; prices of a decomposition, then linear programmes answer by answer",
    )
    for name, least in (("direct", 0.99), ("direct, then hops", 0.999), ("gradient", 0.99), ("tie-hopping", 0.999)):
        experiment.claim(
            "security games",
            f"{name} finds {least:.1%} of the best known on every instance",
            f"mean shares {rows[name]}; least {told(lambda kinds, name=name: shares[kinds][name], np.min)}; seconds an "
            f"instance {told(lambda kinds, name=name: seconds[kinds][name])}",
            all(shares[kinds][name].min() >= least for kinds in types),
        )
    many = types[-1]
    experiment.claim(
        "security games",
        f"with {many} types direct and hops find more than the integer programme does in {SECONDS:g} s",
        f"integer programme {rows['integer programme']}; seconds "
        f"{told(lambda kinds: seconds[kinds]['integer programme'])}; search {rows['search']}",
        bool((shares[many]["direct, then hops"] >= shares[many]["integer programme"] - 1e-6).all()),
        "on every instance; the programme is the tight one, over hulls of answers, without large constants",
    )
    figure, panels = new_figure(columns=2)
    for colour, style, name in zip((*COLOURS, *COLOURS), (*LINE_STYLES, *LINE_STYLES), METHODS, strict=False):
        panels[0, 0].plot(types, [shares[kinds][name].mean() for kinds in types], color=colour, linestyle=style, label=name)
        panels[0, 1].plot(types, [seconds[kinds][name].mean() for kinds in types], color=colour, linestyle=style)
    panels[0, 0].set(xlabel="types of the attacker", ylabel="share of the best known", ylim=(0.4, 1.02))
    panels[0, 1].set(xlabel="types of the attacker", ylabel="seconds an instance", yscale="log")
    panels[0, 0].legend(fontsize=6, frameon=False)
    data: dict[str, Any] = {
        str(kinds): {"shares": shares[kinds], "seconds": seconds[kinds], "bounds": bounds[kinds], "closed": closed[kinds]}
        for kinds in types
    }
    experiment.write(figure, data)


if __name__ == "__main__":
    run(main)
