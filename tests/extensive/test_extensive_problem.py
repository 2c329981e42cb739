"""The extensive family on the seam: what commitments are worth, what is nearby, and what is said of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.extensive import ExtensiveFollowers, ExtensiveProblem
from stackjax.extensive.games import small
from stackjax.extensive.games.kuhn import kuhn
from stackjax.extensive.games.leduc import leduc
from stackjax.extensive.walks import Walk
from stackjax.extensive.words import MOST_LINES, Behaviour, behaviour_lines
from tests.oracles import extensive as oracle

GAMES = {
    "kuhn": lambda: kuhn(rake=0.1),
    "sheriff": lambda: small.sheriff(bribe=1, items=2, rounds=1, leader="sheriff"),
    "haggle": lambda: small.haggle(values=(1.0, 3.0), rounds=1),
    "random-tree": small.random_game,
}


def by_set(game, behaviour):
    """The leader's ``[I, A]`` as the oracle has it."""
    nodes, treeplex = np.flatnonzero(game.tree.owner == game.seats[0]), game.treeplexes[0]
    places = {int(game.tree.infoset[v]): int(game.node_set[v]) for v in nodes}
    return {game.seats[0]: {k: behaviour[place][treeplex.mask[place]] for k, place in places.items()}}


@pytest.mark.parametrize("name", GAMES)
def test_commitments_are_worth_what_trying_every_plan_says(name):
    """Payoffs, the worst of ties, and what the follower is paid, in float32 and in the float64 of certificates."""
    game = GAMES[name]()
    problem, nodes = ExtensiveProblem(game, ExtensiveFollowers()), oracle.nodes_of(game)
    made = problem.commitments.draw(jax.random.key(1), 3)
    worth = jax.jit(problem.worth)(jax.random.key(0), made)
    assert worth.answer.shape == (3, len(problem.answer_choices))
    assert (np.asarray(worth.answer) < np.asarray(problem.answer_choices)).all()
    for k in range(3):
        behaviour = problem.behaviour(np.asarray(made[k : k + 1], np.float64))[..., 0]
        own, strong, weak = oracle.best_replies(nodes, game.seats[1], by_set(game, behaviour), game.seats[0], close=1e-9)
        found = problem.certificate(None, np.asarray(made[k], np.float64))
        told = [found.follower_payoffs[0], found.leader_payoff, found.weak_payoff]
        np.testing.assert_allclose(told, [own, strong, weak], atol=1e-12)
        assert found.strong_payoff == found.leader_payoff
        assert found.nash_conv == pytest.approx(0.0, abs=1e-12)
        np.testing.assert_allclose([worth.payoff[k], worth.worst[k]], [strong, weak], atol=1e-5)
        assert worth.followers[k, 0] == pytest.approx(own, abs=1e-5)


@pytest.mark.parametrize("ties", ["for", "against", "even"])
def test_ties_are_broken_as_the_settings_say(ties):
    """A price of 3, which a buyer of value 3 may pay or not: for the seller it pays 1.5, against it 0, evenly 0.75."""
    game = small.haggle(values=(1.0, 3.0), rounds=1)
    problem = ExtensiveProblem(game, ExtensiveFollowers(ties=ties))
    worth = jax.jit(problem.worth)(jax.random.key(0), jnp.array([[[0.0, 0.0, 1.0]], [[0.0, 1.0, 0.0]]]))
    paid, risk = {"for": ([1.5, 1.0], [0, 0]), "against": ([0.0, 1.0], [0, 0]), "even": ([0.75, 1.0], [0.75, 0])}[ties]
    np.testing.assert_allclose(worth.payoff, paid, atol=1e-6)
    np.testing.assert_allclose(worth.risk, risk, atol=1e-6)
    np.testing.assert_allclose(worth.worst, [0.0, 1.0], atol=1e-6)


@pytest.mark.parametrize("name", ["kuhn", "sheriff"])
def test_nearby_is_the_payoff_of_the_same_answer(name, x64):
    """Slacks of a best reply are at least 0 and its payoff is that of worth; slopes are those of differences."""
    problem = ExtensiveProblem(GAMES[name](), ExtensiveFollowers())
    made, nearby = problem.commitments.draw(jax.random.key(2), 2), jax.jit(problem.nearby)
    worth = jax.jit(problem.worth)(jax.random.key(0), made)
    answers = worth.answer
    for commitment, answer, paid in zip(made, answers, worth.payoff, strict=True):
        here, slopes = nearby(commitment, answer)
        assert here.payoff == pytest.approx(float(paid), abs=1e-9)
        assert here.slack.shape == (problem.num_slacks,)
        assert (here.slack >= -1e-9).all()
        way = problem.commitments.actions.tangent(jax.random.normal(jax.random.key(3), commitment.shape))
        up, down = (nearby(commitment + step * way, answer)[0] for step in (1e-6, -1e-6))
        assert (slopes.payoff * way).sum() == pytest.approx(float(up.payoff - down.payoff) / 2e-6, abs=1e-5)
        np.testing.assert_allclose((slopes.slack * way[None]).sum(axis=(1, 2)), (up.slack - down.slack) / 2e-6, atol=1e-5)


