"""An evolution strategy on the weights of a network that acts on observations (Salimans et al. 2017), beside `policy`."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from stackjax.errors import require_key
from stackjax.problem import Metrics, Problem, Solver
from stackjax.solvers.config import ESConfig
from stackjax.solvers.network import PolicyNetwork, annealed_adam, network_solver, playable, settled, stepped
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["ESState", "es"]


class ESState(NamedTuple):
    """The network in the middle, Adam's state, a key and the updates behind."""

    params: PyTree
    optimiser: PyTree
    key: PRNGKey
    update: Array


def es(problem: Problem, config: ESConfig) -> Solver:
    """Moves a network towards those of its neighbours that earn more, by their ranks; pairs of neighbours are opposite.

    Raises:
      InputError: the problem cannot be played out.
    """
    network = PolicyNetwork.of(playable(problem, "es").policies, config.hidden_sizes, config.grid_points, gain=0.1)

    def init(key: PRNGKey) -> ESState:
        require_key(key)
        network_key, key = jax.random.split(key)
        params, start = network.init(network_key), jnp.int32(0)
        return ESState(params, annealed_adam(config, start).init(params), key, start)

    def update(state: ESState) -> tuple[ESState, Metrics]:
        noise_key, worth_key, key = jax.random.split(state.key, 3)
        middle, unravel = ravel_pytree(state.params)
        noise = jax.random.normal(noise_key, (config.population // 2, len(middle)))
        steps = jnp.concatenate([noise, -noise])
        tried = jax.vmap(unravel)(middle[None] + config.noise * steps)
        commitments = jax.vmap(lambda params: settled(problem, network.acting(params)))(tried)
        payoff = problem.worth(worth_key, commitments).payoff
        below, same = payoff[:, None] > payoff[None], payoff[:, None] == payoff[None]
        count = lambda pairs: pairs.sum(axis=1).astype(middle.dtype)
        ranks = (count(below) + 0.5 * (count(same) - 1.0)) / (config.population - 1) - 0.5  # ties share theirs
        gradient = unravel(-(ranks @ steps) / (config.population * config.noise))
        params, held = stepped(annealed_adam(config, state.update), state.params, gradient, state.optimiser)
        metrics = {
            "episodes": jnp.float32(config.population),
            "total_return": payoff.sum(),
            "is_finite": jnp.isfinite(payoff).all(),
            "return_spread": payoff.std(),
        }
        return ESState(params, held, key, state.update + 1), metrics

    return network_solver(problem, network, init, update, config.population)
