"""Training runs for experiments, through the same door as ``stackjax train``, and the curves that they leave behind."""

import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
from typing import Any, NamedTuple

import filelock
import jax
import numpy as np

import stackjax as sx
from stackjax.disk import metrics
from stackjax.disk.files import to_json, write_text
from toolkit.settings import Settings

__all__ = ["MADE_BY", "QUICK_UPDATES", "Curve", "Run", "paper_lengths", "reused_seconds", "step_path", "train", "train_default"]

QUICK_UPDATES = 50
_REUSED: list[float] = []
PAPER_PLAYS = {True: 1000, False: 100}  # in the response phase, by whether there are private types


class Curve(NamedTuple):
    """One quantity while seeds trained: leader decisions ``[p]``, seconds ``[p]`` (all seeds together), values ``[p, S]``."""

    decisions: np.ndarray
    seconds: np.ndarray
    values: np.ndarray

    def late(self) -> np.ndarray:
        """``[S]`` each seed's mean over the last quarter of evaluations."""
        return self.values[-max(1, len(self.values) // 4) :].mean(axis=0)

    def first_lasting(self, level: float) -> np.ndarray:
        """``[S]`` decisions from which on a seed stays at ``level`` or above in nine of ten evaluations; infinity if never.

        The last evaluation alone proves nothing: at least a tenth of all must follow.
        """
        reached = self.values >= level
        least = max(2, len(reached) // 10)
        starts = [
            [k for k in range(len(seed) - least + 1) if seed[k] and seed[k:].mean() >= 0.9] for seed in reached.T
        ]  # fmt: skip
        return np.array([self.decisions[found[0]] if found else np.inf for found in starts])


class Run(NamedTuple):
    """A finished training run: the content of its ``result.json`` and of its ``metrics.jsonl``."""

    result: dict[str, Any]
    rows: list[dict[str, Any]]

    @property
    def payoffs(self) -> np.ndarray:
        """``[S]`` the leader's payoff under each seed's best commitment, judged again."""
        return np.array([seed["leader_payoff"] for seed in self.result["seeds"]])

    @property
    def gaps(self) -> np.ndarray:
        """``[S]`` the followers' distance from equilibrium there."""
        return np.array([seed[self.result["gap_name"]] for seed in self.result["seeds"]])

    @property
    def optimum(self) -> float:
        return self.result["seeds"][0]["optimum"]

    @property
    def episodes(self) -> int:
        """Stackelberg episodes that one seed trained on."""
        return int(self.result["seeds"][0]["stackelberg_episodes"])

    @property
    def seconds(self) -> float:
        return sum(self.result["wall_seconds"].values())

    def at_optimum(self, tolerance: float = 1e-3) -> np.ndarray:
        """``[S]`` whether each seed's best commitment reaches the optimum, to ``tolerance`` of the leader's payoff."""
        return self.payoffs >= self.optimum - tolerance

    def curve(self, name: str) -> Curve:
        """How ``name`` (a key of ``metrics.jsonl``) went."""
        updates = sorted({row["update"] for row in self.rows})
        table = [[row for row in self.rows if row["update"] == update] for update in updates]
        column = lambda key: np.array([[row[key] for row in rows] for rows in table], float)
        return Curve(column("leader_decisions").mean(axis=1), column("seconds")[:, 0], column(name))


# What the step path's experiments take unless they say otherwise: every decision credited, as in the paper.
EVERY_DECISION = {"credit": "all", "gae_lambda": 0.95, "learning_rate": 2e-3}
COMMITMENT_ALONE = {"credit": "commitment", "gae_lambda": 1.0}  # of `EVERY_DECISION`, what a critic with tables needs


def step_path(decisions: int, num_envs: int, num_steps: int) -> dict[str, Any]:
    """`PPOConfig` settings for about ``decisions`` leader decisions a seed on the step path, in rollouts of ``num_steps``.

    One pass over each batch in many small steps: decisions of one episode at one observation are alike, so that further
    passes cost time and teach little.
    """
    num_updates = max(1, round(decisions / (num_envs * num_steps)))
    return {
        "path": "step",
        "num_envs": num_envs,
        "num_steps": num_steps,
        "num_updates": num_updates,
        "num_epochs": 1,
        "num_minibatches": 16,
    }


def paper_lengths(game: str, options: dict[str, Any] | None = None) -> tuple[sx.POMDPConfig, int]:
    """Lengths of an episode as in the paper's published code, which counts plays, and the most leader decisions in it."""
    built = sx.make(game, **(options or {}))
    num_rounds = sx.followers.rounds_from_plays(built, PAPER_PLAYS[built.is_bayesian])
    env = sx.StackelbergPOMDP(built, num_rounds=num_rounds)
    plays = num_rounds * env.plays.num_plays + env.num_reward_episodes
    return sx.POMDPConfig(num_rounds=num_rounds), plays * built.num_decisions


def train(
    settings: Settings,
    name: str,
    game: str,
    *,
    options: dict[str, Any] | None = None,
    pomdp: sx.POMDPConfig | None = None,
    followers: Any = None,
    prices: Any = None,
    queries: Any = None,
    seeds: int | None = None,
    solver: Any = None,
    polish: int = 0,
    **ppo: Any,
) -> Run:
    """Train ``game`` on all seeds into ``settings.runs / name``; everything not given is the library's default.

    ``solver`` is the settings of another solver than PPO. PPO's on the step path are `EVERY_DECISION`.
    """
    ppo = {**(EVERY_DECISION if ppo.get("path") == "step" else {}), **ppo}
    config = solver or sx.PPOConfig(**ppo)
    given = ("pomdp", pomdp), ("followers", followers), ("prices", prices), ("queries", queries)
    sections = {key: one for key, one in given if one is not None}
    seeds, directory = seeds or settings.seeds, settings.runs / name
    stamp = directory.with_name(f"{name}.stamp")
    described = {"game": game, "options": options or {}, "seeds": seeds, "polish": polish}
    described |= {key: dataclasses.asdict(one) for key, one in {**sections, "solver": config}.items()}
    identity = to_json({**described, "made_by": MADE_BY, "device": str(jax.devices()[0])})
    stamp.parent.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(directory.with_name(f"{name}.lock")):  # another experiment may train the same at the same time
        known = not settings.fresh and stamp.is_file() and stamp.read_text(encoding="utf-8") == identity
        if known and (directory / "result.json").is_file():
            found = Run(
                json.loads((directory / "result.json").read_text(encoding="utf-8")), metrics.read(directory / "metrics.jsonl")
            )
            _REUSED.append(found.seconds)
            return found
        print(f"  {name}: {seeds} seeds", flush=True)
        if not known:
            shutil.rmtree(directory, ignore_errors=True)
            write_text(stamp, identity)  # from here on, whatever lies in the directory is this run's
        begun = (directory / "config.json").is_file()
        trained = sx.train(
            game,
            seeds=seeds,
            out=directory,
            **sections,
            solver=config,
            resume=begun,
            stop_at_optimum=False,  # curves and comparisons are of equal lengths
            polish=polish,  # none: of what was learned
            **(options or {}),
        )
        return Run(trained.result, metrics.read(directory / "metrics.jsonl"))


def reused_seconds() -> float:
    """What the runs that were not trained again by this process took when they were."""
    return sum(_REUSED)


def train_default(
    settings: Settings, game: str, options: dict[str, Any] | None = None, *, label: str | None = None, seeds: int | None = None
) -> Run:
    """`train` with the library's default settings (fewer updates in the short version); experiments share these runs."""
    name = "-".join(["default", label or game, *(str(value) for value in (options or {}).values())])
    updates = {"num_updates": QUICK_UPDATES} if settings.quick else {}
    return train(settings, name, game, options=options, seeds=seeds, **updates)


def _made_by() -> dict[str, str]:
    """A run is only as good as the code that made it: all source files of the library, as they are when it is loaded."""
    package = pathlib.Path(sx.__file__).parent
    files = sorted(path for path in package.rglob("*") if path.suffix in (".py", ".cc", ".h"))
    source = hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
    return {"source": source, "jax": jax.__version__, "flags": os.environ.get("XLA_FLAGS", "")}


MADE_BY = _made_by()
