"""A mean-field game as a `Problem`: the game, and how its population answers."""

import dataclasses
from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full
from stackjax.errors import UnsolvedError, require_is
from stackjax.game_problem import GameProblem
from stackjax.markov.followers import MeanFieldFollowers
from stackjax.markov.game import joint_actions
from stackjax.markov.mean_field.answers import ATOMS, TOLERANCE, equilibrium, exploitability, outcome_of
from stackjax.markov.mean_field.game import MeanFieldGame, Outcome
from stackjax.markov.mean_field.rules import PopulationRule
from stackjax.pictures import curves
from stackjax.problem import Judged, Optimum, Played, Worth
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey

__all__ = ["MeanFieldCertificate", "MeanFieldOptimum", "MeanFieldProblem", "solve_mean_field"]

TIE = 1e-9  # of a follower's payoff range: commitments that pay the leader alike
MOST_COMMITMENTS = 65_536


class MeanFieldCertificate(NamedTuple):
    """What a commitment is worth against its population's answer, game units.

    Attributes:
      leader_payoff: to the leader.
      follower_payoffs: ``[K]`` to each type, its costs with the sign changed.
      exploitability: what a follower could save by another plan, of the type that could save the most.
      exploitability_bound: what theory allows it to be; 0 for an equilibrium.
      field_error: the slope of prices times the squared distance of the field from that of the equilibrium.
      field_error_bound: what theory allows that to be: the mean over types of what a follower could save.
      equilibrium_payoff: to the leader, if the population were in equilibrium.
      field, prices: ``[T]`` what all buy, and what a unit costs.
      fixed_point_error: by how much the field that softmax followers answered differs from the one that they make; both bounds
        are of a population for which this is 0.
      flow: ``[K, T, S, A]``.
    """

    leader_payoff: Array
    follower_payoffs: Array
    exploitability: Array
    exploitability_bound: Array
    field_error: Array
    field_error_bound: Array
    equilibrium_payoff: Array
    field: Array
    prices: Array
    fixed_point_error: Array
    flow: Array


