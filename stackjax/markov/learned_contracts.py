"""A principal who learns recommendations, and pays the least that makes the agent follow them (Ivanov et al. 2024).

This is their Algorithm 2 on tables. Both sides learn at once from episodes, by Q-learning: the principal what recommending an
action is worth, the agent what an action is worth without the state's own payment. The chances of outcomes are known, as in the
source. What is learned is turned into plain payments with a *nudge*, so that small errors do not turn the agent away, and is
judged by an agent that answers exactly.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import require_count, require_number
from stackjax.markov.contracts import Equilibrium, check_forward, check_process, least_payments
from stackjax.types import Array, PRNGKey

__all__ = ["JudgedContracts", "LearnedContracts", "judge_contracts", "learn_contracts"]

SLOWING = 0.7  # the power of a count by which steps shrink; between 1/2 and 1 they average, and still forget the start
SETTLED_EXPLORATION = 0.25  # once recommendations are settled


class LearnedContracts(NamedTuple):
    """What was learned: recommended ``action`` int ``[S]``, and ``payments [S, O]``."""

    action: Array
    payments: Array


class JudgedContracts(NamedTuple):
    """What payments are worth against an agent that answers best, from the first state, game units; ties go to the principal.

    ``followed`` is the share of states in which the agent does what is recommended.
    """

    principal: float
    agent: float
    followed: float


def learn_contracts(
    key: PRNGKey,
    action_payoffs: np.ndarray,
    gains: np.ndarray,
    chances: np.ndarray,
    successor: np.ndarray,
    *,
    num_updates: int = 6000,
    num_episodes: int = 1024,
    nudge: float = 0.008,
) -> LearnedContracts:
    """Play ``num_updates`` batches of ``num_episodes`` episodes, and learn from every step.

    The recommendation is drawn at random with a chance that falls from 1 to 1/4 linearly; the agent follows it. A value moves
    by the mean of a batch's errors, over `SLOWING`'s power of how many batches have met it. In the last quarter of all batches
    the principal's recommendations are settled, and counts start again: where the principal is all but indifferent between
    two, the agent is not, and its values were learned for either. Payments are for their mean over the last eighth.

    Args:
      action_payoffs: ``[S, A]`` what an action pays the agent: an effort that costs 1 is -1.
      gains: ``[S, O]`` what an outcome pays the principal.
      chances: ``[A, O]`` of the outcomes.
      successor: int ``[S, O]``, above the state's own number; ``S`` is the end.
      nudge: by how much, game units, the recommended action is to be better than any other, in the agent's values as learned.

    Raises:
      InputError: a state leads back, a count is not a positive whole number, or the nudge is negative.
    """
    check_process(action_payoffs, gains, chances, successor)
    check_forward(successor)
    require_count("num_updates", num_updates)
    require_count("num_episodes", num_episodes)
    require_number("nudge", nudge, lambda nudge: nudge >= 0, "at least 0")
    (states, actions), outcomes = action_payoffs.shape, gains.shape[1]
    steps = _longest(successor)
    chance, cost, gain = (jnp.asarray(array, jnp.result_type(float)) for array in (chances, action_payoffs, gains))
    after = jnp.asarray(np.concatenate([successor, np.full((1, outcomes), states)]))
    cost, gain = (jnp.concatenate([leaf, jnp.zeros((1, leaf.shape[1]), leaf.dtype)]) for leaf in (cost, gain))
    choices = jnp.arange(actions, dtype=jnp.int32)

    def contracts_of(own: Array) -> Array:
        """``[S + 1, A, O]`` payments for each action, from the agent's values ``[S + 1, A]`` as learned."""

        def pay(values: Array, action: Array) -> Array:
            wanted = values - nudge * jax.nn.one_hot(action, actions, dtype=values.dtype)
            return least_payments(wanted, chance, action)[0]

        found = jax.vmap(jax.vmap(pay, (None, 0)), (0, None))(own, choices)
        return jnp.where(jnp.isfinite(found), found, 0.0)

    def recommended(principal: Array) -> Array:
        return principal.argmax(axis=1).astype(jnp.int32)

    def update(carry: tuple[Array, Array, Array], drawn: tuple[PRNGKey, Array], greedy: Array) -> tuple[Array, Array, Array]:
        (principal, own, counts), (key, exploration) = carry, drawn
        payments = contracts_of(own)
        paid = (payments * chance[None]).sum(axis=2)  # [S + 1, A] on average

        def step(state: Array, key: PRNGKey) -> tuple[Array, tuple[Array, Array, Array, Array]]:
            stray_key, action_key, outcome_key = jax.random.split(key, 3)
            shape = (num_episodes,)
            strays = jax.random.uniform(stray_key, shape) < exploration
            action = jnp.where(strays, jax.random.randint(action_key, shape, 0, actions, jnp.int32), greedy[state])
            outcome = jax.random.categorical(outcome_key, jnp.log(chance)[action])
            then = after[state, outcome]
            best = greedy[then]
            to_principal = gain[state, outcome] - payments[state, action, outcome] + principal[then, best]
            to_agent = cost[state, action] + paid[then, best] + own[then, best]
            ends = then == states
            to_principal = jnp.where(ends, gain[state, outcome] - payments[state, action, outcome], to_principal)
            to_agent = jnp.where(ends, cost[state, action], to_agent)
            return then, (state, action, to_principal, to_agent)

        _, seen = jax.lax.scan(step, jnp.zeros(num_episodes, jnp.int32), jax.random.split(key, steps))
        state, action, to_principal, to_agent = (leaf.reshape(-1) for leaf in seen)
        place, size = state * actions + action, (states + 1) * actions
        met = jax.ops.segment_sum(jnp.ones_like(to_agent), place, size).reshape(states + 1, actions)
        counts = counts + (met > 0).astype(met.dtype)
        rate = jnp.where(met > 0, jnp.maximum(counts, 1.0) ** -SLOWING, 0.0)
        mean = lambda target: jax.ops.segment_sum(target, place, size).reshape(met.shape) / jnp.maximum(met, 1.0)
        live = jnp.arange(states + 1)[:, None] < states
        move = lambda old, target: jnp.where(live, old + rate * (mean(target) - old), 0.0)
        return move(principal, to_principal), move(own, to_agent), counts

    nothing = jnp.zeros((states + 1, actions), cost.dtype)
    settling, averaging = 3 * num_updates // 4, 7 * num_updates // 8
    exploration = jnp.where(jnp.arange(num_updates) < settling, jnp.linspace(1.0, 0.0, num_updates), SETTLED_EXPLORATION)
    drawn = jax.random.split(key, num_updates), exploration

    @jax.jit
    def learn(drawn: tuple[PRNGKey, Array]) -> tuple[Array, Array]:
        part = lambda begin, end: jax.tree.map(lambda leaf: leaf[begin:end], drawn)
        learned, _ = jax.lax.scan(
            lambda carry, step: (update(carry, step, recommended(carry[0])), None), (nothing,) * 3, part(0, settling)
        )
        settled = recommended(learned[0])
        learned, _ = jax.lax.scan(
            lambda carry, step: (update(carry, step, settled), None), (*learned[:2], nothing), part(settling, averaging)
        )

        def add(held: Any, step: tuple[PRNGKey, Array]) -> tuple[Any, None]:
            carry = update(held[0], step, settled)
            return (carry, held[1] + carry[1]), None

        (_, total), _ = jax.lax.scan(add, (learned, nothing), part(averaging, num_updates))
        return settled[:-1], total / (num_updates - averaging)

    action, own = learn(drawn)
    payments = jnp.take_along_axis(contracts_of(own)[:-1], action[:, None, None], axis=1)[:, 0]
    return LearnedContracts(action, payments)


