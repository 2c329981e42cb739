"""Search over commitments themselves: islands of evolving commitments, each judged by what its followers' answer pays exactly.

Discrete actions: the cross-entropy method (Rubinstein 1999) with a categorical per node, and changes of single nodes of the
elite. Boxes: an elitist evolution strategy whose children are Gaussian changes of annealed size, crossovers, and differential
evolution (Storn and Price 1997), which takes the size and direction of a change from how the elite differs. No network and no
critic: one Stackelberg episode is one commitment against one fresh group of followers.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp

from stackjax.arrays import lead
from stackjax.errors import require_is, require_key
from stackjax.games.spaces import Box, Discrete
from stackjax.problem import Metrics, Problem, Solver, Table, Worth
from stackjax.solvers.config import DirectConfig
from stackjax.types import Array, PRNGKey

__all__ = ["DirectState", "Elite", "direct"]


class Elite(NamedTuple):
    """Commitments and what they have led to so far, over all groups of followers that each has met.

    Attributes:
      commitments: ``[G, M, O, ...]``, G islands, best first.
      score: ``[G, M]`` mean of the payoff, less the payoff's range for each group that did not settle, game units.
      payoff: ``[G, M]`` mean, game units.
      gap: ``[G, M]`` largest, game units.
      groups: ``[G, M]`` how many groups of followers, as floats; 0 for what has met none.
    """

    commitments: Array
    score: Array
    payoff: Array
    gap: Array
    groups: Array


class DirectState(NamedTuple):
    """Everything that an update reads and writes.

    Attributes:
      key: of all chance to come.
      update: int, updates behind.
      elite: what the islands keep.
      root: int ``[G]``, the island that each one descends from; those of one root breed together.
      probabilities: ``[G, O, n]`` of the actions at every node; None for a box.
    """

    key: PRNGKey
    update: Array
    elite: Elite
    root: Array
    probabilities: Array | None


def direct(problem: Problem, config: DirectConfig | None = None) -> Solver:
    """Evolve commitments of ``problem``; see the module. ``solver.commitment`` is the best that met enough groups.

    Raises:
      InputError: ``config`` is no `DirectConfig`.
    """
    config = DirectConfig() if config is None else config
    require_is("config", config, DirectConfig, "a DirectConfig, for example DirectConfig(population=64)")
    table, space = problem.commitments, problem.commitments.actions
    islands, size, again = config.num_islands, config.island_size, config.num_rechecked

    def init(key: PRNGKey) -> DirectState:
        require_key(key)
        none = jnp.zeros((islands, config.num_elites))
        commitments = jnp.broadcast_to(space.zeros(), (*none.shape, table.num_nodes, *space.shape))
        uniform = jnp.full((islands, table.num_nodes, space.n), 1.0 / space.n) if isinstance(space, Discrete) else None
        return DirectState(key, jnp.int32(0), Elite(commitments, none, none, none, none), jnp.arange(islands), uniform)

    def update(state: DirectState) -> tuple[DirectState, Metrics]:
        key, first_key, breed_key, tremble_key, worth_key = jax.random.split(state.key, 5)
        progress = state.update.astype(jnp.result_type(float)) / config.num_updates
        home, root = homes(state.elite.score[:, 0], state.root, progress / config.islands_until)
        elite, probabilities = jax.tree.map(lambda leaf: leaf[home], (state.elite, state.probabilities))
        parents = elite.commitments.reshape(-1, *elite.commitments.shape[2:])

        def breed(key: PRNGKey, own: Array, probabilities: Array | None) -> Array:
            weights = rank_weights(jnp.where((root == own)[:, None] & (elite.groups > 0), elite.score, -jnp.inf).ravel())
            if isinstance(space, Discrete):
                assert probabilities is not None
                return discrete_children(key, parents, weights, probabilities, size - again)
            return box_children(key, space, parents, weights, step_size(config, progress), size - again)

        bred = jax.vmap(breed)(jax.random.split(breed_key, islands), root, probabilities)
        tried = jnp.concatenate([elite.commitments[:, :again], bred], axis=1)
        tried = jnp.where(state.update == 0, first_population(first_key, table, islands, size), tried)
        played = tried.reshape(islands * size, *tried.shape[2:])
        if isinstance(space, Box):
            played = trembled(tremble_key, space, played, config.tremble)
        worth = problem.worth(worth_key, played)
        once = judged_once(problem, tried, Worth(*(leaf.reshape(islands, size) for leaf in worth)))
        elite = jax.vmap(lambda kept, new: merge(kept, new, config.num_elites))(elite, once)
        found = best_of(elite, config.trusted_groups)
        metrics = {
            "episodes": jnp.float32(config.population),
            "total_return": worth.payoff.sum(),
            "is_finite": jnp.isfinite(worth.payoff).all() & jnp.isfinite(worth.gap).all(),
            "best_payoff": found.payoff,
            "best_gap": found.gap,
            "settled_share": (worth.gap <= problem.settled_gap).mean(),
        }
        if isinstance(space, Discrete):
            probabilities = jax.vmap(lambda before, kept: moved(config, before, kept))(probabilities, elite)
            metrics["entropy"] = -jax.scipy.special.xlogy(probabilities, probabilities).sum(axis=-1).mean()
        else:
            metrics["step_size"] = step_size(config, progress)
        return DirectState(key, state.update + 1, elite, root, probabilities), metrics

    commitment = lambda state: best_of(state.elite, config.trusted_groups).commitments
    return Solver(init, update, commitment, commitments_at_once=config.population)


def homes(best: Array, root: Array, progress: Array) -> tuple[Array, Array]:
    """Which roots are given up, worst first, until at ``progress`` 1 one is left: their islands start anew as the best.

    Args:
      best: ``[G]`` the score of each island's best.
      root: ``[G]`` the island that each one descends from.

    Returns:
      ``[G]`` the island whose elite each has now: its own, or the best one's; and ``[G]`` the roots after that.
    """
    islands = jnp.arange(len(root))
    of_root = jnp.where(root[:, None] == root[None], best[None], -jnp.inf).max(axis=-1)
    ahead = (of_root[None] > of_root[:, None]) | ((of_root[None] == of_root[:, None]) & (islands[None] < root[:, None]))
    rank = (ahead & (root == islands)[None]).sum(axis=-1)
    survivors = jnp.maximum(jnp.ceil(len(root) * (1.0 - progress)), 1.0)
    given_up = rank.astype(survivors.dtype) >= survivors
    home = jnp.where(given_up, jnp.argmax(best), islands)
    return home, root[home]


def first_population(key: PRNGKey, table: Table, islands: int, size: int) -> Array:
    """``[G, size, O, ...]`` random commitments, and on the first island the plainest before them.

    Plainest: the same action at every node; in a box, one entry high and the others low, all low, all high, the reverse.
    """
    space, everywhere = table.actions, (islands, size, table.num_nodes)
    if isinstance(space, Discrete):
        plain, drawn = jnp.arange(space.n, dtype=jnp.int32), jax.random.randint(key, everywhere, 0, space.n, jnp.int32)
    else:
        unit, ends = jnp.eye(space.shape[0]), jnp.array([[0.0], [1.0]]) * jnp.ones((1, space.shape[0]))
        plain, power_key = jnp.concatenate([unit, ends, 1.0 - unit]), jax.random.fold_in(key, 1)
        power = 30.0 ** jnp.maximum(jax.random.uniform(power_key, (islands, size, 1, 1), minval=-1.0), 0.0)
        drawn = jax.random.uniform(key, (*everywhere, *space.shape)) ** power
        plain, drawn = _into(space, plain), _into(space, drawn)
    plain = plain[: size // 2]
    same = jnp.broadcast_to(plain[:, None], (len(plain), table.num_nodes, *space.shape))
    return drawn.at[0, : len(plain)].set(same)


def discrete_children(key: PRNGKey, parents: Array, weights: Array, probabilities: Array, count: int) -> Array:
    """``[count, O]``: half drawn node by node, half one of ``parents [E, O]`` with about one node drawn uniformly."""
    keys = jax.random.split(key, 4)
    num_nodes, n = probabilities.shape
    drawn = jax.random.categorical(keys[0], jnp.log(probabilities), shape=(count, num_nodes)).astype(parents.dtype)
    parent = parents[pick(keys[1], weights, count)]
    changes = jax.random.uniform(keys[2], (count, num_nodes)) < 1.5 / num_nodes
    changed = jnp.where(changes, jax.random.randint(keys[3], (count, num_nodes), 0, n, parents.dtype), parent)
    return jnp.where((jnp.arange(count) % 2 == 0)[:, None], drawn, changed)


def moved(config: DirectConfig, probabilities: Array, elite: Elite) -> Array:
    """``probabilities [O, n]`` moved towards what an island's elite does, the better weighing more; above a floor."""
    n = probabilities.shape[-1]
    weight = rank_weights(jnp.where(elite.groups > 0, elite.score, -jnp.inf))
    shares = weight @ jax.nn.one_hot(elite.commitments, n).reshape(len(weight), -1)
    target = (1.0 - config.least_probability) * shares.reshape(-1, n) + config.least_probability / n
    return (1.0 - config.smoothing) * probabilities + config.smoothing * target