@dataclasses.dataclass(frozen=True, eq=False)
class MeanFieldProblem(GameProblem):
    """A `Problem` whose followers are a continuum.

    Args:
      game: the rules; its numbers, and those of ``followers``, may be tracers.
      followers: how the population answers.
      settled_share: the largest exploitability at which followers count as settled, as a share of their payoff range.
    """

    game: MeanFieldGame
    followers: MeanFieldFollowers
    settled_share: float = 0.02

    def __post_init__(self) -> None:
        self.game.check()

    @cached_property
    def rule(self) -> PopulationRule:
        """How the population answers."""
        return self.followers.build()

    gap_name = "exploitability"
    kernel = "mean-field fixed point"
    columns: ClassVar = {
        "exploitability": "exploitability",
        "exploitability_bound": "exploitability's bound",
        "field_error": "field error",
        "field_error_bound": "field error's bound",
    }

    def _observations(self) -> Array:
        return jnp.eye(self.game.num_periods)

    @property
    def payoff_range(self) -> tuple[float, float]:
        return self.game.payoff_bounds[0]

    @property
    def follower_range(self) -> float:
        low, high = self.game.payoff_bounds[1]
        return float(high - low)

    @property
    def tie_tolerance(self) -> float:
        return TOLERANCE * self.follower_range

    @property
    def answer_choices(self) -> tuple[int, ...]:
        return (self.game.num_actions,) * int(np.prod(self.game.quantity.shape[:3]))

    @property
    def bytes_per_commitment(self) -> int:
        return 16 * ATOMS * self.game.quantity.size

    def _outcome(self, commitment: Array) -> tuple[Array, Outcome, Array]:
        own = self.game.own_costs(commitment)
        flow, error = self.rule.answer(self, own)
        return own, outcome_of(self.game, own, flow), error

    @in_full
    def worth(self, key: PRNGKey, commitments: Array, *, lasting: int = 0) -> Worth:
        """See `Problem`; a continuum draws nothing. ``answer`` is what most do in each state and period, and the followers that
        are paid are one of each type.
        """
        del key, lasting

        def one(commitment: Array) -> Worth:
            own, outcome, _ = self._outcome(commitment)
            gap = exploitability(self.game, own, outcome).max()
            payoff = self.game.leader_payoff(commitment, outcome)
            answer = outcome.flow.argmax(axis=-1).reshape(-1).astype(jnp.int32)
            return Worth(payoff, gap, jnp.zeros_like(gap), answer, -outcome.costs)

        return jax.vmap(one)(commitments)

    @in_full
    def judge(self, key: PRNGKey, commitment: Array, num_groups: int) -> Judged:
        """See `Problem`; there is nothing to average over. ``details`` is a `MeanFieldCertificate`."""
        del key, num_groups
        game = self.game
        own, outcome, error = self._outcome(commitment)
        gaps = exploitability(game, own, outcome)
        settled = outcome_of(game, own, equilibrium(game, own, self.tie_tolerance))
        found = MeanFieldCertificate(
            leader_payoff=game.leader_payoff(commitment, outcome),
            follower_payoffs=-outcome.costs,
            exploitability=gaps.max(),
            exploitability_bound=jnp.asarray(self.rule.bound(self), gaps.dtype),
            field_error=game.slope * ((outcome.field - settled.field) ** 2).sum(),
            field_error_bound=jnp.asarray(game.shares, gaps.dtype) @ gaps,
            equilibrium_payoff=game.leader_payoff(commitment, settled),
            field=outcome.field,
            prices=game.prices(outcome.field),
            fixed_point_error=error,
            flow=outcome.flow,
        )
        return Judged(found.leader_payoff, found.exploitability, found)

    def _claimed(self) -> Optimum | str:
        """The optimum against a population in equilibrium."""
        if not self.rule.is_best:
            return "a population that errs leaves more to be had than any bound says"
        found = solve_mean_field(self.game)
        return Optimum(found.value, "enumeration", found.commitment)

    @in_full
    def played(self, judged: Judged, commitments: Array) -> list[Played]:
        """See `Problem`: by type of a follower that is looked at, a period, a state and an action of its; the others of that
        type, and of other types, are paid on average.
        """
        game, found = self.game, []
        flows, prices = (np.asarray(leaf, np.float64) for leaf in (judged.details.flow, judged.details.prices))
        own = np.asarray(jax.jit(jax.vmap(game.own_costs))(jnp.asarray(commitments)), np.float64)
        kinds, shape = game.num_types, game.quantity.shape[1:]
        labels = np.broadcast_to(np.indices(shape, np.float64).reshape(3, -1).T, (kinds, int(np.prod(shape)), 3))
        for flow, asked, beside in zip(flows, prices, own, strict=True):
            costs = np.where(flow > 0, beside + asked[None, :, None, None] * game.quantity, 0.0).reshape(kinds, -1)
            chances = flow.reshape(kinds, -1) / game.num_periods
            means = -game.num_periods * (chances * costs).sum(axis=1)
            paid = np.broadcast_to(means, (*chances.shape, kinds)).copy()
            paid[np.arange(kinds), :, np.arange(kinds)] = -game.num_periods * costs
            utilities = np.repeat(means[:, None], kinds, axis=1)
            names = [game.describe_type(k) for k in range(kinds)]
            found.append(Played(np.asarray(game.shares, np.float64), labels, chances, paid, utilities, names))
        return found

    def _described(self, actions: np.ndarray, seen: MeanFieldCertificate) -> dict[str, Any]:
        game, periods = self.game, range(self.game.num_periods)
        bought = (seen.flow.astype(np.float64) * game.quantity).sum(axis=(2, 3))
        line = lambda label, numbers: {"label": label, "points": list(enumerate(numbers.tolist()))}
        leads = [line(f"entry {j + 1}", row) for j, row in enumerate(actions.reshape(game.num_periods, -1).T)]
        of_type = [line(game.describe_type(k), bought[k]) for k in range(game.num_types)]
        in_words = lambda row: ", ".join(f"{game.describe_period(t)} {row[t]:.3f}" for t in periods)
        return self._entry(
            actions,
            [f"{game.describe_period(t)}: {game.describe_leader_action(actions[t])}" for t in periods],
            [f"{game.describe_type(k)}: {in_words(bought[k])}" for k in range(game.num_types)],
            **{name: value.tolist() for name, value in seen._asdict().items() if name != "flow"},
            follower_flows=seen.flow.tolist(),
            pictures=[
                curves("What the leader does in each period", ("period", "leader's action"), leads),
                curves("What each type buys in each period", ("period", "quantity"), of_type),
            ],
        )

    def evaluation_method(self) -> dict[str, Any]:
        """See `Problem`."""
        return {"settled_gap": self.settled_gap, "words": f"who are a continuum ({self.followers.kind}); payoffs are exact"}


class MeanFieldOptimum(NamedTuple):
    """The best commitment ``[T, ...]``, its value in game units, and the largest exploitability met on the way."""

    value: float
    commitment: np.ndarray
    exploitability: float


@in_full
def solve_mean_field(game: MeanFieldGame) -> MeanFieldOptimum:
    """The leader's best commitment against a population in equilibrium: every one is tried, in float64.

    Raises:
      InputError: ``game`` is no `MeanFieldGame`.
      UnsolvedError: the leader's actions are real numbers, or there are too many commitments.
    """
    require_is("game", game, MeanFieldGame, "a MeanFieldGame, for example sx.make('tariffs')")
    if not isinstance(game.leader_actions, Discrete):
        raise UnsolvedError(f"game {game.name!r} has a leader whose actions are real numbers; they cannot be enumerated")
    count = game.leader_actions.n**game.num_periods
    if count > MOST_COMMITMENTS:
        raise UnsolvedError(f"game {game.name!r} is too large to solve: {count} commitments, more than {MOST_COMMITMENTS}")
    every = joint_actions((game.leader_actions.n,) * game.num_periods)
    low, high = game.payoff_bounds[1]

    def one(commitment: Array) -> tuple[Array, Array]:
        own = game.own_costs(commitment)
        outcome = outcome_of(game, own, equilibrium(game, own, 1e-3 * TOLERANCE * (high - low)))
        return game.leader_payoff(commitment, outcome), exploitability(game, own, outcome).max()

    with jax.enable_x64(True):
        payoffs, gaps = jax.jit(lambda made: jax.lax.map(one, made, batch_size=1024))(jnp.asarray(every))
        payoffs, gaps = np.asarray(payoffs), np.asarray(gaps)
    best = int((payoffs >= payoffs.max() - TIE * (high - low)).argmax())  # the first of equals
    return MeanFieldOptimum(float(payoffs[best]), every[best], float(gaps.max()))
