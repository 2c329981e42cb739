"""Exported policies: in plain NumPy, without JAX or stackjax, they do what the leader does."""

import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest

import stackjax as sx
from tests.runs.commands import QUICK, run

CASES = {
    "discrete": ["allocation", "--game.num-messages", 3],
    "grid": ["posted-price-pi"],
    "gaussian": ["posted-price-pi", "--ppo.box-policy", "gaussian"],
    "mix": ["maintain-randomized"],
}


@pytest.mark.parametrize("case", CASES)
def test_it_acts_as_the_commitment_says_at_every_observation(case, tmp_path, capsys):
    out = tmp_path / "run"
    assert run("train", *CASES[case], *QUICK, "--ppo.learning-rate", 0.02, "--out", out) == 0
    for suffix in ("json", "npz"):
        assert run("export", out, tmp_path / f"learnt.{suffix}", "--seed", 1) == 0
    with np.load(tmp_path / "learnt.npz") as learnt:
        observations, actions = learnt["observations"], learnt["actions"]
    sources = [(out / "policies.npz", 1), (tmp_path / "learnt.npz", None), (tmp_path / "learnt.json", None)]
    for path, seed in sources:
        found = sx.load_policy(path, seed).act(observations)
        np.testing.assert_allclose(found, actions, atol=1e-5)
    one = sx.load_policy(tmp_path / "learnt.npz").act(observations[0])
    np.testing.assert_allclose(one, actions[0], atol=1e-5)
    with pytest.raises(ValueError, match=r"seed=7 is not in .*it has 0, 1"):
        sx.load_policy(out / "policies.npz", seed=7)
    with pytest.raises(ValueError, match="must end in"):
        sx.load_policy(out / "policies.npz").act(np.zeros(99))
    for damage in (b"", b"PK\x03\x04", (out / "policies.npz").read_bytes()[:-100]):
        (out / "policies.npz").write_bytes(damage)
        assert run("export", out, tmp_path / "again.npz") == 2
        assert "policies.npz is damaged" in capsys.readouterr().err


def test_the_file_alone_is_enough(tmp_path):
    """``policy.py`` copied elsewhere, a process that cannot import anything but NumPy, and the export of a sweep's best."""
    out = tmp_path / "sweep"
    assert run("sweep", "escape", *QUICK, "--sweep.ppo.learning-rate", 0.001, 0.02, "--out", out) == 0
    assert run("export", out, tmp_path / "best.npz") == 0
    shutil.copy(pathlib.Path(sx.__file__).with_name("policy.py"), tmp_path / "policy.py")
    code = (
        "import sys, numpy as np\nsys.path.insert(0, '.')\nfrom policy import load_policy\n"
        "stored = np.load('best.npz')\n"
        "assert (load_policy('best.npz').act(stored['observations']) == stored['actions']).all()\n"
        "assert not {'jax', 'stackjax', 'flax'} & set(sys.modules)\n"
    )
    finished = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