def rank_weights(score: Array) -> Array:
    """``[E]`` summing to 1, falling with the logarithm of the rank (Hansen and Ostermeier 2001); 0 where ``score`` is -inf."""
    float_dtype = score.dtype
    rank = jnp.argsort(jnp.argsort(-score)).astype(float_dtype)
    among = score > -jnp.inf
    weight = jnp.where(among, jnp.log(among.sum().astype(float_dtype) + 0.5) - jnp.log(rank + 1.0), 0.0)
    weight = jnp.where(among.any(), weight, jnp.ones_like(weight))
    return weight / weight.sum()


def pick(key: PRNGKey, weights: Array, count: int) -> Array:
    """``[count]`` places of ``weights [E]`` that are not 0, all equally likely."""
    return jax.random.categorical(key, jnp.where(weights > 0, 0.0, -jnp.inf), shape=(count,))


def box_children(key: PRNGKey, space: Box, parents: Array, weights: Array, step: Array, count: int) -> Array:
    """``[count, O, d]`` from elite commitments ``parents [E, O, d]``, of which those with ``weights [E]`` above 0 breed.

    Of three kinds: draws from the Gaussian that has the elite's mean and covariance; an elite moved by the difference of two
    others; and an elite, or two of them crossed, with Gaussian changes of some entries.
    """
    keys = iter(jax.random.split(key, 16))
    scaled = _out_of(space, parents)
    _, num_nodes, width = scaled.shape
    draw = lambda *shape: jax.random.uniform(next(keys), shape)
    parent = lambda: scaled[pick(next(keys), weights, count)]
    breeds = (weights > 0).astype(scaled.dtype)
    from_mean = scaled - jnp.tensordot(breeds / breeds.sum(), scaled, 1)[None]
    mix = jax.random.normal(next(keys), (count, len(weights))) * (breeds / breeds.sum() ** 0.5)[None]
    noise = jax.random.normal(next(keys), (count, num_nodes, width))
    sampled = jnp.tensordot(weights, scaled, 1)[None] + 1.2 * jnp.tensordot(mix, from_mean, 1) + 0.5 * step * noise
    start = parent()
    few = draw(count, num_nodes, width) < jnp.where(draw(count, 1, 1) < 0.5, 1.0, 1.0 / width)
    crossed = jnp.where(draw(count, num_nodes, width) < 0.5, parent(), start)
    changed = jnp.where(draw(count, 1, 1) < 0.3, crossed, start) + jnp.where(few, step * noise, 0.0)
    moved = start + (0.5 + 0.5 * draw(count, 1, 1)) * (parent() - parent()) + step * 0.1 * noise
    which = draw(count, 1, 1)
    return _into(space, jnp.where(which < 0.7, sampled, jnp.where(which < 0.85, moved, changed)))


