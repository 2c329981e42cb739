"""``metrics.jsonl``: one object per logged update and seed, appended as training goes."""

import json
import pathlib
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from stackjax.compute.state import Logged
from stackjax.disk.files import append_lines, to_json, write_text

__all__ = ["Counts", "append", "read", "rows", "stream", "truncate"]


# What is read again of a line; one without it is damaged.
READ = {"update", "seed", "stackelberg_episodes", "leader_decisions", "greedy_payoff", "mean_return"}


class Counts(NamedTuple):
    """What each element has played so far, ``[S]``, added up in float64; NaN where a solver does not count decisions."""

    episodes: np.ndarray
    decisions: np.ndarray

    @staticmethod
    def resumed(path: pathlib.Path, names: list[dict[str, Any]]) -> "Counts":
        """The counts of the last logged update, or zeros."""
        last = {tuple(row.get(key) for key in names[0]): row for row in stream(path)}
        known = [last.get(tuple(name.values()), {}) for name in names]
        count = lambda column: np.array([row.get(column, 0.0) for row in known], np.float64)
        return Counts(count("stackelberg_episodes"), count("leader_decisions"))

    def after(self, seen: Logged) -> "Counts":
        """The counts after the updates that ``seen`` tells of."""
        add = lambda total, mean: total + seen.num_updates * np.asarray(mean, np.float64)
        decisions = seen.metrics.get("decisions", np.full_like(self.decisions, np.nan))
        return Counts(add(self.episodes, seen.metrics["episodes"]), add(self.decisions, decisions))


def rows(
    update: int, names: list[dict[str, Any]], counts: Counts, seen: Logged, seconds: float, gap_name: str
) -> list[dict[str, Any]]:
    """The objects of one stretch that ended at ``update``: means over the stretch, and a greedy evaluation at its end.

    ``gap_name`` is what the gap is called, see `Problem`. Before the first update there are no means.
    An element that diverged is logged once more if it learned anything in the stretch, with the update at which it did.
    """
    own = dict(seen.metrics)
    own.pop("decisions", None)
    ended, total = (np.asarray(own.pop(name), np.float64) for name in ("episodes", "total_return"))
    table = {
        "stackelberg_episodes": counts.episodes,
        "leader_decisions": counts.decisions,
        "mean_return": np.where(ended > 0, total / np.where(ended > 0, ended, 1.0), np.nan),
        "greedy_payoff": seen.payoff,
        **({} if seen.half_width is None else {"greedy_half_width": seen.half_width}),
        gap_name: seen.gap,
        **own,
    }
    columns = {name: np.asarray(column, np.float64) for name, column in table.items()}
    if update == 0:
        columns |= {name: np.full(len(names), np.nan) for name in own}
    return [
        {
            "update": update,
            **name,
            "seconds": round(seconds, 3),
            **{key: float(column[i]) for key, column in columns.items()},
            **({"diverged_at": int(seen.diverged_at[i])} if seen.diverged_at[i] >= 0 else {}),
        }
        for i, name in enumerate(names)
        if seen.num_updates[i] > 0 or update == 0
    ]


def append(path: pathlib.Path, objects: list[dict[str, Any]]) -> None:
    append_lines(path, [to_json(entry) for entry in objects])


def read(path: pathlib.Path) -> list[dict[str, Any]]:
    """All whole objects of a metrics file; a last line that was cut short is left out, other damaged lines with a warning."""
    return list(stream(path))


def stream(path: pathlib.Path) -> Iterator[dict[str, Any]]:
    """`read`, one at a time."""
    if not path.exists():
        return
    damaged = []
    with path.open(encoding="utf-8", errors="replace") as lines:
        for place, line in enumerate(lines, start=1):
            try:
                entry = json.loads(line)
            except ValueError:
                entry = None
            if isinstance(entry, dict) and entry.keys() >= READ:
                yield entry
            elif line.endswith("\n"):
                damaged.append(place)
    if damaged:
        more = f", and so are {len(damaged) - 1} more" if damaged[1:] else ""
        warnings.warn(f"{path}, line {damaged[0]} is damaged and left out{more}", RuntimeWarning, stacklevel=2)


def truncate(path: pathlib.Path, update: int) -> None:
    """Drop what was logged after ``update``, so that a resumed run leaves neither gaps nor duplicates."""
    if path.exists():
        kept = [to_json(entry) for entry in read(path) if entry["update"] <= update]
        write_text(path, "".join(f"{line}\n" for line in kept))
