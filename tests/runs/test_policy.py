"""Policies in plain NumPy, without JAX or stackjax, do what the leader does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.problem import BayesianProblem
from stackjax.disk.policies import write_policies
from stackjax.solvers.ppo.solver import ppo_solver
from tests.siblings import first

CASES = {
    "discrete": ("allocation", {}),
    "grid": ("posted-price-pi", {"grid_start": "even"}),
    "gaussian": ("posted-price-pi", {"box_policy": "gaussian"}),
    "mix": ("maintain-randomized", {}),
}


@pytest.mark.parametrize("case", first(2, CASES))
def test_it_acts_as_the_commitment_says_at_every_observation(case, tmp_path):
    name, settings = CASES[case]
    game = sx.make(name)
    env, config = sx.StackelbergPOMDP(game), sx.PPOConfig(hidden_sizes=(16, 8), **settings)
    trainer = sx.make_train(env, config)
    params = jax.vmap(trainer.agent.init)(jax.random.split(jax.random.key(0), 2))
    params = jax.tree.map(lambda leaf: 3.0 * leaf + 0.1, params)
    path = tmp_path / "policies.npz"
    write_policies(path, ppo_solver(BayesianProblem(env), config), [{"seed": 4}, {"seed": 7}], params["actor"])
    for place, seed in enumerate((4, 7)):
        observations, actions = trainer.agent.commitment(jax.tree.map(lambda leaf, place=place: leaf[place], params))
        policy = sx.load_policy(path, seed)
        np.testing.assert_allclose(policy.act(observations), actions, atol=1e-5)
        np.testing.assert_allclose(policy.act(observations[0]), actions[0], atol=1e-5)
    assert len(np.unique(np.asarray(jnp.round(actions, 3)))) > 1 or case == "mix"
    np.testing.assert_array_equal(sx.load_policy(path).act(observations), sx.load_policy(path, 4).act(observations))
    with pytest.raises(ValueError, match=r"seed=5 is not in .*it has 4, 7"):
        sx.load_policy(path, seed=5)
    with pytest.raises(ValueError, match="must end in"):
        sx.load_policy(path).act(np.zeros(99))