def trembled(key: PRNGKey, space: Box, commitments: Array, size: float) -> Array:
    """``commitments [B, O, d]``, half of them, by lot, with Gaussian errors of deviation ``size``, a share of the box.

    Where a follower's tie pays most, what it answers is a matter of rounding. A commitment that pays only there does not last.
    """
    lot_key, noise_key = jax.random.split(key)
    off = jax.random.bernoulli(lot_key, 0.5, (len(commitments), 1, 1)).astype(commitments.dtype)
    noise = off * jax.random.normal(noise_key, commitments.shape, commitments.dtype)
    return _into(space, _out_of(space, commitments) + size * noise)


def step_size(config: DirectConfig, progress: Array) -> Array:
    """The largest deviation of a change, from the first to the last geometrically, as a share of the box."""
    return config.first_step * (config.last_step / config.first_step) ** progress


def judged_once(problem: Problem, commitments: Array, worth: Worth) -> Elite:
    """Commitments ``[G, B, O, ...]`` that have met one group of followers, worth ``[G, B]``."""
    low, high = problem.payoff_range
    finite = jnp.isfinite(worth.payoff) & jnp.isfinite(worth.gap)
    settled = worth.gap <= problem.settled_gap
    score = jnp.where(finite, worth.payoff - jnp.where(settled, 0.0, high - low), -jnp.inf)
    return Elite(commitments, score, worth.payoff, worth.gap, jnp.ones_like(worth.payoff))


