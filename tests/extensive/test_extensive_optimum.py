"""Optima in games in extensive form: known values, the normal form, other methods, other units."""

import dataclasses

import numpy as np
import pytest

import stackjax as sx
from stackjax.errors import InputError, UnsolvedError
from stackjax.extensive.games import small
from stackjax.extensive.games.kuhn import kuhn
from stackjax.extensive.games.leduc import leduc
from stackjax.extensive.induced import plan_of
from stackjax.extensive.optimum import solve as solving
from stackjax.extensive.optimum.form import best_values, reply_to, sequence_form
from stackjax.extensive.optimum.hopping import hop, random_plan, wander
from stackjax.extensive.optimum.integer import best_by_integers
from stackjax.extensive.optimum.programmes import best_by_plans, best_holding, worst_by_plans
from stackjax.extensive.optimum.reduced import num_reduced_plans, reduced_plans
from stackjax.extensive.optimum.several import best_correlated_table
from stackjax.extensive.optimum.solve import solve_extensive
from stackjax.extensive.optimum.tables import best_table
from tests.oracles import extensive as trees
from tests.oracles import extensive_optimum as oracle

SHERIFF = {"bribe": 3, "items": 3, "leader": "sheriff"}
KNOWN = [  # strong, weak or None if the same
    (kuhn, {}, -1 / 18, None),
    (kuhn, {"leader": 2}, 1 / 18, None),
    (kuhn, {"rake": 0.1}, -59 / 580, None),
    (kuhn, {"rake": 0.1, "leader": 2}, 1 / 280, None),
    (kuhn, {"rake": 0.1, "cards": 4}, -0.0875, None),
    (small.signalling, {}, 4.0, None),
    (small.signalling, {"leader": "receiver"}, 6.0, None),
    (small.inspection, {"periods": 3, "inspections": 1}, -0.5, None),
    (small.sheriff, SHERIFF | {"rounds": 1}, 15 / 7, None),
    (small.sheriff, SHERIFF | {"rounds": 1, "leader": 1}, 1.0, None),
    (small.haggle, {"rounds": 1, "values": (1, 3)}, 1.5, 1.0),
    (small.haggle, {"values": (1, 2), "prices": (1, 2)}, 1.0, 0.5),
    (small.haggle, {}, 4 / 3, 5 / 6),
    (small.patrol, {"steps": 2}, 0.05, None),
    (small.patrol, {"reward": 2.0}, 0.366666667, None),
    (small.random_game, {"tree_seed": 1}, 0.405120839, None),
]
MORE = [
    (leduc, {}, -0.085606424078, None),
    (leduc, {"leader": 2}, 0.085606424078, None),
    (small.sheriff, {"leader": "sheriff"}, 4 / 3, None),
    (small.sheriff, {}, 6 / 7, None),
    (small.sheriff, SHERIFF, 2.25, None),
    (small.haggle, {"prices": (1, 1.5, 2, 2.5)}, 4 / 3, 1.0),
    (small.patrol, {}, 0.05, None),
    (small.patrol, {"steps": 4}, 0.05, None),
    *((small.random_game, {"tree_seed": k}, value, None) for k, value in enumerate((0.9919853, 0.405120839, 0.623652163))),
    *((small.random_game, {"tree_seed": 3 + k}, value, None) for k, value in enumerate((0.421298679, 0.498061392))),
    *(
        (small.random_game, {"tree_seed": k, "levels": 6}, value, None)
        for k, value in enumerate((0.950001952, 0.892484480, 1.535624410))
    ),
    *(
        (small.random_game, {"tree_seed": k, "actions": 3}, value, None)
        for k, value in enumerate((0.802092388, 1.164044040, 0.973641333))
    ),
]


def paid(game, behaviour, ties):
    """What a commitment pays, game units, by replies in float64 that take next to nothing for equal."""
    form = sequence_form(game)
    return form.in_game_units(reply_to(form, plan_of(game.treeplexes[0], behaviour), ties, 1e-11).leader)


def random_game(seed, depth=4, players=2, **options):
    names = tuple("abc"[:players])
    return sx.extensive.game("random", players=names, node=trees.random_node(seed, players, depth), **options)


def scaled(game, factors, shifts=(0.0, 0.0)):
    """The game with every player's payoffs in another unit, from another zero."""
    tree = dataclasses.replace(game.tree, payoffs=game.tree.payoffs * np.array(factors) + np.array(shifts))
    return dataclasses.replace(game, tree=tree)


def check_known(make, options, strong, weak):
    game = make(**options)
    found = solve_extensive(game, 60.0)
    spread = np.ptp(game.payoff_ranges[0])
    assert found.closed
    assert found.value == pytest.approx(strong, abs=1e-7)
    assert found.bound == found.value
    weak = strong if weak is None else weak
    assert weak - 3e-4 <= found.weak_value <= weak + 1e-7
    assert found.weak_value <= found.value
    problem = sx.extensive.ExtensiveProblem(game, sx.extensive.ExtensiveFollowers())
    judged = problem.certificate(None, found.commitment.astype(np.float32).astype(np.float64))
    assert judged.strong_payoff >= found.value - 1e-5 * spread
    safe = problem.certificate(None, found.weak_commitment.astype(np.float32).astype(np.float64))
    assert found.weak_value - 1e-5 * spread <= safe.weak_payoff <= found.weak_value + 1e-7


