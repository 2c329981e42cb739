"""``metrics.jsonl``: one object per logged update and seed, appended as training goes."""

import contextlib
import json
import pathlib
from typing import Any, NamedTuple

import numpy as np

from stackjax.equilibrium.evaluate import Evaluation
from stackjax.ppo.train import Trainer, UpdateMetrics
from stackjax.runs.files import append_lines, to_json, write_text

__all__ = ["Counts", "append", "read", "rows", "truncate"]


class Counts(NamedTuple):
    """What each seed has played so far, ``[S]``, added up in float64."""

    seeds: np.ndarray
    episodes: np.ndarray
    decisions: np.ndarray

    @staticmethod
    def resumed(path: pathlib.Path, seeds: np.ndarray) -> "Counts":
        """The counts of the last logged update, or zeros."""
        last = {row["seed"]: row for row in read(path)}
        count = lambda name: np.array([last.get(int(seed), {}).get(name, 0.0) for seed in seeds], np.float64)
        return Counts(seeds, count("stackelberg_episodes"), count("leader_decisions"))

    def after(self, seen: UpdateMetrics, num_updates: int) -> "Counts":
        """The counts after a stretch of ``num_updates`` updates with mean metrics ``seen``."""
        add = lambda total, mean: total + num_updates * np.asarray(mean, np.float64)
        return Counts(self.seeds, add(self.episodes, seen.rollout.episodes), add(self.decisions, seen.rollout.decisions))


def rows(
    update: int, counts: Counts, seen: UpdateMetrics, evaluation: Evaluation, trainer: Trainer, seconds: float
) -> list[dict[str, Any]]:
    """The objects of one stretch that ended at ``update``; means over the stretch, and a greedy evaluation at its end."""
    chosen = getattr(evaluation, trainer.env.reward_play)
    ended = np.asarray(seen.rollout.episodes, np.float64)
    total = np.asarray(seen.rollout.total_return, np.float64)
    table = {
        "stackelberg_episodes": counts.episodes,
        "leader_decisions": counts.decisions,
        "mean_return": np.where(ended > 0, total / np.where(ended > 0, ended, 1.0), np.nan),
        "greedy_payoff": chosen.leader_payoff.mean(axis=1),
        "bcce_gap": chosen.bcce_gap.max(axis=1),
        "policy_loss": seen.loss.policy_loss,
        "value_loss": seen.loss.value_loss,
        "entropy": seen.loss.entropy,
        "approx_kl": seen.loss.approx_kl,
        "clip_fraction": seen.loss.clip_fraction,
    }
    columns = {name: np.asarray(column, np.float64) for name, column in table.items()}
    return [
        {
            "update": update,
            "seed": int(seed),
            "seconds": round(seconds, 3),
            **{name: float(column[i]) for name, column in columns.items()},
        }
        for i, seed in enumerate(counts.seeds)
    ]


def append(path: pathlib.Path, objects: list[dict[str, Any]]) -> None:
    append_lines(path, [to_json(entry) for entry in objects])


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """All whole objects of a metrics file; a line that a kill or a full disk cut short is left out."""
    if not path.exists():
        return []
    found = []
    for line in path.read_text().split("\n"):
        with contextlib.suppress(ValueError):
            found.append(json.loads(line))
    return found


def truncate(path: pathlib.Path, update: int) -> None:
    """Drop what was logged after ``update``, so that a resumed run leaves neither gaps nor duplicates."""
    if path.exists():
        kept = [to_json(entry) for entry in read(path) if entry["update"] <= update]
        write_text(path, "".join(f"{line}\n" for line in kept))
