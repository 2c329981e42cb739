"""What a run is: everything needed to repeat it, as one typed value and as ``config.json``. Free of JAX."""

import dataclasses
import hashlib
import json
import pathlib
from typing import TYPE_CHECKING, Any, Literal, get_args

from stackjax.errors import InputError, near_matches, require, require_count, require_number
from stackjax.followers.config import FollowersConfig
from stackjax.games import registry
from stackjax.runs.directory import check_same_file
from stackjax.runs.game_files import build_game, load_games
from stackjax.solvers.registry import SolverEntry, entry_of, solver_entry

if TYPE_CHECKING:
    from stackjax.bayesian import BayesianProblem
    from stackjax.games.base import Game
    from stackjax.problem import Problem, Solver

__all__ = [
    "SCHEMA_VERSION",
    "FileGameOptions",
    "GameSource",
    "POMDPConfig",
    "RunSpec",
    "find_game",
    "given_game",
    "resolve_options",
]

SCHEMA_VERSION = 3
EVALUATION_ROUNDS_FACTOR = 10
MOST_SEEDS = 100_000
GAME_FILES = (".json", ".npz", ".nfg", ".py")
RewardPlay = Literal["argmax", "mixed", "empirical"]  # as in pomdp.reward_phase, which needs JAX


@dataclasses.dataclass(frozen=True)
class POMDPConfig:
    """Lengths of an episode, and how followers play when the leader is paid."""

    num_rounds: int | None = None
    """T, rounds of follower learning; by default 1000 with private types and 100 without (the paper's)."""
    num_reward_episodes: int | None = None
    """R, sub-episodes in which the leader is paid; by default 100 and 10."""
    evaluation_rounds: int | None = None
    """Rounds that fresh followers learn when a commitment is scored or judged; by default ten times num_rounds, so that a
    certificate measures the commitment and not unfinished learning."""
    reward_play: RewardPlay = "argmax"
    """argmax: each follower's likeliest action; mixed: a draw from its strategy; empirical: a joint draw from past play."""

    settled_gap: float = 0.02
    """Largest B-CCE gap, as a share of the game's payoff scale, at which followers count as settled. The best commitment is
    chosen among those against which they settle, and among the others only if there is none."""

    def __post_init__(self) -> None:
        require_number("settled_gap", self.settled_gap, lambda gap: gap >= 0, "a finite number of at least 0")
        for name in ("num_rounds", "num_reward_episodes", "evaluation_rounds"):
            value = getattr(self, name)
            if value is not None:
                require_count(name, value)
                require(name, value, value < 2**31, "below 2**31")
        plays = get_args(RewardPlay)
        require("reward_play", self.reward_play, self.reward_play in plays, f"one of {', '.join(plays)}")


@dataclasses.dataclass(frozen=True)
class FileGameOptions:
    """Options of a matrix game from a file."""

    randomized: bool = False
    """Whether the leader commits to a mix of rows instead of one row."""


@dataclasses.dataclass(frozen=True)
class GameSource:
    """Where a game comes from: a registered name, a payoff file, OpenSpiel, or a name registered by a Python file."""

    name: str
    options: type
    payoff_file: pathlib.Path | None = None
    python_file: pathlib.Path | None = None
    openspiel: str | None = None

    @property
    def holds_payoffs(self) -> bool:
        """Whether the game is a table from outside, to be kept with a run."""
        return self.payoff_file is not None or self.openspiel is not None

    def build(self, options: dict[str, Any]) -> "Game":
        if self.python_file is not None:
            from stackjax.testing import check_game

            game = build_game(self.name, self.python_file, options)
            check_game(game)
            return game
        if not self.holds_payoffs:
            return registry.make(self.name, **options)
        from stackjax.games.matrix_files import load_matrix_game, openspiel_game

        if self.openspiel is not None:
            return openspiel_game(self.openspiel, **options)
        assert self.payoff_file is not None
        return load_matrix_game(self.payoff_file, **options)


