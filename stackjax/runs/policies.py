"""``policies.npz``: the network of every element's best commitment, to be read by `stackjax.policy` without JAX."""

import io
import json
import pathlib
from typing import Any

import numpy as np

from stackjax.games.normal_form import MatrixGame
from stackjax.games.spaces import Discrete
from stackjax.ppo.train import Trainer
from stackjax.runs.files import write_bytes
from stackjax.types import PyTree

__all__ = ["write_policies"]


def write_policies(path: pathlib.Path, trainer: Trainer, names: list[dict[str, Any]], actors: PyTree) -> None:
    """Write the actors ``[S, ...]`` of ``names``: ``policy_kernel_k [S, ...]``, ``policy_bias_k`` and ``policy_head``."""
    layers = actors["params"]["MLP_0"]
    columns = {key: np.array([name[key] for name in names]) for key in names[0]}
    arrays = {
        f"policy_{kind}_{k}": np.asarray(layers[f"Dense_{k}"][kind]) for k in range(len(layers)) for kind in ("kernel", "bias")
    }
    stream = io.BytesIO()
    np.savez(stream, policy_head=np.asarray(json.dumps(_head(trainer))), **columns, **arrays)  # type: ignore[arg-type]
    write_bytes(path, stream.getvalue())


def _head(trainer: Trainer) -> dict[str, Any]:
    """How the network's outputs become an action, in the words of `stackjax.policy.Policy`."""
    space, config, game = trainer.env.game.leader_actions, trainer.config, trainer.env.game
    if isinstance(space, Discrete):
        return {"kind": "discrete"}
    box = {"low": list(map(float, space.low)), "high": list(map(float, space.high))}
    is_mix = isinstance(game, MatrixGame) and game.randomized
    points = {"points": config.grid_points} if config.box_policy == "grid" else {}
    return {"kind": config.box_policy, **box, **points, "is_mix": is_mix}
