"""Several senders who persuade one receiver: the best answer of one to the others, gains of all, and profiles that are learned.

Senders play a game whose payoffs jump where the receiver changes its mind; here they climb a softened receiver by extragradient
(Hossain et al. 2024), then answer each other exactly, and the profile is certified: a sender's best answer, of any number of
signals, is one linear programme.
"""

import itertools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy

from stackjax.errors import InputError, UnsolvedError, require, require_array, require_count
from stackjax.menus.finite_types import HIGHS
from stackjax.menus.persuasion import TIE, Persuasion, Profile
from stackjax.types import Array, PRNGKey

__all__ = ["best_answer", "certify_senders", "learn_senders"]

STRICT = 1e-7  # of the receiver's payoffs: what it loses, in mean, by not doing as a best answer wants
MOST_PLANS = 4096
NEAR = 0.1  # chances of a signal below which it may as well not be sent
CERTIFIED = 1e-6  # gains that are none


def best_answer(
    problem: Persuasion, signals: tuple[np.ndarray, ...], sender: int, margin: float = STRICT
) -> tuple[float, np.ndarray]:
    """The most that a sender can come close to given the others' signals, and a table ``[S, M]`` that comes close to it.

    A signal may as well say what the receiver will do at each of the others' signals: a *plan*. Over plans it is one linear
    programme, once it is known for each of them which actions the receiver can only ever be indifferent to; there ties decide.

    Args:
      problem: checked.
      signals: of all senders; this one's own are of no account.
      sender: which of them.
      margin: of the receiver's spread, what it loses by another action where the table is obeyed, unless it must be
        indifferent.

    Raises:
      UnsolvedError: there are too many plans.
    """
    states, actions = problem.receiver.shape
    others = tuple(np.ones((states, 1)) if i == sender else table for i, table in enumerate(signals))
    weight = problem.joint(others)  # [S, R], of the state and the others' signals
    plans = actions ** weight.shape[1]
    if plans > MOST_PLANS:
        raise UnsolvedError(
            f"{plans} plans of the receiver are too many to certify; at most {MOST_PLANS}: give the others fewer signals"
        )
    obeyed = [
        plan for acts in itertools.product(range(actions), repeat=weight.shape[1]) if (plan := _plan(problem, weight, acts))
    ]
    worth = np.stack([(weight * problem.senders[sender][:, plan.acts]).sum(axis=1) for plan in obeyed], axis=1)
    best, chances = _signals(obeyed, worth, 0.0) or (-np.inf, None)
    close = _signals(obeyed, worth, margin * problem.spread)
    if chances is None:  # never: to tell the state is possible, and leads to some plan
        raise ArithmeticError("a sender's best signals were not found")
    chances = np.clip(chances if close is None else close[1], 0.0, 1.0)
    sent = chances[:, chances.max(axis=0) > TIE]
    return best, sent / sent.sum(axis=1, keepdims=True)


class _Plan(NamedTuple):
    """What the receiver does, int ``[R]``; chances of states ``x [S]`` lead to it, or nearly, if no row has ``row · x < 0``.

    ``strict`` says which of the ``rows [M, S]`` can be above 0 for it all at once: what the receiver loses by another action.
    """

    acts: tuple[int, ...]
    rows: np.ndarray
    strict: np.ndarray


