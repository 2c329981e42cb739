"""An optimum is a claim: it stands if its own commitment pays it, else it is a bound, and nothing may lie above a bound."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax import registry
from stackjax.bayesian.family import POMDPConfig
from stackjax.claims import WrongOptimumError, checked, distance, refutation, verified
from stackjax.problem import Optimum
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import GivenGame, find_game, resolve_options
from tests.runs.commands import run
from tests.siblings import first

SMALL = {"search": sx.SearchConfig(4, 16), "seeds": 1, "polish": 0, "progress": False, "pomdp": POMDPConfig(num_rounds=50)}
ALL = [entry.name for entry in registry.registered_games() if entry.is_ours]
COPIES = {"copies", "allocations", "threats", "maintains"}  # what is best for one is best for all unless followers mix
GROUPS = {"commons", "escape-room", "taxed-duopoly", "coin-game", "patches"}  # what all together could earn the leader
NOT_ATTAINED = {"posted-price-uniform", "sequential-prices", "market-maker", "affine-auction", *GROUPS, *COPIES}  # bounds
UNKNOWN = {"sequential-sale"}


def problem_of(game, **options):
    source = find_game(game) if isinstance(game, str) else GivenGame.of(game)
    return RunSpec(source, resolve_options(source, options), {}, sx.SearchConfig()).build_problem()


def rows(optimum):
    """The leader's best row is worth 3 against a best answer; the game claims ``optimum``."""
    game = sx.matrix_game([[[3.0, 1.0], [0.0, 0.0]], [[1.0, 0.0], [2.0, 1.0]]], name="rows")
    claiming = type("Claiming", (type(game),), {"optimum": lambda self: optimum})
    game.__class__ = claiming
    return game


@pytest.mark.parametrize("name", first(3, ["maintain-randomized", "iterated", "menu-additive", *ALL]))
def test_what_the_library_claims_is_attained_by_its_own_commitment(name):
    problem = problem_of(name)
    found = verified(problem, problem.optimum())
    if name in UNKNOWN:
        assert found is None
    else:
        assert (found.method == "upper-bound") == (name in NOT_ATTAINED)


PI = [
    {"num_messages": m, "epsilon": e, "buy_when_indifferent": b} for m in (1, 2, 3) for e in (0.2, 0.45) for b in (False, True)
]
OTHERS = [
    *(("posted-price-pi", options) for options in PI),
    *(("posted-price-uniform", {"num_messages": 1, "num_types": n, "num_agents": a}) for n, a in ((3, 2), (4, 2), (3, 3))),
    *(("allocation", {"num_messages": m}) for m in (1, 2, 5)),
    *(("menu-additive", {"items": m}) for m in (1, 3, 4)),
    ("menu-additive", {"low": (4.0,), "high": (16.0, 7.0)}),
    ("market-maker", {"goods": 1, "belief": 0.3}),
    ("affine-auction", {"bidders": 3, "items": 1}),
    ("sequential-sale", {"bidders": 3, "items": 4, "valuations": "unit-demand"}),
    ("bertrand-platform", {"num_prices": 3, "num_sellers": 3}),
]


@pytest.mark.long
@pytest.mark.parametrize(("name", "options"), OTHERS)
def test_closed_forms_are_attained_with_other_options_too(name, options):
    problem = problem_of(name, **options)
    claimed = problem.optimum()
    assert verified(problem, claimed) == claimed


@pytest.mark.parametrize("seed", first(1, range(1, 9)))
@pytest.mark.parametrize("randomized", [False, True])
def test_optima_of_random_matrix_games_are_attained(seed, randomized):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(4, 3, 2)) if seed % 2 else rng.integers(0, 4, (4, 3, 2)).astype(float)
    problem = problem_of(sx.matrix_game(table, randomized=randomized, name="random"))
    claimed = problem.optimum()
    found = verified(problem, claimed)
    if seed % 2:
        assert found == claimed
    else:  # whole numbers tie: what learning followers make of ties may be less than the best, and is never more
        assert found.value == claimed.value


