"""What `check_game` does: the rules that stackjax relies on, one by one."""

import contextlib
import functools
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.bayesian.family import FAMILY
from stackjax.bayesian.games.base import Game, require_game
from stackjax.bayesian.games.faults import fault, index_fault
from stackjax.bayesian.pomdp.commitment import commit, roll_out
from stackjax.bayesian.pomdp.tree import TOLD_APART, DecisionTree, commitment_paths, decision_tree
from stackjax.bayesian.probes import extreme_commitments, random_actions, random_plays
from stackjax.bayesian.sampled.hashing import NOTHING
from stackjax.compiler import compiler_options
from stackjax.errors import InputError, require_count
from stackjax.pictures import KINDS
from stackjax.types import Array, ArrayLike, PyTree

__all__ = ["check_game"]

MOST_TABULATED = 2_000_000  # payoffs at a time
OFF_BY = 20.0  # the factor by which payoff_scale may differ from the largest spread of a follower's payoffs


def check_game(game: Game, *, num_commitments: int = 64, seed: int = 0) -> None:
    """Raise `InputError` naming the rule that ``game`` breaks, if it breaks one of those that stackjax relies on.

    Checked one by one: what each function returns (shapes, dtypes, structure), that it can be traced by JAX, and that the
    functions are pure. Then, for every type and action profile under commitments that try every node's extreme actions and
    ``num_commitments`` random ones: payoffs and observations are finite, the leader's payoffs stay in ``leader_payoff_range``,
    ``payoff_scale`` is within a factor of 20 of the largest spread of a follower's payoffs,
    outcomes are at least 0, no array is read beyond its end (JAX would take the nearest entry), the leader is shown what its
    node says, and it tells nodes apart by what it is shown (equal observations would let one observation have two commitments).
    At last the game explains a commitment in words.

    A game that is too large to be written out is checked by samples: random types and actions, leaders that act at random.
    """
    require_game(game)
    require_count("num_commitments", num_commitments)
    game.check()
    check = _Check(game)
    check.functions()
    if FAMILY.is_large(game):
        check.by_samples(num_commitments, seed)
        return
    with check.calling("observe"):
        tree = decision_tree(game)
    check.is_pure(tree)
    commitments = extreme_commitments(game, tree, num_commitments, seed)
    check.indices(commitments.reshape(-1, *commitments.shape[2:]), seed)
    observations = check.commitments(tree, commitments)
    check.words(tree, commitments[-1], observations)


class _Played(NamedTuple):
    """What came of one commitment, over all type and action profiles."""

    leader: Array  # [2] lowest and highest payoff of the leader
    followers: Array  # [2, N] likewise, of each follower
    is_finite: Array  # whether all payoffs are
    is_seen: Array  # whether all observations are finite
    lowest_outcome: Array
    hides: Array  # whether somewhere another observation is shown than the node's
    reached: Array  # [O] which nodes are reached; of those that are not told apart, the first
    observations: Array  # [O, D]


