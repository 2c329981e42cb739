"""An environment in which an agent is asked only where it is free to choose, so that what it does is what is played."""

from typing import Any

import jax
import jax.numpy as jnp

from stackjax.bayesian.pomdp.environment import StackelbergPOMDP, StackelbergState
from stackjax.errors import require_is
from stackjax.types import Array, PRNGKey

__all__ = ["PlayedActions"]


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