def test_a_slack_is_what_one_deviation_costs():
    """Of every set and action, by playing the deviation out."""
    game = small.random_game()
    problem, nodes, treeplex = ExtensiveProblem(game, ExtensiveFollowers()), oracle.nodes_of(game), game.treeplexes[1]
    commitment = problem.commitments.draw(jax.random.key(4), 1)[0]
    lead = by_set(game, problem.behaviour(np.asarray(commitment[None], np.float64))[..., 0])
    place = {int(game.node_set[v]): int(game.tree.infoset[v]) for v in np.flatnonzero(game.tree.owner == game.seats[1])}
    answer = np.random.default_rng(0).integers(0, 2, treeplex.num_sets)

    def paid(plan):
        pure = {place[k]: np.eye(2)[action] for k, action in enumerate(plan)}
        return oracle.values(nodes, lead | {game.seats[1]: pure})[game.seats[1]]

    slack = jax.jit(problem.nearby)(commitment, jnp.asarray(answer, jnp.int32))[0].slack.reshape(treeplex.mask.shape)
    for k in range(treeplex.num_sets):
        before = treeplex.parent[k]
        if before != treeplex.empty and answer[before // 2] != before % 2:
            continue  # its own moves do not lead there: the slack is told all the same, but a deviation changes nothing
        other = answer.copy()
        other[k] = 1 - answer[k]
        assert slack[k, 1 - answer[k]] == pytest.approx(paid(answer) - paid(other), abs=1e-5)
        assert slack[k, answer[k]] == 0


def test_a_softmax_follower_errs_less_the_cooler_it_is():
    game = kuhn(rake=0.1)
    made = ExtensiveProblem(game, ExtensiveFollowers()).commitments.draw(jax.random.key(0), 4)
    best = jax.jit(ExtensiveProblem(game, ExtensiveFollowers()).worth)(jax.random.key(0), made)
    gaps = []
    for temperature in (3.0, 0.3, 0.003):
        problem = ExtensiveProblem(game, ExtensiveFollowers("softmax", temperature=temperature))
        worth = jax.jit(problem.worth)(jax.random.key(0), made)
        gaps.append(float(worth.gap.max()))
        np.testing.assert_allclose(worth.gap, best.followers[:, 0] - worth.followers[:, 0], atol=2e-6)
        assert problem.nearby is None
        assert problem.settled_gap == np.inf
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 1e-3
    np.testing.assert_allclose(worth.payoff, best.payoff, atol=5e-3)


def test_what_gradients_climb():
    """The softened payoff is that of a softmax follower, and tends to that of an exact one; its slopes are right."""
    game = small.random_game()
    problem = ExtensiveProblem(game, ExtensiveFollowers())
    known, made = problem.differentiable, problem.commitments.draw(jax.random.key(0), 1)[0]
    key, exact = jax.random.key(0), jax.jit(problem.worth)(jax.random.key(0), made[None]).payoff[0]
    climbed = jax.jit(known.payoff)
    assert climbed(key, made, jnp.asarray(3e4)) == pytest.approx(float(exact), abs=1e-3)
    soft = ExtensiveProblem(game, ExtensiveFollowers("softmax", temperature=problem.follower_range / 20.0))
    paid = jax.jit(soft.worth)(key, made[None]).payoff[0]
    assert climbed(key, made, jnp.asarray(20.0)) == pytest.approx(float(paid), abs=1e-5)
    way = problem.commitments.actions.tangent(jax.random.normal(jax.random.key(1), made.shape))
    payoff = lambda step: climbed(key, made + step * way, jnp.asarray(5.0))
    slope = jax.jit(jax.grad(payoff))(jnp.asarray(0.0))
    assert slope == pytest.approx(float(payoff(jnp.asarray(1e-2)) - payoff(jnp.asarray(-1e-2))) / 2e-2, abs=2e-3)


def test_mixes_are_projected_onto_the_actions_that_there_are():
    game = small.sheriff(bribe=1, items=2, rounds=1)
    known = ExtensiveProblem(game, ExtensiveFollowers()).differentiable
    mask = game.treeplexes[0].mask
    for made in (known.start(jax.random.key(0)), known.project(jnp.full(mask.shape, 0.4))):
        np.testing.assert_allclose(np.where(mask, made, 0.0).sum(axis=1), 1.0, atol=1e-6)
        assert (np.asarray(made)[~mask] == 0).all()


def test_a_leader_that_takes_one_action_at_each_set():
    """Every table of one action, beside trying every plan; numbers of actions that there are not wrap around."""
    game = small.sheriff(bribe=1, items=2, rounds=1, randomized=False)
    problem, nodes = ExtensiveProblem(game, ExtensiveFollowers()), oracle.nodes_of(game)
    assert problem.nearby is None
    assert problem.differentiable is None
    made = problem.commitments.draw(jax.random.key(0), 6)
    worth = jax.jit(problem.worth)(jax.random.key(0), made)
    for k, table in enumerate(np.asarray(made)):
        taken = table % game.treeplexes[0].choices
        behaviour = np.eye(game.treeplexes[0].num_actions)[taken]
        own, strong, weak = oracle.best_replies(nodes, game.seats[1], by_set(game, behaviour), game.seats[0])
        assert (worth.payoff[k], worth.followers[k, 0]) == (pytest.approx(strong, abs=1e-5), pytest.approx(own, abs=1e-5))
        assert worth.worst[k] == pytest.approx(weak, abs=1e-5)


def test_what_is_said_of_a_commitment():
    """Sets to which the leader's own moves do not lead are counted; a mix is told with its chances."""
    game = kuhn()
    problem = ExtensiveProblem(game, ExtensiveFollowers())
    commitment = np.array([[1, 0], [0, 1], [1, 0], [1, 0], [0, 1], [0.25, 0.75]], np.float32)
    judged = jax.jit(problem.judge, static_argnums=2)(jax.random.key(0), jnp.asarray(commitment), 8)
    (said,) = problem.describe(jax.tree.map(lambda leaf: leaf[None], judged), commitment[None], ["seed 0"])
    assert said["mechanism"] == [
        "J: check",
        "Q: bet",
        "K: check",
        "J facing a bet: fold",
        "K facing a bet: fold 0.25, call 0.75",
        "(1 sets to which its own moves do not lead)",
    ]
    assert said["exploitability"] == 0
    assert said["leader_payoff"] == said["strong_payoff"] >= said["weak_payoff"]
    assert {picture["kind"] for picture in said["pictures"]} == {"cells"}
    assert len(said["follower_play"]) == 6
    assert float(judged.payoff) == pytest.approx(said["leader_payoff"], abs=1e-6)


def test_a_small_tree_is_drawn_and_a_large_play_is_cut():
    problem = ExtensiveProblem(small.signalling(), ExtensiveFollowers())
    commitment = np.array([[1, 0], [0.5, 0.5]], np.float32)
    (said,) = problem.describe(None, commitment[None], ["it"])
    (drawn,) = [picture for picture in said["pictures"] if picture["kind"] == "graph"]
    assert len(drawn["nodes"]) == 15
    assert sum(node["chance"] for node in drawn["nodes"][-12:]) > 0
    assert [edge["words"] for edge in drawn["edges"]] == ["g", "X", "l", "r", "Y", "l", "r", "b", "X", "l", "r", "Y", "l", "r"]
    treeplex = kuhn(players=3).treeplexes[0]
    big = type("Big", (), {"num_sets": 100, "set_names": [f"set {k}" for k in range(100)], "action_names": [("a",)] * 100})
    reach = np.arange(100) / 100
    lines = behaviour_lines(Behaviour("it", big, np.ones((100, 1)), reach, np.ones(100, bool)), "> ")
    assert len(lines) == MOST_LINES + 1
    assert lines[0] == "> set 40: a"
    assert lines[-1] == "> (40 less likely sets are not told)"
    assert treeplex.num_sets == 16


def test_memory_has_what_abcs_count():
    """Three tables of counts for each action, as wide as the most kinds of nodes that follow one."""
    game = leduc()
    plain, counting = (ExtensiveProblem(game, ExtensiveFollowers(kind)).bytes_per_commitment for kind in ("bql", "abcs"))
    counts = 4 * 3 * 468 * 3 * Walk.of(game, 1).num_kinds
    assert counts <= counting - plain <= counts + 468 * 3 + 100


def test_many_sets_are_told_apart_by_the_bits_of_their_number(monkeypatch):
    from stackjax.extensive import problem as module

    monkeypatch.setattr(module, "MOST_ONE_HOT", 3)
    table = ExtensiveProblem(kuhn(), ExtensiveFollowers()).commitments
    assert table.observations.shape == (6, 3)
    assert len(np.unique(table.observations, axis=0)) == 6


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "options", "value"),
    [
        ("kuhn", {}, -1 / 18),
        ("kuhn", {"rake": 0.1}, -59 / 580),
        ("sheriff", {"leader": "sheriff"}, 4 / 3),
        ("inspection", {"periods": 4}, -3 / 11),
        ("haggle", {"values": (1.0, 3.0), "rounds": 1}, 1.5),
        ("haggle", {"values": (1.0, 3.0), "rounds": 1, "ties": "against"}, 1.0),
        ("random-tree", {}, 0.9919853),
        ("signalling", {}, 4.0),
    ],
)
def test_direct_finds_what_is_known_to_be_the_best(name, options, value):
    """To 1e-4 of the leader's payoff range; under ties for the leader the strong optimum, against it the weak one."""
    ties = options.get("ties", "for")
    options = {name: value for name, value in options.items() if name != "ties"}
    result = sx.train(name, seeds=2, followers=ExtensiveFollowers(ties=ties), progress=False, **options)
    low, high = sx.make(name, **options).payoff_ranges[0]
    best = max(seed.certificate.leader_payoff for seed in result.seeds)
    assert best == pytest.approx(value, abs=1e-4 * (high - low))
