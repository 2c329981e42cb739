"""The decision process in which a principal pays an agent by outcome, and backward induction in it (Ivanov et al. 2024).

The agent acts unseen. The outcome is seen, decides the next state, and is what the principal pays for; no payment is negative.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError, require, require_array, require_count
from stackjax.types import Array

__all__ = ["PrincipalAgentMDP", "backward", "longest_episode", "random_tree", "tree_successor"]

MOST_DEPTH = 16  # of a tree of 2 ** depth states


class PrincipalAgentMDP(NamedTuple):
    """A hidden-action principal-agent Markov decision process, which begins in state 0.

    Attributes:
      action_payoffs: ``[S, A]`` what an action pays the agent: an effort that costs 1 is -1.
      gains: ``[S, O]`` what an outcome pays the principal.
      chances: ``[A, O]`` of the outcomes, the same in every state.
      successor: int ``[S, O]``; ``S`` is the end, worth nothing. A process that *leads forward* goes to later states alone.
    """

    action_payoffs: np.ndarray
    gains: np.ndarray
    chances: np.ndarray
    successor: np.ndarray

    def check(self, forward: bool) -> None:
        """Raise `InputError` unless the arrays fit and hold numbers that can be, and lead ``forward`` where they must."""
        arrays = {name: require_array(name, array) for name, array in self._asdict().items()}
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
        if forward:
            self.check_forward()

    def check_forward(self) -> None:
        """Raise `InputError` unless every state leads to later ones, or to the end."""
        states = len(self.successor)
        if (self.successor <= np.arange(states)[:, None]).any() or (self.successor > states).any():
            raise InputError(f"successor must lead from each of the {states} states to a later one, or to {states}, the end")


def backward(successor: np.ndarray, state: Callable[..., tuple[Array, ...]], num_values: int, *given: Array) -> list[Array]:
    """What ``state`` returns in every state, ``[S, ...]`` each, worked out from the end of a process that leads forward.

    Args:
      successor: int ``[S, O]``.
      state: of the rows that ``given`` has for the state, and of the first ``num_values`` of its own results in each outcome's
        next state, ``[O, *B]`` each, 0 at the end.
      given: ``[S, ...]``, the first of them ``[S, A, *B]``.
    """
    heights = _heights(successor)
    results: list[Array] = []
    for height in range(1, heights.max() + 1):  # states of a height are worked on at once
        level = np.flatnonzero(heights[:-1] == height)
        after = successor[level]
        nothing = jnp.zeros((*after.shape, *given[0].shape[2:]), given[0].dtype)
        ahead = [values[after] for values in results[:num_values]] or [nothing] * num_values
        found = jax.vmap(state)(*(leaf[level] for leaf in given), *ahead)
        results = results or [jnp.zeros((len(heights), *leaf.shape[1:]), leaf.dtype) for leaf in found]
        results = [old.at[level].set(new) for old, new in zip(results, found, strict=True)]
    return [leaf[:-1] for leaf in results]


def _heights(successor: np.ndarray) -> np.ndarray:
    """``[S + 1]`` the most steps from each state to the end, which is the last."""
    heights = np.zeros(len(successor) + 1, int)
    for s in reversed(range(len(successor))):
        heights[s] = 1 + heights[successor[s]].max()
    return heights


def longest_episode(successor: np.ndarray) -> int:
    """The most steps that an episode takes from the first state."""
    return int(_heights(successor)[0])


def tree_successor(depth: int) -> np.ndarray:
    """int ``[S, 2]`` of a complete binary tree of ``depth`` levels in level order; below the last one lies ``S``, the end."""
    states = 2**depth - 1
    children = 2 * np.arange(states)[:, None] + np.array([1, 2])
    return np.where(children < states, children, states).astype(np.int32)


def random_tree(seed: int, depth: int = 10, chance: float = 0.9) -> PrincipalAgentMDP:
    """The random tree of Ivanov et al. (2024), Appendix D.1: two actions, two outcomes, ``2**depth - 1`` states.

    Effort, action 1, costs u, outcome 1 gains u', with u uniform in [0, 1 - v], v uniform in [0, 1], and u' likewise with 2 in
    the place of 1. An action leads to the outcome of its number with probability ``chance``.
    """
    require_count("depth", depth, most=MOST_DEPTH)
    rng, states = np.random.default_rng(seed), 2**depth - 1
    cost, gain = (rng.uniform(0, top - rng.uniform(0, top, states)) for top in (1.0, 2.0))
    nothing = np.zeros(states)
    chances = np.array([[chance, 1.0 - chance], [1.0 - chance, chance]])
    return PrincipalAgentMDP(np.stack([nothing, -cost], 1), np.stack([nothing, gain], 1), chances, tree_successor(depth))
