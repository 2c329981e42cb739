"""The layers' matrix product."""

import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stackjax.solvers.ppo.networks import product

DIGEST = """
import hashlib
import jax, numpy as np
from stackjax.solvers.ppo.networks import MLP
numbers = np.random.default_rng(0)
rows = numbers.normal(size=(6144, 24)).astype(np.float32)
network = MLP((64, 64), 6, 1.0)
params = network.init(jax.random.key(0), rows[:1])
gradients = jax.jit(jax.grad(lambda params: jax.numpy.sin(network.apply(params, rows)).mean()))(params)
for gradient in jax.tree.leaves(gradients):
    print(hashlib.sha256(np.asarray(gradient).tobytes()).hexdigest())
"""


def test_its_gradient_is_the_products():
    rng = np.random.default_rng(0)
    rows, kernel = (jnp.asarray(rng.normal(size=shape), jnp.float32) for shape in ((3, 5, 4), (4, 2)))
    gradients = [
        jax.grad(lambda rows, kernel, multiply=multiply: jnp.sin(multiply(rows, kernel)).sum(), (0, 1))(rows, kernel)
        for multiply in (product, jnp.matmul)
    ]
    for found, expected in zip(*gradients, strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.long
def test_a_networks_gradient_does_not_depend_on_the_number_of_threads():
    found = []
    for threads in ("2", "8"):
        environment = {**os.environ, "PJRT_NPROC": threads}
        done = subprocess.run([sys.executable, "-c", DIGEST], env=environment, capture_output=True, text=True, check=True)
        found.append(done.stdout.split())
    assert len(found[0]) == 6
    assert found[0] == found[1]
