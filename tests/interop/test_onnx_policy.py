"""Policies in ONNX Runtime do what `sx.load_policy` does."""

import itertools
import sys

import numpy as np
import onnxruntime
import pytest

import stackjax as sx
from stackjax.policy import Policy
from tests.runs.commands import QUICK, run

HEADS = {
    "discrete": ({"kind": "discrete"}, 5),
    "grid": ({"kind": "grid", "low": [0.0, -1.0], "high": [1.0, 3.0], "points": 4}, 8),
    "grid mix": ({"kind": "grid", "low": [0.0, 0.0], "high": [1.0, 1.0], "points": 2, "is_mix": True}, 4),
    "gaussian": ({"kind": "gaussian", "low": [0.0, -1.0, 2.0], "high": [1.0, 3.0, 9.0]}, 3),
    "grid cover": ({"kind": "grid", "low": [0.0] * 4, "high": [1.0] * 4, "points": 3, "budget": 1.5}, 12),
    "gaussian mix": ({"kind": "gaussian", "low": [0.0] * 3, "high": [1.0] * 3, "is_mix": True}, 3),
}


def act(content, observations):
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    return session.run(["action"], {"observation": np.asarray(observations, np.float32)})[0], session


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("hidden", [(), (8,), (16, 8)])
def test_every_head_acts_as_in_numpy(head, hidden):
    rng = np.random.default_rng(len(hidden))
    words, size = HEADS[head]
    sizes = [6, *hidden, size]
    kernels = tuple(rng.normal(size=pair).astype(np.float32) for pair in itertools.pairwise(sizes))
    policy = Policy(kernels, tuple(rng.normal(size=n).astype(np.float32) for n in sizes[1:]), words)
    observations = rng.normal(size=(50, 6)).astype(np.float32)
    found, _ = act(sx.interop.policy_to_onnx(policy, {"game": "none"}), observations)
    np.testing.assert_allclose(found, policy.act(observations), atol=1e-5)
    if head == "grid mix":  # weights that are all zero
        assert (np.abs(found - 0.5) < 1e-6).all(axis=1).any()


@pytest.mark.long
def test_a_run_is_exported(tmp_path):
    out, file = tmp_path / "run", tmp_path / "policy.onnx"
    assert run("train", "posted-price-pi", "--out", out, *QUICK) == 0
    assert run("export", out, file, "--seed", "1") == 0
    policy = sx.load_policy(out / "policies.npz", 1)
    observations = np.random.default_rng(0).random((20, policy.kernels[0].shape[0]))
    found, session = act(file.read_bytes(), observations)
    np.testing.assert_allclose(found, policy.act(observations), atol=1e-5)
    about = session.get_modelmeta().custom_metadata_map
    assert (about["game"], about["seed"]) == ("posted-price-pi", "1")


def test_without_onnx_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    policy = Policy((np.ones((1, 2)),), (np.zeros(2),), {"kind": "discrete"})
    with pytest.raises(
        sx.InputError, match=r"an \.onnx file needs onnx, which is not installed: pip install 'stackjax\[onnx\]'"
    ):
        sx.interop.policy_to_onnx(policy)
