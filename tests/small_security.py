"""A game of guards and targets, small, for tests of followers: a coverage in a box, scaled down where it is too much."""

import jax.numpy as jnp
import numpy as np

import stackjax as sx

__all__ = ["MUSEUM", "Guards"]

MUSEUM = {
    "guards": 1,
    "prior": [0.6, 0.4],
    "types": ["thief", "vandal"],
    "targets": ["gate", "vault", "hall"],
    "defender": {"covered": [1, 2, 3], "uncovered": [[-1, -9, -2], [-3, -4, -5]]},
    "attacker": {"covered": [-1, -1, -1], "uncovered": [[2, 9, 3], [4, 1, 5]]},
}


class Guards(sx.OneShotGame):
    """Random payoffs of ``num_types`` attackers of ``num_targets`` targets, by ``instance``."""

    def __init__(self, num_targets: int, guards: float, num_types: int, instance: int = 0) -> None:
        rng, shape = np.random.default_rng(instance), (num_types, num_targets)
        self.held, self.lost = rng.uniform(1, 10, shape), rng.uniform(-10, -1, shape)
        self.covered, self.uncovered = rng.uniform(-10, -1, shape), rng.uniform(1, 10, shape)
        self.type_prior = rng.dirichlet(np.ones(num_types))
        self.name, self.num_actions, self.guards = "guards", (num_targets,), guards
        self.leader_actions = sx.Box((0.0,) * num_targets, (1.0,) * num_targets)
        self.payoff_scale, self.leader_payoff_range = 20.0, (-10.0, 10.0)

    def observation(self, actions):
        return jnp.ones(1)

    def coverage(self, leader_action):
        return leader_action * jnp.minimum(1.0, self.guards / jnp.maximum(leader_action.sum(), 1e-6))

    def outcome_payoffs(self, types, actions, leader_action):
        chance = self.coverage(leader_action)[actions[0]]
        at = lambda table: jnp.asarray(table, chance.dtype)[types[0], actions[0]]
        of = lambda covered, uncovered: chance * at(covered) + (1.0 - chance) * at(uncovered)
        return jnp.stack([of(self.held, self.lost), of(self.covered, self.uncovered)])

    def features(self, leader_action):
        chance = self.coverage(leader_action)
        known = (jnp.asarray(table, chance.dtype) for table in (self.uncovered, self.covered))
        return jnp.stack([jnp.broadcast_to(chance[None], self.covered.shape), *known], axis=-1)

    def payoffs_at(self, coverage):
        """Of the attacker and the defender, ``[K, n]`` each, in NumPy."""
        of = lambda covered, uncovered: coverage[None] * covered + (1.0 - coverage[None]) * uncovered
        return of(self.covered, self.uncovered), of(self.held, self.lost)
