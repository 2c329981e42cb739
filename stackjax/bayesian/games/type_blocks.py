"""Types drawn from a joint table, from tables of groups of followers that are independent of each other, or by a function."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError, require, require_count
from stackjax.types import Array, ArrayLike, PRNGKey

__all__ = [
    "LARGEST_JOINT",
    "MOST_AXES",
    "TypeBlocks",
    "TypeSampler",
    "check_type_prior",
    "check_types",
    "joint_or_blocks",
    "types_of",
]

LARGEST_JOINT = 1_000_000  # type profiles up to which independent groups are written out as one table
MOST_AXES = 30  # followers of a table, which has two axes for each: NumPy arrays have at most 64
SAMPLED_PROFILES = 4096  # by which the chances of a sampler's types are estimated
LARGEST_SCAN = 64  # type profiles up to which a draw looks at all of them


class TypeBlocks(NamedTuple):
    """``tables``, one for each group of followers in order, with an axis for each of its followers."""

    tables: tuple[np.ndarray, ...]

    @property
    def num_uniforms(self) -> int:
        """How many numbers a profile is drawn by."""
        return len(self.tables)

    @property
    def num_followers(self) -> int:
        return sum(table.ndim for table in self.tables)

    def _alike(self) -> list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
        """Of blocks of one shape: which ``[g]``, their followers ``[g, d]``, chances ``[g, S]``, type profiles ``[S, d]``."""
        first = np.cumsum([0, *(table.ndim for table in self.tables)])
        found = []
        for shape in dict.fromkeys(table.shape for table in self.tables):
            which = np.array([k for k, table in enumerate(self.tables) if table.shape == shape])
            followers = first[which][:, None] + np.arange(len(shape))
            chances = np.stack([self.tables[k].ravel() for k in which])
            profiles = np.stack(np.unravel_index(np.arange(chances.shape[1]), shape), axis=-1)
            found.append((which, followers, chances, profiles.astype(np.int32)))
        return found

    def draw(self, uniform: Array, follower: ArrayLike | None = None, own_type: ArrayLike | None = None) -> Array:
        """A type profile int ``[N]`` by ``uniform [blocks]``; given ``own_type``, which must be possible, of ``follower``."""
        drawn = jnp.zeros(self.num_followers, jnp.int32)
        for which, followers, chances, profiles in self._alike():
            if follower is None and chances.shape[1] > LARGEST_SCAN:
                sums = [jnp.asarray(np.cumsum(row)[:-1], uniform.dtype) for row in chances]
                each = [jnp.searchsorted(ends, uniform[k], side="right") for k, ends in zip(which, sums, strict=True)]
                drawn = drawn.at[followers].set(jnp.asarray(profiles)[jnp.stack(each)])
                continue
            weights = jnp.asarray(chances, uniform.dtype)
            if follower is not None:
                for axis in range(followers.shape[1]):
                    is_own, fits = followers[:, axis] == follower, profiles[:, axis] == own_type
                    weights = jnp.where(is_own[:, None] & ~fits[None, :], 0.0, weights)
            ends = jnp.cumsum(weights, axis=1)
            place = (uniform[which][:, None] * ends[:, -1:] >= ends[:, :-1]).sum(axis=1, dtype=jnp.int32)
            drawn = drawn.at[followers].set(jnp.asarray(profiles)[place])
        return drawn

    def own(self, follower: int) -> np.ndarray:
        """``[K_i]`` the chances of a follower's types."""
        first = 0
        for table in self.tables:
            if follower < first + table.ndim:
                return table.sum(axis=tuple(axis for axis in range(table.ndim) if axis != follower - first))
            first += table.ndim
        raise IndexError(follower)