def merge(kept: Elite, new: Elite, count: int) -> Elite:
    """The best ``count`` of two lists of commitments ``[M]`` and ``[B]``; what is known of one commitment is put together."""
    both = jax.tree.map(lambda *parts: jnp.concatenate(parts), kept, new)
    flat = both.commitments.reshape(len(both.groups), -1)
    same = (flat[:, None] == flat[None]).all(axis=-1)
    first = same.argmax(axis=-1)  # of those that are the same
    belongs = (jnp.arange(len(first))[:, None] == first[None]) & (both.groups > 0)[None]
    total = lambda known: jnp.where(belongs, known[None], 0.0).sum(axis=-1)
    groups = total(both.groups)
    mean = lambda known: total(known * both.groups) / jnp.maximum(groups, 1.0)
    gap = jnp.where(belongs, both.gap[None], 0.0).max(axis=-1)
    together = Elite(both.commitments, mean(both.score), mean(both.payoff), gap, groups)
    chosen = jax.lax.top_k(jnp.where(groups > 0, together.score, -jnp.inf), count)[1]
    return jax.tree.map(lambda leaf: leaf[chosen], together)


def best_of(elite: Elite, trusted_groups: int) -> Elite:
    """Of all islands the best commitment that met ``trusted_groups``, or of those that met the most if none did."""
    flat = jax.tree.map(lambda leaf: leaf.reshape(-1, *leaf.shape[2:]), elite)
    trusted = flat.groups >= jnp.minimum(float(trusted_groups), flat.groups.max())
    best = jnp.argmax(jnp.where(trusted, flat.score, -jnp.inf))
    return jax.tree.map(lambda leaf: leaf[best], flat)


def _into(space: Box, scaled: Array) -> Array:
    """From [0, 1] per entry, clipped, to the box."""
    low, high = _ends(space, scaled)
    scaled = jnp.clip(scaled, 0.0, 1.0)
    return low * (1.0 - scaled) + high * scaled


def _out_of(space: Box, actions: Array) -> Array:
    """From the box to [0, 1] per entry."""
    low, high = _ends(space, actions)
    return (actions - low) / (high - low)


def _ends(space: Box, like: Array) -> tuple[Array, Array]:
    low, high = (lead(jnp.asarray(end, like.dtype), like.ndim) for end in (space.low, space.high))
    return low, high
