"""The games for groups that the library brings: what their definitions say that tables are worth."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.markov import GroupFollowers, GroupGame, GroupProblem
from stackjax.markov.groups.answers import joint_values
from stackjax.markov.groups.followers import PureGroup
from stackjax.markov.groups.objectives import leader_payoff
from tests.oracles import groups as oracle
from tests.siblings import first


@pytest.mark.long
@pytest.mark.parametrize("ties", ["for", "against"])
def test_the_commons_pays_what_its_definition_says(ties):
    """The numbers were computed apart, with every commitment tried: pure equilibria, ties for and against."""
    best = {
        ("utilitarian", "for"): (4.63, 15, (5.766667, 4.091667, 4.031667)),
        ("nash", "for"): (4.599611, 3, (5.2785, 4.264, 4.3235)),
        ("rawls", "for"): (4.335, 5, (4.535, 4.57, 4.335)),
        ("product", "for"): (13.205, 5, (4.535, 4.57, 4.335)),
        ("utilitarian", "against"): (4.624833, 2, (5.833917, 4.049167, 3.991417)),
        ("rawls", "against"): (4.158083, 1, (5.500583, 4.215833, 4.158083)),
    }
    problem = GroupProblem(sx.make("commons"), PureGroup(ties=ties))

    def values(made):
        arrays = problem.tabulate(made)
        policy = problem.pure(arrays, ties)
        worth = joint_values(arrays, problem.length, policy)
        return worth, problem.gaps(arrays, policy, worth).max(axis=0)

    with jax.enable_x64(True):
        every = np.array(list(itertools.product(range(5), repeat=6)), np.int32)
        parts = [jax.jit(values)(jnp.asarray(part)) for part in np.split(every, 25)]
        worth, gaps = (np.concatenate(leaves, axis=-1) for leaves in zip(*parts, strict=True))
        is_equilibrium = gaps <= 1e-9
        assert is_equilibrium.mean() == pytest.approx({"for": 0.413, "against": 0.865}[ties], abs=1e-3)
        for (objective, how), (value, number, payoffs) in best.items():
            if how == ties:
                paid = np.where(is_equilibrium, leader_payoff(objective, worth[0], jnp.asarray(worth[1:])), -np.inf)
                assert paid.max() == pytest.approx(value, abs=1e-6)
                assert (paid >= paid.max() - 1e-9).sum() == number
                np.testing.assert_allclose(worth[1:, paid.argmax()], payoffs, atol=1e-6)
    found = problem.optimum()
    assert (found.method, found.value) == ("enumeration", pytest.approx(best["utilitarian", ties][0], abs=1e-6))


@pytest.mark.parametrize(("levels", "objective", "value"), [(3, "utilitarian", 4.55), (3, "rawls", 4.26)])
def test_the_commons_with_three_rates(levels, objective, value):
    problem = GroupProblem(sx.make("commons", levels=levels, objective=objective), PureGroup())
    assert problem.optimum().value == pytest.approx(value, abs=1e-6)


def judged(problem, commitment):
    made = jnp.asarray(commitment)
    found = jax.jit(lambda made: problem.judge(jax.random.key(0), made, 1))(made)
    return problem.describe(jax.tree.map(lambda leaf: leaf[None], found), made[None], ["one"])[0]


@pytest.mark.long
def test_flat_taxes_and_learners_in_the_commons():
    flat = GroupProblem(sx.make("commons", flat=True), PureGroup())
    for rate, strong, weak in ((0, 1.2, 1.2), (1, 1.2, 1.2), (2, 1.67333, 1.66), (3, 4.52, 4.3208), (4, 4.55, 4.33)):
        words = judged(flat, np.array([rate], np.int32))
        assert (words["strong_payoff"], words["weak_payoff"]) == pytest.approx((strong, weak), abs=1e-5)
    learners = GroupProblem(sx.make("commons"), GroupFollowers())
    assert learners.optimum().method == "upper-bound"
    for table, mean in (
        ((4, 3, 3, 3, 3, 4), 4.456),
        ((0, 3, 4, 3, 4, 4), 4.604),
        ((0, 0, 4, 4, 4, 1), 4.452),
        ((0,) * 6, 1.1965),
    ):
        words = judged(learners, np.array(table, np.int32))
        assert words["leader_payoff"] == pytest.approx(mean, abs=1e-3)
        assert 0.003 <= words["exploitability"] <= 0.0081


@pytest.mark.parametrize(
    ("followers", "needed", "value", "optima", "paid"), first(1, [(2, 1, 45, 70, 5), (3, 1, 95, 55, 5), (3, 2, 40, 55, 10)])
)
def test_the_escape_room_pays_what_its_definition_says(followers, needed, value, optima, paid):
    game = sx.make("escape-room", num_followers=followers, needed=needed)
    made = jnp.arange(216, dtype=jnp.int32)[:, None]
    for ties, number, dearer in (("for", optima, 1), ("against", 40, 2)):
        problem = GroupProblem(game, PureGroup(ties=ties))
        arrays = problem.tabulate(made)
        policy = problem.pure(arrays, ties)
        values = np.asarray(joint_values(arrays, problem.length, policy))
        assert float(problem.gaps(arrays, policy, jnp.asarray(values)).max()) < 1e-4
        best = np.flatnonzero(values[0] >= values[0].max() - 1e-3)
        assert (values[0].max(), len(best)) == (pytest.approx(value), number)
        cheapest = (values[1:].sum(axis=0) - values[0])[best].min()
        assert cheapest == pytest.approx(dearer * paid, abs=1e-3)
        assert problem.optimum().value == pytest.approx(value)
    assert values[0, 0] == 0


@pytest.mark.long
def test_the_taxed_duopoly_is_that_of_its_definition():
    """Brute force over all 625 tables, with the oracle's own stages."""
    game = sx.make("taxed-duopoly")
    problem = GroupProblem(game, PureGroup())
    found = problem.optimum()
    assert found.value == pytest.approx(82.32566, abs=1e-5)
    rng = np.random.default_rng(0)
    for table in [found.commitment, *rng.integers(0, 5, (6, 4))]:
        arrays = problem.tabulate(jnp.asarray(table, jnp.int32)[None])
        rules = {
            "num_actions": game.num_actions,
            "initial": game.initial,
            "successor": arrays.successor,
            "probability": np.asarray(arrays.probability[..., 0], np.float64),
            "leader": np.asarray(arrays.leader_payoff[..., 0], np.float64),
            "followers": np.asarray(arrays.follower_payoffs[..., 0], np.float64),
        }
        stages = oracle.pure_stages(rules, game.horizon, 1.0, "for", False, 1e-5)
        value = stage_value(rules, stages, game.horizon)
        assert judged(problem, np.asarray(table, np.int32))["leader_payoff"] == pytest.approx(value, abs=1e-3)
        assert value <= found.value + 1e-3


