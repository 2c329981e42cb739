"""Games in extensive form as arrays, beside plain recursions over their nodes and beside OpenSpiel."""

import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.extensive import exact
from stackjax.extensive.games import small
from stackjax.extensive.games.kuhn import kuhn
from stackjax.extensive.games.leduc import leduc
from stackjax.extensive.induced import behaviour_of, counterfactual, expected, gradient, induce, linear_payoffs, plan_of
from tests.oracles import extensive as oracle

SIZES = [  # leaves, sets and sequences of each player
    (kuhn, {}, 30, (6, 6), (13, 13)),
    (kuhn, {"players": 3}, 312, (16, 16, 16), (33, 33, 33)),
    (kuhn, {"cards": 4}, 60, (8, 8), (17, 17)),
    (leduc, {}, 5520, (468, 468), (1093, 1093)),
    (small.signalling, {}, 8, (2, 2), (5, 5)),
    (small.inspection, {"periods": 2, "inspections": 1}, 8, (2, 3), (5, 7)),
    (small.inspection, {"periods": 6, "inspections": 3}, 139, (41, 56), (83, 113)),
    (small.sheriff, {}, 108, (22, 21), (67, 43)),
    (small.sheriff, {"bribe": 3, "items": 3, "rounds": 1}, 32, (5, 4), (21, 9)),
    (small.haggle, {}, 63, (4, 36), (13, 73)),
    (small.haggle, {"values": (1, 3), "rounds": 1}, 12, (1, 6), (4, 13)),
    (small.patrol, {"steps": 4}, 76, (15, 15), (31, 46)),
    (small.random_game, {"levels": 6}, 128, (21, 42), (43, 85)),
    (small.random_game, {"actions": 3}, 162, (7, 14), (22, 43)),
]


@pytest.mark.parametrize(("make", "options", "leaves", "sets", "sequences"), SIZES)
def test_games_are_as_large_as_they_should_be(make, options, leaves, sets, sequences):
    game = make(**options)
    assert len(game.tree.leaves) == leaves
    assert tuple(one.num_sets for one in game.treeplexes) == sets
    assert tuple(int(one.mask.sum()) + 1 for one in game.treeplexes) == sequences


SHERIFF = "sheriff(max_bribe=2,max_items=2,num_rounds=2,item_value=1.0,item_penalty=2.0,sheriff_penalty=3.0)"


@pytest.mark.parametrize(
    ("make", "name", "gap"),
    [
        (kuhn, "kuhn_poker", 11 / 12),
        (lambda: kuhn(players=3), "kuhn_poker(players=3)", 2.0625),
        (leduc, "leduc_poker", 4.747222222),
        (small.sheriff, SHERIFF, 7 / 3),
    ],
)
def test_uniform_play_is_as_far_from_equilibrium_as_openspiel_says(make, name, gap):
    assert sx.extensive.nash_conv(make()) == pytest.approx(gap, abs=1e-9)
    pyspiel = pytest.importorskip("pyspiel")
    from open_spiel.python import policy
    from open_spiel.python.algorithms import exploitability

    if name == "leduc_poker":
        return  # takes OpenSpiel ten seconds; the number above is its own
    other = pyspiel.load_game(name)
    theirs = exploitability.nash_conv(other, policy.UniformRandomPolicy(other))
    assert sx.extensive.nash_conv(make()) == pytest.approx(theirs, abs=1e-12)


def random_game(seed, players=2, depth=4):
    """A random game in which all players move, and its nodes."""
    names = tuple("abc"[:players])
    game = sx.extensive.game("random", players=names, node=oracle.random_node(seed, players, depth))
    return game, oracle.nodes_of(game)


def in_order(game, seat, behaviour):
    """``{set: chances}`` in the tree's order as an array ``[I, A]`` of the treeplex."""
    treeplex = game.treeplexes[game.seats.index(seat)]
    found = np.zeros(treeplex.mask.shape)
    for node in np.flatnonzero(game.tree.owner == seat):
        chances = behaviour[int(game.tree.infoset[node])]
        found[game.node_set[node], : len(chances)] = chances
    return found


def sampled(rng, game, nodes):
    """Random behaviours of all seats: as the oracle has them, and as arrays, leader first."""
    by_set = {seat: oracle.random_commitment(rng, oracle.sets_of(nodes, seat)) for seat in game.seats}
    return by_set, [in_order(game, seat, by_set[seat]) for seat in game.seats]