@dataclasses.dataclass(frozen=True)
class TypeSampler:
    """A prior over type profiles that no table holds: ``draw_types(key)`` returns a profile, int ``[N]``.

    A follower's beliefs given its own type come from drawing again until that type comes up, which takes long for a type of
    small chance. Types that none of 4,096 profiles has count as impossible where followers' gains are judged.

    Args:
      num_types: ``(K_1, ..., K_N)``.
      draw_types: a pure function of a JAX key, of types in ``0..K_i - 1``.
    """

    num_types: tuple[int, ...]
    draw_types: Callable[[PRNGKey], Array]

    num_uniforms = 2  # from which a key is made

    @property
    def num_followers(self) -> int:
        return len(self.num_types)

    def check(self) -> None:
        """Raise `InputError` unless it draws profiles of the types that it says there are."""
        counts = self.num_types
        is_tuple = isinstance(counts, tuple) and bool(counts)
        require("num_types", counts, is_tuple, "a tuple with a whole number for each follower, for example (2, 3)")
        for count in counts:
            require_count("num_types", count)
        keys = jax.random.split(jax.random.key(0), 64)
        try:
            drawn = np.asarray(jax.vmap(self.draw_types)(keys))
        except Exception as error:  # whatever somebody's function raises
            said = (str(error).strip().splitlines() or [""])[0][:200]
            raise InputError(f"draw_types raised {type(error).__name__}: {said}") from error
        if drawn.shape[1:] != (len(counts),) or not np.issubdtype(drawn.dtype, np.integer):
            raise InputError(f"draw_types must return whole numbers of shape ({len(counts)},), a type for each follower")
        is_there = (drawn >= 0) & (drawn < np.array(counts))
        if not is_there.all():
            raise InputError(f"draw_types drew type {drawn[~is_there][0]}, but num_types={counts}")

    def _profile(self, key: PRNGKey) -> Array:
        return jnp.asarray(self.draw_types(key), jnp.int32)

    def draw(self, uniform: Array, follower: ArrayLike | None = None, own_type: ArrayLike | None = None) -> Array:
        """See `TypeBlocks.draw`."""
        words = jax.lax.bitcast_convert_type(uniform.astype(jnp.float32), jnp.uint32)
        key = jax.random.wrap_key_data(words, impl="threefry2x32")
        if follower is None:
            return self._profile(key)

        def again(carry: tuple[Array, Array]) -> tuple[Array, Array]:
            _, count = carry
            return self._profile(jax.random.fold_in(key, count)), count + 1

        first = again((jnp.zeros(self.num_followers, jnp.int32), jnp.int32(0)))
        return jax.lax.while_loop(lambda carry: carry[0][follower] != own_type, again, first)[0]

    @functools.cached_property
    def _shares(self) -> tuple[np.ndarray, ...]:
        keys = jax.random.split(jax.random.key(0), SAMPLED_PROFILES)
        profiles = np.asarray(jax.jit(jax.vmap(self._profile))(keys))
        return tuple(
            np.bincount(own, minlength=count) / len(own) for own, count in zip(profiles.T, self.num_types, strict=True)
        )

    def own(self, follower: int) -> np.ndarray:
        """``[K_i]`` the chances of a follower's types, as shares of 4,096 profiles."""
        return self._shares[follower]


def check_types(type_prior: Any) -> None:
    """Raise `InputError` unless ``type_prior`` is one that a game may have."""
    blocks = type_prior if isinstance(type_prior, tuple) else (type_prior,)
    if isinstance(type_prior, TypeSampler):
        type_prior.check()
    elif not blocks or not all(isinstance(block, np.ndarray) for block in blocks):
        raise InputError(
            f"type_prior must be a NumPy array, for example np.ones(1), a tuple of them, or a TypeSampler, but is "
            f"{type(type_prior).__name__}"
        )
    else:
        for block in blocks:
            check_type_prior(block)


def check_type_prior(prior: np.ndarray, num_followers: int | None = None) -> np.ndarray:
    """Return ``prior`` if it is a joint distribution with one axis per follower, else raise `InputError`.

    Where the number of followers is given, further axes are batch, and every element must be a distribution.
    """
    prior = np.asarray(prior)
    if prior.ndim < 1 or prior.size == 0:
        raise InputError(f"type_prior has shape {prior.shape}, but must have one axis of at least one type per follower")
    if not np.isfinite(prior).all() or (prior < 0).any():
        raise InputError("type_prior holds negative, NaN or infinite entries; probabilities must be at least 0")
    total = prior.sum(axis=tuple(range(prior.ndim if num_followers is None else num_followers)))
    worst = float(np.ravel(total)[np.abs(np.ravel(total) - 1.0).argmax()])
    if abs(worst - 1.0) > 1e-6:
        raise InputError(f"type_prior sums to {worst:.9g}, but must sum to 1")
    return prior


def types_of(type_prior: np.ndarray | tuple[np.ndarray, ...] | TypeSampler) -> TypeBlocks | TypeSampler:
    """How types are drawn from a game's ``type_prior``; a joint table of independent followers is taken apart."""
    if isinstance(type_prior, TypeSampler):
        return type_prior
    if isinstance(type_prior, tuple):
        return TypeBlocks(type_prior)
    axes = range(type_prior.ndim)
    own = tuple(type_prior.sum(axis=tuple(other for other in axes if other != axis)) for axis in axes)
    is_product = np.allclose(_outer(own), type_prior, rtol=0.0, atol=1e-15 + 1e-9 * type_prior.max())
    return TypeBlocks(own if is_product else (type_prior,))


def joint_or_blocks(tables: tuple[np.ndarray, ...]) -> np.ndarray | tuple[np.ndarray, ...]:
    """One joint table of independent groups if it is small, else the groups' tables."""
    size, axes = np.prod([float(table.size) for table in tables]), sum(table.ndim for table in tables)
    if size > LARGEST_JOINT or axes > MOST_AXES:
        return tables
    return _outer(tables)


def _outer(tables: tuple[np.ndarray, ...]) -> np.ndarray:
    return functools.reduce(np.multiply.outer, tables, np.ones(()))
