"""A principal pays an agent by outcome, in random trees (Ivanov et al. 2024): equilibrium, turns, learning, commitment.

Exact are the subgame-perfect equilibrium, by backward induction, and on small trees the best commitment, by linear programmes.
Learned are the source's Algorithm 2 on tables, judged by agents that answer exactly, in trees and in the coin game with two
agents, and a commitment to all payments.
"""

import math
import time

import jax
import jax.numpy as jnp
import numpy as np

import stackjax as sx
from stackjax.markov import (
    CoinGame,
    PrincipalAgentMDP,
    alternate,
    judge_contracts,
    judge_team_contracts,
    learn_contracts,
    learn_team_contracts,
    random_tree,
    subgame_perfect,
    team_equilibrium,
)
from stackjax.markov.contracts.equilibrium import Equilibrium
from toolkit.figures import BLUE, GREY, ORANGE, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.statistics import with_interval
from toolkit.training import train

DEPTH = 10
NUM_TREES = 1000
T = math.log(64 / 45)
LAST_LEVEL = 0.5 + (2.0 - (2.0 + T) * math.exp(-T)) / 4.0  # of effort, by integration


def equilibria(count: int, depth: int) -> tuple[dict[str, np.ndarray], float]:
    """Of the trees of seeds 0, 1, ...: shares of effort, and what both sides get; and seconds without compilation."""
    trees = [random_tree(seed, depth) for seed in range(count)]
    costs, gains = (jnp.asarray(np.stack([tree[k] for tree in trees], axis=-1), jnp.float32) for k in (0, 1))
    solve = jax.jit(lambda costs, gains: subgame_perfect(trees[0]._replace(action_payoffs=costs, gains=gains)))
    jax.block_until_ready(solve(costs, gains))
    started = time.perf_counter()
    found = jax.block_until_ready(solve(costs, gains))
    seconds = time.perf_counter() - started
    effort = np.asarray(found.action == 1)
    table = {
        "effort": effort.mean(axis=0),
        "effort on the last level": effort[2 ** (depth - 1) - 1 :].mean(axis=0),
        "principal": np.asarray(found.principal[0]),
        "agent": np.asarray(found.agent[0]),
    }
    return {name: np.asarray(values, np.float64) for name, values in table.items()}, seconds


def equilibrium(tree: PrincipalAgentMDP) -> Equilibrium:
    """That of one tree, in float32."""
    costs, gains = (jnp.asarray(leaf, jnp.float32) for leaf in tree[:2])
    return subgame_perfect(tree._replace(action_payoffs=costs, gains=gains))


def coin_game(experiment: Experiment, settings: Settings) -> dict[str, object]:
    """Two agents on a torus: the equilibrium, and contracts that were learned, judged by agents who answer exactly."""
    game = CoinGame(*settings.few((3, 20), (2, 5)))
    induced, of_game = game.induced(), (game.num_actions, game.horizon)
    value, contracts = team_equilibrium(induced, *of_game)
    exact = judge_team_contracts(contracts, induced, *of_game)
    lengths = settings.few({}, {"num_updates": 200, "num_episodes": 128})
    learned = [
        judge_team_contracts(learn_team_contracts(jax.random.key(seed), induced, *of_game, **lengths), induced, *of_game)
        for seed in range(settings.seeds)
    ]
    values = {name: np.array([getattr(found, name) for found in learned]) for name in learned[0]._fields}
    shares, welfare, follow = values["paid"] / values["welfare"], values["welfare"], values["compliance"]
    experiment.claim(
        "2407.18074",
        "coin game, 3 x 3: welfare is nearly the best, about a third of it is paid, four of five recommendations are followed",
        f"equilibrium: welfare {exact.welfare:.3f}, paid {exact.paid / exact.welfare:.1%}, followed {exact.compliance:.1%}; "
        f"learned: welfare {with_interval(welfare, np.mean)}, paid {with_interval(shares, np.mean)}, followed "
        f"{with_interval(follow, np.mean)}, most to gain by not following {values['exploitability'].max():.3f}",
        bool(welfare.mean() >= 0.9 * exact.welfare and follow.mean() >= 0.8),
        "payments with a nudge of 0.1; one agent at a time, who knows the steps that are left, answers exactly while the other "
        "follows, the one whose answer costs the principal most",
    )
    return {"value": value, "equilibrium": exact._asdict(), "learned": values}