def _plan(problem: Persuasion, weight: np.ndarray, acts: tuple[int, ...]) -> _Plan | None:
    """The rows of a plan, or None if no signal leads to it."""
    total, own = problem.senders.sum(axis=0), problem.receiver
    loses = own[:, :, None] - own[:, None]  # [S, A, A] by another action
    loses = np.where(np.abs(loses) <= TIE * problem.spread, 0.0, loses)
    pairs = [(r, b) for r, act in enumerate(acts) for b in range(problem.receiver.shape[1]) if b != act]
    if not pairs:
        return _Plan(acts, np.zeros((0, len(weight))), np.zeros(0, bool))
    lost = np.array([weight[:, r] * loses[:, acts[r], b] for r, b in pairs])
    by_ties = np.array([weight[:, r] * (total[:, acts[r]] - total[:, b]) for r, b in pairs])
    comes_first = np.array([acts[r] < b for r, b in pairs])  # of what is as good to all: the receiver takes the first
    tied = np.zeros(len(pairs), bool)  # whether the receiver is indifferent wherever it does not lose by obeying
    while True:
        rows = np.concatenate([lost, by_ties[tied]])
        can = _can_be_positive(rows, np.concatenate([~tied, np.ones(int(tied.sum()), bool)]))
        if can is None:
            return None
        now = tied | ~can[: len(pairs)]
        if (now == tied).all():
            break
        tied = now
    alike = ~can[len(pairs) :]  # ties that the senders' sum does not break
    return None if (alike & ~comes_first[tied]).any() else _Plan(acts, rows, can)


def _can_be_positive(rows: np.ndarray, asked: np.ndarray) -> np.ndarray | None:
    """Which of ``rows [M, S]`` can be above 0 all at once at some ``x >= 0`` where none is below; None if only at ``x = 0``.

    Those that are not ``asked`` count as 0.
    """
    count, states = rows.shape
    scale = np.abs(rows).max(axis=1, keepdims=True)
    scaled = np.vstack([rows / np.where(scale > 0, scale, 1.0), np.eye(states)])  # the states' chances are asked too
    tops = np.concatenate([asked.astype(float), np.ones(states)])
    entries = np.hstack([-scaled, np.eye(count + states)])  # each at most what its row comes to, and at most 1
    worth = np.concatenate([np.zeros(states), tops])
    bounds = [(0, None)] * states + [(0, top) for top in tops]
    found = scipy.optimize.linprog(-worth, entries, np.zeros(count + states), bounds=bounds, method="highs")
    if found.status != 0 or found.x[states + count :].max() < 0.5:
        return None
    return found.x[states : states + count] > 0.5


def _signals(plans: list[_Plan], worth: np.ndarray, margin: float) -> tuple[float, np.ndarray] | None:
    """The most, and chances ``[S, plans]`` that earn it, where receivers lose ``margin`` by what they can lose by; or None."""
    states, count = worth.shape
    blocks = [-(plan.rows - np.where(plan.strict, margin, 0.0)[:, None]) for plan in plans]
    matrix = scipy.sparse.block_diag(blocks, format="csr")  # plan by plan, states within
    sums = scipy.sparse.hstack([scipy.sparse.eye(states)] * count, format="csr")
    found = scipy.optimize.linprog(
        -worth.T.ravel(), matrix, np.zeros(matrix.shape[0]), sums, np.ones(states), method="highs", options=HIGHS
    )
    return (float(-found.fun), found.x.reshape(count, states).T) if found.status == 0 else None


def certify_senders(problem: Persuasion, signals: tuple[np.ndarray, ...]) -> Profile:
    """Payoffs under ``signals``, and what each sender could gain by others, however many; ties go to the senders' sum.

    Raises:
      InputError: the problem is not sound.
      UnsolvedError: there are too many plans, see `best_answer`.
    """
    problem = problem.checked()
    signals = _checked_signals(problem, signals)
    payoffs = problem.payoffs(problem.joint(signals))
    best = np.array([best_answer(problem, signals, i)[0] for i in range(len(signals))])
    return Profile(signals, payoffs, np.maximum(best - payoffs, 0.0))


