"""How followers learn from episodes: proximal policy optimisation (Schulman et al. 2017), each for itself.

The same learner trains all followers together beforehand, and looks for what one of them could gain by another policy.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from stackjax.markov.groups.sampled.game import PlayedGroupGame
from stackjax.markov.groups.sampled.networks import FollowerNetworks
from stackjax.solvers.network import stepped
from stackjax.types import Array, PyTree

__all__ = ["Learner", "Lesson"]

TRACE = 0.95  # λ of advantages
CLIP = 0.2  # of the ratio of chances
EPOCHS, PARTS = 4, 4  # of the steps of an update
LEAST = -100.0  # of a log of a chance, of which the entropy makes nothing


class Lesson(NamedTuple):
    """What followers have lived through under ``C`` commitments, ``R`` steps each.

    Attributes:
      seen: ``[C, R, F]`` where all have seen the same, else ``[N, C, R, F]``.
      context: ``[C, X]`` of the commitments.
      actions, log_probs: ``[N, C, R]`` what each did, and how likely that was.
      advantages, targets: ``[N, C, R]`` of these actions, of mean 0 and variance 1 for each follower; what values should be.
    """

    seen: Array
    context: Array
    actions: Array
    log_probs: Array
    advantages: Array
    targets: Array


class Learner(NamedTuple):
    """``num_updates`` updates of followers' networks, with a step size and an entropy bonus that fall to zero.

    Attributes:
      game: the rules.
      networks: of the followers.
      rate: Adam's step size at the start.
      entropy: weight of the entropy at the start, beside advantages of variance 1.
      num_updates: see above.
    """

    game: PlayedGroupGame
    networks: FollowerNetworks
    rate: float
    entropy: float
    num_updates: int

    def init(self, params: PyTree) -> PyTree:
        """The optimiser's state at the start."""
        return optax.adam(self.rate).init(params)

    def lesson(self, params: PyTree, context: Array, seen: Array, actions: Array, payoffs: Array) -> Lesson:
        """The lesson of episodes that followers have played.

        Args:
          params: of the networks by which each follower has acted.
          context: ``[C, X]`` of the commitments.
          seen: ``[C, E, T, F]``, or ``[N, C, E, T, F]`` where each follower has its own episodes.
          actions: int ``[N, C, E, T]``.
          payoffs: ``[N, C, E, T]`` what steps paid each follower, game units.
        """
        networks, discount, (episodes, steps) = self.networks, self.game.discount, actions.shape[2:]
        seen = seen.reshape(*seen.shape[:-3], episodes * steps, seen.shape[-1])
        joined = lambda leaf: leaf.reshape(*leaf.shape[:2], episodes * steps)
        log_probs = _log_prob(networks.logits(params["actor"], seen, context), joined(actions))
        values = networks.values(params["critic"], seen, context).reshape(payoffs.shape)
        low, high = (
            jnp.asarray(end, payoffs.dtype).reshape(-1, 1, 1, 1) for end in zip(*self.game.episode_bounds[1:], strict=True)
        )
        following = jnp.concatenate([values[..., 1:], jnp.zeros_like(values[..., :1])], axis=-1)
        surprise = payoffs / (high - low) + discount * following - values

        def back(after: Array, now: Array) -> tuple[Array, Array]:
            advantage = now + discount * TRACE * after
            return advantage, advantage

        found = jax.lax.scan(back, jnp.zeros_like(surprise[..., 0]), jnp.moveaxis(surprise, -1, 0), reverse=True)[1]
        gains = jnp.moveaxis(found, 0, -1)
        middle, spread = (how(gains, axis=(1, 2, 3), keepdims=True) for how in (jnp.mean, jnp.std))
        advantages = (gains - middle) / (spread + 1e-8)
        return Lesson(seen, context, joined(actions), log_probs, joined(advantages), joined(gains + values))

    def update(self, params: PyTree, held: PyTree, lesson: Lesson, count: Array) -> tuple[PyTree, PyTree]:
        """Parameters, and the optimiser's state, after all epochs of a lesson, update ``count`` from 0."""
        networks, left = self.networks, 1.0 - count.astype(lesson.advantages.dtype) / self.num_updates
        rule, rows = optax.adam(self.rate * left), lesson.targets.shape[2]
        size = rows // min(PARTS, rows)

        def loss(params: PyTree, part: Array) -> Array:
            cut = lambda leaf, axis: jax.lax.dynamic_slice_in_dim(leaf, part * size, size, axis)
            seen = cut(lesson.seen, lesson.seen.ndim - 2)
            actions, old, gains, goals = (cut(leaf, 2) for leaf in lesson[2:])
            logs = jax.nn.log_softmax(networks.logits(params["actor"], seen, lesson.context))
            entropy = -(jnp.exp(logs) * jnp.maximum(logs, LEAST)).sum(axis=-1).mean(axis=(1, 2))
            ratio = jnp.exp(_picked(logs, actions) - old)
            gained = jnp.minimum(ratio * gains, jnp.clip(ratio, 1.0 - CLIP, 1.0 + CLIP) * gains).mean(axis=(1, 2))
            missed = ((networks.values(params["critic"], seen, lesson.context) - goals) ** 2).mean(axis=(1, 2))
            return (missed - gained - self.entropy * left * entropy).sum()

        def step(carry: tuple[PyTree, PyTree], part: Array) -> tuple[tuple[PyTree, PyTree], None]:
            return stepped(rule, carry[0], jax.grad(loss)(carry[0], part), carry[1]), None

        parts = jnp.tile(jnp.arange(rows // size, dtype=jnp.int32), EPOCHS)
        return jax.lax.scan(step, (params, held), parts)[0]


def _log_prob(logits: Array, actions: Array) -> Array:
    return _picked(jax.nn.log_softmax(logits), actions)


def _picked(logs: Array, actions: Array) -> Array:
    return jnp.take_along_axis(logs, actions[..., None], axis=-1)[..., 0]
