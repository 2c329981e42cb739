"""A security game: guards cover targets by chance, and an attacker who knows these chances takes the target it likes best.

References: Kiekintveld et al. (2009), "Computing optimal randomized resource allocations for massive security games"; Korzhyk,
Conitzer and Parr (2010) for schedules and for placements that carry a coverage out.
"""

import pathlib
from functools import cached_property
from typing import Any

import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.games.base import OneShotGame
from stackjax.bayesian.games.payoff_files import read_payoffs
from stackjax.bayesian.games.security.placements import placements
from stackjax.bayesian.games.security.quantal_optimum import quantal_optimum
from stackjax.bayesian.games.security.robustness import strategies, table
from stackjax.bayesian.games.security.tables import SecurityTables, checked_security, random_security
from stackjax.bayesian.linear.game import LinearGame, coverage_game
from stackjax.errors import InputError, require_is
from stackjax.pictures import Picture
from stackjax.pictures import paths as draw_paths
from stackjax.problem import Optimum
from stackjax.simplices import CappedSimplex, Simplex
from stackjax.types import Array, PyTree

__all__ = ["SecurityGame", "load_security_game", "security", "security_game"]

FEW_TARGETS = 24  # of these a coverage is told target by target, of more those that matter most
SAME = 1e-6  # of the leader's payoff range: a value and a bound that are one
LEAST_TOLD = 5e-4  # a chance that is worth telling


class SecurityGame(OneShotGame):
    """Guards against one attacker of private type.

    The commitment is a coverage ``[n]``, the chance with which each target is guarded; with schedules it is a mix over what the
    guards can take together, and coverage follows. An attack on ``a`` pays ``c_a covered + (1 - c_a) uncovered``, to both.

    Args:
      tables: payoffs, prior and names. Payoffs may be traced, if ``ranges`` says in what numbers they lie.
      ranges: the defender's lowest and highest payoff, and the attacker's; by default those of the tables.
    """

    is_smooth = True

    def __init__(self, tables: SecurityTables, ranges: tuple[tuple[float, float], ...] | None = None) -> None:
        self.tables, self.name = tables, tables.name
        self.type_prior = tables.prior
        self.num_actions = (len(tables.targets),)
        if ranges is None:
            ranges = tuple((float(side.min()), float(side.max())) for side in (tables.defender, tables.attacker))
        (low, high), (least, most) = ranges
        self.payoff_scale = (most - least) or 1.0
        self.leader_payoff_range = (low, high if high > low else low + 1.0)
        if tables.schedules is None:
            self.leader_actions: Any = CappedSimplex(self.num_actions[0], float(tables.guards), tables.targets)
        else:
            names = tuple(" and ".join(self._schedule(k) for k in choice) for choice in tables.choices)
            self.leader_actions = Simplex(len(tables.choices), names)

    def _schedule(self, k: int) -> str:
        assert self.tables.schedules is not None
        return "+".join(self.tables.targets[a] for a in self.tables.schedules[k])

    @cached_property
    def covers(self) -> np.ndarray | None:
        """``[m, n]`` whether what guards can take together covers a target; None without schedules."""
        if self.tables.schedules is None:
            return None
        found = np.zeros((len(self.tables.choices), len(self.tables.targets)))
        for row, choice in zip(found, self.tables.choices, strict=True):
            row[[a for k in choice for a in self.tables.schedules[k]]] = 1.0
        return found

    def coverage(self, leader_action: Array) -> Array:
        """``[n]`` the chance that each target is guarded."""
        if self.covers is None:
            return leader_action
        return jnp.matmul(leader_action, jnp.asarray(self.covers, leader_action.dtype), precision="highest")

    def observation(self, actions: Array) -> Array:
        del actions
        return jnp.ones(1)

    def outcome_payoffs(self, types: Array, actions: Array, leader_action: Array) -> Array:
        target, chance = actions[0], self.coverage(leader_action)[actions[0]]
        sides = [jnp.asarray(side, chance.dtype)[:, types[0], target] for side in (self.tables.defender, self.tables.attacker)]
        return jnp.stack([chance * covered + (1.0 - chance) * uncovered for covered, uncovered in sides])

    def outcome(self, types: Array, actions: Array, state: PyTree) -> tuple[Array, Array]:
        """The target that is attacked, and whether it was guarded."""
        del types
        chance = self.coverage(state["leader_action"])[actions[0]]
        target = actions[0].astype(chance.dtype)
        guarded = jnp.arange(2, dtype=chance.dtype)
        return jnp.stack([jnp.full_like(guarded, target), guarded], axis=1), jnp.stack([1.0 - chance, chance])

    def features(self, leader_action: Array) -> Array:
        """See `Game`: coverage, the attacker's reward and its penalty."""
        covered, uncovered = jnp.asarray(self.tables.attacker, leader_action.dtype)
        coverage = jnp.broadcast_to(self.coverage(leader_action), covered.shape)
        return jnp.stack([coverage, uncovered, covered], axis=-1)

    def linear(self) -> LinearGame:
        """See `Game.linear`."""
        return self._linear

    @cached_property
    def _linear(self) -> LinearGame:
        return coverage_game(self.tables.defender, self.tables.attacker, self.tables.guards, self.type_prior, self.covers)

    def optimum_against(self, rule: str, **options: Any) -> Optimum | None:
        """See `Game`: of quantal response, where the attacker has one type and there are no schedules."""
        if rule != "quantal" or len(self.type_prior) > 1 or self.covers is not None:
            return None
        sides = self.tables.defender[:, 0], self.tables.attacker[:, 0]
        found = quantal_optimum(*sides, self.tables.guards, options["rationality"])
        if found.bound - found.value > SAME * float(np.ptp(self.leader_payoff_range)):
            return Optimum(found.bound, "upper-bound")
        return Optimum(found.value, "closed-form", found.coverage[None])

    def describe_action(self, follower: int, action: int) -> str:
        del follower
        return self.tables.targets[action]

    def describe_type(self, follower: int, type_index: int) -> str:
        del follower
        return self.tables.types[type_index]

    def explain(self, observations: np.ndarray, leader_actions: np.ndarray, paths: list[Any]) -> list[str]:
        del observations, paths
        made = np.asarray(leader_actions[0], np.float64)
        coverage = made if self.covers is None else made @ self.covers
        order = np.argsort(-coverage, kind="stable")[:FEW_TARGETS]
        shown = [f"{self.tables.targets[a]} {coverage[a]:.3f}" for a in order if coverage[a] >= LEAST_TOLD]
        rest = int((coverage >= LEAST_TOLD).sum()) - len(shown)
        told = [f"guarded with chance {', '.join(shown)}" + (f", and {rest} others" if rest > 0 else "")]
        placed = self.placed(made)
        told += [f"with chance {chance:.3f}: {where}" for chance, where in placed[:FEW_TARGETS] if chance >= LEAST_TOLD]
        others = sum(chance for chance, _ in placed) - sum(chance for chance, _ in placed[: len(told) - 1])
        rest = len(placed) - len(told) + 1
        return told if others < LEAST_TOLD else [*told, f"with chance {others:.3f} one of {rest} others: see sx.placements"]

    def placed(self, leader_action: np.ndarray) -> list[tuple[float, str]]:
        """Where the guards stand, and with which chance; the likeliest first."""
        if self.covers is None:
            chances, sets = placements(self.linear().feasible(np.asarray(leader_action, np.float64)))
            names = [", ".join(self.tables.targets[a] for a in np.flatnonzero(one)) or "nowhere" for one in sets]
        else:
            chances, names = np.asarray(leader_action, np.float64), list(self.leader_actions.labels)
        order = np.argsort(-chances, kind="stable")
        return [(float(chances[k]), names[k]) for k in order]

    def picture(
        self, leader_actions: np.ndarray, paths: list[Any], chances: list[float], strategies: list[np.ndarray]
    ) -> Picture:
        """Coverage as bars, with who attacks there; the targets that are attacked or guarded most come first."""
        del paths, chances
        made = np.asarray(leader_actions[0], np.float64)
        coverage, attacked = made if self.covers is None else made @ self.covers, self.type_prior @ strategies[0]
        found = []
        for a in np.lexsort((-coverage, -attacked)).tolist():
            who = [self.tables.types[k] for k in np.flatnonzero(strategies[0][:, a] >= 0.5)]
            by = f", attacked by {', '.join(who)}" if who and len(self.tables.types) > 1 else ""
            step = {"text": f"{coverage[a]:.3f}{by}", "size": float(coverage[a])}
            found.append({"label": self.tables.targets[a], "chance": float(attacked[a]), "steps": [step]})
        return draw_paths("Coverage of targets, and how often they are attacked", found, 1.0, "chance of a guard")

    def more_pictures(self, leader_actions: np.ndarray) -> list[Picture]:
        """See `Game`: what it earns against attackers of other kinds, beside other strategies."""
        return [table(self, np.asarray(leader_actions[0], np.float64))]

    @cached_property
    def compared(self) -> dict[str, np.ndarray]:
        """See `strategies`."""
        return strategies(self)


