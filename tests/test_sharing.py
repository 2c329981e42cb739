"""Episodes that several devices share: each computes its own, and together they have what one device has."""

import os
import subprocess
import sys

import pytest

SCRIPT = """
import jax, numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec as P
import stackjax as sx
from stackjax.bayesian.followers.streams import start_streams
from stackjax.bayesian.pomdp.commitment import tabulate_batch
from stackjax.problem import Table
from stackjax.sharing import shared

env = sx.StackelbergPOMDP(sx.make("posted-price-uniform", num_types=2, num_messages=1))
made = Table(env.tree.num_nodes, env.game.leader_actions).draw(jax.random.key(1), 8)

def learned(key):
    streams = shared(start_streams(key, (8,)))
    table = tabulate_batch(env.game, env.tree, shared(made))
    return sx.followers.equilibrate(streams, table.game, env.dynamics, 50).strategies

alone = jax.jit(learned)(jax.random.key(0))
mesh = Mesh(np.array(jax.devices()), ("episodes",))
with jax.set_mesh(mesh):
    lowered = jax.jit(learned, out_shardings=P()).lower(jax.random.key(0))
program = lowered.compile()
together = program(jax.random.key(0))
for one, other in zip(alone, together, strict=True):
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
calls = [line for line in program.as_text().splitlines() if "stackjax_hedge" in line and "custom-call" in line]
print("kernel:", [",2]" in line for line in calls])
"""


@pytest.mark.long
def test_devices_that_share_episodes_each_play_their_own_and_end_with_the_same_strategies():
    environment = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("kernel:")
    assert "False" not in done.stdout  # two of the eight episodes on each of four devices
