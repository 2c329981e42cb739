"""The meta-algorithm of principal-agent reinforcement learning (Ivanov et al. 2024): agent and principal take turns.

The agent solves its process under the contracts as they are; the principal works out the least payments for each action from
the agent's values, and solves its own. After at most one round more than an episode has steps, contracts stay as they are: a
subgame-perfect equilibrium.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import require_count
from stackjax.markov.contracts import Equilibrium, check_forward, check_process, least_payments
from stackjax.types import Array

__all__ = ["TakenInTurns", "in_turns"]

SAME = 1e-5  # of the largest payoff: contracts that differ by less are the same


class TakenInTurns(NamedTuple):
    """The ``equilibrium`` (no batch axes), the ``rounds`` until contracts stayed the same, and whether they did."""

    equilibrium: Equilibrium
    rounds: int
    converged: bool


def in_turns(
    action_payoffs: np.ndarray, gains: np.ndarray, chances: np.ndarray, successor: np.ndarray, most_rounds: int = 1000
) -> TakenInTurns:
    """Start without payments and take turns until contracts stay the same, or for ``most_rounds``.

    Args:
      action_payoffs: ``[S, A]`` what an action pays the agent: an effort that costs 1 is -1.
      gains: ``[S, O]`` what an outcome pays the principal.
      chances: ``[A, O]`` of the outcomes.
      successor: int ``[S, O]``, above the state's own number; ``S`` is the end.

    Raises:
      InputError: a state leads back, or ``most_rounds`` is not a positive whole number.
    """
    check_process(action_payoffs, gains, chances, successor)
    check_forward(successor)
    require_count("most_rounds", most_rounds)
    states, outcomes = gains.shape
    chance, cost, gain = (jnp.asarray(array, jnp.result_type(float)) for array in (chances, action_payoffs, gains))
    after, actions = jnp.asarray(successor), jnp.arange(action_payoffs.shape[1], dtype=jnp.int32)
    order = jnp.arange(states - 1, -1, -1, dtype=jnp.int32)  # later states first: one sweep solves a process

    def agent(payments: Array) -> Array:
        """``[S, A]`` what each action is worth to the agent, who is best off from the next state on, without this payment."""

        def sweep(values: Array, s: Array) -> tuple[Array, Array]:
            own = cost[s] + chance @ values[after[s]]
            return values.at[s].set((own + chance @ payments[s]).max()), own

        return jax.lax.scan(sweep, jnp.zeros(states + 1, cost.dtype), order)[1][::-1]

    def principal(own: Array) -> tuple[Array, Array, Array]:
        """``[S]`` what the principal expects, ``[S]`` what it wants done, ``[S, O]`` what it pays."""
        every = jax.vmap(jax.vmap(least_payments, (None, None, 0)), (0, None, None))
        payments, expected = every(own, chance, actions)  # [S, A, O], [S, A]

        def sweep(values: Array, s: Array) -> tuple[Array, tuple[Array, Array]]:
            worth = chance @ (gain[s] + values[after[s]]) - expected[s]
            best = worth.argmax().astype(jnp.int32)
            return values.at[s].set(worth[best]), (best, payments[s, best])

        values, (best, paid) = jax.lax.scan(sweep, jnp.zeros(states + 1, cost.dtype), order)
        return values[:-1], best[::-1], paid[::-1]

    @jax.jit
    def turn(payments: Array) -> tuple[Array, Array, Array, Array]:
        own = agent(payments)
        return own, *principal(own)

    payments, scale = jnp.zeros((states, outcomes), cost.dtype), float(max(np.abs(action_payoffs).max(), np.abs(gains).max()))
    for done in range(1, most_rounds + 1):
        own, values, best, paid = turn(payments)
        stays = bool(jnp.abs(paid - payments).max() <= SAME * scale)
        payments = paid
        if stays or done == most_rounds:
            break
    agents = jnp.take_along_axis(own + payments @ chance.T, best[:, None], axis=1)[:, 0]
    return TakenInTurns(Equilibrium(values, agents, best, payments), done, stays)
