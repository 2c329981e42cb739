"""PPO on a network that acts on observations, from whole episodes by samples: for mechanisms too large for a table.

An update plays episodes in each of which the network is one commitment: equal observations get equal actions. Two terms share
the credit. The *distinct* term: each different observation of an episode counts once, with the episode's return, which holds
what a commitment does to what followers learn, also where they never go once they have learned it. The *own* term: decisions of
the paid sub-episodes, each with the payoff of its own sub-episode, which is far less noisy where observations are many. The
first alone learns nothing where an episode has a hundred different observations, the second alone never threatens.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from stackjax.acting import Episode, played_by_batches
from stackjax.errors import require_key
from stackjax.problem import Metrics, Problem, Solver
from stackjax.solvers.config import PolicyConfig
from stackjax.solvers.network import PolicyNetwork, annealed_adam, network_solver, playable, stepped
from stackjax.solvers.ppo.networks import MLP
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["PolicyState", "policy_solver"]


class PolicyState(NamedTuple):
    """Everything that an update reads and writes; ``critic`` and its optimiser's state are None where there is none."""

    params: PyTree
    optimiser: PyTree
    critic: PyTree
    critic_optimiser: PyTree
    key: PRNGKey
    update: Array


class _Batch(NamedTuple):
    """Decisions of both terms, ``[n, ...]``; the weights of each term add up to its share."""

    observations: Array
    choices: Array
    advantages: Array
    weights: Array


def policy_solver(problem: Problem, config: PolicyConfig) -> Solver:
    """Learns a policy of ``problem``'s observations.

    Raises:
      InputError: the problem cannot be played out.
    """
    played = playable(problem, "policy")
    network = PolicyNetwork.of(played.policies, config.hidden_sizes, config.grid_points)
    critic = MLP(config.hidden_sizes, 1, 1.0)
    low, high = problem.payoff_range

    optimiser = lambda update: optax.chain(optax.clip_by_global_norm(config.max_grad_norm), annealed_adam(config, update))

    def episode(key: PRNGKey, params: PyTree) -> Episode:
        leader = network.explorer(params, config.noise_correlation)
        return played.play(key, leader, config.distinct_samples, config.own_samples, config.fresh_noise)

    def critic_sees(observations: Array, hidden: Array) -> Array:
        return observations if config.own_critic == "observation" else jnp.concatenate([observations, hidden], axis=-1)

    def init(key: PRNGKey) -> PolicyState:
        require_key(key)
        actor_key, critic_key, key = jax.random.split(key, 3)
        params, start = network.init(actor_key), jnp.int32(0)
        values = None
        if config.own_critic != "mean":
            shown = jax.eval_shape(episode, key, params).own_hidden
            values = critic.init(critic_key, critic_sees(jnp.zeros(network.observation_size), jnp.zeros(shown.shape[1:])))
        others = None if values is None else optax.adam(config.learning_rate).init(values)
        return PolicyState(params, optimiser(start).init(params), values, others, key, start)

    def update(state: PolicyState) -> tuple[PolicyState, Metrics]:
        episodes_key, key = jax.random.split(state.key)
        episodes = played_by_batches(lambda key: episode(key, state.params), jax.random.split(episodes_key, config.num_envs))
        returns, own, weights = episodes.total_return, episodes.own_payoffs, episodes.own.weights
        values, others, explained = state.critic, state.critic_optimiser, jnp.float32(0.0)
        expected = jnp.broadcast_to((own * weights).sum() / weights.sum(), own.shape)
        if values is not None:
            seen = critic_sees(episodes.own.observations, episodes.own_hidden)
            expected = low + (high - low) * jnp.asarray(critic.apply(values, seen))[..., 0]
            spread = _spread(own, weights)
            explained = 1.0 - (_spread(own - expected, weights) / jnp.maximum(spread, 1e-3 * (high - low))) ** 2
            explained = jnp.where(spread > 1e-3 * (high - low), explained, 0.0)  # of nothing there is nothing to explain
            values, others = _fitted(critic, config, values, others, seen, (own - low) / (high - low), weights)
        batch = _joined(
            episodes,
            _standard(returns),
            (own - expected) / (_spread(own, weights) + 1e-8),  # a critic must not make this term count more
        )
        before = network.outputs(state.params, batch.observations)
        old, _ = network.parts.log_prob_and_entropy(batch.observations, before, batch.choices)
        left = 1.0 - state.update.astype(jnp.result_type(float)) / config.num_updates

        def loss(params: PyTree) -> tuple[Array, tuple[Array, Array]]:
            outputs = network.outputs(params, batch.observations)
            log_probs, entropy = network.parts.log_prob_and_entropy(batch.observations, outputs, batch.choices)
            ratio = jnp.exp(log_probs - old)
            clipped = jnp.clip(ratio, 1.0 - config.clip_epsilon, 1.0 + config.clip_epsilon)
            gains = jnp.minimum(ratio * batch.advantages, clipped * batch.advantages)
            spread = (batch.weights * entropy).sum()
            gained = (batch.weights * gains).sum()
            return -gained - config.entropy_coefficient * left**2 * spread, (-gained, spread)

        def epoch(carry: tuple[PyTree, PyTree], _: None) -> tuple[tuple[PyTree, PyTree], tuple[Array, Array]]:
            params, held = carry
            gradient, seen = jax.grad(loss, has_aux=True)(params)
            return stepped(optimiser(state.update), params, gradient, held), seen

        start = state.params, state.optimiser
        (params, held), (policy_loss, entropy) = jax.lax.scan(epoch, start, None, length=config.num_epochs)
        metrics = {
            "episodes": jnp.float32(config.num_envs),
            "total_return": returns.sum(),
            "decisions": episodes.num_decisions.sum().astype(jnp.float32),
            "policy_loss": policy_loss[0],
            "entropy": entropy[0] / 2.0,
            "distinct_observations": episodes.num_distinct.mean(),
            "return_spread": returns.std(),
            "sampling_spread": jnp.sqrt(episodes.sampling_variance.mean()),
            "explained_by_critic": explained,
            "is_finite": jnp.isfinite(returns).all() & _all_finite(params),
        }
        return PolicyState(params, held, values, others, key, state.update + 1), metrics

    return network_solver(problem, network, init, update, config.num_envs)


