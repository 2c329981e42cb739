"""Sellers who learn to collude, and a platform that learns to stop them (Brero et al. 2022; Johnson et al. 2023).

Two sellers set prices by Q-learning with a memory of the last prices. Left alone they settle above the one-shot equilibrium.
The platform sees the posted prices and displays sellers up to a threshold; its reward is consumer surplus. Against it: no
intervention; PDP, which displays the cheaper seller (at a tie either, equally often); and DPDP, by which the seller displayed
last stays displayed unless it raises its price above the other's or the other undercuts it by more than an advantage.
"""

import time
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import stackjax as sx
from stackjax.followers.joint_play import most_likely
from stackjax.runs.spec import POMDPConfig
from stackjax.types import Array, PyTree
from toolkit.figures import COLOURS, GREY, new_figure
from toolkit.intervals import interval, with_interval
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.training import train

GAME = "bertrand-platform"
SELLERS = sx.FollowersConfig(kind="q-learning", memory=True, learning_rate=0.25, discount=0.95, exploration_decay=1e-4)
NUM_ROUNDS = 50_000
NUM_MARKETS = 1000  # episodes in parallel under each fixed rule
NUM_REWARD_EPISODES = 100  # in which the platform is paid, and markets are judged
ADVANTAGE = 0.25  # of DPDP, in the unit of prices: a little more than one step of the price grid


class Markets(NamedTuple):
    """What markets settle into, ``[B, ...]``: averages over sub-episodes after learning, sellers greedy."""

    surplus: Array
    profits: Array  # [B, 2]
    price: Array  # mean over sellers, as posted


class State(NamedTuple):
    """One market under DPDP between rounds: last prices (indices ``[2]``), who was displayed, and what sellers have learnt."""

    prices: jax.Array
    displayed: jax.Array
    sellers: tuple[PyTree, PyTree]  # leaves [2 A^2, ...], a row for each (displayed, prices)


def fixed_rule(game: sx.OneShotGame, rule: str) -> np.ndarray:
    """``[1 + 2, A, A]`` surplus and profits at each pair of prices under ``rule``, "none" or "PDP"."""
    grid = jnp.arange(game.num_actions[0])
    first, second = jnp.meshgrid(grid, grid, indexing="ij")
    tie = first == second
    cheaper = lambda at_tie: jnp.stack([(first < second) | (tie & at_tie), (second < first) | (tie & ~at_tie)]) * 1.0
    displays = (
        [jnp.ones((2, *tie.shape))] if rule == "none" else [cheaper(jnp.bool_(first_wins)) for first_wins in (True, False)]
    )
    over_pairs = jax.vmap(jax.vmap(game.market, -1, -1), -1, -1)
    return np.mean([over_pairs(jnp.stack([first, second]), displayed) for displayed in displays], axis=0)


def settle(game: sx.OneShotGame, rule: str, num_markets: int, key: jax.Array) -> Markets:
    """Markets under a rule that looks at today's prices alone: `equilibrate`, then greedy play."""
    table = fixed_rule(game, rule)
    one = sx.induced_game(np.ones((1, 1)), table[1:, None, None], table[0][None, None])
    batch = lambda part: np.repeat(part[..., None], num_markets, axis=-1)
    many = sx.induced_game(one.type_prior, batch(one.follower_payoffs), batch(one.leader_payoff))

    def judge(strategies: tuple[jax.Array, ...], memory: jax.Array) -> Markets:
        play = sx.long_run_play(one, most_likely(strategies), memory, NUM_REWARD_EPISODES)
        found = sx.certify(one, play)
        return Markets(found.leader_payoff, found.follower_payoffs, mean_price(game, play[0, 0]))

    def run_all(key: jax.Array) -> Markets:
        learnt = sx.equilibrate(key, many, SELLERS.build(), NUM_ROUNDS, payoff_scale=game.payoff_scale)
        return jax.vmap(judge, (-1, -1))(learnt.strategies, learnt.memory)

    return jax.device_get(jax.jit(run_all)(key))


