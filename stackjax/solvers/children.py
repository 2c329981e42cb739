"""How `direct` makes new commitments from those that it keeps.

Each child has parents of its own, ``[count, m, O, ...]``, with weights ``[count, m]`` that sum to 1 and are 0 for those that do
not count. Boxes are scaled to [0, 1] in each entry.
"""

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import drawn, lead
from stackjax.problem import Nearby, Table
from stackjax.spaces import Box, Discrete
from stackjax.types import Array, PRNGKey

__all__ = ["ascended", "box_children", "discrete_children", "first_population", "from_unit", "strangers", "to_unit"]

LEAST_ROOM = 1e-7  # of a box or of the payoffs' scale, below which float32 tells nothing apart


def first_population(key: PRNGKey, table: Table, size: int) -> Array:
    """``[size, O, ...]`` random commitments, and before them the plainest.

    Plainest: the same action at every node; in a box, one entry high and the others low, all low, all high, the reverse.
    """
    space = table.actions
    if isinstance(space, Discrete):
        plain = jnp.arange(space.n, dtype=jnp.int32)
    else:
        unit, ends = jnp.eye(space.shape[0]), jnp.array([[0.0], [1.0]]) * jnp.ones((1, space.shape[0]))
        plain = from_unit(space, jnp.concatenate([unit, ends, 1.0 - unit]))
    plain = plain[: size // 2]
    same = jnp.broadcast_to(plain[:, None], (len(plain), table.num_nodes, *space.shape))
    return strangers(key, table, size).at[: len(plain)].set(same)


def strangers(key: PRNGKey, table: Table, count: int) -> Array:
    """``[count, O, ...]`` random commitments; in a box half of them with most entries near the low end."""
    draw_key, power_key = jax.random.split(key)
    drawn = table.draw(draw_key, count)
    if isinstance(table.actions, Discrete):
        return drawn
    power = 30.0 ** jnp.maximum(jax.random.uniform(power_key, (count, 1, 1), minval=-1.0), 0.0)
    return from_unit(table.actions, to_unit(table.actions, drawn) ** power)


def discrete_children(key: PRNGKey, space: Discrete, parents: Array, weights: Array) -> Array:
    """``[count, O]`` from ``parents [count, m, O]``: half take each node's action from another parent, half change one parent.

    Of the first, one node in twenty is drawn uniformly; of the second, about one node in all.
    """
    keys = jax.random.split(key, 4)
    count, _, num_nodes = parents.shape
    of_node = _pick(keys[0], weights, num_nodes)
    mixed = jnp.take_along_axis(parents, of_node[:, None], axis=1)[:, 0]
    start = jnp.take_along_axis(parents, _pick(keys[1], _equal(weights), 1)[:, None], axis=1)[:, 0]
    is_mixed = (jnp.arange(count) % 2 == 0)[:, None]
    changes = jax.random.uniform(keys[2], mixed.shape) < jnp.where(is_mixed, 0.05, 1.5 / num_nodes)
    drawn = jax.random.randint(keys[3], mixed.shape, 0, space.n, parents.dtype)
    return jnp.where(changes, drawn, jnp.where(is_mixed, mixed, start))


def box_children(key: PRNGKey, parents: Array, weights: Array, step: Array) -> Array:
    """``[count, O, d]`` from ``parents [count, m, O, d]``, of three kinds.

    Draws from the Gaussian that has the parents' mean and covariance; a parent moved by the difference of two others
    (differential evolution, Storn and Price 1997); and a parent, or two of them crossed, with Gaussian changes of size ``step``
    of some entries.
    """
    keys = jax.random.split(key, 16)
    count, _, num_nodes, width = parents.shape
    equal = _equal(weights)
    # What has the same shape is drawn at once: every draw of its own takes the compiler a second.
    draw = lambda places, *shape: jax.vmap(lambda key: drawn(jax.random.uniform, key, shape))(keys[np.array(places)])
    coins = draw([4, 7, 9, 10, 11, 12, 15], count, 1, 1)
    per_node, (per_entry, spread) = draw([3], count, num_nodes, 1)[0], draw([5, 8], count, num_nodes, width)
    picked = jax.vmap(lambda key: _pick(key, equal, 1)[:, 0], out_axes=1)(keys[np.array([2, 6, 13, 14])])
    start, second, third, fourth = jnp.moveaxis(jnp.take_along_axis(parents, picked[..., None, None], axis=1), 1, 0)

    mix = jax.random.normal(keys[0], weights.shape) * jnp.sqrt(equal)
    centred = weights + 1.2 * (mix - mix.sum(axis=-1, keepdims=True) * equal)
    noise = drawn(jax.random.normal, keys[1], (count, num_nodes, width))
    sampled = (centred[..., None, None] * parents).sum(axis=1) + 0.5 * step * noise
    crossed = jnp.where(jnp.where(coins[0] < 0.5, per_node, per_entry) < 0.5, second, start)
    where_changed = (per_node * num_nodes < 1.5) | (coins[1] < 0.3)
    where_changed &= spread < jnp.where(coins[2] < 0.5, 1.0, 1.0 / width)
    size = step ** coins[3]  # from the whole box down to step, as likely in every order of magnitude
    changed = jnp.where(coins[4] < 0.5, crossed, start) + jnp.where(where_changed, size * noise, 0.0)
    moved = start + (0.5 + 0.5 * coins[5]) * (third - fourth) + step * 0.1 * noise
    return jnp.clip(jnp.where(coins[6] < 0.6, sampled, jnp.where(coins[6] < 0.8, moved, changed)), 0.0, 1.0)


def _equal(weights: Array) -> Array:
    among = (weights > 0).astype(weights.dtype)
    return among / among.sum(axis=-1, keepdims=True)


def _pick(key: PRNGKey, weights: Array, times: int) -> Array:
    """``[count, times]`` columns, drawn with probabilities ``weights [count, m]``."""
    uniform = jax.random.uniform(key, (len(weights), times))
    below = jnp.cumsum(weights, axis=-1)[:, None] <= uniform[..., None]
    last = (weights > 0).sum(axis=-1, keepdims=True) - 1  # the sum may be rounded to less than 1
    return jnp.minimum(below.sum(axis=-1), last)


def ascended(key: PRNGKey, nearby: Nearby, slopes: Nearby, start: Array, tie: float, scale: float) -> Array:
    """``start [D]`` moved up the slope of the payoff, most of the way to where a follower would answer otherwise.

    The direction is that of affine scaling (Dikin 1967), in which entries and slacks count in proportion to how much room they
    leave.

    Args:
      nearby, slopes: at ``start``, and its derivatives, ``[D]`` and ``[M, D]``.
      tie: the slack that is left to followers at least.
      scale: of the payoffs.
    """
    room = jnp.maximum((nearby.slack - 2.0 * tie) / scale, LEAST_ROOM)
    binds = jnp.abs(slopes.slack).max(axis=-1, initial=0.0) > 0
    pull = jnp.where(binds[:, None], slopes.slack / scale, 0.0) / room[:, None]  # [M, D]
    down, up = jnp.maximum(start, LEAST_ROOM), jnp.maximum(1.0 - start, LEAST_ROOM)
    width = jnp.minimum(down, up)
    scaled = pull * width[None]
    metric = jnp.matmul(scaled.T, scaled, precision="highest") + jnp.diag((width / down) ** 2 + (width / up) ** 2)
    direction = width * solved(metric + 1e-6 * jnp.eye(len(start)), width * slopes.payoff)
    ways = jnp.concatenate([-jnp.matmul(pull, direction, precision="highest"), -direction / down, direction / up])
    most = jnp.maximum(ways.max(), jnp.finfo(ways.dtype).tiny)
    share = 1.0 - 0.5 * jax.random.uniform(key) ** 2
    moved = jnp.clip(start + share / most * direction, 0.0, 1.0)
    return jnp.where(jnp.isfinite(moved).all(), moved, start)


def restored(slack: Array, slopes: Array, start: Array, margin: Array) -> Array:
    """``start [D]`` moved by the least squares step that gives every ``slack [M]`` below ``margin`` that margin."""
    short = jnp.maximum(margin - slack, 0.0)
    binds = (short > 0) & (jnp.abs(slopes).max(axis=-1, initial=0.0) > 0)
    pull = jnp.where(binds[:, None], slopes, 0.0)
    metric = jnp.matmul(pull.T, pull, precision="highest") + 1e-4 * jnp.eye(len(start))
    step = solved(metric, jnp.matmul(pull.T, jnp.where(binds, short, 0.0), precision="highest"))
    moved = jnp.clip(start + step, 0.0, 1.0)
    return jnp.where(jnp.isfinite(moved).all(), moved, start)


def solved(matrix: Array, vector: Array) -> Array:
    """``x [D]`` with ``matrix x = vector``, for a matrix that is symmetric and positive definite, by Gauss-Jordan elimination.

    Not by LAPACK: on CPUs, two programs side by side that each call it for a batch wait for each other for ever.
    """

    def eliminated(k: Array, rows: Array) -> Array:
        pivot = rows[k] / rows[k, k]
        return (rows - rows[:, k, None] * pivot[None]).at[k].set(pivot)

    return jax.lax.fori_loop(0, len(vector), eliminated, jnp.concatenate([matrix, vector[:, None]], axis=1))[:, -1]


def from_unit(space: Box, scaled: Array) -> Array:
    """From [0, 1] per entry, clipped, to the box."""
    low, high = _ends(space, scaled)
    scaled = jnp.clip(scaled, 0.0, 1.0)
    return low * (1.0 - scaled) + high * scaled


def to_unit(space: Box, actions: Array) -> Array:
    """From the box to [0, 1] per entry."""
    low, high = _ends(space, actions)
    return (actions - low) / (high - low)


def _ends(space: Box, like: Array) -> tuple[Array, Array]:
    low, high = (lead(jnp.asarray(end, like.dtype), like.ndim) for end in (space.low, space.high))
    return low, high
