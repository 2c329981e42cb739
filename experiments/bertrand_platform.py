"""Sellers who learn to collude, and a platform that learns to stop them (Brero et al. 2022; Johnson et al. 2023).

Two sellers set prices by Q-learning with a memory of the last prices. Left alone they settle above the one-shot equilibrium.
The platform sees the posted prices and displays sellers up to a threshold; its reward is consumer surplus. Against it: no
intervention; PDP, which displays the cheaper seller (at a tie either, equally often); DPDP, by which the seller displayed last
stays displayed unless it raises its price and is then the dearer one, or the other undercuts it by more than an advantage; and
a price cap, the lowest threshold at all prices.
"""

import time

import jax
import jax.numpy as jnp
import numpy as np

import stackjax as sx
from stackjax.bayesian.games.bertrand_platform import logit_market
from toolkit.figures import COLOURS, GREY, new_figure
from toolkit.markets import NUM_REWARD_EPISODES, benchmarks, settle, settle_dynamic
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.statistics import interval, with_interval
from toolkit.training import train

GAME = "bertrand-platform"
SELLERS = sx.followers.FollowersConfig(
    kind="q-learning", memory=True, learning_rate=0.25, discount=0.95, exploration_decay=1e-4
)
NUM_ROUNDS = 50_000
NUM_MARKETS = 1000  # episodes in parallel under each fixed rule
# Of DPDP, in the unit of prices: being undercut by one, two or three steps of the price grid ends a seller's display.
ADVANTAGES = (0.1, 0.3, 0.5)


def main(settings: Settings) -> None:
    experiment = Experiment("bertrand_platform", settings)
    game, num_markets = sx.make(GAME), settings.few(NUM_MARKETS, 25)
    learning = {"sellers": SELLERS.build(), "num_rounds": NUM_ROUNDS, "num_markets": num_markets}
    keys = iter(jax.random.split(jax.random.key(0), 3 + len(ADVANTAGES)))

    started = time.perf_counter()
    markets = {"no intervention": settle(game, "none", **learning, key=next(keys))}
    seconds = time.perf_counter() - started
    markets["PDP"] = settle(game, "PDP", **learning, key=next(keys))
    dynamic = {a: settle_dynamic(game, a, **learning, key=next(keys)) for a in settings.few(ADVANTAGES, ADVANTAGES[1:2])}
    chosen = max(dynamic, key=lambda a: dynamic[a].surplus.mean())
    markets["DPDP"] = dynamic[chosen]
    markets["price cap"] = settle(game, "cap", **learning, key=next(keys))

    lengths = sx.POMDPConfig(NUM_ROUNDS, NUM_REWARD_EPISODES, evaluation_rounds=NUM_ROUNDS)
    training = {"num_envs": 32, "num_updates": settings.few(30, 3)}
    seen = train(settings, GAME, GAME, pomdp=lengths, followers=SELLERS, learning_rate=5e-3, **training)
    learned = max(seen.result["seeds"], key=lambda seed: seed["leader_payoff"])

    known, free = benchmarks(game), markets["no intervention"]
    gain = (free.profits.mean(axis=1) - known["nash_profit"]) / (known["joint_profit"] - known["nash_profit"])
    price = interval(free.price, np.mean)
    experiment.claim(
        "Calvano et al. 2020",
        "without intervention Q-learning sellers collude",
        f"mean price {price[0]:.4g} [{price[1]:.4g}, {price[2]:.4g}] (one-shot Nash {known['nash_price']:.4g}, joint monopoly "
        f"{known['joint_price']:.4g}, highest of the grid {game.prices[-1]:.4g}), profit gain Δ = "
        f"{with_interval(gain, np.mean)} over {num_markets} markets",
        price[1] > known["nash_price"] and interval(gain, np.mean)[1] > 0,
        f"{num_markets} markets of {NUM_ROUNDS:,} rounds side by side in {seconds:.0f} s; Δ is 0 at Nash and 1 at the monopoly "
        "price, which the grid does not have",
        seeds=num_markets,
    )
    surplus = {name: interval(found.surplus, np.mean) for name, found in markets.items()}
    surplus["learned"] = interval(seen.payoffs, np.mean)
    shown = {name: f"{name} {centre:.3f} [{low:.3f}, {high:.3f}]" for name, (centre, low, high) in surplus.items()}
    fixed = [surplus[name][2] for name in ("no intervention", "PDP", "DPDP")]
    experiment.claim(
        "Brero et al. 2022",
        "the learned display rule gives consumers at least what no intervention, PDP and DPDP do",
        f"{shown['learned']}; {shown['no intervention']}, {shown['PDP']}, {shown['DPDP']} (best of {len(dynamic)} advantages, "
        f"{chosen:g})",
        surplus["learned"][1] >= max(fixed),
        "the best rule learned: " + "; ".join(learned["mechanism"][:3]) + "; ...",
    )
    experiment.claim(
        "beyond",
        "the learned rule reaches what a price cap at the lowest price gives, the optimum",
        f"{shown['learned']}, best seed {seen.payoffs.max():.4g}; {shown['price cap']}; optimum {seen.optimum:.4g}",
        surplus["learned"][2] >= surplus["price cap"][0] - 1e-3,
        f"{seen.at_optimum().sum()} of {len(seen.payoffs)} seeds found it in {seen.episodes} episodes; a rule must be right "
        "at every pair of prices that sellers come to",
    )

    figure, ((axes,),) = new_figure(height=2.4)
    for place, (name, (centre, low, high)) in enumerate(surplus.items()):
        axes.barh(place, centre, color=COLOURS[1] if name == "learned" else COLOURS[0], height=0.6)
        axes.plot([low, high], [place, place], color="black", linewidth=1.2)
        beside = {"xytext": (3, 0), "textcoords": "offset points", "va": "center", "fontsize": 7}
        axes.annotate(f"{centre:.3f}", (max(centre, float(high)), place), **beside)
    axes.set(yticks=range(len(surplus)), yticklabels=list(surplus), xlabel="consumer surplus (units of price)", xlim=(0, 1.3))
    axes.invert_yaxis()
    at_nash = float(logit_market(jnp.full(2, known["nash_price"]), jnp.ones(2), game.quality, game.scale, game.outside)[1])
    axes.axvline(at_nash, color=GREY, linewidth=0.8, linestyle="--")
    above = {"xycoords": ("data", "axes fraction"), "fontsize": 6.5, "color": GREY, "ha": "center", "va": "bottom"}
    axes.annotate("one-shot Nash", (at_nash, 1), **above)
    data = {
        name: {"surplus": found.surplus.mean(), "profit": found.profits.mean(), "price": found.price.mean()}
        for name, found in markets.items()
    }
    data["DPDP by advantage"] = {advantage: found.surplus.mean() for advantage, found in dynamic.items()}
    data["learned"] = {"surplus": seen.payoffs, "mechanism": learned["mechanism"], "seconds": seen.seconds}
    experiment.write(figure, {**data, "profit_gain": gain.mean(), "benchmarks": known})


if __name__ == "__main__":
    run(main)
