"""A port sets a toll in each season; a ferry sails, which wears it out, or waits."""

import jax.numpy as jnp
import numpy as np

import stackjax as sx
from stackjax.markov import MarkovGame


class Toll(MarkovGame):
    name, num_actions, leader_actions = "toll", (2,), sx.Box((0.0,), (3.0,))
    horizon, discount, payoff_bounds = 6, 1.0, ((0.0, 3.0), (-4.0, 2.0))

    def __init__(self):
        self.initial = np.array([0.5, 0.5])  # new, worn
        self.successor = np.array([[[0, 0], [0, 1]], [[0, 1], [1, 1]]], np.int32)

    def outcomes(self, state, actions, leader_action):
        wears = 0.3 * actions[0].astype(leader_action.dtype)
        return jnp.stack([1.0 - wears, wears])

    def payoffs(self, state, actions, leader_action, outcome):
        sails, worn = actions[0].astype(leader_action.dtype), state.astype(leader_action.dtype)
        return sails * jnp.stack([leader_action[0], 2.0 - worn - leader_action[0]])
