"""Sequential prices against plain loops, and the optimum without messages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.bayesian.games import no_messages
from stackjax.bayesian.games.sequential_prices import SequentialPrices, bundle_values, sequential_prices
from stackjax.bayesian.sampled.problem import SampledProblem
from tests.oracles import sequential_prices as oracle


def random_game(seed):
    """Agents unlike each other, any bundle values on a coarse grid (so that ties are met), one to three items."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    kinds = [int(rng.integers(1, 4)) for _ in range(n)]
    values = [rng.integers(0, 5, (k, 2**m)) / 4.0 for k in kinds]
    for one in values:
        one[:, 0] = 0.0
    values[0][0, -1] = 1.0
    marginals = tuple(rng.dirichlet(np.ones(k)) for k in kinds)
    objective = ("welfare-loss", "welfare", "revenue")[rng.integers(3)]
    return SequentialPrices(values, marginals, int(rng.integers(1, 3)), bool(rng.integers(2)), objective), rng


@pytest.mark.long
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_sub_episode_is_that_of_plain_loops(seed):
    game, rng = random_game(seed)
    n, m = game.num_followers, game.num_items
    offers = {}

    def choose(visited, left):
        if (visited, left) not in offers:
            agent = int(rng.choice([i for i in range(n) if i not in visited]))
            offers[visited, left] = agent, rng.integers(0, 6, m) / 4.0
        return offers[visited, left]

    types = np.array([rng.integers(k) for k in game.num_types], np.int32)
    actions = np.array([rng.integers(a) for a in game.num_actions], np.int32)
    true = [game.values[i][types[i]] for i in range(n)]
    expected = oracle.play(true, choose, game.objective, game.buy_when_indifferent)

    state, level, is_over = game.start(jnp.asarray(actions)), 0, False
    while not is_over:
        left = int(game.left(state))
        agent, prices = choose(
            frozenset(np.flatnonzero(np.asarray(state.visited)).tolist()), frozenset(j for j in range(m) if left >> j & 1)
        )
        action = jnp.asarray([*(float(i == agent) for i in range(n)), *prices], jnp.float32)
        outcome = game.respond(jnp.asarray(types), state, action)
        state, level = game.advance(state, action, outcome), level + 1
        is_over = int(outcome) >= game.num_continuing_outcomes or level == game.num_decisions
    assert game.payoffs(jnp.asarray(types), jnp.asarray(actions), state) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("indifferent", [False, True])
