"""Two sellers under fixed display rules: what they learn to charge, and what that leaves to consumers (Johnson et al. 2023)."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy import optimize

import stackjax as sx
from stackjax.bayesian.followers.joint_play import most_likely
from stackjax.bayesian.games.bertrand_platform import BertrandPlatform, logit_market
from stackjax.types import Array, PyTree

__all__ = ["NUM_REWARD_EPISODES", "Markets", "benchmarks", "dpdp", "fixed_rule", "settle", "settle_dynamic"]

NUM_REWARD_EPISODES = 100  # in which markets are judged, sellers greedy


class Markets(NamedTuple):
    """What markets settle into, ``[B, ...]``: averages over sub-episodes after learning, sellers greedy."""

    surplus: Array
    profits: Array  # [B, 2]
    price: Array  # mean over sellers, as posted


class State(NamedTuple):
    """One market under DPDP between rounds: last prices (indices ``[2]``), who was displayed, and what sellers have learned."""

    prices: jax.Array
    displayed: jax.Array
    sellers: tuple[PyTree, PyTree]  # leaves [2 A^2, ...], a row for each (displayed, prices)


def fixed_rule(game: BertrandPlatform, rule: str) -> np.ndarray:
    """``[1 + 2, A, A]`` surplus and profits at each pair of prices under ``rule``, "none", "cap" or "PDP"."""
    grid = jnp.arange(game.num_actions[0])
    first, second = jnp.meshgrid(grid, grid, indexing="ij")
    tie = first == second
    cheaper = lambda first_wins: (
        jnp.stack([(first < second) | (tie & first_wins), (second < first) | (tie & ~first_wins)]) * 1.0
    )
    displays = {
        "none": [jnp.ones((2, *tie.shape))],
        "cap": [jnp.stack([first == 0, second == 0]) * 1.0],
        "PDP": [cheaper(jnp.bool_(wins)) for wins in (True, False)],
    }[rule]
    over_pairs = jax.vmap(jax.vmap(game.market, -1, -1), -1, -1)
    return np.mean([over_pairs(jnp.stack([first, second]), displayed) for displayed in displays], axis=0)


def settle(
    game: BertrandPlatform,
    rule: str,
    *,
    sellers: sx.followers.FollowerDynamics,
    num_rounds: int,
    num_markets: int,
    key: jax.Array,
) -> Markets:
    """Markets under a rule that looks at today's prices alone: `equilibrate`, then greedy play."""
    table = fixed_rule(game, rule)
    one = sx.followers.induced_game(np.ones((1, 1)), table[1:, None, None], table[0][None, None])
    batch = lambda part: np.repeat(part[..., None], num_markets, axis=-1)
    many = sx.followers.induced_game(one.type_prior, batch(one.follower_payoffs), batch(one.leader_payoff))

    def judge(strategies: tuple[jax.Array, ...], memory: jax.Array) -> Markets:
        play = sx.followers.long_run_play(one, most_likely(strategies), memory, NUM_REWARD_EPISODES)
        found = sx.certify(one, play)
        return Markets(found.leader_payoff, found.follower_payoffs, mean_price(game, play[0, 0]))

    def run_all(key: jax.Array) -> Markets:
        learned = sx.followers.equilibrate(key, many, sellers, num_rounds, payoff_scale=game.payoff_scale)
        return jax.vmap(judge, (-1, -1))(learned.strategies, learned.memory)

    return jax.device_get(jax.jit(run_all)(key))


def mean_price(game: BertrandPlatform, play: jax.Array) -> jax.Array:
    """The mean posted price under ``play [A, A]``."""
    return (play.sum(axis=1) + play.sum(axis=0)) @ jnp.asarray(game.prices) / 2


