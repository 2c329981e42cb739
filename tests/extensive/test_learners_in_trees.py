"""Followers who learn, as answers to commitments: beside exact ones, alone and several, in blocks and not."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.errors import InputError
from stackjax.extensive import ExtensiveFollowers, ExtensiveProblem, learning
from stackjax.extensive.games import small
from stackjax.extensive.games.kuhn import kuhn
from stackjax.extensive.games.leduc import leduc
from stackjax.extensive.induced import plan_of
from stackjax.extensive.rules import follower_range
from tests.extensive.test_trees import in_order, random_game, sampled
from tests.oracles import cfr as oracle

GAMES = [
    lambda: kuhn(rake=0.1),
    small.sheriff,
    small.inspection,
    lambda: small.random_game(tree_seed=1),
]


def random_plans(game, count, seed=0):
    """Leader's plans ``[Q_0, count]`` of behaviours drawn evenly from the simplices."""
    treeplex, rng = game.treeplexes[0], np.random.default_rng(seed)
    made = rng.exponential(size=(*treeplex.mask.shape, count)) * treeplex.mask[..., None]
    return jnp.asarray(plan_of(treeplex, made / made.sum(axis=1, keepdims=True)), jnp.float32)


def answered(game, plans, *options, **named):
    rule = ExtensiveFollowers(*options, **named).build()
    return jax.jit(lambda plans: rule.answer(game, jax.random.key(0), plans))(plans)


@pytest.mark.parametrize("make", GAMES)
def test_a_lone_learner_comes_to_a_best_reply(make):
    game = make()
    plans = random_plans(game, 40)
    found, told = answered(game, plans, "cfr-plus", iterations=1000), answered(game, plans, "exact")
    own, leader = follower_range(game), np.ptp(game.payoff_ranges[0])
    assert found.gap.max() <= 1e-5 * own
    np.testing.assert_allclose(found.payoffs[0], told.payoffs[0], atol=1e-4 * leader)
    np.testing.assert_allclose(found.payoffs[1] + found.gap, told.payoffs[1], atol=1e-5 * own)


@pytest.mark.long
def test_a_lone_learner_comes_to_a_best_reply_in_leduc_poker():
    game = leduc()
    found = answered(game, random_plans(game, 8), "cfr-plus", iterations=1000)
    assert found.gap.max() <= 1e-4 * follower_range(game)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["cfr", "dcfr", "lcfr"])
def test_a_lone_learner_of_any_kind_learns(kind):
    game = small.inspection()
    found = answered(game, random_plans(game, 10), kind, iterations=300)
    assert found.gap.max() <= 0.01 * follower_range(game)


@pytest.mark.parametrize(("options", "alternating"), [({}, False), ({"play": "average"}, False), ({"alternating": True}, True)])
@pytest.mark.parametrize("seed", [2, pytest.param(4, marks=pytest.mark.long)])
def test_several_learners_are_paid_what_they_played(seed, options, alternating, x64):
    """Empirical play is the mixture of what was played, average play is everybody's own average."""
    game, nodes = random_game(seed, 3, depth=4)
    by_set, behaviours = sampled(np.random.default_rng(seed), game, nodes)
    leader, *followers = game.seats
    fixed = {(leader, k): chances for k, chances in by_set[leader].items()}
    one, played, weights = oracle.Learning(nodes, followers, fixed, "lcfr", alternating), [], []
    for t in range(1, 7):
        played.append(dict(one.policy))
        weights.append(t)
        one.step()
    average = one.average()
    plan = jnp.asarray(plan_of(game.treeplexes[0], behaviours[0]))
    found = answered(game, plan[:, None], "lcfr", iterations=6, **options)
    order = [leader, *followers]
    if options:
        np.testing.assert_allclose(found.payoffs[:, 0], oracle.expected(nodes, average)[order], atol=1e-9)
        told = max(oracle.best_value(nodes, seat, average) - oracle.expected(nodes, average)[seat] for seat in followers)
    else:
        paid = np.average([oracle.expected(nodes, policy) for policy in played], axis=0, weights=weights)
        np.testing.assert_allclose(found.payoffs[:, 0], paid[order], atol=1e-9)
        told = max(oracle.mixture_gap(nodes, seat, played, weights) for seat in followers)
    assert found.gap[0] == pytest.approx(max(told, 0.0), abs=1e-9)
    for own, seat in zip(found.behaviours, followers, strict=True):
        by_place = {k: chances for (who, k), chances in average.items() if who == seat}
        np.testing.assert_allclose(own[..., 0], in_order(game, seat, by_place), atol=1e-9)


