"""The principals of the literature: bandits whose arms are all commitments, on a grid where they are numbers.

An arm is worth the mean payoff of its pulls, less what its mean gap costs by `unsettled`, on a scale where the leader's payoff
range is [0, 1]; 0 before its first pull. One that a bandit never pulled cannot be what it commits to.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import lead
from stackjax.errors import InputError, count_in_words, require_is, require_key
from stackjax.problem import Metrics, Problem, Solver, Table
from stackjax.solvers.config import BanditConfig
from stackjax.solvers.grids import grid_points, num_grid_points
from stackjax.solvers.ranking import search_metrics, unsettled
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey

__all__ = [
    "MOST_ARMS",
    "BanditState",
    "bandit",
    "bandit_caveat",
    "commitments_of_arms",
    "epsilon_greedy",
    "num_arms_of",
    "thompson",
    "ucb",
]

MOST_ARMS = 4_000_000  # of which an update looks at each
BYTES_PER_ARM = 16  # that an update takes beside the state


class BanditState(NamedTuple):
    """What is known of each arm: ``pulls [C]``, int, and the means ``payoff [C]`` and ``gap [C]`` over them, game units.

    Means are kept, and not sums, so that what is paid again and again is exactly what an arm pays.
    """

    key: PRNGKey
    pulls: Array
    payoff: Array
    gap: Array


def ucb(values: Array, pulls: Array, exploration: Array | float) -> Array:
    """The first arm that was not pulled; when there is none, the largest ``value + exploration * sqrt(ln t / pulls)``.

    ``t`` counts all pulls and this one. Auer, Cesa-Bianchi and Fischer 2002, UCB1, where ``exploration`` is ``sqrt(2)``.
    """
    counts, log_time = pulls.astype(values.dtype), jnp.log((pulls.sum() + 1).astype(values.dtype))
    bounds = values + exploration * jnp.sqrt(log_time / jnp.maximum(counts, 1.0))
    return _first_largest(jnp.where(pulls == 0, jnp.inf, bounds))


def epsilon_greedy(values: Array, epsilon: Array, uniform: Array, other: Array) -> Array:
    """The first of the largest values; the arm ``other``, which was drawn, where ``uniform`` is below ``epsilon``."""
    return jnp.where(uniform < epsilon, other, _first_largest(values))


def thompson(values: Array, pulls: Array, normals: Array, config: BanditConfig) -> Array:
    """The largest of one draw from each arm's posterior (Thompson 1933), made of standard ``normals [C]``.

    An arm's worth is normal with the mean and deviation of ``config``'s prior, and a pull normal around it with its noise.
    """
    weight = (config.noise / config.prior_deviation) ** 2  # of the prior, in pulls
    counts = pulls.astype(values.dtype) + weight
    centre = (weight * config.prior_mean + pulls.astype(values.dtype) * values) / counts
    return _first_largest(centre + normals * config.noise / jnp.sqrt(counts))


def _first_largest(numbers: Array) -> Array:
    """`argmax`, in two reductions that a CPU computes several numbers at a time."""
    return jnp.where(numbers == numbers.max(), jnp.arange(len(numbers), dtype=jnp.int32), len(numbers) - 1).min()


def bandit(problem: Problem, config: BanditConfig | None = None) -> Solver:
    """Pull ``config.population`` arms in each of ``config.num_updates`` updates; it commits to the best mean.

    Of equal means that of most pulls counts, and of these the first arm; ``tied_arms`` says how many are equal.

    Raises:
      InputError: ``config`` is no `BanditConfig`, or there are more than `MOST_ARMS` arms.
    """
    config = BanditConfig() if config is None else config
    require_is("config", config, BanditConfig, "a BanditConfig, for example BanditConfig(rule='thompson')")
    num_arms = num_arms_of(problem, config)
    commitments = commitments_of_arms(problem.commitments, config.levels)
    low, high = problem.payoff_range

    def init(key: PRNGKey) -> BanditState:
        require_key(key)
        nothing = jnp.zeros(num_arms)
        known = jax.lax.optimization_barrier((jnp.zeros(num_arms, jnp.int32), nothing, nothing))  # no constants to work out
        return BanditState(key, *known)

    def values_of(state: BanditState) -> Array:
        value = (state.payoff - unsettled(problem, state.gap) - low) / jnp.maximum(high - low, 1e-30)
        return jnp.where(state.pulls > 0, value, 0.0)

    def chosen(key: PRNGKey, values: Array, state: BanditState, pulls: Array) -> Array:
        """An arm, where those of the batch before it count in ``pulls``."""
        if config.rule == "ucb":
            return ucb(values, pulls, config.exploration)
        if config.rule == "thompson":
            return thompson(values, state.pulls, jax.random.normal(key, (num_arms,)), config)
        uniform_key, other_key = jax.random.split(key)
        epsilon = config.epsilon / (1.0 + config.epsilon_decay * state.pulls.sum().astype(values.dtype))
        other = jax.random.randint(other_key, (), 0, num_arms, jnp.int32)
        return epsilon_greedy(values, epsilon, jax.random.uniform(uniform_key), other)

    def best_of(state: BanditState) -> tuple[Array, Array]:
        """The arm to commit to, and how many arms are as good."""
        values = jnp.where(state.pulls > 0, values_of(state), -jnp.inf)
        is_best = values == values.max()
        return _first_largest(jnp.where(is_best, state.pulls, -1)), (is_best & (state.pulls > 0)).sum()

    def update(state: BanditState) -> tuple[BanditState, Metrics]:
        key, choose_key, worth_key = jax.random.split(state.key, 3)
        values = values_of(state)

        def pull(pulls: Array, key: PRNGKey) -> tuple[Array, Array]:
            arm = chosen(key, values, state, pulls)
            return pulls.at[arm].add(1), arm

        pulls, arms = jax.lax.scan(pull, state.pulls, jax.random.split(choose_key, config.population))
        worth = problem.worth(worth_key, commitments(arms))
        is_finite = jnp.isfinite(worth.payoff) & jnp.isfinite(worth.gap)

        def mean(before: Array, seen: Array) -> Array:  # over all pulls; what is not finite stays so
            step = (seen.astype(before.dtype) - before[arms]) / pulls[arms].astype(before.dtype)
            return before.at[arms].add(jnp.where(jnp.isfinite(before[arms]), step, 0.0))

        payoff = mean(state.payoff, jnp.where(is_finite, worth.payoff, -jnp.inf))
        after = BanditState(key, pulls, payoff, mean(state.gap, jnp.where(is_finite, worth.gap, jnp.inf)))
        best, num_best = best_of(after)
        metrics = search_metrics(problem, worth, is_finite, after.payoff[best], after.gap[best])
        counts = {"tried_arms": (pulls > 0).sum(), "tied_arms": num_best}
        return after, {**metrics, **{name: count.astype(values.dtype) for name, count in counts.items()}}

    commitment = lambda state: commitments(best_of(state)[0][None])[0]
    own_bytes = BYTES_PER_ARM * num_arms
    # Arms are long arrays, as networks have: compiled as these are, an update takes half of the time with 20,000 of them.
    return Solver(init, update, commitment, commitments_at_once=config.population, own_bytes=own_bytes, has_network=True)


def bandit_caveat(problem: Problem, config: BanditConfig) -> str:
    """That it could not try every arm, and that what it learned is from a grid; else an empty string."""
    num_arms, pulls, said = num_arms_of(problem, config), config.num_updates * config.population, []
    if pulls < num_arms:
        said.append(f"There are {num_arms} arms and at most {pulls} pulls, so that some were never tried.")
    if not isinstance(problem.commitments.actions, Discrete):
        said.append(f"Best on the grid: it chooses each number from {config.levels} points; --polish leaves the grid.")
    return " ".join(said)


def num_arms_of(problem: Problem, config: BanditConfig) -> int:
    """How many arms there are; raises `InputError` for too many."""
    table = problem.commitments
    choices, entries = _digits(table, config.levels)
    count = choices**entries
    if count <= MOST_ARMS:
        return count
    has_grid = not isinstance(table.actions, Discrete)
    most = (
        next((one for one in range(config.levels - 1, 1, -1) if pow(*_digits(table, one)) <= MOST_ARMS), 1) if has_grid else 1
    )
    grid = f" on a grid of levels={config.levels} points a number" if has_grid else ""
    fewer = f"lower levels to {most}, or " if most >= 2 else ""
    raise InputError(
        f"{problem.name!r} has {count_in_words(count)} commitments{grid}, and a bandit has an arm for each, at most "
        f"{MOST_ARMS}; {fewer}use --solver direct"
    )


def _digits(table: Table, levels: int) -> tuple[int, int]:
    """How many values each entry of a commitment may have, and how many entries it has; of a budget, an entry is a node."""
    space = table.actions
    if isinstance(space, Discrete):
        return space.n, table.num_nodes
    if space.budget is not None:
        return num_grid_points(space, levels), table.num_nodes
    return levels, table.num_nodes * len(space.low)


def commitments_of_arms(table: Table, levels: int) -> Callable[[Array], Array]:
    """``arms int [B] -> commitments [B, O, ...]``: the digits of an arm's number, the first entry's most significant."""
    choices, entries = _digits(table, levels)
    places = jnp.asarray([choices**k for k in reversed(range(entries))], jnp.int32)
    space = table.actions
    handed_out = None if isinstance(space, Discrete) or space.budget is None else grid_points(space, levels)

    def commitments(arms: Array) -> Array:
        digits = arms.astype(jnp.int32)[:, None] // lead(places, 2) % choices
        if handed_out is not None:
            return jnp.asarray(handed_out, jnp.result_type(float))[digits]
        digits = digits.reshape(len(arms), table.num_nodes, *space.shape)
        if isinstance(space, Discrete):
            return digits
        points = jnp.asarray(np.linspace(space.low, space.high, levels), jnp.result_type(float))
        return points[digits, lead(jnp.arange(len(space.low)), 3)]

    return commitments
