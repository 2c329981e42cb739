"""Tiny games that each isolate one thing that the leader's learner must do."""

import jax.numpy as jnp
import numpy as np

import stackjax as sx


class Constant(sx.OneShotGame):
    """Nothing matters: the leader is always paid 3."""

    name = "constant"
    type_prior = np.ones(1)
    num_actions = (2,)
    leader_actions = sx.Discrete(2)
    leader_payoff_range = (0.0, 4.0)

    def observation(self, actions):
        return jnp.ones(1)

    def outcome_payoffs(self, types, actions, leader_action):
        return jnp.array([3.0, 0.0])


class MatchWhatYouSee(sx.OneShotGame):
    """The follower does not care and plays at random; the leader sees its action and is paid for repeating it."""

    name = "match"
    type_prior = np.ones(1)
    num_actions = (3,)
    leader_actions = sx.Discrete(3)

    def observation(self, actions):
        return jnp.eye(3)[actions[0]]

    def outcome_payoffs(self, types, actions, leader_action):
        return jnp.array([(leader_action == actions[0]).astype(jnp.float32), 0.0])
