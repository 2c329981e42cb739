"""A method step by step, so that a function and a `Solver` of the same problem share it."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax

from stackjax.problem import Metrics, Solver
from stackjax.types import Array, PRNGKey

__all__ = ["Method"]


class Method(NamedTuple):
    """As pure functions of a state, without batch axes.

    Attributes:
      init, update: as those of a `Solver`.
      found: ``state -> `` what has been found, in the method's own terms.
      num_updates: how many there are from the start to the end.
    """

    init: Callable[[PRNGKey], Any]
    update: Callable[[Any], tuple[Any, Metrics]]
    found: Callable[[Any], Any]
    num_updates: int

    def run(self, key: PRNGKey) -> Any:
        """What is found after all updates."""

        @jax.jit
        def last(key: PRNGKey) -> Any:
            state = jax.lax.fori_loop(0, self.num_updates, lambda _, state: self.update(state)[0], self.init(key))
            return self.found(state)

        return last(key)

    def solver(self, commitment: Callable[[Any], Array]) -> Solver:
        """The method as a `Solver`; ``commitment`` makes one, ``[O, ...]``, of what is found."""
        return Solver(self.init, self.update, lambda state: commitment(self.found(state)), num_updates=self.num_updates)
