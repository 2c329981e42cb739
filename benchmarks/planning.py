"""Followers who plan: best responses in iterated games, equilibria of contracts, and groups that learn, a second.

One process, one run, medians of repeated runs after a first one; what that one takes more, the compilation, is told apart.
Beside each stands a plain NumPy form of the same computation, and a loop compiled by numba, on one core.
"""

import dataclasses
import json
import pathlib
import platform
import statistics
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numba
import numpy as np
import tyro

import stackjax as sx
from stackjax.markov import GroupFollowers, GroupProblem, iterated, random_tree, subgame_perfect, tabulate_markov
from stackjax.markov.answers import Length, best_values

CHANCE = 0.9


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to measure."""

    batch: int = 65_536
    """Leader tables that are answered at once."""
    trees: int = 1000
    """Trees of depth 10 that are solved at once."""
    group_batch: int = 256
    """Commitments that three followers answer at once."""
    rounds: int = 200
    """Rounds of learning in every step and state."""
    repeats: int = 7
    """Timed runs of each; the median is reported."""
    out: pathlib.Path | None = None
    """Where to write the figures as JSON."""


def measure(name: str, run: Callable[[], Any], count: int, repeats: int) -> dict[str, Any]:
    """``count`` problems in each run."""
    started = time.perf_counter()
    run()
    first, seconds = time.perf_counter() - started, []
    for _ in range(repeats):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    median = statistics.median(seconds)
    row = {"name": name, "seconds": median, "per_second": count / median, "first_seconds": first - median}
    print(
        f"{name:<28} {row['per_second']:>14,.0f} a second {median * 1e3:>10.1f} ms, first run {row['first_seconds']:.1f} s more"
    )
    return row


def best_responses(settings: Settings) -> list[dict[str, Any]]:
    """Backward induction over ten steps of the prisoner's dilemma against random leader tables."""
    game = iterated("prisoners-dilemma")
    length, successor = Length.of(game.horizon, game.discount), game.successor
    tables = np.random.default_rng(0).integers(0, 2, (settings.batch, game.num_states)).astype(np.int32)
    on_device, pays = jnp.asarray(tables), game.table[..., 1]
    answer = jax.jit(lambda made: best_values(tabulate_markov(game, made), length))

    def numpy_form() -> np.ndarray:
        values, columns = np.zeros(tables.shape), np.arange(2)
        after = successor[np.arange(5)[:, None], columns, tables[:, :, None]]  # [B, S, A]
        reward = pays[tables[:, :, None], columns]
        for _ in range(length.steps):
            values = (reward + np.take_along_axis(values, after.reshape(len(tables), -1), 1).reshape(after.shape)).max(axis=-1)
        return values[:, 0]

    @numba.njit
    def loop(tables: np.ndarray, successor: np.ndarray, pays: np.ndarray, steps: int) -> np.ndarray:
        found, values, after = np.empty(len(tables)), np.empty(5), np.empty(5)
        for b in range(len(tables)):
            values[:] = 0.0
            for _ in range(steps):
                for s in range(5):
                    made = tables[b, s]
                    after[s] = max(pays[made, 0] + values[successor[s, 0, made]], pays[made, 1] + values[successor[s, 1, made]])
                values[:] = after
            found[b] = values[0]
        return found

    rows = [
        measure("best responses, stackjax", lambda: jax.block_until_ready(answer(on_device)), settings.batch, settings.repeats),
        measure("best responses, NumPy", numpy_form, settings.batch, settings.repeats),
        measure("best responses, numba", lambda: loop(tables, successor, pays, length.steps), settings.batch, settings.repeats),
    ]
    np.testing.assert_allclose(answer(on_device), numpy_form(), atol=1e-4)
    np.testing.assert_allclose(loop(tables, successor, pays, length.steps), numpy_form(), atol=1e-9)
    return rows


