"""The last step of a run: the best commitment, whoever found it, improved in its neighbourhood by exact evaluation."""

import jax
import numpy as np

from stackjax.problem import Problem
from stackjax.solvers import children
from stackjax.solvers.config import DirectConfig
from stackjax.solvers.direct import direct
from stackjax.types import Array, PRNGKey

__all__ = ["POPULATION", "polished"]

POPULATION = 64
NUM_ANSWERS = 8  # the one found and some across its borders
FIRST_STEP = 0.05  # of a box: about a step of PPO's grid


def polished(problem: Problem, key: PRNGKey, commitment: Array, num_evaluations: int) -> Array:
    """``commitment [O, ...]`` or a better one near it: by the problem's own ``improve``, or by `direct`, started from it.

    Few commitments are all tried. In a box the search also crosses to where followers answer a little otherwise.

    Each of ``num_evaluations`` is one commitment against one fresh group of followers. Whether what is returned is better is
    for the caller to judge, against followers that it was not chosen for.
    """
    improve = problem.improve
    if improve is not None:
        better = lambda made: np.asarray(improve(np.asarray(made), num_evaluations), made.dtype)
        shape = jax.ShapeDtypeStruct(commitment.shape, commitment.dtype)
        return jax.pure_callback(better, shape, commitment, vmap_method="sequential")
    population = min(POPULATION, max(4, num_evaluations))
    config = DirectConfig(
        num_updates=max(1, num_evaluations // population),
        starts=1,
        population=population,
        num_answers=NUM_ANSWERS,
        stranger_share=1.0 / population,
        climb_share=0.5,
        cross_share=0.5,
        trusted_groups=4,
        first_step=FIRST_STEP,
    )
    solver, space = direct(problem, config), problem.commitments.actions
    start_key, child_key = jax.random.split(key)
    update = lambda _, state: solver.update(state)[0]
    if solver.tries_all:
        return solver.commitment(jax.lax.fori_loop(0, solver.tries_all, update, solver.init(start_key)))
    near = children.bred_near(child_key, space, commitment, population, FIRST_STEP)
    near = near.at[: config.num_rechecked].set(commitment)
    state = solver.init(start_key)._replace(tried=near)
    return solver.commitment(jax.lax.fori_loop(0, solver.num_updates, update, state))
