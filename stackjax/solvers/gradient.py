"""Climbs a problem's softened payoff by Adam (Kingma and Ba 2015), while the softening goes away."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from stackjax.errors import InputError, require_key
from stackjax.problem import Metrics, Problem, Solver
from stackjax.solvers.config import GradientConfig
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["GradientState", "gradient"]


class GradientState(NamedTuple):
    """The commitment ``[O, ...]``, entries scaled to [0, 1], and Adam's state; no batch axes."""

    key: PRNGKey
    update: Array
    scaled: Array
    moments: PyTree


def gradient(problem: Problem, config: GradientConfig) -> Solver:
    """See above; ``config``'s floats may be tracers.

    Raises:
      InputError: the problem's payoff is not differentiable.
    """
    known, space = problem.differentiable, problem.commitments.actions
    if known is None or isinstance(space, Discrete):
        raise InputError(
            f"solver='gradient' needs a payoff that is differentiable, as of menus; {problem.name!r} has none: use --solver "
            "direct"
        )
    adam, (low, high) = optax.scale_by_adam(), problem.payoff_range

    def init(key: PRNGKey) -> GradientState:
        require_key(key)
        key, start_key = jax.random.split(key)
        scaled = space.to_unit(known.start(start_key))
        return GradientState(key, jnp.int32(0), scaled, adam.init(scaled))

    def update(state: GradientState) -> tuple[GradientState, Metrics]:
        key, types_key = jax.random.split(state.key)
        progress = state.update.astype(jnp.result_type(float)) / config.num_updates
        sharpness = config.first_sharpness * (config.last_sharpness / config.first_sharpness) ** progress

        def lost(scaled: Array) -> Array:
            return -known.payoff(types_key, space.from_unit(scaled), sharpness)

        value, slope = jax.value_and_grad(lost)(state.scaled)
        slope = -space.along(state.scaled, -slope)  # what clipping takes away would hide the rest from Adam
        with jax.numpy_dtype_promotion("standard"):  # optax counts in integers
            step, moments = adam.update(slope / (high - low), state.moments)
        moved = state.scaled - config.learning_rate * (1.0 - progress) * step
        scaled = space.to_unit(known.project(space.from_unit(moved)))
        metrics = {
            "episodes": jnp.float32(1.0),
            "total_return": -value,
            "is_finite": jnp.isfinite(value) & jnp.isfinite(scaled).all(),
            "sharpness": jnp.asarray(sharpness, jnp.float32),
        }
        return GradientState(key, state.update + 1, scaled, moments), metrics

    return Solver(init, update, lambda state: space.from_unit(state.scaled), commitments_at_once=2)
