"""Training the leader: rollout, advantages, epochs of PPO, all of it one jittable scan over updates."""

import dataclasses
from typing import Any, NamedTuple

import chex
import jax
import jax.numpy as jnp
import optax

from stackjax.bayesian.pomdp.environment import StackelbergPOMDP
from stackjax.bayesian.pomdp.episode_spec import EpisodeSpec
from stackjax.errors import InputError, require_is, require_key
from stackjax.sharing import shared
from stackjax.solvers.ppo.advantages import advantages
from stackjax.solvers.ppo.agent import Agent, make_agent
from stackjax.solvers.ppo.committed import Held, committed_rollout, none_held
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.losses import LossStats, Minibatch, ppo_loss
from stackjax.solvers.ppo.rollout import RolloutStats, StepCarry, Transitions, init_steps, step_rollout
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["TrainState", "Trainer", "UpdateMetrics", "above_the_rest", "learn", "make_train", "optimiser", "training_batch"]


class TrainState(NamedTuple):
    """Everything that an update reads and writes; no batch axes (``vmap`` over seeds)."""

    params: PyTree
    optimiser: PyTree
    key: PRNGKey
    update: Array  # int, updates behind
    steps: StepCarry | None  # the step path's environments
    held: Held | None  # the committed path's best commitment so far


class UpdateMetrics(NamedTuple):
    """What one update reports; ``is_finite`` tells whether every loss and parameter still is."""

    rollout: RolloutStats
    loss: LossStats  # means over the update's minibatches; ratio_error of the first
    is_finite: Array

    @staticmethod
    def zeros() -> "UpdateMetrics":
        """To add up from, all float."""
        zero = jnp.zeros(())
        return UpdateMetrics(
            RolloutStats(*[zero] * len(RolloutStats._fields)), LossStats(*[zero] * len(LossStats._fields)), zero
        )


class TrainResult(NamedTuple):
    """The last state, and metrics of every update, leaves ``[num_updates]``."""

    state: TrainState
    metrics: UpdateMetrics


@dataclasses.dataclass(frozen=True, eq=False)
class Trainer:
    """Training as pure functions of a key and a state: call it for a whole run, or use the parts to report on the way.

    ``trainer(key)`` is ``trainer.run(trainer.init(key), config.num_updates)``.
    """

    env: StackelbergPOMDP
    config: PPOConfig
    agent: Agent

    def __call__(self, key: PRNGKey) -> TrainResult:
        state, metrics = self.run(self.init(key), self.config.num_updates)
        return TrainResult(state, metrics)

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

    def init(self, key: PRNGKey) -> TrainState:
        require_key(key)
        params_key, env_key, key = jax.random.split(key, 3)
        params = self.agent.init(params_key)
        steps = init_steps(self.env, self.config, env_key) if self.config.path == "step" else None
        held = none_held(self.agent) if self.config.path == "committed" else None
        return TrainState(params, optimiser(self.config).init(params), key, jnp.int32(0), steps, held)

    def run(self, state: TrainState, num_updates: int) -> tuple[TrainState, UpdateMetrics]:
        """The next ``num_updates`` updates (static), and their metrics ``[num_updates]``."""
        return jax.lax.scan(lambda s, _: self.update(s), state, None, length=num_updates)

    def update(self, state: TrainState) -> tuple[TrainState, UpdateMetrics]:
        """One rollout and what is learned from it."""
        config = self.config
        rollout_key, epochs_key, key = jax.random.split(state.key, 3)
        if config.path == "step":
            assert state.steps is not None
            steps, seen, last_value, stats = step_rollout(self.agent, config, state.params, rollout_key, state.steps)
            held = None
        else:
            seen, stats, held = committed_rollout(self.agent, config, state.params, rollout_key, state.held)
            steps, last_value = None, jnp.zeros(seen.reward.shape[1])
        batch = training_batch(config, seen, last_value)
        remaining = 1.0 - state.update.astype(jnp.result_type(float)) / config.num_updates
        is_box = not isinstance(self.env.game.leader_actions, Discrete)
        if is_box and config.path == "committed" and config.credit == "commitment":
            share = config.box_top_share**remaining
            batch = batch._replace(advantage=above_the_rest(batch.advantage, batch.credit, share))
        learned = state.params, state.optimiser
        params, optimiser_state, loss, is_finite = learn(self.agent, config, learned, batch, epochs_key, remaining)
        metrics = UpdateMetrics(stats, loss, is_finite)
        return TrainState(params, optimiser_state, key, state.update + 1, steps, held), metrics