def _checked_signals(problem: Persuasion, signals: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    tables = tuple(require_array("signals", table).astype(np.float64) for table in signals)
    require("signals", len(tables), len(tables) == len(problem.senders), f"{len(problem.senders)} tables, one for each sender")
    for table in tables:
        is_law = table.ndim == 2 and len(table) == len(problem.prior) and (table >= 0).all()
        if not is_law or not (np.abs(table.sum(axis=1) - 1.0) < 1e-6).all():
            raise InputError(f"signals of shape {table.shape} must be [S, M], chances of signals that sum to 1 in each state")
    return tables


def learn_senders(
    key: PRNGKey,
    problem: Persuasion,
    *,
    num_signals: int = 2,
    num_updates: int = 2000,
    learning_rate: float = 0.1,
    first_sharpness: float = 5.0,
    last_sharpness: float = 200.0,
    rounds: int = 4,
) -> Profile:
    """A profile of senders with ``num_signals`` signals each, learned by extragradient and certified.

    The receiver picks actions with chances that sharpen; then senders answer each other exactly, with as many signals as that
    takes, for at most ``rounds`` rounds. Where that does not settle they reveal all, if that leaves them less to gain.

    Args:
      num_updates: of all senders at once; ``learning_rate`` is that of each.
      first_sharpness, last_sharpness: of the receiver, in between it grows geometrically.

    Raises:
      InputError: the problem is not sound, or a count is not positive.
      UnsolvedError: there are too many plans of the receiver to certify.
    """
    problem = problem.checked()
    for name, count in (("num_signals", num_signals), ("num_updates", num_updates)):
        require_count(name, count)
    (states, _), count = problem.receiver.shape, len(problem.senders)
    parts: Any = (jnp.asarray(part, jnp.float32) for part in problem)
    rough = Persuasion(*parts)

    def payoffs(logits: Array, sharpness: Array) -> Array:
        joint = rough.joint(jax.nn.softmax(logits, axis=2))
        posterior = joint / jnp.maximum(joint.sum(axis=0, keepdims=True), 1e-9)
        acts = jax.nn.softmax(sharpness / problem.spread * (posterior.T @ rough.receiver), axis=1)  # [M, A]
        return jnp.einsum("sm,isa,ma->i", joint, rough.senders, acts)

    def slopes(logits: Array, sharpness: Array) -> Array:
        """Each sender's own derivative."""
        each = jax.jacrev(payoffs)(logits, sharpness)  # [I, I, S, M]
        return each[jnp.arange(count), jnp.arange(count)]

    def step(logits: Array, progress: Array) -> tuple[Array, None]:
        sharpness = first_sharpness * (last_sharpness / first_sharpness) ** progress
        ahead = logits + learning_rate * slopes(logits, sharpness)
        return logits + learning_rate * slopes(ahead, sharpness), None

    start = jax.random.normal(key, (count, states, num_signals))
    progress = jnp.arange(num_updates, dtype=jnp.float32) / num_updates
    logits = jax.jit(lambda start: jax.lax.scan(step, start, progress)[0])(start)
    signals = tuple(np.asarray(table, np.float64) for table in jax.nn.softmax(logits, axis=2))
    signals = tuple(table / table.sum(axis=1, keepdims=True) for table in signals)
    found = min((certify_senders(problem, near) for near in (signals, _snapped(signals))), key=_largest_gain)
    signals = found.signals
    for _ in range(rounds):
        if _largest_gain(found) <= CERTIFIED:
            break
        try:
            for i in range(count):
                answer = best_answer(problem, signals, i)[1]
                signals = tuple(answer if j == i else table for j, table in enumerate(signals))
        except UnsolvedError:  # answers took so many signals that the others' can no longer be found
            break
        found = min(found, certify_senders(problem, signals), key=_largest_gain)
    if _largest_gain(found) > CERTIFIED:  # answers may outbid each other little by little, towards telling all
        found = min(found, certify_senders(problem, (np.eye(states),) * count), key=_largest_gain)
    return found


def _largest_gain(profile: Profile) -> float:
    return float(profile.gain.max())


def _snapped(signals: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Tables whose chances near 0 are 0."""
    kept = [np.where(table < NEAR, 0.0, table) for table in signals]
    return tuple(table / table.sum(axis=1, keepdims=True) for table in kept)
