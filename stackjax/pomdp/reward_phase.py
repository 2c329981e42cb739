"""How followers play in the reward phase, once they have learned."""

from typing import Literal, get_args

import jax.numpy as jnp
import numpy as np

from stackjax.errors import InputError
from stackjax.followers import rounds
from stackjax.types import Array

__all__ = ["RewardPlay", "check_reward_play", "draw_play"]

RewardPlay = Literal["argmax", "mixed", "empirical"]


def check_reward_play(reward_play: str) -> None:
    if reward_play not in get_args(RewardPlay):
        raise InputError(f"reward_play={reward_play!r} must be one of {', '.join(get_args(RewardPlay))}")


def draw_play(
    reward_play: RewardPlay, uniform: Array, types: tuple[Array, ...], strategies: tuple[Array, ...], play_counts: Array | None
) -> tuple[Array, ...]:
    """The followers' actions at ``types``: a tuple over followers of int ``[*batch]``.

    Args:
      reward_play: ``"argmax"``, each follower's most likely action; ``"mixed"``, a draw from its strategy;
        ``"empirical"``, a joint draw from the plays of the response phase at these types (if these types never came
        up together, a mixed draw).
      uniform: ``[N, *batch]``.
      strategies: a tuple over followers of ``[K_i, A_i, *batch]``.
      play_counts: ``[K_1..K_N, A_1..A_N, *batch]``; only the empirical play needs it.
    """
    if reward_play == "argmax":
        return tuple(rounds.take_row(t, s.argmax(axis=1)) for t, s in zip(types, strategies, strict=True))
    mixed = rounds.draw_actions(uniform, tuple(rounds.take_row(t, s) for t, s in zip(types, strategies, strict=True)))
    if reward_play == "mixed":
        return mixed
    if play_counts is None:
        raise ValueError("the empirical play needs play_counts")
    num_types, num_actions = zip(*(s.shape[:2] for s in strategies), strict=True)
    batch = types[0].shape
    profile = jnp.zeros(batch, jnp.int32)
    for t, count in zip(types, num_types, strict=True):
        profile = profile * count + t
    table = play_counts.reshape(int(np.prod(num_types)), int(np.prod(num_actions)), *batch)
    counts = rounds.take_row(profile, table)  # [M, *batch]
    joint = jnp.unravel_index(rounds.draw_index(uniform[0], counts), num_actions)
    seen = counts.sum(axis=0) > 0
    return tuple(jnp.where(seen, a, b) for a, b in zip(joint, mixed, strict=True))