def test_a_claim_that_is_too_low_is_an_error_that_names_both_before_anything_is_trained(tmp_path):
    too_low = rows(Optimum(2.0, "closed-form", [0]))
    with pytest.raises(sx.InputError, match=r"said to be 2 \(closed-form\), but it is 3"):
        sx.solve(too_low)
    table = np.array([[[3.0, 1.0, 0.0]] * 2, [[1.0, 1.0, 1.0]] * 2])[
        :, :, None
    ]  # of two followers without a choice that matters
    two = sx.matrix_game(np.repeat(table, 2, axis=2), name="two")
    two.__class__ = type("Claiming", (type(two),), {"optimum": lambda self: Optimum(2.0, "closed-form", [0])})
    with pytest.raises(WrongOptimumError, match=r"at most 2 \(closed-form\), but a commitment pays 3"):
        sx.train(two, out=tmp_path / "run", **SMALL)
    assert not (tmp_path / "run").exists()


def test_a_payoff_above_a_bound_is_an_error_and_loses_nothing(tmp_path):
    table = np.repeat(np.array([[[3.0, 1.0, 0.0]] * 2, [[1.0, 1.0, 1.0]] * 2])[:, :, None], 2, axis=2)
    game = sx.matrix_game(table, name="two")
    game.__class__ = type("Claiming", (type(game),), {"optimum": lambda self: Optimum(2.0, "upper-bound")})
    with pytest.raises(WrongOptimumError, match=r"at most 2 \(upper-bound\), but a commitment pays 3.*run"):
        sx.train(game, out=tmp_path / "run", **SMALL)
    (seed,) = json.loads((tmp_path / "run/result.json").read_text(encoding="utf-8"))["seeds"]
    assert seed["leader_payoff"] == pytest.approx(3.0)
    assert (seed["optimum"], seed["optimality_gap"]) == (2.0, None)  # never a negative distance
    assert (tmp_path / "run/report.html").is_file()


@pytest.mark.parametrize("name", first(1, ["another row", "no commitment", "its own"]))
def test_a_claim_that_is_not_attained_is_called_a_bound(name):
    optimum = {
        "another row": Optimum(7.0, "closed-form", [1]),
        "no commitment": Optimum(7.0, "closed-form"),
        "its own": Optimum(7.0, "lp", [0]),
    }[name]
    table = np.repeat(np.array([[[3.0, 1.0, 0.0]] * 2, [[1.0, 1.0, 1.0]] * 2])[:, :, None], 2, axis=2)
    game = sx.matrix_game(table, name="two")
    game.__class__ = type("Claiming", (type(game),), {"optimum": lambda self: optimum})
    (seed,) = sx.train(game, **SMALL).result["seeds"]
    assert (seed["optimum"], seed["optimum_method"]) == (7.0, "upper-bound")
    assert seed["optimality_gap"] == pytest.approx(4.0)


def test_a_commitment_of_another_shape_is_refused():
    problem = problem_of("maintain")
    with pytest.raises(sx.InputError, match=r"has a commitment of shape \(2,\), but it must be \(1,\)"):
        verified(problem, Optimum(20.0, "lp", [0, 1]))


@pytest.mark.filterwarnings("ignore:invalid value encountered in cast")
@pytest.mark.parametrize(
    ("name", "options", "commitment", "words"),
    [
        ("contracts", {"depth": 2}, np.full((4, 2), -5.0), "holds -5.0, but every leader action must be 2 numbers"),
        ("contracts", {"depth": 2}, np.full((4, 2), 6.25), "holds 6.25, but every leader action must be 2 numbers"),
        ("maintain", {}, [7], "holds 7, but every leader action must be a whole number from 0 to 2"),
        ("maintain", {}, [1.9], "holds 1.9, but"),
        ("maintain", {}, [float("nan")], "holds nan, but"),
    ],
)
def test_a_commitment_that_a_leader_cannot_make_is_refused(name, options, commitment, words):
    with pytest.raises(sx.InputError, match=words):
        verified(problem_of(name, **options), Optimum(1.0, "closed-form", commitment))


