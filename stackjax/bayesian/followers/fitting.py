"""How rational people were: the numbers of `quantal` and `suqr` by maximum likelihood from what they attacked. Free of JAX."""

import csv
import math
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from stackjax.errors import InputError, near_matches, require_array

__all__ = ["Attacks", "FittedRationality", "FittedWeights", "fit_rationality", "fit_suqr", "load_attacks"]

COLUMN = "attacked"  # of a file of attacks
CONFIDENCE = 0.95
SEPARATED = 1e-9  # of the largest difference of features: what no weights set apart
STEPS = 100  # of Newton's method, which takes some ten


class Attacks(NamedTuple):
    """Past attacks: the ``attacks`` int ``[m]``, the ``coverages [m, A]`` that were seen then, and the ``targets``' names."""

    attacks: np.ndarray
    coverages: np.ndarray
    targets: tuple[str, ...]


class FittedRationality(NamedTuple):
    """The likeliest ``rationality``, over game units, and its 95 % interval ``low`` to ``high`` by the profile likelihood.

    ``log_likelihood`` is that of the ``num_attacks`` attacks; uniform play has ``-m ln A``.
    """

    rationality: float
    low: float
    high: float
    log_likelihood: float
    num_attacks: int


class FittedWeights(NamedTuple):
    """The likeliest ``weights [3]`` of `suqr` and 95 % intervals ``low`` to ``high``, each ``[3]``, by Fisher's information.

    ``log_likelihood`` is that of the ``num_attacks`` attacks; uniform play has ``-m ln A``.
    """

    weights: np.ndarray
    low: np.ndarray
    high: np.ndarray
    log_likelihood: float
    num_attacks: int


def fit_rationality(attacks: Any, payoffs: Any) -> FittedRationality:
    """The rationality λ of `quantal` by maximum likelihood from m observed choices, all of one type.

    ``L(λ) = Σ_i λ v_i[a_i] - ln Σ_b exp(λ v_i[b])`` is concave; the interval holds every λ >= 0 with ``2 (L(best) - L(λ))``
    below the 95 % quantile of χ² with one degree of freedom.

    Args:
      attacks: int ``[m]``, the action that was chosen in each observation.
      payoffs: ``[m, A]`` what each action would have paid the follower then, game units; for coverage c these are
        ``c * covered + (1 - c) * uncovered``.

    Raises:
      InputError: an argument is empty, of another shape, or holds what is no action or not finite; every action paid the same
        in every observation; or every choice was the best one, so that the rationality is infinite (names its lower bound).

    References: McKelvey and Palfrey (1995), Section 4; Yang et al. (2011).
    """
    import scipy

    values = _finite("payoffs", payoffs)
    if values.ndim != 2 or not values.size:
        raise InputError(f"payoffs has shape {values.shape}, but must be [m, A]: of each action in each of m observations")
    chosen = _actions(attacks, *values.shape)
    scale = float(np.ptp(values, axis=1).max())
    if scale == 0:
        raise InputError("payoffs: every action pays the same in every observation, which says nothing of the rationality")
    lost = (values - values[np.arange(len(chosen)), chosen, None]) / scale  # below 0 where the choice was better

    def likelihood(rate: float) -> float:
        return -float(scipy.special.logsumexp(rate * lost, axis=1).sum())

    def slope(rate: float) -> float:
        return -float((scipy.special.softmax(rate * lost, axis=1) * lost).sum())

    most = float(scipy.stats.chi2.ppf(CONFIDENCE, 1)) / 2.0
    if lost.max() <= 0:
        limit = -float(np.log((lost == 0).sum(axis=1)).sum())
        low = _crossing(lambda rate: (limit - most) - likelihood(rate), 0.0)
        raise InputError(
            f"attacks: each of the {len(chosen)} was the best there was, so that the likeliest rationality is infinite; with "
            f"95 % confidence it is at least {low / scale:.4g}"
        )
    best = _crossing(slope, 0.0)
    height = likelihood(best)
    falls = lambda rate: likelihood(rate) - (height - most)
    low = 0.0 if falls(0.0) >= 0 else scipy.optimize.brentq(falls, 0.0, best)
    return FittedRationality(best / scale, low / scale, _crossing(falls, best) / scale, height, len(chosen))


