"""What a security game is made of, checked, from Python or from JSON. Free of JAX, to tell mistakes at once."""

import itertools
import math
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from stackjax.bayesian.games.payoff_checks import check_spread, checked_prior
from stackjax.errors import InputError, count_in_words, near_matches, require_array, require_count, require_is

__all__ = ["SecurityTables", "checked_security", "random_security", "read_security"]

SIDES, STATES = ("defender", "attacker"), ("covered", "uncovered")
NEEDED = ("guards", *SIDES)
ENTRIES = (*NEEDED, "prior", "types", "targets", "schedules")
BESIDE = ("security", "name")
MOST_TARGETS, MOST_TYPES = 4_000, 1_000  # of a random instance
MOST_SLOPES = 20_000_000  # of all types' payoffs by all targets' coverage
MOST_CHOICES = 4096  # of schedules, for all guards together


class SecurityTables(NamedTuple):
    """``n`` targets and ``K`` types of the attacker.

    Attributes:
      name: of the game.
      guards: how many there are.
      prior: ``[K]`` the chances of the attacker's types.
      defender, attacker: what a target pays when it is attacked, ``[2, K, n]``: covered, then uncovered.
      targets, types: what they are called.
      schedules: targets that one guard covers together; each guard takes another schedule. None where it takes any one target.
    """

    name: str
    guards: int
    prior: np.ndarray
    defender: np.ndarray
    attacker: np.ndarray
    targets: tuple[str, ...]
    types: tuple[str, ...]
    schedules: tuple[tuple[int, ...], ...] | None = None

    @property
    def most_guards(self) -> int:
        """Beyond which guards are of no use, or choose among more schedules than can be gone through."""
        if self.schedules is None:
            return len(self.targets)
        counts = range(1, len(self.schedules) + 1)
        return max(guards for guards in counts if math.comb(len(self.schedules), guards) <= MOST_CHOICES) + 1

    @property
    def choices(self) -> list[tuple[int, ...]]:
        """The schedules that the guards can take together; only where there are schedules."""
        return list(itertools.combinations(range(len(self.schedules or ())), self.guards))

    def with_guards(self, guards: int) -> "SecurityTables":
        """The same with another number of ``guards``; raises `InputError` where these are too many."""
        more = {"targets": self.targets, "types": self.types, "schedules": self.schedules}
        return checked_security(guards, self.defender, self.attacker, self.prior, name=self.name, **more)

    def to_json(self) -> dict[str, Any]:
        """The same as a file holds it, below ``security``."""
        sides = {side: dict(zip(STATES, getattr(self, side).tolist(), strict=True)) for side in SIDES}
        schedules = {} if self.schedules is None else {"schedules": [list(one) for one in self.schedules]}
        names = {"prior": self.prior.tolist(), "types": list(self.types), "targets": list(self.targets)}
        return {"guards": self.guards, **sides, **names, **schedules}