def mean_price(game: sx.OneShotGame, play: jax.Array) -> jax.Array:
    """The mean posted price under ``play [A, A]``."""
    return (play.sum(axis=1) + play.sum(axis=0)) @ jnp.asarray(game.prices) / 2


def settle_dynamic(game: sx.OneShotGame, num_markets: int, key: jax.Array) -> Markets:
    """Markets under DPDP, which also looks at yesterday; sellers see last prices and who was displayed."""
    rule, count, grid = SELLERS.build(), game.num_actions[0], jnp.asarray(game.prices)

    def row_of(state: State) -> jax.Array:
        return (state.displayed * count + state.prices[0]) * count + state.prices[1]

    def display(state: State, prices: jax.Array) -> jax.Array:
        held, other = state.displayed, 1 - state.displayed
        raised = prices[held] > state.prices[held]
        undercut = grid[prices[other]] < grid[prices[held]] - ADVANTAGE
        loses = (raised & (prices[other] < prices[held])) | undercut
        return jnp.where(loses, other, held)

    def post(state: State, prices: jax.Array) -> tuple[State, jax.Array]:
        displayed = display(state, prices)
        return state._replace(prices=prices, displayed=displayed), game.market(prices, jnp.eye(2)[displayed])

    def learn(state: State, key: jax.Array) -> tuple[State, None]:
        row = row_of(state)
        known = [jax.tree.map(lambda leaf: leaf[row], seller) for seller in state.sellers]
        chances = jnp.log(jnp.stack([rule.play(seller) for seller in known]))
        after, paid = post(state, jax.random.categorical(key, chances))
        updated = []
        for i, seller in enumerate(state.sellers):
            next_value = rule.value(jax.tree.map(lambda leaf: leaf[row_of(after)], seller))
            payoffs = jnp.full(count, paid[1 + i] / game.payoff_scale)
            new = rule.update(known[i], payoffs, after.prices[i], next_value)
            updated.append(rule.tick(jax.tree.map(lambda leaf, value: leaf.at[row].set(value), seller, new)))
        return after._replace(sellers=tuple(updated)), None

    def judge(state: State, _: None) -> tuple[State, jax.Array]:
        greedy = jnp.stack([seller.values[row_of(state)].argmax() for seller in state.sellers])
        after, paid = post(state, greedy)
        return after, jnp.append(paid, grid[after.prices].mean())

    def run_one(key: jax.Array) -> Markets:
        start_key, learn_key = jax.random.split(key)
        start = jax.random.randint(start_key, (3,), 0, jnp.array([count, count, 2]))
        fresh = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (2 * count**2, *leaf.shape)), rule.init(count, ()))
        state, _ = jax.lax.scan(learn, State(start[:2], start[2], (fresh, fresh)), jax.random.split(learn_key, NUM_ROUNDS))
        _, seen = jax.lax.scan(judge, state, length=NUM_REWARD_EPISODES)
        surplus, *profits, price = seen.mean(axis=0)
        return Markets(surplus, jnp.stack(profits), price)

    return jax.device_get(jax.jit(jax.vmap(run_one))(jax.random.split(key, num_markets)))


def one_shot_equilibrium(table: np.ndarray) -> tuple[int, int]:
    """The pure Nash equilibrium with the highest joint profit."""
    first, second = table[1], table[2]
    stable = (first >= first.max(axis=0, keepdims=True) - 1e-9) & (second >= second.max(axis=1, keepdims=True) - 1e-9)
    return np.unravel_index(np.where(stable, first + second, -np.inf).argmax(), first.shape)