def security_game(
    defender: Any,
    attacker: Any,
    *,
    guards: int,
    prior: Any = None,
    targets: Any = None,
    types: Any = None,
    schedules: Any = None,
    name: str = "security",
) -> SecurityGame:
    """Guards against an attacker who knows with which chance each target is guarded.

    Args:
      defender: ``(covered, uncovered)``, what an attack on each target pays the leader if it is guarded and if it is not,
        ``[target]`` or, by type of the attacker, ``[type][target]``; game units.
      attacker: the same of what it pays the attacker; a guard must never please it.
      guards: how many targets can be guarded at a time.
      prior: the chance of each type; may be left out where there is one.
      targets, types: what they are called.
      schedules: lists of targets, by name or place, that one guard covers together. Each guard then takes one of them.
      name: of the game.

    Raises:
      InputError: an argument does not make sense; the message names it.
    """
    require_is("name", name, str, "a word")
    more = {"targets": targets, "types": types, "schedules": schedules}
    return SecurityGame(checked_security(guards, defender, attacker, prior, name=name, **more))


def load_security_game(path: str | pathlib.Path) -> SecurityGame:
    """The security game of a JSON file ``{"security": {...}}``, whose entries are the arguments of `security_game`.

    There ``defender`` and ``attacker`` are ``{"covered": ..., "uncovered": ...}``.

    Raises:
      InputError: the file is missing, unreadable, or holds no security game.
    """
    found = read_payoffs(pathlib.Path(path))
    if not isinstance(found, SecurityTables):
        raise InputError(f"game file {path} holds no security game, but payoffs; use sx.load_matrix_game")
    return SecurityGame(found)


def security(targets: int = 20, guards: int = 5, types: int = 3, instance: int = 0) -> SecurityGame:
    """A random instance: payoffs from 1 to 10 and from -10 to -1, and a prior that is uniform over the simplex."""
    return SecurityGame(random_security(targets, guards, types, instance))
