"""The Stackelberg POMDP for agents that store what they sampled, and for programs that were written for gymnax before 1.0."""

from typing import Any

import jax
import jax.numpy as jnp

from stackjax.bayesian.pomdp.environment import StackelbergPOMDP, StackelbergState
from stackjax.errors import require_is
from stackjax.types import Array, PRNGKey

__all__ = ["Classic", "PlayedActions", "classic"]


class PlayedActions(StackelbergPOMDP):
    """``env``, but each step goes on to the next observation at which the leader has not committed yet.

    `StackelbergPOMDP` holds the leader to its first action at an observation, and replaces later ones. An agent that stores its
    own samples, as most do, then learns from actions that nobody played. Here every action of the agent is played: decisions
    at which one is held already are played without asking, and what they pay is added to the reward of the step. With γ = 1
    the return of an episode stays what it is. An episode has as many steps as observations that it meets for the first time.

    ``info`` is that of the agent's own decision, but for ``is_paid``, which is True if any decision of the step was paid; and
    ``num_decisions`` counts all decisions of the step.

    Args:
      env: the environment.

    Raises:
      InputError: ``env`` is no `StackelbergPOMDP`.
    """

    def __init__(self, env: StackelbergPOMDP) -> None:
        require_is("env", env, StackelbergPOMDP, "a StackelbergPOMDP, for example sx.StackelbergPOMDP(sx.make('maintain'))")
        super().__init__(env.game, env.dynamics, env.num_rounds, env.num_reward_episodes, env.reward_play)

    @property
    def name(self) -> str:
        return f"PlayedActions({self.game.name})"

    def step_env(
        self, key: PRNGKey, state: StackelbergState, action: Any, params: Any = None
    ) -> tuple[Array, StackelbergState, Array, Array, dict[str, Array]]:
        """The agent's decision, and all after it at which the leader is held to an earlier one."""
        step = super().step_env

        def is_held(carry: tuple) -> Array:
            _, state, _, terminated, _, _ = carry
            return state.commitments.made[state.node] & ~terminated

        def go_on(carry: tuple) -> tuple:
            _, state, total, _, is_paid, count = carry
            observation, state, reward, terminated, info = step(key, state, state.commitments.actions[state.node], params)
            return observation, state, total + reward, terminated, is_paid | info["is_paid"], count + 1

        observation, state, reward, terminated, info = step(key, state, action, params)
        first = (observation, state, reward, terminated, info["is_paid"], jnp.int32(1))
        observation, state, reward, terminated, is_paid, count = jax.lax.while_loop(is_held, go_on, first)
        return observation, state, reward, terminated, {**info, "is_paid": is_paid, "num_decisions": count}


class Classic:
    """An environment whose ``step`` returns five values: observation, state, reward, done, info.

    All else is as of ``env``: ``reset``, ``default_params``, ``observation_space``, ``action_space`` and so on.
    """

    def __init__(self, env: StackelbergPOMDP) -> None:
        self._env = env

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # as copies and pickles ask before there is an environment
            raise AttributeError(name)
        return getattr(self._env, name)

    def step(
        self, key: PRNGKey, state: Any, action: Any, params: Any = None
    ) -> tuple[Array, Any, Array, Array, dict[str, Array]]:
        """One decision, and the next episode if this one is over."""
        params = self._env.default_params if params is None else params
        observation, state, reward, terminated, truncated, info = self._env.step(key, state, action, params)
        return observation, state, reward, jnp.logical_or(terminated, truncated), info

    def step_env(
        self, key: PRNGKey, state: Any, action: Any, params: Any = None
    ) -> tuple[Array, Any, Array, Array, dict[str, Array]]:
        """One decision; an episode that is over stays over."""
        return self._env.step_env(key, state, action, params)


def classic(env: StackelbergPOMDP) -> Classic:
    """``env`` for programs that unpack five values from ``step``, such as those of PureJaxRL and rejax.

    They store what they sampled, so they are asked only where the leader is free to choose: see `PlayedActions`.

    Raises:
      InputError: ``env`` is no `StackelbergPOMDP`.
    """
    require_is("env", env, StackelbergPOMDP, "a StackelbergPOMDP, for example sx.StackelbergPOMDP(sx.make('maintain'))")
    return Classic(env if isinstance(env, PlayedActions) else PlayedActions(env))
