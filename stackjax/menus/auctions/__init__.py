"""Auctions for several bidders at once: affine maximisers, how they are learned, and a bound on all auctions."""
