"""What a learner finds that a frozen follower could gain by another policy, under one commitment.

It is a lower bound of what there is to gain: a better learner might find more.
"""

from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp

from stackjax.acting import Acting
from stackjax.arrays import draw_category
from stackjax.markov.groups.sampled.game import PlayedGroupGame
from stackjax.markov.groups.sampled.learning import Learner
from stackjax.markov.groups.sampled.play import Answer, answer_of, contexts, episode_payoffs, lead_of, play_out
from stackjax.markov.groups.sampled.pretraining import networks_of
from stackjax.types import Array, PRNGKey, PyTree

if TYPE_CHECKING:
    from stackjax.markov.groups.sampled.followers import PlayedContextual

__all__ = ["gains_found"]

SOFTENED = 0.3  # what a follower's logits are multiplied by where its deviations start, so that they explore


def gains_found(
    game: PlayedGroupGame,
    rule: "PlayedContextual",
    policy: PyTree,
    acting: Acting,
    key: PRNGKey,
    num_groups: int,
    group_size: int,
) -> Array:
    """``[N, G M]`` what each follower gained in each of fresh episodes by the policy that a learner found, game units.

    The learner starts with the follower's own networks and plays against the others' frozen ones. Policies are learned on other
    draws than they are judged on; gains are of the same chances with and without.

    Args:
      game: the rules.
      rule: how long it learns, and in how many episodes each time.
      policy: of the frozen followers, see `pretrained`.
      acting: the commitment.
      key: of all draws.
      num_groups: G of ``group_size`` episodes each.
      group_size: M.
    """
    networks, lead, count = networks_of(game, rule), lead_of(jax.tree.map(lambda leaf: leaf[None], acting)), game.num_followers
    context = contexts(game.leader_actions, policy["probes"], lead)
    frozen = answer_of(networks, policy["actor"], context)
    learner = Learner(game, networks, rule.pretraining_rate, rule.entropy_coefficient, rule.deviation_updates)
    learn_key, judge_key = jax.random.split(key)

    def deviating(actors: PyTree, *, is_greedy: bool) -> Answer:
        """In the ``i``-th of N equal parts of the episodes follower ``i`` acts by ``actors``, the others as they are."""

        def answer(seen: Array, uniforms: Array) -> Array:
            logits = networks.logits(actors, seen.reshape(count, 1, -1, seen.shape[-1]), context)[:, 0]  # [N, M, A]
            parts = uniforms.reshape(count, -1, count)
            own = jnp.moveaxis(jnp.diagonal(parts, axis1=0, axis2=2), -1, 0)
            chosen = logits.argmax(axis=-1).astype(jnp.int32) if is_greedy else draw_category(own, logits)
            others = frozen(seen, uniforms).reshape(count, -1, count)
            is_own = jnp.eye(count, dtype=bool)[:, None]
            return jnp.where(is_own, chosen[..., None], others).reshape(-1, count)

        return answer

    def own_of(leaf: Array) -> Array:
        """``[N, 1, M, T]`` of each follower in its part of ``leaf [T, N M, N]``."""
        parts = leaf.reshape(game.horizon, count, -1, count)
        return jnp.moveaxis(jnp.diagonal(parts, axis1=1, axis2=3), -1, 0).swapaxes(1, 2)[:, None]

    def update(carry: tuple[PyTree, PyTree], now: tuple[PRNGKey, Array]) -> tuple[tuple[PyTree, PyTree], None]:
        (params, held), (key, number) = carry, now
        keys = jax.random.split(key, count * rule.deviation_episodes)
        steps = play_out(game, keys, lead, deviating(params["actor"], is_greedy=False))
        seen = jnp.moveaxis(steps.seen.reshape(game.horizon, count, 1, -1, steps.seen.shape[-1]), 0, 3)
        lesson = learner.lesson(params, context, seen, own_of(steps.actions), own_of(steps.payoffs[..., 1:]))
        return learner.update(params, held, lesson, number), None

    last = len(rule.hidden_sizes)
    soften = lambda name, leaf: SOFTENED * leaf if name.endswith(str(last)) else leaf
    first = {"actor": {name: soften(name, leaf) for name, leaf in policy["actor"].items()}, "critic": policy["critic"]}
    numbers = jnp.arange(rule.deviation_updates, dtype=jnp.int32)
    lessons = jax.random.split(learn_key, rule.deviation_updates), numbers
    found = jax.lax.scan(update, (first, learner.init(first)), lessons)[0][0]["actor"]

    def gained(key: PRNGKey) -> Array:
        keys = jax.random.split(key, group_size)
        paid = lambda keys, answer: episode_payoffs(game, play_out(game, keys, lead, answer).payoffs)[:, 1:]
        parts = paid(jnp.concatenate([keys] * count), deviating(found, is_greedy=True)).reshape(count, group_size, count)
        return jnp.moveaxis(jnp.diagonal(parts, axis1=0, axis2=2), -1, 0) - paid(keys, frozen).T

    groups = jax.lax.map(gained, jax.random.split(judge_key, num_groups))
    return jnp.moveaxis(groups, 1, 0).reshape(count, -1)