def judge_contracts(
    found: LearnedContracts | Equilibrium,
    action_payoffs: np.ndarray,
    gains: np.ndarray,
    chances: np.ndarray,
    successor: np.ndarray,
    tie: float = 1e-6,
) -> JudgedContracts:
    """What ``found`` is worth: one pass from the last state to the first, in float64. States come after those before them.

    Args:
      found: contracts that were learned, or an equilibrium.
      action_payoffs, gains, chances, successor: as of `subgame_perfect`, without batch axes.
      tie: what an agent does not mind losing, game units.
    """
    payments, recommended = np.asarray(found.payments, np.float64), np.asarray(found.action)
    states = len(action_payoffs)
    principal, agent, followed = np.zeros(states + 1), np.zeros(states + 1), 0
    for s in range(states - 1, -1, -1):
        then = successor[s]
        own = action_payoffs[s] + chances @ (payments[s] + agent[then])
        theirs = chances @ (gains[s] - payments[s] + principal[then])
        best = int(np.where(own >= own.max() - tie, theirs, -np.inf).argmax())
        agent[s], principal[s] = own[best], theirs[best]
        followed += best == recommended[s]
    return JudgedContracts(float(principal[0]), float(agent[0]), followed / states)


def _longest(successor: np.ndarray) -> int:
    """The most steps that an episode takes from the first state."""
    left = np.zeros(len(successor) + 1, int)
    for s in range(len(successor) - 1, -1, -1):
        left[s] = 1 + left[successor[s]].max()
    return int(left[0])