@pytest.mark.parametrize("players", [2, pytest.param(3, marks=pytest.mark.long)])
def test_blocks_do_not_matter(players, monkeypatch):
    """Of 37 commitments, all at once, in blocks of 8, and a few alone."""
    game = kuhn(players=players)
    plans = random_plans(game, 37)
    whole = answered(game, plans, "cfr-plus", iterations=30)
    monkeypatch.setattr(learning, "NARROWEST", 8)
    monkeypatch.setattr(learning, "WIDEST", 8)
    parts = answered(game, plans, "cfr-plus", iterations=30)
    for one, other in zip(jax.tree.leaves(whole), jax.tree.leaves(parts), strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=1e-5)
    for k in (0, 36):
        alone = answered(game, plans[:, k : k + 1], "cfr-plus", iterations=30)
        np.testing.assert_allclose(alone.payoffs[:, 0], whole.payoffs[:, k], atol=1e-5)


def test_several_followers_are_judged_on_the_seam():
    """Judged for ten times the iterations, told as judged; the gap is that of a coarse correlated equilibrium."""
    game = kuhn(players=3)
    problem = ExtensiveProblem(game, ExtensiveFollowers(kind="cfr-plus", iterations=50))
    commitments = problem.commitments.draw(jax.random.key(1), 4)
    worth = jax.jit(lambda: problem.worth(jax.random.key(0), commitments, lasting=2))()
    judged = jax.jit(lambda: problem.judge(jax.random.key(0), commitments[0], 8))()
    assert judged.payoff == pytest.approx(float(worth.payoff[0]), abs=1e-5)
    plans = plan_of(game.treeplexes[0], problem.behaviour(commitments))
    assert worth.payoff[3] == pytest.approx(float(answered(game, plans, "cfr-plus", iterations=50).payoffs[0, 3]), abs=1e-5)
    long = answered(game, plans, "cfr-plus", iterations=500)
    np.testing.assert_allclose(worth.payoff[:2], long.payoffs[0, :2], atol=1e-5)
    (told,) = problem.describe(jax.tree.map(lambda leaf: leaf[None], judged), commitments[:1], ["one"])
    assert told["cce_gap"] == pytest.approx(float(judged.gap))
    assert told["leader_payoff"] == told["strong_payoff"] == told["weak_payoff"] == pytest.approx(float(judged.payoff))
    assert sum(told["follower_payoffs"]) == pytest.approx(-told["leader_payoff"], abs=1e-5)
    assert "500 iterations" in problem.evaluation_method()["words"]


def test_which_rule_answers_by_default():
    assert ExtensiveProblem(kuhn(), ExtensiveFollowers()).resolved.kind == "exact"
    assert ExtensiveProblem(kuhn(players=3), ExtensiveFollowers()).resolved.kind == "cfr-plus"
    assert ExtensiveProblem(kuhn(), ExtensiveFollowers("dcfr")).resolved.kind == "dcfr"


