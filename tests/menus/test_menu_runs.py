"""Menus through the command line: train, evaluate, report, export, sweep, resume, and a user's mistakes."""

import json

import pytest

from tests.runs.commands import result_of, run

OPTIMUM = (12 + 2 * 2**0.5) / 27
QUICK = ["--gradient.num-updates", "60", "--menu.num-types", "256", "--seeds", "2"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    place = tmp_path_factory.mktemp("menus") / "run"
    assert run("train", "menu-additive", *QUICK, "--out", place) == 0
    return place


def test_menus_go_through_the_command_line(trained, tmp_path):
    seeds = result_of(trained)["seeds"]
    for entry in seeds:
        assert entry["leader_payoff"] == pytest.approx(OPTIMUM, rel=5e-4)
        assert entry["optimum_method"] == "closed-form"
        assert entry["learned"]["leader_payoff"] <= entry["leader_payoff"] + 1e-6
        assert any("1 item 1, 1 item 2: 0.86" in line for line in entry["mechanism"])
    assert json.loads((trained / "config.json").read_text(encoding="utf-8"))["menu"]["num_options"] == 32
    page = (trained / "report.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 1 + 4  # the menu, and curves
    assert len(seeds[0]["pictures"][0]["polygons"]) == 4  # nothing, either item, both
    for command in (["evaluate", trained], ["report", trained], ["export", trained, tmp_path / "menu.json"]):
        assert run(*command) == 0
    assert [entry["leader_payoff"] for entry in result_of(trained)["seeds"]] == [entry["leader_payoff"] for entry in seeds]


@pytest.mark.long
def test_other_solvers_take_menus_too(tmp_path):
    small = ["--direct.num-updates", "3", "--direct.population", "16", "--polish", "400", "--seeds", "1"]
    assert run("train", "menu-triangle", *small, "--out", tmp_path / "run") == 0
    assert result_of(tmp_path / "run")["seeds"][0]["leader_payoff"] == pytest.approx(2 / 27**0.5, rel=5e-4)


@pytest.mark.long
def test_a_sweep_over_learning_rates_is_one_program(tmp_path, capsys):
    assert (
        run("sweep", "menu-triangle", "--sweep.gradient.learning-rate", "0.001", "0.004", *QUICK, "--out", tmp_path / "s") == 0
    )
    assert "0.004" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["menu-additive", "--game.low", "2", "--game.high", "1"], "must be below"),
        (["menu-additive", "--game.low", "1", "2", "3"], "one for each of 2 items"),
        (["menu-additive", "--game.items", "0"], "--game.items 0"),
        (["market-maker", "--game.belief", "1.5"], "between 0 and 1"),
        (["menu-triangle", "--menu.num-types", "3"], "--menu.num-types 3"),
        (["menu-triangle", "--gradient.learning-rate", "-1"], "--gradient.learning-rate -1"),
        (["bertrand-platform", "--solver", "gradient"], "needs a payoff that is differentiable"),
    ],
)
def test_mistakes_are_one_line(arguments, said, tmp_path, capsys):
    assert run("train", *arguments, "--out", tmp_path / "run") == 2
    assert said in capsys.readouterr().err


def test_the_bound_is_said_where_no_optimum_is_known(capsys):
    assert run("solve", "market-maker", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["method"] == "upper-bound"
    assert 0.2746 < found["value"] < 0.2756
    assert run("solve", "data-market", "--game.law", "mixture") == 1
