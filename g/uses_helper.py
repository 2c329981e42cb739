import jax.numpy as jnp
import numpy as np
from helper_payoffs import PAY

import stackjax as sx


class Uses(sx.OneShotGame):
    name = "uses-helper"
    num_actions = (2,)
    type_prior = np.ones((1,))
    leader_actions = sx.Discrete(2)
    payoff_scale = 1.0
    leader_payoff_range = (0.0, 4000.0)

    def observation(self, actions):
        return jnp.ones(1)

    def outcome_payoffs(self, types, actions, leader_action):
        same = 1.0 * (actions[0] == leader_action)
        return jnp.stack([jnp.asarray(PAY)[leader_action, actions[0]], same])


sx.register("uses-helper", Uses)
