"""A Stackelberg episode by samples: followers learn against a leader that acts on what it sees, and then it is paid.

Nothing here has the size of a type profile, of an action profile or of a decision tree. No batch axes: callers ``vmap``.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.acting import Decisions, Episode, Leader
from stackjax.bayesian.games.base import Game
from stackjax.bayesian.games.type_blocks import TypeBlocks
from stackjax.bayesian.sampled.hashing import NOTHING, hash_of, mixed
from stackjax.bayesian.sampled.learners import Learners
from stackjax.bayesian.sampled.noise import Noise
from stackjax.bayesian.sampled.sketch import Sketch, empty_sketch, estimated_count, with_decisions
from stackjax.errors import InputError
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["Setting", "SubEpisode", "equilibrated", "observation_size", "play_episode", "play_out", "reward_actions"]


class Setting(NamedTuple):
    """A game, how its followers learn, and for how long: ``num_rounds``, then ``num_reward_episodes`` that are paid."""

    game: Game
    learners: Learners
    num_rounds: int
    num_reward_episodes: int
    reward_play: str

    @property
    def types(self) -> TypeBlocks:
        return TypeBlocks.of(self.game.type_prior)


class SubEpisode(NamedTuple):
    """The leader's decisions of a sub-episode, leaves ``[L, ...]`` with ``hashes`` `NOTHING` after its end; all payoffs."""

    hashes: Array
    observations: Array
    choices: Array
    payoffs: Array  # [1 + N] game units, leader first


def observation_size(game: Game) -> int:
    """D, how many numbers the leader of ``game`` is shown."""
    shown = jax.eval_shape(lambda: game.observe(game.start(jnp.zeros(game.num_followers, jnp.int32))))
    if len(shown.shape) != 1:
        raise InputError(f"game {game.name!r}: observe must return a vector, but its shape is {shown.shape}")
    return int(shown.shape[0])


def play_out(
    game: Game, leader: Leader, noise: Noise | None, types: Array, actions: Array, fresh: Array | None = None
) -> SubEpisode:
    """One sub-episode after the followers' ``actions`` ``[N]``; a leader that explores does so by ``noise`` at what it sees.

    With ``fresh``, a number that no other sub-episode has, noise depends on that and on the decision instead.
    """
    no_noise = jnp.zeros(0)

    def step(carry: tuple[PyTree, Array], level: Array) -> tuple[tuple[PyTree, Array], tuple[Array, Array, Array]]:
        state, is_over = carry
        observation = game.observe(state)
        hashed = hash_of(observation)
        source = hashed if fresh is None else mixed(fresh + level.astype(jnp.uint32))
        choice = leader.choose(observation, no_noise if noise is None else noise.at(observation, source))
        action = game.leader_actions.clip(leader.to_action(choice))
        outcome = game.respond(types, state, action)
        after = game.advance(state, action, outcome)
        after = jax.tree.map(lambda new, old: jnp.where(is_over, old, new), after, state)
        ends = (outcome >= game.num_continuing_outcomes) | (level + 1 >= game.num_decisions)
        return (after, is_over | ends), (jnp.where(is_over, NOTHING, hashed), observation, choice)

    start = game.start(actions), jnp.bool_(False)
    (state, _), decisions = jax.lax.scan(step, start, jnp.arange(game.num_decisions, dtype=jnp.int32))
    return SubEpisode(*decisions, game.payoffs(types, actions, state))