def checked_security(
    guards: Any,
    defender: Any,
    attacker: Any,
    prior: Any = None,
    *,
    name: str = "security",
    targets: Any = None,
    types: Any = None,
    schedules: Any = None,
) -> SecurityTables:
    """The tables of `security_game`, which says what its arguments are.

    Raises:
      InputError: an argument does not make sense; the message names it, and where a payoff is wrong its type and target.
    """
    found = {f"{side}'s {state}": _payoffs(f"{side}'s {state}", *given) for side, state, *given in _each(defender, attacker)}
    counts = {table.shape[1] for table in found.values()}
    if len(counts) > 1:
        sizes = ", ".join(f"{what} {table.shape[1]}" for what, table in found.items())
        raise InputError(f"payoffs are of different numbers of targets: {sizes}")
    if prior is None and len({len(table) for table in found.values()} | {1}) > 1:
        raise InputError(f"prior is missing: payoffs are of {max(map(len, found.values()))} types, whose chances must be told")
    chances = np.ones(1) if prior is None else checked_prior(prior)
    if chances.ndim != 1:
        raise InputError(f"prior has shape {chances.shape}, but a security game has one attacker: a chance for each type")
    kinds, count = len(chances), counts.pop()
    for what, table in found.items():
        if len(table) not in (1, kinds):
            raise InputError(f"{what} payoffs are of {len(table)} types, but prior of {kinds}")
    names = _names("targets", targets, count, "target")
    called = _names("types", types, kinds, "type")
    tables = [np.broadcast_to(table, (kinds, count)) for table in found.values()]
    owner, other = np.stack(tables[:2]), np.stack(tables[2:])
    if kinds * count**2 > MOST_SLOPES:
        raise InputError(
            f"{kinds} types of {count} targets are too many: types x targets x targets must be at most {MOST_SLOPES}"
        )
    for side, table in zip(SIDES, (owner, other), strict=True):
        check_spread(f"payoffs of the {side}", table)
    _check_order(owner, other, called, names)
    ways = None if schedules is None else _schedules(schedules, names)
    require_count("guards", guards)
    most = count if ways is None else len(ways)
    if guards > most and ways is not None:
        raise InputError(f"guards={guards} must be at most {most}, the number of schedules")
    if ways is not None and math.comb(len(ways), guards) > MOST_CHOICES:
        ways_in_all = count_in_words(math.comb(len(ways), guards))
        raise InputError(f"guards={guards} can take {len(ways)} schedules in {ways_in_all} ways, more than {MOST_CHOICES}")
    if guards >= count and ways is None:
        warnings.warn(f"guards={guards} cover every target: there is nothing to choose", RuntimeWarning, stacklevel=3)
    return SecurityTables(name, min(int(guards), most), chances, owner, other, names, called, ways)


def read_security(content: dict[str, Any], stem: str, where: str) -> SecurityTables:
    """What a JSON file of a security game holds, ``{"security": {...}}``; its name is ``stem`` where it says none.

    Raises:
      InputError: an entry is unknown, missing or wrong; ``where`` says of which file.
    """
    try:
        _check_entries(content, BESIDE, ("security",), "the file")
        inner = content["security"]
        require_is("security", inner, dict, 'an object, for example {"guards": 2, "defender": {...}, "attacker": {...}}')
        _check_entries(inner, ENTRIES, NEEDED, "security")
        sides = []
        for side in SIDES:
            require_is(side, inner[side], dict, 'an object {"covered": ..., "uncovered": ...}')
            _check_entries(inner[side], STATES, STATES, side)
            sides.append(tuple(inner[side][state] for state in STATES))
        name = content.get("name", stem)
        require_is("name", name, str, "a word")
        others = {entry: inner.get(entry) for entry in ("prior", "types", "targets", "schedules")}
        return checked_security(inner["guards"], *sides, **others, name=name)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error


def random_security(targets: int, guards: int, types: int, instance: int) -> SecurityTables:
    """Payoffs of ``default_rng(instance)``: the defender's from 1 to 10 covered and -10 to -1 uncovered, the attacker's from
    -10 to -1 and 1 to 10, and a prior that is uniform over the simplex.
    """
    for name, value, most in (("targets", targets, MOST_TARGETS), ("guards", guards, targets), ("types", types, MOST_TYPES)):
        require_count(name, value, most=most)
    require_count("instance", instance, least=0, most=2**32 - 1)
    rng, shape = np.random.default_rng(instance), (types, targets)
    ends = ((1.0, 10.0), (-10.0, -1.0), (-10.0, -1.0), (1.0, 10.0))
    drawn = [rng.uniform(*each, shape) for each in ends]
    return checked_security(guards, drawn[:2], drawn[2:], rng.dirichlet(np.ones(types)))


