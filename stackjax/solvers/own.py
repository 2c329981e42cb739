"""The method that the literature has for one problem alone, which that problem brings."""

from stackjax.errors import InputError
from stackjax.problem import Problem, Solver
from stackjax.solvers.config import OwnConfig

__all__ = ["own"]


def own(problem: Problem, config: OwnConfig) -> Solver:
    """See `Problem.own`.

    Raises:
      InputError: ``problem`` brings none, or settings do not fit its method.
    """
    found = problem.own(config)
    if found is None:
        raise InputError(
            f"solver='own' needs a problem that brings a method of its own, as contracts, coin-game and sequential-sale do; "
            f"{problem.name!r} brings none: leave the solver out, or use --solver direct"
        )
    return found
