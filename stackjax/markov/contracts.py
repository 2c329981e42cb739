"""Contracts: a principal pays an agent by outcome, in every state of a Markov decision process (Ivanov et al. 2024).

The agent acts unseen. The outcome is seen, decides the next state, and is what the principal pays for; no payment is negative.
Here are the least payments for an action, the subgame-perfect equilibrium (the principal chooses anew in every state), and the
game in which the principal commits to all payments at the start.
"""

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy

from stackjax.arrays import in_full
from stackjax.errors import InputError, UnsolvedError, count_in_words, require, require_array, require_count
from stackjax.markov.game import MarkovGame
from stackjax.markov.optimum import MarkovOptimum
from stackjax.spaces import Box
from stackjax.types import Array

__all__ = [
    "ContractGame",
    "Equilibrium",
    "best_contracts",
    "check_forward",
    "contracts",
    "least_payments",
    "random_tree",
    "subgame_perfect",
    "tree_successor",
]

MOST_POLICIES = 2187
MOST_DEPTH = 16  # of a tree of 2 ** depth states
FEASIBLE = 1e-5  # of the largest difference of values: what a payment may miss of a constraint


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


def tree_successor(depth: int) -> np.ndarray:
    """int ``[S, 2]`` of a complete binary tree of ``depth`` levels in level order; below the last one lies ``S``, the end."""
    states = 2**depth - 1
    children = 2 * np.arange(states)[:, None] + np.array([1, 2])
    return np.where(children < states, children, states).astype(np.int32)


def check_process(action_payoffs: np.ndarray, gains: np.ndarray, chances: np.ndarray, successor: np.ndarray) -> None:
    """Raise `InputError` unless arrays ``[S, A]``, ``[S, O]``, ``[A, O]`` and ``[S, O]`` fit and hold numbers that can be."""
    names = {"action_payoffs": action_payoffs, "gains": gains, "chances": chances, "successor": successor}
    arrays = {name: require_array(name, array) for name, array in names.items()}
    for name, array in arrays.items():
        require(name, f"(an array of shape {array.shape})", array.ndim == 2, "a matrix")
        require(name, "(an array with NaN or infinity)", bool(np.isfinite(array).all()), "finite")
    (states, actions), outcomes = arrays["action_payoffs"].shape, arrays["gains"].shape[1]
    shapes = {"gains": (states, outcomes), "chances": (actions, outcomes), "successor": (states, outcomes)}
    for name, shape in shapes.items():
        require(name, f"(an array of shape {arrays[name].shape})", arrays[name].shape == shape, f"of shape {shape}")
    law = arrays["chances"]
    is_law = (law >= 0).all() and np.allclose(law.sum(axis=1), 1.0)
    require("chances", law.tolist(), bool(is_law), "at least 0, and sum to 1 over outcomes")
    ends = arrays["successor"]
    is_place = np.issubdtype(ends.dtype, np.integer) and (ends >= 0).all() and (ends <= states).all()
    require("successor", "(an array)", bool(is_place), f"whole numbers from 0 to {states}, the end")


def check_forward(successor: np.ndarray) -> None:
    """Raise `InputError` unless every state leads to later ones, or to the end, which is ``S``."""
    states = len(successor)
    if (successor <= np.arange(states)[:, None]).any() or (successor > states).any():
        raise InputError(f"successor must lead from each of the {states} states to a later one, or to {states}, the end")


