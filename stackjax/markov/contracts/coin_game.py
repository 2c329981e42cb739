"""The coin game with contracts (Ivanov et al. 2024): two agents on a torus, and a principal who pays them for what they do.

Both agents move at once. Who steps on the coin collects it, by lot if both do; it is worth 1 to the agent of its colour and 0.2
to the other. The next coin lies anywhere, in either colour. The principal is paid a multiple of what both collect. Contracts
are those of `teams`.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.digits import as_known
from stackjax.errors import require, require_count, require_number
from stackjax.families import Solved
from stackjax.markov.contracts.teams import NUM_UPDATES, TeamContracts, judge_team_contracts, team_equilibrium, team_learner
from stackjax.markov.game import InducedMarkovGame, joint_actions, tabulate_markov, without_batch
from stackjax.markov.groups.game import GroupGame
from stackjax.problem import Optimum, Solver
from stackjax.spaces import Box
from stackjax.types import Array

__all__ = ["CoinGame"]

MOVES = np.array([[-1, 0], [1, 0], [0, -1], [0, 1]])
WORDS = ("up", "down", "left", "right")
NUM_AGENTS = 2
LARGEST = 3


class CoinGame(GroupGame):
    """Two followers; the leader's action in a state is what it pays each for each of its moves, ``[8]``, follower by follower.

    A state is the cells of both agents, the coin's cell and its colour, numbered in this order, the colour fastest. An outcome
    is who collects where both could, and the next coin.

    Args:
      size: rows and columns of the torus, 2 or 3.
      horizon: T, the steps of an episode.
      gain: what a unit that agents collect pays the principal, 1 / α in the source.
      other: what a coin of the other's colour is worth.
      max_payment: the largest payment.

    Raises:
      InputError: a number is out of range.
    """

    def __init__(
        self, size: int = 2, horizon: int = 20, gain: float = 10.0, other: float = 0.2, max_payment: float = 1.0
    ) -> None:
        require_count("size", size, least=2)
        require("size", size, size <= LARGEST, f"at most {LARGEST}: there are size**6 * 2 states")
        require_number("gain", gain, lambda gain: gain >= 0, "at least 0")
        require_number("other", other, lambda other: 0 <= other <= 1, "at least 0 and at most 1")
        require_number("max_payment", max_payment, lambda most: most > 0, "positive")
        cells = size**2
        self.name, self.size, self.gain, self.other = "coin-game", size, gain, other
        self.horizon = self._steps = horizon
        self.num_actions = (len(MOVES),) * NUM_AGENTS
        self.leader_actions = Box((0.0,) * NUM_AGENTS * len(MOVES), (float(max_payment),) * NUM_AGENTS * len(MOVES))
        self.max_payment, self.free = float(max_payment), (0.0,) * NUM_AGENTS * len(MOVES)
        self._shape = (cells, cells, cells, NUM_AGENTS)
        first, second, coin, _ = np.indices(self._shape).reshape(4, -1)
        there = np.stack([_moved(agent, size) for agent in (first, second)])  # [2, S, 4]
        self._takes = there == coin[None, :, None]
        stays = np.arange(len(coin)) % (cells * NUM_AGENTS)  # the coin, if nobody takes it
        fresh = np.arange(NUM_AGENTS * cells * NUM_AGENTS) % (cells * NUM_AGENTS)
        is_taken = self._takes[0][:, :, None] | self._takes[1][:, None]
        agents = there[0][:, :, None] * cells + there[1][:, None]
        then = np.where(is_taken[..., None], fresh, stays[:, None, None, None])
        self.successor = (agents[..., None] * cells * NUM_AGENTS + then).astype(np.int32)
        self.initial = np.full(len(coin), 1.0 / len(coin))
        self.payoff_bounds = ((-NUM_AGENTS * max_payment, gain), (0.0, 1.0 + max_payment), (0.0, 1.0 + max_payment))
        self.check()

    def outcomes(self, state: Array, actions: Array, leader_action: Array) -> Array:
        del state, actions, leader_action
        return jnp.full(self.num_outcomes, 1.0 / self.num_outcomes)

    def payoffs(self, state: Array, actions: Array, leader_action: Array, outcome: Array) -> Array:
        takes = jnp.stack([jnp.asarray(self._takes[i])[state, actions[i]] for i in range(NUM_AGENTS)])
        agents = jnp.arange(NUM_AGENTS, dtype=jnp.int32)
        winner = outcome // (self.num_outcomes // NUM_AGENTS)
        wins = takes & (~takes[::-1] | (agents == winner))
        worth = jnp.where(agents == state % NUM_AGENTS, 1.0, self.other)
        collected = jnp.where(wins, worth, 0.0)
        paid = leader_action.reshape(NUM_AGENTS, -1)[agents, actions]
        return jnp.concatenate([(self.gain * collected.sum() - paid.sum())[None], collected + paid])

    def induced(self) -> InducedMarkovGame:
        """What is left to the agents if nobody is paid; no batch axes. For `team_equilibrium`."""
        return without_batch(tabulate_markov(self, jnp.zeros((1, self.num_states, *self.leader_actions.shape))))

    def own(self, config: Any) -> Solver:
        """`learn_team_contracts`; the commitment pays each agent for the move that is recommended to it, and for no other.

        Raises:
          InputError: there is no such method.
        """
        require("method", config.method, config.method == "default", "default: the coin game has one method of its own")
        learner = team_learner(self.induced(), self.num_actions, self._steps, num_updates=config.num_updates or NUM_UPDATES)
        return learner.solver(self.as_payments)

    def as_payments(self, contracts: TeamContracts) -> Array:
        """``[S, 8]`` what ``contracts``, the same in every step, pay for each agent's moves."""
        moves = jnp.asarray(joint_actions(self.num_actions))[contracts.action]  # [S, N]
        chosen = jax.nn.one_hot(moves, len(MOVES), dtype=contracts.payments.dtype)
        paid = jnp.minimum(contracts.payments, self.max_payment)
        return (chosen * paid[..., None]).reshape(len(paid), -1)

    def beside(self) -> Solved:
        """See `MarkovGame`; the subgame-perfect contracts of `teams`, judged by agents who answer exactly."""
        induced = self.induced()
        value, contracts = team_equilibrium(induced, self.num_actions, self._steps)
        judged = judge_team_contracts(contracts, induced, self.num_actions, self._steps)
        words = [
            "the principal does not commit: in every state it recommends moves and pays the least that makes them best",
            f"of agents who answer exactly the worst for it leaves it {as_known(judged.principal)}: they collect "
            f"{judged.welfare:.6g}, are paid {judged.paid:.6g} and follow {judged.compliance:.1%}; who always follows could "
            f"gain {judged.exploitability:.2g}",
            "this is no bound: a principal that commits may earn more",
        ]
        found = Optimum(value, "backward-induction")
        content = {"value": value, "method": found.method, "judged": judged._asdict()}
        return Solved.of(f"{self.name}, {self.size} x {self.size}", found, content, words)

    def describe_state(self, state: int) -> str:
        first, second, coin, colour = np.unravel_index(state, self._shape)
        place = lambda cell: "({}, {})".format(*divmod(int(cell), self.size))
        return f"agents at {place(first)} and {place(second)}, coin of agent {colour + 1} at {place(coin)}"

    def describe_action(self, follower: int, action: int) -> str:
        del follower
        return WORDS[action]


def _moved(cells: np.ndarray, size: int) -> np.ndarray:
    """int ``[S, 4]`` where each move leads from ``cells [S]``."""
    there = (np.stack(np.divmod(cells, size), axis=-1)[:, None] + MOVES) % size
    return there[..., 0] * size + there[..., 1]
