"""One follower that is not exact, in closed form: better actions are likelier, by what they pay or by what it sees of them."""

import numbers
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.followers.base import ClosedForm, FollowerDynamics, zeros
from stackjax.bayesian.followers.multiplicative_weights import below_zero, softmax
from stackjax.errors import InputError, require_array, require_number
from stackjax.recipes import pickled_as_made
from stackjax.types import Array

__all__ = ["quantal", "suqr"]


@pickled_as_made
def quantal(rationality: Any = 0.76) -> FollowerDynamics:
    """Quantal response of one follower: an action of payoff v is played with a chance proportional to ``exp(λ v)``.

    At each type, exactly and without rounds. 0 is uniform play; as λ grows it tends to a best answer, with equal shares to
    ties, against which it loses at most ``ln A / λ``.

    Args:
      rationality: λ >= 0, over game units, a number or a traced scalar. The default is that of Yang et al. (2011) for people
        who attack targets worth -10 to 10; fit your own, see `fit_rationality`.

    Raises:
      InputError: ``rationality`` is a number that is negative or not finite.

    References: McKelvey and Palfrey (1995); Yang et al. (2011), "Improving resource allocation strategy against human
    adversaries in security games".
    """
    require_number("rationality", rationality, lambda number: number >= 0, "a finite number of at least 0")

    def play(payoffs: Array) -> Array:
        most = float(jnp.finfo(payoffs.dtype).max)  # beyond it, a number is as good as it is, and times 0 still 0
        rate = min(rationality, most) if isinstance(rationality, numbers.Real) else rationality
        return softmax(below_zero(payoffs) * jnp.asarray(rate, payoffs.dtype))

    closed = ClosedForm(lambda payoffs, features: payoffs, "quantal", (("rationality", rationality),))
    return FollowerDynamics(zeros, play, _seen_last, closed=closed)


@pickled_as_made
def suqr(weights: Sequence[float]) -> FollowerDynamics:
    """Subjective utility quantal response of one follower: chances proportional to ``exp(w1 c + w2 A0 + w3 A1)``.

    Of each action c is how likely it is covered, A0 what it pays uncovered and A1 covered: `Game.features`. At each type,
    exactly and without rounds.

    Args:
      weights: ``(w1, w2, w3)``, of coverage and over game units. Published fits differ much: fit your own, see `fit_suqr`.

    Raises:
      InputError: ``weights`` are not three finite numbers.

    References: Nguyen et al. (2013), "Analyzing the effectiveness of adversary modeling in security games".
    """
    known = require_array("weights", weights)
    if known.shape != (3,) or not np.isfinite(known).all():
        raise InputError(f"weights={weights} must be three finite numbers: of coverage, of the reward and of the penalty")

    def seen(payoffs: Array, features: Array | None) -> Array:
        assert features is not None
        return sum(weight * features[:, place] for place, weight in enumerate(known.tolist()))

    play = lambda utility: softmax(below_zero(utility))
    closed = ClosedForm(seen, "suqr", (("weights", tuple(known.tolist())),), needs_features=True)
    return FollowerDynamics(zeros, play, _seen_last, closed=closed)


def _seen_last(state: Array, payoffs: Array, action: Array) -> Array:
    del state, action
    return payoffs
