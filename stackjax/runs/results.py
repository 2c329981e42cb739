"""``result.json``: what training came to, evaluated exactly, and the learned commitment in words."""

import pathlib
import platform
import time
from importlib import metadata
from typing import Any

import jax
import numpy as np

from stackjax._version import __version__
from stackjax.equilibrium.certificate import Certificate
from stackjax.equilibrium.evaluate import Evaluation, evaluate_commitment
from stackjax.equilibrium.optimum import Solution, solve
from stackjax.games.base import Game
from stackjax.games.normal_form import MatrixGame
from stackjax.pomdp.commitment import commit, commitment_paths
from stackjax.ppo.train import Trainer
from stackjax.runs import metrics
from stackjax.runs.spec import RunSpec
from stackjax.types import Array, PyTree

__all__ = ["greedy_commitment", "result_of"]

NUM_EQUILIBRATIONS = 8


def greedy_commitment(trainer: Trainer, params: PyTree) -> tuple[Array, Array]:
    """The commitment of the leader's most likely actions: ``observations [O, D]`` and ``actions [O, ...]``."""
    agent = trainer.agent
    return commit(
        trainer.env.game, trainer.env.tree, lambda observations, _: agent.mode_action(params, observations), lambda a: a
    )


def result_of(
    spec: RunSpec,
    trainer: Trainer,
    params: PyTree,
    updates: Array,
    keys: Array,
    timing: dict[str, float],
    metrics_path: pathlib.Path,
) -> dict[str, Any]:
    """The content of ``result.json``: ``params [S, ...]`` as they stood after ``updates [S]``, evaluated with ``keys [S]``."""
    started = time.perf_counter()
    env, game = trainer.env, trainer.env.game
    lasting = spec.evaluation_env(env)

    def evaluate(params: PyTree, key: Array) -> tuple[Array, Array, Evaluation]:
        observations, actions = greedy_commitment(trainer, params)
        return observations, actions, evaluate_commitment(key, lasting, actions, NUM_EQUILIBRATIONS)

    observations, actions, evaluation = jax.device_get(jax.jit(jax.vmap(evaluate))(params, keys))
    if isinstance(game, MatrixGame) and game.randomized:  # probabilities, which are weights too
        actions = np.asarray(jax.vmap(jax.vmap(game.row_mix))(actions))
    optimum = _known_optimum(game)
    logged = {entry["seed"]: entry for entry in metrics.read(metrics_path)}  # the last of each seed
    paths = commitment_paths(game, env.tree)
    seeds = []
    for i in range(spec.num_seeds):
        seed = spec.first_seed + i
        plays = {
            name: _summary(jax.tree.map(lambda leaf, i=i: leaf[i], getattr(evaluation, name)))
            for name in ("argmax", "mixed", "empirical")
        }
        chosen = plays[env.reward_play]
        last = logged.get(seed, {})
        strategies = [table[i].mean(axis=0) for table in evaluation.strategies]
        seeds.append(
            {
                "seed": seed,
                "update": int(updates[i]),
                **chosen,
                "reward_play": env.reward_play,
                "optimum": None if optimum is None else optimum.value,
                "optimum_method": None if optimum is None else optimum.method,
                "optimality_gap": None if optimum is None else optimum.value - chosen["leader_payoff"],
                "stackelberg_episodes": last.get("stackelberg_episodes"),
                "leader_decisions": last.get("leader_decisions"),
                "plays": plays,
                "commitment": {"observations": observations[i].tolist(), "actions": actions[i].tolist()},
                "mechanism": game.explain(observations[i], actions[i], paths),
                "follower_strategies": [table.tolist() for table in strategies],
                "follower_play": _play_in_words(game, strategies),
            }
        )
    device = jax.devices()[0]
    return {
        "game": game.name,
        "game_options": spec.game_options,
        "device": f"{device.platform}: {device.device_kind}",
        "versions": _versions(),
        "wall_seconds": {**timing, "evaluate": time.perf_counter() - started},
        "evaluation": {"num_rounds": lasting.num_rounds, "num_equilibrations": NUM_EQUILIBRATIONS},
        "seeds": seeds,
    }


def _known_optimum(game: Game) -> Solution | None:
    """The optimum, or None: a linear programme that fails must not cost a finished run its result."""
    try:
        return solve(game)
    except ArithmeticError:
        return None


def _summary(certificate: Certificate) -> dict[str, Any]:
    """Payoffs are means over the groups of fresh followers, gaps the worst of them."""
    return {
        "leader_payoff": float(certificate.leader_payoff.mean(dtype=np.float64)),
        "follower_payoffs": [float(value) for value in certificate.follower_payoffs.mean(axis=0, dtype=np.float64)],
        "bcce_gap": float(certificate.bcce_gap.max()),
        "cce_gap": float(certificate.cce_gap.max()),
        "ce_gap": float(certificate.ce_gap.max()),
        "bne_gap": float(certificate.bne_gap.max()),
    }


def _play_in_words(game: Game, strategies: list[np.ndarray]) -> list[str]:
    """What each type of each follower most often plays; nothing where there is no choice."""
    lines = []
    for follower, table in enumerate(strategies):
        if game.num_actions[follower] == 1:
            continue
        who = "follower" if game.num_followers == 1 else f"follower {follower + 1}"
        for type_index, row in enumerate(table):
            kind = f" ({game.describe_type(follower, type_index)})" if game.num_types[follower] > 1 else ""
            lines.append(f"{who}{kind}: {game.describe_action(follower, int(row.argmax()))}")
    return lines


def _versions() -> dict[str, str]:
    packages = ("jax", "jaxlib", "flax", "optax", "distrax", "gymnax", "numpy")
    return {
        "stackjax": __version__,
        "python": platform.python_version(),
        **{package: metadata.version(package) for package in packages},
    }
