"""``metrics.jsonl``: one object per logged update and seed, appended as training goes."""

import json
import pathlib
from typing import Any

import numpy as np

from stackjax.equilibrium.evaluate import Evaluation
from stackjax.ppo.train import Trainer, UpdateMetrics
from stackjax.runs.files import append_lines, to_json, write_text

__all__ = ["append", "episodes_per_update", "read", "rows", "truncate"]


def episodes_per_update(trainer: Trainer) -> float:
    """Stackelberg episodes (or, on the step path, shares of one) that a seed plays per update."""
    config, env = trainer.config, trainer.env
    if config.path == "committed":
        return float(config.num_envs)
    sub_episodes = env.num_rounds * env.plays.num_plays + env.num_reward_episodes
    return config.num_envs * config.num_steps / (sub_episodes * env.game.num_decisions)


def rows(
    update: int, seeds: np.ndarray, seen: UpdateMetrics, evaluation: Evaluation, trainer: Trainer, seconds: float
) -> list[dict[str, Any]]:
    """The objects of one stretch that ended at ``update``; means over the stretch, and a greedy evaluation at its end."""
    chosen = getattr(evaluation, trainer.env.reward_play)
    table = {
        "mean_return": seen.rollout.mean_return,
        "greedy_payoff": chosen.leader_payoff.mean(axis=1),
        "bcce_gap": chosen.bcce_gap.max(axis=1),
        "policy_loss": seen.loss.policy_loss,
        "value_loss": seen.loss.value_loss,
        "entropy": seen.loss.entropy,
        "approx_kl": seen.loss.approx_kl,
        "clip_fraction": seen.loss.clip_fraction,
        "leader_decisions": np.asarray(seen.rollout.decisions, np.float64) * update,
    }
    columns = {name: np.asarray(column, np.float64) for name, column in table.items()}
    return [
        {
            "update": update,
            "seed": int(seed),
            "stackelberg_episodes": episodes_per_update(trainer) * update,
            "seconds": round(seconds, 3),
            **{name: float(column[i]) for name, column in columns.items()},
        }
        for i, seed in enumerate(seeds)
    ]


def append(path: pathlib.Path, objects: list[dict[str, Any]]) -> None:
    append_lines(path, [to_json(entry) for entry in objects])


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """All whole objects of a metrics file; a last line that a kill cut short is left out."""
    if not path.exists():
        return []
    lines = path.read_text().split("\n")
    return [json.loads(line) for line in lines[:-1] if line]


def truncate(path: pathlib.Path, update: int) -> None:
    """Drop what was logged after ``update``, so that a resumed run leaves neither gaps nor duplicates."""
    if path.exists():
        kept = [to_json(entry) for entry in read(path) if entry["update"] <= update]
        write_text(path, "".join(f"{line}\n" for line in kept))
