r"""Gambit's text format for games in strategic form (.nfg), read and written without Gambit.

The format is that of Gambit's manual, "Game representation formats", and what its programs take beyond it. In a quoted word
``\"`` is a quotation mark, and every other backslash stands for itself.
"""

import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import NamedTuple, TypeVar

import numpy as np

from stackjax.errors import InputError

__all__ = ["MOST_PAYOFFS", "Nfg", "Tokens", "listed", "nfg_text", "number_text", "parse_nfg", "quoted"]

T = TypeVar("T")
MOST_PAYOFFS = 10_000_000  # of all players in all profiles
TOKEN = re.compile(
    r'(?P<word>"(?:\\"|[^"])*")|(?P<brace>[{}])|(?P<number>[^\s{},"]+)|(?P<space>[\s,]+)|(?P<other>.)', re.DOTALL
)
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,6})?(?:/\d+)?")
MOST_DIGITS = 400  # of a number that is read as a fraction


class Nfg(NamedTuple):
    """A game in strategic form: its title, players, names of their strategies, and ``payoffs [A_1, ..., A_n, n]``."""

    title: str
    players: list[str]
    strategies: list[list[str]]
    payoffs: np.ndarray


class Tokens:
    """Words, braces and numbers, one after the other; what is wrong is told with its line."""

    def __init__(self, text: str) -> None:
        self._found = [match for match in TOKEN.finditer(text) if match.lastgroup != "space"]
        self._content, self._place = text, 0

    @property
    def kind(self) -> str:
        """``word``, ``brace``, ``number``, ``other``, or ``end``."""
        return str(self._found[self._place].lastgroup) if self._place < len(self._found) else "end"

    @property
    def text(self) -> str:
        """What comes next; nothing at the end."""
        return self._found[self._place].group() if self._place < len(self._found) else ""

    def wrong(self, expected: str) -> InputError:
        """That ``expected`` should stand here."""
        if self.kind == "end":
            return InputError(f"ends where {expected} should stand")
        line = self._content.count("\n", 0, self._found[self._place].start()) + 1
        return InputError(f"has {self.text[:40]!r} in line {line}, where {expected} should stand")

    def next_is(self, text: str) -> bool:
        """Whether ``text`` comes next, which is then passed."""
        here = self.text == text
        self._place += here
        return here

    def need(self, text: str) -> None:
        """Pass ``text``."""
        if not self.next_is(text):
            raise self.wrong(repr(text))

    def head(self, kind: str, version: str) -> tuple[str, list[str]]:
        """How a file of ``kind`` begins: its title, and the players' names."""
        self.need(kind)
        self.need(version)
        if not (self.next_is("R") or self.next_is("D")):
            raise self.wrong("'R' or 'D'")
        return self.word("the title"), self.words("a player's name")

    def word(self, what: str) -> str:
        """A quoted word."""
        if self.kind != "word":
            raise self.wrong(f"{what} in quotation marks")
        self._place += 1
        return self._found[self._place - 1].group()[1:-1].replace('\\"', '"')

    def pass_word(self, what: str) -> None:
        """A quoted word that may be left out."""
        if self.kind == "word":
            self.word(what)

    def until_closed(self, read: Callable[[], T]) -> list[T]:
        """All that ``read`` finds up to the closing brace."""
        found = []
        while not self.next_is("}"):
            found.append(read())
        return found

    def words(self, what: str) -> list[str]:
        """Quoted words in braces."""
        self.need("{")
        return self.until_closed(lambda: self.word(what))

    def count(self, what: str, most: int) -> int:
        """A whole number from 0 to ``most``."""
        text = self.text
        if not re.fullmatch(r"\d{1,9}", text) or int(text) > most:
            raise self.wrong(f"{what}, a whole number of at most {most},")
        self._place += 1
        return int(text)

    def real(self, what: str) -> float:
        """A number: with an exponent, or a fraction, if it likes."""
        text = self.text
        if not NUMBER.fullmatch(text):
            raise self.wrong(f"{what}, a number,")
        above, _, below = text.partition("/")
        if below and len(text) <= MOST_DIGITS and "e" not in above.lower():
            value = float(Fraction(above) / Fraction(below)) if int(below) else math.inf
        else:
            value = float(above) / (float(below) or math.nan) if below else float(above)
        if not math.isfinite(value):
            raise self.wrong(f"{what}, a finite number,")
        self._place += 1
        return value


