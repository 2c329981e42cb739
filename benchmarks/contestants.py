"""The ways to run rounds of multiplicative weights that `equilibration.py` compares. All play the same random Bayesian games.

A contestant takes a `Size`, the type prior and the payoffs ``[N, K.., A.., B]``, and returns ``seed -> result``, or None.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import stackjax as sx

STEP_SIZE = 0.1


@dataclasses.dataclass(frozen=True)
class Size:
    """How large the games are, how many, for how long."""

    followers: int
    types: int
    actions: int
    batch: int = 8192
    rounds: int = 1000


def random_games(size: Size) -> tuple[np.ndarray, np.ndarray]:
    """A correlated prior and payoffs ``[N, K.., A.., B]`` in [0, 1]."""
    rng = np.random.default_rng(0)
    prior = rng.random((size.types,) * size.followers)
    shape = (size.followers, *prior.shape, *(size.actions,) * size.followers, size.batch)
    return prior / prior.sum(), rng.random(shape, dtype=np.float32)


def stackjax_rounds(size: Size, prior: np.ndarray, payoffs: np.ndarray, kernel: Any = "auto") -> Callable[[int], Any]:
    """`stackjax.equilibrate`, by default as a user gets it: the fused kernel on a CPU with a compiler, else a scan."""
    rule = sx.followers.multiplicative_weights(STEP_SIZE)

    @jax.jit
    def run(key: jax.Array, tables: jax.Array) -> Any:
        game = sx.followers.InducedGame(prior, tables, tables[0])
        return sx.followers.equilibrate(key, game, rule, size.rounds, kernel=kernel).strategies

    tables = jnp.asarray(payoffs)
    return lambda seed: jax.block_until_ready(run(jax.random.key(seed), tables))


def vmap_of_scan(size: Size, prior: np.ndarray, payoffs: np.ndarray) -> Callable[[int], Any]:
    """One game written plainly, with `jax.random`, then ``vmap``."""
    log_prior = jnp.log(jnp.asarray(prior, jnp.float32)).ravel()
    followers = range(size.followers)

    def one_game(key: jax.Array, tables: jax.Array) -> jax.Array:
        def one_round(log_weights: jax.Array, round_key: jax.Array) -> tuple[jax.Array, None]:
            type_key, action_key = jax.random.split(round_key)
            types = jnp.stack(jnp.unravel_index(jax.random.categorical(type_key, log_prior), prior.shape))
            rows = log_weights[jnp.arange(size.followers), types]
            actions = jax.random.categorical(action_key, rows, axis=-1)
            for i in followers:
                others = tuple(slice(None) if j == i else actions[j] for j in followers)
                learned = tables[(i, *types, *others)]
                log_weights = log_weights.at[i, types[i]].add(jnp.log1p(STEP_SIZE) * learned)
            return log_weights, None

        start = jnp.zeros((size.followers, size.types, size.actions))
        return jax.lax.scan(one_round, start, jax.random.split(key, size.rounds))[0]

    run = jax.jit(jax.vmap(one_game))
    tables = jnp.asarray(np.ascontiguousarray(np.moveaxis(payoffs, -1, 0)))
    return lambda seed: jax.block_until_ready(run(jax.random.split(jax.random.key(seed), size.batch), tables))


def scan_rounds(size: Size, prior: np.ndarray, payoffs: np.ndarray) -> Callable[[int], Any]:
    """`stackjax.equilibrate` without its fused kernel: batch last, one scan."""
    return stackjax_rounds(size, prior, payoffs, "scan")


def plain_numba(size: Size, prior: np.ndarray, payoffs: np.ndarray) -> Callable[[int], Any] | None:
    """A parallel loop over games as one would first write it: NumPy's generator, doubles; None where numba is not installed."""
    try:
        import numba
    except ImportError:
        return None
    n, k, a, num_rounds = size.followers, size.types, size.actions, size.rounds
    cumulative = np.cumsum(prior.ravel())
    tables = np.ascontiguousarray(np.moveaxis(payoffs, -1, 0).reshape(size.batch, n, k**n, a**n)).astype(np.float64)

    @numba.njit(parallel=True)
    def run(tables: Any, cumulative: Any, seed: int) -> Any:
        batch = tables.shape[0]
        result = np.empty((batch, n, k, a))
        for b in numba.prange(batch):
            np.random.seed(seed * batch + b)
            log_weights = np.zeros((n, k, a))
            types, actions = np.zeros(n, np.int64), np.zeros(n, np.int64)
            for _ in range(num_rounds):
                profile = min(np.searchsorted(cumulative, np.random.random(), side="right"), len(cumulative) - 1)
                rest = profile
                for i in range(n - 1, -1, -1):
                    types[i] = rest % k
                    rest //= k
                joint = 0
                for i in range(n):
                    row = log_weights[i, types[i]]
                    weights = np.exp(row - row.max())
                    running = np.cumsum(weights)
                    actions[i] = np.searchsorted(running[:-1], np.random.random() * running[-1], side="right")
                    joint = joint * a + actions[i]
                stride = a ** (n - 1)
                for i in range(n):
                    start = joint - actions[i] * stride
                    for x in range(a):
                        log_weights[i, types[i], x] += np.log1p(STEP_SIZE) * tables[b, i, profile, start + x * stride]
                    stride //= a
            result[b] = log_weights
        return result

    return lambda seed: run(tables, cumulative, seed)


