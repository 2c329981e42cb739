"""``result.json``: what training came to, evaluated exactly, and the learned commitment in words."""

import pathlib
import platform
import warnings
from functools import partial
from importlib import metadata
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax._version import __version__
from stackjax.bayesian import BayesianProblem
from stackjax.equilibrium.certificate import Certificate
from stackjax.equilibrium.optimum import Solution, solve
from stackjax.errors import UnsolvedError
from stackjax.games.base import Game
from stackjax.games.normal_form import MatrixGame
from stackjax.pomdp.commitment import hides_a_difference
from stackjax.pomdp.tree import commitment_paths
from stackjax.runs import metrics
from stackjax.runs.spec import RunSpec
from stackjax.runs.state import NUM_EQUILIBRATIONS, Evaluated

__all__ = ["entries", "known_optimum", "result_of", "versions"]


def result_of(
    spec: RunSpec,
    problem: BayesianProblem,
    evaluated: Evaluated,
    metrics_path: pathlib.Path,
    timing: dict[str, float],
    num_devices: int,
) -> dict[str, Any]:
    """The content of ``result.json``: every seed's best commitment, as ``evaluated`` (leaves ``[S, ...]``)."""
    names = [{"seed": spec.first_seed + i} for i in range(spec.num_seeds)]
    device, game = jax.devices()[0], problem.env.game
    return {
        "game": game.name,
        "game_options": spec.game_options,
        "solver": spec.solver_entry.name,
        "has_policies": bool(evaluated.policy),
        "device": f"{device.platform}: {device.device_kind}",
        "num_devices": num_devices,
        "kernel": problem.kernel,
        "versions": versions(),
        "wall_seconds": timing,
        "evaluation": {
            "num_rounds": (problem.lasting or problem.env).num_rounds,
            "num_equilibrations": NUM_EQUILIBRATIONS,
            "settled_gap": problem.settled_gap,
        },
        "seeds": entries(problem, known_optimum(game), names, evaluated, metrics_path),
    }


def entries(
    problem: BayesianProblem,
    optimum: Solution | None,
    names: list[dict[str, Any]],
    evaluated: Evaluated,
    metrics_path: pathlib.Path,
) -> list[dict[str, Any]]:
    """What became of every element of a batch, named by ``names``: payoffs, gaps, the commitment in numbers and in words."""
    env, game = problem.env, problem.env.game
    evaluation, actions = evaluated.judged.details, evaluated.commitment
    observations, actions = jax.device_get(jax.jit(jax.vmap(problem.filled_in))(actions))
    _warn_of_hidden_differences(env, actions, names)
    if isinstance(game, MatrixGame) and game.randomized:  # probabilities, which are weights too
        actions = np.asarray(jax.jit(jax.vmap(jax.vmap(game.row_mix)))(actions))
    key_of = lambda entry: tuple(entry.get(key) for key in names[0])
    logged: dict[tuple[Any, ...], dict[str, Any]] = {}  # the last of each
    curves: dict[tuple[Any, ...], list[float]] = {}
    for row in metrics.stream(metrics_path):
        logged[key_of(row)] = row
        if row["greedy_payoff"] is not None:
            curves.setdefault(key_of(row), []).append(row["greedy_payoff"])
    paths = commitment_paths(game, env.tree)
    found = []
    for i, name in enumerate(names):
        plays = {
            play: _summary(jax.tree.map(lambda leaf, i=i: leaf[i], getattr(evaluation, play)))
            for play in ("argmax", "mixed", "empirical")
        }
        chosen = plays[env.reward_play]
        last = logged.get(key_of(name), {})
        strategies = [np.asarray(table[i]).mean(axis=0) for table in evaluation.strategies]
        found.append(
            {
                **name,
                "update": int(evaluated.update[i]),
                "diverged_at": None if evaluated.diverged_at[i] < 0 else int(evaluated.diverged_at[i]),
                **chosen,
                "settled": chosen["bcce_gap"] <= problem.settled_gap,
                "reward_play": env.reward_play,
                "optimum": None if optimum is None else optimum.value,
                "optimum_method": None if optimum is None else optimum.method,
                "optimality_gap": None if optimum is None else optimum.value - chosen["leader_payoff"],
                "mean_greedy_payoff": float(np.mean(curves[key_of(name)])) if key_of(name) in curves else None,
                "stackelberg_episodes": last.get("stackelberg_episodes"),
                "leader_decisions": last.get("leader_decisions"),
                "plays": plays,
                "commitment": {"observations": observations[i].tolist(), "actions": actions[i].tolist()},
                "mechanism": game.explain(observations[i], actions[i], paths),
                "follower_strategies": [table.tolist() for table in strategies],
                "follower_play": _play_in_words(game, strategies),
            }
        )
    return found


def _warn_of_hidden_differences(env: Any, actions: Any, names: list[dict[str, Any]]) -> None:
    """Say which commitments are shown something that no leader action tried beforehand had shown; see `decision_tree`."""
    last = env.tree.groups[-1]
    if len(env.tree.groups) == 1 or last.max() + 1 == last.size:
        return  # all is shown at first, or there is nothing more to show
    hides = jax.jit(jax.vmap(partial(hides_a_difference, env.game, env.tree)))(jnp.asarray(actions))
    for name, is_hidden in zip(names, np.asarray(hides), strict=False):
        if is_hidden:
            words = ", ".join(f"{key} {value}" for key, value in name.items())
            warnings.warn(
                f"{words}: the leader is shown a difference between followers' actions that stackjax did not know of, and is "
                "judged as if it were not; see check_game",
                RuntimeWarning,
                stacklevel=2,
            )


def known_optimum(game: Game) -> Solution | None:
    """The optimum, or None: what cannot be solved must not cost a finished run its result."""
    try:
        return solve(game)
    except (UnsolvedError, ArithmeticError):
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


def versions() -> dict[str, str]:
    packages = ("jax", "jaxlib", "flax", "optax", "distrax", "gymnax", "numpy")
    return {
        "stackjax": __version__,
        "python": platform.python_version(),
        **{package: metadata.version(package) for package in packages},
    }