def fit_suqr(attacks: Any, coverages: Any, rewards: Any, penalties: Any) -> FittedWeights:
    """The three weights of `suqr` by maximum likelihood from m observed attacks; concave, by Newton's method.

    Args:
      attacks: int ``[m]``, the target of each.
      coverages: ``[m, A]`` how likely each target was covered then, as the attacker knew, 0 to 1.
      rewards: ``[A]`` or ``[m, A]`` what a target pays the attacker uncovered, game units.
      penalties: ``[A]`` or ``[m, A]`` what it pays covered.

    Raises:
      InputError: an argument is empty, of another shape, or holds what is no target, no coverage or not finite; the weights
        cannot be told apart, as where all rewards are equal; or the attacks are separated perfectly, so that a weight is
        infinite (names the direction).

    References: Nguyen et al. (2013); McFadden (1974), for the conditional logit model.
    """
    covered = _finite("coverages", coverages)
    if covered.ndim != 2 or not covered.size:
        raise InputError(f"coverages has shape {covered.shape}, but must be [m, A]: of each target at each of m attacks")
    if covered.min() < 0 or covered.max() > 1:
        raise InputError(f"coverages holds {covered[(covered < 0) | (covered > 1)][0]}, but must be from 0 to 1")
    chosen = _actions(attacks, *covered.shape)
    seen = [covered]
    for name, given in {"rewards": rewards, "penalties": penalties}.items():
        table = _finite(name, given)
        if table.shape not in (covered.shape, covered.shape[1:]):
            raise InputError(f"{name} has shape {table.shape}, but must be {covered.shape[1:]} or {covered.shape}")
        seen.append(np.broadcast_to(table, covered.shape))
    features = np.stack(seen, axis=-1)
    features = features - features[np.arange(len(chosen)), chosen][:, None]  # [m, A, 3], 0 at what was chosen
    scale = np.abs(features).max(axis=(0, 1))
    centred = (features - features.mean(axis=1, keepdims=True)).reshape(-1, 3) / np.where(scale > 0, scale, 1.0)
    if np.linalg.matrix_rank(centred, tol=SEPARATED * max(1.0, math.sqrt(len(centred)))) < 3:
        raise InputError(
            "coverages, rewards and penalties do not tell the three weights apart: over the targets one of them is constant, "
            "or follows from the others"
        )
    features = features / scale
    _refuse_separated(features, scale)
    weights = _newton(features)
    chances, logs = _logit(features, weights)
    spread = np.sqrt(np.diag(np.linalg.inv(_information(features, chances))))
    width = 1.959963984540054 * spread  # of a normal distribution
    low, best, high = ((weights + shift) / scale for shift in (-width, 0.0, width))
    return FittedWeights(best, low, high, logs, len(chosen))


