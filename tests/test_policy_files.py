"""A damaged policy file is one `ValueError` that names it, whatever the damage."""

import contextlib
import json
import pickle

import numpy as np
import pytest

import stackjax as sx

HEAD = {"kind": "grid", "low": [0.0], "high": [1.0], "points": 3}


def arrays_of(num_seeds=None):
    """Two layers, of one policy or of several."""
    batch = () if num_seeds is None else (num_seeds,)
    draw = np.random.default_rng(0).random
    layers = {f"policy_{kind}": draw((*batch, *shape)) for kind, shape in SHAPES.items()}
    return {**layers, "policy_head": json.dumps(HEAD), **({} if num_seeds is None else {"seed": np.arange(num_seeds)})}


SHAPES = {"kernel_0": (2, 4), "bias_0": (4,), "kernel_1": (4, 3), "bias_1": (3,)}
DAMAGE = {
    "no bias": {"policy_bias_1": None},
    "a bias of another width": {"policy_bias_1": np.zeros(2)},
    "kernels that do not fit": {"policy_kernel_1": np.zeros((5, 3))},
    "no kernels": dict.fromkeys(("policy_kernel_0", "policy_kernel_1")),
    "a scalar": {"policy_kernel_0": np.zeros(())},
    "a head that is no JSON": {"policy_head": "{"},
    "a head that is a number": {"policy_head": "3"},
    "a head of an unknown kind": {"policy_head": '{"kind": "linear"}'},
    "a head without an end": {"policy_head": '{"kind": "gaussian", "low": [0]}'},
    "an object": {"policy_kernel_0": np.array([{}], object)},
}


def refused(path, match="is not a readable policy file"):
    with pytest.raises(ValueError, match=match) as caught:
        sx.load_policy(path)
    assert str(path) in str(caught.value)
    assert "pickle" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("case", DAMAGE)
def test_contents_that_are_no_policy(case, tmp_path):
    path = tmp_path / "policy.npz"
    kept = {name: value for name, value in {**arrays_of(), **DAMAGE[case]}.items() if value is not None}
    np.savez(path, allow_pickle=True, **kept)
    refused(path)


def test_bytes_that_are_no_policy(tmp_path):
    path = tmp_path / "policy.npz"
    np.savez(path, **arrays_of(num_seeds=2))
    whole = path.read_bytes()
    assert sx.load_policy(path, seed=1).act(np.ones(2)).shape == (1,)
    for content in (
        b"",
        b"PK\x03\x04",
        b"no archive",
        pickle.dumps({"policy": 1}),
        *(whole[:k] for k in range(0, len(whole), 97)),
    ):
        path.write_bytes(content)
        refused(path)
    draw = np.random.default_rng(1)
    for place in draw.integers(len(whole), size=300):  # what the checksums do not cover may be read or refused
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << draw.integers(8)]) + whole[place + 1 :])
        with contextlib.suppress(ValueError):
            sx.load_policy(path)
    np.savez(path, **{name: value for name, value in arrays_of(num_seeds=2).items() if name != "seed"})
    refused(path)


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ('{"policy": ', "not a readable"),
        ("[1]", "not a readable"),
        ('{"policy": {"kernels": [[[1]]]}}', "not a readable"),
        ('{"policy": {"kernels": [[["a"]]], "biases": [[1]], "head": {"kind": "discrete"}}}', "not a readable"),
        ('{"game": "escape"}', "holds no policy"),
    ],
)
def test_json_that_is_no_policy(content, match, tmp_path):
    path = tmp_path / "policy.json"
    path.write_text(content, encoding="utf-8")
    refused(path, match)


def test_a_file_that_is_not_there_is_an_oserror(tmp_path):
    with pytest.raises(FileNotFoundError):
        sx.load_policy(tmp_path / "none.npz")
