"""REINFORCE on a table: a softmax or a Gaussian at each node, moved by every commitment's payoff less the batch's mean.

What remains of a policy-gradient leader without network and critic; a contestant of `leaders.py`.
"""

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from stackjax.problem import Metrics, Problem, Solver
from stackjax.solvers.registry import SolverEntry
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey


@dataclasses.dataclass(frozen=True)
class ReinforceConfig:
    """Settings of REINFORCE on a table."""

    num_updates: int = 200
    """Updates."""
    population: int = 256
    """Stackelberg episodes an update."""
    learning_rate: float = 0.05
    """Adam's."""
    entropy_bonus: float = 0.01
    """Keeps a softmax from settling early."""


class State(NamedTuple):
    key: PRNGKey
    params: Any  # logits [O, n], or mean and log deviation [O, d] each, in the unit box
    optimizer: Any


def reinforce(problem: Problem, config: ReinforceConfig) -> Solver:
    """The solver; see the module."""
    table, space = problem.commitments, problem.commitments.actions
    optimizer = optax.adam(config.learning_rate)
    low, high = problem.payoff_range
    is_discrete = isinstance(space, Discrete)
    start = jnp.zeros((table.num_nodes, space.n) if is_discrete else (2, table.num_nodes, *space.shape))

    def to_box(unit: Array) -> Array:
        ends = [jnp.asarray(end, unit.dtype) for end in (space.low, space.high)]
        return space.from_box(ends[0] + jax.nn.sigmoid(unit) * (ends[1] - ends[0]))

    def draw(params: Array, key: PRNGKey) -> Array:
        if is_discrete:
            return jax.random.categorical(key, params, shape=(config.population, table.num_nodes))
        return params[0] + jnp.exp(params[1]) * jax.random.normal(key, (config.population, *params[0].shape))

    def objective(params: Array, drawn: Array, advantage: Array) -> Array:
        if is_discrete:
            log_p = jax.nn.log_softmax(params)
            chosen = jnp.take_along_axis(log_p[None], drawn[..., None], axis=-1).sum(axis=(1, 2))
            entropy = -(jnp.exp(log_p) * log_p).sum(axis=-1).mean()
            return -(advantage * chosen).mean() - config.entropy_bonus * entropy
        distance = (drawn - params[0]) / jnp.exp(params[1])
        return -(advantage * (-0.5 * distance**2 - params[1]).sum(axis=(1, 2))).mean()

    def init(key: PRNGKey) -> State:
        return State(key, start, optimizer.init(start))

    def update(state: State) -> tuple[State, Metrics]:
        key, draw_key, worth_key = jax.random.split(state.key, 3)
        drawn = draw(state.params, draw_key)
        worth = problem.worth(worth_key, drawn.astype(jnp.int32) if is_discrete else to_box(drawn))
        advantage = (worth.payoff - worth.payoff.mean()) / (worth.payoff.std() + 1e-8 * (high - low))
        slopes = jax.grad(objective)(state.params, drawn, advantage)
        steps, memory = optimizer.update(slopes, state.optimizer)
        metrics = {
            "episodes": jnp.float32(config.population),
            "total_return": worth.payoff.sum(),
            "is_finite": jnp.isfinite(worth.payoff).all(),
        }
        return State(key, optax.apply_updates(state.params, steps), memory), metrics

    def commitment(state: State) -> Array:
        return state.params.argmax(axis=-1).astype(jnp.int32) if is_discrete else to_box(state.params[0])

    return Solver(init, update, commitment, commitments_at_once=config.population)


REINFORCE = SolverEntry("reinforce", "policy gradient on a table", ReinforceConfig, reinforce)
