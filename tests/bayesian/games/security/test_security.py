"""Security games: payoffs by the formulas, the game as programmes see it, training from a file to pages."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.bayesian.equilibrium.optimum import attaining, solve
from stackjax.bayesian.games.security.game import SecurityGame
from stackjax.bayesian.games.security.quantal_optimum import quantal_optimum
from stackjax.bayesian.games.security.robustness import ATTACKERS, earned
from stackjax.bayesian.games.security.tables import random_security
from stackjax.bayesian.problem import BayesianProblem
from stackjax.cli import main
from stackjax.solvers.direct import direct
from tests.small_security import MUSEUM


def expected(tables, coverage, target, kind):
    """Of an attack, to the defender and the attacker."""
    return [coverage[target] * side[0, kind, target] + (1 - coverage[target]) * side[1, kind, target] for side in tables]


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), has_schedules=st.booleans())
def test_payoffs_are_those_of_the_formulas(seed, has_schedules):
    rng = np.random.default_rng(seed)
    tables = random_security(5, 2, 3, seed)
    if has_schedules:
        tables = tables._replace(schedules=tuple(tuple(rng.choice(5, 2, replace=False).tolist()) for _ in range(4)))
    game = SecurityGame(tables)
    made = np.asarray(game.leader_actions.from_uniform(jnp.asarray(rng.random(game.leader_actions.num_uniforms), jnp.float32)))
    coverage = made.astype(np.float64)
    if has_schedules:  # by hand: a target is covered where one of the two schedules that are taken holds it
        coverage = np.zeros(5)
        for chance, taken in zip(made, tables.choices, strict=True):
            for target in {target for k in taken for target in tables.schedules[k]}:
                coverage[target] += chance
    target, kind = int(rng.integers(5)), int(rng.integers(3))
    found = game.outcome_payoffs(jnp.array([kind]), jnp.array([target]), jnp.asarray(made))
    np.testing.assert_allclose(found, expected((tables.defender, tables.attacker), coverage, target, kind), atol=1e-4)
    seen = np.asarray(game.features(jnp.asarray(made)))[kind, target]
    caught, free = tables.attacker[:, kind, target]
    np.testing.assert_allclose(seen, [coverage[target], free, caught], rtol=1e-5, atol=1e-6)
    linear, exact = game.linear(), made.astype(np.float64)
    pair = [table[kind, target] for table in (linear.leader_payoffs(exact), linear.follower_payoffs(exact))]
    np.testing.assert_allclose(pair, expected((tables.defender, tables.attacker), coverage, target, kind), atol=1e-6)


def test_one_guard_more_is_worth_what_two_optima_differ_by(tmp_path, capsys):
    (tmp_path / "museum.json").write_text(json.dumps({"security": MUSEUM}), encoding="utf-8")
    values = []
    for guards in (1, 2):
        assert main(["solve", str(tmp_path / "museum.json"), "--game.guards", str(guards), "--json"]) == 0
        values.append(json.loads(capsys.readouterr().out))
    assert values[0]["one_more_guard"] == pytest.approx(values[1]["value"] - values[0]["value"], abs=1e-9)
    assert "one_more_guard" not in values[1]  # a third guard would leave nothing to choose
    assert main(["solve", str(tmp_path / "museum.json"), "--game.guards", "3"]) == 0
    assert "guards=3 cover every target" in capsys.readouterr().err
    assert main(["solve", str(tmp_path / "museum.json"), "--game.guards", "0"]) == 2
    assert "--game.guards 0 must be a whole number of at least 1" in capsys.readouterr().err


def test_the_commitment_of_an_optimum_pays_it_without_ties():
    game = SecurityGame(random_security(8, 2, 2, 0))
    found = solve(game)
    made = attaining(game, found)[0]
    assert game.linear().value(made, "weak") >= found.value - 1e-5 * 20
    assert found.value == pytest.approx(-0.795268385, abs=1e-6)


@pytest.fixture(scope="module")
def museum(tmp_path_factory):
    directory = tmp_path_factory.mktemp("museum")
    (directory / "museum.json").write_text(json.dumps({"security": MUSEUM}), encoding="utf-8")
    run = ["train", str(directory / "museum.json"), "--seeds", "2", "--direct.num-updates", "20", "--out"]
    assert main([*run, str(directory / "run")]) == 0
    return directory / "run"


def test_a_file_is_trained_to_its_optimum_and_told(museum):
    result = json.loads((museum / "result.json").read_text(encoding="utf-8"))
    optimum = result["seeds"][0]["optimum"]
    for seed in result["seeds"]:
        assert seed["leader_payoff"] == pytest.approx(optimum, abs=1e-3)
        assert seed["mechanism"][0].startswith("guarded with chance vault 0.")
        assert sum(line.startswith("with chance") for line in seed["mechanism"]) <= len(MUSEUM["targets"]) + 1
        assert seed["pictures"][0]["title"].startswith("Coverage of targets")
        bars = {path["label"]: path["steps"][0]["size"] for path in seed["pictures"][0]["paths"]}
        assert set(bars) == set(MUSEUM["targets"])
        assert sum(bars.values()) == pytest.approx(1.0, abs=1e-4)
        other = next(picture for picture in seed["pictures"] if picture["title"].startswith("What strategies earn"))
        assert other["rows"] == ["this commitment", "found against perfect attackers", "the same everywhere"]
        assert float(other["texts"][0][1]) == pytest.approx(seed["worst_payoff"], abs=1e-3)
        assert seed["worst_payoff"] >= optimum - 1e-3
    assert "Coverage of targets" in (museum / "report.html").read_text(encoding="utf-8")
    config = json.loads((museum / "config.json").read_text(encoding="utf-8"))
    assert config["security"]["targets"] == MUSEUM["targets"]
    assert config["followers"] == {"kind": "best-response"}


def test_a_run_needs_its_file_no_more_and_meets_attackers_who_err(museum, capsys):
    (museum.parent / "museum.json").rename(museum.parent / "gone.json")
    assert main(["evaluate", str(museum)]) == 0
    capsys.readouterr()
    arguments = ["evaluate", str(museum), "--followers.kind", "quantal", "--followers.rationality", "0.5", "--json"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    seed = json.loads((museum / "result.json").read_text(encoding="utf-8"))["seeds"][0]
    coverage = np.array(seed["commitment"]["actions"][0])
    paid = 0.0
    for kind, chance in enumerate(MUSEUM["prior"]):
        owner, other = (
            [coverage * np.array(MUSEUM[side]["covered"]) + (1 - coverage) * np.array(MUSEUM[side]["uncovered"][kind])][0]
            for side in ("defender", "attacker")
        )
        shares = np.exp(0.5 * (other - other.max()))
        paid += chance * (shares @ owner) / shares.sum()
    assert found["seeds"][0]["leader_payoff"] == pytest.approx(paid, abs=1e-5)
    (museum.parent / "gone.json").rename(museum.parent / "museum.json")


@pytest.mark.parametrize("kinds", [1, 2])
def test_what_strategies_earn_is_what_brute_force_says(kinds):
    tables, x = random_security(5, 2, kinds, 3), np.array([0.3, 0.6, 0.1, 0.7, 0.3])
    game = SecurityGame(tables)
    owner, other = (x * side[0] + (1 - x) * side[1] for side in (tables.defender, tables.attacker))
    by_hand = [tables.prior @ owner[np.arange(kinds), other.argmax(axis=1)]] * 2
    for rationality in (2.0, 0.76, 0.25, 0.0):
        weights = np.exp(rationality * other)
        by_hand.append(tables.prior @ ((weights * owner).sum(axis=1) / weights.sum(axis=1)))
    np.testing.assert_allclose(earned(game.linear(), x), by_hand, rtol=1e-9)
    assert len(by_hand) == len(ATTACKERS)
    found = {name: earned(game.linear(), made) for name, made in game.compared.items()}
    best = [max(row[k] for row in found.values()) for k in range(len(ATTACKERS))]
    assert best[0] == pytest.approx(found["found against perfect attackers"][0])
    if kinds == 1:  # each is the best of all against what it is for
        for k, rationality in enumerate(("2", "0.76", "0.25")):
            assert best[2 + k] == pytest.approx(found[f"best against quantal, rationality {rationality}"][2 + k])


def test_traced_payoffs_are_solved_side_by_side():
    """Of a batch of instances each is climbed as if it were alone."""
    instances = [random_security(4, 1, 1, seed) for seed in range(3)]
    ranges = ((-10.0, 10.0), (-10.0, 10.0))

    def climbed(defender, attacker):
        game = SecurityGame(instances[0]._replace(defender=defender, attacker=attacker), ranges)
        env = sx.StackelbergPOMDP(game, sx.followers.best_response())
        problem = BayesianProblem(env)
        solver = direct(problem, sx.DirectConfig(num_updates=15, population=32, starts=1))
        state = jax.lax.fori_loop(0, 15, lambda _, state: solver.update(state)[0], solver.init(jax.random.key(0)))
        return solver.commitment(state)[0]

    made = jax.jit(jax.vmap(climbed))(
        jnp.asarray(np.stack([one.defender for one in instances]), jnp.float32),
        jnp.asarray(np.stack([one.attacker for one in instances]), jnp.float32),
    )
    for coverage, tables in zip(np.asarray(made, np.float64), instances, strict=True):
        game = SecurityGame(tables)
        assert game.linear().value(coverage, "weak") >= solve(game).value - 0.05


def test_other_followers_and_other_words():
    game = sx.security_game(
        defender=([1, 2], [-1, -2]), attacker=([-1, -1], [1, 2]), guards=1, schedules=[["target 0"], ["target 1"]]
    )
    assert game.leader_actions == sx.Simplex(2, ("target 0", "target 1"))
    assert game.explain(None, np.array([[0.25, 0.75]]), []) == [
        "guarded with chance target 1 0.750, target 0 0.250",
        "with chance 0.750: target 1",
        "with chance 0.250: target 0",
    ]


def test_solving_against_an_attacker_who_errs(capsys):
    """The closed form with its coverage; what is not known is told, with what would look for it."""
    game = ["security", "--game.targets", "6", "--game.guards", "2"]
    errs = ["--followers.kind", "quantal", "--followers.rationality", "0.5"]
    assert main(["solve", *game, "--game.types", "1", *errs]) == 0
    said = capsys.readouterr().out
    tables = random_security(6, 2, 1, 0)
    best = quantal_optimum(tables.defender[:, 0], tables.attacker[:, 0], 2, 0.5)
    assert float(said.split()[1]) == pytest.approx(best.value, abs=1e-6)
    assert "(closed-form)" in said
    assert "guarded with chance" in said
    assert "quantal, rationality 0.5" in said
    assert main(["solve", *game, *errs]) == 1
    said = capsys.readouterr().err
    assert "no exact optimum against quantal, rationality 0.5 is known" in said
    assert f"stackjax train {' '.join([*game, *errs])} --out DIR" in said
    assert main(["solve", *game, "--followers.kind", "suqr"]) == 2
    assert "weights" in capsys.readouterr().err