@in_full
def subgame_perfect(action_payoffs: Array, gains: Array, chances: Array, successor: np.ndarray) -> Equilibrium:
    """The equilibrium by backward induction, in a process whose states come after those that lead to them.

    Args:
      action_payoffs: ``[S, A, *B]`` what an action pays the agent, usually not above 0.
      gains: ``[S, O, *B]`` what an outcome pays the principal.
      chances: ``[A, O]`` of the outcomes, the same in every state.
      successor: int ``[S, O]``, above the state's own number; ``S`` is the end, worth nothing.

    Raises:
      InputError: a state leads back.
    """
    check_forward(successor)
    states, batch = len(successor), action_payoffs.shape[2:]
    flat = lambda leaf: leaf.reshape(*leaf.shape[:2], -1)
    action_payoffs, gains = flat(action_payoffs), flat(gains)
    size, (num_actions, _) = action_payoffs.shape[-1], chances.shape
    levels = _levels(successor)
    principal = agent = jnp.zeros((states + 1, size), action_payoffs.dtype)
    action = jnp.zeros((states, size), jnp.int32)
    payments = jnp.zeros((states, chances.shape[1], size), action_payoffs.dtype)
    chances = jnp.asarray(chances, action_payoffs.dtype)

    def state(cost: Array, gain: Array, principal: Array, agent: Array) -> tuple[Array, Array, Array, Array]:
        """One state of one process: ``[A], [O]``, and what both expect of each outcome's next state, ``[O]``."""
        values = cost + chances @ agent
        each = jax.vmap(lambda a: least_payments(values, chances, a))(jnp.arange(num_actions, dtype=jnp.int32))
        worth = chances @ (gain + principal) - each[1]
        best = jnp.argmax(worth).astype(jnp.int32)
        return worth[best], values[best] + each[1][best], best, each[0][best]

    at_once = jax.vmap(jax.vmap(state), (-1, -1, -1, -1), -1)
    for level in reversed(levels):
        after = successor[level]
        found = at_once(action_payoffs[level], gains[level], principal[after], agent[after])
        principal, agent = principal.at[level].set(found[0]), agent.at[level].set(found[1])
        action, payments = action.at[level].set(found[2]), payments.at[level].set(found[3])
    shaped = lambda leaf: leaf.reshape(*leaf.shape[:-1], *batch)
    return Equilibrium(shaped(principal[:-1]), shaped(agent[:-1]), shaped(action), shaped(payments))


def _levels(successor: np.ndarray) -> list[np.ndarray]:
    """States that can be worked on at once: by how far they are from the end."""
    height = np.zeros(len(successor) + 1, int)
    for state in reversed(range(len(successor))):
        height[state] = 1 + height[successor[state]].max()
    return [np.flatnonzero(height[:-1] == h) for h in range(height.max(), 0, -1)]


class _Policies(NamedTuple):
    """What each policy of the agent comes to: ``paid [P, S * O]`` how often each payment is made, and what else both earn."""

    paid: np.ndarray
    agent: np.ndarray
    principal: np.ndarray


def best_contracts(
    action_payoffs: np.ndarray,
    gains: np.ndarray,
    chances: np.ndarray,
    successor: np.ndarray,
    *,
    horizon: int | None = None,
    most: float = np.inf,
    knows_time: bool = False,
) -> tuple[float, np.ndarray]:
    """The most that a principal earns that commits to all payments at the start, and payments ``[S, O]`` that earn it.

    One linear programme over payments for each policy of the agent, such that no other policy is worth more to it. Ties go to
    the principal.

    Args:
      action_payoffs, gains, chances, successor: as of `subgame_perfect`, without batch axes.
      horizon: T, the steps of an episode; None for a process that ends by itself, which must not lead back.
      most: the largest payment.
      knows_time: whether the agent may do something else when it comes to a state again.

    Raises:
      InputError: the arrays do not fit, or a state leads back and there is no horizon.
      UnsolvedError: the agent has too many policies.
    """
    check_process(action_payoffs, gains, chances, successor)
    if horizon is None:
        check_forward(successor)
    policies = _policies(action_payoffs, gains, chances, successor, horizon or len(action_payoffs), knows_time)
    best, held = -np.inf, np.zeros(gains.shape)
    for k in np.argsort(-policies.principal):
        if policies.principal[k] <= best:  # no payment is negative
            break
        less, least = policies.paid - policies.paid[k], policies.agent[k] - policies.agent
        found = scipy.optimize.linprog(policies.paid[k], less, least, bounds=(0, most), method="highs")
        if found.status == 0 and policies.principal[k] - found.fun > best:
            best, held = policies.principal[k] - found.fun, found.x.reshape(gains.shape)
    return float(best), held