def test_a_payoff_that_is_no_number_attains_nothing():
    assert checked(Plain(), Optimum(5.0, "lp", [0]), {"leader_payoff": float("nan"), "gap": 0.0}).method == "upper-bound"
    assert checked(Plain(), Optimum(5.0, "lp", [0]), {"leader_payoff": 5.0, "gap": float("nan")}).method == "upper-bound"


@pytest.mark.long
def test_a_sweep_whose_claim_is_wrong_keeps_its_results(tmp_path):
    file = tmp_path / "game.py"
    file.write_text(
        "import numpy as np\nimport stackjax as sx\n"
        "table = np.repeat(np.array([[[3.0, 1.0, 0.0]] * 2, [[1.0, 1.0, 1.0]] * 2])[:, :, None], 2, axis=2)\n"
        "class Claiming(sx.MatrixGame if hasattr(sx, 'MatrixGame') else type(sx.make('maintain'))):\n"
        "    def optimum(self):\n        return sx.Optimum(2.0, 'closed-form', [0])\n"
        "sx.register('two', lambda: Claiming('two', table))\n",
        encoding="utf-8",
    )
    settings = ["--search.num-updates", 2, "--search.population", 8, "--seeds", 1, "--polish", 0]
    out = tmp_path / "sweep"
    try:
        assert run("sweep", file, *settings, "--sweep.followers.step-size", 0.1, 0.2, "--out", out) == 2
    finally:
        registry.forget(["two"])
    rows = json.loads((out / "result.json").read_text(encoding="utf-8"))["configurations"]
    assert [row["leader_payoff"] for row in rows] == pytest.approx([3.0, 3.0])


@dataclasses.dataclass(frozen=True)
class Plain:
    """What `claims` asks of a problem."""

    name: str = "plain"
    payoff_range: tuple[float, float] = (0.0, 10.0)
    settled_gap: float = 0.1
    tie_tolerance: float = 1e-3
    gap_name: str = "gap"


def test_what_is_near_the_optimum_is_at_it_and_rounding_is_no_negative_distance():
    optimum, words = Optimum(5.0, "lp", [0]), lambda payoff, gap=0.0, **more: {"leader_payoff": payoff, "gap": gap, **more}
    assert [distance(Plain(), optimum, words(5.0 + off)) for off in (-1e-7, 1e-7, 5e-5, -5e-5)] == [0.0] * 4
    assert distance(Plain(), optimum, words(4.5)) == pytest.approx(0.5)
    assert distance(Plain(), optimum, words(6.0)) is None
    assert distance(Plain(), optimum, words(4.9, half_width=0.2)) == 0.0
    assert distance(Plain(), None, words(4.9)) is None


def test_only_followers_who_answer_exactly_refute_a_bound():
    optimum, words = Optimum(5.0, "upper-bound"), lambda payoff, gap=0.0, **more: {"leader_payoff": payoff, "gap": gap, **more}
    assert "at most 5 (upper-bound), but a commitment pays 6" in refutation(Plain(), optimum, [words(1.0), words(6.0)])
    assert refutation(Plain(), optimum, [words(6.0, gap=0.05)]) is None  # settled, and yet an answer that costs a little
    assert refutation(Plain(), optimum, [words(5.00001)]) is None
    assert refutation(Plain(), optimum, [words(5.2, half_width=0.1)]) is None
    assert refutation(Plain(), optimum, [words(5.4, half_width=0.1)]) is not None
    assert checked(Plain(), Optimum(5.0, "lp", [0]), words(5.0, gap=0.2)).method == "upper-bound"  # not settled


def test_followers_who_err_are_no_error():
    """Q-learning followers may pay more than exact ones: that is said, and neither an error nor a negative distance."""
    problem = problem_of("iterated", matrix="chicken")
    claimed = verified(problem, problem.optimum())
    words = {"leader_payoff": claimed.value + 1.0, "exploitability": 0.1}
    assert distance(problem, claimed, words) is None
    assert refutation(problem, claimed, [words]) is None


