"""Whether a payoff has slopes: of a game that is written in steps there is nothing to climb."""

from collections.abc import Callable

import jax
import numpy as np

from stackjax.compiler import compiler_options
from stackjax.problem import Table
from stackjax.spaces import Discrete
from stackjax.types import Array, PyTree

__all__ = ["varies"]

NUM_PROBES = 16


def varies(payoffs: Callable[[Array], PyTree], table: Table) -> list[bool]:
    """Whether each output of ``payoffs``, of commitments ``[B, O, ...]``, has a slope next to any of some random ones."""
    space = table.actions
    if isinstance(space, Discrete):
        one = jax.eval_shape(lambda: table.draw(jax.random.key(0), 1))
        return [False] * len(jax.tree.leaves(jax.eval_shape(payoffs, one)))

    def probe() -> list[Array]:
        commitment_key, way_key = jax.random.split(jax.random.key(0))
        commitments = table.draw(commitment_key, NUM_PROBES)
        ways = space.tangent(jax.random.uniform(way_key, commitments.shape, commitments.dtype, 0.5, 1.0))
        return [(change != 0).any() for change in jax.tree.leaves(jax.jvp(payoffs, (commitments,), (ways,))[1])]

    # Compiled ahead, it runs inside of other functions' traces too.
    found = jax.jit(probe, compiler_options=compiler_options(runs_once=True)).lower().compile()()
    return [bool(np.asarray(one)) for one in found]