def equilibria(settings: Settings) -> list[dict[str, Any]]:
    """Subgame-perfect contracts in complete binary trees of ten levels."""
    trees = [random_tree(seed) for seed in range(settings.trees)]
    costs, gains = (np.stack([tree[k][:, 1] for tree in trees], -1) for k in range(2))  # [S, trees]
    stacked = [jnp.asarray(np.stack([np.zeros_like(x), x], 1), jnp.float32) for x in (costs, gains)]
    solve = jax.jit(lambda costs, gains: subgame_perfect(trees[0]._replace(action_payoffs=costs, gains=gains)).principal[0])

    def numpy_form() -> np.ndarray:
        principal = agent = np.zeros((1024, costs.shape[1]))
        for level in reversed(range(10)):
            here = slice(2**level - 1, 2 ** (level + 1) - 1)
            fails, works = (np.stack([agent, principal])[:, k::2] for k in range(2))  # of each child
            earned = np.stack([np.zeros_like(costs[here]), gains[here]])
            idle, effort = (p * fails + (1 - p) * works for p in (CHANCE, 1 - CHANCE))
            q, worth = np.stack([idle[0], costs[here] + effort[0]]), np.stack([idle[1], effort[1]])
            worth = worth + np.stack([1 - CHANCE, CHANCE])[:, None, None] * earned[1]
            paid = np.maximum(q[::-1] - q, 0.0) / (2 * CHANCE - 1) * CHANCE
            wanted = (worth - paid).argmax(axis=0)
            pick = lambda pair, wanted=wanted: np.where(wanted == 0, pair[0], pair[1])
            principal, agent = pick(worth - paid), pick(q + paid)
        return principal[0]

    @numba.njit
    def loop(costs: np.ndarray, gains: np.ndarray) -> np.ndarray:
        states, found = costs.shape[0], np.empty(costs.shape[1])
        principal, agent = np.zeros(2 * states + 1), np.zeros(2 * states + 1)
        for b in range(costs.shape[1]):
            for s in range(states - 1, -1, -1):
                left, right = 2 * s + 1, 2 * s + 2
                idle = CHANCE * agent[left] + (1 - CHANCE) * agent[right]
                effort = costs[s, b] + (1 - CHANCE) * agent[left] + CHANCE * agent[right]
                scale = CHANCE / (2 * CHANCE - 1)
                paid_0, paid_1 = scale * max(effort - idle, 0.0), scale * max(idle - effort, 0.0)
                worth_0 = CHANCE * principal[left] + (1 - CHANCE) * (principal[right] + gains[s, b]) - paid_0
                worth_1 = (1 - CHANCE) * principal[left] + CHANCE * (principal[right] + gains[s, b]) - paid_1
                if worth_0 >= worth_1:
                    principal[s], agent[s] = worth_0, idle + paid_0
                else:
                    principal[s], agent[s] = worth_1, effort + paid_1
            found[b] = principal[0]
        return found

    rows = [
        measure("contracts, stackjax", lambda: jax.block_until_ready(solve(*stacked)), settings.trees, settings.repeats),
        measure("contracts, NumPy", numpy_form, settings.trees, settings.repeats),
        measure("contracts, numba", lambda: loop(costs, gains), settings.trees, settings.repeats),
    ]
    np.testing.assert_allclose(solve(*stacked), numpy_form(), atol=1e-3)
    np.testing.assert_allclose(loop(costs, gains), numpy_form(), atol=1e-9)
    return rows


