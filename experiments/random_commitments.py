"""The baseline nobody may skip: the best of as many random commitments as training had episodes, for every game.

A random commitment draws the leader's action at every observation uniformly from the points that the policy chooses from. Each
is scored by the expected payoff after as many rounds of learning as in training; the best few are judged over ten times as
many, and the best of them is judged again.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import stackjax as sx
from posted_price_scaling import GAME as UNIFORM
from posted_price_scaling import seeds_for
from stackjax.bayesian.equilibrium.evaluate import evaluate_commitment
from stackjax.bayesian.family import EVALUATION_ROUNDS_FACTOR
from stackjax.bayesian.followers.joint_play import argmax_play
from stackjax.bayesian.pomdp.commitment import tabulate_batch
from stackjax.disk.files import to_json, write_text
from toolkit.figures import BLUE, GREY, ORANGE, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.statistics import difference, interval, with_interval
from toolkit.training import train_default

GAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "maintain, mixed": ("maintain-randomized", {}),
    "matrix design": ("matrix-design", {}),
    "payments": ("matrix-design-payments", {}),
    "allocation, m = 3": ("allocation", {"num_messages": 3}),
    "posted prices": ("posted-price-pi", {}),
    "uniform, n = 6": (UNIFORM, {"num_types": 6, "num_messages": 2}),
    "random 8 x 8, mixed": ("random-8.json", {"randomized": True}),
    "random 16 x 16, mixed": ("random-16.json", {"randomized": True}),
}
REASONS = {
    "maintain, mixed": "a random mix may put exactly 1/4 on row A, where the follower is indifferent and argmax play "
    "breaks the tie for the leader",
}
CHUNK = 512  # commitments tabulated at a time
KEPT = 32  # commitments of each seed that are judged in the end
NUM_GROUPS = 16


def payoff_file(settings: Settings, name: str) -> str:
    """The path of a matrix game with payoffs uniform in [0, 1], written where training runs go; other names as they are."""
    if not name.endswith(".json"):
        return name
    size = int(name.removeprefix("random-").removesuffix(".json"))
    payoffs = np.random.default_rng(0).random((size, size, 2)).round(3)
    path = settings.runs / name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, to_json({"payoffs": payoffs.tolist()}))
    return str(path)


def random_actions(env: sx.StackelbergPOMDP, key: jax.Array, count: int) -> jax.Array:
    """``[count, O, ...]`` uniform leader actions for every node, numbers from the default policy's grid."""
    space, nodes = env.game.leader_actions, env.tree.num_nodes
    if isinstance(space, sx.Discrete):
        return jax.random.randint(key, (count, nodes), 0, space.n)
    points = sx.PPOConfig().grid_points
    share = jax.random.randint(key, (count, nodes, *space.shape), 0, points) / (points - 1)
    low, high = (jnp.asarray(end)[None, None] for end in (space.low, space.high))
    return space.from_box(low + share * (high - low))


