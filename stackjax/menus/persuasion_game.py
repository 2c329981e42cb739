"""Games of persuasion: senders commit to signals about a state, a receiver acts. Textbook ones, and random ones."""

import dataclasses
from typing import Any

import numpy as np

from stackjax.errors import InputError, require, require_count, require_is
from stackjax.menus.persuasion import Persuasion
from stackjax.spaces import Box

__all__ = ["PersuasionGame", "persuasion"]

MOST_STATES, MOST_ACTIONS, MOST_SENDERS, MOST_SIGNALS = 64, 16, 4, 64
COURT = {"states": ("innocent", "guilty"), "actions": ("acquit", "convict")}
CONVICT, RIGHT = ((0.0, 1.0), (0.0, 1.0)), ((1.0, 0.0), (0.0, 1.0))
TEXTBOOK: dict[str, dict[str, Any]] = {
    # Kamenica and Gentzkow (2011): a judge wants to be right, a prosecutor wants to convict.
    "prosecutor": {**COURT, "prior": (0.7, 0.3), "senders": (CONVICT,), "receiver": RIGHT},
    # Dughmi (2017): a professor wants students hired, an employer wants excellent ones alone.
    "letters": {
        "states": ("weak", "excellent"),
        "actions": ("reject", "hire"),
        "prior": (2 / 3, 1 / 3),
        "senders": (((0.0, 1.0), (0.0, 1.0)),),
        "receiver": ((0.0, -1.0), (0.0, 1.0)),
    },
    # Bergemann and Morris (2019): a government wants a firm to invest, which gains 0.55 if times are good and loses 1 if not.
    "investment": {
        "states": ("bad", "good"),
        "actions": ("wait", "invest"),
        "prior": (0.5, 0.5),
        "senders": (((0.0, 1.0), (0.0, 1.0)),),
        "receiver": ((0.0, -1.0), (0.0, 0.55)),
    },
    # Gentzkow and Kamenica (2017): the prosecutor against a defence, who wants to acquit.
    "trial": {**COURT, "prior": (0.7, 0.3), "senders": (CONVICT, ((1.0, 0.0), (1.0, 0.0))), "receiver": RIGHT},
}


@dataclasses.dataclass(frozen=True, eq=False)
class PersuasionGame:
    """Senders commit to the chances of signals in each state; a receiver sees the signals and does what is best for itself.

    A leader is one sender; for several see `stackjax.menus.learn_senders`.

    Args:
      problem: the prior, and payoffs by state and action, of ``S`` states and ``A`` actions.
      name: for people.
      states, actions: what they are called; ``state 1`` and so on by default.
      num_signals: M, of each sender; by default one for each action, which is all that one sender needs.

    Raises:
      InputError: the problem is not sound, names do not fit it, or ``num_signals`` is no whole number from 1 to 64.
    """

    problem: Persuasion
    name: str = "persuasion"
    states: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    num_signals: int | None = None

    def __post_init__(self) -> None:
        require_is("problem", self.problem, Persuasion, "a Persuasion, for example menus.Persuasion(prior, senders, receiver)")
        problem = self.problem.checked()
        states, actions = problem.receiver.shape
        for field, kind, count in (("states", "state", states), ("actions", "action", actions)):
            given = tuple(map(str, getattr(self, field)))
            require(field, given, len(given) in (0, count), f"{count} names, one for each {kind}")
            object.__setattr__(self, field, given or tuple(f"{kind} {k + 1}" for k in range(count)))
        if self.num_signals is not None:
            require_count("num_signals", self.num_signals, most=MOST_SIGNALS)
        object.__setattr__(self, "problem", problem)
        object.__setattr__(self, "num_signals", self.num_signals or actions)

    @property
    def leader_actions(self) -> Box:
        """Of a sender in each state: weights of its signals, whose chances are weights over their sum."""
        assert self.num_signals is not None
        return Box((0.0,) * self.num_signals, (1.0,) * self.num_signals)

    def signals_in_words(self, chances: np.ndarray) -> list[str]:
        """A line for each state, of ``chances [S, M]`` of signals in it."""
        sent = [", ".join(f"signal {m + 1} {p:.3f}" for m, p in enumerate(row) if p > 5e-4) for row in chances]
        return [f"{state}: {words}" for state, words in zip(self.states, sent, strict=True)]


def persuasion(
    instance: str = "prosecutor",
    num_states: int | None = None,
    num_actions: int | None = None,
    num_senders: int | None = None,
    num_signals: int | None = None,
    draw: int | None = None,
) -> PersuasionGame:
    """A game of the textbooks, or a random one: payoffs uniform in [0, 1], every prior as likely as any other.

    Args:
      instance: ``prosecutor``, ``letters``, ``investment``, ``trial`` (which has two senders) or ``random``.
      num_states, num_actions, num_senders: of a random one; by default 3, 3 and 1.
      num_signals: see `PersuasionGame`.
      draw: of a random one, the seed of its numbers; by default 0.

    Raises:
      InputError: an option is out of range, or is not one of the instance.
    """
    known = [*TEXTBOOK, "random"]
    require("instance", instance, instance in known, f"one of {', '.join(known)}")
    own = {"num_states": num_states, "num_actions": num_actions, "num_senders": num_senders, "draw": draw}
    if instance != "random":
        for name, value in own.items():
            if value is not None:
                raise InputError(f"{name}={value} is for instance=random; instance={instance} has its own numbers")
        told = TEXTBOOK[instance]
        arrays = Persuasion(*(np.array(told[name]) for name in Persuasion._fields))
        return PersuasionGame(arrays, f"persuasion {instance}", told["states"], told["actions"], num_signals)
    states, actions, senders, seed = (
        default if value is None else value for value, default in zip(own.values(), (3, 3, 1, 0), strict=True)
    )
    for name, count, most in (
        ("num_states", states, MOST_STATES),
        ("num_actions", actions, MOST_ACTIONS),
        ("num_senders", senders, MOST_SENDERS),
    ):
        require_count(name, count, most=most)
    require_count("draw", seed, least=0)
    rng = np.random.default_rng(seed)
    prior, theirs, own_payoffs = (
        rng.dirichlet(np.ones(states)),
        rng.random((senders, states, actions)),
        rng.random((states, actions)),
    )
    return PersuasionGame(Persuasion(prior, theirs, own_payoffs), f"persuasion random {seed}", num_signals=num_signals)