def groups(settings: Settings) -> list[dict[str, Any]]:
    """Learners without regret in every step and state of the commons, under random taxes: three followers, three actions."""
    problem = GroupProblem(sx.make("commons"), GroupFollowers("no-regret", rounds=settings.rounds))
    steps, eta = problem.length.steps, problem.followers.options()["step_size"]
    tables = np.random.default_rng(0).integers(0, 5, (settings.group_batch, 6)).astype(np.int32)
    on_device = jnp.asarray(tables)
    answer = jax.jit(lambda made: problem.worth(jax.random.key(0), made).payoff)
    induced = jax.device_get(jax.jit(problem.tabulate)(on_device))
    pays, chances = (np.asarray(leaf, np.float64) for leaf in (induced.follower_payoffs, induced.probability))
    successor = induced.successor

    def softmax(logits: np.ndarray) -> np.ndarray:
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)

    def numpy_form() -> np.ndarray:
        values = np.zeros((3, 7, len(tables)))
        for _ in range(steps):
            worth = pays + (chances * values[:, successor]).sum(axis=3)
            scaled = (worth * (eta / np.ptp(worth, axis=(0, 1, 2)))).reshape(3, 7, 3, 3, 3, -1)
            sums, last, played = np.zeros((3, 7, 3, len(tables))), np.zeros((3, 7, 3, len(tables))), 0.0
            for _ in range(settings.rounds):
                a, b, c = (softmax(sums[i] + last[i]) for i in range(3))
                a, b, c = a[:, :, None, None], b[:, None, :, None], c[:, None, None]
                played = played + a * b * c
                last = np.stack(
                    [(scaled[0] * b * c).sum((2, 3)), (scaled[1] * a * c).sum((1, 3)), (scaled[2] * a * b).sum((1, 2))]
                )
                sums = sums + last
            values = ((played / settings.rounds).reshape(7, 27, -1) * worth).sum(axis=2)
        return values[:, 6].mean(axis=0)

    @numba.njit
    def loop(pays: np.ndarray, chances: np.ndarray, successor: np.ndarray, steps: int, rounds: int, eta: float) -> np.ndarray:
        found, joint = np.empty(pays.shape[3]), np.empty(27)
        for n in range(pays.shape[3]):
            values, worth, after = np.zeros((3, 7)), np.empty((3, 7, 27)), np.empty((3, 7))
            for _ in range(steps):
                for i in range(3):
                    for s in range(7):
                        for j in range(27):
                            ahead = 0.0
                            for k in range(2):
                                ahead += chances[s, j, k, n] * values[i, successor[s, j, k]]
                            worth[i, s, j] = pays[i, s, j, n] + ahead
                scale = eta / (worth.max() - worth.min())
                for s in range(7):
                    sums, last, x = np.zeros((3, 3)), np.zeros((3, 3)), np.empty((3, 3))
                    joint[:] = 0.0
                    for _ in range(rounds):
                        for i in range(3):
                            top, total = (sums[i] + last[i]).max(), 0.0
                            for a in range(3):
                                x[i, a] = np.exp(sums[i, a] + last[i, a] - top)
                                total += x[i, a]
                            x[i] /= total
                        last[:] = 0.0
                        for a in range(3):
                            for b in range(3):
                                for c in range(3):
                                    j = 9 * a + 3 * b + c
                                    joint[j] += x[0, a] * x[1, b] * x[2, c] / rounds
                                    last[0, a] += scale * worth[0, s, j] * x[1, b] * x[2, c]
                                    last[1, b] += scale * worth[1, s, j] * x[0, a] * x[2, c]
                                    last[2, c] += scale * worth[2, s, j] * x[0, a] * x[1, b]
                        sums += last
                    for i in range(3):
                        after[i, s] = (joint * worth[i, s]).sum()
                values[:] = after
            found[n] = values[:, 6].mean()
        return found

    run_loop = lambda: loop(pays, chances, successor, steps, settings.rounds, eta)
    count, repeats = len(tables), settings.repeats
    rows = [
        measure("groups, stackjax", lambda: jax.block_until_ready(answer(on_device)), count, repeats),
        measure("groups, NumPy", numpy_form, count, min(repeats, 3)),
        measure("groups, numba", run_loop, count, repeats),
    ]
    np.testing.assert_allclose(run_loop(), numpy_form(), atol=1e-6)
    np.testing.assert_allclose(np.median(np.abs(answer(on_device) - run_loop())), 0.0, atol=1e-3)
    return rows


def main() -> None:
    settings = tyro.cli(Settings)
    rows = best_responses(settings) + equilibria(settings) + groups(settings)
    if settings.out is not None:
        device = jax.devices()[0]
        about = {"jax": jax.__version__, "python": platform.python_version(), "device": device.device_kind, "rows": rows}
        settings.out.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
