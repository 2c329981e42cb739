"""A principal who learns recommendations, and pays the least that makes the agent follow them (Ivanov et al. 2024).

This is their Algorithm 2 on tables. The principal learns what recommending an action is worth, the agent what an action is
worth without the state's own payment. The chances of outcomes are known, as in the source. What is learned is turned into plain
payments with a *nudge*, so that small errors do not turn the agent away, and is judged by an agent that answers exactly.
"""

import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.markov.contracts.equilibrium import Equilibrium, least_payments
from stackjax.markov.contracts.learning import LearningState, Setting, check_learning, table_learner
from stackjax.markov.contracts.process import PrincipalAgentMDP, longest_episode
from stackjax.method import Method
from stackjax.types import Array, PRNGKey

__all__ = ["JudgedContracts", "LearnedContracts", "contract_learner", "judge_contracts", "learn_contracts"]

NUM_UPDATES, NUM_EPISODES = 6000, 1024  # by default
NUDGE = 1 / 3  # of the largest payoff, over the root of the episodes that there are for each state
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
    process: PrincipalAgentMDP,
    *,
    num_updates: int = NUM_UPDATES,
    num_episodes: int = NUM_EPISODES,
    nudge: float | None = None,
) -> LearnedContracts:
    """Play ``num_updates`` batches of ``num_episodes`` episodes, and learn from every step, see `table_learner`.

    The recommendation is drawn at random with a chance that falls from 1 to 1/4 linearly; the agent follows it. In the last
    quarter of all batches recommendations are settled. Payments are for the agent's mean values over the last eighth.

    Args:
      process: one that leads forward.
      num_updates: batches.
      num_episodes: of a batch.
      nudge: by how much, game units, the recommended action is to be better than any other, in the agent's values as learned.
        By default the more, the fewer episodes there are for each state, see `usual_nudge`.

    Raises:
      InputError: the process does not fit or leads back, a count is not a positive whole number, or the nudge is negative.
    """
    return contract_learner(process, num_updates, num_episodes, nudge).run(key)


def contract_learner(
    process: PrincipalAgentMDP,
    num_updates: int = NUM_UPDATES,
    num_episodes: int = NUM_EPISODES,
    nudge: float | None = None,
) -> Method:
    """`learn_contracts` batch by batch, for the same numbers; it finds `LearnedContracts`."""
    process.check(forward=True)
    check_learning(num_updates, num_episodes, 0.0 if nudge is None else nudge)
    more = usual_nudge(process, num_updates * num_episodes) if nudge is None else nudge
    states, actions = process.action_payoffs.shape
    chances = jnp.asarray(process.chances, jnp.result_type(float))
    with_end = lambda leaf, end: jnp.concatenate([leaf, jnp.full((1, leaf.shape[1]), end, leaf.dtype)])
    cost, gain = (with_end(jnp.asarray(leaf, chances.dtype), 0.0) for leaf in process[:2])
    after = with_end(jnp.asarray(process.successor), states)

    def contracts_of(own: Array) -> Array:
        """``[S + 1, A, O]`` payments for each action, from the agent's values ``[S + 1, A]`` as learned; none at the end."""
        wanted = own[:, None] - more * jnp.eye(actions, dtype=own.dtype)[None]  # [S + 1, A, A]
        each = jax.vmap(jax.vmap(least_payments, (0, None, 0)), (0, None, None))
        found = each(wanted, chances, jnp.arange(actions, dtype=jnp.int32))[0]
        return jnp.where(jnp.isfinite(found), found, 0.0).at[states].set(0.0)

    def pay(own: Array) -> tuple[Array, Array]:
        payments = contracts_of(own[0])
        return payments, (payments * chances[None]).sum(axis=2)[None]

    falling = jnp.linspace(1.0, 0.0, num_updates)
    settling = 3 * num_updates // 4
    exploration = jnp.where(jnp.arange(num_updates) < settling, falling, SETTLED_EXPLORATION)
    begin = lambda key: (key, jnp.zeros(num_episodes, jnp.int32))
    everywhere = lambda leaf: jnp.broadcast_to(leaf, (states + 1, *chances.shape))
    parts = everywhere(chances[None]), everywhere(after[:, None]), everywhere(gain[:, None]), cost[None]
    setting = Setting(*parts, pay, begin, longest_episode(process.successor))
    learner = table_learner(setting, exploration, settling, num_updates - 7 * num_updates // 8)

    def found(state: LearningState) -> LearnedContracts:
        action, own = learner.found(state)
        payments = jnp.take_along_axis(contracts_of(own[0]), action[:, None, None], axis=1)[:, 0]
        return LearnedContracts(action[:-1], payments[:-1])

    return learner._replace(found=found)


def usual_nudge(process: PrincipalAgentMDP, episodes: int) -> float:
    """What errors of values are likely to be less than, game units, once so many ``episodes`` have been played.

    A payment that is short of an agent's indifference turns it away; one above costs the principal no more than it is above.
    """
    largest = float(max(np.abs(process.action_payoffs).max(), np.abs(process.gains).max()))
    return NUDGE * largest * math.sqrt(len(process.gains) / episodes)


def judge_contracts(found: LearnedContracts | Equilibrium, process: PrincipalAgentMDP, tie: float = 1e-6) -> JudgedContracts:
    """What ``found`` is worth: one pass from the last state to the first, in float64.

    Args:
      found: contracts that were learned, or an equilibrium.
      process: one that leads forward.
      tie: what an agent does not mind losing, game units.
    """
    action_payoffs, gains, chances, successor = process
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
