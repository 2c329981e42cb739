"""What was learned, in a file of its own: for programs that do not know stackjax, and for a paper."""

import json
import pathlib
import zipfile
from functools import partial
from typing import Any

import numpy as np

from stackjax.disk import metrics
from stackjax.disk.directory import RunDirectory
from stackjax.disk.files import to_json, write_bytes, write_text
from stackjax.disk.policies import write_arrays
from stackjax.errors import InputError, near_matches
from stackjax.interop.onnx_policy import policy_to_onnx
from stackjax.policy import Policy, policies_in
from stackjax.reports.curves import learning_curves
from stackjax.reports.display import best_seed, result_table
from stackjax.reports.pictures import figure_of, image
from stackjax.reports.tables import as_csv, as_latex, rows_of

__all__ = ["export_run"]

FIGURES = (".svg", ".pdf")
ENDINGS = (".json", ".npz", ".onnx", ".csv", ".tex", *FIGURES)


def export_run(directory: RunDirectory, path: pathlib.Path, seed: int | None = None, figure: str | None = None) -> str:
    """Write a run's commitment, table or figure to ``path``, by its ending; returns what it is, in words.

    A ``.csv`` or ``.tex`` file holds the table of all seeds, with every number or as the report shows it, an ``.svg`` or
    ``.pdf`` file a ``figure``, by default the leader's payoff while learning, and an ``.onnx`` file one seed's network alone,
    see `policy_to_onnx`.

    A ``.json`` or ``.npz`` file holds one seed's ``observations [O, D]`` (every observation that the leader can make; none
    where they are more than 4,096), ``actions [O, ...]`` (its action there) and the followers' mixed strategies by type
    ``[K_i, A_i]``: ``follower_strategies`` in JSON, ``follower_1``, ``follower_2``, ... in npz; the leader's network if the
    solver has one, for `stackjax.policy.load_policy`; and the payoff, the gaps and the optimum as numbers, NaN (null) where
    unknown. Strategies are means over the fresh groups that the commitment was evaluated with; payoff and gaps are those of
    ``reward_play``, as in ``result.json``.

    Args:
      directory: of a run, or of a sweep, of which it is the best configuration.
      seed: by default the one with the highest payoff and, among equals, the smallest gap.

    Raises:
      InputError: there is no such seed, figure or result, or the file's ending is another; for an ``.onnx`` file also that onnx
        is not installed, or that the solver leaves no network.
    """
    if path.suffix not in ENDINGS:
        raise InputError(f"export file {path} must end in {', '.join(ENDINGS[:-1])} or {ENDINGS[-1]}")
    if figure is not None and path.suffix not in FIGURES:
        raise InputError(f"figure={figure!r} is for files that end in {' or '.join(FIGURES)}")
    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"export file {path} must be a file in a directory that exists")
    if path.resolve().is_relative_to(directory.path) and path.exists():
        raise InputError(f"export file {path} would replace a file of the run itself")
    result = directory.read_result()
    if "best" in result:  # a sweep
        result = {**result, "seeds": result["best"]["seeds"]}
    entry = best_seed(result)
    if seed is not None:
        seeds = {one["seed"]: one for one in result["seeds"]}
        if seed not in seeds:
            raise InputError(f"seed={seed} is not in the run; it has {', '.join(map(str, seeds))}")
        entry = seeds[seed]
    if path.suffix in (".csv", ".tex"):
        write_text(path, as_csv(rows_of(result)) if path.suffix == ".csv" else as_latex(*result_table(result)))
        return "the table of all seeds"
    if path.suffix in FIGURES:
        if "best" in result:
            raise InputError(f"export file {path}: a sweep's figures are on its page; export one of its runs as .csv or .json")
        found = learning_curves(metrics.read(directory.metrics), result)
        found |= {f"picture-{k + 1}" if k else "picture": picture for k, picture in enumerate(entry.get("pictures", []))}
        chosen = figure or next(iter(found))
        if chosen not in found:
            raise InputError(f"figure={chosen!r} must be one of {', '.join(found)}.{near_matches(chosen, found)}")
        write_bytes(path, image(partial(figure_of, found[chosen]), path.suffix[1:]))
        return f"figure {chosen}"
    is_number = lambda name: name in ("leader_payoff", "half_width", "optimum", result["gap_name"]) or name.endswith("_gap")
    about: dict[str, Any] = {key: result[key] for key in ("game", "game_options")}
    about |= {key: entry[key] for key in ("seed", "reward_play", "optimum_method", "mechanism") if key in entry}
    numbers = {name: value for name, value in entry.items() if is_number(name)}
    strategies = entry.get("follower_strategies", [])
    name: dict[str, int] = {key: entry[key] for key in ("configuration", "seed") if key in entry}
    policy = _policy(directory, name) if result.get("has_policies", True) else None
    if path.suffix == ".onnx":
        if policy is None:
            raise InputError(f"export file {path}: the run has no network to write; train one with --solver ppo, or use .json")
        words = {name: text if isinstance(text, str) else to_json(text) for name, text in about.items()}
        write_bytes(path, policy_to_onnx(policy, words))
    elif path.suffix == ".json":
        learned = {**entry["commitment"], "follower_strategies": strategies}
        if policy is not None:
            listed = {key: [layer.tolist() for layer in getattr(policy, key)] for key in ("kernels", "biases")}
            learned["policy"] = {**listed, "head": policy.head}
        write_text(path, to_json({**about, **numbers, **learned}, indent=2))
    else:
        about |= {name: to_json(about[name]) for name in ("game_options", "mechanism", "optimum_method")}
        known = {name: np.nan if value is None else value for name, value in numbers.items()}
        followers = {f"follower_{i + 1}": table for i, table in enumerate(strategies)}
        everything = {**about, **known, **followers, **entry["commitment"]}
        if policy is not None:
            for kind, layers in (("kernel", policy.kernels), ("bias", policy.biases)):
                everything |= {f"policy_{kind}_{k}": layer for k, layer in enumerate(layers)}
            everything["policy_head"] = json.dumps(policy.head)
        write_arrays(path, {key: np.asarray(value) for key, value in everything.items()})
    return f"seed {entry['seed']}"


def _policy(directory: RunDirectory, name: dict[str, int]) -> Policy:
    """The policy of the element that is called ``name``, from the run or from the chunk of the sweep that holds it."""
    for path in (directory.policies, *directory.path.glob("chunks/*/policies.npz")):
        if path.is_file():
            try:
                policy = next((policy for own, policy in policies_in(path.read_bytes()) if own == name), None)
            except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
                raise InputError(f"{path} is damaged ({error}); write a run's again with stackjax evaluate") from error
            if policy is not None:
                return policy
    raise InputError(f"directory {directory.path} holds no policies.npz with {name}; write it again with stackjax evaluate")