def deviations(num_actions: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """``who`` and ``shift`` ``[P - 1]``: a play for every follower and every action that is not the one it drew."""
    pairs = [(i, d) for i, count in enumerate(num_actions) for d in range(1, count)]
    return (np.array([p[0] for p in pairs], np.int32), np.array([p[1] for p in pairs], np.int32))


def play_round(
    setting: Setting,
    leader: Leader,
    noise: Noise | None,
    states: tuple[PyTree, ...],
    uniform: Array,
    fresh: Array | None = None,
) -> tuple[tuple[PyTree, ...], SubEpisode]:
    """A round of learning by ``uniform [blocks + N]``: the states after it, and its plays ``[P, ...]``."""
    game, learners, blocks = setting.game, setting.learners, setting.types
    count = len(blocks.tables)
    types = blocks.draw(uniform[:count])
    drawn = learners.draw(learners.rows(states, types), uniform[count:])
    who, shift = deviations(game.num_actions)
    other = (drawn[who] + shift) % jnp.asarray(game.num_actions, jnp.int32)[who]
    profiles = jnp.tile(drawn[None], (1 + len(who), 1)).at[1 + np.arange(len(who)), who].set(other)
    plays = _all_played(game, leader, noise, types, profiles, fresh)
    everyone = np.arange(game.num_followers)
    payoffs = jnp.zeros((game.num_followers, max(game.num_actions)))
    payoffs = payoffs.at[everyone, drawn].set(plays.payoffs[0, 1:])
    payoffs = payoffs.at[who, other].set(plays.payoffs[1 + np.arange(len(who)), 1 + who])
    return learners.learn(states, types, drawn, payoffs / game.payoff_scale), plays


def _all_played(
    game: Game, leader: Leader, noise: Noise | None, types: Array, profiles: Array, fresh: Array | None
) -> SubEpisode:
    """A sub-episode for each of ``profiles [P, N]``."""
    if fresh is None:
        return jax.vmap(lambda actions: play_out(game, leader, noise, types, actions))(profiles)
    each = mixed(fresh + jnp.arange(len(profiles), dtype=jnp.uint32) * jnp.uint32(0x01000193))
    return jax.vmap(lambda actions, one: play_out(game, leader, noise, types, actions, one))(profiles, each)


def equilibrated(setting: Setting, leader: Leader, key: PRNGKey) -> tuple[PyTree, ...]:
    """What the followers have learned after all rounds."""

    def body(t: Array, states: tuple[PyTree, ...]) -> tuple[PyTree, ...]:
        return play_round(setting, leader, None, states, _round_uniforms(setting, key, t))[0]

    return jax.lax.fori_loop(0, setting.num_rounds, body, setting.learners.init())


def reward_actions(setting: Setting, strategies: Array, types: Array, uniform: Array) -> Array:
    """Actions int ``[N]`` at ``types`` as ``reward_play`` has it, of ``strategies [N, K, A]``."""
    rows = jnp.take_along_axis(strategies, types[:, None, None], axis=1)[:, 0]  # [N, A]
    if setting.reward_play == "argmax":
        return rows.argmax(axis=-1).astype(jnp.int32)
    ends = jnp.cumsum(rows, axis=-1)
    return (uniform[:, None] * ends[:, -1:] >= ends[:, :-1]).sum(axis=-1, dtype=jnp.int32)


def play_episode(
    setting: Setting, leader: Leader, key: PRNGKey, num_distinct: int, num_own: int, fresh_noise: bool = False
) -> Episode:
    """One Stackelberg episode of a leader that explores: equal observations get equal noise, and so equal actions.

    Args:
      num_distinct: how many distinct decisions are kept at most.
      num_own: decisions of paid sub-episodes that are kept.
      fresh_noise: draw noise at every decision anew, so that the leader commits to nothing; for experiments alone.
    """
    game, learners, blocks = setting.game, setting.learners, setting.types
    noise_key, kept_key, rounds_key, paid_key, own_key = jax.random.split(key, 5)
    noise = Noise.of(noise_key, observation_size(game), leader)
    if fresh_noise:
        noise = noise._replace(correlation=0.0)
    second = jax.random.bits(kept_key, (), jnp.uint32)  # which decisions are kept does not depend on their noise
    rehashed = lambda hashes: jnp.where(hashes == NOTHING, NOTHING, jnp.minimum(mixed(hashes ^ second), NOTHING - 1))

    def added(sketch: Sketch, plays: SubEpisode) -> Sketch:
        flat = [leaf.reshape(-1, *leaf.shape[2:]) for leaf in plays[:3]]
        return with_decisions(sketch, rehashed(flat[0]), *flat[1:])

    def one_round(carry: Any, t: Array) -> tuple[Any, None]:
        states, sketch, count = carry
        fresh = mixed(noise.salt + t.astype(jnp.uint32)) if fresh_noise else None
        states, plays = play_round(setting, leader, noise, states, _round_uniforms(setting, rounds_key, t), fresh)
        return (states, added(sketch, plays), count + (plays.hashes != NOTHING).sum()), None

    nobody = jnp.zeros(game.num_followers, jnp.int32)
    like = jax.eval_shape(lambda: play_out(game, leader, noise, nobody, nobody))
    one = lambda leaf: jax.ShapeDtypeStruct(leaf.shape[1:], leaf.dtype)
    start = (learners.init(), empty_sketch(num_distinct, one(like.observations), one(like.choices)), jnp.int32(0))
    (states, sketch, count), _ = jax.lax.scan(one_round, start, jnp.arange(setting.num_rounds, dtype=jnp.int32))

    strategies = learners.strategies(states)

    def paid(uniform: Array, word: Array) -> tuple[Array, SubEpisode]:
        types = blocks.draw(uniform[: len(blocks.tables)])
        actions = reward_actions(setting, strategies, types, uniform[len(blocks.tables) :])
        return types, play_out(game, leader, noise, types, actions, mixed(word ^ noise.salt) if fresh_noise else None)

    shape = (setting.num_reward_episodes, len(blocks.tables) + game.num_followers)
    words = jnp.arange(setting.num_reward_episodes, dtype=jnp.uint32)
    types, plays = jax.vmap(paid)(jax.random.uniform(paid_key, shape), words)
    sketch, count = added(sketch, plays), count + (plays.hashes != NOTHING).sum()
    payoffs = plays.payoffs[:, 0]

    is_made = (plays.hashes != NOTHING).ravel()
    ranked = jax.lax.top_k(jnp.where(is_made, jax.random.uniform(own_key, is_made.shape), -1.0), min(num_own, is_made.size))[1]
    of = ranked // game.num_decisions
    flat = lambda leaf: leaf.reshape(-1, *leaf.shape[2:])[ranked]
    made = is_made[ranked].astype(payoffs.dtype)
    share = is_made.sum().astype(made.dtype) / (
        setting.num_reward_episodes * jnp.maximum(made.sum(), 1.0)
    )  # of a sub-episode's decisions
    total = estimated_count(sketch)
    held = (sketch.hashes != NOTHING).astype(payoffs.dtype)
    return Episode(
        total_return=payoffs.mean(),
        sampling_variance=payoffs.var() / setting.num_reward_episodes,
        distinct=Decisions(sketch.observations, sketch.choices, held * total / jnp.maximum(held.sum(), 1.0)),
        own=Decisions(flat(plays.observations), flat(plays.choices), made * share),
        own_payoffs=payoffs[of],
        own_hidden=_hidden(setting, types[of], strategies),
        num_decisions=count,
        num_distinct=total,
    )


def _hidden(setting: Setting, types: Array, strategies: Array) -> Array:
    """``[q, H]`` types, each as a vector, and all strategies, which are the same throughout."""
    sizes = setting.game.num_types
    rows = [jax.nn.one_hot(types[:, i], size) for i, size in enumerate(sizes) if size > 1]
    tables = jnp.tile(strategies.reshape(1, -1), (len(types), 1))
    return jnp.concatenate([*rows, tables], axis=1)


def _round_uniforms(setting: Setting, key: PRNGKey, t: Array) -> Array:
    count = len(setting.types.tables) + setting.game.num_followers
    return jax.random.uniform(jax.random.fold_in(key, t), (count,))
