"""Commitments that act on what a leader sees, for problems whose observations cannot be written out as a table."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

import jax
import numpy as np

from stackjax.spaces import Space
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["Acting", "Decisions", "Episode", "Leader", "Played", "Policy", "met_most", "played_by_batches"]

MOST_AT_ONCE, FEWEST_AT_ONCE = 16, 8  # episodes that a CPU plays together


class Policy(NamedTuple):
    """Commitments that choose a leader action at each observation, ``[observation_size]`` numbers; they are `Acting`.

    ``num_options`` is how many entries of an action in a `Box` are scores of which only the largest counts, of those options
    that are open: the first entries of an observation are 1 for these. A policy draws an option, then the rest given it.
    """

    observation_size: int
    actions: Space
    num_options: int = 0


@partial(jax.tree_util.register_dataclass, data_fields=["params"], meta_fields=["network"])
class Acting:
    """A commitment: a ``network``, which is static and compares by value, with its ``params``.

    ``network.mode(params, observation [..., D])`` is what it does, a leader action ``[...]``.
    """

    def __init__(self, params: PyTree, network: Any) -> None:
        self.params, self.network = params, network

    def __call__(self, observation: Array) -> Array:
        return self.network.mode(self.params, observation)

    @property
    def leader(self) -> "Leader":
        """As something that can be played, and does not explore."""
        return Leader(lambda observation, _: self(observation), lambda action: action)


class Leader(NamedTuple):
    """Something that acts on observations.

    Attributes:
      choose: ``(observation [D], uniforms [num_uniforms]) -> choice``; equal arguments, equal choices.
      to_action: a choice to a leader action of the game.
      num_uniforms: how many numbers in (0, 1) a choice is drawn by; 0 for a leader that does not explore.
      noise_correlation: how alike these are at observations that are alike, from 0 (independent) to 1 (linear in them).
    """

    choose: Callable[[Array, Array], Array]
    to_action: Callable[[Array], Array]
    num_uniforms: int = 0
    noise_correlation: Array | float = 0.0


class Decisions(NamedTuple):
    """Decisions to learn from: what was seen, what was chosen, and what each counts, 0 for none. Leaves ``[k, ...]``."""

    observations: Array
    choices: Array
    weights: Array


class Episode(NamedTuple):
    """What a Stackelberg episode shows.

    Attributes:
      total_return: the leader's mean payoff over the paid sub-episodes, game units.
      sampling_variance: what of the return's variance is drawing so many paid sub-episodes.
      distinct: the decisions that were made at different observations, each once (a sample of them if they are many); what
        each counts adds up to how many there were.
      own: decisions of paid sub-episodes, drawn at random, and ``own_payoffs [q]``, what their own sub-episodes paid.
      own_hidden: ``[q, H]`` what the leader does not see there: types, and what the followers have learned.
      num_decisions, num_distinct: of the whole episode.
    """

    total_return: Array
    sampling_variance: Array
    distinct: Decisions
    own: Decisions
    own_payoffs: Array
    own_hidden: Array
    num_decisions: Array
    num_distinct: Array


class Played(Protocol):
    """A problem whose episodes can be played out: nothing has to be enumerated."""

    @property
    def policies(self) -> Policy:
        """What a leader sees, and what it chooses from."""

    def play(self, key: PRNGKey, leader: Leader, num_distinct: int, num_own: int, fresh_noise: bool = False) -> Episode:
        """One Stackelberg episode, no batch axes.

        Equal observations get equal noise, and so equal actions, throughout the episode; with ``fresh_noise`` they do not,
        which is for experiments alone.
        """

    def filled(self, acting: Acting) -> Array:
        """The commitment ``[O, ...]`` that a policy makes; where commitments are a table."""


def played_by_batches(play: Callable[..., PyTree], *arguments: PyTree) -> PyTree:
    """``play`` of every element of ``arguments``, leaves ``[B, ...]``; what it returns has leaves ``[B, ...]`` too.

    Under ``vmap`` all episodes wait for the longest, which may make three times as many decisions as the mean. A CPU gains
    little from a width beyond 16, so that it plays batches one after the other; other devices play all at once.
    """
    count = len(jax.tree.leaves(arguments)[0])
    if jax.default_backend() != "cpu" or count <= MOST_AT_ONCE:
        return jax.vmap(play)(*arguments)
    even = [size for size in range(FEWEST_AT_ONCE, MOST_AT_ONCE + 1) if count % size == 0]
    return jax.lax.map(lambda each: play(*each), arguments, batch_size=max(even, default=MOST_AT_ONCE))


def met_most(observations: np.ndarray, actions: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of decisions ``observations [M, D]`` and ``actions [M, ...]``: the ``most`` that were met most, and how often each."""
    _, first, times = np.unique(observations, axis=0, return_index=True, return_counts=True)
    order = np.argsort(-times, kind="stable")[:most]
    return observations[first[order]], actions[first[order]], times[order]
