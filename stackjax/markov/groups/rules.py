"""How followers come to a joint policy, as a record of functions: what `GroupFollowers` builds, one of `RULES` by its kind."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from stackjax.errors import InputError
from stackjax.markov.groups.answers import learned, logit
from stackjax.markov.groups.contextual import frozen_policy, pretrain_group, pretraining_regret
from stackjax.markov.groups.followers import ContextualGroup, JointQLearning, LogitGroup, NoRegretGroup, PureGroup
from stackjax.markov.q_learning import q_learning_answer
from stackjax.types import Array, PyTree

if TYPE_CHECKING:
    from stackjax.markov.groups.problem import GroupProblem

__all__ = ["RULES", "GroupRule"]


class GroupRule(NamedTuple):
    """How followers answer. A rule of one's own is what the ``build`` of one's own `GroupFollowers` returns.

    Attributes:
      answer: ``(problem, key, commitments [B, O, ...], induced, lasts) -> [T, S, J, B]``, the chances of joint actions, or
        ``[S, J, B]`` if they are the same in every step. ``lasts`` says whether they learn for as long as a judge lets them.
      words: of the rule and how it breaks ties.
      ties: what `GroupProblem.pure` does where equilibria are several; None for a rule to which that means nothing.
      is_drawn: whether the answer depends on the key, so that several are judged.
      pretrain: ``problem -> policy``, what is trained once for all commitments and held by `GroupProblem.policy`.
      regret: ``problem -> Pretraining``, what the trained policies lose.
    """

    answer: Callable[..., Array]
    words: str
    ties: str | None = None
    is_drawn: bool = False
    pretrain: Callable[["GroupProblem"], PyTree] | None = None
    regret: Callable[["GroupProblem"], Any] | None = None


def no_regret(followers: NoRegretGroup) -> GroupRule:
    """What learners without regret play."""

    def answer(problem: "GroupProblem", key: Any, commitments: Array, induced: Any, lasts: bool) -> Array:
        del key, commitments
        rounds = followers.lasting_rounds if lasts else followers.rounds
        return learned(induced, problem.length, problem.game.num_actions, rounds, followers.step_size)

    return GroupRule(answer, f"no-regret, {followers.lasting_rounds} rounds in every step and state; no ties to break")


def pure(followers: PureGroup) -> GroupRule:
    """Pure equilibria, by enumeration."""
    answer = lambda problem, key, commitments, induced, lasts: problem.pure(induced, followers.ties)
    return GroupRule(answer, f"pure equilibria, ties {followers.ties} the leader", followers.ties)


def softmax(followers: LogitGroup) -> GroupRule:
    """Chances that answer each other."""

    def answer(problem: "GroupProblem", key: Any, commitments: Array, induced: Any, lasts: bool) -> Array:
        del key, commitments, lasts
        return logit(induced, problem.length, problem.game.num_actions, followers.temperature, followers.rounds)

    return GroupRule(answer, f"softmax, temperature {followers.temperature}; no ties to break")


def q_learning(followers: JointQLearning) -> GroupRule:
    """What is learned anew against each commitment."""

    def answer(problem: "GroupProblem", key: Any, commitments: Array, induced: Any, lasts: bool) -> Array:
        del commitments, lasts
        knows_time = followers.knows_time and problem.length.ends
        return q_learning_answer(key, induced, problem.length, followers, problem.game.num_actions, knows_time=knows_time)

    words = f"Q-learning, {followers.episodes} episodes; the first of equal values"
    return GroupRule(answer, words, is_drawn=True)


def contextual(followers: ContextualGroup) -> GroupRule:
    """Policies that were trained together once, and see the commitment."""

    def answer(problem: "GroupProblem", key: Any, commitments: Array, induced: Any, lasts: bool) -> Array:
        del key, induced, lasts
        if problem.policy is None:
            raise InputError("contextual followers must be trained first: GroupProblem(...).prepare()")
        return frozen_policy(problem, followers, commitments)

    train, regret = (
        (lambda problem: pretrain_group(problem, followers)),
        (lambda problem: pretraining_regret(problem, followers)),
    )
    words = f"contextual, {followers.updates} updates beforehand; no ties to break"
    return GroupRule(answer, words, pretrain=train, regret=regret)


RULES: dict[str, Callable[[Any], GroupRule]] = {
    "no-regret": no_regret,
    "pure": pure,
    "softmax": softmax,
    "q-learning": q_learning,
    "contextual": contextual,
}