def stage_value(game, stages, steps):
    """The leader's, by backward induction: trees of histories are too large here."""
    values = np.zeros(len(game["leader"]))
    for t in reversed(range(steps)):
        worth = game["leader"] + (game["probability"] * values[game["successor"]]).sum(axis=2)
        values = (stages[t] * worth).sum(axis=1)
    return float(game["initial"] @ values)


class Pennies(GroupGame):
    """One step in one state: at leader action 0 followers play matching pennies, at the other each has a dominant action."""

    name, num_actions, horizon, leader_actions = "pennies", (2, 2), 1, sx.Discrete(2)
    payoff_bounds = ((1.0, 5.0), (-1.0, 1.0), (-1.0, 1.0))
    initial, successor = np.ones(1), np.zeros((1, 2, 2, 1), np.int32)

    def outcomes(self, state, actions, leader_action):
        return jnp.ones(1)

    def payoffs(self, state, actions, leader_action, outcome):
        same = jnp.where(actions[0] == actions[1], 1.0, -1.0)
        dominant = jnp.where(actions == 1, 1.0, 0.0)
        followers = jnp.where(leader_action == 0, jnp.stack([same, -same]), dominant)
        return jnp.concatenate([jnp.where(leader_action == 0, 5.0, 1.0)[None], followers])


def test_commitments_that_leave_no_equilibrium_are_no_optimum():
    game = Pennies()
    found = GroupProblem(game, PureGroup()).optimum()
    assert (found.value, found.method, found.commitment.tolist()) == (1.0, "enumeration", [1])
    words = judged(GroupProblem(game, PureGroup()), np.array([0], np.int32))
    assert (words["leader_payoff"], words["strong_payoff"], words["weak_payoff"]) == (5.0, None, None)
    assert words["exploitability"] == pytest.approx(2.0)
    game.leader_actions = sx.Discrete(1)
    nowhere = GroupProblem(game, PureGroup()).optimum()
    assert (nowhere.value, nowhere.method) == (5.0, "upper-bound")
    mixed = judged(GroupProblem(game, GroupFollowers()), np.array([0], np.int32))
    np.testing.assert_allclose(mixed["follower_strategies"], 0.5, atol=0.02)
    assert mixed["exploitability"] < 0.02
