"""Logit demand and the display threshold of the Bertrand platform, one seller at a time (Brero et al. 2022, Section 3)."""

import math


def outcome(prices, threshold, quality, cost, scale, outside):
    """Consumer surplus and the sellers' profits when those asking at most ``threshold`` are displayed."""
    worth = [math.exp((quality - price) / scale) if price <= threshold else 0.0 for price in prices]
    total = sum(worth) + math.exp(outside / scale)
    return scale * math.log(total), [(price - cost) * w / total for price, w in zip(prices, worth, strict=True)]
