"""Contracts as a Markov game: the principal commits to all payments at the start, and the best that it can commit to."""

from functools import cached_property
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import scipy

from stackjax.errors import InputError, UnsolvedError, count_in_words, require
from stackjax.families import Solved
from stackjax.markov.contracts.afresh import AFRESH, equilibrium_of, shown
from stackjax.markov.contracts.equilibrium import Equilibrium
from stackjax.markov.contracts.learned import NUM_UPDATES, contract_learner
from stackjax.markov.contracts.process import PrincipalAgentMDP, longest_episode, random_tree
from stackjax.markov.game import MarkovGame
from stackjax.markov.optimum import MarkovOptimum
from stackjax.problem import Region, Solver
from stackjax.spaces import Box
from stackjax.types import Array

__all__ = ["ContractGame", "best_contracts", "contracts"]

MOST_POLICIES = 2187


class _Policies(NamedTuple):
    """What each policy of the agent comes to: ``paid [P, S * O]`` how often each payment is made, and what else both earn."""

    paid: np.ndarray
    agent: np.ndarray
    principal: np.ndarray


def best_contracts(
    process: PrincipalAgentMDP, *, horizon: int | None = None, max_payment: float = np.inf, knows_time: bool = False
) -> tuple[float, np.ndarray]:
    """The most that a principal earns that commits to all payments at the start, and payments ``[S, O]`` that earn it.

    One linear programme over payments for each policy of the agent, such that no other policy is worth more to it. Ties go to
    the principal.

    Args:
      process: the agent's.
      horizon: T, the steps of an episode; None for a process that ends by itself, which must not lead back.
      max_payment: the largest payment.
      knows_time: whether the agent may do something else when it comes to a state again.

    Raises:
      InputError: the arrays do not fit, or a state leads back and there is no horizon.
      UnsolvedError: the agent has too many policies.
    """
    process.check(forward=horizon is None)
    policies = _policies(process, horizon or len(process.gains), knows_time)
    best, held = -np.inf, np.zeros(process.gains.shape)
    for k in np.argsort(-policies.principal):
        if policies.principal[k] <= best:  # no payment is negative
            break
        less, least = policies.paid - policies.paid[k], policies.agent[k] - policies.agent
        found = scipy.optimize.linprog(policies.paid[k], less, least, bounds=(0, max_payment), method="highs")
        if found.status == 0 and policies.principal[k] - found.fun > best:
            best, held = policies.principal[k] - found.fun, found.x.reshape(process.gains.shape)
    return float(best), held


def _policies(process: PrincipalAgentMDP, horizon: int, knows_time: bool) -> _Policies:
    """Each policy once, of those that differ where an episode may come to."""
    action_payoffs, gains, chances, successor = process
    (states, actions), outcomes = action_payoffs.shape, gains.shape[1]
    first = np.eye(states + 1, dtype=bool)[0]
    met = [first]  # by step, whether an episode may be in a state; the last one is the end
    after = np.concatenate([successor, np.full((1, outcomes), states)])
    while len(met) < horizon and met[-1][:-1].any():
        met.append(np.isin(np.arange(states + 1), after[met[-1]]))
    times: np.ndarray = np.array(met)[:, :-1]  # [T, S]
    if not knows_time or (times.sum(axis=0) <= 1).all():
        times = np.asarray(times.any(axis=0))[None]
    count = actions ** int(times.sum())
    if count > MOST_POLICIES:
        raise UnsolvedError(
            f"contracts in {states} states are too many to solve: {count_in_words(count)} policies of the agent, each a linear "
            f"programme; at most {MOST_POLICIES} policies"
        )
    choices = np.zeros((count, *times.shape), int)
    choices[:, times] = np.indices((actions,) * int(times.sum())).reshape(-1, count).T
    there, visits = np.tile(first.astype(float), (count, 1)), np.zeros((count, states, actions))
    every = np.arange(count)[:, None], np.arange(states)[None]
    for step in range(len(met)):
        chosen = choices[:, min(step, len(times) - 1)]
        visits[(*every, chosen)] += there[:, :-1]
        moved = np.zeros_like(there)
        for outcome in range(outcomes):
            np.add.at(moved.T, successor[:, outcome], (there[:, :-1] * chances[chosen, outcome]).T)
        there = moved
    outcome_counts = visits @ chances  # [P, S, O]
    agent, principal = ((part * pays).sum(axis=(1, 2)) for part, pays in ((visits, action_payoffs), (outcome_counts, gains)))
    found = np.column_stack([outcome_counts.reshape(count, -1), agent, principal])
    found = found[np.unique(np.round(found, 12), axis=0, return_index=True)[1]]
    return _Policies(found[:, :-2], found[:, -2], found[:, -1])


