"""Leaders compared at equal numbers of Stackelberg episodes: how much of the optimum each reaches, how often, in what time.

Every leader is trained by `sx.train` with its default settings, `direct` with half of its updates so that all have 51,200
episodes a seed. The result is polished by default (4,096 evaluations more; not `direct`'s) and judged again; what it was before
polishing is told apart (*learned*). A *share* is 0 for the mean payoff of random commitments and 1 for the optimum. Optima are
exact: closed forms, linear programmes, or, for the random Bayesian games, the best of all commitments, each judged.
"""

import dataclasses
import json
import pathlib
import platform
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import tyro

import stackjax as sx
from reinforce import REINFORCE, ReinforceConfig
from stackjax.bayesian.games.base import OneShotGame
from stackjax.problem import Problem
from stackjax.solvers.config import DirectConfig, SearchConfig
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import GivenGame
from stackjax.types import Array

AT_OPTIMUM = 1e-3  # of the way from a random commitment to the optimum


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to compare."""

    seeds: int = 5
    """Seeds of each leader on each problem."""
    instances: int = 5
    """Random games of each kind and size."""
    problems: tuple[str, ...] = ()
    """Kinds of problems: registered, independent, at-odds, bayesian, posted-price. All if none is named."""
    leaders: tuple[str, ...] = ("search", "reinforce", "ppo", "ppo-none", "direct")
    """Leaders; ppo-none is PPO whose critic sees no tables."""
    sizes: tuple[int, ...] = (3, 8, 16, 32)
    """Rows and columns of the random matrix games."""
    out: pathlib.Path | None = None
    """Where to write the figures as JSON, after every problem; what is there already is not measured again."""


LEADERS: dict[str, Any] = {
    "search": SearchConfig(),
    "reinforce": ReinforceConfig(),
    "ppo": sx.PPOConfig(),
    "ppo-none": sx.PPOConfig(critic_inputs="none"),
    "direct": DirectConfig(num_updates=200),  # as many episodes as the others
}


class RandomBayesian(OneShotGame):
    """Two followers with two types each send one of two messages; the leader answers both with one of four actions.

    Everybody's payoff is uniform in [0, 1] for each profile of types and leader action.
    """

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.name = f"random-bayesian-{seed}"
        prior = rng.random((2, 2))
        self.type_prior = prior / prior.sum()
        self.num_actions = (2, 2)
        self.leader_actions = sx.Discrete(4)
        self._payoffs = rng.random((2, 2, 4, 3)).astype(np.float32)

    def observation(self, actions: Array) -> Array:
        return jnp.concatenate([jnp.eye(2)[actions[0]], jnp.eye(2)[actions[1]]])

    def outcome_payoffs(self, types: Array, actions: Array, leader_action: Array) -> Array:
        del actions
        return jnp.asarray(self._payoffs)[types[0], types[1], leader_action]


class Contest(NamedTuple):
    """A game: its kind and name, how to make it, and whether its optimum is the best of all commitments, each judged."""

    kind: str
    name: str
    make: Callable[[], Any]
    is_enumerated: bool = False


def matrix(size: int, seed: int, *, at_odds: bool) -> Any:
    """A game whose leader mixes ``size`` rows; at odds, the follower wants what the leader does not."""
    leader, noise = np.random.default_rng(seed).random((2, size, size))
    follower = 0.6 * (1.0 - leader) + 0.4 * noise if at_odds else noise
    return sx.matrix_game(np.stack([leader, follower], axis=-1), randomized=True, name=f"{size}x{size}-{seed}")


def contests(settings: Settings) -> list[Contest]:
    found = [Contest("registered", entry.name, lambda name=entry.name: sx.make(name)) for entry in sx.registered_games()]
    for kind, at_odds in (("independent", False), ("at-odds", True)):
        for size in settings.sizes:
            for seed in range(1000, 1000 + settings.instances):
                make = lambda size=size, seed=seed, at_odds=at_odds: matrix(size, seed, at_odds=at_odds)
                found.append(Contest(kind, f"{size} x {size}, {seed}", make))
    seeds = range(settings.instances)
    found += [Contest("bayesian", f"instance {seed}", lambda seed=seed: RandomBayesian(seed), True) for seed in seeds]
    for types in (3, 4, 5, 6):
        for messages in (2, 3):
            options = {"num_types": types, "num_messages": messages}
            make = lambda options=options: sx.make("posted-price-uniform", **options)
            found.append(Contest("posted-price", f"n = {types}, m = {messages}", make))
    return [contest for contest in found if not settings.problems or contest.kind in settings.problems]


def problem_of(game: Any) -> Problem:
    """As `sx.train` makes it by default."""
    return RunSpec(GivenGame.of(game), {}, {}, DirectConfig()).build_problem()


def random_payoff(problem: Problem) -> float:
    """The mean payoff of 4096 random commitments."""
    commitments = problem.commitments.draw(jax.random.key(0), 4096)
    return float(jax.jit(problem.worth)(jax.random.key(1), commitments).payoff.mean())


def best_of_all(problem: Problem) -> float:
    """The best payoff of all commitments against which followers settle, each judged against 16 groups of followers."""
    nodes, n = problem.commitments.num_nodes, problem.commitments.actions.n
    every = jnp.asarray(np.indices((n,) * nodes).reshape(nodes, -1).T, jnp.int32)
    judge = jax.jit(lambda made: jax.lax.map(lambda one: problem.judge(jax.random.key(2), one, 16)[:2], made))
    payoff, gap = judge(every)
    return float(jnp.where(gap <= problem.settled_gap, payoff, -jnp.inf).max())


def compare(contest: Contest, settings: Settings, known: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A row for each leader: shares of the optimum, seeds that reach it, gaps and seconds. ``known`` are earlier rows."""
    identity = lambda row: (row["kind"], row["problem"], row["leader"], len(row["share"]))
    have = {identity(row): row for row in known}
    wanted = [(contest.kind, contest.name, leader, settings.seeds) for leader in settings.leaders]
    if all(key in have for key in wanted):
        return [have[key] for key in wanted]
    game = contest.make()
    problem = problem_of(game)
    known_optimum = None if contest.is_enumerated else problem.optimum()
    optimum = best_of_all(problem) if known_optimum is None else known_optimum.value
    floor = random_payoff(problem)
    rows = []
    for name, key in zip(settings.leaders, wanted, strict=True):
        if key in have:
            rows.append(have[key])
            continue
        started = time.perf_counter()
        try:
            run = sx.train(game, solver=LEADERS[name], seeds=settings.seeds, stop_at_optimum=False, progress=False)
        except sx.InputError as error:
            print(f"{contest.kind:<12} {contest.name:<24} {name:<10} left out: {error}", flush=True)
            continue
        seconds = time.perf_counter() - started
        entries = run.result["seeds"]
        payoffs, settled = (np.array([entry[name] for entry in entries]) for name in ("leader_payoff", "settled"))
        before = [entry["learned"] or entry for entry in entries]
        share_of = lambda payoffs: (payoffs - floor) / (optimum - floor) if optimum > floor else np.ones_like(payoffs)
        share, learned = share_of(payoffs), share_of(np.array([entry["leader_payoff"] for entry in before]))
        rows.append(
            {
                "kind": contest.kind,
                "problem": contest.name,
                "leader": name,
                "optimum": optimum,
                "random": floor,
                "payoffs": payoffs.tolist(),
                "share": share.tolist(),
                "learned": learned.tolist(),
                "at_optimum": int(((share >= 1.0 - AT_OPTIMUM) & settled).sum()),
                "unsettled": int((~settled).sum()),
                "largest_gap": max(entry[problem.gap_name] for entry in entries),
                "seconds": seconds,
                "train_seconds": run.result["wall_seconds"]["train"],
            }
        )
        row = rows[-1]
        print(
            f"{contest.kind:<12} {contest.name:<24} {name:<10} share {share.mean():.4f} (least {share.min():.4f}), "
            f"learned {learned.mean():.4f} (least {learned.min():.4f}), "
            f"at the optimum {row['at_optimum']} of {settings.seeds}, gap {row['largest_gap']:.3g}, "
            f"train {row['train_seconds']:.1f} s of {seconds:.1f} s",
            flush=True,
        )
    return rows


