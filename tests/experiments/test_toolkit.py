"""What experiments share: intervals, curves, the claims table; and a small experiment from end to end."""

import json
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import stackjax as sx

EXPERIMENTS = pathlib.Path(__file__).parents[2] / "experiments"


@pytest.fixture(autouse=True)
def _experiments_on_path(monkeypatch):
    monkeypatch.syspath_prepend(str(EXPERIMENTS))


def test_interval_is_the_middle_half_and_covers_the_truth():
    from toolkit.intervals import interquartile_mean, interval

    assert interquartile_mean(np.array([100.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, -100.0])) == 3.5
    samples = np.random.default_rng(0).normal(size=(400, 20))
    _, low, high = interval(samples, np.mean)
    covered = ((low <= 0) & (high >= 0)).mean()
    assert 0.85 < covered < 0.98, covered  # a percentile bootstrap of 20 covers a little less than 95 %


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


def test_honest_messages_lose_nothing_and_one_message_is_the_enumeration():
    from posted_price_scaling import best_with_honest_messages

    for num_types in (3, 4):
        silent = sx.make("posted-price-uniform", num_types=num_types, num_messages=1)
        assert best_with_honest_messages(silent) == pytest.approx(sx.solve(silent).value, abs=1e-12)
        assert best_with_honest_messages(sx.make("posted-price-uniform", num_types=num_types)) == pytest.approx(0.0, abs=1e-12)


def test_pdp_displays_the_cheaper_seller_alone():
    from bertrand_platform import fixed_rule, one_shot_equilibrium

    game = sx.make("bertrand-platform")
    free, steered = fixed_rule(game, "none"), fixed_rule(game, "PDP")
    assert one_shot_equilibrium(free) == (2, 2)
    alone = 0.05 * np.exp(0.95 / 0.25) / (1 + np.exp(0.95 / 0.25))  # asking 1.05, nobody else displayed
    assert steered[1, 0, 3] == pytest.approx(alone, rel=1e-5)
    assert steered[2, 0, 3] == 0
    assert steered[1, 0, 0] == pytest.approx(alone / 2, rel=1e-5)
    np.testing.assert_allclose(steered[1], steered[2].T, rtol=1e-6)


def test_claims_table_holds_every_claim(tmp_path):
    from toolkit.results import claims_table

    claims = [
        {"figure": "Fig. 1", "claim": "a | b", "measured": "1 [1, 1]", "holds": True, "why": ""},
        {"figure": "Fig. 2", "claim": "c", "measured": "2", "holds": False, "why": "because"},
    ]
    (tmp_path / "one.json").write_text(json.dumps({"claims": claims, "seeds": 10, "wall_seconds": 12.3}))
    table = claims_table(tmp_path, ["one"])
    assert table.count("\n") == 4
    assert "a \\| b" in table
    assert "**no** | because" in table


@pytest.mark.slow
def test_an_experiment_runs_alone_and_a_finished_run_is_not_trained_again(tmp_path):
    def run(*arguments):
        command = [sys.executable, str(EXPERIMENTS / "value_loss.py"), "--quick", "--out", str(tmp_path / "out")]
        return subprocess.run(
            [*command, "--runs", str(tmp_path / "runs"), *arguments], capture_output=True, text=True, timeout=600, check=False
        )

    first = run()
    assert first.returncode == 0, first.stderr
    result = json.loads((tmp_path / "out" / "value_loss.json").read_text())
    assert len(result["data"]["ratio"]) == 3
    assert (tmp_path / "out" / "value_loss.png").read_bytes().startswith(b"\x89PNG")
    again = run()
    assert "3 seeds" in first.stdout
    assert "3 seeds" not in again.stdout
    assert json.loads((tmp_path / "out" / "value_loss.json").read_text())["data"] == result["data"]
    wrong = run("--seeds", "0")
    assert wrong.returncode == 2
    assert wrong.stderr.strip() == "error: seeds=0 must be at least 1"
