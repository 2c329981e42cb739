"""The strong optimum by an integer programme over the leader's plan, the follower's pure plan, and chances of pairs of both."""

import time
from typing import NamedTuple

import numpy as np
import scipy

from stackjax.extensive.optimum.form import SequenceForm, best_values

__all__ = ["LARGEST_PROGRAMME", "best_by_integers", "num_entries"]

LARGEST_PROGRAMME = 300_000  # entries other than 0
UNITS = 1e3  # of the leader's spread, as HiGHS sees it: its gap of 1e-6 is absolute


class Found(NamedTuple):
    """What the programme came to, in the form's units.

    Attributes:
      reply: ``[n]`` the follower's plan, 0 or 1, under the best commitment found; None if none was.
      plan: ``[Q]`` the leader's, as the solver has it; None likewise.
      bound: no commitment pays the leader more.
    """

    reply: np.ndarray | None
    plan: np.ndarray | None
    bound: float


def num_entries(form: SequenceForm) -> int:
    """About how many entries the programme has."""
    return 12 * len(_Pairs.of(form).leader) + 2 * form.follower.nnz + 4 * len(form.rows)


class _Pairs(NamedTuple):
    """Pairs of sequences that nodes have: both are played to get there. The first is that of nobody's moves.

    Attributes:
      leader, follower: int ``[P]`` the sequences, the follower's by the form's rows.
      flow: sparse ``[F, P]``: what pairs at a set come to is what the pair before it does.
    """

    leader: np.ndarray
    follower: np.ndarray
    flow: scipy.sparse.csr_array

    @staticmethod
    def of(form: SequenceForm) -> "_Pairs":
        game = form.game
        place = np.full(game.treeplexes[1].num_rows, -1)
        place[form.rows] = np.arange(len(form.rows))
        both = np.unique(game.node_rows, axis=1)
        index = {(s, t): k for k, (s, t) in enumerate(both.T.tolist())}
        cells: list[tuple[int, int, float]] = []
        count = 0
        for player in range(2):
            treeplex = game.treeplexes[player]
            nodes = np.flatnonzero(game.node_player == player)
            met = np.unique(np.stack([game.node_set[nodes], game.node_rows[1 - player, nodes]]), axis=1)
            for infoset, other in met.T.tolist():
                pair = lambda own, other=other, player=player: index[(own, other) if player == 0 else (other, own)]
                first = infoset * treeplex.num_actions
                cells += [(count, pair(row), 1.0) for row in range(first, first + int(treeplex.choices[infoset]))]
                cells.append((count, pair(int(treeplex.parent[infoset])), -1.0))
                count += 1
        rows, columns, signs = zip(*cells, strict=True)
        flow = scipy.sparse.csr_array((signs, (rows, columns)), (count, len(index)))
        return _Pairs(both[0], place[both[1]], flow)


def _slacks(form: SequenceForm) -> np.ndarray:
    """``[n]`` bounds of what each sequence of the follower's may fall short of the best at its set; the empty one by nothing.

    A set is worth at most, and at least, what the leader's best replies for and against each sequence come to, summed up from
    the last sets.
    """
    own, other = form.game.treeplexes
    slopes = form.follower.toarray().T
    most, least = np.full(other.num_rows, -np.inf), np.full(other.num_rows, -np.inf)
    most[form.rows], least[form.rows] = best_values(own, slopes), -best_values(own, -slopes)
    high, width = np.zeros(other.num_sets), other.num_actions
    for infoset in reversed(range(other.num_sets)):
        at = slice(infoset * width, (infoset + 1) * width)
        high[infoset], low = most[at].max(), least[at].max()
        most[other.parent[infoset]] += high[infoset]
        least[other.parent[infoset]] += low
    short = np.append(np.repeat(high, width), 0.0) - least
    short[-1] = 0.0
    return np.maximum(short[form.rows], 0.0)


def best_by_integers(form: SequenceForm, seconds: float, floor: float = -np.inf, *, pure: bool = False) -> Found:
    """The best commitment and reply that HiGHS finds, and a bound.

    Args:
      form: the game's.
      seconds: the time limit.
      floor: commitments that pay the leader less are of no interest.
      pure: the leader does not mix.

    References: Bosansky and Cermak (2015), with bounds of slacks that are computed, and the flow of pairs.
    """
    started, pairs = time.monotonic(), _Pairs.of(form)
    (n, Q), width, count = form.follower.shape, form.values.shape[1], len(pairs.leader)
    sparse, one = scipy.sparse.csr_array, scipy.sparse.eye_array(n, format="csr")
    pick = lambda places, size: sparse((np.ones(count), (np.arange(count), places)), (count, size))
    by_pair = lambda table: np.asarray(table[pairs.follower, pairs.leader]).ravel() * UNITS
    gains, earned = by_pair(form.leader), by_pair(form.follower)
    root = sparse(([UNITS], ([0], [width - 1])), (1, width))
    short = _slacks(form)
    every = scipy.sparse.eye_array(count, format="csr")
    blocks = [  # of x, y, v, s and p; the least and the most of each row
        ([form.plans, None, None, None, None], form.right, form.right),
        ([None, form.values.T @ one, None, None, None], _root(width), _root(width)),
        ([-form.follower, None, form.values, -one, None], np.zeros(n), np.zeros(n)),
        ([None, scipy.sparse.diags_array(short), None, one, None], np.full(n, -np.inf), short),
        ([-pick(pairs.leader, Q), None, None, None, every], np.full(count, -np.inf), np.zeros(count)),
        ([None, -pick(pairs.follower, n), None, None, every], np.full(count, -np.inf), np.zeros(count)),
        ([None, None, -root, None, sparse(earned[None])], np.zeros(1), np.zeros(1)),
        ([None, None, None, None, sparse(gains[None])], np.full(1, floor * UNITS), np.full(1, np.inf)),
        ([None, None, None, None, pairs.flow], np.zeros(pairs.flow.shape[0]), np.zeros(pairs.flow.shape[0])),
    ]
    matrix = scipy.sparse.block_array([row for row, _, _ in blocks], format="csr")
    least, most = (np.concatenate([row[end] for row in blocks]) for end in (1, 2))
    low, high = np.zeros(matrix.shape[1]), np.ones(matrix.shape[1])
    high[:Q] = form.most
    free = slice(Q + n, Q + n + width)
    low[free], high[free] = -np.inf, np.inf
    high[free.stop : free.stop + n] = short
    start = free.stop + n
    empty = int(np.flatnonzero((pairs.leader == Q - 1) & (pairs.follower == n - 1))[0])
    low[start + empty] = 1.0
    whole = np.zeros(matrix.shape[1])
    whole[Q : Q + n] = 1
    if pure:
        whole[:Q] = 1
    found = scipy.optimize.milp(
        -np.concatenate([np.zeros(start), gains]),
        integrality=whole,
        bounds=scipy.optimize.Bounds(low, high),
        constraints=scipy.optimize.LinearConstraint(matrix, least, most),
        options={"time_limit": max(seconds - (time.monotonic() - started), 0.1), "mip_rel_gap": 0.0},
    )
    if found.status == 2:  # nothing pays as much as the floor
        return Found(None, None, floor)
    dual = found.mip_dual_bound
    bound = -float(dual) / UNITS if dual is not None and np.isfinite(dual) else np.inf
    if found.x is None:
        return Found(None, None, bound)
    return Found(np.round(found.x[Q : Q + n]), found.x[:Q], bound)


def _root(width: int) -> np.ndarray:
    return np.append(np.zeros(width - 1), 1.0)