def _joined(episodes: Episode, of_episode: Array, of_own: Array) -> _Batch:
    """Both terms as one batch: advantages ``[B]`` of episodes, and ``[B, q]`` of decisions with payoffs of their own."""
    distinct, own = episodes.distinct, episodes.own
    flat = lambda first, second: jnp.concatenate([leaf.reshape(-1, *leaf.shape[2:]) for leaf in (first, second)])
    share = lambda weights: weights / jnp.maximum(weights.sum(), 1e-12)
    spread = jnp.broadcast_to(of_episode[:, None], distinct.weights.shape)
    return _Batch(
        flat(distinct.observations, own.observations),
        flat(distinct.choices, own.choices),
        flat(spread, of_own),
        flat(share(distinct.weights), share(own.weights)),
    )


def _spread(values: Array, weights: Array) -> Array:
    mean = (values * weights).sum() / weights.sum()
    return jnp.sqrt(((values - mean) ** 2 * weights).sum() / weights.sum())


def _standard(values: Array) -> Array:
    """Less the mean, over the standard deviation; zeros where all are the same."""
    return (values - values.mean()) / (values.std() + 1e-8)


def _fitted(
    critic: MLP, config: PolicyConfig, values: PyTree, held: PyTree, seen: Array, targets: Array, weights: Array
) -> tuple[PyTree, PyTree]:
    """The critic after its steps towards ``targets``, shares of the payoff range."""
    rule = optax.adam(config.learning_rate)

    def loss(values: PyTree) -> Array:
        found = jnp.asarray(critic.apply(values, seen))[..., 0]
        return (weights * (found - targets) ** 2).sum() / weights.sum()

    def step(carry: tuple[PyTree, PyTree], _: None) -> tuple[tuple[PyTree, PyTree], None]:
        return stepped(rule, carry[0], jax.grad(loss)(carry[0]), carry[1]), None

    return jax.lax.scan(step, (values, held), None, length=2 * config.num_epochs)[0]


def _all_finite(tree: PyTree) -> Array:
    return jnp.stack([jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(tree)]).all()
