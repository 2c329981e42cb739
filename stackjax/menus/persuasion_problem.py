"""Persuasion by one sender as a `Problem`: the commitment is the chances of its signals, and the receiver's answer is exact."""

import dataclasses
import itertools
from functools import cached_property
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full, shares
from stackjax.errors import InputError
from stackjax.game_problem import GameProblem
from stackjax.menus.persuasion import TIE, best_signals
from stackjax.menus.persuasion_game import PersuasionGame
from stackjax.menus.senders import best_answer
from stackjax.pictures import cells
from stackjax.problem import Differentiable, Judged, Nearby, Optimum, Played, Region, Worth
from stackjax.types import Array, PRNGKey

__all__ = ["PersuasionProblem"]

MOST_REGIONS = 4096
ROUGH_TIE = 2e-6  # of the receiver's payoffs, in float32
MARGINS = (2e-7, 3e-8, 0.0)  # likewise, by which it prefers what the best commitment wants: float32 may round the last away


@dataclasses.dataclass(frozen=True, eq=False)
class PersuasionProblem(GameProblem):
    """A `Problem`: weights ``[S, M]`` of signals in each state, whose chances are weights over their sum.

    The receiver's answer is an action for each signal; its ties go to the sender.

    Args:
      game: with one sender.

    Raises:
      InputError: ``game`` has several senders.
    """

    game: PersuasionGame

    gap_name = "regret"  # of the receiver: it answers best
    kernel = "argmax"
    judges_roughly = True  # in float32; `describe` tells ties in float64
    columns: ClassVar = {
        "follower_payoffs": "receiver's payoff",
        "regret": "receiver's regret",
        "weak_payoff": "leader payoff, ties against",
    }

    def __post_init__(self) -> None:
        count = len(self.game.problem.senders)
        if count != 1:
            raise InputError(
                f"game {self.game.name!r} has {count} senders, and a leader is one of them alone; stackjax solve, or "
                "menus.learn_senders, finds signals of several"
            )

    def _observations(self) -> np.ndarray:
        """Which state it is."""
        return np.eye(len(self.game.states), dtype=np.float32)

    @cached_property
    def payoff_range(self) -> tuple[float, float]:
        paid = self.game.problem.senders[0]
        low, high = (float(self.game.problem.prior @ end) for end in (paid.min(axis=1), paid.max(axis=1)))
        return low, max(high, low + 1e-9)

    @property
    def tie_tolerance(self) -> float:
        return ROUGH_TIE * self.game.problem.spread

    @property
    def answer_choices(self) -> tuple[int, ...]:
        return (len(self.game.actions),) * self.game.leader_actions.shape[0]

    @property
    def bytes_per_commitment(self) -> int:
        """Chances of states with signals, and what each action pays at each signal."""
        states, (signals,), actions = len(self.game.states), self.game.leader_actions.shape, len(self.game.actions)
        return 4 * signals * (3 * states + 8 * actions)

    @cached_property
    def _alike(self) -> np.ndarray:
        """bool ``[A, A]``, actions that the receiver is indifferent between whatever it is told."""
        problem = self.game.problem
        paid = problem.receiver[problem.prior > 0]
        return np.abs(paid[:, :, None] - paid[:, None]).max(axis=0) <= TIE * problem.spread

    def _expected(self, commitment: Array) -> tuple[Array, Array]:
        """``[M, A]`` what each action pays the receiver, less what is best for it in each state, and the sender at each signal,
        times its chance.
        """
        problem, dtype = self.game.problem, commitment.dtype
        joint = jnp.asarray(problem.prior, dtype)[:, None] * shares(commitment)
        lost = problem.receiver - problem.receiver.max(axis=1, keepdims=True)  # small numbers, which float32 tells apart
        return joint.T @ jnp.asarray(lost, dtype), joint.T @ jnp.asarray(problem.senders[0], dtype)

    @cached_property
    def _informed(self) -> float:
        """What the receiver would be paid if it knew the state."""
        return float(self.game.problem.prior @ self.game.problem.receiver.max(axis=1))

    def _worth(self, commitment: Array) -> Worth:
        own, theirs = self._expected(commitment)
        close = own >= own.max(axis=1, keepdims=True) - self.tie_tolerance
        kindly = jnp.where(self._alike[None], theirs[:, None], -jnp.inf).max(axis=2)  # of ties that nothing breaks the best
        payoff, worst = (
            jnp.where(close, theirs, -jnp.inf).max(axis=1).sum(),
            jnp.where(close, kindly, jnp.inf).min(axis=1).sum(),
        )
        answer = jnp.where(close, theirs, -jnp.inf).argmax(axis=1).astype(jnp.int32)
        followers = self._informed + own.max(axis=1).sum()
        return Worth(payoff, jnp.zeros_like(payoff), jnp.maximum(payoff - worst, 0.0), answer, followers[None], worst)

    @in_full
    def worth(self, key: PRNGKey, commitments: Array, *, lasting: int = 0) -> Worth:
        """See `Problem`; nothing is drawn. ``answer`` is what the receiver does at each signal."""
        del key, lasting
        return jax.vmap(self._worth)(commitments)

    @in_full
    def judge(self, key: PRNGKey, commitment: Array, num_groups: int) -> Judged:
        """See `Problem`; there is nothing to average over. ``details`` is what the receiver does, int ``[M]``."""
        del key, num_groups
        found = self._worth(commitment)
        return Judged(found.payoff, found.gap, found.answer)

    def nearby(self, commitment: Array, answer: Array) -> tuple[Nearby, Nearby]:
        """See `Problem`."""

        @in_full
        def values(commitment: Array) -> tuple[Nearby, Nearby]:
            own, theirs = self._expected(commitment)
            taken = lambda paid: jnp.take_along_axis(paid, answer[:, None], axis=1)
            obeyed = taken(own)
            found = Nearby(taken(theirs).sum(), (obeyed - own).reshape(-1), self._informed + obeyed.sum()[None])
            return found, found

        slopes, here = jax.jacfwd(values, has_aux=True)(commitment)
        return here, slopes

    @cached_property
    def differentiable(self) -> Differentiable:
        """The payoff if the receiver takes actions with chances that fall off smoothly with what they miss."""
        spread = self.game.problem.spread

        def payoff(key: PRNGKey, commitment: Array, sharpness: Array) -> Array:
            del key
            own, theirs = self._expected(commitment)
            chance = jnp.asarray(self.game.problem.prior, own.dtype) @ shares(commitment)
            posterior = own / jnp.maximum(chance, 1e-9)[:, None]
            return (jax.nn.softmax(sharpness / spread * posterior, axis=1) * theirs).sum()

        return Differentiable(
            payoff, lambda key: self.commitments.draw(key, 1)[0], lambda made: shares(jnp.clip(made, 0.0, 1.0))
        )

    def played(self, judged: Judged, commitments: Array) -> list[Played]:
        """See `Problem`: what the receiver does, by state."""
        del judged
        problem, found = self.game.problem, []
        states, actions = problem.receiver.shape
        labels = np.broadcast_to(np.arange(actions, dtype=np.float64)[None, :, None], (states, actions, 1))
        for table in shares(np.asarray(commitments, np.float64), np):
            chances = table @ np.eye(actions)[problem.acts(problem.joint((table,)))]
            paid = (chances * problem.receiver).sum(axis=1)[None]
            found.append(Played(problem.prior, labels, chances, problem.receiver[..., None], paid, list(self.game.states)))
        return found

    def regions(self) -> list[Region] | None:
        """See `Problem`: of the chances of signals, for each plan of the receiver."""
        problem, (signals,) = self.game.problem, self.game.leader_actions.shape
        states, actions = problem.receiver.shape
        if actions**signals > MOST_REGIONS:
            return None
        prior, size = problem.prior[:, None], states * signals
        none, sums = np.zeros(1), np.kron(np.eye(states), np.ones(signals))
        found = []
        for plan in itertools.product(range(actions), repeat=signals):
            obeyed = problem.receiver[:, plan]  # [S, M]
            more = prior[..., None] * (problem.receiver[:, None] - obeyed[..., None])  # [S, M, A]
            rows = np.einsum("sma,mk->mask", more, np.eye(signals)).reshape(-1, size)
            paid = [(prior * payoffs).reshape(1, size) for payoffs in (problem.senders[0][:, plan], obeyed)]
            ends = np.zeros(size), np.ones(size)
            made = lambda x: x.reshape(states, signals)
            found.append(Region(rows, np.zeros(len(rows)), sums, np.ones(states), *ends, paid[0][0], 0.0, paid[1], none, made))
        return found

    def _claimed(self) -> Optimum | str | None:
        """The linear programme's value, and signals that all but earn it, at which the receiver is not indifferent if it need
        not be.
        """
        problem = self.game.problem
        value, _ = best_signals(problem)
        silent, (signals,) = np.ones((len(self.game.states), 1)), self.game.leader_actions.shape
        tables = [best_answer(problem, (silent,), 0, margin)[1] for margin in MARGINS]
        in_float32 = lambda table: shares(table.astype(np.float32).astype(np.float64), np)
        table = max(tables, key=lambda table: problem.payoffs(problem.joint((in_float32(table),)))[0])
        fits = table.shape[1] <= signals
        return Optimum(value, "lp", np.pad(table, ((0, 0), (0, signals - table.shape[1]))) if fits else None)

    def _described(self, actions: np.ndarray, seen: Any) -> dict[str, Any]:
        """In float64."""
        del seen
        game, problem = self.game, self.game.problem
        chances = shares(actions.astype(np.float64), np)
        joint = problem.joint((chances,))
        acts, against = problem.acts(joint), problem.acts(joint, against=True)
        paid = lambda payoffs, acts: float((joint * payoffs[:, acts]).sum())
        weak, words = paid(problem.senders[0], against), [game.actions[act] for act in acts]
        signals = [f"signal {m + 1}" for m in range(joint.shape[1])]
        return self._entry(
            actions,
            game.signals_in_words(chances),
            [self._in_words(signal, joint[:, m], words[m]) for m, signal in enumerate(signals)],
            leader_payoff=paid(problem.senders[0], acts),
            follower_payoffs=[paid(problem.receiver, acts)],
            regret=0.0,
            weak_payoff=weak,
            worst_payoff=weak,
            pictures=[
                cells(
                    "Chances of signals in each state, and what the receiver does", game.states, signals, chances, axes=("", "")
                ),
            ],
        )

    def _in_words(self, signal: str, joint: np.ndarray, act: str) -> str:
        chance = joint.sum()
        if not chance > TIE:
            return f"{signal}: never sent"
        posterior = ", ".join(f"{state} {p / chance:.3f}" for state, p in zip(self.game.states, joint, strict=True))
        return f"{signal} (chance {chance:.3f}; {posterior}): {act}"

    def evaluation_method(self) -> dict[str, Any]:
        """See `Problem`."""
        return {"settled_gap": self.settled_gap, "words": "a receiver who answers best; payoffs are exact"}
