"""A follower that is trained once per game and then frozen: its policy sees the state and the whole commitment.

This is the contextual, or meta-learned, follower of Gerstgrasser and Parkes (2023): the leader's answers to queries in all
states are its context. Here it is trained on exact expectations over random commitments, not on sampled episodes.
"""

from typing import TYPE_CHECKING, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from stackjax.markov.answers import evaluate, occupancy
from stackjax.markov.followers import ContextualFollower
from stackjax.markov.game import MarkovGame, joint_actions, tabulate_markov
from stackjax.problem import Table
from stackjax.spaces import Discrete, Space
from stackjax.types import Array, PRNGKey, PyTree

if TYPE_CHECKING:
    from stackjax.markov.problem import MarkovProblem

__all__ = [
    "ContextualPolicy",
    "Pretraining",
    "context_of",
    "contextual_answer",
    "every_or_random",
    "pretrain",
    "pretraining_regret",
]

SLACK = 1e-5  # of the follower's payoff range: by so much another policy must be better than the one that it has
MOST_CERTIFIED = 4096  # commitments that are all tried; as many random ones where there are more


class ContextualPolicy(nn.Module):
    """Logits of the follower's actions in a state, under a commitment."""

    hidden_sizes: tuple[int, ...]
    num_actions: int

    @nn.compact
    def __call__(self, features: Array) -> Array:
        for width in self.hidden_sizes:
            features = nn.tanh(nn.Dense(width, kernel_init=nn.initializers.orthogonal(2**0.5))(features))
        return nn.Dense(self.num_actions, kernel_init=nn.initializers.orthogonal(0.01))(features)


class Pretraining(NamedTuple):
    """What a frozen follower loses against a best one, over commitments, game units.

    Attributes:
      share_best: of commitments that it answers best.
      mean_regret, largest_regret: of its payoff.
      num_commitments: how many were tried.
      every: whether these are all that there are.
    """

    share_best: float
    mean_regret: float
    largest_regret: float
    num_commitments: int
    every: bool


def context_of(space: Space, commitments: Array) -> Array:
    """``[B, C]`` what ``commitments [B, O, ...]`` are to a network: one-hot choices, or numbers from -1 to 1."""
    if isinstance(space, Discrete):
        seen = jax.nn.one_hot(commitments, space.n)
    else:
        low, high = (jnp.asarray(end, commitments.dtype)[None, None] for end in (space.low, space.high))
        seen = 2.0 * (commitments - low) / (high - low) - 1.0
    return seen.reshape(len(commitments), -1)


def every_or_random(table: Table, seed: int) -> tuple[Array, bool]:
    """``[M, O, ...]`` all commitments of a table if they are few, else as many random ones; and whether they are all."""
    space, nodes = table.actions, table.num_nodes
    if isinstance(space, Discrete) and space.n**nodes <= MOST_CERTIFIED:
        return jnp.asarray(joint_actions((space.n,) * nodes)), True
    return table.draw(jax.random.key(seed), MOST_CERTIFIED), False


def _features(game: MarkovGame, commitments: Array) -> Array:
    """``[B, S, D]`` what the policy sees in each state: which it is, and what the leader does in all of them."""
    count = game.num_states
    context = context_of(game.leader_actions, commitments)[:, None]
    states = jnp.broadcast_to(jnp.eye(count, dtype=context.dtype)[None], (len(commitments), count, count))
    return jnp.concatenate([states, jnp.broadcast_to(context, (*states.shape[:2], context.shape[-1]))], axis=-1)


def _network(game: MarkovGame, rule: ContextualFollower) -> ContextualPolicy:
    return ContextualPolicy(rule.hidden_sizes, int(np.prod(game.num_actions)))


def _logits(game: MarkovGame, rule: ContextualFollower, params: PyTree, commitments: Array) -> Array:
    """``[S, J, B]``"""
    return jnp.moveaxis(jnp.asarray(_network(game, rule).apply(params, _features(game, commitments))), 0, -1)


def contextual_answer(game: MarkovGame, rule: ContextualFollower, params: PyTree, commitments: Array) -> Array:
    """``[S, J, B]`` the frozen follower's policy under ``commitments [B, S, ...]``: its likeliest action in each state."""
    logits = _logits(game, rule, params, commitments)
    return jax.nn.one_hot(logits.argmax(axis=1), logits.shape[1], axis=1, dtype=logits.dtype)


