"""What was learnt, in a file of its own: the commitment and the followers' play, to be read without stackjax."""

import io
import pathlib
from typing import Any

import numpy as np

from stackjax.errors import InputError
from stackjax.runs.directory import RunDirectory
from stackjax.runs.display import best_seed
from stackjax.runs.files import to_json, write_bytes, write_text

__all__ = ["export_commitment"]

NUMBERS = ("leader_payoff", "bcce_gap", "cce_gap", "ce_gap", "bne_gap", "optimum")


def export_commitment(directory: RunDirectory, path: pathlib.Path, seed: int | None = None) -> int:
    """Write one seed's commitment and follower play to ``path``, a ``.json`` or ``.npz`` file; returns the seed.

    Both hold ``observations [O, D]`` (every observation that the leader can make), ``actions [O, ...]`` (its action there) and
    the followers' mixed strategies by type ``[K_i, A_i]``: ``follower_strategies`` in JSON, ``follower_1``, ``follower_2``, ...
    in npz; and the payoff, the gaps and the optimum as numbers, NaN (null) where unknown. Strategies are means over the fresh
    groups that the commitment was evaluated with; payoff and gaps are those of ``reward_play``, as in ``result.json``.

    Args:
      seed: by default the one with the highest payoff and, among equals, the smallest gap.

    Raises:
      InputError: the run has no such seed or no result, or the file's ending is another.
    """
    if path.suffix not in (".json", ".npz"):
        raise InputError(f"export file {path} must end in .json or .npz")
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"export file {path} must be a file in a directory that exists")
    if path.resolve().is_relative_to(directory.path) and path.exists():
        raise InputError(f"export file {path} would replace a file of the run itself")
    result = directory.read_result()
    entry = best_seed(result)
    if seed is not None:
        seeds = {one["seed"]: one for one in result["seeds"]}
        if seed not in seeds:
            raise InputError(f"seed={seed} is not in the run; it has {', '.join(map(str, seeds))}")
        entry = seeds[seed]
    if "follower_strategies" not in entry:
        raise InputError(f"the result in {directory.path} is of an older version; write it again with stackjax evaluate")
    numbers = {name: entry.get(name) for name in NUMBERS}
    about = {
        "game": result["game"],
        "game_options": result["game_options"],
        "seed": entry["seed"],
        "reward_play": entry["reward_play"],
        "optimum_method": entry["optimum_method"],
        "mechanism": entry["mechanism"],
    }
    if path.suffix == ".json":
        write_text(
            path,
            to_json({**about, **numbers, **entry["commitment"], "follower_strategies": entry["follower_strategies"]}, indent=2),
        )
    else:
        write_bytes(path, _npz(entry, {**about, **numbers}))
    return entry["seed"]


def _npz(entry: dict[str, Any], about: dict[str, Any]) -> bytes:
    words = {name: to_json(about.pop(name)) for name in ("game_options", "mechanism", "optimum_method")}
    numbers = {name: np.nan if value is None else value for name, value in about.items()}
    strategies = {f"follower_{i + 1}": table for i, table in enumerate(entry["follower_strategies"])}
    arrays = {key: np.asarray(value) for key, value in {**words, **numbers, **strategies, **entry["commitment"]}.items()}
    stream = io.BytesIO()
    np.savez(stream, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()
