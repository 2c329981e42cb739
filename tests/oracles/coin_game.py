"""The coin game on a torus, from its words, in plain NumPy: what two agents who cooperate collect.

Two agents and a coin of one of two colours are on the cells of a torus. Both agents move at once, in one of four directions.
Who steps on the coin collects it, by lot if both do: it is worth 1 to the agent of its colour and 0.2 to the other. The next
coin, of a random colour, is on a random cell.
"""

import numpy as np

__all__ = ["cooperative_value"]

MOVES = ((-1, 0), (1, 0), (0, -1), (0, 1))


def moved(cell, move, size):
    row, column = divmod(cell, size)
    return (row + MOVES[move][0]) % size * size + (column + MOVES[move][1]) % size


def cooperative_value(size, steps):
    """The most that both collect together in ``steps``, on average over all first states."""
    cells = range(size * size)
    values = np.zeros((size**2, size**2, size**2, 2))
    for _ in range(steps):
        fresh, before = values.mean(axis=(2, 3)), np.empty_like(values)
        for first in cells:
            for second in cells:
                for coin in cells:
                    for colour in (0, 1):
                        best = -np.inf
                        for a in range(4):
                            for b in range(4):
                                here, there = moved(first, a, size), moved(second, b, size)
                                takers = [agent for agent, cell in enumerate((here, there)) if cell == coin]
                                if takers:
                                    worth = np.mean([1.0 if agent == colour else 0.2 for agent in takers]) + fresh[here, there]
                                else:
                                    worth = values[here, there, coin, colour]
                                best = max(best, worth)
                        before[first, second, coin, colour] = best
        values = before
    return values.mean()
