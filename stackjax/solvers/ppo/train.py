"""PPO: a rollout, its advantages, epochs of clipped gradient steps; all of it one jittable scan over updates.

What is learned from is a subclass's `Trainer.rollout`: of any table (`solver`), or of the Bayesian family's Stackelberg POMDP.
"""

import abc
import dataclasses
from typing import ClassVar, NamedTuple

import chex
import jax
import jax.numpy as jnp
import optax

from stackjax.errors import InputError, require_key
from stackjax.problem import Metrics, Solver
from stackjax.sharing import shared
from stackjax.solvers.ppo.advantages import advantages
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.losses import LossStats, Minibatch, ppo_loss
from stackjax.solvers.ppo.networks import Agent
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["Rollout", "RolloutStats", "TrainState", "Trainer", "Transitions", "above_the_rest", "training_batch"]

Learned = tuple[PyTree, PyTree]  # parameters and the optimiser's state
LOSSES = ("value_loss", "policy_loss", "entropy", "approx_kl", "clip_fraction")  # in metrics; a report draws the first


class Transitions(NamedTuple):
    """Leader decisions in time order, ``[t, B, ...]``.

    ``visible`` marks decisions that reach the loss; the others still carry rewards and ends of episodes. ``credited`` marks
    those of them that the policy learns from; from the others only the critic does.
    """

    observation: Array  # [t, B, D]
    critic_input: Array  # [t, B, C]
    choice: Array  # [t, B, ...]
    log_prob: Array
    value: Array
    reward: Array
    terminated: Array
    visible: Array
    credited: Array


class RolloutStats(NamedTuple):
    """Of one rollout, as floats so that they can be added up: episodes that ended, the sum of their returns (game units),
    and leader decisions (on the committed path those that the episodes stand for, estimated from the sampled ones).
    """

    episodes: Array
    total_return: Array
    decisions: Array


class Rollout(NamedTuple):
    """What an update learns from; ``last_value [B]`` is after the last decisions, and the next rollout takes ``carried``."""

    carried: PyTree
    seen: Transitions
    last_value: Array
    stats: RolloutStats
    is_finite: Array | bool = True


class TrainState(NamedTuple):
    """Everything that an update reads and writes; no batch axes (``vmap`` over seeds)."""

    params: PyTree
    optimiser: PyTree
    key: PRNGKey
    update: Array  # int, updates behind
    carried: PyTree  # environments in mid-episode, or `Held`


class UpdateMetrics(NamedTuple):
    """What one update reports; ``is_finite`` tells whether every loss and parameter still is."""

    rollout: RolloutStats
    loss: LossStats  # means over the update's minibatches; ratio_error of the first
    is_finite: Array


class TrainResult(NamedTuple):
    """The last state, and metrics of every update, leaves ``[num_updates]``."""

    state: TrainState
    metrics: UpdateMetrics


