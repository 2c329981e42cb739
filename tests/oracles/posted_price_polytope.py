"""posted-price-pi with two messages and truthful agents: the prices at which welfare is 1.1, the most there is, as a polytope.

A point is the prices ``p(LL), p(HL), p(HH)`` of agent 1 after both agents' messages, and ``q(LH)`` of agent 2. Agent 1 values
the item at 1/2 or 5/2, agent 2 at 1; who gets it is as welfare has it.
"""

import numpy as np
import scipy.optimize

WELFARE = 1.1
LOWEST, HIGHEST = np.zeros(4), np.array([0.5, 2.5, 2.5, 1.0])
ROWS = np.array(
    [
        [-1.0, 1.0, 1.0, 0.0],  # agent 1 of the high type does not gain by the low message
        [1.0, -1.0, 0.0, 0.0],  # nor of the low type by the high one, whether it then buys after one message of agent 2,
        [1.0, 0.0, -1.0, 0.0],  # after the other,
        [1.0, -1.0, -1.0, 0.0],  # or after both
    ]
)
LIMITS = np.array([2.5, 0.0, 0.0, -0.5])
PAID = np.array([[-0.4, -0.1, -0.1, 0.0], [0.0, 0.0, 0.0, -0.4]])  # the agents', by price
AT_NO_PRICE = np.array([0.4 * 0.5 + 0.1 * 2.5 + 0.1 * 2.5, 0.4])


def utilities(prices):
    """``[2]`` what the agents are left with."""
    return AT_NO_PRICE + PAID @ prices


def revenue(prices):
    """What the agents pay."""
    return WELFARE - utilities(prices).sum()


def is_inside(prices, close=0.0):
    """Whether the prices leave both types of agent 1 no gain by a lie, by the inequalities as they are."""
    low, high_low, high_high, _ = prices
    truth, lie = 0.5 - low, max(0.5 - high_low, 0.0) + max(0.5 - high_high, 0.0)
    in_box = (prices >= LOWEST - close).all() and (prices <= HIGHEST + close).all()
    return bool(in_box and high_low + high_high - low <= 2.5 + close and truth >= lie - close)


def extreme(weights, equal=False):
    """The most of ``weights [2]`` times utilities, and the prices; if ``equal``, where both agents are left with as much."""
    sums = {"A_eq": [PAID[0] - PAID[1]], "b_eq": [AT_NO_PRICE[1] - AT_NO_PRICE[0]]} if equal else {}
    bounds = np.column_stack([LOWEST, HIGHEST])
    found = scipy.optimize.linprog(-np.asarray(weights) @ PAID, ROWS, LIMITS, **sums, bounds=bounds, method="highs")
    assert found.status == 0
    return float(np.asarray(weights) @ AT_NO_PRICE - found.fun), found.x


def least_follower():
    """The most that the agent who is left with less can be left with."""
    rows = np.block([[ROWS, np.zeros((4, 1))], [-PAID, np.ones((2, 1))]])
    bounds = [*zip(LOWEST, HIGHEST, strict=True), (None, None)]
    limits = np.concatenate([LIMITS, AT_NO_PRICE])
    found = scipy.optimize.linprog([0.0, 0.0, 0.0, 0.0, -1.0], rows, limits, bounds=bounds, method="highs")
    assert found.status == 0
    return -found.fun
