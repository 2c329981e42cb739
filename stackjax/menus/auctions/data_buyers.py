"""Two buyers of data who compete: the best mechanism's revenue, by virtual values.

The state is one of two, with a common prior. Buyer i is paid ``v_i``, which is private, for acting right and loses
``alpha * v_i`` if the other does. The best mechanism tells buyer i the truth if the other's value is below a threshold that
grows with its own, and nothing otherwise (Bonatti, Dahleh, Horel and Nouripour 2024; Ravindranath, Jiang and Parkes 2023).
"""

import itertools
from typing import Any

import numpy as np
import scipy

from stackjax.errors import require, require_number

__all__ = ["two_data_buyers"]


def two_data_buyers(values: tuple[Any, Any], alpha: float, prior: float) -> float:
    """The most revenue from two buyers of data, in Bayesian equilibrium, game units.

    Args:
      values: the law of each buyer's value, as a frozen continuous distribution of ``scipy.stats`` whose virtual value
        ``v - (1 - F(v)) / f(v)`` grows.
      alpha: what a buyer loses by the other's acting right, of its value; positive.
      prior: the chance of the likelier state, from 1/2 to below 1.

    Raises:
      InputError: a number is out of range, or ``values`` are not two laws.
    """
    require_number("alpha", alpha, lambda alpha: alpha > 0, "positive")
    require_number("prior", prior, lambda prior: 0.5 <= prior < 1.0, "from 0.5 to below 1")
    are_laws = len(values) == 2 and all(hasattr(law, "ppf") for law in values)
    require("values", values, are_laws, "two frozen distributions of scipy.stats")
    return sum(_revenue(values[i], values[1 - i], alpha, prior) for i in range(2))


def _virtual(law: Any, value: float) -> float:
    return float(value - law.sf(value) / law.pdf(value))


def _revenue(own: Any, other: Any, alpha: float, prior: float) -> float:
    """What comes of telling one buyer: its virtual value less ``alpha`` times the other's, where it is told."""
    low, high = other.support()
    top = high if np.isfinite(high) else float(other.isf(1e-13))
    floor = float(other.ppf(prior))

    def threshold(value: float) -> float:
        wanted = _virtual(own, value) / alpha
        if wanted <= _virtual(other, floor):
            return floor
        if wanted >= _virtual(other, top):
            return top
        return max(floor, float(scipy.optimize.brentq(lambda v: _virtual(other, v) - wanted, low, top, xtol=1e-13)))

    def told(value: float) -> float:
        """Over the other's values below the threshold, virtual ones integrate to ``-threshold * (1 - F(threshold))``."""
        least = threshold(value)
        return (_virtual(own, value) * float(other.cdf(least)) + alpha * (least * float(other.sf(least)) - low)) * own.pdf(
            value
        )

    start, end = own.support()
    end = end if np.isfinite(end) else float(own.isf(1e-13))
    kinks = _kinks(own, other, alpha, floor, top, start, end)
    return float(sum(scipy.integrate.quad(told, a, b, limit=200)[0] for a, b in itertools.pairwise(kinks)))


def _kinks(own: Any, other: Any, alpha: float, floor: float, top: float, start: float, end: float) -> list[float]:
    """Where the threshold leaves its floor and where it meets the top, between ``start`` and ``end``."""
    places = [start]
    for value in (floor, top):
        gap = lambda v, value=value: _virtual(own, v) / alpha - _virtual(other, value)
        if gap(start) < 0 < gap(end):
            places.append(float(scipy.optimize.brentq(gap, start, end)))
    return sorted([*places, end])
