"""The strong optimum by an integer programme without a big M: a commitment for each answer, scaled by whether it is given.

Variables: the commitment x, for type k and answer a the switch z_ka, and y_ka = z_ka x. Then sum_a z_ka = 1, sum_a y_ka = x,
y_ka is z_ka times a possible commitment to which a is a best answer, and the payoff is linear in y and z. Without whole
numbers this is the intersection of the types' convex hulls: as tight as any prices in `decomposition_bound`.
"""

import time
from typing import NamedTuple

import numpy as np
import scipy

from stackjax.bayesian.linear.game import LinearGame

__all__ = ["LARGEST_PROGRAMME", "best_by_integers", "hull_prices", "programme_size"]

LARGEST_PROGRAMME = 2_000_000  # entries other than 0
UNITS = 1e3  # of the leader's spread, as HiGHS sees it: its gap of 1e-6 is absolute


def programme_size(game: LinearGame, possible: np.ndarray) -> int:
    """About how many entries the programme has; ``possible [K, A]`` are the answers that are best somewhere."""
    counts, slopes = possible.sum(axis=1), np.count_nonzero(game.follower) / game.follower[..., 0].size
    return int((counts**2).sum() * min(2 * slopes, game.num_variables) + 5 * counts.sum() * game.num_variables)


class _Hulls(NamedTuple):
    """The programme, in `UNITS` of the leader's spread; variables are x ``[n]``, z ``[F]``, y ``[F, n]``."""

    objective: np.ndarray  # to maximise
    matrix: scipy.sparse.csr_array
    least: np.ndarray  # of each row
    most: np.ndarray
    who: np.ndarray  # [F] the type of each switch
    what: np.ndarray  # [F] its answer
    copies: slice  # the rows sum_a y_ka = x, type after type
    unit: float


def best_by_integers(game: LinearGame, possible: np.ndarray, seconds: float) -> tuple[np.ndarray | None, float]:
    """The best answers that HiGHS found, int ``[K]``, and a value that none exceeds.

    Args:
      game: the game.
      possible: ``[K, A]`` answers that are best somewhere: the others take no part.
      seconds: the time limit.

    Returns:
      None for the answers if none were found, infinity for the bound if there is none.

    References: Paruchuri et al. (2008), for the integer programme of types (DOBSS); Balas (1998), for hulls of unions.
    """
    started, hulls, n = time.monotonic(), _hulls(game, possible), game.num_variables
    switches = slice(n, n + len(hulls.who))
    whole = np.zeros(len(hulls.objective))
    whole[switches] = 1
    found = scipy.optimize.milp(
        -hulls.objective,
        integrality=whole,
        bounds=scipy.optimize.Bounds(0.0, 1.0),
        constraints=scipy.optimize.LinearConstraint(hulls.matrix, hulls.least, hulls.most),
        options={"time_limit": max(seconds - (time.monotonic() - started), 0.1), "mip_rel_gap": 0.0},
    )
    dual = found.mip_dual_bound
    bound = -float(dual) * hulls.unit if dual is not None and np.isfinite(dual) else np.inf
    if found.x is None:
        return None, bound
    chosen = np.where(possible, 0.0, -np.inf)
    chosen[hulls.who, hulls.what] = found.x[switches]
    return chosen.argmax(axis=1), bound


def hull_prices(game: LinearGame, possible: np.ndarray) -> np.ndarray:
    """The best prices ``[K, n]`` for `decomposition_bound`, by one linear programme: what copies of x cost that differ.

    Raises:
      ArithmeticError: the linear programme failed.
    """
    hulls, n = _hulls(game, possible), game.num_variables
    equal = hulls.least == hulls.most
    bounds = np.tile([0.0, np.inf], (len(hulls.objective), 1))
    bounds[:n] = -np.inf, np.inf  # so that prices sum to 0
    found = scipy.optimize.linprog(
        -hulls.objective,
        hulls.matrix[~equal],
        hulls.most[~equal],
        hulls.matrix[equal],
        hulls.most[equal],
        bounds,
        method="highs",
    )
    if found.status != 0:
        raise ArithmeticError(f"a linear programme failed: {found.message}")
    prices = found.eqlin.marginals[hulls.copies].reshape(-1, n) * hulls.unit
    return prices - prices.mean(axis=0)


def _hulls(game: LinearGame, possible: np.ndarray) -> _Hulls:
    n, (who, what) = game.num_variables, np.nonzero(possible)
    switches, types, unit = len(who), len(game.prior), game.spread / UNITS
    gains, constants = [], []
    for k, a in zip(who, what, strict=True):
        others = np.flatnonzero(possible[k])
        rows = game.follower[k, others] - game.follower[k, a]
        constant = game.follower_constant[k, others] - game.follower_constant[k, a]
        sizes = np.maximum(np.abs(rows).max(axis=1), np.abs(constant))
        sizes[sizes == 0] = 1.0
        gains.append(scipy.sparse.csr_array(rows / sizes[:, None]))
        constants.append(scipy.sparse.csr_array((constant / sizes)[:, None]))
    given = scipy.sparse.csr_array((np.ones(switches), (who, np.arange(switches))), (types, switches))
    kron, one, some = scipy.sparse.kron, scipy.sparse.eye_array(switches), scipy.sparse.eye_array(n)
    total, spare = (1.0, 0.0) if game.total is None else (game.total, -np.inf)
    blocks = [  # of x, z and y; the least and the most of each row
        ([None, given, None], 1.0, 1.0),
        ([-kron(np.ones((types, 1)), some), None, kron(given, some)], 0.0, 0.0),
        ([None, -total * one, kron(one, np.ones((1, n)))], spare, 0.0),
        ([None, scipy.sparse.block_diag(constants), scipy.sparse.block_diag(gains)], -np.inf, 0.0),
    ]
    if game.total is not None:
        blocks.append(([None, -kron(one, np.ones((n, 1))), kron(one, some)], -np.inf, 0.0))
    matrix = scipy.sparse.block_array([row for row, _, _ in blocks], format="csr")
    counts = [next(block for block in row if block is not None).shape[0] for row, _, _ in blocks]
    least, most = (np.repeat([row[end] for row in blocks], counts) for end in (1, 2))
    worth = game.prior[who, None] * game.leader[who, what]
    objective = np.concatenate([np.zeros(n), game.prior[who] * game.leader_constant[who, what], worth.ravel()]) / unit
    return _Hulls(objective, matrix, least, most, who, what, slice(types, types * (1 + n)), unit)