class ContractGame(MarkovGame):
    """The principal commits, at the start, to what it pays for each outcome in each state.

    Args:
      process: the agent's.
      horizon: T, the steps of an episode.
      max_payment: the largest payment.

    Raises:
      InputError: shapes or numbers do not fit each other.
    """

    def __init__(self, process: PrincipalAgentMDP, horizon: int, max_payment: float = 2.0) -> None:
        process.check(forward=False)
        action_payoffs, gains, chances = (np.asarray(leaf, np.float64) for leaf in process[:3])
        successor = np.asarray(process.successor)
        self.process = PrincipalAgentMDP(action_payoffs, gains, chances, successor)
        (states, actions), outcomes = action_payoffs.shape, gains.shape[1]
        require("max_payment", max_payment, max_payment > 0, "positive")
        self.name, self.horizon, self.num_actions = "contracts", horizon, (actions,)
        self._max_payment = float(max_payment)
        self.leader_actions = Box((0.0,) * outcomes, (self._max_payment,) * outcomes)
        ends = np.concatenate([successor, np.full((1, outcomes), states)])
        self.successor = np.broadcast_to(ends[:, None], (states + 1, actions, outcomes)).astype(np.int32)
        self.initial, self.end = np.eye(states + 1)[0], states
        (lowest, highest), (least, largest) = ((float(leaf.min()), float(leaf.max())) for leaf in (action_payoffs, gains))
        self.payoff_bounds = (
            (min(least, 0.0) - max_payment, max(largest, 0.0)),
            (min(lowest, 0.0), max(highest, 0.0) + max_payment),
        )
        self.check()

    def outcomes(self, state: Array, actions: Array, leader_action: Array) -> Array:
        del state, leader_action
        return jnp.asarray(self.process.chances, jnp.result_type(float))[actions[0]]

    def payoffs(self, state: Array, actions: Array, leader_action: Array, outcome: Array) -> Array:
        costs, gains = (jnp.asarray(leaf, jnp.result_type(float)) for leaf in self.process[:2])
        states = len(gains)
        here = jnp.minimum(state, states - 1)
        paid = leader_action[outcome]
        both = jnp.stack([gains[here, outcome] - paid, costs[here, actions[0]] + paid])
        return jnp.where(state < states, both, 0.0)

    def solve(self, *, knows_time: bool = False) -> MarkovOptimum:
        """The best payments that the principal can commit to; see `best_contracts`."""
        options: Any = {"horizon": self.horizon, "max_payment": self._max_payment, "knows_time": knows_time}
        value, payments = best_contracts(self.process, **options)
        nothing = np.zeros((1, payments.shape[1]))  # at the end
        return MarkovOptimum(value, None, np.concatenate([payments, nothing]), None, "lp")

    def regions(self, *, knows_time: bool) -> list[Region] | None:
        """See `MarkovGame`: one for each policy of the agent; None where they are too many."""
        try:
            policies = _policies(self.process, self.horizon or 0, knows_time)
        except UnsolvedError:
            return None
        count, shape = policies.paid.shape[1], self.process.gains.shape
        nothing = np.zeros((1, shape[1]))  # at the end
        return [
            Region(
                at_most=policies.paid - paid,
                limits=agent - policies.agent,
                equal=np.zeros((0, count)),
                totals=np.zeros(0),
                low=np.zeros(count),
                high=np.full(count, self._max_payment),
                leader=-paid,
                leader_constant=float(principal),
                followers=paid[None],
                followers_constant=np.array([agent]),
                commitment=lambda x: np.concatenate([x.reshape(shape), nothing]),
            )
            for paid, agent, principal in zip(*policies, strict=True)
        ]

    @cached_property
    def equilibrium(self) -> Equilibrium | None:
        """The subgame-perfect equilibrium in float64; None where the process leads back, or outlasts the horizon."""
        try:
            self._check_ends()
        except InputError:
            return None
        return equilibrium_of(self.process)

    def _check_ends(self) -> None:
        """Raise `InputError` unless every episode ends by itself within the horizon."""
        self.process.check_forward()
        longest = longest_episode(self.process.successor)
        require(
            "horizon", self.horizon, (self.horizon or 0) >= longest, f"at least {longest}, the steps of the longest episode"
        )

    def beside(self) -> Solved | None:
        return None if self.equilibrium is None else shown(self.equilibrium, self.process, self._max_payment)

    def yardsticks(self) -> dict[str, float]:
        return {} if self.equilibrium is None else {AFRESH: float(self.equilibrium.principal[0])}

    def own(self, config: Any) -> Solver:
        """`learn_contracts`, whose plain payments are the commitment.

        Raises:
          InputError: the process leads back or outlasts the horizon, or there is no such method.
        """
        require("method", config.method, config.method == "default", "default: contracts have one method of their own")
        self._check_ends()
        learner, end = contract_learner(self.process, config.num_updates or NUM_UPDATES), jnp.zeros((1, self.num_outcomes))
        return learner.solver(lambda found: jnp.concatenate([jnp.minimum(found.payments, self._max_payment), end]))

    def describe_state(self, state: int) -> str:
        return f"state {state}" if state != self.end else "the end"

    def describe_leader_action(self, action: np.ndarray) -> str:
        return "pays " + ", ".join(f"{value:.3g}" for value in np.asarray(action))


def contracts(depth: int = 3, tree_seed: int = 0, chance: float = 0.9) -> ContractGame:
    """The contracts of a random tree, see `random_tree`."""
    return ContractGame(random_tree(tree_seed, depth, chance), horizon=depth)
