"""The README's Python runs as printed, in order."""

import pathlib
import re

import jax
import numpy as np

import stackjax as sx

README = pathlib.Path(__file__).parents[1] / "README.md"


def test_python_blocks_run(capsys):
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), flags=re.DOTALL)
    assert len(blocks) == 3
    # The same program at a smaller size: seeds, rounds and updates.
    blocks[0] = blocks[0].replace("num_rounds=1000", "num_rounds=20").replace("jax.random.key(0), 10", "jax.random.key(0), 2")
    blocks[0] = blocks[0].replace("num_envs=256", "num_envs=16, num_updates=2")
    names: dict = {}
    for block in blocks:
        exec(block, names)
    assert names["result"].metrics.is_finite.shape == (2, 2)
    assert float(capsys.readouterr().out) < 0.05

    # The example game is worth playing: firms cut exactly when the tax exceeds their cost, and welfare is best between.
    env = sx.StackelbergPOMDP(sx.make("pollution-tax"), num_rounds=2000)
    welfare = [
        float(sx.evaluate_commitment(jax.random.key(0), env, np.array([t]), 1).argmax.leader_payoff[0]) for t in range(6)
    ]
    np.testing.assert_allclose([welfare[0], welfare[2], welfare[5]], [-4.0, -3.0, -4.0], rtol=1e-5)


def test_public_names_in_the_readme_exist():
    for name in set(re.findall(r"\bsx\.(\w+)", README.read_text())):
        assert name in sx.__all__, name
