"""Followers that are trained together once per game and then frozen: each has a policy that sees the whole commitment.

They are the contextual followers of Gerstgrasser and Parkes (2023), several of them: each learns while the others do, against
random commitments, on exact expectations. Nothing says that such learning comes to an equilibrium; what each of them could
still gain is measured exactly.
"""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
import optax

from stackjax.markov.answers import swept
from stackjax.markov.contextual import ContextualPolicy, Pretraining, context_of, every_or_random
from stackjax.markov.groups.answers import apart, expected, joint_chances, joint_values
from stackjax.markov.groups.followers import ContextualGroup
from stackjax.types import Array, PRNGKey, PyTree

if TYPE_CHECKING:
    from stackjax.markov.groups.problem import GroupProblem

__all__ = ["frozen_policy", "pretrain_group", "pretraining_regret"]

JUDGED_AT_ONCE = 64  # commitments


def _logits(problem: "GroupProblem", rule: ContextualGroup, params: PyTree, commitments: Array) -> list[Array]:
    """``[T, S, A_i, B]`` of each follower, who sees the step, the state and the commitment."""
    context = context_of(problem.game.leader_actions, commitments)  # [B, C]
    steps, states, count = problem.length.steps, problem.game.num_states, len(commitments)
    shape = (count, steps, states)
    over = lambda table, axes: jnp.broadcast_to(jnp.expand_dims(table, axes), (*shape, table.shape[-1]))
    eye = lambda size: jnp.eye(size, dtype=context.dtype)
    features = jnp.concatenate([over(eye(steps), (0, 2)), over(eye(states), (0, 1)), over(context, (1, 2))], axis=-1)
    networks = (ContextualPolicy(rule.hidden_sizes, actions) for actions in problem.game.num_actions)
    named = (params[f"follower_{i}"] for i in range(problem.game.num_followers))
    return [
        jnp.moveaxis(jnp.asarray(network.apply(own, features)), 0, -1) for network, own in zip(networks, named, strict=True)
    ]


def frozen_policy(problem: "GroupProblem", rule: ContextualGroup, commitments: Array) -> Array:
    """``[T, S, J, B]`` the chances of joint actions if each frozen follower draws from its own policy."""
    plays = [jax.nn.softmax(one, axis=2) for one in _logits(problem, rule, problem.policy, commitments)]
    return jax.vmap(lambda *now: joint_chances(list(now)))(*plays)


def pretrain_group(problem: "GroupProblem", rule: ContextualGroup) -> PyTree:
    """Parameters of every follower's policy, after ``rule.updates`` of Adam on random commitments.

    In each update, step and state a follower learns to play its actions with chances that are multiplied by
    ``exp(step_size u / range)``, where ``u`` is what they are worth against the others' present policies.
    """
    game, actions = problem.game, problem.game.num_actions
    key, first = jax.random.split(jax.random.key(rule.seed))
    context = context_of(game.leader_actions, problem.commitments.draw(first, 1))
    seen = jnp.zeros((1, problem.length.steps + game.num_states + context.shape[-1]), context.dtype)
    params = {
        f"follower_{i}": ContextualPolicy(rule.hidden_sizes, count).init(jax.random.fold_in(first, i), seen)
        for i, count in enumerate(actions)
    }
    optimiser = optax.adam(optax.cosine_decay_schedule(rule.pretraining_rate, rule.updates))

    def wanted(commitments: Array, logits: list[Array]) -> list[Array]:
        """``[T, S, A_i, B]`` the chances that each follower learns."""

        def act(worth: Array, plays: list[Array]) -> tuple[Array, list[Array]]:
            spread = worth.max(axis=(0, 1, 2), keepdims=True) - worth.min(axis=(0, 1, 2), keepdims=True)
            scaled = apart(worth / jnp.where(spread > 0, spread, 1.0), actions)
            chances = joint_chances(plays)
            earned = [expected(scaled[i], plays, i) for i in range(len(actions))]
            return (chances[None] * worth).sum(axis=2), earned

        induced = problem.tabulate(commitments)
        plays = [jax.nn.softmax(one, axis=2) for one in logits]
        earned = swept(induced, problem.length, induced.follower_payoffs, act, plays)[1]
        return [jax.nn.softmax(one + rule.step_size * worth, axis=2) for one, worth in zip(logits, earned, strict=True)]

    def loss(params: PyTree, commitments: Array) -> Array:
        logits = _logits(problem, rule, params, commitments)
        targets = jax.lax.stop_gradient(wanted(commitments, jax.lax.stop_gradient(logits)))
        missed = [
            (target * jax.nn.log_softmax(one, axis=2)).sum(axis=2).mean() for target, one in zip(targets, logits, strict=True)
        ]
        return -jnp.stack(missed).sum()

    def update(carry: tuple[PyTree, PyTree], key: PRNGKey) -> tuple[tuple[PyTree, PyTree], None]:
        params, state = carry
        slope = jax.grad(loss)(params, problem.commitments.draw(key, rule.batch))
        change, state = optimiser.update(slope, state, params)
        return (optax.apply_updates(params, change), state), None

    run = jax.jit(lambda params, keys: jax.lax.scan(update, (params, optimiser.init(params)), keys)[0][0])
    with jax.numpy_dtype_promotion("standard"):  # optax counts in integers
        return run(params, jax.random.split(key, rule.updates))


def pretraining_regret(problem: "GroupProblem", rule: ContextualGroup) -> Pretraining:
    """The most that any frozen follower would gain by its best policy, exactly, over all commitments or many random ones.

    ``share_best`` is the share of commitments under which followers count as settled.
    """
    commitments, every = every_or_random(problem.commitments, rule.seed + 1)

    @jax.jit
    def regret(made: Array) -> Array:
        induced, policy = problem.tabulate(made), frozen_policy(problem, rule, made)
        return problem.gaps(induced, policy, joint_values(induced, problem.length, policy)).max(axis=0)

    parts = jnp.array_split(commitments, -(-len(commitments) // JUDGED_AT_ONCE))
    lost = np.concatenate([np.asarray(regret(part)) for part in parts])
    share = float((lost <= problem.settled_gap).mean())
    return Pretraining(share, float(lost.mean()), float(lost.max()), len(lost), every)