def find_game(text: str) -> GameSource:
    """What the user means by ``text``: a registered game, a payoff file, ``openspiel:GAME``, or ``FILE.py[:NAME]``.

    Raises:
      InputError: no such game or file; near matches are named.
    """
    kind, _, name = text.partition(":")
    if kind == "openspiel":
        return GameSource(name.partition("(")[0], FileGameOptions, openspiel=name)
    path, colon, name = text.rpartition(".py:")
    if colon and not ("/" in name and name.endswith(GAME_FILES)):  # else the colon belongs to a folder's name
        return _python_game(pathlib.Path(f"{path}.py").resolve(), name)
    if text.endswith(".py"):
        return _python_game(pathlib.Path(text).resolve(), "")
    if text.endswith(GAME_FILES):
        return GameSource(pathlib.Path(text).stem, FileGameOptions, payoff_file=pathlib.Path(text).resolve())
    if "/" in text or pathlib.Path(text).suffix in (".csv", ".txt", ".npy", ".yaml", ".efg"):
        raise InputError(f"game file {text} must end in .json, .npz, .nfg or .py")
    return GameSource(text, registry.entry(text).options)


def _python_game(path: pathlib.Path, name: str) -> GameSource:
    names = load_games(path)
    if not names:
        raise InputError(f"game file {path} registers no games; add sx.register('name', YourGame) at its end")
    if not name and len(names) > 1:
        raise InputError(f"game file {path} registers {', '.join(names)}; choose one as {path.name}:NAME")
    chosen = name or names[0]
    if chosen not in names:
        raise InputError(f"game file {path} does not register {chosen!r}; it registers {', '.join(names)}")
    return GameSource(chosen, registry.entry(chosen).options, python_file=path)


def resolve_options(source: GameSource, options: dict[str, Any]) -> dict[str, Any]:
    """All options of a game, ``options`` over the defaults; raises `InputError` for one that it does not have."""
    known = [field.name for field in dataclasses.fields(source.options)]
    for name in options:
        if name not in known:
            allowed = f"its options are {', '.join(known)}" if known else "it has no options"
            raise InputError(f"game {source.name!r} has no option {name!r}; {allowed}.{near_matches(name, known)}")
    return dataclasses.asdict(source.options(**options))


def given_game(game: "Game") -> GameSource:
    """A game that was made in Python, checked."""
    from stackjax.testing import check_game

    check_game(game)
    return _GivenGame(game.name, registry.NoOptions, game=game)


