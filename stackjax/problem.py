"""The seam: a problem says what a leader may commit to and what that leads to, a solver looks for a good commitment.

Runs, sweeps, reports and the command line speak of these two alone. A solver knows a problem by `Problem` and nothing else.
"""

import abc
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.acting import Policy
from stackjax.outcomes import Differentiable, Judged, Nearby, Optimum, Played, Region, Table, Worth
from stackjax.types import Array, PRNGKey, PyTree

__all__ = [
    "NUM_SCORING_GROUPS",
    "Differentiable",
    "Judged",
    "Metrics",
    "Nearby",
    "Optimum",
    "Played",
    "Problem",
    "Region",
    "Solver",
    "Table",
    "Worth",
]

Metrics = dict[str, Array]
NUM_SCORING_GROUPS = 16  # groups of fresh followers that score a commitment on the way


class Problem(abc.ABC):
    """What a leader may commit to, and what each commitment leads to. Pure functions; no learning, no logging.

    Families' problems inherit from it, and say what has a default only where they differ: whatever comes after
    `evaluation_method`.

    Attributes:
      name: for people.
      commitments: the `Table` that a commitment fills in; or, where what the leader may see cannot be written out, the `Policy`
        that it is: commitments are then `Acting`, wherever arrays ``[O, ...]`` are spoken of below.
      payoff_range: bounds of the leader's payoff, game units.
      settled_gap: the largest gap at which followers count as settled, game units.
      bytes_per_commitment: memory that one of a batch of commitments takes while followers answer it.
      answer_choices: how many values each entry of an answer ``[Q]`` may have, see `Worth`.
      num_slacks: how many deviations `nearby` tells the slack of.
      tie_tolerance: the slack, game units, up to which a follower counts as indifferent.
      kernel: what runs the followers on this machine, for the record.
      gap_name: what the followers' distance from equilibrium is called in results and metrics, for example ``bcce_gap``.
      columns: what a table of results shows of each seed beside the leader's payoff: headings by key of `describe`, the gap's
        among them.
      why_unknown: why `optimum` returned None, for people, once it was asked; by default there is nothing to say.
    """

    why_unknown = ""  # no property, so that `optimum` can put it in its place

    if TYPE_CHECKING:  # properties to a type checker; a class may also have plain attributes, and fields of a dataclass

        @property
        def name(self) -> str: ...
        @property
        def commitments(self) -> Any: ...
        @property
        def payoff_range(self) -> tuple[float, float]: ...
        @property
        def settled_gap(self) -> float: ...
        @property
        def tie_tolerance(self) -> float: ...
        @property
        def answer_choices(self) -> tuple[int, ...]: ...
        @property
        def bytes_per_commitment(self) -> int: ...
        @property
        def kernel(self) -> str: ...
        @property
        def gap_name(self) -> str: ...
        @property
        def columns(self) -> dict[str, str]: ...

    @abc.abstractmethod
    def worth(self, key: PRNGKey, commitments: Any, *, lasting: int = 0) -> Worth:
        """One fresh group of followers answers each of ``commitments [B, O, ...]``, one Stackelberg episode each.

        The first ``lasting`` of them are answered for as long as `judge` has it.
        """

    @abc.abstractmethod
    def judge(self, key: PRNGKey, commitment: Any, num_groups: int) -> Judged:
        """``num_groups`` fresh groups answer ``commitment [O, ...]`` for as long as an evaluation takes."""

    @abc.abstractmethod
    def optimum(self) -> Optimum | None:
        """What is claimed to be the best that any commitment pays, or None; `stackjax.claims` checks it."""

    @abc.abstractmethod
    def describe(self, judged: Judged, commitments: Any, names: list[str]) -> list[dict[str, Any]]:
        """An object for each of ``commitments [S, O, ...]``, ``judged`` (leaves ``[S, ...]``), for ``result.json``.

        Always there: ``leader_payoff``, the gap by its name, ``commitment`` (``observations [O, D]``, ``actions [O, ...]``),
        ``mechanism`` (lines of words) and ``follower_play`` (lines, or none, of what followers answer). A report also draws
        ``pictures``, a list, see `stackjax.pictures`. ``names`` is what a warning calls each.
        """

    @abc.abstractmethod
    def evaluation_method(self) -> dict[str, Any]:
        """How `judge` does it, for ``result.json``; ``settled_gap``, and ``words`` (a sentence), are always there."""

    @property
    def nearby(self) -> Callable[[Array, Array], tuple[Nearby, Nearby]] | None:
        """``(commitment [O, ...], answer [Q]) -> Nearby`` and its slopes by the commitment, ``[O, ...]`` and ``[M, O, ...]``;
        None, as it is by default, where the payoff does not vary smoothly.
        """
        return None

    @property
    def num_slacks(self) -> int:
        """By default that of every value of every entry of an answer."""
        return sum(self.answer_choices)

    @property
    def differentiable(self) -> Differentiable | None:
        """A payoff that gradients can climb; by default there is none."""
        return None

    @property
    def policies(self) -> Policy | None:
        """What a leader sees and chooses from, where episodes can be played out (`stackjax.acting.Played`); None by default."""
        return None

    @property
    def improve(self) -> Callable[[np.ndarray, int], np.ndarray] | None:
        """``(commitment, num_evaluations) -> commitment``, in NumPy: a better one by exact evaluation, where a problem knows
        more than a commitment's neighbourhood; by default it does not.
        """
        return None

    @property
    def improves_from_afar(self) -> bool:
        """Whether `improve` finds good commitments from almost anywhere, so that a search that cannot climb is kept short."""
        return False

    @property
    def has_kernel(self) -> bool:
        """Whether followers answer in a kernel of their own, so that little is left to what XLA compiles."""
        return False

    @property
    def judges_by_draws(self) -> bool:
        """Whether judging is an average over draws; ``details.half_width`` is then half of the payoff's 95 % interval."""
        return False

    @property
    def judges_roughly(self) -> bool:
        """Whether followers' ties are told better in `describe` than in `judge`."""
        return False

    @property
    def counts_last(self) -> bool:
        """Whether a run is about where learning ends: its last commitment counts, not the best so far nor a polished one."""
        return False

    @property
    def caveat(self) -> str:
        """What one must know of what is learned of it, whatever the solver; by default nothing."""
        return ""

    @property
    def num_groups(self) -> int:
        """How many groups of fresh followers judge a run's best commitment."""
        return 8

    @property
    def optimum_takes_long(self) -> bool:
        """Whether `optimum` is asked for when a run is over only, and so stops none."""
        return False

    def prepare(self, arrays: dict[str, np.ndarray] | None = None) -> "Problem":
        """The problem with what takes work beforehand, of an earlier run's ``arrays``, see `prepared`, or worked out now."""
        del arrays
        return self

    def prepared(self) -> dict[str, np.ndarray]:
        """What `prepare` worked out, as arrays that a run keeps; by default there is nothing."""
        return {}

    def score(self, key: PRNGKey, commitment: Any) -> Judged:
        """A commitment on the way judged, against fewer draws than the best one where a problem says so."""
        return self.judge(key, commitment, NUM_SCORING_GROUPS)

    def worst(self, commitment: Array) -> Array:
        """What the leader is paid at the worst of all that followers may answer to ``commitment [O, ...]``, game units: at the
        worst of ties, by default as `worth` tells it; -inf where it is not told.
        """
        found = self.worth(jax.random.key(0), commitment[None], lasting=1).worst
        return jnp.asarray(-jnp.inf) if found is None else found[0]

    def played(self, judged: Judged, commitments: Any) -> list[Played] | None:
        """What each of ``commitments [S, O, ...]``, ``judged`` (leaves ``[S, ...]``), comes to; None where it is not told."""
        del judged, commitments
        return None

    def revenue(self, payoff: Array, followers: Array) -> Array | None:
        """What followers pay in all, game units, of the leader's ``payoff`` and theirs ``[N]``; None where nobody pays, or
        where that is the leader's payoff itself.
        """
        del payoff, followers
        return None

    def regions(self) -> list[Region] | None:
        """All commitments, as one polytope for each answer of the followers; None, as it is by default, where there are no
        such polytopes or too many.
        """
        return None

    def yardsticks(self) -> dict[str, float]:
        """What else is known that leaders may be paid, game units by what it is, as `Game.yardsticks`; empty for nothing."""
        return {}

    def check_solver(self, name: str) -> None:
        """Raise `InputError` unless the solver called ``name`` is one for it; by default all are."""
        del name

    def ppo(self, config: Any) -> "Solver | None":
        """The learner that a problem brings for the settings ``config`` of `ppo`; None for the one that takes any table.

        Raises:
          InputError: settings that do not fit the problem.
        """
        del config
        return None

    def own(self, config: Any) -> "Solver | None":
        """The method that the literature has for this problem alone, for the settings ``config`` of `own`; None where none is.

        Raises:
          InputError: settings that do not fit the problem.
        """
        del config
        return None


