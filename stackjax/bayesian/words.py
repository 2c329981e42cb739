"""What a result says of commitments in a Bayesian game: numbers of every play, mechanism and play in words and pictures."""

import math
import warnings
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.equilibrium.evaluate import Certificate, Evaluation
from stackjax.bayesian.equilibrium.replies import exact_games, margin, worst_payoff
from stackjax.bayesian.games.base import Game
from stackjax.bayesian.pomdp.commitment import commit, hides_a_difference, tabulate
from stackjax.bayesian.pomdp.episode_spec import EpisodeSpec
from stackjax.bayesian.pomdp.tree import DecisionTree, Path, commitment_paths
from stackjax.compiler import compiler_options
from stackjax.pictures import Picture, cells, drawn_or_none
from stackjax.types import Array

__all__ = ["chances_of_paths", "describe", "moved_strategies"]

TELLING = 0.01  # of the leader's payoff range: what a follower's other action must cost to be spoken of
MOST_OBSERVATIONS = 4096  # of a table, that a result lists
MOST_PATHS = 1024  # that it tells in words and pictures
NUM_SNAPSHOTS = 40
MOST_CELLS = 2**16  # of a table of strategies and rounds, for all commitments
MOST_PROFILES = 2**16  # of types and actions


def describe(env: EpisodeSpec, evaluation: Evaluation, commitments: Any, names: list[str]) -> list[dict[str, Any]]:
    """An object for each of ``commitments [S, O, ...]``, for JSON; numbers of ``reward_play`` come first.

    Of a large table there are all actions, but no observations, and words for the likeliest paths alone.

    Args:
      evaluation: of each, leaves ``[S, E, ...]``.
      names: what a warning calls each.
    """
    game = env.game

    def filled_in(actions: Array) -> tuple[Array, Array]:  # one action for nodes that look alike
        return commit(game, env.tree, lambda _, nodes: actions[nodes], lambda made: made)

    _warn_of_hidden_differences(env, commitments, names)
    observations, actions = jax.device_get(jax.jit(jax.vmap(filled_in))(commitments))
    if observations.shape[1] > MOST_OBSERVATIONS:
        observations = observations[:, :0]
    paths = commitment_paths(game, env.tree)
    moved = moved_strategies(env, commitments)
    exact = None if env.errs else exact_games(game, env.tree, commitments)
    least = TELLING * float(np.ptp(game.competing_range))
    found = []
    for i in range(len(names)):
        plays = {
            play: _summary(jax.tree.map(lambda leaf, i=i: leaf[i], getattr(evaluation, play)))
            for play in ("argmax", "mixed", "empirical")
        }
        strategies = [np.asarray(table[i]).mean(axis=0) for table in evaluation.strategies]
        chances = chances_of_paths(game, env.tree, paths, strategies)
        likely = np.sort(np.argsort(-np.asarray(chances), kind="stable")[:MOST_PATHS])
        told, chances = [paths[k] for k in likely], [chances[k] for k in likely]
        mechanism = game.explain(observations[i], actions[i], told)
        if len(told) < len(paths):
            left_out = len(paths) - len(told)
            mechanism.append(f"{left_out:,} other {'path' if left_out == 1 else 'paths'}, no likelier than these")
        pictures = [drawn_or_none(partial(game.picture, actions[i], told, chances, strategies))]
        pictures += drawn_or_none(partial(game.more_pictures, actions[i])) or []
        if moved is not None:
            pictures.append(of_strategies(game, moved[0], [table[i] for table in moved[1]]))
        found.append(
            {
                **plays[env.reward_play],
                "worst_payoff": None if exact is None else worst_payoff(exact[i]),
                "margin": None if exact is None else margin(exact[i], [table.argmax(axis=1) for table in strategies], least),
                "reward_play": env.reward_play,
                "plays": plays,
                "commitment": {"observations": observations[i].tolist(), "actions": actions[i].tolist()},
                "mechanism": mechanism,
                "follower_strategies": [table.tolist() for table in strategies],
                "follower_play": _play_in_words(game, strategies, with_chances=env.errs),
                "pictures": [picture for picture in pictures if picture is not None],
            }
        )
    return found