def pretrain(problem: "MarkovProblem", rule: ContextualFollower) -> PyTree:
    """Parameters of the follower's policy, after ``rule.updates`` of Adam on random commitments.

    Against each commitment of a batch it tries policies that are the same in every step, its own and less and less like its
    own, and learns to do what the best of them does in the states that this one comes to. The gradient of its expected payoff
    would do less: among policies that are the same in every step it ends in local optima.
    """
    game, length, table = problem.game, problem.length, problem.commitments
    low, high = game.payoff_bounds[1]
    span = max(high - low, 1e-9) * length.weight
    key, first = jax.random.split(jax.random.key(rule.seed))
    params = _network(game, rule).init(first, _features(game, table.draw(first, 1)))
    optimiser = optax.adam(optax.cosine_decay_schedule(rule.pretraining_rate, rule.updates))
    actions = int(np.prod(game.num_actions))

    def targets(key: PRNGKey, logits: Array, commitments: Array) -> tuple[Array, Array]:
        """``[S, J, B]`` the best of the policies tried, and ``[S, B]`` whether an episode under it comes to a state."""
        induced = tabulate_markov(game, commitments)
        draw_key, mix_key, random_key = jax.random.split(key, 3)
        shape = (rule.tried, game.num_states, len(commitments))
        own = jax.random.categorical(draw_key, logits[None], axis=2, shape=shape)
        strays = jax.random.uniform(mix_key, shape) < jnp.linspace(0.0, 1.0, rule.tried)[:, None, None]
        chosen = jnp.where(strays, jax.random.randint(random_key, shape, 0, actions), own)
        chosen = jnp.concatenate([logits.argmax(axis=1)[None], chosen])  # the greedy one first: it stays if none is better
        policies = jax.nn.one_hot(chosen, actions, axis=2, dtype=logits.dtype)
        worth = jax.vmap(lambda policy: evaluate(induced, length, policy).follower)(policies)  # [1 + M, B]
        worth = worth.at[0].add(SLACK * span)
        best = jnp.take_along_axis(policies, worth.argmax(axis=0)[None, None, None], axis=0)[0]
        return best, occupancy(induced, length, best) > 0

    def loss(params: PyTree, key: PRNGKey, commitments: Array) -> Array:
        logits = _logits(game, rule, params, commitments)
        best, visited = targets(key, jax.lax.stop_gradient(logits), commitments)
        return -(jnp.where(visited[:, None], best, 0.0) * jax.nn.log_softmax(logits, axis=1)).sum(axis=(0, 1)).mean()

    def update(carry: tuple[PyTree, PyTree], key: PRNGKey) -> tuple[tuple[PyTree, PyTree], None]:
        params, state = carry
        draw_key, target_key = jax.random.split(key)
        slope = jax.grad(loss)(params, target_key, table.draw(draw_key, rule.batch))
        change, state = optimiser.update(slope, state, params)
        return (optax.apply_updates(params, change), state), None

    run = jax.jit(lambda params, keys: jax.lax.scan(update, (params, optimiser.init(params)), keys)[0][0])
    with jax.numpy_dtype_promotion("standard"):  # optax counts in integers
        return run(params, jax.random.split(key, rule.updates))


def pretraining_regret(problem: "MarkovProblem", rule: ContextualFollower) -> Pretraining:
    """What the frozen follower loses against a best one, exactly, over all commitments or many random ones."""
    game = problem.game
    commitments, every = every_or_random(problem.commitments, rule.seed + 1)

    @jax.jit
    def regret(made: Array) -> Array:
        induced = tabulate_markov(game, made)
        worth = lambda policy: evaluate(induced, problem.length, policy).follower
        return worth(problem.best(induced, "for")) - worth(contextual_answer(game, rule, problem.policy, made))

    lost = np.concatenate([np.asarray(regret(part)) for part in jnp.array_split(commitments, -(-len(commitments) // 256))])
    lost = np.maximum(lost, 0.0)
    share = float((lost <= 10 * problem.tie_tolerance).mean())
    return Pretraining(share, float(lost.mean()), float(lost.max()), len(lost), every)
