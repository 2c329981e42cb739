"""The Stackelberg POMDP as environments of Gymnasium: one at a time, or many as one compiled program."""

import functools
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.pomdp.commitment import commit
from stackjax.bayesian.pomdp.environment import StackelbergPOMDP
from stackjax.bayesian.pomdp.tree import NUM_PROBES, action_probes
from stackjax.errors import InputError, require_count, require_is
from stackjax.interop.needs import needed
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey

if TYPE_CHECKING:
    import gymnasium

__all__ = ["episode_key", "observation_bounds", "to_gymnasium", "to_gymnasium_vector"]


def to_gymnasium(env: StackelbergPOMDP, seed: int = 0) -> "gymnasium.Env":
    """``env`` as a `gymnasium.Env`, one leader decision a step.

    The environment holds the leader to its first action at an observation until the episode ends. An agent should learn
    from what was played: ``committed_action(action)`` tells it before the step, ``info["leader_action"]`` after it.
    Episode ``k`` after ``reset(seed=s)`` is ``env.reset_env(episode_key(s, k))``; nothing else is random.

    Args:
      env: the environment; observations are float32 ``[D]``.
      seed: of the first episodes, if ``reset`` is not given one.

    Raises:
      InputError: ``env`` is no `StackelbergPOMDP`, ``seed`` is negative, or gymnasium is not installed.
    """
    _check(env, seed)
    return _env_class()(env, seed)


def to_gymnasium_vector(env: StackelbergPOMDP, num_envs: int, seed: int = 0) -> "gymnasium.vector.VectorEnv":
    """``num_envs`` copies of ``env`` as a `gymnasium.vector.VectorEnv`, which steps them as one compiled program.

    An episode that ends is followed by the next one in the same step (``AutoresetMode.SAME_STEP``): its last
    observation and info are in ``infos["final_obs"]`` and ``infos["final_info"]``. Copy ``i`` under ``seed`` is
    `to_gymnasium` under ``seed + i``.

    Args:
      env: the environment; observations are float32 ``[num_envs, D]``.
      num_envs: how many.
      seed: of the first episodes, if ``reset`` is not given one.

    Raises:
      InputError: as of `to_gymnasium`, or ``num_envs`` is no whole number of at least 1.
    """
    _check(env, seed)
    require_count("num_envs", num_envs)
    return _vector_class()(env, num_envs, seed)


def _check(env: Any, seed: Any) -> None:
    require_is("env", env, StackelbergPOMDP, "a StackelbergPOMDP, for example sx.StackelbergPOMDP(sx.make('escape'))")
    require_count("seed", seed, least=0)
    needed("gymnasium", "to_gymnasium", "stackjax[gymnasium]")


def episode_key(seed: int, episode: int) -> PRNGKey:
    """The random key of the ``episode``-th episode after ``seed``, which may be any whole number of at least 0."""
    return jax.random.fold_in(_key(seed), episode)


def _key(seed: int) -> PRNGKey:
    return jax.random.key(int(seed) % 2**31)


def observation_bounds(env: StackelbergPOMDP) -> tuple[np.ndarray, np.ndarray]:
    """``low, high [D]`` of what the leader can be shown.

    They are exact where all sequences of leader actions can be tried. Elsewhere some are, and the bounds are those of
    what was seen, wider by its spread (at least 1) on both sides.
    """
    game, tree = env.game, env.tree
    num_later = max(game.num_decisions - 1, 1)

    def seen(actions: Array) -> tuple[Array, Array]:
        def choose(observations: Array, nodes: slice) -> Array:
            action = actions[min(tree.level_offset.index(nodes.start), num_later - 1)]
            return jnp.broadcast_to(action, (observations.shape[0], *action.shape))

        observations, _ = commit(game, tree, choose, lambda made: made)
        return observations.min(axis=0), observations.max(axis=0)

    lows, highs = jax.jit(functools.partial(jax.lax.map, seen))(jnp.asarray(action_probes(game, num_later)))
    low, high = np.asarray(lows, np.float32).min(axis=0), np.asarray(highs, np.float32).max(axis=0)
    space = game.leader_actions
    if game.num_decisions > 1 and not (isinstance(space, Discrete) and space.n**num_later <= NUM_PROBES):
        margin = np.maximum(high - low, 1)
        low, high = low - margin, high + margin
    return low, high


def _spaces(env: StackelbergPOMDP) -> tuple[Any, Any]:
    from gymnasium import spaces

    low, high = observation_bounds(env)
    flat = low == high  # a space of one point is none
    observations = spaces.Box(low, np.where(flat, high + np.float32(1), high), dtype=np.float32)
    space = env.game.leader_actions
    if isinstance(space, Discrete):
        return observations, spaces.Discrete(space.n)
    low, high = np.asarray(space.low, np.float32), np.asarray(space.high, np.float32)
    return observations, spaces.Box(low, high, dtype=np.float32)


def _checked_actions(env: StackelbergPOMDP, actions: Any, shape: tuple[int, ...]) -> np.ndarray:
    """``actions [*shape, ...]`` as the environment takes them; raises `InputError` for one that is none."""
    space = env.game.leader_actions
    is_discrete = isinstance(space, Discrete)
    made = np.asarray(actions, np.int32 if is_discrete else np.float32)
    wrong = ((made < 0) | (made >= space.n)).any() if isinstance(space, Discrete) else np.isnan(made).any()
    if made.shape != (*shape, *space.shape) or wrong:
        many = f", of shape {(*shape, *space.shape)}" if shape else ""
        raise InputError(f"action={actions} must be {space.allowed()}{many}")
    return made