def learn(
    agent: Any,
    config: PPOConfig,
    learned: tuple[PyTree, PyTree],
    batch: Minibatch,
    key: PRNGKey,
    remaining: Array,
) -> tuple[PyTree, PyTree, LossStats, Array]:
    """An update's epochs of gradient steps.

    Args:
      learned: parameters and the optimiser's state.
      remaining: share of the run that is left; step size and entropy bonus fall with it.

    Returns:
      both after the update, means of the losses (``ratio_error`` of the first minibatch), and whether all of it is finite.
    """
    direction = optimiser(config)
    entropy_coefficient = config.entropy_coefficient * remaining

    def minibatch_step(carry: tuple[PyTree, PyTree], part: Minibatch) -> tuple[tuple[PyTree, PyTree], LossStats]:
        params, optimiser_state = carry
        loss = lambda p: ppo_loss(agent, config, p, part, entropy_coefficient)
        (_, stats), gradients = jax.value_and_grad(loss, has_aux=True)(params)
        with jax.numpy_dtype_promotion("standard"):  # optax multiplies floats by its count of steps
            updates, optimiser_state = direction.update(gradients, optimiser_state, params)
        step_size = -config.learning_rate * remaining
        params = jax.tree.map(lambda p, u: p + step_size * u, params, updates)
        return (params, optimiser_state), stats

    def epoch(carry: tuple[PyTree, PyTree], epoch_key: PRNGKey) -> tuple[tuple[PyTree, PyTree], LossStats]:
        return jax.lax.scan(minibatch_step, carry, shuffled(config, batch, epoch_key))

    (params, optimiser_state), losses = jax.lax.scan(epoch, learned, jax.random.split(key, config.num_epochs))
    loss = jax.tree.map(lambda x: x.mean(), losses)._replace(ratio_error=losses.ratio_error[0, 0])
    finite = [jnp.isfinite(leaf).all() for leaf in jax.tree.leaves((params, loss))]
    return params, optimiser_state, loss, jnp.stack(finite).all()


def shuffled(config: PPOConfig, batch: Minibatch, key: PRNGKey) -> Minibatch:
    """Decisions ``[t, B, ...]`` in random order as one epoch's minibatches ``[num_minibatches, b, ...]``."""
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), batch)
    order = shared(jax.random.permutation(key, flat.weight.shape[0]).reshape(config.num_minibatches, -1), axis=1)
    return jax.tree.map(lambda leaf: leaf[order], flat)


def training_batch(config: PPOConfig, seen: Transitions, last_value: Array) -> Minibatch:
    """Advantages and value targets, ``[t, B, ...]``."""
    no_truncation = jnp.zeros_like(seen.terminated)
    per_episode = jax.vmap(advantages, (1, 1, 1, 1, 1, 1, 0, None, None), 1)
    advantage = per_episode(
        seen.reward,
        seen.value,
        seen.terminated,
        no_truncation,
        jnp.zeros_like(seen.value),
        seen.visible,
        last_value,
        config.discount,
        config.gae_lambda,
    )
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


def batch_size(env: EpisodeSpec, config: PPOConfig) -> int:
    """Decisions in one update's batch."""
    if config.path == "step":
        return config.num_envs * config.num_steps
    if config.credit == "commitment":
        return config.num_envs * env.tree.num_nodes
    moments = min(config.response_samples, env.num_rounds) + min(config.reward_samples, env.num_reward_episodes)
    return config.num_envs * moments * env.game.num_decisions


def make_train(env: StackelbergPOMDP, config: PPOConfig | None = None) -> Trainer:
    """A leader's training on ``env``: ``jax.jit(jax.vmap(make_train(env, config)))(keys)`` trains several seeds at once.

    Numeric fields of ``config`` marked traced may be tracers, so a sweep is a ``vmap`` of a function that calls this.

    Raises:
      InputError: settings that do not fit each other.
    """
    require_is("env", env, StackelbergPOMDP, "a StackelbergPOMDP, for example sx.StackelbergPOMDP(sx.make('maintain'))")
    config = PPOConfig() if config is None else config
    require_is("config", config, PPOConfig, "a PPOConfig, for example sx.PPOConfig(num_envs=64)")
    if isinstance(env.game.leader_actions, Discrete):
        for name in ("box_policy", "grid_points", "grid_start", "gaussian_std", "box_top_share"):
            if config.differs(name):
                raise InputError(
                    f"{name}={getattr(config, name)} does nothing in {env.game.name!r}: its leader_actions are Discrete"
                )
    size = batch_size(env, config)
    if size % config.num_minibatches:
        raise InputError(f"num_minibatches={config.num_minibatches} must divide the batch of {size} decisions")
    return Trainer(env, config, make_agent(env, config))
