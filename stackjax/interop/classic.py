"""The Stackelberg POMDP as PureJaxRL, rejax and whatever else was written for gymnax before 1.0 expect an environment."""

from typing import Any

import jax.numpy as jnp

from stackjax.bayesian.pomdp.environment import StackelbergPOMDP
from stackjax.errors import require_is
from stackjax.interop.played import PlayedActions
from stackjax.types import Array, PRNGKey

__all__ = ["Classic", "classic"]


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
