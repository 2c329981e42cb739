"""``sx.train``: a training run from Python, as ``stackjax train`` does it, and what came of it with certificates."""

import dataclasses
import io
import pathlib
import tempfile
from typing import Any, NamedTuple

import numpy as np
from rich.console import Console

from stackjax.equilibrium.certificate import Certificate
from stackjax.errors import InputError, require_is
from stackjax.followers.config import FollowersConfig
from stackjax.games.base import Game
from stackjax.policy import Policy, load_policy
from stackjax.ppo.config import PPOConfig
from stackjax.runs.directory import RunDirectory
from stackjax.runs.display import LiveProgress, best_seed, print_result
from stackjax.runs.session import run_training
from stackjax.runs.spec import GameSource, POMDPConfig, RunSpec, find_game, given_game, resolve_options
from stackjax.solvers.registry import DEFAULT_SOLVER, entry_of, solver_entry

__all__ = ["TrainedRun", "TrainedSeed", "train"]


class TrainedSeed(NamedTuple):
    """What one seed learned: the best commitment of its training, judged against fresh followers, exactly.

    Attributes:
      seed: the seed.
      certificate: payoffs and gaps (numbers, game units) of the play that the leader is paid for; payoffs are means over the
        groups of fresh followers, gaps the largest.
      settled: whether the B-CCE gap is small enough for that play to count as an equilibrium (`POMDPConfig.settled_gap`).
      optimum: the leader's exact optimum (or bound), or None where it is not known; ``optimum_method`` says how it is known.
      optimality_gap: the optimum less the leader's payoff, or None.
      observations: ``[O, D]`` every observation that the leader can make.
      commitment: ``[O, ...]`` its action there; in a matrix game whose leader mixes, the probabilities of its rows.
      mechanism: the commitment in words, line by line.
      follower_strategies: ``[K_i, A_i]`` for each follower, its mixed strategy by type.
      plays: a certificate for each of ``"argmax"``, ``"mixed"`` and ``"empirical"``, the ways in which followers may play.
      policy: the leader's network, in NumPy; None from a solver that has none.
    """

    seed: int
    certificate: Certificate
    settled: bool
    optimum: float | None
    optimum_method: str | None
    optimality_gap: float | None
    observations: np.ndarray
    commitment: np.ndarray
    mechanism: list[str]
    follower_strategies: list[np.ndarray]
    plays: dict[str, Certificate]
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

    def __str__(self) -> str:
        text = io.StringIO()
        directory = None if self.directory is None else RunDirectory(self.directory)
        print_result(self.result, directory, Console(file=text, width=100))
        return text.getvalue()


def train(
    game: str | Game,
    *,
    seeds: int = 10,
    seed: int = 0,
    out: str | pathlib.Path | None = None,
    pomdp: POMDPConfig | None = None,
    followers: FollowersConfig | None = None,
    ppo: PPOConfig | None = None,
    solver: str | Any = None,
    resume: bool = False,
    overwrite: bool = False,
    mesh: tuple[int, int] | None = None,
    progress: bool = True,
    **options: Any,
) -> TrainedRun:
    """Train leaders of ``game`` and certify what they learned: ``stackjax train`` from Python.

    Args:
      game: what the command line takes (a registered name, a payoff file, ``openspiel:NAME``, ``FILE.py:NAME``), or a `Game`.
      seeds: how many, trained side by side.
      seed: the first of them.
      out: the run directory; None keeps nothing on disk.
      pomdp, followers, ppo: settings; the library's defaults if None.
      solver: what looks for the commitment, by name (``"direct"``, ``"ppo"``, ``"search"``) or as its settings; if None,
        PPO where ``ppo`` is given and ``"direct"`` otherwise.
      resume: go on with what is in ``out``.
      overwrite: replace what is in ``out``.
      mesh: devices for seeds and devices that share each seed's episodes; as many as are of use if None.
      progress: whether to show a progress line on standard error.
      options: the game's options, for example ``num_messages=2``.

    Raises:
      InputError: the game, a setting or ``out`` is wrong; nothing has been computed or changed then.
      NonFiniteError: every seed met a loss or weight that is not finite.
      Stopped: a signal asked for it; what was learned is saved if ``out`` is given.
    """
    for name, value, kind in (
        ("pomdp", pomdp, POMDPConfig),
        ("followers", followers, FollowersConfig),
        ("ppo", ppo, PPOConfig),
    ):
        require_is(name, value, (kind, type(None)), f"a {kind.__name__}")
    if ppo is not None and solver not in (None, "ppo"):
        raise InputError(f"ppo holds settings of another solver than solver={solver!r}; give one of them")
    if solver is None or isinstance(solver, str):
        solver = ppo or solver_entry(solver or DEFAULT_SOLVER).config()
    entry_of(solver)
    source = _source(game, options)
    spec = RunSpec(
        source,
        resolve_options(source, options),
        pomdp or POMDPConfig(),
        followers or FollowersConfig(),
        solver,
        seed,
        seeds,
    )
    if out is None and (resume or overwrite):
        raise InputError("resume and overwrite need out, the run directory")
    with tempfile.TemporaryDirectory(prefix="stackjax-run-") as scratch:
        directory = RunDirectory(scratch if out is None else out)
        with LiveProgress(spec.solver.num_updates, silent=not progress) as live:
            result = run_training(
                spec, directory, resume=resume, overwrite=overwrite or out is None, mesh=mesh, on_progress=live.show
            )
        policy_of = lambda entry: load_policy(directory.policies, entry["seed"]) if directory.policies.is_file() else None
        seeds_found = tuple(_seed(entry, policy_of(entry)) for entry in result["seeds"])
    return TrainedRun(seeds_found, result, None if out is None else directory.path)


def _source(game: str | Game, options: dict[str, Any]) -> GameSource:
    if isinstance(game, str):
        return find_game(game)
    require_is("game", game, Game, "a registered name (see stackjax list), a file, or a Game")
    if options:
        raise InputError(f"{next(iter(options))} is an option of a named game; give a Game its options when it is made")
    return given_game(game)


def _seed(entry: dict[str, Any], policy: Policy | None) -> TrainedSeed:
    plays = {name: _certificate(numbers) for name, numbers in entry["plays"].items()}
    return TrainedSeed(
        seed=entry["seed"],
        certificate=plays[entry["reward_play"]],
        settled=entry["settled"],
        optimum=entry["optimum"],
        optimum_method=entry["optimum_method"],
        optimality_gap=entry["optimality_gap"],
        observations=np.asarray(entry["commitment"]["observations"]),
        commitment=np.asarray(entry["commitment"]["actions"]),
        mechanism=entry["mechanism"],
        follower_strategies=[np.asarray(table) for table in entry["follower_strategies"]],
        plays=plays,
        policy=policy,
    )


def _certificate(numbers: dict[str, Any]) -> Certificate:
    return Certificate(**{**numbers, "follower_payoffs": np.asarray(numbers["follower_payoffs"])})