def dpdp(advantage: float, grid: jax.Array, before: jax.Array, held: jax.Array, prices: jax.Array) -> jax.Array:
    """Who is displayed at ``prices`` (indices ``[2]``) after ``before``, when ``held`` was displayed then."""
    other = 1 - held
    raised = prices[held] > before[held]
    undercut = grid[prices[other]] < grid[prices[held]] - advantage
    return jnp.where((raised & (prices[other] < prices[held])) | undercut, other, held)


def settle_dynamic(
    game: BertrandPlatform,
    advantage: float,
    *,
    sellers: sx.followers.FollowerDynamics,
    num_rounds: int,
    num_markets: int,
    key: jax.Array,
) -> Markets:
    """Markets under `dpdp`, which also looks at yesterday; sellers see last prices and who was displayed."""
    count, grid = game.num_actions[0], jnp.asarray(game.prices)

    def row_of(state: State) -> jax.Array:
        return (state.displayed * count + state.prices[0]) * count + state.prices[1]

    def post(state: State, prices: jax.Array) -> tuple[State, jax.Array]:
        displayed = dpdp(advantage, grid, state.prices, state.displayed, prices)
        return state._replace(prices=prices, displayed=displayed), game.market(prices, jnp.eye(2)[displayed])

    def learn(state: State, key: jax.Array) -> tuple[State, None]:
        row = row_of(state)
        known = [jax.tree.map(lambda leaf: leaf[row], seller) for seller in state.sellers]
        chances = jnp.log(jnp.stack([sellers.play(seller) for seller in known]))
        after, paid = post(state, jax.random.categorical(key, chances))
        updated = []
        for i, seller in enumerate(state.sellers):
            next_value = sellers.value(jax.tree.map(lambda leaf: leaf[row_of(after)], seller))
            payoffs = jnp.full(count, paid[1 + i] / game.payoff_scale)
            new = sellers.update(known[i], payoffs, after.prices[i], next_value)
            updated.append(sellers.tick(jax.tree.map(lambda leaf, value: leaf.at[row].set(value), seller, new)))
        return after._replace(sellers=tuple(updated)), None

    def judge(state: State, _: None) -> tuple[State, jax.Array]:
        greedy = jnp.stack([seller.values[row_of(state)].argmax() for seller in state.sellers])
        after, paid = post(state, greedy)
        return after, jnp.append(paid, grid[after.prices].mean())

    def run_one(key: jax.Array) -> Markets:
        start_key, learn_key = jax.random.split(key)
        start = jax.random.randint(start_key, (3,), 0, jnp.array([count, count, 2]))
        fresh = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (2 * count**2, *leaf.shape)), sellers.init(count, ()))
        state, _ = jax.lax.scan(learn, State(start[:2], start[2], (fresh, fresh)), jax.random.split(learn_key, num_rounds))
        _, seen = jax.lax.scan(judge, state, length=NUM_REWARD_EPISODES)
        surplus, *profits, price = seen.mean(axis=0)
        return Markets(surplus, jnp.stack(profits), price)

    return jax.device_get(jax.jit(jax.vmap(run_one))(jax.random.split(key, num_markets)))


def benchmarks(game: BertrandPlatform) -> dict[str, float]:
    """Price and profit of a seller in the one-shot equilibrium and when both act as one, prices off the grid allowed."""

    def profit(own: float, other: float) -> float:
        demand, _ = logit_market(jnp.array([own, other]), jnp.ones(2), game.quality, game.scale, game.outside)
        return float((own - game.cost) * demand[0])

    bounds = (game.cost, game.cost + 10 * game.scale)
    best = lambda payoff: float(optimize.minimize_scalar(lambda p: -payoff(p), bounds=bounds, method="bounded").x)
    joint = best(lambda price: profit(price, price))
    nash = game.cost
    for _ in range(30):  # best responses contract
        nash = best(lambda price, other=nash: profit(price, other))
    return {"nash_price": nash, "nash_profit": profit(nash, nash), "joint_price": joint, "joint_profit": profit(joint, joint)}