def tuned_numba(size: Size, prior: np.ndarray, payoffs: np.ndarray) -> Callable[[int], Any] | None:
    """The same, tuned: single precision, fast mathematics, a generator in a register; None where numba is not installed."""
    try:
        import numba
    except ImportError:
        return None
    n, k, a, num_rounds = size.followers, size.types, size.actions, size.rounds
    cumulative = np.cumsum(prior.ravel()).astype(np.float32)
    tables = np.ascontiguousarray(np.moveaxis(payoffs, -1, 0).reshape(size.batch, n, k**n, a**n))
    log_step = np.float32(np.log1p(STEP_SIZE))

    @numba.njit(parallel=True, fastmath=True)
    def run(tables: Any, cumulative: Any, seed: int) -> Any:
        batch = tables.shape[0]
        result = np.empty((batch, n, k, a), np.float32)
        for b in numba.prange(batch):
            state = np.uint64(seed * 1_000_003 + b) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(1)
            log_weights = np.zeros((n, k, a), np.float32)
            types, actions = np.zeros(n, np.int64), np.zeros(n, np.int64)
            weights = np.zeros(a, np.float32)
            for _ in range(num_rounds):
                state ^= state << np.uint64(13)
                state ^= state >> np.uint64(7)
                state ^= state << np.uint64(17)
                uniform = np.float32(state >> np.uint64(40)) * np.float32(2.0**-24)
                profile = 0
                while profile < len(cumulative) - 1 and uniform >= cumulative[profile]:
                    profile += 1
                rest = profile
                for i in range(n - 1, -1, -1):
                    types[i] = rest % k
                    rest //= k
                for i in range(n):
                    largest = log_weights[i, types[i]].max()
                    total = np.float32(0)
                    for x in range(a):
                        weights[x] = np.exp(log_weights[i, types[i], x] - largest)
                        total += weights[x]
                    state ^= state << np.uint64(13)
                    state ^= state >> np.uint64(7)
                    state ^= state << np.uint64(17)
                    target = np.float32(state >> np.uint64(40)) * np.float32(2.0**-24) * total
                    x = 0
                    running = weights[0]
                    while x < a - 1 and target >= running:
                        x += 1
                        running += weights[x]
                    actions[i] = x
                joint = 0
                for i in range(n):
                    joint = joint * a + actions[i]
                stride = a ** (n - 1)
                for i in range(n):
                    start = joint - actions[i] * stride
                    for x in range(a):
                        log_weights[i, types[i], x] += log_step * tables[b, i, profile, start + x * stride]
                    stride //= a
            result[b] = log_weights
        return result

    return lambda seed: run(tables, cumulative, seed)


def numpy_loop(size: Size, prior: np.ndarray, payoffs: np.ndarray) -> Callable[[int], Any]:
    """A Python loop over rounds, NumPy over the batch; a tenth of the rounds, scaled up."""
    n, k, a = size.followers, size.types, size.actions
    tables = payoffs.reshape(n, k**n, a**n, size.batch)
    columns, log_step = np.arange(size.batch), np.float32(np.log1p(STEP_SIZE))

    def run(seed: int) -> Any:
        rng = np.random.default_rng(seed)
        log_weights = np.zeros((n, k, a, size.batch), np.float32)
        for _ in range(size.rounds // 10):
            profile = np.searchsorted(np.cumsum(prior.ravel())[:-1], rng.random(size.batch, np.float32), side="right")
            types = np.unravel_index(profile, prior.shape)
            actions = []
            for i in range(n):
                row = log_weights[i, types[i], :, columns].T
                weights = np.exp(row - row.max(axis=0)).cumsum(axis=0)
                actions.append((rng.random(size.batch, np.float32) * weights[-1] >= weights[:-1]).sum(axis=0))
            for i in range(n):
                for x in range(a):
                    joint = np.ravel_multi_index([np.full(size.batch, x) if j == i else actions[j] for j in range(n)], (a,) * n)
                    log_weights[i, types[i], x, columns] += log_step * tables[i, profile, joint, columns]
        return log_weights

    return run


CONTESTANTS: dict[str, Callable[[Size, np.ndarray, np.ndarray], Callable[[int], Any] | None]] = {
    "stackjax": stackjax_rounds,
    "stackjax, scan": scan_rounds,
    "vmap of scan": vmap_of_scan,
    "numba, tuned": tuned_numba,
    "numba, plain": plain_numba,
    "numpy": numpy_loop,
}
SHARE = {"numpy": 0.1}  # of the rounds that a contestant is timed on