@pytest.mark.parametrize("players", [2, 3])
@pytest.mark.parametrize("seed", range(6))
def test_plans_pay_what_playing_them_out_pays(seed, players):
    """Leaves merged or not, by NumPy and by JAX; a gradient times a plan is what its player is paid."""
    game, nodes = random_game(seed, players, depth=5)
    by_set, behaviours = sampled(np.random.default_rng(seed), game, nodes)
    told = np.asarray(oracle.values(nodes, by_set))[list(game.seats)]
    plans = [plan_of(one, made) for one, made in zip(game.treeplexes, behaviours, strict=True)]
    induced = induce(game, plans[0])
    paid = expected(game, induced, plans[1:])
    np.testing.assert_allclose(paid, told, atol=1e-12)
    for i in range(game.num_followers):
        slopes = gradient(game, induced, plans[1:], i)
        assert slopes @ plans[1 + i] == pytest.approx(paid[1 + i], abs=1e-12)
        worth = exact.worth_of(game.treeplexes[1 + i], slopes[None], behaviours[1 + i])
        assert worth.value[0] == pytest.approx(paid[1 + i], abs=1e-12)
    batch = [jnp.asarray(np.stack([plan, plan], axis=-1), jnp.float32) for plan in plans]
    together = expected(game, induce(game, batch[0]), batch[1:])
    np.testing.assert_allclose(together, np.stack([told, told], axis=-1), atol=1e-5)


@pytest.mark.parametrize("seed", range(4))
def test_behaviours_and_plans_are_two_ways_to_say_the_same(seed):
    game, _ = random_game(seed, 3, depth=5)
    for treeplex in game.treeplexes:
        made = np.random.default_rng(seed).random(treeplex.mask.shape) * treeplex.mask
        made /= made.sum(axis=1, keepdims=True)
        plan = plan_of(treeplex, made)
        np.testing.assert_allclose(behaviour_of(treeplex, plan), made, atol=1e-12)
        rows = plan[:-1].reshape(treeplex.mask.shape)
        np.testing.assert_allclose(rows.sum(axis=1), plan[treeplex.parent], atol=1e-12)
        assert (np.diff(treeplex.parent[treeplex.levels[-2] :]) >= 0).all()


def replies(seed, commitments, most_plans, depth=4):
    """Best replies to random commitments, held against the trial of every reduced plan: how many have ties that matter.

    None where there are more plans than are tried.
    """
    game, nodes = random_game(seed, depth=depth)
    follower, leader = game.seats[1], game.seats[0]
    plans = oracle.reduced_plans(nodes, follower)
    if len(plans) > most_plans:
        return None
    rng, treeplex = np.random.default_rng(seed), game.treeplexes[1]
    made = [sampled(rng, game, nodes) for _ in range(commitments)]
    batch = np.stack([behaviours[0] for _, behaviours in made], axis=-1)
    payoffs = linear_payoffs(game, plan_of(game.treeplexes[0], batch))
    slack = np.full((treeplex.num_sets, commitments), 1e-12)
    strong, weak, even = (exact.best_reply(treeplex, payoffs[::-1], slack, ties).value for ties in ("for", "against", "even"))
    for k, (by_set, _) in enumerate(made):
        told = oracle.best_replies(nodes, follower, by_set, leader, plans)
        np.testing.assert_allclose([strong[0, k], strong[1, k], weak[1, k]], told, atol=1e-12)
        assert weak[0, k] == pytest.approx(told[0], abs=1e-12)
        assert weak[1, k] - 1e-12 <= even[1, k] <= strong[1, k] + 1e-12
    return int((strong[1] > weak[1] + 1e-9).sum())


def test_best_replies_are_those_of_all_plans():
    found = [replies(seed, commitments=6, most_plans=64) for seed in range(12)]
    assert sum(ties or 0 for ties in found) > 5  # or nothing was said about them


@pytest.mark.long
def test_best_replies_are_those_of_all_plans_in_a_hundred_trees():
    found = [replies(seed, commitments=100, most_plans=48) for seed in range(100, 260)]
    assert sum(ties is not None for ties in found) >= 100
    assert sum(ties or 0 for ties in found) > 100