@pytest.mark.parametrize(("make", "options", "strong", "weak"), KNOWN)
def test_known_optima_are_found_and_attained(make, options, strong, weak, capfd):
    check_known(make, options, strong, weak)
    assert capfd.readouterr().out == ""  # HiGHS keeps quiet


@pytest.mark.long
@pytest.mark.parametrize(("make", "options", "strong", "weak"), MORE)
def test_larger_known_optima_are_found_and_attained(make, options, strong, weak):
    check_known(make, options, strong, weak)


def inspections(most):
    return [(n, m) for n in range(2, most + 1) for m in range(1, n)]


@pytest.mark.parametrize(("periods", "inspected"), inspections(4))
def test_inspections_are_worth_what_dresher_says(periods, inspected):
    found = solve_extensive(small.inspection(periods=periods, inspections=inspected))
    assert found.value == pytest.approx(oracle.inspection(periods, inspected), abs=1e-7)
    assert found.weak_value == pytest.approx(found.value, abs=3e-4)


@pytest.mark.long
@pytest.mark.parametrize(("periods", "inspected"), [one for one in inspections(6) if one[0] > 4])
def test_longer_inspections_are_worth_what_dresher_says(periods, inspected):
    found = solve_extensive(small.inspection(periods=periods, inspections=inspected))
    assert found.value == pytest.approx(oracle.inspection(periods, inspected), abs=1e-7)
    assert found.weak_value == pytest.approx(found.value, abs=3e-4)


def check_by_normal_form(game):
    """Strong and weak values by every method are those of the normal form."""
    matrix, plans = oracle.normal_form(game)
    form = sequence_form(game)
    for treeplex, own in zip(game.treeplexes, plans, strict=True):
        assert len(reduced_plans(treeplex)) == num_reduced_plans(treeplex) == len(own)
    strong, weak = oracle.strong(matrix), oracle.weak(matrix)
    assert form.in_game_units(best_by_plans(form).value) == pytest.approx(strong, abs=1e-7)
    assert form.in_game_units(worst_by_plans(form).value) == pytest.approx(weak, abs=1e-7)
    whole = best_by_integers(form, 60.0)
    assert form.in_game_units(whole.bound) == pytest.approx(strong, abs=1e-6)
    assert form.in_game_units(best_holding(form, whole.reply).value) == pytest.approx(strong, abs=1e-7)
    found = solve_extensive(game)
    assert found.closed
    assert (found.value, found.weak_value) == (pytest.approx(strong, abs=1e-7), pytest.approx(weak, abs=3e-4))
    assert found.weak_value <= min(found.value, weak + 1e-7)
    tables = solve_extensive(dataclasses.replace(game, randomized=False))
    assert (tables.value, tables.weak_value) == pytest.approx(oracle.tables(matrix), abs=1e-9)
    return found


@pytest.mark.parametrize("seed", [2, 3, 7, 9, 10])
def test_random_trees_are_solved_as_by_their_normal_form(seed):
    check_by_normal_form(random_game(seed))


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 150))
def test_many_random_trees_are_solved_as_by_their_normal_form(seed):
    deeper = random_game(seed, depth=5)
    check_by_normal_form(deeper if num_reduced_plans(deeper.treeplexes[1]) <= 300 else random_game(seed))
    check_by_normal_form(small.random_game(tree_seed=seed))


@pytest.mark.parametrize("make", [lambda: kuhn(rake=0.1), lambda: small.haggle(rounds=1, values=(1, 3))])
def test_other_units_change_nothing(make):
    game, plain = make(), solve_extensive(make())
    for factors, shifts in (((1e3, 1e3), (0.0, 0.0)), ((1e-3, 50.0), (3.0, -7.0))):
        found = solve_extensive(scaled(game, factors, shifts))
        assert (found.value - shifts[0]) / factors[0] == pytest.approx(plain.value, abs=1e-7)
        assert (found.weak_value - shifts[0]) / factors[0] == pytest.approx(plain.weak_value, abs=1e-7)


def check_random_commitments(game, count):
    """None pays more than the strong value, ties for, or the weak one, ties against."""
    found, treeplex = solve_extensive(game), game.treeplexes[0]
    rng = np.random.default_rng(5)
    slack = 1e-9 * np.ptp(game.payoff_ranges[0]) + 1e-9
    for _ in range(count):
        weights = np.where(treeplex.mask, rng.exponential(size=treeplex.mask.shape) ** 3, 0.0)
        behaviour = weights / weights.sum(axis=1, keepdims=True)
        assert paid(game, behaviour, "for") <= found.value + slack
        if found.weak_closed:
            assert paid(game, behaviour, "against") <= found.weak_value + slack + 1e-7 * np.ptp(game.payoff_ranges[0])


