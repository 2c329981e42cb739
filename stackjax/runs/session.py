"""A training run from start to end: train in stretches, log each, checkpoint, evaluate, leave results on disk."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.equilibrium.evaluate import Evaluation, evaluate_commitment
from stackjax.errors import InputError
from stackjax.pomdp.environment import StackelbergPOMDP
from stackjax.ppo.train import Trainer, TrainState, UpdateMetrics, make_train
from stackjax.runs import metrics
from stackjax.runs.checkpoint import Checkpoints
from stackjax.runs.directory import RunDirectory
from stackjax.runs.files import to_json
from stackjax.runs.report import write_report
from stackjax.runs.results import greedy_commitment, result_of
from stackjax.runs.spec import RunSpec
from stackjax.types import Array, PyTree

__all__ = ["NonFiniteError", "Progress", "run_evaluation", "run_training"]

NUM_LOGS = 40
CHECKPOINT_SECONDS = 10.0
TABLE_BUDGET_GIB = 16.0  # what the committed path may spend on tabulated games
NUM_SCORING_GROUPS = 16  # groups of fresh followers that score a commitment on the way
PAYOFF_TOLERANCE = 1e-4  # of the leader's payoff range: payoffs closer than this count as equal when the best is kept
EVALUATION_TAG = 2**31 - 1  # folded into a seed's key so that evaluation never reuses training's draws


class NonFiniteError(RuntimeError):
    """Training met a loss or weight that is not finite; names the update and the seeds."""


class Progress(NamedTuple):
    """What a live display shows after each stretch of updates."""

    update: int
    num_updates: int
    leader_payoff: float  # of the best greedy commitment so far, mean over seeds
    bcce_gap: float  # its gap, largest over seeds
    episodes_per_second: float
    seconds_left: float


class Best(NamedTuple):
    """Each seed's best greedy commitment so far, ``[S, ...]``: the highest payoff, among equals the smallest gap."""

    params: PyTree
    update: Array
    leader_payoff: Array
    gap: Array
    highest: Array  # payoff of any so far, which equals are measured against


class RunState(NamedTuple):
    """What a checkpoint holds."""

    train: TrainState  # [S, ...]
    best: Best


class Stretch(NamedTuple):
    """A stretch of updates: mean metrics, and for each seed the first update that went non-finite, or -1."""

    metrics: UpdateMetrics
    first_bad: Array


