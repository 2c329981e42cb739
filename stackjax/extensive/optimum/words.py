"""An optimum in words."""

import numpy as np

from stackjax.digits import as_known
from stackjax.extensive.followers import ExtensiveFollowers
from stackjax.extensive.induced import counterfactual, plan_of
from stackjax.extensive.optimum.solve import ExtensiveOptimum
from stackjax.extensive.problem import ExtensiveProblem
from stackjax.extensive.rules import tied_replies
from stackjax.extensive.treeplex import ExtensiveGame

__all__ = ["optimum_words"]


def optimum_words(game: ExtensiveGame, found: ExtensiveOptimum) -> list[str]:
    """What follows the values: the commitment, the reply, and the ties that the strong value needs."""
    low, high = game.payoff_ranges[0]
    known = lambda value: as_known(value, high - low)
    lines = []
    if not found.closed:
        best = "no commitment is known" if found.value is None else f"the best found pays {known(found.value)}"
        lines.append(f"no commitment pays more; {best}")
    if found.weak_value is not None and not found.weak_closed:
        lines.append(f"with ties against the leader a commitment pays {known(found.weak_value)}, perhaps another more")
    if found.commitment is None:
        return lines
    if game.num_followers > 1:
        return lines  # what followers play together is more than a behaviour of each
    problem = ExtensiveProblem(game, ExtensiveFollowers())
    made = found.commitment if problem.mixes else found.commitment.argmax(axis=1)
    told = problem.describe(None, made[None], [game.name])[0]  # type: ignore[arg-type]
    replies = [f"  {game.player_names[1]}, {line}" for line in told["follower_play"]]
    return [*lines, *(f"  {line}" for line in told["mechanism"]), *replies, *_ties(game, found.commitment)]


def _ties(game: ExtensiveGame, behaviour: np.ndarray) -> list[str]:
    """Where the follower does what is better for the leader though something else pays it as much: the first such set."""
    plan, treeplex = plan_of(game.treeplexes[0], behaviour), game.treeplexes[1]
    good, bad = (np.asarray(found.behaviour) for found in tied_replies(game, plan, "for", "against"))
    reached = plan_of(treeplex, good)[treeplex.parent] * counterfactual(game, 1, [plan, None])
    sets = np.flatnonzero((reached > 0) & (good != bad).any(axis=1))
    if not len(sets):
        return []
    first, more = int(sets[0]), f" ({len(sets) - 1} more such sets)" if len(sets) > 1 else ""
    does, other = (treeplex.action_names[first][own[first].argmax()] for own in (good, bad))
    who = f"{game.player_names[1]}, {treeplex.set_names[first]}"
    return [f"the first value if {who}, does {does} when {other} pays it as much{more}"]