@pytest.mark.long
def test_linear_programmes_of_a_large_game_wait_until_training_is_over(monkeypatch, tmp_path):
    rng, asked = np.random.default_rng(0), []
    game = sx.matrix_game(rng.random((31, 31, 2)), randomized=True, name="large")
    problem = problem_of(game)
    assert problem.optimum_takes_long
    kind = type(problem)
    real = kind.optimum
    monkeypatch.setattr(kind, "optimum", lambda self: asked.append((tmp_path / "run/metrics.jsonl").is_file()) or real(self))
    found = sx.train(game, out=tmp_path / "run", **{**SMALL, "search": sx.SearchConfig(2, 16)})
    assert asked == [True]
    assert found.best.optimum is not None
    with pytest.raises(ArithmeticError, match="took longer than 0 s"):
        sx.solve(game, seconds=0.0)
    assert not problem_of(sx.matrix_game(rng.random((8, 8, 2)), randomized=True)).optimum_takes_long


@pytest.mark.long
def test_judged_again_and_evaluated_again_the_claim_is_the_same(tmp_path):
    game = ["train", "maintain", "--search.num-updates", 2, "--search.population", 8, "--seeds", 1, "--out", tmp_path / "run"]
    assert run(*game) == 0
    of = lambda: json.loads((tmp_path / "run/result.json").read_text(encoding="utf-8"))["seeds"][0]
    before = of()
    assert before["optimum_method"] == "closed-form"
    assert run("evaluate", tmp_path / "run") == 0
    assert of() == before


def test_judging_is_by_the_followers_of_the_run():
    """At an exact tie the follower's first action is not the leader's favourite: the optimum is no more than a bound."""
    tied = sx.matrix_game([[[0.0, 1.0], [5.0, 1.0]], [[1.0, 1.0], [1.0, 0.0]]], name="tied")
    problem = problem_of(tied)
    claimed = problem.optimum()
    assert (claimed.value, claimed.method) == (5.0, "enumeration")
    judged = jax.jit(lambda made: problem.judge(jax.random.key(0), made, 8).payoff)(jnp.asarray(claimed.commitment))
    found = verified(problem, claimed)
    assert (found.method == "enumeration") == (float(judged) == 5.0)


FAMILIES = [
    ("maintain-randomized", {}),
    ("menu-additive", {}),
    ("maintain", {}),
    ("matrix-design", {}),
    ("allocation", {"num_messages": 2}),
    ("posted-price-pi", {}),
    ("posted-price-uniform", {"num_messages": 1}),
    ("bertrand-platform", {"num_prices": 3}),
    ("iterated", {}),
    ("iterated", {"matrix": "chicken", "horizon": None, "discount": 0.9}),
    ("contracts", {"depth": 2}),
    ("tariffs", {}),
    ("menu-unit-demand", {}),
    ("market-maker", {}),
    ("data-market", {}),
    ("sequential-sale", {"valuations": "unit-demand", "bidders": 3, "items": 3}),
    ("affine-auction", {"items": 1}),
    ("affine-auction", {}),
]


@pytest.mark.parametrize(("name", "options"), first(2, FAMILIES))
def test_nothing_that_is_judged_lies_above_the_optimum(name, options):
    """200 random commitments of every family, against followers who answer exactly; then those that answer are asked."""
    problem = problem_of(name, **options)
    claimed = problem.optimum()
    made = problem.commitments.draw(jax.random.key(1), 200)
    judged = jax.device_get(jax.jit(lambda made: jax.lax.map(lambda one: problem.judge(jax.random.key(2), one, 2), made))(made))
    words = [
        {"leader_payoff": float(payoff), problem.gap_name: float(gap), "half_width": half_width}
        for payoff, gap, half_width in zip(
            judged.payoff, judged.gap, np.asarray(getattr(judged.details, "half_width", np.zeros(200))), strict=True
        )
    ]
    assert refutation(problem, claimed, words) is None
    low, high = problem.payoff_range
    assert all(low - 1e-4 * (high - low) <= one["leader_payoff"] <= high + 1e-4 * (high - low) for one in words)