def parse_nfg(text: str) -> Nfg:
    """A game from the content of a .nfg file, of either kind: with payoffs, or with outcomes, of which 0 pays nothing.

    Raises:
      InputError: it is none, or has more than `MOST_PAYOFFS` payoffs; says in which line.
    """
    tokens = Tokens(text)
    title, players = tokens.head("NFG", "1")
    strategies = _strategies(tokens, len(players))
    shape, count = tuple(map(len, strategies)), len(players)
    size = math.prod(shape)
    if not players or size == 0:
        raise InputError("has a player without strategies" if players else "has no players")
    if size * count > MOST_PAYOFFS:
        raise InputError(f"has {size} profiles for {count} players, which makes more than {MOST_PAYOFFS} payoffs")
    tokens.pass_word("a comment")
    if tokens.next_is("{"):
        outcomes = np.array([np.zeros(count), *_outcomes(tokens, count)])
        payoffs = outcomes[[tokens.count("an outcome's number", len(outcomes) - 1) for _ in range(size)]]
    else:
        payoffs = np.array([[tokens.real("a payoff") for _ in range(count)] for _ in range(size)])
    if tokens.kind != "end":
        raise tokens.wrong("the end")
    by_player = [payoffs[:, i].reshape(shape, order="F") for i in range(count)]  # the first player's strategy changes first
    return Nfg(title, players, strategies, np.stack(by_player, axis=-1))


def _strategies(tokens: Tokens, num_players: int) -> list[list[str]]:
    """Names of each player's strategies; numbers where only their count is given."""
    tokens.need("{")
    found: list[list[str]] = []
    while not tokens.next_is("}"):
        if tokens.kind == "brace":
            found.append(tokens.words("a strategy's name"))
        else:
            found.append([str(k + 1) for k in range(tokens.count("a number of strategies", MOST_PAYOFFS))])
        if len(found) > num_players:
            raise tokens.wrong(f"the end of the strategies of {num_players} players")
    if len(found) < num_players:
        raise InputError(f"has {num_players} players, but strategies of {len(found)}")
    return found


def _outcomes(tokens: Tokens, num_players: int) -> list[list[float]]:
    """Payoffs of outcomes 1, 2, ..., each with a name that may be left out; the list's first brace is passed."""

    def outcome() -> list[float]:
        tokens.need("{")
        tokens.pass_word("an outcome's name")
        found = [tokens.real("a payoff") for _ in range(num_players)]
        tokens.need("}")
        return found

    return tokens.until_closed(outcome)


def nfg_text(title: str, players: Sequence[str], strategies: Sequence[Sequence[str]], payoffs: np.ndarray) -> str:
    """The content of a .nfg file that `parse_nfg` reads exactly.

    Raises:
      InputError: a name has a backslash before a quotation mark or at its end, which the format cannot tell from others.
    """
    names = " ".join(listed(own) for own in strategies)
    by_profile = np.moveaxis(payoffs, -1, 0).reshape(len(players), -1, order="F").T
    numbers = "\n".join(" ".join(number_text(float(value)) for value in row) for row in by_profile)
    return f"NFG 1 R {quoted(title)} {listed(players)} {{ {names} }}\n\n{numbers}\n"


def number_text(value: float) -> str:
    """``value`` in digits that give it back, without an exponent, which not every reader knows."""
    return np.format_float_positional(value, trim="0") if value else "0"


def listed(words: Sequence[str]) -> str:
    return "{ " + " ".join(quoted(word) for word in words) + " }"


def quoted(word: str) -> str:
    if re.search(r'\\("|$)', word):
        raise InputError(
            f"name {word!r} has a backslash before a quotation mark or at its end, which Gambit's formats cannot hold"
        )
    escaped = word.replace('"', '\\"')
    return f'"{escaped}"'
