"""A commons of several patches: followers pick from one of them in each step; the leader taxes by what it sees of all stocks.

One patch is the game `commons`. With four there are 2,401 states, 729 joint actions and 16 outcomes: no table has room.
"""

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError, require_count
from stackjax.markov.groups.commons import EFFORT, GROWTH, MOST_LEVELS, PICKS, SKILLS, STOCK
from stackjax.markov.groups.objectives import Objective, welfare_bound
from stackjax.markov.groups.sampled.game import PlayedGroupGame
from stackjax.markov.groups.sampled.patches_bound import most_together
from stackjax.spaces import Box, Discrete
from stackjax.types import Array, PRNGKey

__all__ = ["Patches"]

MOST_PATCHES = 64
AMOUNTS = PICKS - 1  # a follower who picks takes 1 or 2


class Patches(PlayedGroupGame):
    """Three followers. A state is the stock of each patch, from 0 to 6; the leader's action is a tax rate for each patch.

    Rules of a patch, and skills, are those of `commons`. A follower stays away (action 0), or picks 1 or 2 from one patch
    (actions ``1 + 2 p`` and ``2 + 2 p`` of patch ``p``).

    Args:
      objective: what the leader is paid, see `GroupGame`.
      patches: P, how many there are.
      levels: how many rates from 0 to 1 there are to choose from for each patch, or None for all of them.
      horizon: T, the steps of an episode.

    Raises:
      InputError: an argument is of the wrong kind or out of range.
    """

    def __init__(
        self, objective: Objective = "utilitarian", patches: int = 4, levels: int | None = None, horizon: int = 12
    ) -> None:
        require_count("patches", patches, most=MOST_PATCHES)
        require_count("horizon", horizon)
        self.name, self.objective, self.patches, self.levels, self.horizon = "patches", objective, patches, levels, horizon
        self.num_actions = (1 + AMOUNTS * patches,) * len(SKILLS)
        if levels is None:
            self.leader_actions: Box | Discrete = Box((0.0,) * patches, (1.0,) * patches)
        else:
            require_count("levels", levels, least=2)
            count = levels**patches
            if count > MOST_LEVELS:
                raise InputError(f"levels={levels} for {patches} patches make {count} choices, more than {MOST_LEVELS}")
            self.leader_actions = Discrete(count)
        most = np.asarray(SKILLS) * AMOUNTS
        shared = (most.sum() - most) / len(SKILLS)  # of what others pick elsewhere, where rates may differ
        highest = most + shared if patches > 1 else np.maximum(most, most.mean())
        self.payoff_bounds = ((0.0, 0.0), *((-EFFORT * AMOUNTS, float(high)) for high in highest))
        self.check()

    def start(self, key: PRNGKey) -> Array:
        del key
        return jnp.full(self.patches, STOCK, jnp.int32)

    def observe(self, state: Array) -> Array:
        return jax.nn.one_hot(state, STOCK + 1).reshape(-1)

    def rates(self, leader_action: Array) -> Array:
        """``[P]`` the share of what followers earn in each patch that is taxed."""
        if self.levels is None:
            return leader_action
        places = self.levels ** np.arange(self.patches - 1, -1, -1, dtype=np.int32)
        digits = leader_action // jnp.asarray(places, jnp.int32) % self.levels
        return digits.astype(jnp.result_type(float)) / (self.levels - 1)

    def step(self, key: PRNGKey, state: Array, actions: Array, leader_action: Array) -> tuple[Array, Array]:
        rates = self.rates(leader_action)
        where, amount = (actions - 1) // AMOUNTS, 1 + (actions - 1) % AMOUNTS
        is_here = (where[:, None] == jnp.arange(self.patches, dtype=jnp.int32)[None]) & (actions > 0)[:, None]
        picks = jnp.where(is_here, amount[:, None], 0)  # [N, P]
        wanted = picks.sum(axis=0, dtype=jnp.int32)
        share = jnp.minimum(1.0, state.astype(rates.dtype) / jnp.maximum(wanted, 1).astype(rates.dtype))
        income = jnp.asarray(SKILLS, rates.dtype)[:, None] * picks.astype(rates.dtype) * share[None]
        kept = ((1.0 - rates)[None] * income + (rates * income.mean(axis=0))[None]).sum(axis=1)
        paid = kept - EFFORT * picks.sum(axis=1, dtype=jnp.int32).astype(rates.dtype)
        rest = state - jnp.minimum(wanted, state)
        chance = GROWTH / STOCK**2 * (rest * (STOCK - rest)).astype(rates.dtype)
        grows = jax.random.uniform(key, (self.patches,), rates.dtype) < chance
        after = jnp.minimum(rest + grows.astype(jnp.int32), STOCK)
        return after, jnp.concatenate([jnp.zeros(1, paid.dtype), paid])

    def bound(self) -> float:
        """Taxes only move payoffs, so that what all could earn together bounds every objective."""
        return welfare_bound(self.objective, most_together(self.patches, self.horizon) / len(SKILLS), len(SKILLS))

    def describe_observation(self, observation: np.ndarray) -> str:
        stocks = np.asarray(observation).reshape(self.patches, STOCK + 1).argmax(axis=1)
        return f"stock{'s' * (self.patches > 1)} {' '.join(map(str, stocks))}"

    def describe_leader_action(self, action: np.ndarray) -> str:
        rates = np.asarray(self.rates(jnp.asarray(action)))
        return f"rate{'s' * (self.patches > 1)} " + " ".join(f"{rate:.3g}" for rate in rates)

    def describe_follower(self, follower: int) -> str:
        return f"skill {SKILLS[follower]:g}"

    def describe_action(self, follower: int, action: int) -> str:
        del follower
        if action == 0:
            return "stays away"
        patch = "" if self.patches == 1 else f" from patch {1 + (action - 1) // AMOUNTS}"
        return f"picks {1 + (action - 1) % AMOUNTS}{patch}"