def best_random(env: sx.StackelbergPOMDP, key: jax.Array, num_commitments: int) -> tuple[jax.Array, jax.Array]:
    """Leader payoff and B-CCE gap of the best of ``num_commitments`` random commitments."""
    start_key, search_key, judge_key, final_key = jax.random.split(key, 4)
    prior = env.game.type_prior.reshape(*env.game.num_types, *(1,) * (env.game.num_followers + 1))

    def score(chunk_key: jax.Array) -> tuple[jax.Array, jax.Array]:
        draw_key, play_key = jax.random.split(chunk_key)
        actions = random_actions(env, draw_key, CHUNK)
        table = tabulate_batch(env.game, env.tree, actions).game
        response = sx.followers.equilibrate(play_key, table, env.dynamics, env.num_rounds, payoff_scale=env.game.payoff_scale)
        play = jax.vmap(argmax_play, -1, -1)(response.strategies)
        return (prior * play * table.leader_payoff).reshape(-1, CHUNK).sum(axis=0), actions

    def search(best: tuple[jax.Array, jax.Array], chunk_key: jax.Array) -> tuple[tuple[jax.Array, jax.Array], None]:
        both = jax.tree.map(lambda a, b: jnp.concatenate([a, b]), best, score(chunk_key))
        order = jnp.argsort(-both[0])[:KEPT]
        return jax.tree.map(lambda leaf: leaf[order], both), None

    nothing = (jnp.full(KEPT, -jnp.inf), random_actions(env, start_key, KEPT))
    keys = jax.random.split(search_key, -(-num_commitments // CHUNK))
    (_, actions), _ = jax.lax.scan(search, nothing, keys)
    lasting = env.with_num_rounds(EVALUATION_ROUNDS_FACTOR * env.num_rounds)
    judged = jax.vmap(lambda k, a: evaluate_commitment(k, lasting, a, NUM_GROUPS).argmax)(
        jax.random.split(judge_key, KEPT), actions
    )
    payoffs, gaps = judged.leader_payoff.mean(axis=1), judged.bcce_gap.max(axis=1)
    best = jnp.lexsort((gaps, -payoffs))[0]
    final = evaluate_commitment(final_key, lasting, actions[best], NUM_GROUPS).argmax
    return final.leader_payoff.mean(), final.bcce_gap.max()


def main(settings: Settings) -> None:
    experiment = Experiment("random_commitments", settings)
    games = {label: GAMES[label] for label in settings.few(list(GAMES), ["matrix design", "allocation, m = 3"])}
    keys = jax.vmap(jax.random.key)(jnp.arange(settings.seeds))
    figure, ((axes,),) = new_figure(height=0.5 + 0.28 * len(games))
    data = {}
    for place, (label, (game, options)) in enumerate(games.items()):
        where = payoff_file(settings, game)
        seeds = seeds_for(settings, 2) if game == UNIFORM else settings.seeds  # shares the runs of the scaling experiment
        seen = train_default(settings, where, options, label=game.removesuffix(".json"), seeds=seeds)
        make = sx.load_matrix_game if where.endswith(".json") else sx.make
        env = sx.StackelbergPOMDP(make(where, **(options or {})))
        search_all = jax.jit(lambda ks, e=env, n=seen.episodes: jax.lax.map(lambda key: best_random(e, key, n), ks))
        searched, gaps = jax.device_get(search_all(keys))
        learned, learned_gaps = seen.payoffs[: settings.seeds], seen.gaps[: settings.seeds]
        least, most = env.game.leader_payoff_range
        share = lambda payoffs, least=least, most=most: (payoffs - least) / (most - least)
        added, low, high = difference(share(learned), share(searched))
        for y, payoffs, colour in ((-0.14, learned, BLUE), (0.14, searched, ORANGE)):
            centre, *ends = interval(share(payoffs))
            axes.plot(ends, [place + y] * 2, color=colour, linewidth=2, alpha=0.5)
            axes.plot(centre, place + y, "o", color=colour, markersize=4)
        experiment.claim(
            "beyond",
            f"{label}: learning finds no less than the best of {seen.episodes:,} random commitments, to half a percent",
            f"learned {with_interval(learned)} (gap at most {learned_gaps.max():.2g}), searched {with_interval(searched)} "
            f"(gap at most {gaps.max():.2g}); learning adds {added:.2g} [{low:.2g}, {high:.2g}] of the payoff range",
            low >= -0.005,
            REASONS.get(label, "") if low >= -0.005 else "here good commitments are common enough to be drawn",
        )
        data[label] = {"learned": learned, "searched": searched, "searched_gap": gaps, "added": [added, low, high]}
    axes.set(yticks=range(len(games)), yticklabels=list(games), xlabel="leader payoff (share of its range)")
    axes.invert_yaxis()
    for y, label, colour in ((1.0, "learned", BLUE), (0.92, "random search", ORANGE)):
        axes.annotate(label, (0.02, y), xycoords="axes fraction", fontsize=7, color=colour, va="top")
    axes.grid(axis="x", color=GREY, alpha=0.2)
    experiment.write(figure, data)


if __name__ == "__main__":
    run(main)