def load_attacks(path: str | pathlib.Path) -> Attacks:
    """Past attacks from a CSV file: a header, then a line for each attack.

    The first column is called ``attacked`` and holds the name of the target that was attacked. The others are called as the
    targets and hold how likely each was covered then, from 0 to 1::

        attacked,gate,pier,depot
        pier,0.6,0.2,0.2
        gate,0.5,0.5,0

    Args:
      path: of the file, in UTF-8.

    Raises:
      InputError: the file cannot be read, has no such header or no attacks, or a line holds a target that the header does not
        name, another number of columns, or what is no coverage; names the line.
    """
    place = pathlib.Path(path)
    try:
        lines = list(csv.reader(place.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"attacks {place} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    rows = [(number, [cell.strip() for cell in row]) for number, row in enumerate(lines, 1) if any(map(str.strip, row))]
    head = rows[0][1] if rows else []
    targets = head[1:]
    if head[:1] != [COLUMN] or not targets or not all(targets) or len(set(targets)) < len(targets):
        raise InputError(f"attacks {place} must begin with a header: {COLUMN}, then the names of the targets, each once")
    if len(rows) == 1:
        raise InputError(f"attacks {place} holds a header but no attacks")
    attacks, coverages = [], []
    for number, row in rows[1:]:
        where = f"attacks {place}, line {number}"
        if len(row) != len(head):
            raise InputError(f"{where} has {len(row)} columns, but the header has {len(head)}")
        if row[0] not in targets:
            raise InputError(f"{where}: the header names no target {row[0]!r}.{near_matches(row[0], targets)}")
        attacks.append(targets.index(row[0]))
        coverages.append(
            [_coverage(cell, f"{where}: the coverage of {name!r}") for name, cell in zip(targets, row[1:], strict=True)]
        )
    return Attacks(np.array(attacks), np.array(coverages), tuple(targets))


def _coverage(cell: str, what: str) -> float:
    try:
        number = float(cell)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise InputError(f"{what} is {cell!r}, but must be a number from 0 to 1")
    return number


def _finite(name: str, given: Any) -> np.ndarray:
    table = require_array(name, given).astype(np.float64)
    if not np.isfinite(table).all():
        raise InputError(f"{name} holds NaN or infinity; every number must be finite")
    return table


def _actions(attacks: Any, count: int, num_actions: int) -> np.ndarray:
    chosen = require_array("attacks", attacks)
    if chosen.shape != (count,):
        raise InputError(f"attacks has shape {chosen.shape}, but must be ({count},): one for each observation")
    wrong = chosen[~((chosen >= 0) & (chosen < num_actions) & (chosen == np.floor(chosen)))]
    if wrong.size:
        raise InputError(f"attacks holds {wrong[0]}, but must hold whole numbers from 0 to {num_actions - 1}")
    return chosen.astype(np.int64)


def _crossing(falling: Callable[[float], float], start: float) -> float:
    """Where a function crosses 0 beyond ``start``; ``start`` if it is not above 0 there."""
    import scipy

    if falling(start) <= 0:
        return start
    width = 1.0
    while falling(start + width) > 0:
        width *= 2.0
    return float(scipy.optimize.brentq(falling, start, start + width, xtol=1e-12, rtol=1e-12))


def _logit(features: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, float]:
    """Chances ``[m, A]``, and the logarithm of the likelihood of what was chosen, whose features are 0."""
    import scipy

    utility = features @ weights
    return scipy.special.softmax(utility, axis=1), -float(scipy.special.logsumexp(utility, axis=1).sum())


def _information(features: np.ndarray, chances: np.ndarray) -> np.ndarray:
    mean = (chances[..., None] * features).sum(axis=1)  # [m, 3]
    return np.einsum("ma,mai,maj->ij", chances, features, features) - mean.T @ mean


def _newton(features: np.ndarray) -> np.ndarray:
    weights = np.zeros(3)
    chances, height = _logit(features, weights)
    for _ in range(STEPS):
        slope = -(chances[..., None] * features).sum(axis=(0, 1))
        step, share = np.linalg.solve(_information(features, chances), slope), 1.0
        gain = float(slope @ step)
        while _logit(features, weights + share * step)[1] < height + 1e-4 * share * gain and share > 1e-10:
            share /= 2.0
        weights = weights + share * step
        chances, height = _logit(features, weights)
        if gain < 1e-16 * len(features):
            break
    return weights


def _refuse_separated(features: np.ndarray, scale: np.ndarray) -> None:
    """Raise `InputError` if some weights like each choice at least as well as all others, and one better (Konis 2007)."""
    import scipy

    ahead = -features.reshape(-1, features.shape[-1])  # of the choice, by feature
    ahead = ahead[np.abs(ahead).max(axis=1) > 0]
    found = scipy.optimize.linprog(-ahead.sum(axis=0), A_ub=-ahead, b_ub=np.zeros(len(ahead)), bounds=(-1, 1))
    if found.status == 0 and -found.fun > 1e-6:
        way = found.x / scale
        words = ", ".join(f"{weight:.3g}" for weight in way / np.abs(way).max())
        raise InputError(
            f"attacks: weights in proportion to ({words}) like each of the {len(features)} best, so that the likeliest ones "
            "are infinite; more attacks are needed"
        )