def main(settings: Settings) -> None:
    experiment = Experiment("bertrand_platform", settings)
    game, num_markets = sx.make(GAME), settings.few(NUM_MARKETS, 50)
    table = fixed_rule(game, "none")
    nash = one_shot_equilibrium(table)
    competitive, collusive = table[1:, nash[0], nash[1]].mean(), table[1:].mean(axis=0).max()

    started = time.perf_counter()
    keys = jax.random.split(jax.random.key(0), 3)
    markets = {"no intervention": settle(game, "none", num_markets, keys[0])}
    seconds = time.perf_counter() - started
    markets |= {"PDP": settle(game, "PDP", num_markets, keys[1]), "DPDP": settle_dynamic(game, num_markets, keys[2])}
    lengths = POMDPConfig(NUM_ROUNDS, NUM_REWARD_EPISODES, evaluation_rounds=NUM_ROUNDS)
    training = {"num_envs": 32, "num_updates": settings.few(30, 6), "response_samples": 8, "reward_samples": 4}
    seen = train(settings, GAME, GAME, pomdp=lengths, followers=SELLERS, learning_rate=5e-3, **training)
    learned = max(seen.result["seeds"], key=lambda seed: seed["leader_payoff"])

    gain = (markets["no intervention"].profits.mean(axis=1) - competitive) / (collusive - competitive)
    price = markets["no intervention"].price
    nash_price = game.prices[list(nash)].mean()
    experiment.claim(
        "Brero et al. 2022",
        "without intervention Q-learning sellers collude",
        f"mean price {price.mean():.4g} (one-shot Nash {nash_price:.4g}), profit gain Δ = {with_interval(gain, np.mean)} over "
        f"{num_markets} markets",
        price.mean() > nash_price and interval(gain, np.mean)[1] > 0,
        f"{num_markets} markets of {NUM_ROUNDS:,} rounds side by side in {seconds:.0f} s",
    )
    fixed = {name: float(found.surplus.mean()) for name, found in markets.items()}
    experiment.claim(
        "Brero et al. 2022",
        "the learned display rule gives consumers at least what the fixed rules do",
        f"surplus {with_interval(seen.payoffs, np.mean)} (optimum {seen.optimum:.4g}); "
        + ", ".join(f"{name} {with_interval(found.surplus, np.mean)}" for name, found in markets.items()),
        seen.payoffs.min() >= max(fixed.values()),
        "the rule learned: " + "; ".join(learned["mechanism"][:4]) + " ...",
    )

    figure, ((axes,),) = new_figure(height=2.2)
    shown = {**{name: found.surplus for name, found in markets.items()}, "learned": seen.payoffs}
    for place, (name, values) in enumerate(shown.items()):
        centre, low, high = float(values.mean()), *np.percentile(values, [10, 90])
        axes.barh(place, centre, color=COLOURS[1] if name == "learned" else COLOURS[0], height=0.6)
        axes.plot([low, high], [place, place], color="black", linewidth=0.8)
        axes.annotate(
            f"{centre:.3f}", (max(centre, high), place), xytext=(3, 0), textcoords="offset points", va="center", fontsize=7
        )
    axes.set(yticks=range(len(shown)), yticklabels=list(shown), xlabel="consumer surplus (units of price)", xlim=(0, 1.3))
    axes.invert_yaxis()
    axes.axvline(table[0][nash], color=GREY, linewidth=0.8, linestyle="--")
    above = {"xycoords": ("data", "axes fraction"), "fontsize": 6.5, "color": GREY, "ha": "center", "va": "bottom"}
    axes.annotate("one-shot Nash", (table[0][nash], 1), **above)
    data = {
        name: {"surplus": found.surplus.mean(), "profit": found.profits.mean(), "price": found.price.mean()}
        for name, found in markets.items()
    }
    data["learned"] = {"surplus": seen.payoffs, "mechanism": learned["mechanism"], "seconds": seen.seconds}
    experiment.write(figure, {**data, "profit_gain": gain.mean(), "one_shot_nash_price": nash_price})


if __name__ == "__main__":
    run(main)
