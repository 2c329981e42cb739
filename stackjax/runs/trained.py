"""``sx.train``: a training run from Python, as ``stackjax train`` does it, and what came of it with certificates."""

import dataclasses
import io
import os
import pathlib
import tempfile
from typing import Any, NamedTuple

import numpy as np

from stackjax import registry
from stackjax.cache import programs_kept
from stackjax.disk.directory import RunDirectory
from stackjax.errors import InputError, require, require_is
from stackjax.families import Family
from stackjax.interop.needs import needed
from stackjax.policy import Policy, load_policy
from stackjax.reports.display import LiveProgress, best_seed, plain_console, print_result
from stackjax.reports.tables import rows_of
from stackjax.runs.choice import choice_of
from stackjax.runs.session import run_training
from stackjax.solvers.registry import entry_of, registered_solvers, solver_entry
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import GivenGame, family_of, find_game, resolve_options

__all__ = ["TrainedRun", "TrainedSeed", "load_run", "train"]


class TrainedSeed(NamedTuple):
    """What one seed learned: the best commitment of its training, judged against fresh followers, exactly.

    Attributes:
      seed: the seed.
      certificate: payoffs and gaps (numbers, game units) of the play that the leader is paid for; payoffs are means over the
        groups of fresh followers, gaps the largest. In a Bayesian game a `Certificate`; else what the family's table shows, for
        example ``certificate.half_width``.
      settled: whether the followers' gap is small enough for that play to count as an equilibrium.
      optimum: the leader's exact optimum (or bound), or None where it is not known; ``optimum_method`` says how it is known.
      optimality_gap: the optimum less the leader's payoff, or None.
      observations: ``[O, D]`` every observation that the leader can make; none where they are more than 4,096.
      commitment: ``[O, ...]`` its action there; in a matrix game whose leader mixes, the probabilities of its rows.
      mechanism: the commitment in words, line by line.
      follower_strategies: ``[K_i, A_i]`` for each follower, its mixed strategy by type (or by whatever else it knows).
      plays: a certificate for each way in which followers may play, in a Bayesian game ``"argmax"``, ``"mixed"`` and
        ``"empirical"``.
      policy: the leader's network, in NumPy, as it was learned, without what polishing added; None from a solver that has none.
    """

    seed: int
    certificate: Any
    settled: bool
    optimum: float | None
    optimum_method: str | None
    optimality_gap: float | None
    observations: np.ndarray
    commitment: np.ndarray
    mechanism: list[str]
    follower_strategies: list[np.ndarray]
    plays: dict[str, Any]
    policy: Policy | None