def _policies(
    action_payoffs: np.ndarray, gains: np.ndarray, chances: np.ndarray, successor: np.ndarray, horizon: int, knows_time: bool
) -> _Policies:
    """Each policy once, of those that differ where an episode may come to."""
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
      action_payoffs: ``[S, A]`` what an action pays the agent: an effort that costs 1 is -1.
      gains: ``[S, O]`` what an outcome pays the principal.
      chances: ``[A, O]`` of the outcomes.
      successor: int ``[S, O]``; ``S`` is the end, where nothing is paid.
      horizon: T, the steps of an episode.
      most: the largest payment.

    Raises:
      InputError: shapes or numbers do not fit each other.
    """

    def __init__(
        self,
        action_payoffs: np.ndarray,
        gains: np.ndarray,
        chances: np.ndarray,
        successor: np.ndarray,
        horizon: int,
        most: float = 2.0,
    ) -> None:
        self.action_payoffs, self.gains, self.chances = (
            np.asarray(array, np.float64) for array in (action_payoffs, gains, chances)
        )
        check_process(action_payoffs, gains, chances, successor)
        (states, actions), outcomes = self.action_payoffs.shape, self.gains.shape[1]
        require("most", most, most > 0, "positive")
        self.name, self.horizon, self.num_actions = "contracts", horizon, (actions,)
        self.leader_actions = Box((0.0,) * outcomes, (float(most),) * outcomes)
        ends = np.concatenate([successor, np.full((1, outcomes), states)])
        self.successor = np.broadcast_to(ends[:, None], (states + 1, actions, outcomes)).astype(np.int32)
        self.initial, self.end = np.eye(states + 1)[0], states
        lowest, highest = float(self.action_payoffs.min()), float(self.action_payoffs.max())
        gain = float(self.gains.min()), float(self.gains.max())
        self.payoff_bounds = ((min(gain[0], 0.0) - most, max(gain[1], 0.0)), (min(lowest, 0.0), max(highest, 0.0) + most))
        self.check()

    def outcomes(self, state: Array, actions: Array, leader_action: Array) -> Array:
        del state, leader_action
        return jnp.asarray(self.chances, jnp.result_type(float))[actions[0]]

    def payoffs(self, state: Array, actions: Array, leader_action: Array, outcome: Array) -> Array:
        dtype, states = jnp.result_type(float), len(self.action_payoffs)
        here = jnp.minimum(state, states - 1)
        paid, cost = leader_action[outcome], jnp.asarray(self.action_payoffs, dtype)[here, actions[0]]
        both = jnp.stack([jnp.asarray(self.gains, dtype)[here, outcome] - paid, cost + paid])
        return jnp.where(state < states, both, 0.0)

    def solve(self, *, knows_time: bool = False) -> MarkovOptimum:
        """The best payments that the principal can commit to; see `best_contracts`."""
        value, payments = best_contracts(
            *(self.action_payoffs, self.gains, self.chances, self.successor[:-1, 0]),
            horizon=self.horizon,
            most=float(self.leader_actions.high[0]),  # type: ignore[union-attr]
            knows_time=knows_time,
        )
        nothing = np.zeros((1, payments.shape[1]))  # at the end
        return MarkovOptimum(value, None, np.concatenate([payments, nothing]), None, "lp")

    def describe_state(self, state: int) -> str:
        return f"state {state}" if state != self.end else "the end"

    def describe_leader_action(self, action: np.ndarray) -> str:
        return "pays " + ", ".join(f"{value:.3g}" for value in np.asarray(action))


def contracts(depth: int = 3, tree_seed: int = 0, chance: float = 0.9) -> ContractGame:
    """The contracts of a random tree, see `random_tree`."""
    return ContractGame(*random_tree(tree_seed, depth, chance), horizon=depth)


def random_tree(seed: int, depth: int = 10, chance: float = 0.9) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The random tree of Ivanov et al. (2024), Appendix D.1.

    Returns ``action_payoffs [S, 2]``, ``gains [S, 2]``, ``chances`` and ``successor``.

    Effort, action 1, costs u, outcome 1 gains u', with u uniform in [0, 1 - v], v uniform in [0, 1], and u' likewise with 2 in
    the place of 1. An action leads to the outcome of its number with probability ``chance``.
    """
    require_count("depth", depth, most=MOST_DEPTH)
    rng, states = np.random.default_rng(seed), 2**depth - 1
    cost, gain = (rng.uniform(0, top - rng.uniform(0, top, states)) for top in (1.0, 2.0))
    nothing = np.zeros(states)
    chances = np.array([[chance, 1.0 - chance], [1.0 - chance, chance]])
    return np.stack([nothing, -cost], 1), np.stack([nothing, gain], 1), chances, tree_successor(depth)
