"""The subgame-perfect equilibrium, in which the principal chooses contracts anew in every state (Ivanov et al. 2024).

It is found by backward induction, or by the *meta-algorithm*: agent and principal take turns. The agent solves its process
under the contracts as they are; the principal works out the least payments for each action from the agent's values, and solves
its own.
"""

import itertools
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full
from stackjax.compiler import compiler_options
from stackjax.errors import require_count
from stackjax.markov.contracts.process import PrincipalAgentMDP, backward
from stackjax.types import Array

__all__ = ["Alternated", "Equilibrium", "alternate", "least_payments", "subgame_perfect"]

FEASIBLE = 1e-5  # of the largest difference of values: what a payment may miss of a constraint
SAME = 1e-5  # of the largest payoff: contracts that differ by less are the same


class Equilibrium(NamedTuple):
    """A subgame-perfect equilibrium, state by state; batch axes at the end.

    Attributes:
      principal, agent: ``[S, *B]`` what either expects from a state on, game units.
      action: int ``[S, *B]`` what the principal wants the agent to do, which it does.
      payments: ``[S, O, *B]`` by outcome.
    """

    principal: Array
    agent: Array
    action: Array
    payments: Array


def least_payments(values: Array, chances: Array, action: Array) -> tuple[Array, Array]:
    """The cheapest payments under which an agent prefers ``action``, by trying every vertex of the linear programme.

    Args:
      values: ``[A]`` what each action is worth to the agent without this state's payment.
      chances: ``[A, O]`` of the outcomes.
      action: int, of the agent's.

    Returns:
      payments ``[O]``, none negative, and their expectation under ``action``. Infinite where no payment can do it.
    """
    num_actions, num_outcomes = chances.shape
    more = chances[action][None] - chances  # [A, O], of payments b: more @ b >= short
    short = values - values[action]
    rows = jnp.concatenate([more, jnp.eye(num_outcomes, dtype=chances.dtype)])
    least = jnp.concatenate([short, jnp.zeros(num_outcomes, values.dtype)])
    active = np.array(list(itertools.combinations(range(num_actions + num_outcomes), num_outcomes)))
    matrices = rows[active]  # [V, O, O]
    vertices = _solved(matrices, least[active])
    room = 1e-6 + FEASIBLE * jnp.abs(short).max()
    missing = least[None] - vertices @ rows.T
    is_sound = jnp.isfinite(vertices).all(axis=1) & (missing <= room).all(axis=1)
    cost = jnp.where(is_sound, vertices @ chances[action], jnp.inf)
    best = jnp.argmin(cost)
    payments = jnp.where(is_sound[best], jnp.maximum(vertices[best], 0.0), jnp.inf)
    return payments, cost[best]


def _solved(matrices: Array, right: Array) -> Array:
    """``[V, O]`` solutions of ``matrices [V, O, O]``, by Cramer's rule for two outcomes and elimination for more."""
    if matrices.shape[-1] == 1:
        return right / matrices[:, 0]
    if matrices.shape[-1] == 2:
        (a, b), (c, d) = jnp.moveaxis(matrices, 0, -1)
        determinant = a * d - b * c
        safe = jnp.where(jnp.abs(determinant) > 1e-9, determinant, jnp.nan)
        return jnp.stack([d * right[:, 0] - b * right[:, 1], a * right[:, 1] - c * right[:, 0]], axis=-1) / safe[:, None]
    return jnp.linalg.solve(matrices, right[..., None])[..., 0]


def payments_for_each(values: Array, chances: Array) -> tuple[Array, Array]:
    """`least_payments` for every action: ``[A, O]`` and ``[A]``."""
    return jax.vmap(lambda action: least_payments(values, chances, action))(jnp.arange(len(chances), dtype=jnp.int32))


@in_full
def subgame_perfect(process: PrincipalAgentMDP) -> Equilibrium:
    """The equilibrium by backward induction.

    Args:
      process: one that leads forward; ``action_payoffs [S, A, *B]`` and ``gains [S, O, *B]`` may have batch axes.

    Raises:
      InputError: a state leads back.
    """
    process.check_forward()
    costs, gains = (jnp.asarray(leaf) for leaf in process[:2])
    chances, batch = jnp.asarray(process.chances, costs.dtype), costs.shape[2:]

    def state(cost: Array, gain: Array, principal: Array, agent: Array) -> tuple[Array, ...]:
        values = cost + chances @ agent
        payments, expected = payments_for_each(values, chances)
        worth = chances @ (gain + principal) - expected
        best = jnp.argmax(worth).astype(jnp.int32)
        return worth[best], values[best] + expected[best], best, payments[best]

    flat = (leaf.reshape(*leaf.shape[:2], -1) for leaf in (costs, gains))
    found = backward(process.successor, jax.vmap(state, -1, -1), 2, *flat)
    return Equilibrium(*(leaf.reshape(*leaf.shape[:-1], *batch) for leaf in found))


class Alternated(NamedTuple):
    """The ``equilibrium`` (no batch axes), the ``rounds`` until contracts stayed the same, and whether they did."""

    equilibrium: Equilibrium
    rounds: int
    converged: bool


def alternate(process: PrincipalAgentMDP, most_rounds: int = 1000) -> Alternated:
    """The meta-algorithm: start without payments and take turns until contracts stay the same, or for ``most_rounds``.

    After at most one round more than an episode has steps, contracts stay as they are: a subgame-perfect equilibrium.

    Raises:
      InputError: the process does not fit or leads back, or ``most_rounds`` is not a positive whole number.
    """
    process.check(forward=True)
    require_count("most_rounds", most_rounds)
    costs, gains, chances = (jnp.asarray(leaf, jnp.result_type(float)) for leaf in process[:3])

    def agent(cost: Array, paid: Array, ahead: Array) -> tuple[Array, Array]:
        own = cost + chances @ ahead
        return (own + chances @ paid).max(), own

    def principal(gain: Array, payments: Array, expected: Array, ahead: Array) -> tuple[Array, Array, Array]:
        worth = chances @ (gain + ahead) - expected
        best = worth.argmax().astype(jnp.int32)
        return worth[best], best, payments[best]

    @partial(jax.jit, compiler_options=compiler_options(runs_once=True))
    def turn(payments: Array) -> list[Array]:
        """``[S, A]`` what actions are worth to the agent without this payment, and the principal's values, wants, payments."""
        own = backward(process.successor, agent, 1, costs, payments)[1]
        each = jax.vmap(payments_for_each, (0, None))(own, chances)
        return [own, *backward(process.successor, principal, 1, gains, *each)]

    payments = jnp.zeros(gains.shape, costs.dtype)
    scale = float(max(np.abs(process.action_payoffs).max(), np.abs(process.gains).max()))
    for done in range(1, most_rounds + 1):
        own, values, best, paid = turn(payments)
        stays = bool(jnp.abs(paid - payments).max() <= SAME * scale)
        payments = paid
        if stays or done == most_rounds:
            break
    agents = jnp.take_along_axis(own + payments @ chances.T, best[:, None], axis=1)[:, 0]
    return Alternated(Equilibrium(values, agents, best, payments), done, stays)