@pytest.mark.parametrize("make", [lambda: kuhn(rake=0.1), lambda: random_game(7)])
def test_no_random_commitment_beats_the_optimum(make):
    check_random_commitments(make(), 200)


@pytest.mark.long
@pytest.mark.parametrize(
    "make",
    [
        lambda: kuhn(rake=0.1),
        lambda: small.haggle(rounds=1, values=(1, 3)),
        lambda: small.sheriff(leader="sheriff"),
        lambda: random_game(201, 5),
        lambda: small.random_game(tree_seed=77),
    ],
)
def test_none_of_many_random_commitments_beats_the_optimum(make):
    check_random_commitments(make(), 10_000)


@pytest.mark.parametrize("seed", range(3))
def test_a_leader_that_does_not_mix_by_integers_as_by_enumeration(seed, monkeypatch):
    game = random_game(seed, randomized=False)
    known = solve_extensive(game)
    monkeypatch.setattr(solving, "MOST_TABLES", 0)
    found = solve_extensive(game)
    assert found.method == "lp"
    assert found.value == pytest.approx(known.value, abs=1e-9)
    assert found.weak_value <= known.weak_value + 1e-9
    assert set(plan_of(game.treeplexes[0], found.commitment)) == {0.0, 1.0}


@pytest.mark.parametrize("seed", [2, 10, 13])
def test_several_followers_by_joint_plans(seed):
    game = random_game(seed, depth=4, players=3)
    matrix, _ = oracle.normal_form(game)
    found = solve_extensive(game)
    assert (found.method, found.value) == ("upper-bound", None)
    assert found.bound == pytest.approx(oracle.correlated(matrix), abs=1e-7)
    tables = solve_extensive(dataclasses.replace(game, randomized=False))
    assert (tables.value, tables.weak_value) == pytest.approx(oracle.correlated_tables(matrix), abs=1e-7)
    assert tables.value <= found.bound + 1e-9


def test_an_optimum_out_of_time_is_a_commitment_and_a_bound():
    game = small.random_game(levels=8, tree_seed=1)
    found, exact = solve_extensive(game, 0.3), 1.166770256
    assert found.method == "upper-bound"
    assert found.value <= exact + 1e-7 <= found.bound + 2e-7
    assert found.value == pytest.approx(paid(game, found.commitment, "for"), abs=1e-4)
    assert not found.weak_closed
    assert found.weak_value <= found.value


def test_hopping_never_pays_less_and_often_finds_the_optimum():
    form = sequence_form(kuhn(rake=0.1))
    values = [form.in_game_units(wander(form, None, 8, seed).value) for seed in range(4)]
    assert max(values) == pytest.approx(-59 / 580, abs=1e-7)
    best = wander(form, None, 1, 0)
    assert wander(form, best, 3, 1).value >= best.value


def test_what_plans_are_worth_at_most():
    game = random_game(3)
    form = sequence_form(game)
    plans = reduced_plans(game.treeplexes[0]).astype(float)
    slopes = np.random.default_rng(0).normal(size=(game.treeplexes[0].num_rows, 5))
    np.testing.assert_allclose(best_values(game.treeplexes[0], slopes), (plans @ slopes).max(axis=0), atol=1e-12)
    np.testing.assert_allclose(form.plans @ plans.T, np.tile(form.right[:, None], len(plans)), atol=1e-12)


def test_what_cannot_be_solved_says_why():
    with pytest.raises(UnsolvedError, match=r"its 3 players have .* joint plans, more than the 50000"):
        solve_extensive(kuhn(players=3))
    with pytest.raises(UnsolvedError, match=r"who does not mix, has .* plans, more than the 65536"):
        solve_extensive(leduc(rake=0.1, randomized=False), 1.0)
    form = sequence_form(kuhn(rake=0.1))
    for method in (best_by_plans, worst_by_plans):
        with pytest.raises(UnsolvedError, match="64 plans of the follower took longer than 0 s"):
            method(form, 0.0)
    with pytest.raises(UnsolvedError, match="27 tables of actions took longer than 0 s"):
        best_table(kuhn(), 0.0)
    with pytest.raises(UnsolvedError, match="tables of actions took longer than 0 s"):
        best_correlated_table(random_game(10, players=3), 0.0)
    with pytest.raises(InputError, match="seconds=0"):
        solve_extensive(kuhn(), 0)
    with pytest.raises(InputError, match="game='kuhn'"):
        solve_extensive("kuhn")


@pytest.mark.parametrize("seed", range(6))
def test_hops_never_lose(seed):
    """From random commitments: what a hop ends with pays at least what every commitment on its way does."""
    form, rng = sequence_form(small.random_game(tree_seed=40 + seed, levels=6)), np.random.default_rng(seed)
    for _ in range(5):
        plan = random_plan(form, rng)
        found = hop(form, plan, np.random.default_rng(0), set())
        first = best_holding(form, reply_to(form, plan, "for", 1e-11).plan)
        assert found.value >= reply_to(form, plan, "for", 1e-11).leader - 1e-9
        assert found.value >= first.value - 1e-9
