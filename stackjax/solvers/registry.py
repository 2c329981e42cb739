"""The solvers by name, with the settings of each. Free of JAX, so that the command line can show them quickly."""

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from stackjax import plugins
from stackjax.errors import InputError, near_matches, require
from stackjax.families import load
from stackjax.solvers.config import (
    BanditConfig,
    DirectConfig,
    ESConfig,
    GradientConfig,
    OwnConfig,
    PolicyConfig,
    SearchConfig,
)
from stackjax.solvers.ppo.config import PPOConfig

if TYPE_CHECKING:
    from stackjax.problem import Problem, Solver

__all__ = ["SolverEntry", "entry_of", "register_solver", "registered_solvers", "solver_entry"]


class SolverEntry(NamedTuple):
    """A solver.

    Attributes:
      name: as in ``--solver NAME``; its settings are ``--NAME.*``.
      summary: what it does, in a line.
      config: a frozen dataclass of its settings, free of JAX, with a field ``num_updates``.
      make: ``(problem, config) -> Solver``, or where that is, as ``"module:function"``; it raises `InputError` for settings
        that do not fit the problem.
      shared: the setting that says how many episodes of an update devices can share; empty for none.
      polish: evaluations that improve a run's best commitment in the end unless told otherwise; 0 for a solver that ends with
        such a search itself.
      patience: updates without a rise after which a run ends where no optimum is known, unless told otherwise; 0 for never.
      needs_table: whether it fills in a table of the leader's observations, which the largest problems do not have.
      traced: whether the float settings may be tracers, so that a sweep over them is one program.
      caveat: ``(problem, config) -> str``, what one must know of what it learned, or an empty string; or where that is.
    """

    name: str
    summary: str
    config: type
    make: "Callable[[Problem, Any], Solver] | str"
    shared: str = ""
    traced: bool = False
    polish: int = 4096
    caveat: "Callable[[Problem, Any], str] | str | None" = None
    needs_table: bool = True
    patience: int = 0

    def check(self, problem: "Problem") -> None:
        """Raise `InputError` unless this is a solver for ``problem``, which need not be prepared yet."""
        from stackjax.acting import Policy

        if self.needs_table and isinstance(problem.commitments, Policy):
            raise InputError(
                f"solver {self.name!r} needs a table of all that the leader may see, and {problem.name!r} is too large for "
                "one; use --solver policy"
            )
        problem.check_solver(self.name)

    def build(self, problem: "Problem", config: Any) -> "Solver":
        self.check(problem)
        return found(self.make)(problem, config)

    def warns(self, problem: "Problem", config: Any) -> str:
        """What one must know of what it learned, as the problem and the solver say; else an empty string."""
        own = "" if self.caveat is None else str(found(self.caveat)(problem, config))
        return " ".join(words for words in (problem.caveat, own) if words)


def found(place: Callable[..., Any] | str) -> Callable[..., Any]:
    """``place``, or what stands there."""
    return load(place) if isinstance(place, str) else place


RESERVED = ("game", "pomdp", "followers", "solver", "seed", "seeds", "out", "mesh", "resume", "overwrite", "polish", "patience")
_ENTRIES: dict[str, SolverEntry] = {}


def register_solver(entry: SolverEntry) -> None:
    """Make a solver known to ``--solver`` and ``sx.train``.

    Raises:
      InputError: the name is taken or cannot be one, or ``config`` is not a dataclass with ``num_updates``.
    """
    plugins.load()
    _add(entry)


def _add(entry: SolverEntry) -> None:
    is_free = entry.name.isidentifier() and entry.name not in RESERVED
    require("name", entry.name, is_free, f"a Python identifier other than {', '.join(RESERVED)}")
    if entry.name in _ENTRIES:
        raise InputError(f"solver name {entry.name!r} is taken")
    if not dataclasses.is_dataclass(entry.config) or "num_updates" not in entry.config.__dataclass_fields__:
        raise InputError(f"config={entry.config} must be a dataclass of settings that has num_updates")
    _ENTRIES[entry.name] = entry


def forget_solver(name: str) -> None:
    """Undo `register_solver`."""
    _ENTRIES.pop(name, None)


def registered_solvers() -> list[SolverEntry]:
    """All registered solvers: the library's own, then those of plugins."""
    plugins.load()
    return list(_ENTRIES.values())


def solver_entry(name: str) -> SolverEntry:
    """The solver called ``name``; raises `InputError` with near matches if there is none."""
    plugins.load()
    if name not in _ENTRIES:
        raise InputError(f"solver {name!r} must be one of {', '.join(_ENTRIES)}.{near_matches(name, _ENTRIES)}")
    return _ENTRIES[name]


def entry_of(config: Any) -> SolverEntry:
    """The solver whose settings ``config`` are; raises `InputError` if there is none."""
    for entry in registered_solvers():
        if type(config) is entry.config:
            return entry
    kinds = ", ".join(entry.config.__name__ for entry in _ENTRIES.values())
    raise InputError(f"solver={config!r} must be the settings of a solver: {kinds}")


for known in (
    SolverEntry(
        "direct",
        "keeps the best commitment for each distinct answer of the followers, so it cannot get stuck in one (the default)",
        DirectConfig,
        "stackjax.solvers.direct:direct",
        polish=0,
        patience=200,
    ),
    SolverEntry(
        "ppo",
        "the paper's learner: PPO whose critic sees the followers",
        PPOConfig,
        "stackjax.solvers.ppo.solver:ppo_solver",
        shared="num_envs",
        traced=True,
        caveat="stackjax.solvers.ppo.solver:ppo_caveat",
    ),
    SolverEntry(
        "gradient",
        "climbs the payoff itself, where it is differentiable (the default for menus)",
        GradientConfig,
        "stackjax.solvers.gradient:gradient",
        traced=True,
    ),
    SolverEntry(
        "search",
        "the best of many random commitments",
        SearchConfig,
        "stackjax.solvers.search:search",
        needs_table=False,
    ),
    SolverEntry(
        "bandit",
        "pulls arms, one for each commitment on a grid, by ucb, epsilon-greedy or thompson",
        BanditConfig,
        "stackjax.solvers.bandit:bandit",
        traced=True,
        caveat="stackjax.solvers.bandit:bandit_caveat",
    ),
    SolverEntry(
        "policy",
        "PPO on a network that acts on observations, by samples (the default where a table does not fit)",
        PolicyConfig,
        "stackjax.solvers.policy:policy_solver",
        polish=0,
        traced=True,
        needs_table=False,
    ),
    SolverEntry(
        "es",
        "an evolution strategy on such a network",
        ESConfig,
        "stackjax.solvers.es:es",
        polish=0,
        traced=True,
        needs_table=False,
    ),
    SolverEntry(
        "own",
        "the method that the literature has for this problem alone (contracts, coin-game, sequential-sale)",
        OwnConfig,
        "stackjax.solvers.own:own",
        polish=0,
    ),
):
    _add(known)
