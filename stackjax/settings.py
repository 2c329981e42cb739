"""Settings that come in kinds, such as the rules by which followers learn: each kind has options of its own. Free of JAX."""

import dataclasses
import numbers
from collections.abc import Iterable
from typing import Any, ClassVar

from stackjax.errors import InputError, near_matches, nearest, or_words, require

__all__ = ["Kinded", "field_types"]


class Kinded:
    """The base of a dataclass with a field ``kind``; each of its subclasses is one kind and has that kind's options.

    What ``Base("some-kind", option=1)`` makes is an object of the subclass of that kind.

    Raises:
      InputError: there is no such kind, or it has no such option.
    """

    KINDS: ClassVar[dict[str, type]]
    kind: Any

    def __new__(cls, kind: str | None = None, *_: Any, **options: Any) -> Any:
        chosen: Any = cls if kind is None and cls not in Kinded.__subclasses__() else cls.of(kind or cls.kind)
        require("kind", kind, issubclass(chosen, cls), f"{getattr(cls, 'kind', None)} in {cls.__name__}")
        chosen.check_options(options)
        return object.__new__(chosen)

    def __init_subclass__(cls) -> None:
        if Kinded in cls.__bases__:
            cls.KINDS = {}
        else:
            cls.KINDS[cls.__dict__["kind"]] = cls

    @classmethod
    def of(cls, kind: str) -> Any:
        """The class of ``kind``; raises `InputError` if there is none."""
        if kind not in cls.KINDS:
            raise InputError(f"kind={kind} must be one of {', '.join(cls.KINDS)}.{near_matches(str(kind), cls.KINDS)}")
        return cls.KINDS[kind]

    @classmethod
    def check_options(cls, names: Iterable[str], section: str | None = None) -> None:
        """Raise `InputError` for an option that this kind does not have, naming the kinds that do.

        With a ``section`` options are called as typed, for example ``--followers.step-size`` where it is ``--followers``.
        """
        called = lambda name: name if section is None else f"{section}.{name.replace('_', '-')}"
        for name in names:
            if name not in _names(cls):
                owners = [kind for kind, other in cls.KINDS.items() if name in _names(other)]
                near = or_words([called(known) for known in nearest(name, field_types(cls))])
                belongs = f"; it belongs to {', '.join(owners)}" if owners else f".{near}"
                raise InputError(f"{called(name)} is not an option of {cls.kind}{belongs}")

    def options(self) -> dict[str, Any]:
        """The options of this kind."""
        return {name: getattr(self, name) for name in _names(type(self)) if name != "kind"}

    def changed(self) -> dict[str, Any]:
        """The options that differ from their defaults; traced ones count as different."""
        defaults = {field.name: field.default for field in dataclasses.fields(self)}  # type: ignore[arg-type]
        is_plain = lambda value: isinstance(value, (numbers.Real, str))
        return {name: value for name, value in self.options().items() if not (is_plain(value) and value == defaults[name])}


def _names(settings: type) -> list[str]:
    return [field.name for field in dataclasses.fields(settings)]


def field_types(settings: type) -> dict[str, Any]:
    """The types of a dataclass's fields by name; of one that comes in kinds, those of every kind."""
    kinds = [*settings.KINDS.values()] if issubclass(settings, Kinded) else [settings]
    return {field.name: field.type for kind in kinds for field in dataclasses.fields(kind)}
