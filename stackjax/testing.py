"""A conformance test that any new game can be put through."""

from stackjax.bayesian.checking import check_game
from stackjax.bayesian.probes import random_actions

__all__ = ["check_game", "random_actions"]