def run_training(
    spec: RunSpec,
    directory: RunDirectory,
    *,
    resume: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> dict[str, Any]:
    """Train ``spec`` into ``directory`` and return the content of ``result.json``.

    With ``resume`` a run that was stopped goes on from its latest checkpoint and ends as if it had not been.

    Raises:
      InputError: the game or a setting is wrong, the directory is not usable, or a resumed run was set up differently.
      NonFiniteError: a seed diverged; metrics and checkpoints up to then stay.
    """
    env = spec.build_env()
    trainer = make_train(env, spec.ppo)
    config = spec.to_dict(env)
    directory.check_usable(resume=resume, overwrite=overwrite)
    if resume and directory.config.exists():
        _check_same_run(config, directory)
    _check_table_size(spec, trainer)
    seeds = jnp.arange(spec.first_seed, spec.first_seed + spec.num_seeds)
    keys = jax.vmap(jax.random.key)(seeds)
    num_updates = spec.ppo.num_updates

    started = time.perf_counter()
    state, advance, score = _compiled(trainer, spec.evaluation_env(env), keys)
    compile_seconds = time.perf_counter() - started

    # Everything that can be wrong with the input has been met by now; only here is an earlier run touched.
    directory.prepare(config, overwrite=overwrite)
    checkpoints = Checkpoints(directory.checkpoints)
    earlier_seconds = 0.0
    if resume and checkpoints.latest is not None:
        state, earlier_seconds = checkpoints.restore(state)
    done = int(state.train.update[0])
    metrics.truncate(directory.metrics, done)
    counts = metrics.Counts.resumed(directory.metrics, np.asarray(seeds))
    stretch = max(1, num_updates // NUM_LOGS)
    first_update, saved_at = done, 0.0
    train_started = time.perf_counter()
    try:
        while done < num_updates:
            count = min(stretch, num_updates - done)
            after, seen = advance(state.train, jnp.int32(count))
            best, evaluation = score(after, state.best, keys)
            _stop_if_not_finite(np.asarray(seen.first_bad), np.asarray(seeds), directory)  # waits for the device
            seconds = earlier_seconds + time.perf_counter() - train_started
            counts = counts.after(seen.metrics, count)
            metrics.append(directory.metrics, metrics.rows(done + count, counts, seen.metrics, evaluation, trainer, seconds))
            state, done = RunState(after, best), done + count
            if seconds - saved_at >= CHECKPOINT_SECONDS or done == num_updates:
                checkpoints.save(state, done, seconds)
                saved_at = seconds
            if on_progress is not None:
                rate = (done - first_update) / (seconds - earlier_seconds)
                episodes = counts.episodes.sum() / seconds
                left = (num_updates - done) / rate
                gap = float(best.gap.max())
                on_progress(Progress(done, num_updates, float(best.leader_payoff.mean()), gap, episodes, left))
    except KeyboardInterrupt:
        checkpoints.save(state, done, earlier_seconds + time.perf_counter() - train_started)
        raise
    finally:
        checkpoints.close()
    train_seconds = earlier_seconds + time.perf_counter() - train_started
    timing = {"compile": compile_seconds, "train": train_seconds}
    return _finish(spec, directory, trainer, state, keys, timing)


def run_evaluation(directory: RunDirectory) -> dict[str, Any]:
    """Evaluate the commitments of a run's latest checkpoint again; rewrites its ``result.json`` and ``report.html``."""
    spec = RunSpec.from_file(directory.open_existing().config)
    trainer = make_train(spec.build_env(), spec.ppo)
    keys = jax.vmap(jax.random.key)(jnp.arange(spec.first_seed, spec.first_seed + spec.num_seeds))
    checkpoints = Checkpoints(directory.checkpoints)
    if checkpoints.latest is None:
        raise InputError(f"directory {directory.path} holds no checkpoint to evaluate; go on with train --resume")
    state, train_seconds = checkpoints.restore(jax.eval_shape(_init_run(trainer), keys))
    checkpoints.close()
    compile_seconds = directory.read_result()["wall_seconds"]["compile"] if directory.result.is_file() else 0.0
    return _finish(spec, directory, trainer, state, keys, {"compile": compile_seconds, "train": train_seconds})


def _finish(
    spec: RunSpec, directory: RunDirectory, trainer: Trainer, state: RunState, keys: Array, timing: dict[str, float]
) -> dict[str, Any]:
    best = state.best
    final_keys = jax.vmap(lambda key: jax.random.fold_in(_evaluation_key(key), EVALUATION_TAG))(keys)
    result = result_of(spec, trainer, best.params, best.update, final_keys, timing, directory.metrics)
    directory.write_result(result)
    write_report(directory, result)
    return result


def _evaluation_key(key: Array) -> Array:
    return jax.random.fold_in(key, EVALUATION_TAG)


def _stretch(trainer: Trainer) -> Callable[[TrainState, Array], tuple[TrainState, Stretch]]:
    """``count`` updates of one seed, ``count`` traced, so that one compiled program serves every stretch."""

    def advance(state: TrainState, count: Array) -> tuple[TrainState, Stretch]:
        shapes = jax.eval_shape(lambda s: trainer.update(s)[1], state)
        zero = jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, jnp.result_type(float)), shapes)

        def body(_: Array, carry: tuple[TrainState, Stretch]) -> tuple[TrainState, Stretch]:
            state, so_far = carry
            after, seen = trainer.update(state)
            total = jax.tree.map(lambda a, b: a + b, so_far.metrics, seen)
            first_bad = jnp.where((so_far.first_bad < 0) & ~seen.is_finite, after.update, so_far.first_bad)
            return after, Stretch(total, first_bad)

        state, seen = jax.lax.fori_loop(0, count, body, (state, Stretch(zero, jnp.int32(-1))))
        return state, Stretch(jax.tree.map(lambda total: total / count, seen.metrics), seen.first_bad)

    return advance


