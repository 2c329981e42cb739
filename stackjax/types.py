"""Array aliases and the axis glossary.

Shape comments throughout the library use these letters:

====== =====================================================================
letter meaning
====== =====================================================================
``B``  batch of Stackelberg episodes (always the **last** axis of follower
       arrays, so that one round of the dynamics is one vector instruction)
``N``  followers
``K``  types of a follower (the largest over followers where a table is padded)
``A``  actions of a follower (the largest, likewise)
``P``  type profiles, the product of all followers' type counts
``M``  action profiles, the product of all followers' action counts
``T``  rounds of the response phase
``R``  sub-episodes of the reward phase
``L``  leader decisions in a sub-episode (the largest)
``O``  distinct leader observations within an episode
``S``  seeds
====== =====================================================================
"""

from typing import Any

import jax
import numpy as np

Array = jax.Array
ArrayLike = jax.Array | np.ndarray
PRNGKey = jax.Array
PyTree = Any

__all__ = ["Array", "ArrayLike", "PRNGKey", "PyTree"]
