"""What a leader is paid by a follower that errs: slopes, trained commitments, other followers, and what is claimed of it."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax import claims
from stackjax.bayesian.family import FAMILY
from stackjax.bayesian.problem import BayesianProblem
from stackjax.problem import Optimum
from tests.oracles import quantal as oracle
from tests.runs.commands import result_of, run
from tests.small_security import Guards

QUANTAL = ["--followers.kind", "quantal", "--followers.rationality"]


def problem_of(game, dynamics):
    return BayesianProblem(sx.StackelbergPOMDP(game, dynamics, num_rounds=2))


@pytest.mark.parametrize("rule", [sx.followers.quantal(0.6), sx.followers.suqr((-4.0, 0.4, 0.2))])
def test_slopes_are_those_of_finite_differences(x64, rule):
    problem = problem_of(Guards(5, 2, 2), rule)
    coverage = jnp.array([[0.8, 0.1, 0.5, 0.6, 0.7]])
    payoff = lambda made: float(problem.differentiable.payoff(None, jnp.asarray(made), 1.0))
    here, slopes = problem.nearby(coverage, jnp.zeros(2, jnp.int32))
    slope = jax.grad(lambda made: problem.differentiable.payoff(None, made, 1.0))(coverage)
    np.testing.assert_allclose(slopes.payoff, slope, rtol=1e-10)
    assert float(here.payoff) == pytest.approx(payoff(coverage), rel=1e-12)
    assert not np.any(np.asarray(slopes.slack))
    for entry in range(5):
        change = 1e-6 * np.eye(5)[entry][None]
        difference = (payoff(coverage + change) - payoff(coverage - change)) / 2e-6
        assert float(slope[0, entry]) == pytest.approx(difference, rel=1e-5, abs=1e-6)


def test_worth_is_the_oracles_and_always_counts_as_settled():
    game = Guards(4, 2, 3)
    problem = problem_of(game, sx.followers.quantal(0.4))
    made = np.random.default_rng(0).random((6, 1, 4)).astype(np.float32)
    worth = problem.worth(jax.random.key(0), jnp.asarray(made), lasting=3)
    for b in range(6):
        attacker, defender = game.payoffs_at(np.asarray(game.coverage(made[b, 0])))
        play = oracle.answer(attacker, 0.4)
        assert float(worth.payoff[b]) == pytest.approx(oracle.leader_payoff(game.type_prior, play, defender), rel=1e-4)
        assert float(worth.gap[b]) == pytest.approx(oracle.regret(game.type_prior, play, attacker), rel=1e-4)
        np.testing.assert_array_equal(worth.answer[b], play.argmax(axis=1))
    assert not np.any(worth.risk)
    assert float(worth.gap.max()) > 0.02 * game.payoff_scale
    assert (np.asarray(worth.gap) <= problem.settled_gap).all()


def test_a_softened_payoff_tends_to_that_of_exact_answers():
    problem = problem_of(Guards(4, 2, 3), sx.followers.best_response())
    made = problem.commitments.draw(jax.random.key(1), 8)
    exact = problem.worth(jax.random.key(0), made).payoff
    soft = lambda sharpness: jax.vmap(lambda one: problem.differentiable.payoff(jax.random.key(0), one, sharpness))(made)
    np.testing.assert_allclose(soft(1e6), exact, rtol=1e-4)
    assert jnp.abs(soft(1.0) - exact).max() > 0.1


def test_there_is_no_slope_where_actions_are_discrete_or_several_follow():
    assert problem_of(sx.make("matrix-design-payments"), sx.followers.best_response()).differentiable is None
    discrete = problem_of(sx.make("allocation"), sx.followers.quantal())
    assert discrete.differentiable is None
    assert discrete.nearby is None


@pytest.fixture(scope="module")
def payoff_file(tmp_path_factory):
    """Two rows, three columns, at odds in part: the best mix against a quantal follower is inside, and is no exact optimum."""
    rng = np.random.default_rng(8)
    payoffs = rng.uniform(0, 10, size=(2, 3, 2))
    path = tmp_path_factory.mktemp("quantal") / "odds.json"
    path.write_text(json.dumps({"payoffs": payoffs.round(3).tolist()}), encoding="utf-8")
    return path


def optimum_of(path, rationality):
    payoffs = np.array(json.loads(path.read_text(encoding="utf-8"))["payoffs"])
    return oracle.grid_optimum(payoffs[None, ..., 0], payoffs[None, ..., 1], [1.0], rationality, 2000)


def train(payoff_file, solver, updates):
    out = payoff_file.parent / solver
    options = ["--game.randomized", "--solver", solver, f"--{solver}.num-updates", updates, "--polish", 0, "--seeds", 2]
    assert run("train", payoff_file, *QUANTAL, "0.8", *options, "--out", out) == 0
    return out


@pytest.fixture(scope="module")
def trained(payoff_file):
    return train(payoff_file, "gradient", 400)


@pytest.mark.long
def test_evolving_commitments_reaches_the_best_mix_too(payoff_file):
    found, (best, _) = result_of(train(payoff_file, "direct", 40)), optimum_of(payoff_file, 0.8)
    for seed in found["seeds"]:
        assert seed["leader_payoff"] == pytest.approx(best, abs=1e-3)


def test_climbing_reaches_the_best_mix_on_a_grid(trained, payoff_file):
    found, (best, share) = result_of(trained), optimum_of(payoff_file, 0.8)
    assert 0.05 < share < 0.95
    for seed in found["seeds"]:
        assert seed["leader_payoff"] == pytest.approx(best, abs=2e-3)
        assert seed["commitment"]["actions"][0][0] == pytest.approx(share, abs=0.02)
        assert (seed["reward_play"], seed["settled"], seed["optimum"]) == ("mixed", True, None)
        assert seed["bcce_gap"] > 0
        assert seed["worst_payoff"] is None
        assert "% of the time)" in seed["follower_play"][0]
    assert found["evaluation"]["rule"] == "quantal, rationality 0.8"
    assert found["evaluation"]["settled_gap"] is None
    assert "no exact optimum against quantal" in found["why_unknown"]
    assert found["kernel"] == "closed form"


def judged(capsys, *arguments):
    capsys.readouterr()
    assert run("evaluate", *arguments, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_commitments_for_one_kind_of_follower_are_judged_by_another(trained, payoff_file, capsys):
    """The best mix against a quantal follower loses against an exact one, and more rational ones lie in between."""
    out = trained
    exact = judged(capsys, out, "--followers.kind", "best-response")
    payoffs = np.array(json.loads(payoff_file.read_text(encoding="utf-8"))["payoffs"])
    optimum = sx.solve(sx.matrix_game(payoffs, randomized=True)).value
    for seed in exact["seeds"]:
        assert (seed["optimum"], seed["reward_play"]) == (pytest.approx(optimum), "argmax")
        mix = np.array(seed["commitment"]["actions"][0])
        column = (mix @ payoffs[..., 1]).argmax()
        assert seed["leader_payoff"] == pytest.approx((mix @ payoffs[..., 0])[column], rel=1e-5)
    missing = exact["seeds"][0]["optimum"] - exact["seeds"][0]["leader_payoff"]
    assert bool(exact["warnings"]) == (missing > 0.01 * abs(exact["seeds"][0]["leader_payoff"]))
    own = judged(capsys, out, *QUANTAL, "0.8")
    again = judged(capsys, out)
    assert [one["leader_payoff"] for one in own["seeds"]] == [one["leader_payoff"] for one in again["seeds"]]
    other = judged(capsys, out, *QUANTAL, "0")
    mix = np.array(other["seeds"][0]["commitment"]["actions"][0])
    assert other["seeds"][0]["leader_payoff"] == pytest.approx((mix @ payoffs[..., 0]).mean(), rel=1e-5)
    assert other["warnings"] == []  # nothing better is known


def test_a_run_against_learners_is_judged_by_quantal_ones(tmp_path, capsys):
    options = ["--search.num-updates", 2, "--search.population", 8, "--pomdp.num-rounds", 20, "--seeds", 2, "--polish", 0]
    assert run("train", "maintain", "--solver", "search", *options, "--out", tmp_path / "run") == 0
    found = judged(capsys, tmp_path / "run", *QUANTAL, "0.76")
    table = sx.make("maintain").payoff_table
    for seed in found["seeds"]:
        row = table[seed["commitment"]["actions"][0]]
        assert seed["leader_payoff"] == pytest.approx(oracle.chances(row[:, 1], 0.76) @ row[:, 0], rel=1e-5)
        assert (seed["settled"], seed["reward_play"]) == (True, "mixed")


def test_rationalities_are_swept_in_one_program(tmp_path):
    """Every configuration has the rationality that it says, and no optimum of exact followers."""
    sweep = ["--sweep.followers.rationality", "0", "0.3", "--followers.kind", "quantal", "--seeds", 1, "--polish", 0]
    search = ["--solver", "search", "--search.num-updates", 2, "--search.population", 8]
    assert run("sweep", "maintain", *sweep, *search, "--out", tmp_path / "sweep") == 0
    table = sx.make("maintain").payoff_table
    best = [max(oracle.chances(row[:, 1], rate) @ row[:, 0] for row in table) for rate in (0.0, 0.3)]
    content = json.loads((tmp_path / "sweep" / "result.json").read_text(encoding="utf-8"))
    np.testing.assert_allclose([one["leader_payoff"] for one in content["configurations"]], best, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["allocation", "--followers.kind", "suqr"], "suqr followers need weights"),
        (["allocation", "--followers.kind", "suqr", "--followers.weights", "1", "2"], "must be three numbers"),
        (["allocation", "--followers.kind", "suqr", "--followers.weights", "-1", "2", "3"], "'allocation' has no coverage"),
        (["posted-price-pi", *QUANTAL, "1"], "quantal followers answer one at a time, but there are 2 here"),
        (["allocation", *QUANTAL, "-1"], "rationality -1.0 must be a finite number of at least 0"),
        (["allocation", *QUANTAL, "1", "--pomdp.ties", "against"], "have no ties to break; use learned"),
    ],
)
def test_mistakes_at_the_command_line_are_one_line(tmp_path, capsys, arguments, message):
    assert run("train", *arguments, "--out", tmp_path / "run") == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


class Claiming(Guards):
    """Claims to know the optimum against a quantal follower: what it is given, or else a bound."""

    def optimum_against(self, rule, **options):
        assert (rule, options) == ("quantal", {"rationality": 0.5})
        return self.claim


def test_a_games_own_optimum_against_a_quantal_follower_is_checked():
    game = Claiming(4, 2, 1)
    problem = problem_of(game, sx.followers.quantal(0.5))
    coverage = np.array([[0.5, 0.5, 0.5, 0.5]], np.float32)
    attacker, defender = game.payoffs_at(coverage[0])
    worth = oracle.leader_payoff([1.0], oracle.answer(attacker, 0.5), defender)
    game.claim = Optimum(worth, "lp", coverage)
    assert claims.verified(problem, problem.optimum()).method == "lp"
    game.claim = Optimum(worth + 1.0, "lp", coverage)  # not attained: no more than a bound
    assert claims.verified(problem, problem.optimum()).method == "upper-bound"
    game.claim = Optimum(worth - 1.0, "lp", coverage)
    with pytest.raises(claims.WrongOptimumError, match="one of the two is wrong"):
        claims.verified(problem, problem.optimum())


def test_yardsticks_are_for_exact_followers():
    settings = {name: section() for name, section in FAMILY.sections.items()}
    game = sx.make("allocation")
    game.yardsticks = lambda: {"with luck": 2.0}
    assert FAMILY.build(game, settings).yardsticks() == {"with luck": 2.0}
    quantal = {**settings, "followers": sx.followers.FollowersConfig("quantal")}
    assert FAMILY.build(game, quantal).yardsticks() == {}


@pytest.mark.long
@pytest.mark.parametrize(
    ("rationality", "instance", "best"),  # of specifications, to 3e-4
    [(0.25, 0, -1.355245), (0.76, 1, -0.34979), (2.0, 0, 0.558403), (2.0, 1, 2.080315)],
)
def test_ten_guarded_targets_by_gradient(rationality, instance, best):
    followers = sx.followers.FollowersConfig("quantal", rationality=rationality)
    found = sx.train(Guards(10, 3, 1, instance), seeds=4, progress=False, solver="gradient", followers=followers)
    payoffs = [float(seed.certificate.leader_payoff) for seed in found.seeds]
    assert min(payoffs) > best - 1e-3
    assert max(payoffs) < best + 5e-4
