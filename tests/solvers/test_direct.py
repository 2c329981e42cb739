"""The searches that need no network: what they keep agrees with NumPy, and they find the optimum of small games."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.bayesian.answers import risk, stay
from stackjax.bayesian.problem import BayesianProblem
from stackjax.problem import Nearby, Table, Worth
from stackjax.solvers.children import box_children, uniforms, whole
from stackjax.solvers.climbing import ascended, climbed, restored
from stackjax.solvers.config import DirectConfig, SearchConfig
from stackjax.solvers.direct import direct
from stackjax.solvers.elite import Elite, best_of, judged_once, merge, parents_of
from stackjax.solvers.search import search
from tests.oracles.direct_search import affine_scaling, box_child, merged, slack_and_loss, weights_by_rank
from tests.siblings import first

SMALL = DirectConfig(num_updates=20, population=64)


class Toy:
    """Pays the sum of what is committed to; a total of 10 or more leaves the followers unsettled."""

    name, payoff_range, settled_gap, tie_tolerance, nearby = "toy", (0.0, 12.0), 0.02, 1e-5, None
    commitments = Table(4, sx.Discrete(4))

    def worth(self, key, commitments, *, lasting=0):
        total = commitments.sum(axis=-1).astype(jnp.float32)
        return Worth(total, jnp.where(total >= 10, 1.0, 0.0), jnp.zeros_like(total), commitments[:, :1])


def run(solver, num_updates, key):
    state, metrics = jax.lax.scan(lambda s, _: solver.update(s), solver.init(key), None, length=num_updates)
    return solver.commitment(state), metrics


def random_elite(rng, size):
    commitments, answers = rng.integers(2, size=(size, 3)), rng.integers(3, size=(size, 1))
    score, payoff, gap = rng.normal(size=(3, size)).astype(np.float32)
    groups = rng.choice([0.0, 0.01, 1.0, 2.01], size=size).astype(np.float32)
    answers = commitments[:, :1] + commitments[:, 1:2]  # the same for equal commitments
    return Elite(commitments, answers, np.zeros(size, np.int32), score, payoff, gap, groups)


@pytest.mark.parametrize(("num_answers", "most_alike"), [(3, 4), (2, 1), (1, 4), (9, 4)])
def test_what_is_kept_agrees_with_a_loop_in_numpy(num_answers, most_alike):
    rng = np.random.default_rng(num_answers)
    kept, new = random_elite(rng, 5), random_elite(rng, 9)
    both = (jax.tree.map(jnp.asarray, one) for one in (kept, new))
    got = merge(Toy(), *both, jnp.int32(num_answers), most_alike)
    lists = [(one.commitments, one.answer, one.score, one.payoff, one.gap, one.groups) for one in (kept, new)]
    unsettled = lambda gap: 0.0 if gap <= 0.02 else 12.0 * (2.0 - 0.02 / gap)
    want = merged(*lists, num_answers, most_alike, room=5, unsettled=unsettled)
    assert (got.groups > 0).sum() == len(want)
    columns = (got.commitments, got.place, got.score, got.payoff, got.gap, got.groups)
    for mine, theirs in zip(columns, zip(*want, strict=True), strict=True):
        np.testing.assert_allclose(mine[: len(want)], np.array(theirs), rtol=1e-5, atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), room=st.integers(1, 40), num_answers=st.integers(1, 12), most_alike=st.integers(1, 8))
def test_what_is_kept_of_many_agrees_with_a_loop_in_numpy(seed, room, num_answers, most_alike):
    """Many commitments, most of them twice, of few answers, at several numbers of groups; some are of no group."""
    rng, size = np.random.default_rng(seed), 50
    commitments = rng.integers(4, size=(size, 3))
    numbers = rng.permutation(2 * size).reshape(2, size) / 7.0  # no ties, which sums would break by rounding
    groups = rng.choice([0.0, 0.01, 1.0, 5.0], size=size)
    answer, place = commitments[:, :1] // 2 + commitments[:, 1:2], np.zeros(size, np.int32)
    both = Elite(commitments, answer, place, *numbers, rng.choice([0.0, 0.01, 0.3], size=size), groups)
    single = lambda leaf: leaf.astype(np.float32) if leaf.dtype == float else leaf.astype(np.int32)
    both = jax.tree.map(single, both)
    kept, new = (jax.tree.map(lambda leaf, part=part: leaf[part], both) for part in (slice(room), slice(room, None)))
    got = jax.jit(merge, static_argnums=(0, 4))(Toy(), kept, new, jnp.int32(num_answers), most_alike)
    lists = [(one.commitments, one.answer, one.score, one.payoff, one.gap, one.groups) for one in (kept, new)]
    unsettled = lambda gap: 0.0 if gap <= 0.02 else 12.0 * (2.0 - 0.02 / gap)
    want = merged(*lists, num_answers, most_alike, room, unsettled) if (groups > 0).any() else []
    assert (got.groups > 0).sum() == len(want)
    columns = (got.commitments, got.place, got.score, got.payoff, got.gap, got.groups)
    for mine, theirs in zip(columns, zip(*want, strict=True), strict=False):
        np.testing.assert_allclose(mine[: len(want)], np.array(theirs), rtol=1e-4, atol=1e-4)


def test_of_equal_commitments_the_answer_of_the_one_that_met_more_groups_stays():
    """Of three answers two stay: the one that first looks speak for, and that of the best that met whole groups."""
    scores, groups = jnp.array([9.0, 8.0, 8.0]), jnp.array([0.01, 1.0, 7.0])
    both = Elite(jnp.arange(3)[:, None], jnp.arange(3)[:, None], jnp.zeros(3, jnp.int32), scores, scores, scores * 0, groups)
    for order in ([0, 1, 2], [2, 1, 0]):
        kept = jax.tree.map(lambda leaf, order=order: leaf[jnp.array(order)], both)
        got = merge(Toy(), kept, jax.tree.map(jnp.zeros_like, kept), jnp.int32(1), 3)
        assert got.commitments[got.groups > 0, 0].tolist() == [0, 2]


def test_first_looks_never_make_a_group_however_many():
    same, nowhere, scores = jnp.zeros((200, 1), jnp.int32), jnp.zeros(200, jnp.int32), jnp.full(200, 9.0)
    looks = Elite(same, same, nowhere, scores, scores, scores * 0, jnp.full(200, 0.01))
    none = jax.tree.map(jnp.zeros_like, looks)
    got = merge(Toy(), merge(Toy(), none, looks, jnp.int32(1), 3), looks, jnp.int32(1), 3)
    assert got.groups.tolist() == [0.5] + [0.0] * 199
    assert got.score[0] == pytest.approx(9.0, rel=1e-5)


def test_each_start_of_a_search_is_a_search_of_its_own_and_the_best_of_all_is_kept():
    config = DirectConfig(num_updates=20, starts=2, population=64, trusted_groups=1)
    solver = direct(Toy(), config)
    update = jax.jit(solver.update)
    state, kept, found, tried = solver.init(jax.random.key(0)), [], [], []
    for done in range(20):
        state, metrics = update(state)
        kept.append(int((state.elite.groups > 0).sum()))
        found.append(int(solver.commitment(state).sum()))
        tried.append(len(np.unique(state.tried, axis=0)))
        assert metrics["best_payoff"] == found[-1]
        assert (state.best.groups[0] > 0) == (done >= 9)
    assert [count == 0 for count in kept] == [done == 9 for done in range(20)]
    assert found[9:] == [9] * 11  # the best there is
    assert tried[9] > tried[8]
    other = update(state._replace(update=jnp.int32(10), tried=state.tried * 0))[0]  # a start that finds only what is worst
    assert int(solver.commitment(other).sum()) == 9


def test_parents_are_those_of_each_answer_and_then_all():
    score = jnp.array([5.0, 4.0, 3.0, 4.5, 1.0, -jnp.inf])
    place, groups = jnp.array([0, 0, 0, 1, 1, 0]), jnp.array([1.0, 1, 1, 1, 1, 0])
    parents = parents_of(Elite(jnp.zeros((6, 1)), place[:, None], place, score, score, score, groups), 4, 3)
    assert parents.num_answers == 2
    assert parents.place[0].tolist() == [0, 1, 2]
    assert parents.place[1, :2].tolist() == [3, 4]
    assert parents.place[2].tolist() == [0, 3, 1]
    for row, size in ((0, 3), (1, 2), (2, 5)):
        want = weights_by_rank(size, 3)
        np.testing.assert_allclose(parents.weight[row, : len(want)], want, rtol=1e-5)
        assert (parents.weight[row, len(want) :] == 0).all()


def test_slack_and_risk_agree_with_loops_over_types():
    rng = np.random.default_rng(5)
    prior = rng.random((2, 3))
    prior[1] = 0.0  # a type that never comes up
    prior /= prior.sum()
    tables = rng.normal(size=(3, 2, 3, 2, 4))
    game = sx.followers.InducedGame(prior, tables[1:].astype(np.float32), tables[0].astype(np.float32))
    answer = rng.integers(2, size=5)
    slack, loss = slack_and_loss(prior, tables[1:], tables[0], answer)
    np.testing.assert_allclose(stay(game, jnp.asarray(answer)).slack, slack, rtol=1e-4, atol=1e-5)
    change = game._replace(follower_payoffs=rng.normal(size=game.follower_payoffs.shape).astype(np.float32))
    for tie in (-10.0, 0.0, 0.5, 10.0):
        want = max(0.0, loss[slack < tie].max(initial=0.0))
        np.testing.assert_allclose(risk(game, change, jnp.asarray(answer), tie), want, rtol=1e-4, atol=1e-5)
        assert risk(game, change._replace(follower_payoffs=tables[1:] * 0), jnp.asarray(answer), tie) == 0


def test_a_step_up_the_slope_is_dikins():
    rng = np.random.default_rng(6)
    start, payoff_slope, slack_slopes = rng.uniform(0.2, 0.8, 4), rng.normal(size=4), rng.normal(size=(3, 4))
    slack = rng.uniform(0.1, 0.5, 3)
    here = Nearby(jnp.float32(1.0), jnp.asarray(slack, jnp.float32))
    slopes = Nearby(jnp.asarray(payoff_slope, jnp.float32), jnp.asarray(slack_slopes, jnp.float32))
    share = 0.7
    got = ascended(here, slopes, jnp.asarray(start, jnp.float32), share, 0.0, 1.0)
    np.testing.assert_allclose(got, affine_scaling(start, payoff_slope, slack, slack_slopes, share), rtol=1e-3, atol=1e-4)
    assert payoff_slope @ (np.asarray(got) - start) > 0


def test_children_in_a_box_are_the_oracles():
    rng, key, (count, m, nodes, width) = np.random.default_rng(5), jax.random.key(8), (60, 4, 3, 2)
    kept, places = rng.random((9, nodes, width)).astype(np.float32), rng.integers(0, 9, (count, m)).astype(np.int32)
    parents = kept[places]
    weights = np.where(np.arange(m) < rng.integers(1, m + 1, (count, 1)), rng.random((count, m)), 0.0).astype(np.float32)
    weights /= weights.sum(axis=-1, keepdims=True)
    widths = (7, 4, m, nodes, *(nodes * width,) * 3)
    coins, picks, mix, per_node, per_entry, spread, noise = map(np.asarray, uniforms(key, count, widths))
    normal = lambda uniform: scipy.stats.norm.ppf(uniform.astype(np.float64))
    entries = lambda values: values.reshape(count, nodes, width)
    drawn = (normal(mix), entries(normal(noise)), picks, coins, per_node[..., None], *map(entries, (per_entry, spread, noise)))
    want = [box_child(parents[c], weights[c], 0.3, *(part[c] for part in drawn)) for c in range(count)]
    got = box_children(key, jnp.asarray(kept), jnp.asarray(places), jnp.asarray(weights), jnp.float32(0.3))
    np.testing.assert_allclose(got, want, atol=2e-6)


@pytest.mark.parametrize("crosses", first(1, [True, False]))
def test_a_climb_stays_within_an_answer_or_leads_to_another(crosses):
    game = sx.matrix_game(np.random.default_rng(3).random((3, 3, 2)), randomized=True)
    problem, config = BayesianProblem(sx.StackelbergPOMDP(game)), DirectConfig(population=64, cross_share=float(crosses))
    solver, count = direct(problem, config), 48

    @jax.jit
    def moved(key):
        state = solver.init(key)
        judged = judged_once(problem, state.tried, problem.worth(key, state.tried), jnp.ones(config.population))
        elite = merge(problem, state.elite, judged, jnp.int32(config.num_answers), config.most_alike)
        parents = parents_of(elite, config.num_answers, config.most_alike)
        return elite, parents, climbed(problem, config, problem.commitments.actions, key, elite, parents, count)

    elite, parents, made = moved(jax.random.key(1))
    turn = whole(uniforms(jax.random.key(1), count, (parents.place.shape[1], 1, 4))[1][0], parents.num_answers)
    before = elite.answer[parents.place[(turn + jnp.arange(count)) % parents.num_answers, 0]]
    slack = jax.vmap(lambda commitment, answer: problem.nearby(commitment, answer)[0].slack.min())(made, before)
    if crosses:
        assert (slack < -1e-5).mean() >= 0.6  # some answers are nowhere a follower's best
    else:
        assert (slack > -1e-5).all()


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_crossing_gives_every_slack_its_margin(seed):
    """Where slacks are linear and the box leaves room, one least squares step is enough; what has its margin stays."""
    rng = np.random.default_rng(seed)
    slopes, start = rng.normal(size=(2, 6)), np.full(6, 0.5)
    slack = np.array([-0.05, 0.3])
    moved = np.asarray(restored(*(jnp.asarray(x, jnp.float32) for x in (slack, slopes, start)), jnp.float32(0.02)))
    after = slack + slopes @ (moved - start)
    assert ((moved >= 0) & (moved <= 1)).all()
    if ((moved > 0) & (moved < 1)).all():
        assert after[0] == pytest.approx(0.02, abs=2e-3)
    held = restored(*(jnp.asarray(x, jnp.float32) for x in (np.abs(slack), slopes, start)), jnp.float32(0.02))
    np.testing.assert_allclose(held, start, atol=1e-6)


def test_settled_commitments_go_first():
    for solver in (direct(Toy(), SMALL), search(Toy(), SearchConfig(20, 64))):
        commitment, metrics = jax.jit(lambda key, solver=solver: run(solver, 20, key))(jax.random.key(0))
        assert commitment.sum() == 9
        assert metrics["is_finite"].all()
        assert (metrics["episodes"] == 64).all()


def test_what_pays_only_for_a_while_is_not_settled_on():
    class Fading(Toy):
        def worth(self, key, commitments, *, lasting=0):
            worth = super().worth(key, commitments)
            lasts = jnp.arange(len(commitments)) < lasting
            return worth._replace(payoff=jnp.where(lasts & (worth.payoff > 8), 0.0, worth.payoff))

    commitment, _ = jax.jit(lambda key: run(direct(Fading(), SMALL), 20, key))(jax.random.key(0))
    assert commitment.sum() == 8


def test_only_what_met_enough_groups_counts_as_found():
    scores = jnp.array([3.0, 2.0, 1.0])
    place = jnp.zeros(3, jnp.int32)
    elite = Elite(jnp.arange(3)[:, None], place[:, None], place, scores, scores, scores * 0, jnp.array([1.0, 8.0, 20.0]))
    assert best_of(elite, 8).payoff == 2.0
    assert best_of(elite, 50).payoff == 1.0


@pytest.mark.parametrize("seed", first(1, [3, 4]))
def test_random_mixes_at_odds_reach_the_optimum(seed):
    leader, noise = np.random.default_rng(seed).random((2, 6, 6))
    game = sx.matrix_game(np.stack([leader, 0.6 * (1 - leader) + 0.4 * noise], axis=-1), randomized=True)
    problem, config = BayesianProblem(sx.StackelbergPOMDP(game)), DirectConfig(num_updates=60, population=128)
    commitment, _ = jax.jit(lambda key: run(direct(problem, config), 60, key))(jax.random.key(seed))
    judged = problem.judge(jax.random.key(1), commitment, 1)
    assert 0.999 <= judged.payoff / sx.solve(game).value <= 1 + 1e-5


@pytest.mark.long
@pytest.mark.parametrize("name", ["allocation", "maintain-randomized"])
def test_reaches_the_optimum(name):
    problem = BayesianProblem(sx.StackelbergPOMDP(sx.make(name)))
    config = DirectConfig(num_updates=60, population=128)
    commitments, _ = jax.jit(jax.vmap(lambda key: run(direct(problem, config), 60, key)))(
        jax.random.split(jax.random.key(1), 2)
    )
    for commitment in commitments:
        assert problem.judge(jax.random.key(2), commitment, 2).payoff >= 0.999 * problem.env.game.optimum().value


def test_seeds_side_by_side_find_what_each_finds_alone():
    solver, keys = direct(Toy(), SMALL), jax.random.split(jax.random.key(3), 2)
    together = jax.jit(jax.vmap(lambda key: run(solver, 5, key)[0]))(keys)
    alone = jnp.stack([jax.jit(lambda key: run(solver, 5, key)[0])(key) for key in keys])
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize("wrong", [{"population": 3}, {"climb_share": 0.96}, {"last_step": 0.5}, {"num_answers": 0}])
def test_settings_out_of_range_are_refused(wrong):
    with pytest.raises(sx.InputError, match=next(iter(wrong))):
        DirectConfig(**wrong)


@pytest.mark.long
@pytest.mark.parametrize("reward_play", ["empirical", "argmax", "mixed"])
def test_a_commitments_worth_is_what_its_judge_says_of_the_same_followers(reward_play):
    env = sx.StackelbergPOMDP(sx.make("posted-price-pi"), num_rounds=30, reward_play=reward_play)
    problem, key = BayesianProblem(env), jax.random.key(4)
    shape = (1, problem.commitments.num_nodes, *problem.commitments.actions.shape)
    tried = problem.commitments.actions.clip(jax.random.uniform(key, shape))
    worth, judged = problem.worth(key, tried), problem.judge(key, tried[0], 1)
    np.testing.assert_allclose([worth.payoff[0], worth.gap[0]], [judged.payoff, judged.gap], rtol=1e-5, atol=1e-6)


@pytest.mark.long
def test_lasting_followers_learn_for_as_long_as_those_that_judge():
    env = sx.StackelbergPOMDP(sx.make("allocation"), num_rounds=2, reward_play="mixed")
    problem, key = BayesianProblem(env, env.with_num_rounds(300)), jax.random.key(5)
    tried = jnp.tile(jnp.arange(3, dtype=jnp.int32)[None], (3, 1))
    judged = problem.judge(key, tried[0], 3).payoff
    np.testing.assert_allclose(problem.worth(key, tried, lasting=3).payoff.mean(), judged, rtol=1e-3)
    assert (problem.worth(key, tried).payoff < judged - 0.1).all()
    some = problem.worth(key, tried, lasting=1).payoff
    np.testing.assert_allclose(some[0], judged, rtol=1e-2)
    assert (some[1:] < judged - 0.1).all()


@pytest.mark.parametrize(("name", "is_smooth"), [("allocation", False), ("escape-randomized", True)])
def test_the_payoff_of_a_box_is_known_to_have_a_slope(name, is_smooth):
    problem = BayesianProblem(sx.StackelbergPOMDP(sx.make(name)))
    assert (problem.nearby is not None) == is_smooth
    if problem.nearby is not None:  # row C, column C: the followers would lose by leaving it
        mix = jnp.zeros((1, 3)).at[0, 2].set(1.0)
        here, _ = problem.nearby(mix, jnp.array([2]))
        assert here.payoff == 30
        assert (here.slack >= 0).all()
