"""The CFR family by whole arrays beside recursions over nodes, and beside what others' code shows."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.extensive import cfr
from stackjax.extensive.games.kuhn import kuhn
from stackjax.extensive.games.leduc import leduc
from stackjax.extensive.induced import induce, linear_payoffs, plan_of
from tests.extensive.test_trees import in_order, random_game, sampled
from tests.oracles import cfr as oracle
from tests.oracles import extensive as trees

KINDS = tuple(oracle.KINDS)
AFTER = (1, 10, 100, 1000)
KUHN = {  # NashConv, as OpenSpiel's Python and C++ have it
    "cfr": (0.916666667, 0.137397588, 0.016451955, 0.001875233),
    "cfr-plus": (0.916666667, 0.065374181, 0.002388808, 0.000174731),
    "dcfr": (0.916666667, 0.045557568, 0.003332684, 0.000293000),
    "lcfr": (0.916666667, 0.042501461, 0.002178055, 0.000187060),
}
KUHN3 = {"cfr": (2.0625, 0.312481206, 0.037015624), "cfr-plus": (2.0625, 0.149330176, 0.002954994)}
LEDUC = {"cfr": (4.747222222, 1.777157966, 0.191432706), "cfr-plus": (4.747222222, 1.220877803, 0.026831990)}


def learned(game, kind, after, dtype, alternating=True):
    """NashConv of the averages after so many iterations."""
    like = jnp.zeros((), dtype)

    @jax.jit
    def averages():
        learners, found = cfr.everybody(game, like), []
        state, done = cfr.regret_start(learners, like, False), 0
        for count in after:
            state, done = cfr.regret_steps(learners, state, count - done, cfr.discounts(kind), alternating), count
            found.append(cfr.learnt(learners, state).average)
        return found

    return [sx.extensive.nash_conv(game, list(map(np.asarray, play))) for play in averages()]


@pytest.mark.parametrize("kind", KINDS)
def test_kuhn_poker_is_learned_as_published(kind, x64):
    np.testing.assert_allclose(learned(kuhn(), kind, AFTER, jnp.float64), KUHN[kind], atol=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("kind", KUHN3)
def test_kuhn_poker_of_three_is_learned_as_published(kind, x64):
    np.testing.assert_allclose(learned(kuhn(players=3), kind, AFTER[:3], jnp.float64), KUHN3[kind], atol=1e-9)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_rounding_to_float32_hardly_matters(kind):
    np.testing.assert_allclose(learned(kuhn(), kind, AFTER[:3], jnp.float32), KUHN[kind][:3], rtol=0.03)


@pytest.mark.long
@pytest.mark.parametrize("kind", LEDUC)
def test_leduc_poker_is_learned_as_published(kind, x64):
    game = leduc()
    np.testing.assert_allclose(learned(game, kind, AFTER[:3], jnp.float64), LEDUC[kind], atol=1e-9)
    np.testing.assert_allclose(learned(game, kind, AFTER[:3], jnp.float32), LEDUC[kind], rtol=0.03)


@pytest.mark.long
@pytest.mark.parametrize("kind", LEDUC)
def test_the_recursion_learns_leduc_poker_as_published(kind):
    """What the other tests hold the arrays against."""
    nodes = trees.nodes_of(leduc())
    one, found = oracle.Learning(nodes, (0, 1), kind=kind), []
    for t in range(1, 101):
        one.step()
        if t in AFTER:
            found.append(oracle.nash_conv(nodes, (0, 1), one.average()))
    np.testing.assert_allclose(found, LEDUC[kind], atol=1e-9)


def averages_of(game, one):
    """The oracle's averages as arrays, of the players in the order of the game."""
    found = one.average()
    return [in_order(game, seat, {k: own for (who, k), own in found.items() if who == seat}) for seat in game.seats]


@pytest.mark.parametrize("alternating", [True, False])
@pytest.mark.parametrize(("seed", "players"), [(0, 2), pytest.param(1, 3, marks=pytest.mark.long), (4, 3)])
def test_random_games_are_learned_as_by_recursions(seed, players, alternating, x64):
    """All play; of a random kind with random options, so that ties at zero are rare."""
    game, nodes = random_game(seed, players, depth=5)
    rng = np.random.default_rng(seed)
    kind, (alpha, beta, gamma) = KINDS[seed % 4], rng.uniform(0.5, 2.5, 3)
    one = oracle.Learning(nodes, game.seats, None, kind, alternating, alpha, beta, gamma)
    for _ in range(12):
        one.step()
    learners, like = cfr.everybody(game, jnp.zeros((), jnp.float64)), jnp.zeros((), jnp.float64)
    state = cfr.regret_start(learners, like, False)
    found = cfr.learnt(learners, cfr.regret_steps(learners, state, 12, cfr.discounts(kind, alpha, beta, gamma), alternating))
    for own, told in zip(found.average, averages_of(game, one), strict=True):
        np.testing.assert_allclose(own, told, atol=1e-9)