@dataclasses.dataclass(frozen=True, eq=False)
class Trainer(abc.ABC):
    """Training as pure functions of a key and a state: call it for a whole run, or use the parts to report on the way.

    ``trainer(key)`` is ``trainer.run(trainer.init(key), config.num_updates)``.

    Raises:
      InputError: minibatches do not divide an update's decisions.
    """

    config: PPOConfig
    agent: Agent
    num_keys: ClassVar[int] = 1  # of a rollout

    @property
    @abc.abstractmethod
    def batch_size(self) -> int:
        """Decisions in one update's batch."""

    @abc.abstractmethod
    def start(self, key: PRNGKey) -> tuple[PyTree, PyTree, PRNGKey]:
        """The first parameters, what the first rollout takes, and a key for all that comes."""

    @abc.abstractmethod
    def rollout(self, params: PyTree, keys: list[PRNGKey], carried: PyTree) -> Rollout:
        """What the policy does with ``keys``, ``num_keys`` of them, and what that earns."""

    def __post_init__(self) -> None:
        size, parts = self.batch_size, self.config.num_minibatches
        if size % parts:
            raise InputError(f"num_minibatches={parts} must divide the batch of {size} decisions")

    def __call__(self, key: PRNGKey) -> TrainResult:
        return TrainResult(*self.run(self.init(key), self.config.num_updates))

    def init(self, key: PRNGKey) -> TrainState:
        require_key(key)
        params, carried, key = self.start(key)
        return TrainState(params, optimiser(self.config).init(params), key, jnp.int32(0), carried)

    def run(self, state: TrainState, num_updates: int) -> tuple[TrainState, UpdateMetrics]:
        """The next ``num_updates`` updates (static), and their metrics ``[num_updates]``."""
        return jax.lax.scan(lambda s, _: self.update(s), state, None, length=num_updates)

    def update(self, state: TrainState) -> tuple[TrainState, UpdateMetrics]:
        """One rollout and what is learned from it."""
        config = self.config
        *rollout_keys, epochs_key, key = jax.random.split(state.key, self.num_keys + 2)
        carried, seen, last_value, stats, is_known = self.rollout(state.params, rollout_keys, state.carried)
        batch = training_batch(config, seen, last_value)
        remaining = 1.0 - state.update.astype(jnp.result_type(float)) / config.num_updates
        if not isinstance(self.agent.actions, Discrete) and config.credits_commitments:
            share = config.box_top_share**remaining
            batch = batch._replace(advantage=above_the_rest(batch.advantage, batch.credit, share))
        learned, loss = self._learn((state.params, state.optimiser), batch, epochs_key, remaining)
        finite = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves((learned[0], loss))]
        after = TrainState(*learned, key, state.update + 1, carried)
        return after, UpdateMetrics(stats, loss, jnp.stack(finite).all() & is_known)

    def _learn(self, learned: Learned, batch: Minibatch, key: PRNGKey, remaining: Array) -> tuple[Learned, LossStats]:
        """An update's epochs of gradient steps; step size and entropy bonus fall with the share of the run that remains."""
        config, direction = self.config, optimiser(self.config)
        entropy_coefficient = config.entropy_coefficient * remaining

        def minibatch_step(learned: Learned, part: Minibatch) -> tuple[Learned, LossStats]:
            params, optimiser_state = learned
            loss = lambda p: ppo_loss(self.agent, config, p, part, entropy_coefficient)
            (_, stats), gradients = jax.value_and_grad(loss, has_aux=True)(params)
            with jax.numpy_dtype_promotion("standard"):  # optax multiplies floats by its count of steps
                updates, optimiser_state = direction.update(gradients, optimiser_state, params)
            step_size = -config.learning_rate * remaining
            return (jax.tree.map(lambda p, u: p + step_size * u, params, updates), optimiser_state), stats

        def epoch(learned: Learned, epoch_key: PRNGKey) -> tuple[Learned, LossStats]:
            return jax.lax.scan(minibatch_step, learned, shuffled(config, batch, epoch_key))

        learned, losses = jax.lax.scan(epoch, learned, jax.random.split(key, config.num_epochs))
        return learned, jax.tree.map(lambda x: x.mean(), losses)._replace(ratio_error=losses.ratio_error[0, 0])

    def commitment(self, trained: TrainResult | TrainState) -> Array:
        """What the leader has learned to commit to: its most likely action at every node.

        Args:
          trained: what calling this returned, from one key or under ``vmap`` from many.

        Returns:
          ``[*batch, O, ...]`` leader actions, each ``[O, ...]`` of them for `evaluate_commitment`.
        """
        state = trained.state if isinstance(trained, TrainResult) else trained
        greedy = lambda params: self.agent.commitment(params)[1]
        for _ in range(state.update.ndim):
            greedy = jax.vmap(greedy)
        return greedy(state.params)

    def solver(self) -> Solver:
        """The trainer's state is the solver's, its greedy commitment what it settles on."""

        def update(state: TrainState) -> tuple[TrainState, Metrics]:
            after, seen = self.update(state)
            losses = {name: getattr(seen.loss, name) for name in LOSSES}
            return after, {**seen.rollout._asdict(), **losses, "is_finite": seen.is_finite}

        return Solver(self.init, update, self.commitment, commitments_at_once=self.config.num_envs, has_network=True)


def shuffled(config: PPOConfig, batch: Minibatch, key: PRNGKey) -> Minibatch:
    """Decisions ``[t, B, ...]`` in random order as one epoch's minibatches ``[num_minibatches, b, ...]``."""
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), batch)
    order = shared(jax.random.permutation(key, flat.weight.shape[0]).reshape(config.num_minibatches, -1), axis=1)
    return jax.tree.map(lambda leaf: leaf[order], flat)


def training_batch(config: PPOConfig, seen: Transitions, last_value: Array) -> Minibatch:
    """Advantages and value targets, ``[t, B, ...]``."""
    if config.credits_commitments:  # each of them ends an episode
        advantage = jnp.where(seen.visible, seen.reward - seen.value, 0.0)
    else:
        per_episode = jax.vmap(advantages, (1, 1, 1, 1, 0, None, None), 1)
        outcomes = seen.reward, seen.value, seen.terminated, seen.visible
        advantage = per_episode(*outcomes, last_value, config.discount, config.gae_lambda)
    weight, credit = (mask.astype(advantage.dtype) for mask in (seen.visible, seen.credited))
    target = advantage + seen.value
    return Minibatch(seen.observation, seen.critic_input, seen.choice, seen.log_prob, advantage, target, weight, credit)


def above_the_rest(advantage: Array, credit: Array, share: Array | float) -> Array:
    """By how much each of ``advantage [t, B]`` exceeds what all but a ``share`` of the credited ones have, at least 0.

    With ``share`` 1 that differs from the advantage by a constant, which the loss takes away.

    References: Petersen et al. (2021), "Deep symbolic regression", the risk-seeking policy gradient.
    """
    chex.assert_equal_shape([advantage, credit])
    credited = jnp.where(credit > 0, advantage, jnp.nan)
    return jnp.maximum(advantage - jnp.nanquantile(credited, 1.0 - share), 0.0)


def optimiser(config: PPOConfig) -> optax.GradientTransformation:
    """Adam's direction on clipped gradients, actor and critic clipped apart so that neither starves the other."""

    def clip_and_scale() -> optax.GradientTransformation:
        return optax.chain(optax.clip_by_global_norm(config.max_grad_norm), optax.scale_by_adam(eps=1e-5))

    return optax.partition({"actor": clip_and_scale(), "critic": clip_and_scale()}, {"actor": "actor", "critic": "critic"})