def _warn_of_hidden_differences(env: EpisodeSpec, actions: Any, names: list[str]) -> None:
    """Say which commitments are shown something that no leader action tried beforehand had shown; see `decision_tree`."""
    last = env.tree.groups[-1]
    if len(env.tree.groups) == 1 or last.max() + 1 == last.size:
        return  # all is shown at first, or there is nothing more to show
    hides = jax.jit(jax.vmap(partial(hides_a_difference, env.game, env.tree)))(jnp.asarray(actions))
    for name, is_hidden in zip(names, np.asarray(hides), strict=False):
        if is_hidden:
            warnings.warn(
                f"{name}: this commitment reveals followers' actions that the decision tree merges; its payoff may be wrong; "
                "see check_game",
                RuntimeWarning,
                stacklevel=2,
            )


def _summary(certificate: Certificate) -> dict[str, Any]:
    """Payoffs are means over the groups of fresh followers, gaps the worst of them."""
    return {
        "leader_payoff": float(certificate.leader_payoff.mean(dtype=np.float64)),
        "follower_payoffs": [float(value) for value in certificate.follower_payoffs.mean(axis=0, dtype=np.float64)],
        **{name: float(getattr(certificate, name).max()) for name in ("bcce_gap", "cce_gap", "ce_gap", "bne_gap")},
    }


def _play_in_words(game: Game, strategies: list[np.ndarray], *, with_chances: bool) -> list[str]:
    """What each type of each follower most often plays, and how often; nothing where there is no choice."""
    lines = []
    for follower, table in enumerate(strategies):
        if game.num_actions[follower] == 1:
            continue
        who = "follower" if game.num_followers == 1 else f"follower {follower + 1}"
        for type_index, row in enumerate(table):
            kind = f" ({game.describe_type(follower, type_index)})" if game.num_types[follower] > 1 else ""
            how_often = f" ({row.max():.0%} of the time)" if with_chances else ""
            lines.append(f"{who}{kind}: {game.describe_action(follower, int(row.argmax()))}{how_often}")
    return lines


def chances_of_paths(game: Game, tree: DecisionTree, found: list[Path], strategies: list[np.ndarray]) -> list[float]:
    """The chance that followers act as at the start of each path, from their strategies ``[K_i, A_i]``."""
    play = np.asarray(game.type_prior, np.float64)
    for table in strategies:  # the first axis is a type's; in its place there is an axis of actions at the end
        play = np.tensordot(play, table, axes=(0, 0))
    chances = np.bincount(tree.groups[-1].ravel(), play.ravel(), minlength=len(tree.profiles))
    group = tree.groups[(-1, *tree.profiles.T)]
    each = len(found) // len(tree.profiles)
    return [float(chances[group[k // each]]) for k in range(len(found))]


def moved_strategies(env: EpisodeSpec, commitments: Any) -> tuple[np.ndarray, list[np.ndarray]] | None:
    """Rounds ``[m]`` and, for each follower, strategies ``[S, m, K_i, A_i]`` of a group that answers each commitment.

    All groups have the same luck, so that a commitment's picture does not depend on what else is in the batch.

    None where followers remember, or answer at once, or where there is too much of it: a program of its own takes long to
    compile in large games.
    """
    rows = sum(types * count for types, count in zip(env.game.num_types, env.game.num_actions, strict=True))
    count = min(NUM_SNAPSHOTS, env.num_rounds)
    if math.prod(env.game.table_shape) > MOST_PROFILES:
        return None
    if (
        env.closed is not None
        or env.dynamics.memory
        or rows * count * len(commitments) > MOST_CELLS
        or rows > MOST_CELLS // count
    ):
        return None

    def learned(made: Any) -> Any:
        game = tabulate(env.game, env.tree, made).game
        return env.equilibrate(jax.random.key(0), game, num_snapshots=count).snapshots

    program = jax.jit(lambda made: jax.lax.map(learned, made), compiler_options=compiler_options(runs_once=True))
    seen = jax.device_get(program(commitments))
    return np.asarray(seen.rounds[0]), [np.asarray(table) for table in seen.strategies]


def of_strategies(game: Game, rounds: np.ndarray, tables: list[np.ndarray]) -> Picture:
    """How strategies ``[m, K_i, A_i]`` moved, a row for each follower, type and action."""
    rows, shades = [], []
    for follower, table in enumerate(tables):
        who = "follower" if game.num_followers == 1 else f"follower {follower + 1}"
        for type_index in range(table.shape[1]):
            kind = f", {game.describe_type(follower, type_index)}" if game.num_types[follower] > 1 else ""
            for action in range(table.shape[2]):
                rows.append(f"{who}{kind}: {game.describe_action(follower, action)}")
                shades.append(table[:, type_index, action].tolist())
    return cells("How followers' strategies moved", rows, [str(r) for r in rounds.tolist()], shades, axes=("round", ""))