INSTEAD = "this game has 2: --followers.kind cfr-plus"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: ExtensiveFollowers("cfr", iterations=0), "iterations=0 must be a whole number of at least 1"),
        (lambda: ExtensiveFollowers("cfr", alternating=1), "alternating=1 must be True or False"),
        (lambda: ExtensiveFollowers("cfr", alpha=1.0), "alpha is not an option of cfr; it belongs to dcfr"),
        (lambda: ExtensiveFollowers("dcfr", alpha=np.nan), "alpha=nan must be a finite number"),
        (lambda: ExtensiveFollowers("dcfr", gamma=-1.0), "gamma=-1.0 must be at least 0 and at most 5"),
        (lambda: ExtensiveFollowers("lcfr", play="last"), "play=last must be one of auto, empirical, average"),
        (lambda: ExtensiveFollowers("cfr", alternating=True, play="empirical"), "play=empirical must be average with"),
        (lambda: ExtensiveFollowers("es-mccfr", iterations=0), "iterations=0 must be a whole number"),
        (lambda: ExtensiveFollowers("bql", temperature=-1.0), "temperature=-1.0 must be a positive finite number"),
        (lambda: ExtensiveFollowers("bql", cooling=0.0), "cooling=0.0 must be above 0 and at most 1"),
        (lambda: ExtensiveFollowers("bql", cooling=1.5), "cooling=1.5 must be above 0 and at most 1"),
        (lambda: ExtensiveFollowers("bql", play="empirical"), "play=empirical must be one of average, last"),
        (lambda: ExtensiveFollowers("abcs", significance=1.5), "significance=1.5 must be at least 0 and at most 1"),
        (lambda: ExtensiveFollowers("abcs", frontier=0), "frontier=0 must be a whole number of at least 1"),
        (lambda: ExtensiveFollowers("abcs", window=4), "window=4 must be a whole number of at least 5"),
        (lambda: ExtensiveFollowers("abcs", average="all"), "average=all must be one of visits, reach"),
        (
            lambda: ExtensiveProblem(kuhn(players=3), ExtensiveFollowers("exact")),
            f"exact answers are for one follower; {INSTEAD}",
        ),
        (lambda: ExtensiveProblem(kuhn(players=3), ExtensiveFollowers("softmax")), f"one follower; {INSTEAD}"),
        (lambda: ExtensiveProblem(kuhn(players=3), ExtensiveFollowers(ties="against")), f"one follower; {INSTEAD}"),
        (lambda: sx.extensive.self_play("kuhn"), "game='kuhn' must be an ExtensiveGame"),
        (lambda: sx.extensive.self_play(kuhn(), ExtensiveFollowers()), "followers="),
        (lambda: sx.extensive.self_play(kuhn(), told=(10, 1)), "told=(10, 1) must be in ascending order"),
        (lambda: sx.extensive.self_play(kuhn(), seeds=2), "seeds=2 must be 1: cfr-plus draws nothing"),
        (lambda: sx.extensive.self_play(kuhn(), ExtensiveFollowers("abcs"), seeds=0), "seeds=0 must be a whole number"),
        (lambda: sx.extensive.self_play(kuhn(), told=(0,)), "told=0 must be a whole number of at least 1"),
    ],
)
def test_settings_that_make_no_sense(make, said):
    with pytest.raises(InputError) as error:
        make()
    assert said in str(error.value)


def test_all_players_learn_without_a_leader():
    """The table of others' code again, through the public door, in float32."""
    found = sx.extensive.self_play(kuhn(), told=(1, 10, 100, 1000))
    np.testing.assert_allclose(found.nash_conv[:, 0], [0.916666667, 0.065374181, 0.002388808, 0.000174731], rtol=0.03)
    assert found.iterations.tolist() == [1, 10, 100, 1000]
    own = [one[..., 0] for one in found.average]
    assert sx.extensive.nash_conv(kuhn(), own) == pytest.approx(found.nash_conv[-1, 0])
    assert found.nodes is None
    three = sx.extensive.self_play(kuhn(players=3), ExtensiveFollowers("dcfr", iterations=200))
    assert three.nash_conv[0, 0] < 0.02


def test_seeds_of_self_play_are_runs_of_their_own():
    kind = ExtensiveFollowers("bql", iterations=200)
    many = sx.extensive.self_play(kuhn(), kind, seeds=4)
    some = sx.extensive.self_play(kuhn(), kind, seeds=2, seed=2)
    np.testing.assert_array_equal(many.nodes[:, 2:], some.nodes)
    np.testing.assert_allclose(many.nash_conv[:, 2:], some.nash_conv, rtol=1e-5)
    assert len(np.unique(many.nash_conv)) == 4
    with pytest.raises(InputError, match="seed=-1 must be"):
        sx.extensive.self_play(kuhn(), kind, seed=-1)