def test_posted_prices_are_sequential_prices_of_one_item_number_by_number(indifferent):
    """Prices on a grid that holds every value, so that ties are met."""
    values, prior = [[0.5, 2.5], [0.0, 1.0], [0.3, 0.9]], np.random.default_rng(3).random((2, 2, 2))
    prior /= prior.sum()
    old = sx.PostedPrice(values, prior, 2, indifferent)
    new = SequentialPrices([bundle_values(np.array(own)[:, None], 1) for own in values], prior, 2, indifferent)
    assert (old.num_actions, old.leader_actions, old.num_decisions) == (new.num_actions, new.leader_actions, new.num_decisions)
    assert (old.num_continuing_outcomes, old.payoff_scale) == (new.num_continuing_outcomes, new.payoff_scale)
    assert old.leader_payoff_range == new.leader_payoff_range
    commitment = jnp.round(jax.random.uniform(jax.random.key(1), (64, *old.leader_actions.shape)) * 20.0) / 10.0

    def played(game, types, messages):
        state, seen, is_over = game.start(messages), [], jnp.bool_(False)
        for level in range(game.num_decisions):
            seen.append(game.observe(state))
            action = commitment[level * 8 + (messages * jnp.array([4, 2, 1])).sum()]
            outcome = game.respond(types, state, action)
            after = game.advance(state, action, outcome)
            state = jax.tree.map(lambda a, b, is_over=is_over: jnp.where(is_over, b, a), after, state)
            is_over |= outcome >= game.num_continuing_outcomes
        return jnp.stack(seen), game.payoffs(types, messages, state)

    every = jnp.asarray(np.stack(np.unravel_index(np.arange(8), (2, 2, 2)), -1), jnp.int32)
    both = [jax.vmap(lambda t, g=game: jax.vmap(lambda a: played(g, t, a))(every))(every) for game in (old, new)]
    for one, other in zip(jax.tree.leaves(both[0]), jax.tree.leaves(both[1]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_best_assignment_is_that_of_all_assignments():
    rng = np.random.default_rng(0)
    for m in (1, 2, 3):
        values = [rng.random((2, 2**m)).round(2) for _ in range(3)]
        for one in values:
            one[:, 0] = 0.0
        game = SequentialPrices(values, (np.full(2, 0.5),) * 3, 1)
        for types in np.ndindex(2, 2, 2):
            expected = oracle.best_assignment([values[i][k] for i, k in enumerate(types)])
            assert float(game.best_welfare(jnp.asarray(types, jnp.int32))) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("objective", ["welfare", "revenue"])
def test_without_messages_one_item_is_the_best_of_all_orders_and_prices(objective):
    rng = np.random.default_rng(4)
    values = [bundle_values(rng.random((k, 1)).round(2), 1) for k in (2, 3, 3)]
    marginals = tuple(rng.dirichlet(np.ones(len(one))) for one in values)
    game = SequentialPrices(values, marginals, 1, objective=objective)
    assert game.without_messages() == pytest.approx(oracle.best_order_and_prices(values, marginals, objective), abs=1e-5)


@pytest.mark.parametrize(("num_agents", "known"), [(4, -0.0644), (8, -0.0381), (16, -0.0070487)])
def test_without_messages_many_agents(num_agents, known):
    table = bundle_values(np.linspace(0.0, 1.0, 5)[:, None], 1)
    game = SequentialPrices((table,) * num_agents, (np.full(5, 0.2),) * num_agents, 1)
    assert game.without_messages() == pytest.approx(known, abs=1e-4)


@pytest.mark.parametrize(("items", "types"), [(2, 3), (3, 2), (3, 5)])
def test_what_types_take_who_want_one_item_at_any_prices(items, types):
    """All that random prices bring about is found, and all that is found some prices bring about."""
    rng = np.random.default_rng(items + types)
    values = rng.random((types, items)).round(1 if types == 5 else 3)
    stage = no_messages._Stage.of(bundle_values(values, 1), np.full(types, 1 / types), 2**items - 1)
    assert stage.wants_one
    prices = rng.random((200_000, items)) * 1.2 * values.max()
    gains = np.concatenate([np.zeros((len(prices), types, 1)), values[None] - prices[:, None]], axis=2)
    bundles = np.array([0, *(1 << j for j in range(items))])[gains.argmax(axis=2)]
    drawn = set(map(tuple, np.unique(bundles, axis=0).tolist()))
    found = list(no_messages._choices(stage))
    told = {tuple(stage.bundles[c] for c in choice) for choice in found if no_messages._most_paid(stage, choice) is not None}
    assert len(set(found)) == len(found)
    assert drawn <= told
    assert len(told) == len(found)
    if types < 5:  # cells are large enough to be met
        assert told == drawn


@pytest.mark.parametrize("objective", ["welfare", "revenue"])
def test_without_messages_for_any_demand_prices_at_random_come_close(objective):
    rng = np.random.default_rng(7)
    values = [bundle_values(rng.random((2, 2)).round(2), None), np.array([[0.0, 0.3, 0.2, 0.9], [0.0, 0.5, 0.5, 0.6]])]
    marginals = tuple(rng.dirichlet(np.ones(2)) for _ in values)
    game = SequentialPrices(values, marginals, 1, objective=objective)
    drawn = oracle.best_drawn_prices(values, marginals, objective, rng.random((20_000, 2)))
    assert 0.0 <= game.without_messages() - drawn < 0.01


def test_without_messages_two_items():
    """Above what learners without messages reach on these games, and below 0."""
    assert sequential_prices(3, 2, 1).without_messages() == pytest.approx(-0.0546875, abs=1e-6)
    assert sequential_prices(5, 3, 1).without_messages() == pytest.approx(-0.0745758, abs=1e-6)


@pytest.mark.parametrize(("demand", "expected"), [(1, [0, 3, 5, 5]), (2, [0, 3, 5, 8]), (None, [0, 3, 5, 8])])
def test_values_of_bundles(demand, expected):
    np.testing.assert_array_equal(bundle_values([[3.0, 5.0]], demand)[0], expected)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"values": [[[0.0, 1.0, 2.0]]], "type_prior": (np.ones(1),)}, "2^M"),
        ({"values": [[[0.5, 1.0]]], "type_prior": (np.ones(1),)}, "0 for the empty bundle"),
        ({"values": [[[0.0, 1.0]]], "type_prior": (np.full(2, 0.5),)}, "types"),
        ({"values": [[[0.0, 0.0]]], "type_prior": (np.ones(1),)}, "all 0"),
        ({"values": [[[0.0, 1.0]]], "type_prior": (np.ones(1),), "objective": "profit"}, "objective"),
        ({"values": [[[0.0, 1.0]]], "type_prior": (np.array([0.5]),)}, "sum to 1"),
    ],
)
def test_what_is_wrong_is_named(arguments, said):
    with pytest.raises(sx.InputError, match=said.replace("^", r"\^")):
        SequentialPrices(**arguments)


def test_ties_that_float32_does_not_tell_are_ties():
    """At (0, .2) an agent of values (.1, .2) gains as much by item 1 alone as by both, which float32 rounds apart."""
    game = SequentialPrices([bundle_values([[0.1, 0.2]], None)], (np.ones(1),), 1)
    state, nobody = game.start(jnp.zeros(1, jnp.int32)), jnp.zeros(1, jnp.int32)
    assert int(game.respond(nobody, state, jnp.array([1.0, 0.0, 0.2]))) == 1


def test_a_bound_from_draws_has_an_interval():
    table, own = bundle_values(np.random.default_rng(0).random((64, 2)), 1), np.full(64, 1 / 64)
    known = SequentialPrices((table,) * 4, (own,) * 4, 2, objective="revenue").optimum()
    assert known.half_width > 0
    problem = SampledProblem.of(SequentialPrices((table,) * 4, (own,) * 4, 2, objective="revenue"), sx.followers.exp3())
    assert problem.optimum() == known
