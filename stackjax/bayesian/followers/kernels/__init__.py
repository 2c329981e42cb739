"""Fused rounds of multiplicative weights: the scan's rounds, from the same random numbers, on chip from first to last."""