class Solver(NamedTuple):
    """A search for a good commitment, as pure functions of a state; no batch axes (``vmap`` over seeds).

    Attributes:
      init: ``key -> state``.
      update: ``state -> (state, metrics)``; metrics are float scalars by name, named by the solver, whose means go into
        ``metrics.jsonl``. Always there: ``episodes`` (Stackelberg episodes that ended), ``total_return`` (the sum of their
        returns, game units) and ``is_finite`` (bool; a run stops where it is False). ``decisions`` counts the leader's.
      commitment: ``state -> [O, ...]``, the one that the solver would settle on now.
      policy: ``state -> arrays`` that are kept beside the best commitment, for example a network; an empty dict for none.
      export: ``policies -> (arrays, head)`` what ``policies.npz`` holds of policies with a leading axis, see `stackjax.policy`;
        None where there is nothing to export.
      commitments_at_once: how many are tabulated at the same time, from which the memory is told beforehand.
      own_bytes: memory that an update takes beside these tables, where that is much.
      has_network: whether an update is long arrays for the most part, as of networks; else it is compiled as what is not.
      tries_all: after so many updates every commitment that there is has been tried; 0 where they are too many.
      num_updates: how many the method makes, where its settings leave that open; else 0.
    """

    init: Callable[[PRNGKey], Any]
    update: Callable[[Any], tuple[Any, Metrics]]
    commitment: Callable[[Any], Array]
    policy: Callable[[Any], PyTree] = lambda state: {}
    export: Callable[[PyTree], tuple[dict[str, Any], dict[str, Any]]] | None = None
    commitments_at_once: int = 0
    own_bytes: int = 0
    has_network: bool = False
    tries_all: int = 0
    num_updates: int = 0