LATER = [pytest.param(kind, marks=pytest.mark.long) for kind in KINDS if kind != "lcfr"]


@pytest.mark.parametrize("kind", ["lcfr", *LATER])
@pytest.mark.parametrize("seed", [2, pytest.param(5, marks=pytest.mark.long)])
def test_gaps_and_payoffs_are_those_of_the_mixture_of_what_was_played(seed, kind, x64):
    """Two followers of a committed leader: gradients summed on the way tell the gap that all reduced plans do."""
    game, nodes = random_game(seed, 3, depth=4)
    by_set, behaviours = sampled(np.random.default_rng(seed), game, nodes)
    leader, *followers = game.seats
    fixed = {(leader, k): chances for k, chances in by_set[leader].items()}
    one = oracle.Learning(nodes, followers, fixed, kind, alternating=False)
    played, weights = [], []
    for t in range(1, 8):
        played.append(dict(one.policy))
        weights.append(one.kind(t, *one.options)[2])
        one.step()
    induced = induce(game, jnp.asarray(plan_of(game.treeplexes[0], behaviours[0])))
    learners, like = cfr.followers_of(game, induced), jnp.zeros((), jnp.float64)
    found = cfr.learnt(learners, cfr.regret_steps(learners, cfr.regret_start(learners, like, True), 7, cfr.discounts(kind)))
    told = [oracle.mixture_gap(nodes, seat, played, weights) for seat in followers]
    np.testing.assert_allclose(found.gaps, told, atol=1e-12)
    paid = np.average([oracle.expected(nodes, policy) for policy in played], axis=0, weights=weights)
    np.testing.assert_allclose(found.earned, paid[[*followers, leader]], atol=1e-12)


def uniform_kuhn3(kind, count, dtype=jnp.float32):
    """Two followers in Kuhn poker of three, the leader uniform; and the sums of their positive regrets over time."""
    game = kuhn(players=3)
    plan = jnp.asarray(plan_of(game.treeplexes[0], sx.extensive.induced.uniform(game.treeplexes[0])), dtype)
    learners, like = cfr.followers_of(game, induce(game, plan)), jnp.zeros((), dtype)
    state = cfr.regret_steps(learners, cfr.regret_start(learners, like, True), count, cfr.discounts(kind))
    regrets = [jnp.maximum(own, 0.0).max(axis=1).sum() / count for own in state.regrets]
    return cfr.learnt(learners, state), regrets


def test_kuhn_poker_of_three_with_a_uniform_leader():
    """In float32, which ties that are told keep on the way of the recursion in float64; and what others' figures allow."""
    nodes, fixed = trees.nodes_of(kuhn(players=3)), {(0, k): np.full(2, 0.5) for k in range(16)}
    one = oracle.Learning(nodes, (1, 2), fixed, "cfr", alternating=False)
    for _ in range(100):
        one.step()
    told = [sum(max(0.0, own.max()) for (who, _), own in one.regret.items() if who == seat) / 100 for seat in (1, 2)]
    _, bounds = jax.jit(uniform_kuhn3, static_argnums=(0, 1))("cfr", 100)
    np.testing.assert_allclose(bounds, told, rtol=1e-3)
    found, _ = jax.jit(uniform_kuhn3, static_argnums=(0, 1))("cfr-plus", 1000)
    assert found.gaps.max() <= 1e-5


@pytest.mark.parametrize("count", [1, 57, *(pytest.param(count, marks=pytest.mark.long) for count in (2, 3, 10, 300))])
def test_gaps_are_at_most_what_regrets_say(count, x64):
    found, bounds = jax.jit(uniform_kuhn3, static_argnums=(0, 1, 2))("cfr", count, jnp.float64)
    assert (found.gaps <= jnp.asarray(bounds) + 1e-12).all()


def test_many_games_at_once_are_as_one_by_one():
    game = kuhn()
    made = np.random.default_rng(0).random((*game.treeplexes[0].mask.shape, 5))
    plans = jnp.asarray(plan_of(game.treeplexes[0], made / made.sum(axis=1, keepdims=True)), jnp.float32)

    @jax.jit
    def average(payoffs):
        learners = cfr.lone(game, payoffs)
        state = cfr.regret_start(learners, payoffs[-1], False)
        return cfr.learnt(learners, cfr.regret_steps(learners, state, 50, cfr.discounts("dcfr"))).average[0]

    payoffs = linear_payoffs(game, plans)[1]
    together = average(payoffs)
    for k in range(5):
        np.testing.assert_allclose(together[..., k], average(payoffs[:, k]), atol=1e-5)