class _Check:
    def __init__(self, game: Game) -> None:
        self.game = game

    def fail(self, problem: str) -> InputError:
        return InputError(f"game {self.game.name!r}: {problem}")

    @contextlib.contextmanager
    def calling(self, function: str) -> Iterator[None]:
        """Around a call of the game's own code: whatever it raises becomes one line, and it must leave the game as it was."""
        before = dict(vars(self.game))
        try:
            yield
        except InputError:
            raise
        except Exception as error:
            raise self.fail(f"{function} {fault(error, self.game)}") from error
        after = vars(self.game)
        is_kept = lambda name: isinstance(getattr(type(self.game), name, None), functools.cached_property)
        changed = sorted(name for name in {*before, *after} if before.get(name) is not after.get(name) and not is_kept(name))
        if changed:
            raise self.fail(
                f"{function} changes self.{changed[0]}; a game's functions must be pure and must not store anything"
            )

    def shapes(self, function: str, *arguments: Any) -> Any:
        """The shapes of what one of the game's functions returns."""
        with self.calling(function):
            return jax.eval_shape(lambda *values: getattr(self.game, function)(*values), *arguments)

    def array(self, function: str, *arguments: Any) -> Any:
        found = self.shapes(function, *arguments)
        if not isinstance(found, jax.ShapeDtypeStruct):
            raise self.fail(f"{function} must return an array, but returns {type(found).__name__}; use jnp.array or jnp.stack")
        return found

    def functions(self) -> None:
        """Each of the game's functions by itself, on shapes alone."""
        game, n = self.game, self.game.num_followers
        row, outcome = jax.ShapeDtypeStruct((n,), jnp.int32), jax.ShapeDtypeStruct((), jnp.int32)
        action = jax.eval_shape(game.leader_actions.zeros)
        state = self.shapes("start", row)
        seen = self.array("observe", state)
        if seen.ndim != 1:
            raise self.fail(f"observe must return a vector, but its shape is {seen.shape}")
        found = self.array("respond", row, state, action)
        if found.shape or not jnp.issubdtype(found.dtype, jnp.integer):
            raise self.fail(f"respond must return one whole number, but returns {_kind(found)}")
        advanced = self.shapes("advance", state, action, outcome)
        if jax.tree.map(_kind, state) != jax.tree.map(_kind, advanced):
            raise self.fail(
                f"advance must keep the state's structure, shapes and dtypes: start gives {_kinds(state)}, advance "
                f"{_kinds(advanced)}"
            )
        payoffs = self.array("payoffs", row, row, state)
        if payoffs.shape != (1 + n,):
            raise self.fail(f"payoffs must have shape (1 + N,) = ({1 + n},), leader first, but have {payoffs.shape}")

    def is_pure(self, tree: DecisionTree) -> None:
        """The same program twice: what draws NumPy's random numbers, or counts its calls, differs."""
        actions = random_actions(self.game, tree.num_nodes, jax.random.key(0))
        programs = []
        for _ in range(2):
            traced = jax.make_jaxpr(lambda a: roll_out(self.game, tree, a))(actions)
            programs.append((re.sub(r"0x[0-9a-f]+", "", str(traced.jaxpr)), [np.asarray(leaf) for leaf in traced.consts]))
        (text, constants), (other_text, other_constants) = programs
        pairs = zip(constants, other_constants, strict=False)
        self.gives_the_same(text == other_text and all(np.array_equal(a, b, equal_nan=True) for a, b in pairs))

    def gives_the_same(self, is_pure: bool) -> None:
        if not is_pure:
            raise self.fail(
                "its functions give other results when called again; they must be pure: no random numbers, no counters"
            )

    def commitments(self, tree: DecisionTree, actions: np.ndarray) -> np.ndarray:
        """Everything that can be seen of ``actions [B, O, ...]`` rolled out over all profiles; the last one's observations."""
        game = self.game
        size = math.prod(game.table_shape) * max(1, game.num_decisions)
        chunk = max(1, min(len(actions), MOST_TABULATED // size))
        play = jax.jit(jax.vmap(functools.partial(_play, game, tree)), compiler_options=compiler_options(runs_once=True))
        ends = np.tile([[np.inf], [-np.inf]], (1, game.num_followers))
        for first in range(0, len(actions), chunk):
            places = np.arange(first, first + chunk).clip(max=len(actions) - 1)
            found: _Played = jax.device_get(play(actions[places]))
            if found.lowest_outcome.min() < 0:
                raise self.fail(f"respond returns {found.lowest_outcome.min()}; outcomes must be at least 0")
            self.seen_and_paid(found.is_seen, found.is_finite, found.leader, actions[places])
            lows, highs = found.followers[:, 0].min(axis=0), found.followers[:, 1].max(axis=0)
            ends = np.stack([np.minimum(ends[0], lows), np.maximum(ends[1], highs)]).clip(game.payoff_floor)
            if found.hides.any():
                raise self.fail(
                    "observe shows a difference between followers' actions that no leader action tried at first showed; let it "
                    "be shown in a wider range of leader actions, or always"
                )
            for reached, observations in zip(found.reached, found.observations, strict=True):
                seen = observations[reached]
                if len(np.unique(np.round(seen / TOLD_APART), axis=0)) < len(seen):
                    raise self.fail("two decisions with different pasts show the leader the same observation")
        self.scale(float((ends[1] - ends[0]).max()))
        return np.asarray(found.observations[-1])

    def by_samples(self, num_leaders: int, seed: int) -> None:
        """What random types and actions lead to under leaders that act at random, each for itself."""
        game = self.game
        with self.calling("one of its functions"):
            found, is_pure = random_plays(game, num_leaders, seed)
        self.gives_the_same(is_pure)
        made = found.hashes != NOTHING
        seen, actions = np.asarray(found.observations[made]), np.asarray(found.choices[made])
        is_finite = np.asarray(np.isfinite(found.payoffs).all(axis=1))
        self.seen_and_paid(np.isfinite(seen), is_finite, np.repeat(found.payoffs[:, :1], 2, axis=1))
        self.scale(float(np.ptp(found.payoffs[:, 1:].clip(game.payoff_floor), axis=0).max()))
        self.indices(actions, seed)
        is_open = seen[:, : game.num_options]
        if game.num_options and not (np.isin(is_open, (0.0, 1.0)).all() and is_open.any(axis=1).all()):
            raise self.fail(
                f"the first num_options={game.num_options} entries of an observation must be 1 for what is open and 0 for what "
                "is not, and one of them 1"
            )
        with self.calling("describe_decision"):
            words = [game.describe_observation(seen[0]), game.describe_decision(seen[0], actions[0])]
        if not all(isinstance(word, str) for word in words):
            raise self.fail("describe_observation and describe_decision must return a string")

    def seen_and_paid(
        self, is_seen: ArrayLike, is_finite: ArrayLike, leader: ArrayLike, actions: np.ndarray | None = None
    ) -> None:
        """Whether observations and payoffs are finite, and the leader's, ``[B, 2]`` lowest and highest, within its range."""
        if not is_seen.all():
            raise self.fail("observe returns NaN or infinity; every observation must be finite")
        if not is_finite.all():
            under = "random leader actions" if actions is None else f"the leader actions {_short(actions[is_finite.argmin()])}"
            raise self.fail(f"payoffs must be finite, but are not under {under}")
        (low, high), lowest, highest = self.game.leader_payoff_range, leader[:, 0], leader[:, 1]
        outside = np.maximum(low - lowest, highest - high)
        if outside.max() > 1e-5 * (high - low):
            example = "" if actions is None else f", for example under the leader actions {_short(actions[outside.argmax()])}"
            raise self.fail(
                f"leader payoffs in [{lowest.min():.6g}, {highest.max():.6g}] leave leader_payoff_range={low, high}{example}"
            )

    def indices(self, actions: np.ndarray, seed: int) -> None:
        """Whether arrays are read within their ends, under leader actions ``[n, ...]``."""
        with self.calling("one of its functions"):
            found = index_fault(self.game, actions, seed)
        if found is not None:
            raise self.fail(f"{found}; JAX takes the nearest entry then, so clip the index if that is meant")

    def scale(self, spread: float) -> None:
        """Whether ``payoff_scale`` is about the spread of a follower's payoffs."""
        scale = self.game.payoff_scale
        least = spread / OFF_BY if self.game.payoff_floor == -np.inf else 0.0
        if spread > 0 and not least <= scale <= spread * OFF_BY:
            raise self.fail(
                f"payoff_scale={scale:.6g} must be about the spread of a follower's payoffs, which is "
                f"{spread:.6g}: at least {spread / OFF_BY:.6g} and at most {spread * OFF_BY:.6g}; where penalties make it so "
                "large, set payoff_floor, below which followers do not tell payoffs apart"
            )

    def words(self, tree: DecisionTree, actions: np.ndarray, observations: np.ndarray) -> None:
        """What is only asked for when a run has ended must not fail then."""
        game = self.game
        for name, counts in {"describe_action": game.num_actions, "describe_type": game.num_types}.items():
            for follower, count in enumerate(counts):
                with self.calling(name):
                    words = [getattr(game, name)(follower, index) for index in range(count)]
                if not all(isinstance(word, str) for word in words):
                    raise self.fail(f"{name} must return a string")
        paths = commitment_paths(game, tree)
        with self.calling("explain"):
            lines = game.explain(observations, actions, paths)
        if not (isinstance(lines, list) and all(isinstance(line, str) for line in lines)):
            raise self.fail("explain must return a list of strings")
        uniform = [np.full((k, n), 1.0 / n) for k, n in zip(game.num_types, game.num_actions, strict=True)]
        with self.calling("picture"):
            drawn = game.picture(actions, paths, [1.0 / len(paths)] * len(paths), uniform)
        if not isinstance(drawn, dict) or drawn.get("kind") not in KINDS:
            raise self.fail(f"picture must return one of stackjax.pictures: {', '.join(KINDS)}")
        with self.calling("optimum"):
            optimum = game.optimum()
        if optimum is not None and not (hasattr(optimum, "value") and hasattr(optimum, "method")):
            raise self.fail(f"optimum must return an Optimum or None, but returns {type(optimum).__name__}")


def _play(game: Game, tree: DecisionTree, actions: Array) -> _Played:
    both = lambda _, nodes: (actions[nodes], jnp.arange(nodes.start, nodes.stop))
    observations, (made, first_alike) = commit(game, tree, both, lambda choice: choice[0])
    played = roll_out(game, tree, made)
    at_nodes = jnp.where(played.reached, first_alike[played.nodes], tree.num_nodes)
    leader, followers = played.payoffs[..., 0], played.payoffs[..., 1:].reshape(-1, game.num_followers)
    return _Played(
        leader=jnp.stack([leader.min(), leader.max()]),
        followers=jnp.stack([followers.min(axis=0), followers.max(axis=0)]),
        is_finite=jnp.isfinite(played.payoffs).all(),
        is_seen=jnp.isfinite(jnp.where(played.reached[..., None], played.seen, 0)).all(),
        lowest_outcome=jnp.where(played.reached, played.outcomes, 0).min(),
        hides=played.hides_a_difference(observations),
        reached=jnp.zeros(tree.num_nodes, bool).at[at_nodes.ravel()].set(True, mode="drop"),
        observations=observations,
    )


def _kind(leaf: Any) -> str:
    return f"{leaf.dtype}{list(leaf.shape)}"


def _kinds(tree: PyTree) -> str:
    leaves = jax.tree_util.tree_leaves_with_path(tree)
    return ", ".join(f"{jax.tree_util.keystr(path)} {_kind(leaf)}" for path, leaf in leaves)[:300]


def _short(actions: np.ndarray) -> str:
    return re.sub(r"\s+", " ", np.array2string(actions, precision=4, threshold=8, edgeitems=2))