@dataclasses.dataclass(frozen=True)
class TrainedRun:
    """A finished run; printed, it is the table that the command line shows.

    Attributes:
      seeds: what each seed learned, in order.
      result: the content of ``result.json``.
      directory: where the run lies, or None if it was not kept.
    """

    seeds: tuple[TrainedSeed, ...]
    result: dict[str, Any]
    directory: pathlib.Path | None

    @property
    def best(self) -> TrainedSeed:
        """The seed with the highest payoff among those whose followers settle."""
        return next(seed for seed in self.seeds if seed.seed == best_seed(self.result)["seed"])

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame` with a row for each seed: its numbers, as ``stackjax export RUN table.csv`` writes them.

        Raises:
          InputError: pandas is not installed.
        """
        return needed("pandas", "to_pandas", "pandas").DataFrame(rows_of(self.result))

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        text = io.StringIO()
        directory = None if self.directory is None else RunDirectory(self.directory)
        print_result(self.result, directory, plain_console(file=text, width=100))
        return text.getvalue()


def train(
    game: Any,
    *,
    seeds: int = 10,
    seed: int = 0,
    out: str | pathlib.Path | None = None,
    solver: str | Any = None,
    resume: bool = False,
    overwrite: bool = False,
    mesh: tuple[int, int] | None = None,
    stop_at_optimum: bool = True,
    polish: int | None = None,
    patience: int | None = None,
    second: str | None = None,
    slack: float = 0.0,
    progress: bool = True,
    log: str | None = None,
    **settings: Any,
) -> TrainedRun:
    """Train leaders of ``game`` and certify what they learned: ``stackjax train`` from Python.

    Args:
      game: what the command line takes (a registered name, a payoff file, ``openspiel:NAME``, ``FILE.py:NAME``), or a `Game`.
      seeds: how many, trained side by side.
      seed: the first of them.
      out: the run directory; None keeps nothing on disk.
      solver: what looks for the commitment, by name (``"direct"``, ``"gradient"``, ``"ppo"``, ``"search"``, ``"bandit"``,
        ``"policy"``, ``"es"``, ``"own"``) or as its settings; if None, the solver whose settings are given, and the game's own
        if none are: ``"direct"``, for menus ``"gradient"``, for games too large for tables ``"policy"``.
      resume: go on with what is in ``out``.
      overwrite: replace what is in ``out``.
      mesh: devices for seeds and devices that share each seed's episodes; as many as are of use if None.
      stop_at_optimum: whether to end once every seed has reached the optimum, where it is known.
      polish: evaluations that improve each seed's best commitment once training is over, unless it is at the optimum; 0 for
        none. If None, 4096, and 0 after ``direct``, which ends with such a search itself.
      patience: where no optimum is known, updates for which no seed's best payoff has risen, after which training ends; 0 to
        go on. If None, 100 with ``direct`` and 0 with others. Without ``stop_at_optimum`` all updates are made.
      second: an objective by which to choose among commitments that pay the leader as much: ``"followers"`` (the sum of their
        payoffs), ``"least-follower"``, ``"equality"``, ``"revenue"``, ``"robust"`` (the worst that followers may answer),
        ``"simplicity"`` (few different numbers) or ``"nearest:RUN"`` (to the commitment of another run).
      slack: what that may cost the leader, game units.
      progress: whether to show a progress line on standard error.
      log: ``"tensorboard"`` or ``"wandb"``, a viewer that metrics go to as they come, one series a seed; it needs ``out``.
      settings: by section as at the command line, for example ``pomdp=sx.POMDPConfig(num_rounds=100)``,
        ``followers=sx.followers.FollowersConfig("q-learning")`` or ``ppo=sx.PPOConfig(num_envs=64)``, where None means the
        defaults; all else is an option of the game, for example ``num_messages=2``.

    Raises:
      InputError: the game, a setting or ``out`` is wrong; nothing has been computed or changed then.
      NonFiniteError: every seed met a loss or weight that is not finite.
      Stopped: a signal asked for it; what was learned is saved if ``out`` is given.
    """
    source = find_game(game) if isinstance(game, str) else GivenGame.of(game)
    sections = family_of(source).sections
    known = {name: settings.pop(name) for name in sections if name in settings}
    for name, value in known.items():
        require_is(name, value, (sections[name], type(None)), f"a {sections[name].__name__}")
    is_asked = solver is not None or any(entry.name in settings for entry in registered_solvers())
    chosen = _solver(solver, settings, family_of(source).solver)
    if settings and isinstance(source, GivenGame):
        raise InputError(f"{next(iter(settings))} is an option of a named game; give a Game its options when it is made")
    given = {name: value for name, value in known.items() if value is not None}
    options, choice = resolve_options(source, settings), choice_of(second, slack)
    spec = RunSpec(source, options, given, chosen, seed, seeds, stop_at_optimum, polish, patience, choice)
    spec = spec if is_asked else spec.fitting()
    require_is("out", out, (str, os.PathLike, type(None)), "the path of a directory, or None")
    is_mesh = isinstance(mesh, tuple) and len(mesh) == 2 and all(isinstance(count, int) for count in mesh)
    require("mesh", mesh, mesh is None or is_mesh, "two numbers of devices, for seeds and for each seed's episodes")
    if out is None and (resume or overwrite):
        raise InputError("resume and overwrite need out, the run directory")
    if out is None and log is not None:
        raise InputError(f"log={log!r} needs out, the run directory")
    with tempfile.TemporaryDirectory(prefix="stackjax-run-") as scratch:
        directory = RunDirectory(scratch if out is None else out)
        with programs_kept(), LiveProgress(silent=not progress) as live:
            result = run_training(
                spec,
                directory,
                resume=resume,
                overwrite=overwrite or out is None,
                mesh=mesh,
                on_progress=live.show,
                on_stage=live.stage,
                log=log,
            )
        found = _run(spec.family, result, directory)
    return found if out is not None else dataclasses.replace(found, directory=None)


def load_run(directory: str | pathlib.Path) -> TrainedRun:
    """The finished run in a directory, as `train` returned it. Nothing in it is executed, and no game is made.

    Raises:
      InputError: there is no finished run there, or it is damaged.
    """
    require_is("directory", directory, (str, os.PathLike), "the path of a run")
    place = RunDirectory(directory).open_existing()
    if place.is_sweep:
        raise InputError(f"directory {place.path} holds a sweep; its table is {place.path / 'table.csv'}")
    result = place.read_result()
    family = registry.families().get(result.get("family", ""))
    if family is None:
        raise place.damaged_result("no family of games, or one whose package is not installed")
    with place.damage_told():
        return _run(family, result, place)


def _run(family: Family, result: dict[str, Any], directory: RunDirectory) -> TrainedRun:
    policy_of = lambda entry: load_policy(directory.policies, entry["seed"]) if directory.policies.is_file() else None
    return TrainedRun(tuple(_seed(family, entry, policy_of(entry)) for entry in result["seeds"]), result, directory.path)


def _solver(solver: str | Any, settings: dict[str, Any], default: str) -> Any:
    """The settings of the solver that is meant; takes those in ``settings`` out of there."""
    given = {entry.name: settings.pop(entry.name) for entry in registered_solvers() if entry.name in settings}
    for entry in registered_solvers():
        require_is(entry.name, given.get(entry.name), (entry.config, type(None)), f"a {entry.config.__name__}")
    given = {name: config for name, config in given.items() if config is not None}
    for name in given:
        if solver not in (None, name) or len(given) > 1:
            other = f"solver={solver!r}" if solver not in (None, name) else next(other for other in given if other != name)
            raise InputError(f"{name} holds settings of another solver than {other}; give one of them")
    if solver is None or isinstance(solver, str):
        return next(iter(given.values()), None) or solver_entry(solver or default).config()
    entry_of(solver)
    return solver


def _seed(family: Family, entry: dict[str, Any], policy: Policy | None) -> TrainedSeed:
    plays = family.certificates(entry)
    return TrainedSeed(
        seed=entry["seed"],
        certificate=plays[entry.get("reward_play", next(iter(plays)))],
        settled=entry["settled"],
        optimum=entry["optimum"],
        optimum_method=entry["optimum_method"],
        optimality_gap=entry["optimality_gap"],
        observations=np.asarray(entry["commitment"]["observations"]),
        commitment=np.asarray(entry["commitment"]["actions"]),
        mechanism=entry["mechanism"],
        follower_strategies=[np.asarray(table) for table in entry.get("follower_strategies", [])],
        plays=plays,
        policy=policy,
    )
