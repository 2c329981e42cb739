"""The nearest point of a simplex with entries of at most 1, by sorting, in float64."""

import numpy as np


def projected(point, total, is_spent):
    """Of ``point [n]``: walk along the sorted places where an entry leaves 1 or reaches 0, until the sum is the total."""
    point = np.asarray(point, np.float64)
    if not is_spent and np.clip(point, 0.0, 1.0).sum() <= total:
        return np.clip(point, 0.0, 1.0)
    places = np.sort(np.concatenate([point - 1.0, point]))
    sums = np.array([np.clip(point - place, 0.0, 1.0).sum() for place in places])
    last = np.flatnonzero(sums >= total - 1e-12).max()
    if last + 1 == len(places) or sums[last] <= total:
        return np.clip(point - places[last], 0.0, 1.0)
    share = (sums[last] - total) / (sums[last] - sums[last + 1])
    return np.clip(point - places[last] - share * (places[last + 1] - places[last]), 0.0, 1.0)