def main() -> None:
    settings = tyro.cli(Settings)
    sx.register_solver(REINFORCE)
    known = (
        json.loads(settings.out.read_text(encoding="utf-8"))["rows"]
        if settings.out is not None and settings.out.is_file()
        else []
    )
    rows: list[dict[str, Any]] = []
    for contest in contests(settings):
        rows += compare(contest, settings, known)
        if settings.out is not None:
            write(settings.out, rows, known)
    print()
    for kind in dict.fromkeys(row["kind"] for row in rows):
        for leader in settings.leaders:
            those = [row for row in rows if (row["kind"], row["leader"]) == (kind, leader)]
            share, learned = (np.concatenate([row[name] for row in those]) for name in ("share", "learned"))
            reached = sum(row["at_optimum"] for row in those) / share.size
            words = f"{kind:<12} {leader:<10} share {share.mean():.4f}, least {share.min():.4f}, at the optimum {reached:.0%}"
            print(f"{words}; learned {learned.mean():.4f}, least {learned.min():.4f}")


def write(out: pathlib.Path, rows: list[dict[str, Any]], known: list[dict[str, Any]]) -> None:
    """``rows``, and what is ``known`` of other problems and leaders, with what measured them."""
    others = [row for row in known if row not in rows]
    about = {"jax": jax.__version__, "python": platform.python_version(), "device": jax.devices()[0].device_kind}
    out.write_text(json.dumps({**about, "rows": others + rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
