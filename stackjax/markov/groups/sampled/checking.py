"""Looks for faults in the rules of a game of followers who plan that is played out."""

import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.games.faults import fault
from stackjax.errors import InputError, require_is
from stackjax.markov.groups.sampled.game import PlayedGroupGame
from stackjax.markov.groups.sampled.play import Steps, some_episodes
from stackjax.types import PyTree

__all__ = ["check_played_group_game", "played_tables"]

NUM_EPISODES = 256
NUM_KEPT = 16
ROUNDING = 1e-4  # of payoffs, as a share of their range


def check_played_group_game(game: PlayedGroupGame) -> None:
    """Raise `InputError` naming the first thing that is wrong with ``game``.

    The numbers that it states (`PlayedGroupGame.check`); what each function returns; then, where followers act at random under
    random commitments: observations and payoffs are finite, payoffs within ``payoff_bounds``, and the same question has the
    same answer.
    """
    require_is("game", game, PlayedGroupGame, "a PlayedGroupGame")
    game.check()
    fail = lambda problem: InputError(f"game {game.name!r}: {problem}")

    def traced(what: str, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return jax.eval_shape(function, *arguments)
        except Exception as error:
            raise fail(f"{what} {fault(error, game)}") from error

    key = jax.random.key(0)
    action = jax.eval_shape(game.leader_actions.zeros)
    actions = jax.ShapeDtypeStruct((game.num_followers,), jnp.int32)
    state = traced("start", game.start, key)
    seen = traced("observe", game.observe, state)
    is_vector = isinstance(seen, jax.ShapeDtypeStruct) and seen.ndim == 1 and jnp.issubdtype(seen.dtype, jnp.floating)
    if not is_vector:
        raise fail(f"observe must return a vector of floats, but returns {_kinds(seen)}")
    pair = traced("step", game.step, key, state, actions, action)
    if not (isinstance(pair, tuple) and len(pair) == 2):
        raise fail(f"step must return the next state and payoffs, but returns {_kinds(pair)}")
    after, paid = pair
    if str(jax.tree.structure(after)) != str(jax.tree.structure(state)) or _kinds(after) != _kinds(state):
        raise fail(
            f"step must keep the state's structure, shapes and dtypes: start gives {_kinds(state)}, step {_kinds(after)}"
        )
    if getattr(paid, "shape", None) != (1 + game.num_followers,):
        raise fail(f"step must pay [1 + N] = [{1 + game.num_followers}] numbers, leader first, but pays {_kinds(paid)}")
    traces = [str(jax.make_jaxpr(lambda key: some_episodes(game, key, NUM_EPISODES))(key)) for _ in range(2)]
    once = jax.device_get(_played(game, NUM_EPISODES))
    if not np.isfinite(once.observations).all():
        raise fail("observe returns NaN or infinity; every observation must be finite")
    for agent in range(1 + game.num_followers):
        (low, high), payoffs = game.payoff_bounds[agent], once.payoffs[..., agent]
        slack = ROUNDING * max(high - low, abs(low), abs(high))
        bad = ~((payoffs >= low - slack) & (payoffs <= high + slack))  # True for NaN
        if bad.any():
            raise fail(f"payoffs of agent {agent} are {payoffs[bad][0]:g}, beyond payoff_bounds={low, high}")
    if len({re.sub(r"0x[0-9a-f]+", "", text) for text in traces}) > 1:
        raise fail("its functions give other results when called again; they must be pure: no random numbers, no counters")
    words = [
        game.describe_observation(once.observations[0, 0]),
        game.describe_leader_action(once.leader_actions[0, 0]),
        *(game.describe_follower(i) for i in range(game.num_followers)),
        *(game.describe_action(i, a) for i, count in enumerate(game.num_actions) for a in (0, count - 1)),
    ]
    if not all(isinstance(word, str) for word in words):
        raise fail("describe_observation, describe_leader_action, describe_follower and describe_action must return a string")


def played_tables(game: PlayedGroupGame) -> dict[str, np.ndarray]:
    """Some episodes in which followers act at random under random commitments: what was seen, done and paid in each step."""
    steps = jax.device_get(_played(game, NUM_KEPT))
    names = ("observations", "leader_actions", "actions", "payoffs")
    return {name: np.asarray(getattr(steps, name)) for name in names}


def _played(game: PlayedGroupGame, count: int) -> Steps:
    return jax.jit(lambda key: some_episodes(game, key, count))(jax.random.key(0))


def _kinds(tree: PyTree) -> str:
    kind = lambda leaf: f"{leaf.dtype}{list(leaf.shape)}" if hasattr(leaf, "dtype") else type(leaf).__name__
    return ", ".join(map(kind, jax.tree.leaves(tree))) or "nothing"
