"""Actor and critic, and how the actor's numbers become a leader action.

The actor is a function of the leader's observation and nothing else; what only the critic may see is an argument of
the critic alone.
"""

import abc
import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple, Self

import distrax
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import draw_category, lead
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.spaces import Continuous, Discrete, Space
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["MLP", "ActionHead", "Agent", "action_head", "layers_of"]

LOWEST_AT_START, HIGHEST_AT_START = 5.0, 2.0  # logits of a grid's end points, beside 0 of the others


def orthogonal(gain: float) -> Callable[..., Array]:
    """A matrix with orthonormal columns (or rows, if it is wide) times ``gain``, uniformly distributed.

    By Gram-Schmidt, run twice for accuracy, rather than by QR: on CPU, XLA's batched QR waits inside the thread pool
    that must serve it, so that training several seeds under one ``vmap`` could hang (jaxlib 0.10).
    """

    def init(key: PRNGKey, shape: tuple[int, int], dtype: Any = jnp.float32) -> Array:
        tall = jax.random.normal(key, (max(shape), min(shape)), dtype)

        def orthonormalise(j: Array, basis: Array) -> Array:
            column = tall[:, j]
            for _ in range(2):
                column = column - basis @ (basis.T @ column)
            return basis.at[:, j].set(column / jnp.linalg.norm(column))

        basis = jax.lax.fori_loop(0, min(shape), orthonormalise, jnp.zeros_like(tall))
        return gain * (basis if shape[0] >= shape[1] else basis.T)

    return init


@jax.custom_vjp
def product(rows: Array, kernel: Array) -> Array:
    """``rows [..., M] @ kernel [M, N]``; on CPUs its gradient, a sum over all rows, is faster from a transposed copy."""
    return rows @ kernel


def _product_forward(rows: Array, kernel: Array) -> tuple[Array, tuple[Array, Array]]:
    return rows @ kernel, (rows, kernel)


def _product_backward(saved: tuple[Array, Array], gradient: Array) -> tuple[Array, Array]:
    rows, kernel = saved
    columns = rows.reshape(-1, rows.shape[-1]).T
    if jax.default_backend() == "cpu":
        columns = jax.lax.optimization_barrier(columns)
    return gradient @ kernel.T, columns @ gradient.reshape(-1, gradient.shape[-1])


product.defvjp(_product_forward, _product_backward)