@pytest.mark.parametrize("seed", range(4))
def test_the_gap_of_a_mixture_is_that_of_every_plan_tried_against_it(seed):
    """Of two followers and five weighted profiles, by the recursion over nodes for each reduced plan."""
    game, nodes = random_game(seed, 3)
    rng, weights = np.random.default_rng(seed), np.array([1.0, 2.0, 0.5, 3.0, 1.5])
    by_set, behaviours = sampled(rng, game, nodes)
    induced, told = induce(game, plan_of(game.treeplexes[0], behaviours[0])), []
    sums = [np.zeros(one.num_rows) for one in game.treeplexes[1:]]
    earned = np.zeros(game.num_followers)
    for weight in weights:
        others, own = sampled(rng, game, nodes)
        plans = [plan_of(one, made) for one, made in zip(game.treeplexes[1:], own[1:], strict=True)]
        told.append({**others, game.seats[0]: by_set[game.seats[0]]})
        for i in range(game.num_followers):
            slopes = gradient(game, induced, plans, i)
            sums[i] += weight * slopes
            earned[i] += weight * (slopes @ plans[i])
    for i, seat in enumerate(game.seats[1:]):
        tried = oracle.reduced_plans(nodes, seat)
        assert len(tried) <= 200  # or the trial takes long
        paid = sum(w * oracle.values(nodes, one)[seat] for w, one in zip(weights, told, strict=True))
        best = max(
            sum(
                w * oracle.values(nodes, one | {seat: oracle.pure(nodes, seat, plan)})[seat]
                for w, one in zip(weights, told, strict=True)
            )
            for plan in tried
        )
        found = sx.extensive.cce_gap(game.treeplexes[1 + i], sums[i], earned[i], weights.sum())
        assert found == pytest.approx((best - paid) / weights.sum(), abs=1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_how_likely_sets_are(seed):
    """Counterfactual masses times own plans are the chances of nodes, which a recursion adds up."""
    game, nodes = random_game(seed, 3, depth=5)
    by_set, behaviours = sampled(np.random.default_rng(seed), game, nodes)
    plans = [plan_of(one, made) for one, made in zip(game.treeplexes, behaviours, strict=True)]

    def visits(nodes, chance, found):
        if nodes[0] == "t":
            return
        if nodes[0] == "p":
            found[nodes[1], nodes[2]] = found.get((nodes[1], nodes[2]), 0.0) + chance
        chances = nodes[1] if nodes[0] == "c" else by_set[nodes[1]][nodes[2]]
        for p, below in zip(chances, nodes[-1], strict=True):
            visits(below, chance * p, found)

    found = {}
    visits(nodes, 1.0, found)
    for player, (treeplex, seat) in enumerate(zip(game.treeplexes, game.seats, strict=True)):
        reach = counterfactual(game, player, plans) * plans[player][treeplex.parent]
        for node in np.flatnonzero(game.tree.owner == seat):
            told = found[seat, int(game.tree.infoset[node])]
            assert reach[game.node_set[node]] == pytest.approx(told, abs=1e-12)


def test_a_quantal_reply_solves_its_own_equations():
    """At every set of a random game, by a recursion over nodes: what an action pays there, given that one is there."""
    game, nodes = random_game(3, depth=5)
    _, behaviours = sampled(np.random.default_rng(0), game, nodes)
    treeplex, seat, temperature = game.treeplexes[1], game.seats[1], 0.7
    leader = plan_of(
        game.treeplexes[0], behaviours[0] * 0.5 + 0.5 * game.treeplexes[0].mask / game.treeplexes[0].choices[:, None]
    )
    mass = counterfactual(game, 1, [leader, np.ones(treeplex.num_rows)])
    found = exact.quantal_reply(treeplex, linear_payoffs(game, leader)[::-1], mass, temperature)
    lead = behaviour_of(game.treeplexes[0], leader)
    place = {int(game.tree.infoset[v]): int(game.node_set[v]) for v in np.flatnonzero(game.tree.owner == seat)}
    lead_place = {int(game.tree.infoset[v]): int(game.node_set[v]) for v in np.flatnonzero(game.tree.owner == game.seats[0])}
    play = {
        seat: {k: found.behaviour[p][treeplex.mask[p]] for k, p in place.items()},
        game.seats[0]: {k: lead[p][game.treeplexes[0].mask[p]] for k, p in lead_place.items()},
    }

    def worth(nodes, chance, sums):
        """Counterfactual sums of what actions pay at each of the follower's sets."""
        if nodes[0] == "t":
            return
        if nodes[0] == "p" and nodes[1] == seat:
            paid = [oracle.values(below, play)[seat] for below in nodes[3]]
            total, weight = sums.get(nodes[2], (0.0, 0.0))
            sums[nodes[2]] = total + chance * np.array(paid), weight + chance
        is_own = nodes[0] == "p" and nodes[1] == seat
        chances = [1.0] * len(nodes[-1]) if is_own else nodes[1] if nodes[0] == "c" else play[nodes[1]][nodes[2]]
        for p, below in zip(chances, nodes[-1], strict=True):
            worth(below, chance * p, sums)

    sums = {}
    worth(nodes, 1.0, sums)
    assert len(sums) > 1
    for k, (total, weight) in sums.items():
        raised = np.exp(total / weight / temperature)
        np.testing.assert_allclose(play[seat][k], raised / raised.sum(), atol=1e-10)
