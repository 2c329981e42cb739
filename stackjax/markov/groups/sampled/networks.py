"""Followers' networks: policies and values of what a follower sees in a step, and of the commitment that it is under."""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["FollowerNetworks"]

CLOSED = -1e9  # the logit of an action that a follower does not have
FINAL = 0.01  # the gain of the last layer at first: policies start near even


class FollowerNetworks(NamedTuple):
    """Tanh layers of ``hidden_sizes`` for each follower, an actor and a critic; static.

    What is seen in a step has ``seen_size`` numbers, the commitment ``context_size``, of which the first layer's part is
    computed once for all steps.
    """

    num_actions: tuple[int, ...]
    seen_size: int
    context_size: int
    hidden_sizes: tuple[int, ...]

    def init(self, key: PRNGKey) -> PyTree:
        """``{"actor": ..., "critic": ...}``, leaves ``[N, ...]``."""
        count, widths = len(self.num_actions), (*self.hidden_sizes,)

        def layers(key: PRNGKey, num_outputs: int) -> dict[str, Array]:
            sizes, found = (*widths, num_outputs), dict[str, Array]()
            inputs = self.seen_size + self.context_size
            for k, size in enumerate(sizes):
                gain = FINAL if k == len(widths) else 2.0**0.5
                kernel = gain * jax.random.normal(jax.random.fold_in(key, k), (inputs, size)) / jnp.sqrt(float(inputs))
                found |= {f"kernel_{k}": kernel, f"bias_{k}": jnp.zeros(size)}
                inputs = size
            return found

        actors, critics = (jax.random.split(each, count) for each in jax.random.split(key))
        return {
            "actor": jax.vmap(lambda key: layers(key, max(self.num_actions)))(actors),
            "critic": jax.vmap(lambda key: layers(key, 1))(critics),
        }

    def _through(self, layers: dict[str, Array], seen: Array, context: Array) -> Array:
        """``[N, C, R, outputs]`` of what all followers have ``seen [C, R, F]``, or each its own ``[N, C, R, F]``.

        Matrices are multiplied by rows of all commitments at once, those of all followers side by side where they see the same.
        """
        count, (commitments, rows) = len(self.num_actions), seen.shape[-3:-1]
        kernel, flat = layers["kernel_0"], seen.reshape(*seen.shape[:-3], commitments * rows, seen.shape[-1])
        own = kernel[:, : self.seen_size]
        if seen.ndim == 3:
            beside = jnp.moveaxis(own, 0, 1).reshape(own.shape[1], -1)
            x = jnp.moveaxis((flat @ beside).reshape(len(flat), count, -1), 1, 0)
        else:
            x = flat @ own
        known = context[None] @ kernel[:, self.seen_size :] + layers["bias_0"][:, None]
        x = (x.reshape(count, commitments, rows, -1) + known[:, :, None]).reshape(count, commitments * rows, -1)
        for k in range(1, len(self.hidden_sizes) + 1):
            x = jnp.tanh(x) @ layers[f"kernel_{k}"] + layers[f"bias_{k}"][:, None]
        return x.reshape(count, commitments, rows, -1)

    def logits(self, actors: dict[str, Array], seen: Array, context: Array) -> Array:
        """``[N, C, R, A]`` of followers who have ``seen [C, R, F]``, or each ``[N, C, R, F]``, under ``context [C, X]``."""
        is_open = jnp.arange(max(self.num_actions), dtype=jnp.int32)[None] < jnp.asarray(self.num_actions, jnp.int32)[:, None]
        return jnp.where(is_open[:, None, None], self._through(actors, seen, context), CLOSED)

    def values(self, critics: dict[str, Array], seen: Array, context: Array) -> Array:
        """``[N, C, R]`` what followers expect to be paid from a step on, as shares of their payoff ranges."""
        return self._through(critics, seen, context)[..., 0]
