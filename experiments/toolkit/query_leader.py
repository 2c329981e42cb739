"""A leader who learns by REINFORCE in the episode with queries of Gerstgrasser and Parkes (2023), as their diagnostics do.

First the leader is queried once in every public state, without reward; the answers are the follower's context. Then the game is
played, and the leader acts afresh at each visit. Its policy is a softmax for each state, and for each phase if it sees that.
"""

import dataclasses
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from stackjax.markov import IteratedGame, MarkovFollowers, MarkovProblem, tabulate_markov
from stackjax.types import Array, PRNGKey

__all__ = ["Learned", "QuerySettings", "learn"]

Carry = tuple[Array, optax.OptState]


@dataclasses.dataclass(frozen=True)
class QuerySettings:
    """How the leader learns; the defaults are those of the diagnostics, with every query in its batch."""

    hidden: bool = False
    """Whether queries are executed but left out of what it learns from."""
    sees_phase: bool = False
    """Whether it sees if it is queried, so that it can promise one table and play another."""
    learning_rate: float = 0.008
    episodes: int = 10
    """In a batch."""
    updates: int = 2000


class Learned(NamedTuple):
    """What seeds learned.

    Attributes:
      honest: ``[U, S]`` what the table that the leader is likeliest to play is worth as a commitment, exactly.
      reported: ``[U, S]`` mean returns of its episodes.
      promised, played: int ``[S, states]`` the likeliest answers to queries and actions in play, in the end.
      steps: ``[U]`` the leader's executed steps, queries included.
    """

    honest: np.ndarray
    reported: np.ndarray
    promised: np.ndarray
    played: np.ndarray
    steps: np.ndarray


def learn(game: IteratedGame, settings: QuerySettings, seeds: int, marks: int = 50) -> Learned:
    """Train ``seeds`` leaders side by side against a follower that answers the queried table best."""
    problem = MarkovProblem(game, MarkovFollowers())
    states, rows, horizon = game.num_states, game.table.shape[0], int(game.horizon or 0)
    same = jnp.broadcast_to(jnp.arange(rows, dtype=jnp.int32)[:, None], (rows, states))
    pays = tabulate_markov(game, same).leader_payoff  # [S, J, L]
    successor = jnp.asarray(game.successor)  # [S, J, L]: the leader's own action is the outcome
    optimiser = optax.adam(settings.learning_rate)

    def policies(logits: Array) -> tuple[Array, Array]:
        """Logits when queried and when played, the same ones unless the leader sees which it is."""
        return logits[0], logits[1 if settings.sees_phase else 0]

    def episode(key: PRNGKey, logits: Array) -> tuple[Array, Array, Array, Array]:
        query, play = policies(logits)
        query_key, play_key = jax.random.split(key)
        answers = jax.random.categorical(query_key, query).astype(jnp.int32)
        induced = tabulate_markov(game, answers[None])
        follower = problem.answer(key, answers[None], induced)[..., 0].argmax(axis=1)  # [S]

        def step(state: Array, key: PRNGKey) -> tuple[Array, tuple[Array, Array, Array]]:
            action = jax.random.categorical(key, play[state]).astype(jnp.int32)
            reward = pays[state, follower[state], action]
            return successor[state, follower[state], action], (state, action, reward)

        _, (seen, actions, rewards) = jax.lax.scan(step, jnp.int32(0), jax.random.split(play_key, horizon))
        return answers, seen, actions, rewards

    def loss(logits: Array, rows_of: tuple[Array, Array, Array, Array]) -> Array:
        answers, seen, actions, rewards = rows_of
        query, play = (jax.nn.log_softmax(part) for part in policies(logits))
        to_go = jnp.cumsum(rewards[:, ::-1], axis=1)[:, ::-1]
        of_queries = jnp.take_along_axis(query[None], answers[..., None], axis=2)[..., 0] * to_go[:, :1]
        of_play = play[seen, actions] * to_go
        queries = 0.0 if settings.hidden else of_queries.sum(axis=1)
        return -(queries + of_play.sum(axis=1)).mean()

    def update(carry: Carry, key: PRNGKey) -> tuple[Carry, Array]:
        logits, state = carry
        batch = jax.vmap(episode, (0, None))(jax.random.split(key, settings.episodes), logits)
        change, state = optimiser.update(jax.grad(loss)(logits, batch), state)
        return (optax.apply_updates(logits, change), state), batch[3].sum(axis=1).mean()

    def train(key: PRNGKey) -> tuple[Array, Array, Array]:
        def mark(
            carry: tuple[Array, optax.OptState], keys: PRNGKey
        ) -> tuple[tuple[Array, optax.OptState], tuple[Array, Array]]:
            carry, returns = jax.lax.scan(update, carry, keys)
            table = policies(carry[0])[1].argmax(axis=1).astype(jnp.int32)
            return carry, (problem.worth(key, table[None]).payoff[0], returns.mean())

        start = jnp.zeros((2, states, rows))
        keys = jax.random.split(key, (marks, settings.updates // marks))
        (logits, _), curves = jax.lax.scan(mark, (start, optimiser.init(start)), keys)
        return logits, *curves

    logits, honest, reported = jax.jit(jax.vmap(train))(jax.random.split(jax.random.key(0), seeds))
    promised, played = (np.asarray(part.argmax(axis=-1)) for part in jax.vmap(policies)(logits))
    each = settings.updates // marks * settings.episodes * (states + horizon)
    return Learned(np.asarray(honest).T, np.asarray(reported).T, promised, played, each * np.arange(1, marks + 1))