def dense(num_outputs: int, gain: float, bias: tuple[float, ...] = (0.0,)) -> nn.Dense:
    """A linear layer by `product`, orthogonal with ``gain``; ``bias`` repeats itself over the outputs."""
    contract = lambda rows, kernel, *_, **__: product(rows, kernel)
    start = lambda _, shape, dtype: jnp.tile(jnp.asarray(bias, dtype), shape[0] // len(bias))
    float_type = jnp.result_type(float)
    return nn.Dense(num_outputs, param_dtype=float_type, kernel_init=orthogonal(gain), bias_init=start, dot_general=contract)


class MLP(nn.Module):
    """Hidden tanh layers, orthogonal with gain √2; a linear layer out, orthogonal with ``final_gain`` and ``final_bias``."""

    hidden_sizes: tuple[int, ...]
    num_outputs: int
    final_gain: float
    final_bias: tuple[float, ...] = (0.0,)

    @nn.compact
    def __call__(self, x: Array) -> Array:
        for width in self.hidden_sizes:
            x = nn.tanh(dense(width, 2.0**0.5)(x))
        return dense(self.num_outputs, self.final_gain, self.final_bias)(x)


class Actor(nn.Module):
    """Observation ``[..., D]`` to the parameters of the action distribution ``[..., num_outputs]``."""

    hidden_sizes: tuple[int, ...]
    head: "ActionHead"

    @nn.compact
    def __call__(self, observation: Array) -> Array:
        head = self.head
        outputs = MLP(self.hidden_sizes, head.num_outputs, 0.01, head.bias)(observation)
        if not head.num_free:
            return outputs
        free = self.param("free", lambda _: jnp.broadcast_to(jnp.asarray(head.free_init), (head.num_free,)))
        return jnp.concatenate([outputs, jnp.broadcast_to(free, (*outputs.shape[:-1], head.num_free))], axis=-1)


class Critic(nn.Module):
    """Observation and privileged inputs to a value ``[...]``."""

    hidden_sizes: tuple[int, ...]

    @nn.compact
    def __call__(self, inputs: Array) -> Array:
        return MLP(self.hidden_sizes, 1, 1.0)(inputs)[..., 0]


def layers_of(params: PyTree) -> dict[str, np.ndarray]:
    """``kernel_k [S, ...]`` and ``bias_k`` of the parameters of `MLP`, leaves ``[S, ...]``."""
    return {f"{kind}_{k}": np.asarray(params[f"Dense_{k}"][kind]) for k in range(len(params)) for kind in ("kernel", "bias")}


@dataclasses.dataclass(frozen=True)
class Agent(abc.ABC):
    """A leader's policy and value: pure functions of parameters ``{"actor": ..., "critic": ...}``.

    The actor's functions take observations only.
    """

    actions: Space
    head: "ActionHead"
    actor: Actor
    critic: Critic

    @classmethod
    def of(cls, actions: Space, config: PPOConfig, *others: Any) -> Self:
        head, sizes = action_head(actions, config), config.hidden_sizes
        return cls(actions, head, Actor(sizes, head), Critic(sizes), *others)

    def first_params(self, actor_key: PRNGKey, critic_key: PRNGKey, observation: Array, critic_inputs: Array) -> PyTree:
        """Random ones, for inputs of these shapes."""
        return {"actor": self.actor.init(actor_key, observation), "critic": self.critic.init(critic_key, critic_inputs)}

    def policy(self, params: PyTree, observations: Array) -> Array:
        """Parameters of the choice distribution at ``observations [..., D]``."""
        return jnp.asarray(self.actor.apply(params["actor"], observations))

    def value(self, params: PyTree, critic_inputs: Array) -> Array:
        """Values ``[...]`` for critic inputs ``[..., C]``: the expected normalised return to go."""
        return jnp.asarray(self.critic.apply(params["critic"], critic_inputs))

    def mode_action(self, params: PyTree, observations: Array) -> Array:
        """The most likely leader action at each of ``observations [..., D]``."""
        return self.game_action(self.head.distribution(self.policy(params, observations)).mode())

    def game_action(self, choice: Array) -> Array:
        """The leader action that the game sees for a choice, inside its space."""
        return self.actions.from_box(self.head.to_action(choice))

    @abc.abstractmethod
    def commitment(self, params: PyTree) -> tuple[Array, Array]:
        """The most likely leader action at every node: ``observations [O, D]`` and ``actions [O, ...]``."""


class ActionHead(NamedTuple):
    """How a leader's action is drawn. A *choice* is what the distribution is over; `to_action` makes it a game action.

    Attributes:
      num_outputs: how many numbers the network gives per observation.
      num_free: how many parameters of the distribution do not depend on the observation; they start at ``free_init``.
      distribution: parameters ``[..., num_outputs + num_free]`` to a `distrax.Distribution` over choices.
      noise: ``(key, batch_shape) -> [*batch, ...]``, what chance enters a choice.
      draw: ``(noise, parameters) -> choices``.
      to_action: choices to points of the space's box, or of its surroundings (a Gaussian's may lie outside), see `from_box`.
      from_action: undoes `to_action`.
      bias: where the network's outputs start, repeated over them.
    """

    num_outputs: int
    num_free: int
    free_init: Any
    distribution: Callable[[Array], distrax.Distribution]
    noise: Callable[[PRNGKey, tuple[int, ...]], Array]
    draw: Callable[[Array, Array], Array]
    to_action: Callable[[Array], Array]
    from_action: Callable[[Array], Array]
    bias: tuple[float, ...] = (0.0,)


def action_head(space: Space, config: PPOConfig) -> ActionHead:
    """The distribution over leader actions in ``space`` that ``config`` asks for."""
    if isinstance(space, Discrete):
        same = lambda choice_or_action: choice_or_action
        distribution = lambda logits: distrax.Categorical(logits=logits)
        return ActionHead(space.n, 0, 0.0, distribution, jax.random.uniform, draw_category, same, same)
    if config.box_policy == "grid":
        return grid_head(space, config.grid_points, config.grid_start == "low")
    return gaussian_head(space, config.gaussian_std)


def grid_head(box: Continuous, points: int, from_low: bool = False) -> ActionHead:
    """A categorical over ``points`` evenly spaced values for each entry of the box, entries independent.

    It can put weight on far-apart values at once, which a Gaussian cannot: that is what finds a better order of visits
    or a way past a local optimum. After Tang and Agrawal (2020). With ``from_low`` the lowest value is favoured at the start,
    and of the others the highest.
    """
    size, low, width = len(box.low), jnp.asarray(box.low), jnp.asarray(box.high) - jnp.asarray(box.low)
    per_entry = lambda parameters: parameters.reshape(*parameters.shape[:-1], size, points)
    distribution = lambda parameters: distrax.Independent(distrax.Categorical(logits=per_entry(parameters)), 1)

    def to_action(choice: Array) -> Array:
        return lead(low, choice.ndim) + choice.astype(low.dtype) / (points - 1) * lead(width, choice.ndim)

    def from_action(action: Array) -> Array:
        share = (action - lead(low, action.ndim)) / lead(width, action.ndim)
        return jnp.round(share * (points - 1)).astype(jnp.int32)

    noise = lambda key, batch_shape: jax.random.uniform(key, (*batch_shape, size))
    draw = lambda uniform, parameters: draw_category(uniform, per_entry(parameters))
    bias = (LOWEST_AT_START, *[0.0] * (points - 2), HIGHEST_AT_START) if from_low else (0.0,)
    return ActionHead(size * points, 0, 0.0, distribution, noise, draw, to_action, from_action, bias)


def gaussian_head(box: Continuous, initial_std: Any) -> ActionHead:
    """A Gaussian with a free standard deviation, on the box mapped to [-1, 1], clipped to the box."""
    size, low, high = len(box.low), jnp.asarray(box.low), jnp.asarray(box.high)
    middle, half = (low + high) / 2, (high - low) / 2

    parts = lambda parameters: (parameters[..., :size], jnp.exp(parameters[..., size:]))  # mean and standard deviation
    distribution = lambda parameters: distrax.MultivariateNormalDiag(*parts(parameters))
    noise = lambda key, batch_shape: jax.random.normal(key, (*batch_shape, size))

    def draw(normal: Array, parameters: Array) -> Array:
        mean, deviation = parts(parameters)
        return mean + deviation * normal

    to_action = lambda choice: lead(middle, choice.ndim) + lead(half, choice.ndim) * choice
    from_action = lambda action: (action - lead(middle, action.ndim)) / lead(half, action.ndim)
    return ActionHead(size, size, jnp.log(initial_std), distribution, noise, draw, to_action, from_action)
