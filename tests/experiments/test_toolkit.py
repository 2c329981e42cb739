"""What experiments share: intervals, curves, the claims table; and a small experiment from end to end."""

import importlib
import json
import pathlib
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx

EXPERIMENTS = pathlib.Path(__file__).parents[2] / "experiments"


@pytest.fixture(autouse=True)
def _experiments_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(EXPERIMENTS))
    with jax.numpy_dtype_promotion("standard"):  # scripts, as a user writes them
        yield


def test_interval_is_a_trimmed_mean_and_covers_the_truth():
    from toolkit.statistics import interquartile_mean, interval

    assert interquartile_mean(np.array([100.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -100.0])) == 3.5
    samples = np.random.default_rng(0).normal(size=(400, 20))
    _, low, high = interval(samples, np.mean)
    covered = ((low <= 0) & (high >= 0)).mean()
    assert 0.85 < covered < 0.98, covered  # a percentile bootstrap of 20 covers a little less than 95 %


def test_difference_tells_apart_what_seeds_do_not_explain():
    from toolkit.statistics import difference

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, 10))
    centre, low, high = difference(a + 3, b)
    assert centre == pytest.approx((a + 3).mean() - b.mean())
    assert 0 < low < centre < high
    _, low, high = difference(a, a[::-1])
    assert low < 0 < high
    assert difference(np.ones(1), np.zeros(1)) == (1.0, -np.inf, np.inf)


def test_curves_are_by_update_and_seed():
    from toolkit.training import Run

    rows = [
        {"update": u, "seed": s, "leader_decisions": 10.0 * u, "seconds": float(u), "greedy_payoff": u + 100 * s}
        for u in (2, 1)
        for s in (0, 1)
    ]
    curve = Run({}, rows).curve("greedy_payoff")
    assert curve.decisions.tolist() == [10.0, 20.0]
    assert curve.values.tolist() == [[1.0, 101.0], [2.0, 102.0]]


def test_when_a_seed_is_good_for_good():
    from toolkit.training import Curve

    settles, relapses, late = np.ones(40), np.ones(40), np.zeros(40)
    settles[:7] = 0
    settles[20] = 0  # one relapse in thirty-three is forgiven
    relapses[30:] = 0
    late[-1] = 1  # one evaluation proves nothing
    curve = Curve(np.arange(40.0), np.arange(40.0), np.stack([settles, relapses, late], axis=1))
    assert curve.first_lasting(1.0).tolist() == [7.0, np.inf, np.inf]
    np.testing.assert_allclose(curve.late(), [1.0, 0.0, 0.1])


def test_cooperative_messages_lose_nothing_and_one_message_is_the_enumeration():
    from posted_price_scaling import best_cooperative_messages

    for num_types in (3, 4, 5):
        silent = sx.make("posted-price-uniform", num_types=num_types, num_messages=1)
        assert best_cooperative_messages(silent) == pytest.approx(sx.solve(silent).value, abs=1e-12)
        assert best_cooperative_messages(sx.make("posted-price-uniform", num_types=num_types)) == pytest.approx(0.0, abs=1e-12)


def test_fixed_display_rules_pay_what_the_market_formula_says():
    from toolkit.markets import benchmarks, fixed_rule

    game = sx.make("bertrand-platform")
    free, steered, capped = (fixed_rule(game, rule) for rule in ("none", "PDP", "cap"))
    alone = 0.05 * np.exp(0.95 / 0.25) / (1 + np.exp(0.95 / 0.25))  # asking 1.05, nobody else displayed
    assert steered[1, 0, 3] == pytest.approx(alone, rel=1e-5)
    assert steered[2, 0, 3] == 0
    assert steered[1, 0, 0] == pytest.approx(alone / 2, rel=1e-5)
    np.testing.assert_allclose(steered[1], steered[2].T, rtol=1e-6)
    np.testing.assert_allclose(capped[0, 0, 0], free[0, 0, 0])
    assert capped[1:, 1:, 1:].max() == 0
    known = benchmarks(game)  # Calvano et al. (2020), Section III: about 1.47 and 1.92
    assert known["nash_price"] == pytest.approx(1.473, abs=2e-3)
    assert known["joint_price"] == pytest.approx(1.925, abs=2e-3)


@pytest.mark.parametrize(
    ("before", "held", "prices", "displayed"),
    [
        ((1, 1), 0, (1, 1), 0),  # nothing happened
        ((1, 1), 0, (1, 0), 0),  # undercut by one step, within the advantage
        ((2, 2), 0, (2, 0), 1),  # undercut by two steps
        ((1, 1), 0, (2, 1), 1),  # raised its price above the other's
        ((1, 3), 0, (2, 3), 0),  # raised it, but stays cheaper
        ((1, 1), 1, (1, 2), 0),  # the same for the other seller
        ((3, 2), 1, (3, 2), 1),
    ],
)
def test_dynamic_prominence_is_lost_by_raising_or_by_a_large_undercut(before, held, prices, displayed):
    from toolkit.markets import dpdp

    grid = np.linspace(1.05, 1.7, 4)
    found = dpdp(0.3, jnp.asarray(grid), jnp.array(before), jnp.int32(held), jnp.array(prices))
    assert int(found) == displayed


