"""Auctions for several buyers at once: affine maximisers, a bound on all auctions, and what two buyers of data pay."""
