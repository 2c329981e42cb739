"""A learned leader's policy, in plain NumPy: what `stackjax export` and every run's ``policies.npz`` hold.

This file needs nothing but NumPy, neither JAX nor the rest of the package; copy it to wherever the policy is to be used.
"""

import io
import itertools
import json
import os
from typing import Any, NamedTuple

import numpy as np

__all__ = ["Policy", "load_policy", "policies_in"]

KEYS = {  # of a head, by its kind
    "discrete": (),
    "grid": ("low", "high", "points"),
    "gaussian": ("low", "high"),
    "parts": ("low", "high", "points", "options"),
}


class Policy(NamedTuple):
    """What the leader does at an observation: a network with tanh layers, and how its numbers become an action.

    Attributes:
      kernels, biases: of the layers, ``[inputs, outputs]`` and ``[outputs]``.
      head: ``kind`` is ``"discrete"`` (the action is the largest output's place), ``"grid"`` (for each entry of the action the
        largest of ``points`` outputs, evenly spaced from ``low`` to ``high``), ``"gaussian"`` (the outputs are the action,
        with [-1, 1] for the box from ``low`` to ``high``) or ``"parts"`` (the first ``options`` outputs score options, of which
        those are open whose entry of the observation, the first, is 1; then there is a grid for each option and number: the
        action is 1 for the best option, 0 for the others, and the numbers given it); with ``is_mix`` the action is divided by
        its sum, as probabilities, and with a ``budget`` by what its sum exceeds that by, if it does.
    """

    kernels: tuple[np.ndarray, ...]
    biases: tuple[np.ndarray, ...]
    head: dict[str, Any]

    def act(self, observation: Any) -> np.ndarray:
        """The leader's most likely action at ``observation [..., D]``: int ``[...]``, or float ``[..., entries]``."""
        hidden = np.asarray(observation, np.float32)
        if hidden.shape[-1:] != self.kernels[0].shape[:1]:
            raise ValueError(f"observation has shape {hidden.shape}, but must end in {self.kernels[0].shape[0]} numbers")
        for kernel, bias in zip(self.kernels[:-1], self.biases[:-1], strict=True):
            hidden = np.tanh(hidden @ kernel + bias)
        outputs = hidden @ self.kernels[-1] + self.biases[-1]
        if self.head["kind"] == "discrete":
            return outputs.argmax(axis=-1)
        low, high = (np.asarray(self.head[end], np.float32) for end in ("low", "high"))
        if self.head["kind"] == "parts":
            return self._in_parts(np.asarray(observation), outputs, low, high)
        if self.head["kind"] == "grid":
            points = self.head["points"]
            choice = outputs.reshape(*outputs.shape[:-1], len(low), points).argmax(axis=-1)
            action = low + choice.astype(np.float32) / np.float32(points - 1) * (high - low)
        else:
            action = (low + high) / 2 + (high - low) / 2 * outputs
        action = np.clip(action, low, high)
        if self.head.get("is_mix"):
            total = action.sum(axis=-1, keepdims=True)
            uniform = np.full_like(action, 1.0 / action.shape[-1])
            return np.where(total > 0, action / np.where(total > 0, total, 1.0), uniform)
        if "budget" in self.head:
            budget = np.float32(self.head["budget"])
            action = action * (budget / np.maximum(action.sum(axis=-1, keepdims=True), budget))
        return action

    def _in_parts(self, observation: np.ndarray, outputs: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        options, points = self.head["options"], self.head["points"]
        scores = np.where(observation[..., :options] > 0.5, outputs[..., :options], -np.inf)
        option = scores.argmax(axis=-1)
        grids = outputs[..., options:].reshape(*outputs.shape[:-1], options, len(low), points).argmax(axis=-1)
        choice = np.take_along_axis(grids, option[..., None, None], axis=-2)[..., 0, :]
        numbers = low + choice.astype(np.float32) / np.float32(points - 1) * (high - low)
        return np.concatenate([np.eye(options, dtype=np.float32)[option], numbers], axis=-1)


def load_policy(path: str | os.PathLike, seed: int | None = None) -> Policy:
    """A policy from an exported file (``.npz`` or ``.json``) or from a run's ``policies.npz``.

    Args:
      seed: which one of a ``policies.npz``; by default the first. An exported file holds one.

    Raises:
      ValueError: ``path`` is none, the file is damaged, or holds no policy, or none of this seed.
      OSError: it cannot be opened.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise ValueError(f"path={path!r} must be the path of a file")
    with open(path, "rb") as stream:
        content = stream.read()
    try:
        found = _from_json(content) if os.fspath(path).endswith(".json") else policies_in(content)
    except Exception:  # whatever reading damaged bytes can end in, which is many things
        raise ValueError(f"{path} is not a readable policy file; write it again with stackjax export") from None
    if not found:
        raise ValueError(f"{path} holds no policy")
    if "configuration" in found[0][0]:
        raise ValueError(f"{path} holds several configurations; write one of them to a file with stackjax export")
    seeds = [name.get("seed") for name, _ in found]
    if seed is None or seeds == [None]:
        return found[0][1]
    if seed not in seeds:
        raise ValueError(f"seed={seed} is not in {path}; it has {', '.join(map(str, seeds))}")
    return found[seeds.index(seed)][1]


def _from_json(content: bytes) -> list[tuple[dict[str, int], Policy]]:
    stored = json.loads(content).get("policy")
    if stored is None:
        return []
    arrays = lambda name: tuple(np.asarray(layer, np.float32) for layer in stored[name])
    policy = Policy(arrays("kernels"), arrays("biases"), stored["head"])
    _check(policy, 2)
    return [({}, policy)]


def policies_in(content: bytes) -> list[tuple[dict[str, int], Policy]]:
    """The policies of a ``.npz`` file, each with its name: the seed and, in a sweep, the configuration; none in an export."""
    with np.load(io.BytesIO(content)) as stored:
        if "policy_head" not in stored:
            return []
        layers = range(sum(name.startswith("policy_kernel_") for name in stored.files))
        kernels, biases = (tuple(stored[f"policy_{kind}_{k}"] for k in layers) for kind in ("kernel", "bias"))
        policy = Policy(kernels, biases, json.loads(str(stored["policy_head"])))
        _check(policy, kernels[0].ndim)
        if kernels[0].ndim == 2:
            return [({}, policy)]
        names = [{"seed": seed} for seed in stored["seed"].tolist()[: len(kernels[0])]]
        if "configuration" in stored:
            names = [{"configuration": k, **name} for k, name in zip(stored["configuration"].tolist(), names, strict=True)]
    own = lambda place: Policy(tuple(k[place] for k in kernels), tuple(b[place] for b in biases), policy.head)
    return [(name, own(place)) for place, name in enumerate(names)]


def _check(policy: Policy, rank: int) -> None:
    """Raise an error unless the layers fit each other and the head is one that `Policy.act` knows."""
    kernels, biases, head = policy
    fits = all(a.shape[-1] == b.shape[-2] for a, b in itertools.pairwise(kernels))
    fits &= [kernel.shape[:-2] + kernel.shape[-1:] for kernel in kernels] == [bias.shape for bias in biases]
    if not (kernels and fits and rank in (2, 3) and {kernel.ndim for kernel in kernels} == {rank}):
        raise ValueError("layers that do not fit each other")
    for key in KEYS[head["kind"]]:
        np.asarray(head[key], np.float32)
