"""A game of guards and an attacker as a user writes it: coverage in a `CappedSimplex`, one attacker with types."""

import jax.numpy as jnp
import numpy as np

import stackjax as sx


class Guards(sx.OneShotGame):
    """A random instance: an attacker of type k takes one of ``targets``; each payoff is linear in the coverage of the target.

    ``table [4, K, n]``: defender covered, defender uncovered, attacker covered, attacker uncovered.
    """

    def __init__(self, targets=10, guards=3.0, types=1, instance=0):
        rng = np.random.default_rng(instance)
        ends = ((1, 10), (-10, -1), (-10, -1), (1, 10))
        self.table = np.stack([rng.uniform(*end, size=(types, targets)) for end in ends])
        self.name, self.num_actions, self.payoff_scale = f"guards {targets} {types} {instance}", (targets,), 20.0
        self.type_prior = rng.dirichlet(np.ones(types)) if types > 1 else np.ones(1)
        self.leader_actions = sx.CappedSimplex(targets, guards)
        self.leader_payoff_range = (float(self.table[1].min()), float(self.table[0].max()))

    def observation(self, actions):
        del actions
        return jnp.ones(1)

    def outcome_payoffs(self, types, actions, leader_action):
        covered = leader_action[actions[0]]
        ends = jnp.asarray(self.table, covered.dtype)[:, types[0], actions[0]]
        return covered * ends[::2] + (1.0 - covered) * ends[1::2]