def test_dynamic_prominence_that_nobody_loses_leaves_a_monopolist():
    """With an endless advantage one seller is displayed at a time, and in most markets always the same."""
    from toolkit.markets import settle_dynamic

    game = sx.make("bertrand-platform", num_prices=2)
    sellers = sx.followers.q_learning(0.2, discount=0.5, exploration_decay=2e-3, memory=True)
    found = settle_dynamic(game, 10.0, sellers=sellers, num_rounds=4000, num_markets=32, key=jax.random.key(0))
    alone = np.asarray(game.market(jnp.array([1, 1]), jnp.array([1.0, 0.0])))
    # Displayed alone at either price; never both, never nobody.
    at_low = np.asarray(game.market(jnp.array([0, 0]), jnp.array([1.0, 0.0])))
    assert ((found.surplus > min(alone[0], at_low[0]) - 1e-5) & (found.surplus < max(alone[0], at_low[0]) + 1e-5)).all()
    assert (found.profits.min(axis=1) < 1e-6).mean() > 0.5


def test_random_search_finds_the_best_row_of_three():
    from random_commitments import CHUNK, best_random

    payoff, gap = jax.jit(lambda key: best_random(sx.StackelbergPOMDP(sx.make("maintain")), key, CHUNK))(jax.random.key(0))
    assert (float(payoff), float(gap)) == (20.0, 0.0)


def test_the_table_goes_between_the_markers(tmp_path):
    from reproduce import END, EXPERIMENTS, START, write_table

    claim = {"figure": "Fig. 1", "claim": "c", "measured": "1", "holds": True, "why": "", "seeds": 10}
    for name in EXPERIMENTS:
        (tmp_path / f"{name}.json").write_text(json.dumps({"claims": [claim], "wall_seconds": 1.0}), encoding="utf-8")
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{START}\nold\n{END}\nafter\n", encoding="utf-8")
    write_table(readme, tmp_path)
    text = readme.read_text(encoding="utf-8")
    assert text.startswith(f"before\n{START}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
    assert text.count("Fig. 1") == len(EXPERIMENTS)
    readme.write_text("no markers", encoding="utf-8")
    with pytest.raises(sx.InputError, match="once each"):
        write_table(readme, tmp_path)
    assert readme.read_text(encoding="utf-8") == "no markers"


def test_every_experiment_is_there():
    from reproduce import EXPERIMENTS

    for name in EXPERIMENTS:
        assert callable(importlib.import_module(name).main)


def test_claims_table_holds_every_claim(tmp_path):
    from toolkit.results import claims_table

    claims = [
        {"figure": "Fig. 1", "claim": "a | b", "measured": "1 [1, 1]", "holds": True, "why": "", "seeds": 10},
        {"figure": "Fig. 2", "claim": "c", "measured": "2", "holds": False, "why": "because", "seeds": 25},
    ]
    (tmp_path / "one.json").write_text(json.dumps({"claims": claims, "wall_seconds": 12.3}), encoding="utf-8")
    table = claims_table(tmp_path, ["one"])
    assert table.count("\n") == 4
    assert "a \\| b" in table
    assert "**no** | because | 25" in table


@pytest.mark.long
def test_an_experiment_runs_alone_and_a_finished_run_is_not_trained_again(tmp_path):
    def run(*arguments):
        command = [sys.executable, str(EXPERIMENTS / "value_loss.py"), "--quick", "--out", str(tmp_path / "out")]
        return subprocess.run(
            [*command, "--runs", str(tmp_path / "runs"), *arguments], capture_output=True, text=True, timeout=600, check=False
        )

    first = run()
    assert first.returncode == 0, first.stderr
    result = json.loads((tmp_path / "out" / "value_loss.json").read_text(encoding="utf-8"))
    assert len(result["data"]["ratio"]) == 2
    assert (tmp_path / "out" / "value_loss.png").read_bytes().startswith(b"\x89PNG")
    (tmp_path / "runs" / "matrix-design-none" / "result.json").unlink()  # as if killed near its end
    again = run()
    assert "2 seeds" in first.stdout
    assert "matrix-design-weights: 2 seeds" not in again.stdout
    assert "matrix-design-none: 2 seeds" in again.stdout
    assert json.loads((tmp_path / "out" / "value_loss.json").read_text(encoding="utf-8"))["data"] == result["data"]
    wrong = run("--seeds", "0")
    assert wrong.returncode == 2
    assert wrong.stderr.strip() == "error: seeds=0 must be at least 1"