def main(settings: Settings) -> None:
    experiment = Experiment("contracts", settings)
    depth, count = settings.few(DEPTH, 4), settings.few(NUM_TREES, 50)
    exact, seconds = equilibria(count, depth)
    effort, last = exact["effort"], exact["effort on the last level"]
    experiment.claim(
        "2407.18074, D.1",
        "the principal wants effort in about 60 % of states",
        f"{effort.mean():.4f} [{effort.min():.3f}, {effort.max():.3f} over trees], last level {last.mean():.4f} (theory: "
        f"{LAST_LEVEL:.5f})",
        0.55 < effort.mean() < 0.65,
        f"{count} trees of {depth} levels in {seconds:.2f} s; principal {exact['principal'].mean():.3f}, agent "
        f"{exact['agent'].mean():.3f}",
        seeds=count,
    )
    depths = settings.few((1, 2, 4, 6, 8, 10), (1, 3))
    rounds = {d: [alternate(random_tree(seed, d)).rounds for seed in range(settings.few(5, 2))] for d in depths}
    experiment.claim(
        "2407.18074",
        "agent and principal who take turns reach the equilibrium within a round more than there are steps",
        "most rounds of five trees by depth: " + ", ".join(f"{d}: {max(found)}" for d, found in rounds.items()),
        all(max(found) <= d + 1 for d, found in rounds.items()),
        seeds=settings.few(5, 2),
    )

    share, right, followed = [], [], []
    lengths = settings.few({}, {"num_updates": 300, "num_episodes": 256})
    for seed in range(settings.seeds):
        tree = random_tree(seed, depth)
        known = equilibrium(tree)
        learned = learn_contracts(jax.random.key(seed), tree, nudge=0.008, **lengths)
        judged = judge_contracts(learned, tree)
        share.append(judged.principal / float(known.principal[0]))
        right.append(float((learned.action == known.action).mean()))
        followed.append(judged.followed)
    experiment.claim(
        "2407.18074",
        "a learned principal gets at least 0.98 of the equilibrium's utility, and recommends its action in 90 % of states",
        f"{with_interval(np.array(share), np.mean)} (least {min(share):.4f}); actions {np.mean(right):.3f} (least "
        f"{min(right):.3f}); the agent follows in {np.mean(followed):.3f} of states",
        min(share) >= 0.98 and min(right) >= 0.9,
        "one tree a seed; Q-learning on tables with a nudge of 0.008, judged by an exact best answer"
        + ("; on a tree below, because an error larger than the nudge turns the agent away in an early state")
        * (min(share) < 0.98),
    )

    coins = coin_game(experiment, settings)

    small = settings.few(3, 2)
    committed, spe, optimum = [], [], []
    solver = settings.few(sx.DirectConfig(), sx.SearchConfig(4, 64))
    for seed in range(settings.seeds):
        options = {"depth": small, "tree_seed": seed}
        found = train(settings, f"contracts-{small}-{seed}", "contracts", options=options, seeds=1, solver=solver)
        tree = random_tree(seed, small)
        known = equilibrium(tree)
        committed.append(float(found.payoffs[0]))
        optimum.append(found.optimum)
        spe.append(float(known.principal[0]))
    ratio = np.array(committed) / np.array(spe)
    experiment.claim(
        "beyond",
        "a leader that commits to all payments at the start gets no less than the equilibrium",
        f"learned {with_interval(ratio, np.mean)} of the equilibrium (least {ratio.min():.4f}, most {ratio.max():.4f}), "
        f"{with_interval(np.array(committed) / np.array(optimum), np.mean)} of the best commitment",
        bool(ratio.min() >= 1.0 - 1e-3),
        f"one tree of {small} levels a seed; the best commitment by linear programmes"
        + ("; below, because payments found by search keep a little off indifference") * bool(ratio.min() < 1.0),
    )

    figure, ((left, right_panel),) = new_figure(columns=2, height=2.1)
    left.hist(effort, bins=20, color=BLUE)
    left.set(xlabel="share of states with effort", ylabel="trees", title="Equilibria")
    right_panel.plot(range(settings.seeds), ratio, "o", color=ORANGE, markersize=4, label="committed, learned")
    right_panel.plot(range(settings.seeds), np.array(optimum) / np.array(spe), "_", color=GREY, label="committed, best")
    right_panel.plot(range(settings.seeds), share, "o", color=BLUE, markersize=4, label=f"learned principal, {depth} levels")
    right_panel.axhline(1.0, color=GREY, linewidth=0.8, linestyle="--")
    right_panel.set(xlabel="tree", title="Shares of the equilibrium's utility")
    right_panel.legend(fontsize=6, frameon=False)
    data = {"equilibria": {name: values.mean() for name, values in exact.items()}, "rounds": rounds, "seconds": seconds}
    data["coins"] = coins
    learned_data = {"share": share, "actions": right, "followed": followed}
    experiment.write(figure, {**data, "learned": learned_data, "committed": committed, "best": optimum, "equilibrium": spe})


if __name__ == "__main__":
    run(main)
