"""A network that acts on observations, as a commitment."""

from typing import Any, NamedTuple, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from stackjax.acting import Acting, Leader, Played, Policy
from stackjax.errors import InputError
from stackjax.problem import Problem, Solver
from stackjax.solvers.parts import Parts
from stackjax.solvers.ppo.networks import MLP, layers_of
from stackjax.spaces import Continuous, Discrete
from stackjax.types import Array, PRNGKey, PyTree

__all__ = [
    "PolicyNetwork",
    "annealed_adam",
    "exported",
    "network_solver",
    "numbers_head",
    "playable",
    "random_acting",
    "settled",
    "stepped",
]

RANDOM_SIZES, RANDOM_POINTS, RANDOM_GAIN = (32, 32), 11, 3.0  # of random networks


class PolicyNetwork(NamedTuple):
    """Tanh layers of ``hidden_sizes``, whose outputs are the parts of a leader action; it compares by value.

    ``gain`` is that of the last layer at the start: the larger, the more random networks differ, and the more
    their actions differ from observation to observation.
    """

    observation_size: int
    hidden_sizes: tuple[int, ...]
    parts: Parts
    gain: float = 1.0

    @staticmethod
    def of(policies: Policy, hidden_sizes: tuple[int, ...], points: int, gain: float = 1.0) -> "PolicyNetwork":
        return PolicyNetwork(policies.observation_size, hidden_sizes, Parts.of(policies, points), gain)

    @property
    def _layers(self) -> MLP:
        return MLP(self.hidden_sizes, self.parts.num_outputs, self.gain)

    def init(self, key: PRNGKey) -> PyTree:
        return self._layers.init(key, jnp.zeros(self.observation_size))

    def outputs(self, params: PyTree, observation: Array) -> Array:
        """``[..., num_outputs]`` of ``observation [..., D]``."""
        return jnp.asarray(self._layers.apply(params, observation))

    def mode(self, params: PyTree, observation: Array) -> Array:
        """The likeliest leader action."""
        return self.parts.to_action(self.parts.mode(observation, self.outputs(params, observation)))

    def explorer(self, params: PyTree, noise_correlation: Array | float) -> Leader:
        """The network as a leader that draws its choices."""
        draw = lambda observation, uniforms: self.parts.draw(observation, self.outputs(params, observation), uniforms)
        return Leader(draw, self.parts.to_action, self.parts.num_uniforms, noise_correlation)

    def acting(self, params: PyTree) -> Acting:
        """The network as a commitment."""
        return Acting(params, self)


def exported(network: PolicyNetwork, params: PyTree) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """``kernel_k [S, ...]`` and ``bias_k``, and how outputs become an action, in the words of `stackjax.policy.Policy`."""
    arrays, parts = layers_of(params["params"]), network.parts
    if isinstance(parts.actions, Discrete):
        return arrays, {"kind": "discrete"}
    if not parts.options:
        return arrays, {"kind": "grid", **numbers_head(parts.actions), "points": parts.points}
    low, high = map(list, parts.ends)
    return arrays, {"kind": "parts", "low": low, "high": high, "points": parts.points, "options": parts.options}


def numbers_head(space: Continuous) -> dict[str, Any]:
    """What numbers of a network stand for, in the words of `stackjax.policy.Policy`."""
    more = {"is_mix": space.is_spent} if space.is_spent or space.budget is None else {"budget": space.budget}
    return {"low": list(map(float, space.low)), "high": list(map(float, space.high)), **more}


def playable(problem: Problem, solver: str) -> Played:
    """``problem``, if its episodes can be played out; raises `InputError` that names the ``solver`` otherwise."""
    if problem.policies is None:
        raise InputError(f"solver {solver!r} plays episodes out, which {problem.name!r} has none of; use --solver direct")
    return cast("Played", problem)


def settled(problem: Problem, acting: Acting) -> Any:
    """``acting`` as a commitment of ``problem``: its action at every node where commitments are a table."""
    return acting if isinstance(problem.commitments, Policy) else cast("Played", problem).filled(acting)


def network_solver(problem: Problem, network: PolicyNetwork, init: Any, update: Any, commitments_at_once: int) -> Solver:
    """The solver whose states have the network's ``params``, which it keeps and exports."""
    return Solver(
        init,
        update,
        commitment=lambda state: settled(problem, network.acting(state.params)),
        policy=lambda state: state.params,
        export=lambda params: exported(network, params),
        commitments_at_once=commitments_at_once,
        has_network=True,
    )


def annealed_adam(config: Any, update: Array) -> optax.GradientTransformation:
    """Adam, whose step size falls from ``config.learning_rate`` to zero, linearly over the updates."""
    return optax.adam(config.learning_rate * (1.0 - update.astype(jnp.result_type(float)) / config.num_updates))


def stepped(rule: optax.GradientTransformation, params: PyTree, gradient: PyTree, held: PyTree) -> tuple[PyTree, PyTree]:
    """``params`` after a step of ``rule``, and its state."""
    with jax.numpy_dtype_promotion("standard"):  # optax multiplies floats by its count of steps
        steps, held = rule.update(gradient, held, params)
    return optax.apply_updates(params, steps), held


def random_acting(policies: Policy, key: PRNGKey, count: int, num_constant: int = 0) -> Acting:
    """``count`` random commitments, leaves ``[count, ...]``: networks with random weights.

    The first ``num_constant`` of them do the same at every observation.
    """
    network = PolicyNetwork.of(policies, RANDOM_SIZES, RANDOM_POINTS, RANDOM_GAIN)
    params = jax.vmap(network.init)(jax.random.split(key, count))
    last = params["params"][f"Dense_{len(RANDOM_SIZES)}"]
    is_constant = jnp.arange(count)[:, None] < num_constant
    drawn = RANDOM_GAIN * jax.random.normal(jax.random.fold_in(key, count), last["bias"].shape, last["bias"].dtype)
    last |= {
        "kernel": jnp.where(is_constant[..., None], 0.0, last["kernel"]),
        "bias": jnp.where(is_constant, drawn, last["bias"]),
    }
    return Acting(params, network)