def _each(defender: Any, attacker: Any) -> list[tuple[str, str, Any]]:
    """``(side, state, payoffs)`` of the four tables."""
    found = []
    for side, pair in zip(SIDES, (defender, attacker), strict=True):
        if not isinstance(pair, (tuple, list, np.ndarray)) or len(pair) != len(STATES):
            raise InputError(f"{side} must be a pair of payoffs by target, covered and uncovered")
        found += [(side, state, table) for state, table in zip(STATES, pair, strict=True)]
    return found


def _payoffs(what: str, table: Any) -> np.ndarray:
    """``[K or 1, n]`` finite payoffs."""
    try:
        found = require_array(what, table).astype(np.float64)
    except InputError as error:
        raise InputError(f"{what} payoffs are ragged or no numbers; they must be [target] or [type][target]") from error
    if found.ndim not in (1, 2) or found.size == 0:
        raise InputError(f"{what} payoffs have shape {found.shape}, but must be [target] or [type][target]")
    if not np.isfinite(found).all():
        where = np.argwhere(~np.isfinite(found))[0].tolist()
        raise InputError(f"{what} payoffs{where} is {found[tuple(where)]}; every payoff must be finite")
    return np.atleast_2d(found)


def _names(what: str, given: Any, count: int, usual: str) -> tuple[str, ...]:
    if given is None:
        return tuple(f"{usual} {k}" for k in range(count))
    is_words = isinstance(given, (list, tuple)) and all(isinstance(name, str) for name in given)
    if not is_words or len(given) != count:
        raise InputError(f"{what}={given!r:.200} must hold a word for each of the {count}")
    if len(set(given)) < count:
        twice = next(name for name in given if list(given).count(name) > 1)
        raise InputError(f"{what} holds {twice!r} twice; names must differ")
    return tuple(given)


def _check_order(defender: np.ndarray, attacker: np.ndarray, types: Sequence[str], targets: Sequence[str]) -> None:
    """A guard must not please the attacker, and does not usually hurt the defender."""
    pleased = np.argwhere(attacker[0] > attacker[1])
    if len(pleased):
        k, a = pleased[0].tolist()
        paid = f"{attacker[0, k, a]:.6g} covered, {attacker[1, k, a]:.6g} uncovered"
        raise InputError(f"attacker: a guard at {targets[a]!r} pleases {types[k]!r} ({paid}); covered must pay it no more")
    hurt = np.argwhere(defender[0] < defender[1])
    if len(hurt):
        k, a = hurt[0].tolist()
        message = f"defender: a guard at {targets[a]!r} costs the defender if {types[k]!r} attacks it; are the payoffs swapped?"
        warnings.warn(message, RuntimeWarning, stacklevel=4)


def _schedules(given: Any, targets: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """The places of the targets of each schedule."""
    if not isinstance(given, (list, tuple)) or not given:
        raise InputError(f"schedules={given!r:.80} must be a list of lists of targets")
    found = []
    for k, one in enumerate(given):
        if not isinstance(one, (list, tuple)) or not one:
            raise InputError(f"schedules[{k}]={one!r:.80} must be a list of targets")
        places = []
        for target in one:
            is_place = isinstance(target, (int, np.integer)) and not isinstance(target, bool) and 0 <= target < len(targets)
            if not is_place and target not in targets:
                near = near_matches(target, targets) if isinstance(target, str) else ""
                raise InputError(f"schedules[{k}] names {target!r}, which is no target.{near}")
            places.append(int(target) if is_place else targets.index(target))
        found.append(tuple(dict.fromkeys(places)))
    return tuple(found)


def _check_entries(content: dict[str, Any], known: Sequence[str], needed: Sequence[str], what: str) -> None:
    for key in content:
        if key not in known:
            allowed = ", ".join(map(repr, known))
            raise InputError(f"{what} holds an entry {key!r}; it may hold {allowed}.{near_matches(key, known)}")
    for key in needed:
        if key not in content:
            raise InputError(f"{what} holds no entry {key!r}")
