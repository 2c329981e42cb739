"""Convergence (Brero et al. 2023, Propositions 3.1 and 6.1).

How far followers' play is from a Bayesian coarse-correlated equilibrium after T rounds, with independent and with correlated
types; and how far the leader's best commitment *for T rounds of learning* then is from its optimum.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np

import stackjax as sx
from stackjax.bayesian.pomdp.commitment import tabulate_batch
from stackjax.bayesian.pomdp.tree import decision_tree
from toolkit.figures import COLOURS, GREY, label_ends, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.statistics import interval

HORIZONS = (100, 300, 1000, 3000, 10_000, 30_000, 100_000)
FEWER = HORIZONS[:5]  # for the short version
NUM_TYPES, NUM_ACTIONS, NUM_GAMES = 3, 3, 500
LEADERS = ("maintain", "matrix-design", "allocation")  # games whose commitments can all be tried
REPEATS = 64  # groups of followers for each commitment


def random_games(key: jax.Array, correlated: bool) -> sx.followers.InducedGame:
    """`NUM_GAMES` games between two followers, payoffs uniform in [0, 1], every type of a follower equally likely.

    Correlated: with probability 1/2 both followers have the same type, else types are independent.
    """
    n, size = 2, (NUM_TYPES,) * 2
    prior = np.full(size, 1 / NUM_TYPES**2)
    if correlated:
        prior = (prior + np.eye(NUM_TYPES) / NUM_TYPES) / 2
    payoffs = jax.random.uniform(key, (n, *size, NUM_ACTIONS, NUM_ACTIONS, NUM_GAMES))
    return sx.followers.induced_game(prior, payoffs)


def hedge_step(num_rounds: int, num_types: int, num_actions: int) -> float:
    """The step size that minimises Hedge's regret bound for a type that is met every ``num_types``-th of ``num_rounds``."""
    return math.expm1(math.sqrt(8 * math.log(num_actions) * num_types / num_rounds))


def hedge_bound(num_rounds: np.ndarray) -> np.ndarray:
    """Hedge's bound on one type's expected regret per round it is met (Cesa-Bianchi and Lugosi 2006, Theorem 2.2).

    A B-CCE gap is the largest regret of several types, and holds the noise of drawn types and actions too.
    """
    return np.sqrt(math.log(NUM_ACTIONS) * NUM_TYPES / (2 * num_rounds))


def follower_gaps(key: jax.Array, correlated: bool, num_rounds: int) -> np.ndarray:
    """``[NUM_GAMES]`` B-CCE gaps of the empirical play after ``num_rounds``."""
    game_key, play_key = jax.random.split(key)
    game = random_games(game_key, correlated)
    rule = sx.followers.multiplicative_weights(hedge_step(num_rounds, NUM_TYPES, NUM_ACTIONS))
    respond = jax.jit(lambda k: sx.followers.equilibrate(k, game, rule, num_rounds, gap_every=num_rounds).gaps.bcce_gap[0])
    return np.asarray(respond(play_key))


def leader_shortfall(name: str, key: jax.Array, num_rounds: int) -> np.ndarray:
    """``[REPEATS]`` how far the leader's value is below its optimum (share of its payoff range) after ``num_rounds``.

    The commitment is the best for that many rounds (highest mean payoff over `REPEATS` groups, followers playing empirically);
    its value is that against `REPEATS` fresh groups.
    """
    game = sx.make(name)
    tree = decision_tree(game)
    commitments = np.array(list(itertools.product(range(game.leader_actions.n), repeat=tree.num_nodes)))
    rule = sx.followers.multiplicative_weights(hedge_step(num_rounds, max(game.num_types), max(game.num_actions)))
    prior = game.type_prior.reshape(*game.num_types, *(1,) * (game.num_followers + 1))

    @jax.jit
    def values(key: jax.Array, actions: jax.Array) -> jax.Array:
        table = tabulate_batch(game, tree, actions).game
        response = sx.followers.equilibrate(key, table, rule, num_rounds, payoff_scale=game.payoff_scale, count_plays=True)
        play = jax.vmap(sx.followers.empirical_play, (-1, -1), -1)(response.play_counts, response.strategies)
        return (prior * play * table.leader_payoff).reshape(-1, len(actions)).sum(axis=0)

    choose_key, judge_key = jax.random.split(key)
    tried = values(choose_key, jnp.asarray(np.repeat(commitments, REPEATS, axis=0)))
    best = commitments[np.asarray(tried).reshape(len(commitments), REPEATS).mean(axis=1).argmax()]
    paid = np.asarray(values(judge_key, jnp.asarray(np.tile(best, (REPEATS, 1)))))
    low, high = game.leader_payoff_range
    return (sx.solve(game).value - paid) / (high - low)


