"""Backward passes over a treeplex: what a behaviour is worth, best replies with their ties, and quantal ones. Batch-last.

All functions compute with the library that their arrays are of, JAX or NumPy.
"""

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.extensive.induced import library_of, summed
from stackjax.extensive.rolled import MOST_UNROLLED, rolled_backward
from stackjax.extensive.treeplex import Treeplex
from stackjax.types import Array

__all__ = ["Passed", "Ties", "backward", "best_reply", "best_value", "quantal_reply", "worth_of"]

Ties = Literal["for", "against", "even"]


class Passed(NamedTuple):
    """What a backward pass of payoffs ``[K, Q, *B]`` found.

    Attributes:
      value: ``[K, *B]`` what the whole plan pays.
      by_action: ``[K, I, A, *B]`` what each action pays if the plan is kept to below.
      behaviour: ``[I, A, *B]`` the chances of actions.
    """

    value: Array
    by_action: Array
    behaviour: Array


def backward(treeplex: Treeplex, payoffs: Any, choose: Callable[[Any, Any], Any]) -> Passed:
    """The sets from the last level to the first, each with what is chosen there.

    Args:
      treeplex: the player's.
      payoffs: ``[K, Q, *B]``, ``K`` payoffs that are linear in its plan.
      choose: ``(by_action K x [n, A, *B], at) -> [n, A, *B]``, the chances at ``n`` sets, a slice of them or int ``[n]``; 0 for
        actions that there are not.
    """
    library, batch, width = library_of(payoffs), payoffs.shape[2:], treeplex.num_actions
    if library is jnp and len(treeplex.spans) > MOST_UNROLLED:
        values, by_action, behaviour = rolled_backward(treeplex, list(payoffs), choose)
        return Passed(jnp.stack(values), jnp.stack(by_action), behaviour)
    owns = [own[:-1].reshape(*treeplex.mask.shape, *batch) for own in payoffs]  # apart: an axis in front makes JAX far slower
    below: Any = None
    chosen: list[Any] = []
    found: list[Any] = []
    for level in reversed(range(len(treeplex.spans))):
        first, end = treeplex.spans[level]
        here = [own[first:end] for own in owns]
        if below is not None:
            here = [own + more.reshape(own.shape) for own, more in zip(here, below, strict=True)]
        chances = choose(here, slice(first, end))
        found.append(here)
        chosen.append(chances)
        values = [(chances * own).sum(axis=1) for own in here]  # [end - first, *B]
        if level:
            start, stop = treeplex.spans[level - 1]
            rows, places = (stop - start) * width, treeplex.parent[first:end] - start * width
            below = [summed(one, places, rows) for one in values]
    joined = library.stack([library.concatenate(own) for own in zip(*found[::-1], strict=True)])
    value = library.stack([own[-1] + one.sum(axis=0) for own, one in zip(payoffs, values, strict=True)])
    return Passed(value, joined, library.concatenate(chosen[::-1]))


def worth_of(treeplex: Treeplex, payoffs: Any, behaviour: Any) -> Passed:
    """What a ``behaviour [I, A, *B]`` is worth by ``payoffs [K, Q, *B]``."""
    made = library_of(payoffs).asarray(behaviour)
    return backward(treeplex, payoffs, lambda by_action, at: made[at])


def _legal(treeplex: Treeplex, like: Any, at: Any) -> Any:
    """bool ``[n, A, 1, ...]`` of as many axes as ``like [n, A, *B]``, which has the sets ``at``."""
    mask = treeplex.mask[at] if isinstance(at, slice) else jnp.asarray(treeplex.mask)[at]
    return library_of(like).asarray(mask.reshape(*mask.shape, *[1] * (like.ndim - 2)))


def best_value(treeplex: Treeplex, payoffs: Any) -> Any:
    """``[*B]`` the most that a plan earns by ``payoffs [Q, *B]``."""
    return best_reply(treeplex, payoffs[None], None, "for").value[0]


def best_reply(treeplex: Treeplex, payoffs: Any, slack: Any, ties: Ties) -> Passed:
    """A best reply by the first of ``payoffs``, and of equals what the second decides.

    Both add up over the treeplex, so that of all best plans the one is found that the second likes most, or least.

    Args:
      treeplex: the player's.
      payoffs: ``[K, Q, *B]``: the player's own, and then another's, for example the leader's.
      slack: ``[I, *B]`` by how much an action may fall short of the best at its set and count as equal; None where nothing but
        the best counts.
      ties: which of equals is taken: the best (``"for"``) or the worst (``"against"``) by the second payoffs, or all with equal
        chances (``"even"``).
    """
    library = library_of(payoffs)
    room = None if slack is None else library.asarray(slack)

    def choose(by_action: Any, at: Any) -> Any:
        legal = _legal(treeplex, by_action[0], at)
        low = library.asarray(-library.inf, payoffs.dtype)
        own = library.where(legal, by_action[0], low)
        if room is None:
            return _first_best(own)
        tied = own >= own.max(axis=1, keepdims=True) - room[at][:, None]
        if ties == "even":
            equal = tied.astype(payoffs.dtype)
            return equal / equal.sum(axis=1, keepdims=True)
        other = by_action[1] if ties == "for" else -by_action[1]
        return _first_best(library.where(tied, other, low))

    return backward(treeplex, payoffs, choose)


def _first_best(values: Any) -> Any:
    """``[n, A, *B]`` 1 at the first of the largest of each set, 0 elsewhere."""
    library, width = library_of(values), values.shape[1]
    places = library.arange(width).reshape(1, width, *[1] * (values.ndim - 2))
    return (places == values.argmax(axis=1)[:, None]).astype(values.dtype)


def quantal_reply(treeplex: Treeplex, payoffs: Any, mass: Any, temperature: Any) -> Passed:
    """Chances that are proportional to ``exp(q / (mass * temperature))``, of what actions are worth if the same is done below.

    Args:
      treeplex: the player's.
      payoffs: ``[K, Q, *B]``, its own first.
      mass: ``[I, *B]`` how likely each set is, apart from its own moves: ``q`` over it is what an action pays once there.
      temperature: game units.
    """
    library = library_of(payoffs)
    tiny = float(np.finfo(payoffs.dtype).tiny) / float(np.finfo(payoffs.dtype).eps)
    scale = library.asarray(temperature, payoffs.dtype) * library.maximum(mass, library.asarray(tiny, payoffs.dtype))

    def choose(by_action: Any, at: Any) -> Any:
        legal = _legal(treeplex, by_action[0], at)
        logits = by_action[0] / scale[at][:, None]
        logits = library.where(legal, logits, library.asarray(-library.inf, logits.dtype))
        if library is jnp:
            return jax.nn.softmax(logits, axis=1)
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)

    return backward(treeplex, payoffs, choose)
