"""What a sweep is: a base run, axes of settings, and the groups that share a program. Free of JAX."""

import dataclasses
import itertools
import math
from collections.abc import Callable
from typing import Any, NamedTuple

from stackjax.errors import InputError, near_matches
from stackjax.settings import Kinded
from stackjax.specs.run import SCHEMA_VERSION, RunSpec

__all__ = ["Axis", "Group", "SweepSpec", "read_axis"]

SPACINGS = ("linear", "log")
MOST_RUNS = 1_000_000


class Axis(NamedTuple):
    """A setting and the values that a sweep gives it; ``name`` as in ``ppo.learning_rate``."""

    name: str
    values: tuple[Any, ...]


def read_axis(name: str, tokens: list[str], sections: dict[str, type], read_value: Callable[[str, str], Any]) -> Axis:
    """An axis as given at the command line: values one by one, or ``linear LOW HIGH COUNT`` or ``log LOW HIGH COUNT``.

    Args:
      name: as typed, for example ``ppo.learning-rate``.
      sections: the settings' dataclasses by section.
      read_value: ``(name, token) -> value``.

    Raises:
      InputError: no such setting, or values that it cannot take.
    """
    section, _, dashed = name.partition(".")
    field = dashed.replace("-", "_")
    if section not in sections or not field:
        raise InputError(f"--sweep.{name} must name a setting as in --sweep.ppo.learning-rate; sections: {', '.join(sections)}")
    chosen = sections[section]
    if issubclass(chosen, Kinded):
        chosen.check_options([field])
    kinds = {known.name: known.type for known in dataclasses.fields(chosen)}
    if field not in kinds:
        raise InputError(f"--sweep.{name}: {section} has no such setting.{near_matches(field, kinds).replace('_', '-')}")
    flag = f"--sweep.{section}.{field.replace('_', '-')}"
    if tokens[:1] and tokens[0] in SPACINGS:
        if kinds[field] is not float:
            raise InputError(f"{flag}: {tokens[0]} is for settings that are real numbers; list the values instead")
        values = _spaced(flag, tokens)
    else:
        values = tuple(read_value(f"{section}.{field}", token) for token in tokens)
    if not values:
        raise InputError(f"{flag} needs values: one by one, or linear LOW HIGH COUNT, or log LOW HIGH COUNT")
    if len(set(map(repr, values))) < len(values):
        raise InputError(f"{flag} {' '.join(tokens)} must not name a value twice")
    return Axis(f"{section}.{field}", values)


def _spaced(flag: str, tokens: list[str]) -> tuple[float, ...]:
    spacing, numbers = tokens[0], tokens[1:]
    try:
        low, high, count = float(numbers[0]), float(numbers[1]), int(numbers[2])
        is_sound = len(numbers) == 3 and math.isfinite(low) and math.isfinite(high) and low < high and count >= 2
    except (ValueError, IndexError):
        is_sound = False
    if not is_sound:
        raise InputError(f"{flag} {' '.join(tokens)} must be {spacing} LOW HIGH COUNT with LOW < HIGH and COUNT at least 2")
    if count > MOST_RUNS:
        raise InputError(f"{flag} {' '.join(tokens)} makes {count} values, more than {MOST_RUNS}")
    if spacing == "linear":
        return tuple(low + (high - low) * i / (count - 1) for i in range(count))
    if low <= 0:
        raise InputError(f"{flag} {' '.join(tokens)}: LOW must be positive for log")
    return tuple(low * (high / low) ** (i / (count - 1)) for i in range(count))


class Group(NamedTuple):
    """Configurations that share everything static, and therefore a program.

    ``spec`` holds the static values; ``configurations`` are the places of its configurations in `SweepSpec.configurations`.
    """

    static: dict[str, Any]
    spec: RunSpec
    configurations: list[int]


@dataclasses.dataclass(frozen=True)
class SweepSpec:
    """Every combination of the ``axes``' values, everything else as in ``base``; each trains all of its seeds."""

    base: RunSpec
    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        names = [axis.name for axis in self.axes]
        if not names:
            raise InputError("a sweep needs at least one --sweep.SETTING")
        runs = self.base.num_seeds * math.prod(len(axis.values) for axis in self.axes)
        if runs > MOST_RUNS:
            raise InputError(f"the sweep makes {runs} runs (configurations times seeds), more than {MOST_RUNS}")
        for name in names:
            if names.count(name) > 1:
                raise InputError(f"--sweep.{name.replace('_', '-')} must be given once")

    @property
    def numbers(self) -> tuple[str, ...]:
        """The axes that go through one program."""
        return tuple(axis.name for axis in self.axes if self.base.is_traced(axis.name))

    @property
    def configurations(self) -> list[dict[str, Any]]:
        """All combinations, the last axis fastest; a configuration's number is its place here."""
        combinations = itertools.product(*(axis.values for axis in self.axes))
        return [{axis.name: value for axis, value in zip(self.axes, values, strict=True)} for values in combinations]

    def groups(self) -> list[Group]:
        """The groups, in the order in which their first configurations come.

        Raises:
          InputError: a configuration is not possible; names it.
        """
        found: dict[str, Group] = {}
        for place, values in enumerate(self.configurations):
            static = {name: value for name, value in values.items() if name not in self.numbers}
            try:
                spec = found[repr(static)].spec if repr(static) in found else self.base.with_values(static)
                spec.with_values({name: values[name] for name in self.numbers})
            except InputError as error:
                raise InputError(f"configuration {_in_words(values)}: {error}") from error
            found.setdefault(repr(static), Group(static, spec, [])).configurations.append(place)
        return list(found.values())

    def to_dict(self, resolved: dict[str, Any]) -> dict[str, Any]:
        """``config.json``: the axes, and the first group's run, ``resolved``."""
        axes = {axis.name: list(axis.values) for axis in self.axes}
        return {"schema_version": SCHEMA_VERSION, "sweep": axes, "order": list(axes), "first": resolved}


def _in_words(values: dict[str, Any]) -> str:
    return ", ".join(f"{name}={value:.6g}" if isinstance(value, float) else f"{name}={value}" for name, value in values.items())
