"""Leader actions in parts, as a network draws them: an option, then a point of a grid for each number given that option."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.acting import Policy
from stackjax.arrays import draw_category
from stackjax.spaces import Discrete, Space
from stackjax.types import Array

__all__ = ["Parts"]

CLOSED = -1e9  # the logit of an option that is not open


class Parts(NamedTuple):
    """How numbers of a network become a choice ``int [1 + entries]``: the option first (0 if there is none to choose).

    Attributes:
      options: of which one is drawn; 0 for none.
      is_masked: whether the first entries of an observation say which options are open.
      actions: the space of leader actions.
      points: of the grid of each number, from its low to its high end.
    """

    options: int
    is_masked: bool
    actions: Space
    points: int

    @staticmethod
    def of(policies: Policy, points: int) -> "Parts":
        """Those of leader actions in ``policies.actions``."""
        space = policies.actions
        if isinstance(space, Discrete):
            return Parts(space.n, False, space, points)
        return Parts(policies.num_options, policies.num_options > 0, space, points)

    @property
    def ends(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """The lowest and the highest of each number; there is none where the option is all there is to an action."""
        if isinstance(self.actions, Discrete):
            return (), ()
        return self.actions.low[self.options :], self.actions.high[self.options :]

    @property
    def entries(self) -> int:
        return len(self.ends[0])

    @property
    def num_outputs(self) -> int:
        return self.options + max(self.options, 1) * self.entries * self.points

    @property
    def num_uniforms(self) -> int:
        return (self.options > 0) + self.entries

    def _logits(self, observation: Array, outputs: Array) -> tuple[Array | None, Array]:
        """Of options ``[..., options]``, and of all grids ``[..., max(options, 1), entries, points]``."""
        grids = outputs[..., self.options :].reshape(*outputs.shape[:-1], max(self.options, 1), self.entries, self.points)
        if not self.options:
            return None, grids
        logits = outputs[..., : self.options]
        if self.is_masked:
            logits = jnp.where(observation[..., : self.options] > 0.5, logits, CLOSED)
        return logits, grids

    def _given(self, grids: Array, option: Array) -> Array:
        """``[..., entries, points]`` of the option that was chosen."""
        if not self.options:
            return grids[..., 0, :, :]
        index = option.reshape(*option.shape, 1, 1, 1)
        return jnp.take_along_axis(grids, index, axis=-3)[..., 0, :, :]

    def draw(self, observation: Array, outputs: Array, uniforms: Array) -> Array:
        """A choice by ``uniforms [..., num_uniforms]``, by inverse distribution functions."""
        logits, grids = self._logits(observation, outputs)
        option = jnp.zeros(outputs.shape[:-1], jnp.int32)
        if logits is not None:
            option = draw_category(uniforms[..., 0], logits)
            uniforms = uniforms[..., 1:]
        return jnp.concatenate([option[..., None], draw_category(uniforms, self._given(grids, option))], axis=-1)

    def mode(self, observation: Array, outputs: Array) -> Array:
        """The likeliest option, and the likeliest point of each grid given it."""
        logits, grids = self._logits(observation, outputs)
        option = jnp.zeros(outputs.shape[:-1], jnp.int32)
        if logits is not None:
            option = logits.argmax(axis=-1).astype(jnp.int32)
        points = self._given(grids, option).argmax(axis=-1).astype(jnp.int32)
        return jnp.concatenate([option[..., None], points], axis=-1)

    def log_prob_and_entropy(self, observation: Array, outputs: Array, choice: Array) -> tuple[Array, Array]:
        """Of a choice; the entropy is that of the option and of the grids given the option that was chosen."""
        logits, grids = self._logits(observation, outputs)
        log_prob = entropy = jnp.zeros(outputs.shape[:-1])
        if logits is not None:
            log_prob, entropy = _of(logits, choice[..., 0])
        if self.entries:
            of_points, spread = _of(self._given(grids, choice[..., 0]), choice[..., 1:])
            log_prob, entropy = log_prob + of_points.sum(axis=-1), entropy + spread.sum(axis=-1)
        return log_prob, entropy

    def to_action(self, choice: Array) -> Array:
        """The leader action that a choice stands for."""
        if isinstance(self.actions, Discrete):
            return choice[..., 0]
        share = choice[..., 1:].astype(jnp.float32) / (self.points - 1)
        low, high = (jnp.asarray(end, jnp.float32).reshape(*(1,) * (share.ndim - 1), -1) for end in self.ends)
        numbers = low + share * (high - low)
        if not self.options:
            return numbers if self.actions.budget is None else self.actions.from_box(numbers)
        return jnp.concatenate([jax.nn.one_hot(choice[..., 0], self.options, dtype=jnp.float32), numbers], axis=-1)


def _of(logits: Array, choice: Array) -> tuple[Array, Array]:
    """Log-probability of ``choice``, and entropy, of categoricals ``[..., n]``."""
    logs = jax.nn.log_softmax(logits)
    picked = jnp.take_along_axis(logs, choice[..., None], axis=-1)[..., 0]
    return picked, -(jnp.exp(logs) * jnp.where(logs > CLOSED / 2, logs, 0.0)).sum(axis=-1)
