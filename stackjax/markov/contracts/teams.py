"""Contracts for several agents who are seen: who does what the principal recommends is paid (Ivanov et al. 2024).

In every state the payments are the least under which nobody gains by another action if the others follow. Here are the
subgame-perfect equilibrium by backward induction, a principal who learns on tables, and how contracts do against agents who
answer exactly.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.arrays import in_full, lead
from stackjax.errors import require_count, require_number
from stackjax.markov.contracts.learning import LearningState, Setting, check_learning, table_learner
from stackjax.markov.game import InducedMarkovGame, joint_actions
from stackjax.method import Method
from stackjax.types import Array, PRNGKey

__all__ = ["JudgedTeam", "TeamContracts", "judge_team_contracts", "learn_team_contracts", "team_equilibrium", "team_learner"]

NUM_UPDATES = 1000
SETTLED_EXPLORATION = 0.5  # once recommendations are settled


class TeamContracts(NamedTuple):
    """A recommendation and payments: joint ``action`` int ``[S]`` and ``payments [S, N]``, or ``[T, S]`` and ``[T, S, N]``."""

    action: Array
    payments: Array


class JudgedTeam(NamedTuple):
    """What contracts lead to if one agent replies best to the others' following, and follows where that is a best reply.

    Each agent does so in turn, alone. Principal, welfare and payments are those of the agent whose reply costs the principal
    most; where nobody gains by not following, all follow.

    Attributes:
      principal: game units.
      welfare: what the agents earn without payments, game units.
      paid: the payments, game units.
      compliance: the share of its recommendations that an agent follows in an episode, mean over agents.
      exploitability: the most that an agent who follows always would gain by another policy; 0 where all are followed.
      welfare_if_followed: the welfare if all recommendations were followed.
    """

    principal: float
    welfare: float
    paid: float
    compliance: float
    exploitability: float
    welfare_if_followed: float


@in_full
def team_equilibrium(game: InducedMarkovGame, num_actions: tuple[int, ...], steps: int) -> tuple[float, TeamContracts]:
    """The principal's value, and the contracts, if it chooses afresh in every state of ``steps`` steps; no discount.

    Args:
      game: without payments and without batch axes.
      num_actions: of each agent.
    """

    def sweep(values: tuple[Array, Array], _: None) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        principal, own = values
        worths = game.follower_payoffs + game.ahead(own)
        least = _least(worths, num_actions)
        total = game.leader_payoff + game.ahead(principal) - least.sum(axis=0)
        best = total.argmax(axis=1).astype(jnp.int32)
        take = lambda table: jnp.take_along_axis(table, best[:, None], axis=1)[:, 0]
        each = jax.vmap(take)
        return (take(total), each(worths + least)), (best, each(least).T)

    states, agents = len(game.initial), len(num_actions)
    nothing = jnp.zeros(states, game.leader_payoff.dtype), jnp.zeros((agents, states), game.leader_payoff.dtype)
    (principal, _), (action, payments) = jax.jit(lambda: jax.lax.scan(sweep, nothing, None, length=steps))()
    return float(game.start(principal)), TeamContracts(action[::-1], payments[::-1])


def _least(worths: Array, num_actions: tuple[int, ...]) -> Array:
    """``[N, S, J]`` what each agent must be paid for its part of a joint action, given ``worths`` without payments."""
    shaped = worths.reshape(*worths.shape[:2], *num_actions)
    best = [jnp.broadcast_to(shaped[i].max(axis=1 + i, keepdims=True), shaped.shape[1:]) for i in range(len(num_actions))]
    return (jnp.stack(best) - shaped).reshape(worths.shape)


def learn_team_contracts(
    key: PRNGKey, game: InducedMarkovGame, num_actions: tuple[int, ...], steps: int, **numbers: Any
) -> TeamContracts:
    """What `team_learner` finds.

    Args:
      key: of all draws.
      game: without payments and without batch axes.
      num_actions: of each agent.
      steps: of an episode.
      numbers: those of `team_learner`.

    Raises:
      InputError: a number is out of range.
    """
    return team_learner(game, num_actions, steps, **numbers).run(key)


def team_learner(
    game: InducedMarkovGame,
    num_actions: tuple[int, ...],
    steps: int,
    *,
    num_updates: int = NUM_UPDATES,
    num_episodes: int = 512,
    discount: float = 0.99,
    nudge: float = 0.1,
) -> Method:
    """Learns recommendations and payments, the same in every step, by Q-learning on tables from ``num_updates`` batches.

    A recommendation is drawn at random with a chance that falls from 1 to 0 over three quarters of all updates. Then they are
    settled, see `table_learner`. A value is for an endless game, as an episode's steps are not part of the state.

    Args:
      game: without payments and without batch axes.
      num_actions: of each agent.
      steps: of an episode.
      num_updates: batches of episodes.
      num_episodes: in a batch.
      discount: γ of what is learned.
      nudge: what is added to each payment, game units.

    Raises:
      InputError: a number is out of range.
    """
    require_count("steps", steps)
    check_learning(num_updates, num_episodes, nudge)
    require_number("discount", discount, lambda discount: 0 <= discount < 1, "at least 0 and below 1")
    first = jnp.log(jnp.asarray(game.initial, game.leader_payoff.dtype))

    def begin(key: PRNGKey) -> tuple[PRNGKey, Array]:
        start_key, key = jax.random.split(key)
        return key, jax.random.categorical(start_key, first, shape=(num_episodes,)).astype(jnp.int32)

    def pay(own: Array) -> tuple[Array, Array]:
        least = _least(own, num_actions) + nudge  # [N, S, J]
        return jnp.broadcast_to(least.sum(axis=0)[..., None], game.probability.shape), least

    settling = 3 * num_updates // 4
    exploration = jnp.concatenate([jnp.linspace(1.0, 0.0, settling), jnp.full(num_updates - settling, SETTLED_EXPLORATION)])
    gains = jnp.broadcast_to(game.leader_payoff[..., None], game.probability.shape)
    after = jnp.asarray(game.successor)
    setting = Setting(game.probability, after, gains, game.follower_payoffs, pay, begin, steps, discount)
    learner = table_learner(setting, exploration, settling)

    def found(state: LearningState) -> TeamContracts:
        action, own = learner.found(state)
        least = _least(own, num_actions) + nudge
        return TeamContracts(action, jnp.take_along_axis(least, action[None, :, None], axis=2)[..., 0].T)

    return learner._replace(found=found)


@in_full
def judge_team_contracts(
    contracts: TeamContracts, game: InducedMarkovGame, num_actions: tuple[int, ...], steps: int, tie: float = 1e-5
) -> JudgedTeam:
    """See `JudgedTeam`.

    Args:
      contracts: the payments.
      game: without payments and without batch axes.
      num_actions: of each agent.
      steps: of an episode.
      tie: what an agent does not mind losing, game units.
    """
    agents, states = len(num_actions), len(game.initial)
    joint, dtype = joint_actions(num_actions), game.leader_payoff.dtype
    strides = np.cumprod([1, *num_actions[:0:-1]])[::-1]
    whole = lambda table, *shape: jnp.broadcast_to(lead(jnp.asarray(table), 1 + len(shape)), (steps, *shape))
    action = whole(contracts.action, states)
    payments = whole(contracts.payments, states, agents).astype(dtype)
    earned = game.follower_payoffs.sum(axis=0)

    def sweep(values: tuple[Array, Array, Array], step: tuple[Array, Array]) -> tuple[tuple[Array, Array, Array], None]:
        best, following, played = values  # [N, S], [N + 1, S] with the welfare, [N, 4, S] by who replies
        recommended, paid = step
        at = lambda table, index: jnp.take_along_axis(table, index[:, None], axis=1)[:, 0]
        ahead_best = game.follower_payoffs + game.ahead(best)
        own, most, onwards = jnp.asarray(joint)[recommended], [], []  # own [S, N]
        for i, count in enumerate(num_actions):
            base = recommended - own[:, i] * strides[i]
            worths = jnp.stack([at(ahead_best[i], base + a * strides[i]) for a in range(count)], axis=1)
            worths = worths.at[jnp.arange(states), own[:, i]].add(paid[:, i])
            best_worth = worths.max(axis=1)
            follows = at(worths, own[:, i]) >= best_worth - tie
            place = jnp.where(follows, recommended, base + worths.argmax(axis=1) * strides[i]).astype(jnp.int32)
            costs = paid.sum(axis=1) - jnp.where(follows, 0.0, paid[:, i])
            now = jnp.stack([at(game.leader_payoff, place), at(earned, place), costs, follows.astype(dtype)])
            most.append(best_worth)
            onwards.append(now + jax.vmap(at, (0, None))(game.ahead(played[i]), place))
        both = jnp.concatenate([game.follower_payoffs, earned[None]]) + game.ahead(following)
        following = jax.vmap(at, (0, None))(both, recommended).at[:agents].add(paid.T)
        return (jnp.stack(most), following, jnp.stack(onwards)), None

    none = lambda *rows: jnp.zeros((*rows, states), dtype)
    nothing = none(agents), none(agents + 1), none(agents, 4)
    (best, following, played), _ = jax.jit(lambda: jax.lax.scan(sweep, nothing, (action, payments), reverse=True))()
    start = lambda values: np.asarray(values, np.float64) @ np.asarray(game.initial, np.float64)
    gain, welfare, paid, followed = start(played).T
    worst = int((gain - paid).argmin())
    lost = float((start(best) - start(following[:agents])).max())
    return JudgedTeam(
        principal=float(gain[worst] - paid[worst]),
        welfare=float(welfare[worst]),
        paid=float(paid[worst]),
        compliance=float(followed.mean() / steps),
        exploitability=max(lost, 0.0),
        welfare_if_followed=float(start(following[agents])),
    )