def _compiled(trainer: Trainer, lasting: StackelbergPOMDP, keys: Array) -> tuple[RunState, Any, Any]:
    """The state before the first update, and the programs that advance and score it, compiled side by side."""
    lowered_init = jax.jit(_init_run(trainer)).lower(keys)
    start = lowered_init.out_info
    lowered_advance = jax.jit(jax.vmap(_stretch(trainer), (0, None))).lower(start.train, jnp.int32(0))
    lowered_score = jax.jit(_score(trainer, lasting)).lower(start.train, start.best, keys)
    with ThreadPoolExecutor() as pool:
        programs = [pool.submit(lowered_advance.compile), pool.submit(lowered_score.compile)]
        # Runs once: not worth the compiler's effort.
        init = lowered_init.compile(compiler_options={"xla_backend_optimization_level": "0"})
        advance, score = (program.result() for program in programs)
    return init(keys), advance, score


def _init_run(trainer: Trainer) -> Callable[[Array], RunState]:
    """Seeds' keys ``[S]`` to the state before the first update."""

    def init(keys: Array) -> RunState:
        train = jax.vmap(trainer.init)(keys)
        nothing = jnp.full(keys.shape, -jnp.inf)
        return RunState(train, Best(train.params, train.update, nothing, -nothing, nothing))

    return init


def _score(trainer: Trainer, lasting: StackelbergPOMDP) -> Callable[[TrainState, Best, Array], tuple[Best, Evaluation]]:
    """Evaluate the greedy commitment of every seed against fresh followers in ``lasting``; keep it if it is the best so far."""
    low, high = trainer.env.game.leader_payoff_range

    def score_one(state: TrainState, best: Best, key: Array) -> tuple[Best, Evaluation]:
        fresh = jax.random.fold_in(_evaluation_key(key), state.update)
        actions = greedy_commitment(trainer, state.params)[1]
        evaluation = evaluate_commitment(fresh, lasting, actions, NUM_SCORING_GROUPS)
        certificate = getattr(evaluation, trainer.env.reward_play)
        payoff, gap = certificate.leader_payoff.mean(), certificate.bcce_gap.max()
        margin = PAYOFF_TOLERANCE * (high - low)
        highest = jnp.maximum(payoff, best.highest)
        held_is_equal = best.leader_payoff >= highest - margin
        is_better = (payoff >= highest - margin) & (~held_is_equal | (gap <= best.gap))
        candidate = Best(state.params, state.update, payoff, gap, highest)
        kept = jax.tree.map(lambda new, old: jnp.where(is_better, new, old), candidate, best)
        return kept._replace(highest=highest), evaluation

    return jax.vmap(score_one)


def _stop_if_not_finite(bad: np.ndarray, seeds: np.ndarray, directory: RunDirectory) -> None:
    if (bad >= 0).any():
        named = ", ".join(f"seed {seed} at update {update}" for seed, update in zip(seeds, bad, strict=True) if update >= 0)
        raise NonFiniteError(
            f"training met a loss or weight that is not finite: {named}; what was logged before stays in {directory.path}"
        )


def _check_table_size(spec: RunSpec, trainer: Trainer) -> None:
    """Refuse what would run out of memory: payoffs and paths of every (type, action) profile, per environment and seed."""
    game, config = trainer.env.game, trainer.config
    if config.path == "step":
        return
    per_profile = 4 * (2 * (1 + game.num_followers) + 2 * game.num_decisions)  # bytes, with room for one copy
    size = per_profile * int(np.prod(game.table_shape, dtype=float)) * config.num_envs * spec.num_seeds / 2**30
    if size > TABLE_BUDGET_GIB:
        raise InputError(
            f"tabulating {game.name!r} for num_envs={config.num_envs} and seeds={spec.num_seeds} takes about {size:.0f} GiB, "
            f"more than {TABLE_BUDGET_GIB:g}; lower either, or use --ppo.path step"
        )


def _check_same_run(config: dict[str, Any], directory: RunDirectory) -> None:
    """Compare with what the run in ``directory`` was started with; where a game's file lies does not matter."""
    stored = RunSpec.read(directory.config)
    differing = sorted(_differences(stored, json.loads(to_json(config))))
    if differing:
        raise InputError(f"--resume: {directory.path} holds a run with other settings: {', '.join(differing)}")


def _differences(a: Any, b: Any, path: str = "") -> list[str]:
    if isinstance(a, dict) and isinstance(b, dict):
        keys = (set(a) | set(b)) - ({"payoff_file", "python_file"} if not path else set())
        return [d for key in keys for d in _differences(a.get(key), b.get(key), f"{path}.{key}" if path else key)]
    if a == b:
        return []
    return [path if isinstance(a, list) else f"{path} (was {a}, now {b})"]