@functools.cache
def _env_class() -> type:
    import gymnasium

    class StackelbergEnv(gymnasium.Env):
        """One Stackelberg POMDP."""

        metadata = {"render_modes": []}

        def __init__(self, env: StackelbergPOMDP, seed: int) -> None:
            self.pomdp = env
            self.observation_space, self.action_space = _spaces(env)
            self._key, self._episode = _key(seed), 0
            self._state: Any = None
            self._start, self._advance = jax.jit(env.reset_env), jax.jit(env.step_env)

        def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[np.ndarray, dict]:
            """A new episode: the next one, or with ``seed`` the first one of that seed."""
            super().reset(seed=seed)
            if seed is not None:
                self._key, self._episode = _key(seed), 0
            observation, self._state = self._start(jax.random.fold_in(self._key, self._episode))
            self._episode += 1
            return np.asarray(observation, np.float32), {}

        def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
            """One leader decision; raises `InputError` where no episode is on, or ``action`` is none."""
            made = _checked_actions(self.pomdp, action, ())
            if self._state is None:
                raise InputError("step needs an episode that goes on; call reset first")
            observation, self._state, reward, done, info = self._advance(self._key, self._state, made)
            if done:
                self._state = None
            info = {name: np.asarray(value)[()] for name, value in info.items()}
            return np.asarray(observation, np.float32), float(reward), bool(done), False, info

        def committed_action(self, action: Any) -> Any:
            """What is played if the leader chooses ``action`` now: its commitment here if there is one."""
            if self._state is None:
                raise InputError("committed_action needs an episode that goes on; call reset first")
            held = self.pomdp.committed_action(self._state, _checked_actions(self.pomdp, action, ()))
            return np.asarray(self.pomdp.game.leader_actions.from_box(held))[()]

    return StackelbergEnv


@functools.cache
def _vector_class() -> type:
    from gymnasium.vector import AutoresetMode, VectorEnv
    from gymnasium.vector.utils import batch_space

    class StackelbergVectorEnv(VectorEnv):
        """Many Stackelberg POMDPs, stepped as one program."""

        metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.SAME_STEP}

        def __init__(self, env: StackelbergPOMDP, num_envs: int, seed: int) -> None:
            self.pomdp, self.num_envs = env, num_envs
            self.single_observation_space, self.single_action_space = _spaces(env)
            self.observation_space = batch_space(self.single_observation_space, num_envs)
            self.action_space = batch_space(self.single_action_space, num_envs)
            self._keys: Any = None  # [num_envs]
            self._episodes: Any = jnp.zeros(num_envs, jnp.int32)
            self._seed([seed + i for i in range(num_envs)])
            self._states: Any = None
            self._start, self._advance = jax.jit(jax.vmap(self._first)), jax.jit(self._steps)

        def reset(
            self, *, seed: int | list[int | None] | None = None, options: dict[str, Any] | None = None
        ) -> tuple[np.ndarray, dict[str, Any]]:
            """New episodes: the next ones, or the first ones of the seeds ``seed + i``, or of those in a list."""
            super().reset(seed=seed if isinstance(seed, int) else None)
            if isinstance(seed, (int, np.integer)):
                self._seed([int(seed) + i for i in range(self.num_envs)])
            elif seed is not None:
                self._seed(list(seed))
            observations, self._states = self._start(self._keys, self._episodes)
            self._episodes = self._episodes + 1
            return np.array(observations, np.float32), {}

        def step(self, actions: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
            """One leader decision in every copy; raises `InputError` before the first ``reset``, or for no actions."""
            made = _checked_actions(self.pomdp, actions, (self.num_envs,))
            if self._states is None:
                raise InputError("step needs episodes that go on; call reset first")
            found = self._advance(self._keys, self._episodes, self._states, made)
            shown, last, self._states, self._episodes, rewards, ended, played = found
            done, known = np.array(ended), {name: np.array(value) for name, value in played.items()}
            of = lambda values, copies: {**values, **{f"_{name}": copies.copy() for name in values}}  # and which have them
            infos: dict[str, Any] = of(known, np.ones_like(done))
            if done.any():
                final = np.full(self.num_envs, None, object)
                for i in np.flatnonzero(done):
                    final[i] = np.array(last[i], np.float32)
                infos |= of({"final_obs": final, "final_info": of(known, done)}, done)
            return np.array(shown, np.float32), np.array(rewards, np.float64), done, np.zeros_like(done), infos

        def _seed(self, seeds: list[Any]) -> None:
            """Seed the copies whose entry is not None."""
            if len(seeds) != self.num_envs:
                raise InputError(f"seed={seeds} must be a whole number, or a list of {self.num_envs}")
            old: list[Any] = [None] * self.num_envs if None not in seeds else list(self._keys)
            keys = [key if seed is None else _key(seed) for seed, key in zip(seeds, old, strict=True)]
            self._keys = jnp.stack(keys)
            is_new = jnp.asarray([seed is not None for seed in seeds])
            self._episodes = jnp.where(is_new, 0, self._episodes)

        def _first(self, key: PRNGKey, episode: Array) -> tuple[Array, Any]:
            return self.pomdp.reset_env(jax.random.fold_in(key, episode))

        def _steps(self, keys: Array, episodes: Array, states: Any, actions: Array) -> tuple:
            last, after, rewards, done, info = jax.vmap(self.pomdp.step_env)(keys, states, actions)

            def again(shown: Array, states: Any) -> tuple[Array, Any]:
                first = jax.vmap(self._first)(keys, episodes)
                pick = lambda new, old: jnp.where(done.reshape(-1, *(1,) * (old.ndim - 1)), new, old)
                return jax.tree.map(pick, first, (shown, states))

            shown, after = jax.lax.cond(done.any(), again, lambda shown, states: (shown, states), last, after)
            return shown, last, after, episodes + done.astype(episodes.dtype), rewards, done, info

    return StackelbergVectorEnv