@dataclasses.dataclass(frozen=True)
class RunSpec:
    """A run: a problem (a game, its episode, its followers), the settings of a solver, and seeds."""

    source: GameSource
    game_options: dict[str, Any]
    pomdp: POMDPConfig
    followers: FollowersConfig
    solver: Any
    first_seed: int = 0
    num_seeds: int = 10

    def __post_init__(self) -> None:
        require_count("seeds", self.num_seeds)
        require("seeds", self.num_seeds, self.num_seeds <= MOST_SEEDS, f"at most {MOST_SEEDS}")
        last = self.first_seed + self.num_seeds
        require("seed", self.first_seed, self.first_seed >= 0 and last < 2**31, "at least 0, and the last seed below 2**31")

    @property
    def solver_entry(self) -> SolverEntry:
        return entry_of(self.solver)

    def build_problem(self) -> "BayesianProblem":
        """The problem; commitments are judged against followers who learn for ``evaluation_rounds``."""
        from stackjax.bayesian import BayesianProblem
        from stackjax.pomdp.environment import StackelbergPOMDP

        env = StackelbergPOMDP(
            self.source.build(self.game_options),
            self.followers.build(),
            self.pomdp.num_rounds,
            self.pomdp.num_reward_episodes,
            self.pomdp.reward_play,
        )
        rounds = self.pomdp.evaluation_rounds
        lasting = env.with_num_rounds(EVALUATION_ROUNDS_FACTOR * env.num_rounds if rounds is None else rounds)
        return BayesianProblem(env, lasting, self.pomdp.settled_gap)

    def problem_with(self, problem: Any, values: dict[str, Any]) -> Any:
        """``problem`` with the numbers of ``values`` (traced ones too) that are named as in ``followers.step_size``."""
        followers = _of_section(values, "followers")
        return problem.with_dynamics(dataclasses.replace(self.followers, **followers).build()) if followers else problem

    def build_solver(self, problem: "Problem", values: dict[str, Any] | None = None, shards: Any = None) -> "Solver":
        """The solver for ``problem``, with other numbers (traced ones too) named as in ``ppo.learning_rate``.

        Raises:
          InputError: settings that do not fit the problem or each other.
        """
        from stackjax.shards import WHOLE

        config = dataclasses.replace(self.solver, **_of_section(values or {}, self.solver_entry.name))
        return self.solver_entry.build(problem, config, WHOLE if shards is None else shards)

    def check_numbers(self, values: dict[str, Any]) -> None:
        """Raise `InputError` unless the settings may have these numbers."""
        dataclasses.replace(self.followers, **_of_section(values, "followers"))
        dataclasses.replace(self.solver, **_of_section(values, self.solver_entry.name))

    def to_dict(self, problem: Any) -> dict[str, Any]:
        """``config.json``: fully resolved, every default written out."""
        env, lasting = problem.env, problem.lasting or problem.env
        resolved = {**dataclasses.asdict(self.pomdp)}
        resolved.update(
            num_rounds=env.num_rounds,
            num_reward_episodes=env.num_reward_episodes,
            evaluation_rounds=lasting.num_rounds,
        )
        files = {"payoff_file": self.source.payoff_file, "python_file": self.source.python_file}
        content: dict[str, Any] = {
            "schema_version": SCHEMA_VERSION,
            "game": self.source.name,
            "game_options": self.game_options,
            **{key: str(path) for key, path in files.items() if path is not None},
            "pomdp": resolved,
            "followers": dataclasses.asdict(self.followers),
            "solver": self.solver_entry.name,
            self.solver_entry.name: dataclasses.asdict(self.solver),
            "first_seed": self.first_seed,
            "num_seeds": self.num_seeds,
        }
        if self.source.holds_payoffs:
            content["payoffs"] = env.game.payoff_table.tolist()
        if isinstance(self.source, _GivenGame):
            content["game_object"] = f"{type(env.game).__module__}.{type(env.game).__qualname__}"
        if self.source.python_file is not None:
            content["python_file_sha256"] = hashlib.sha256(self.source.python_file.read_bytes()).hexdigest()
        return content

    @staticmethod
    def read(path: pathlib.Path) -> dict[str, Any]:
        """The content of a run's ``config.json``; raises `InputError` unless this version can read it."""
        try:
            content = json.loads(path.read_text())
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
          game_file: the Python file of its game, which is executed; it must be the one that the run was trained on. A run
            may come from somebody else, so the file that it names is not executed unless the user names it too.

        Raises:
          InputError: there is no such run, ``game_file`` is missing, changed or given in vain, or the run is another version's.
        """
        content = RunSpec.read(path)
        if "python_file" in content and game_file is None:
            raise InputError(
                "the game of this run is a Python file, which would be executed; if you trust it, add --game "
                f"{content['python_file']}"
            )
        if game_file is not None and "python_file" not in content:
            raise InputError(f"--game {game_file}: the game of this run is not a Python file")
        if game_file is not None:
            if not game_file.is_file():
                raise InputError(f"game file {game_file} does not exist or is not a file")
            check_same_file(game_file, content["python_file_sha256"])
        if "game_object" in content:
            raise InputError("the game of this run was made in Python, not named; use sx.evaluate_commitment there")
        source: GameSource
        try:
            if "payoffs" in content:
                source = _StoredPayoffs(content["game"], FileGameOptions, payoffs=content["payoffs"])
            elif "python_file" in content:
                source = find_game(f"{game_file}:{content['game']}")
            else:
                source = find_game(content["game"])
            chosen = solver_entry(content["solver"])
            as_given = lambda value: tuple(value) if isinstance(value, list) else value  # JSON has no tuples
            solver = chosen.config(**{name: as_given(value) for name, value in content[chosen.name].items()})
            return RunSpec(
                source,
                content["game_options"],
                POMDPConfig(**content["pomdp"]),
                FollowersConfig(**content["followers"]),
                solver,
                content["first_seed"],
                content["num_seeds"],
            )
        except (KeyError, TypeError) as error:
            raise InputError(f"{path} does not describe a run of this version: {error}") from error


def _of_section(values: dict[str, Any], section: str) -> dict[str, Any]:
    return {name.removeprefix(f"{section}."): value for name, value in values.items() if name.startswith(f"{section}.")}


@dataclasses.dataclass(frozen=True)
class _GivenGame(GameSource):
    """A game that was made in Python: it is known to this process alone."""

    game: Any = None

    def build(self, options: dict[str, Any]) -> "Game":
        del options
        return self.game


@dataclasses.dataclass(frozen=True)
class _StoredPayoffs(GameSource):
    """A payoff file's table as a finished run remembers it; the file itself may be gone."""

    payoffs: Any = None

    def build(self, options: dict[str, Any]) -> "Game":
        from stackjax.games.normal_form import matrix_game

        return matrix_game(self.payoffs, name=self.name, **options)
