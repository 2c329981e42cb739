"""How a follower who plans answers, as a record of functions: what `MarkovFollowers` builds, one of `RULES` by its kind."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from stackjax.errors import InputError
from stackjax.markov.answers import Ties, softmax_answer
from stackjax.markov.contextual import Pretraining, contextual_answer, pretrain, pretraining_regret
from stackjax.markov.followers import ContextualFollower, ExactFollower, QLearningFollower, SoftmaxFollower
from stackjax.markov.q_learning import Learnt, first_values, greedy, play_games, q_learning_answer
from stackjax.types import Array, PyTree

if TYPE_CHECKING:
    from stackjax.markov.problem import MarkovProblem

__all__ = ["RULES", "FollowerRule", "Learning"]


class Learning(NamedTuple):
    """How a follower learns in games before the ones that count.

    Attributes:
      first: ``(problem, key, induced) -> values``, leaves ``[..., B]``, of followers who have not played yet.
      play: ``(problem, key, values, induced) -> Learnt``, the same followers after ``num_games`` games.
      policy: ``(problem, values) -> [S, J, B]``, what they do when it counts.
      num_games: how many they learn in.
    """

    first: Callable[..., PyTree]
    play: Callable[..., Learnt]
    policy: Callable[..., Array]
    num_games: int


class FollowerRule(NamedTuple):
    """How a follower answers. A rule of one's own is what the ``build`` of one's own `MarkovFollowers` returns.

    Attributes:
      answer: ``(problem, key, commitments [B, S, ...], induced) -> [S, J, B]``, the chances of the follower's actions;
        ``[T, S, J, B]`` where it knows the time. `MarkovProblem.best` is what would be best.
      knows_time: whether it may do something else in every step, where an episode ends.
      is_best: whether its answer is a best one, so that there is nothing to gain by another.
      ties: what a best one does where it is indifferent, see `MarkovProblem.best`.
      aims_at_best: whether the leader's optimum against a best answer is what a leader is held against.
      is_drawn: whether the answer depends on the key, so that several are judged.
      pretrain: ``problem -> policy``, what is trained once for all commitments and held by `MarkovProblem.policy`.
      regret: ``problem -> Pretraining``, what the trained policy loses.
      learning: how it learns within an episode of the leader's; None for one that does not.
    """

    answer: Callable[..., Array]
    knows_time: bool = False
    is_best: bool = False
    ties: Ties = "for"
    aims_at_best: bool = False
    is_drawn: bool = False
    pretrain: Callable[["MarkovProblem"], PyTree] | None = None
    regret: Callable[["MarkovProblem"], Pretraining] | None = None
    learning: Learning | None = None


def exact(follower: ExactFollower) -> FollowerRule:
    """The best answer, by dynamic programming."""
    answer = lambda problem, key, commitments, induced: problem.best(induced, follower.ties)
    return FollowerRule(answer, follower.knows_time, is_best=True, ties=follower.ties, aims_at_best=True)


def softmax(follower: SoftmaxFollower) -> FollowerRule:
    """Chances by what actions are worth."""
    answer = lambda problem, key, commitments, induced: softmax_answer(induced, problem.length, follower.temperature)
    return FollowerRule(answer, knows_time=True)


def contextual(follower: ContextualFollower) -> FollowerRule:
    """A policy that was trained once, and sees the commitment."""

    def answer(problem: "MarkovProblem", key: Any, commitments: Array, induced: Any) -> Array:
        del key, induced
        if problem.policy is None:
            raise InputError("a contextual follower must be trained first: MarkovProblem(...).prepare()")
        return contextual_answer(problem.game, follower, problem.policy, commitments)

    train, regret = (lambda problem: pretrain(problem, follower)), (lambda problem: pretraining_regret(problem, follower))
    return FollowerRule(answer, aims_at_best=True, pretrain=train, regret=regret)


def q_learning(follower: QLearningFollower) -> FollowerRule:
    """What is learned anew against each commitment."""
    about = lambda problem: (problem.length, follower, problem.game.num_actions)
    answer = lambda problem, key, commitments, induced: q_learning_answer(key, induced, *about(problem))
    first = lambda problem, key, induced: first_values(key, induced, problem.length, problem.game.num_actions)
    play = lambda problem, key, values, induced: play_games(key, values, induced, *about(problem))
    policy = lambda problem, values: greedy(values, problem.game.num_actions)
    learning = Learning(first, play, policy, follower.episodes)
    return FollowerRule(answer, aims_at_best=True, is_drawn=True, learning=learning)


RULES: dict[str, Callable[[Any], FollowerRule]] = {
    "exact": exact,
    "softmax": softmax,
    "contextual": contextual,
    "q-learning": q_learning,
}
