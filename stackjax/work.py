"""What a run computes: a problem, a solver, and how far it goes."""

from collections.abc import Callable
from typing import Any, NamedTuple

from stackjax.problem import Problem, Solver

__all__ = ["Work"]


class Work(NamedTuple):
    """All that a run computes.

    Attributes:
      problem, solver: with the run's own numbers.
      num_updates: of the solver.
      polish: evaluations that improve the best commitment in the end.
      swept: the settings that differ within a batch, as in ``ppo.learning_rate``.
      vary: ``values -> (problem, solver)`` with other numbers for the swept settings, which may be tracers.
      choice: which of the commitments that pay as much a run ends with, a `stackjax.specs.choice.Choice`; None for any.
      to_save_memory: what a user may do so that fewer tables are needed at once, in words.
    """

    problem: Problem
    solver: Solver
    num_updates: int
    polish: int = 0
    swept: tuple[str, ...] = ()
    vary: Callable[[dict[str, Any]], tuple[Problem, Solver]] | None = None
    to_save_memory: str = ""
    choice: Any = None

    def varied(self, values: dict[str, Any]) -> "Work":
        """The work of a run whose swept settings are ``values``."""
        if self.vary is None or not values:
            return self
        problem, solver = self.vary(values)
        return self._replace(problem=problem, solver=solver)
