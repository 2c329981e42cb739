"""What a run is: everything needed to repeat it, as one typed value and as ``config.json``. Free of JAX."""

import dataclasses
import json
import pathlib
import shlex
from typing import TYPE_CHECKING, Any

from stackjax.errors import InputError, require, require_count, require_is
from stackjax.families import Family, GameSource
from stackjax.settings import Kinded, field_types
from stackjax.solvers.registry import SolverEntry, entry_of, solver_entry
from stackjax.specs.choice import Choice
from stackjax.specs.flags import changed_flags, flag
from stackjax.specs.sources import family_of, stored_game

if TYPE_CHECKING:
    from stackjax.problem import Problem, Solver
    from stackjax.work import Work

__all__ = ["SCHEMA_VERSION", "RunSpec"]

SCHEMA_VERSION = 4
MOST_SEEDS = 100_000
MOST_POLISH = 10_000_000
IMPROVED = SolverEntry._field_defaults["polish"]  # evaluations, where a problem knows how to improve a commitment
RETIRED = {("shuffle_groups", 1)}  # settings of earlier versions, at the value that says what is done now
OF_SOLVERS = ("polish", "patience")  # which each solver has its own of, unless told otherwise


@dataclasses.dataclass(frozen=True)
class RunSpec:
    """A run: a problem (a game, and the settings of its family), the settings of a solver, and seeds.

    ``settings`` are by section; a section that is left out has its defaults. With ``stop_at_optimum`` a run ends once every
    seed has reached an optimum, or bound, that is known, or, where no optimum is known, has not risen for ``patience`` updates
    (0 for however long). ``polish`` evaluations improve what was learned, in the end. None is for what the solver has, and for
    4,096 where the problem itself knows how to improve a commitment. ``choice`` is by what second objective the run chooses
    among commitments that pay the leader alike.
    """

    source: GameSource
    game_options: dict[str, Any]
    settings: dict[str, Any]
    solver: Any
    first_seed: int = 0
    num_seeds: int = 10
    stop_at_optimum: bool = True
    polish: int | None = None
    patience: int | None = None
    choice: Choice | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "settings", {**self.family.defaults(), **self.settings})
        require_count("seed", self.first_seed, least=0)
        require_count("seeds", self.num_seeds)
        require("seeds", self.num_seeds, self.num_seeds <= MOST_SEEDS, f"at most {MOST_SEEDS}")
        if self.polish is not None:
            require_count("polish", self.polish, least=0)
            require("polish", self.polish, self.polish <= MOST_POLISH, f"at most {MOST_POLISH}")
        patience = self.solver_entry.patience if self.patience is None else self.patience
        require_count("patience", patience, least=0)
        object.__setattr__(self, "patience", patience)
        last = self.first_seed + self.num_seeds
        require("seed", self.first_seed, self.first_seed >= 0 and last < 2**31, "at least 0, and the last seed below 2**31")

    @property
    def family(self) -> Family:
        return family_of(self.source)

    @property
    def solver_entry(self) -> SolverEntry:
        return entry_of(self.solver)

    def build_problem(self, prepared: dict[str, Any] | None = None) -> "Problem":
        """The problem, with what an earlier run ``prepared`` for it; raises `InputError` for a wrong game or setting."""
        from stackjax.compiler import check_jax
        from stackjax.problem import Problem

        check_jax()
        problem = self.family.build(self.source.build(self.game_options), self.settings)
        require_is("problem", problem, Problem, f"a Problem: what family {self.family.name!r} builds inherits from sx.Problem")
        self.solver_entry.check(problem)  # before followers are trained
        return problem.prepare(prepared)

    def fitting(self) -> "RunSpec":
        """With the solver that the game has unless another is asked for; raises `InputError` for a game that cannot be made."""
        name = self.family.solver_for(self.source.build(self.game_options))
        if name == self.solver_entry.name:
            return self
        own, kept = self.solver_entry, dict[str, Any]()
        for field in OF_SOLVERS:
            kept[field] = None if getattr(self, field) == getattr(own, field) else getattr(self, field)
        return dataclasses.replace(self, solver=solver_entry(name).config(), **kept)

    def problem_with(self, problem: "Problem", values: dict[str, Any]) -> "Problem":
        """``problem`` with other numbers, named as in `with_values`; the same object where none of them is its own."""
        varied = self.with_values(values)
        options = {name: value for name, value in varied.game_options.items() if value is not self.game_options.get(name)}
        is_same = not options and all(varied.settings[name] is old for name, old in self.settings.items())
        return problem if is_same else self.family.vary(problem, varied.settings, options)

    def build_solver(self, problem: "Problem") -> "Solver":
        """The solver for ``problem``; raises `InputError` for settings that do not fit the problem or each other."""
        return self.solver_entry.build(problem, self.solver)

    def work(self, problem: "Problem", swept: tuple[str, ...] = ()) -> "Work":
        """What the run computes on ``problem``; see `build_solver` for errors."""
        from stackjax.work import Work

        def vary(values: dict[str, Any]) -> "tuple[Problem, Solver]":
            other = self.problem_with(problem, values)
            return other, self.with_values(values).build_solver(other)

        solver, polish = self.build_solver(problem), self.polish_of(problem)
        num_updates = self.solver.num_updates or solver.num_updates
        self._check_choice(problem)
        return Work(problem, solver, num_updates, polish, swept, vary, self._to_save_memory(solver, polish), self.choice)

    def _check_choice(self, problem: "Problem") -> None:
        """Raise `InputError` where the problem does not tell what the second objective needs."""
        if self.choice is None:
            return
        from stackjax.acting import Policy
        from stackjax.rashomon.selection import check_choice

        if problem.counts_last or isinstance(problem.commitments, Policy):
            why = "its last commitment counts" if problem.counts_last else "it is too large for a table"
            raise InputError(
                f"second={self.choice.second!r}: nothing is chosen among commitments of {problem.name!r}, as {why}"
            )
        check_choice(problem, self.choice.second, self.choice.nearest)

    def polish_of(self, problem: "Problem") -> int:
        """How many evaluations improve what was learned: policies are not polished, nor where the last commitment counts."""
        from stackjax.acting import Policy

        if problem.counts_last or isinstance(problem.commitments, Policy):
            return 0
        usual = self.solver_entry.polish or (0 if problem.improve is None else IMPROVED)
        return usual if self.polish is None else self.polish

    def _to_save_memory(self, solver: "Solver", polish: int) -> str:
        from stackjax.solvers.polish import POPULATION

        if polish and solver.commitments_at_once <= POPULATION:
            return "use --polish 0"
        section, has = f"--{self.solver_entry.name}", set(field_types(type(self.solver)))
        ways = [f"lower {section}.{name.replace('_', '-')}" for name in ("population", "num_envs") if name in has]
        ways += [f"use {section}.path step"] * ("path" in has)
        return " or ".join(ways) or f"lower what solver {self.solver_entry.name!r} tries at once"

    @property
    def shared_episodes(self) -> int:
        """How many episodes of an update devices can share; 1 where the solver has none."""
        return getattr(self.solver, self.solver_entry.shared) if self.solver_entry.shared else 1

    def is_traced(self, name: str) -> bool:
        """Whether all values of the setting ``name``, as in ``ppo.learning_rate``, can go through one program."""
        section, _, field = name.partition(".")
        if section == self.solver_entry.name:
            return self.solver_entry.traced and field_types(type(self.solver)).get(field) is float
        kinds = field_types(self.source.options if section == "game" else self.family.sections[section])
        return bool({section, name} & set(self.family.traced)) and kinds.get(field) is float

    def with_values(self, values: dict[str, Any]) -> "RunSpec":
        """The run with other settings, named as in ``game.num_messages``; raises `InputError` for one that is not possible.

        Numbers that `is_traced` may be tracers.
        """
        given: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            section, _, field = name.partition(".")
            given.setdefault(section, {})[field] = value
        settings, solver = dict(self.settings), self.solver
        for name, old in self.settings.items():
            own = given.get(name, {})
            if "kind" in own and isinstance(old, Kinded):  # what was set stays set, if the other kind has it
                settings[name] = self.family.sections[name](own.pop("kind"), **old.changed())
            if own:
                settings[name] = dataclasses.replace(settings[name], **own)
        if self.solver_entry.name in given:
            solver = dataclasses.replace(solver, **given[self.solver_entry.name])
        options = {**self.game_options, **given.get("game", {})}
        return dataclasses.replace(self, game_options=options, settings=settings, solver=solver)

    def to_dict(self, problem: "Problem") -> dict[str, Any]:
        """``config.json``: fully resolved, every default written out."""
        solver = dataclasses.asdict(self.solver)
        if solver["num_updates"] is None:
            solver["num_updates"] = self.build_solver(problem).num_updates
        return {
            "schema_version": SCHEMA_VERSION,
            "game": self.source.name,
            "game_options": self.game_options,
            **self.source.to_dict(problem),
            **self.family.resolved(problem, self.settings),
            "solver": self.solver_entry.name,
            self.solver_entry.name: solver,
            "first_seed": self.first_seed,
            "num_seeds": self.num_seeds,
            "stop_at_optimum": self.stop_at_optimum,
            "polish": self.polish_of(problem),
            "patience": self.patience,
            **({"choice": self.choice.to_dict()} if self.choice else {}),
        }

    def command(self, problem: "Problem") -> str | None:
        """What trains the same at a command line, without settings that are the default ones; None if nothing does."""
        if self.source.argument is None:
            return None
        flags = changed_flags("game", self.game_options, self.source.options())
        defaults = self.family.defaults()
        for name, values in self.family.resolved(problem, self.settings).items():
            own, usual = self.settings[name], defaults[name]
            if isinstance(own, Kinded) and values["kind"] != usual.kind:
                flags, usual = [*flags, flag(f"{name}.kind", values["kind"])], own.of(values["kind"])()
            flags += changed_flags(name, {field: value for field, value in values.items() if field != "kind"}, usual)
        solver = self.solver_entry.name
        flags += ["--solver", solver, *changed_flags(solver, dataclasses.asdict(self.solver), type(self.solver)())]
        flags += [flag("seeds", self.num_seeds), *([flag("seed", self.first_seed)] if self.first_seed else [])]
        flags += [] if self.stop_at_optimum else ["--no-stop-at-optimum"]
        usual_polish = dataclasses.replace(self, polish=None).polish_of(problem)
        flags += [] if self.polish in (None, usual_polish) else [flag("polish", self.polish)]
        flags += [] if self.patience == self.solver_entry.patience else [flag("patience", self.patience)]
        if self.choice is not None:
            flags.append(flag("second", "nearest:RUN" if self.choice.nearest is not None else self.choice.second))
            flags += [flag("slack", self.choice.slack)] if self.choice.slack else []
        return " ".join(["stackjax train", shlex.quote(self.source.argument), *flags, "--out DIR"])

    @staticmethod
    def read(path: pathlib.Path) -> dict[str, Any]:
        """The content of a run's ``config.json``; raises `InputError` unless this version can read it."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            version = content["schema_version"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path} is missing or is not a run's config.json") from error
        if version != SCHEMA_VERSION:
            raise InputError(f"{path} has schema_version {version}, but this version reads {SCHEMA_VERSION}")
        return content

    @staticmethod
    def from_file(path: pathlib.Path, game_file: pathlib.Path | None = None) -> "RunSpec":
        """The run that wrote ``config.json``.

        Args:
          game_file: the Python file of its game, which is executed, see `stored_game`.

        Raises:
          InputError: there is no such run, ``game_file`` is not its game, or the run is another version's.
        """
        content = RunSpec.read(path)
        try:
            source = stored_game(content, game_file)
            as_given = lambda value: tuple(value) if isinstance(value, list) else value  # JSON has no tuples
            read = lambda kind, section: _settings_read(kind, {name: as_given(v) for name, v in content[section].items()})
            # A run of an earlier version may lack a section that has come since.
            sections = {name: read(kind, name) for name, kind in family_of(source).sections.items() if name in content}
            solver = read(solver_entry(content["solver"]).config, content["solver"])
            others = {name: content[name] for name in ("first_seed", "num_seeds", "stop_at_optimum", "polish")}
            others["patience"] = content.get("patience", 0)  # which runs of version 0.1 did not have
            others["choice"] = Choice(**content["choice"]) if "choice" in content else None
            return RunSpec(source, content["game_options"], sections, solver, **others)
        except (KeyError, TypeError) as error:
            raise InputError(f"{path} does not describe a run of this version: {error}") from error


def _settings_read(kind: type, values: dict[str, Any]) -> Any:
    """``kind(**values)``; raises `TypeError` for a name that it does not have."""
    values = {name: value for name, value in values.items() if (name, value) not in RETIRED}
    unknown = [name for name in values if name not in field_types(kind)]
    if unknown:
        raise TypeError(f"{kind.__name__} has no option {unknown[0]!r}")
    return kind(**values)