def slope(horizons: np.ndarray, values: np.ndarray) -> tuple[float, float, float]:
    """The exponent of a power law through the means of ``values [T, n]``, and its 95 % bootstrap interval over n."""
    rng = np.random.default_rng(0)
    fit = lambda sample: np.polyfit(np.log(horizons), np.log(np.maximum(sample.mean(axis=1), 1e-12)), 1)[0]
    resampled = [fit(values[:, rng.integers(values.shape[1], size=values.shape[1])]) for _ in range(500)]
    return fit(values), *np.percentile(resampled, [2.5, 97.5])


def main(settings: Settings) -> None:
    experiment = Experiment("convergence", settings)
    horizons = np.array(FEWER if settings.quick else HORIZONS)
    figure, ((followers,), (leader,)) = new_figure(rows=2, height=2.1)
    data, ends = {"rounds": horizons}, []
    for style, (kind, correlated) in enumerate({"independent": False, "correlated": True}.items()):
        gaps = np.stack([follower_gaps(jax.random.key(style), correlated, int(t)) for t in horizons])
        found = slope(horizons, gaps)
        mean, worst = gaps.mean(axis=1), gaps.max(axis=1)
        followers.loglog(horizons, mean, "o-", color=COLOURS[style], markersize=3)
        followers.fill_between(
            horizons, *np.percentile(gaps, [2.5, 97.5], axis=1), color=COLOURS[style], alpha=0.15, linewidth=0
        )
        ends.append((horizons[-1], mean[-1], kind, COLOURS[style]))
        experiment.claim(
            "Prop. 3.1",
            f"no-regret play converges to a B-CCE, {kind} types",
            f"B-CCE gap falls as T^{found[0]:.3f} [{found[1]:.3f}, {found[2]:.3f}], from {mean[0]:.3g} at T = {horizons[0]} to "
            f"{mean[-1]:.3g} at T = {horizons[-1]:,}; the worst of {NUM_GAMES} games {worst[-1]:.3g}",
            found[2] < -0.4 and worst[-1] < worst[0] / 5,
            f"Hedge's bound falls as T^-0.5, for one type and in expectation: {hedge_bound(horizons[-1]):.3g} at the largest T",
            seeds=NUM_GAMES,
        )
        data[kind] = {"mean_gap": mean, "worst_gap": worst, "exponent": found}
    followers.loglog(horizons, hedge_bound(horizons), color=GREY, linestyle="--", linewidth=0.9)
    ends.append((horizons[-1], hedge_bound(horizons)[-1], "Hedge (one type)", GREY))
    followers.set(ylabel="B-CCE gap (payoffs in [0, 1])", title=f"followers, mean of {NUM_GAMES} random games")
    label_ends(followers, ends)

    ends = []
    for style, name in enumerate(LEADERS):
        short = np.stack([leader_shortfall(name, jax.random.key(style), int(t)) for t in horizons])
        found = slope(horizons, short)
        _, low, high = interval(short, np.mean)
        leader.loglog(horizons, short.mean(axis=1), "o-", color=COLOURS[style], markersize=3)
        ends.append((horizons[-1], short.mean(axis=1)[-1], name, COLOURS[style]))
        experiment.claim(
            "Prop. 6.1",
            f"{name}: the payoff of the policy that is optimal for T rounds of learning approaches the leader's optimum",
            f"value within {short.mean(axis=1)[0]:.3g} of the optimum (share of the payoff range) at T = {horizons[0]}, "
            f"{short.mean(axis=1)[-1]:.3g} [{low[-1]:.3g}, {high[-1]:.3g}] at T = {horizons[-1]:,}: T^{found[0]:.2f}",
            short.mean(axis=1)[-1] < max(0.1 * short.mean(axis=1)[0], 1e-3),
            seeds=REPEATS,
        )
        data[name] = {"shortfall": short.mean(axis=1), "exponent": found}
    leader.set(xlabel="rounds of learning, T", ylabel="leader's value below optimum\n(share of its payoff range)")
    leader.set_title("leader, best commitment for T")
    label_ends(leader, ends)
    experiment.write(figure, data)


if __name__ == "__main__":
    run(main)
