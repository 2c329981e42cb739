"""Menu auctions through the command line: trained, refined, exported with a proof that a checker apart accepts, or refused."""

import json
import pathlib
import sys

import numpy as np
import pytest

import stackjax as sx
from stackjax.errors import InputError
from stackjax.menus import PricedMenus, average_play, compatibility, export_proof, load_auction, play
from tests.runs.commands import result_of, run

EXPERIMENTS = pathlib.Path(__file__).parents[2] / "experiments"
ONE = ("train", "menu-auction", "--game.items", "1", "--prices.num-auctions", "512", "--gradient.num-updates", "300")


@pytest.fixture(scope="module")
def check():
    sys.path.insert(0, str(EXPERIMENTS))
    try:
        from check_auction import check
    finally:
        sys.path.remove(str(EXPERIMENTS))
    return check


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    place = tmp_path_factory.mktemp("auctions") / "one"
    assert run(*ONE, "--prices.cells", "4", "--seeds", "2", "--out", place) == 0
    return place


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    place = tmp_path_factory.mktemp("auctions") / "two"
    quick = ("--prices.num-auctions", "1024", "--gradient.num-updates", "400", "--gradient.learning-rate", "0.005")
    assert run("train", "menu-auction", "--prices.cells", "3", *quick, "--seeds", "1", "--out", place) == 0
    return place


def test_one_item_is_sold_as_myerson_does(one):
    for seed in result_of(one)["seeds"]:
        assert seed["settled"]
        assert seed["is_auction"]
        assert (seed["excess"], seed["over_allocation"], seed["regret"]) == (0.0, 0.0, 0.0)
        assert 0.416666 <= seed["by_quadrature"] <= 5 / 12 + 1e-12
        assert abs(seed["leader_payoff"] - 5 / 12) < 3 * seed["half_width"] + 1e-5
        assert seed["optimum_method"] == "closed-form"
        assert float(seed["mechanism"][1].split()[-1]) == pytest.approx(0.5, abs=0.01)


@pytest.mark.long
def test_evaluating_again_says_the_same(one):
    before = [seed["by_quadrature"] for seed in result_of(one)["seeds"]]
    for command in ("evaluate", "report"):
        assert run(command, one) == 0
    assert [seed["by_quadrature"] for seed in result_of(one)["seeds"]] == before
    assert run("export", one, one.parent / "one.json") == 0
    assert np.shape(json.loads((one.parent / "one.json").read_text(encoding="utf-8"))["actions"]) == (5, 1)


@pytest.mark.long
def test_two_items_are_learned_and_proved(two, check):
    (seed,) = result_of(two)["seeds"]
    assert seed["is_auction"]
    assert 5 / 6 < seed["by_quadrature"] < seed["optimum"]
    auction = load_auction(two)
    assert compatibility(auction).worst == 0.0
    assert compatibility(PricedMenus(auction.menus.apart, auction.units)).holds
    average = average_play(auction, 15)
    assert average.over_allocation == 0.0
    assert abs(average.revenue - seed["by_quadrature"]) < 3 * average.half_width + 1e-5
    export_proof(auction, two.parent / "two.npz")
    assert check(two.parent / "two.npz") == 9 * 36**2 * 7
    kinds = [picture["kind"] for picture in seed["pictures"]]
    assert kinds == ["cells"] * 3 + ["regions"] * 3


@pytest.mark.long
def test_the_checker_refuses_a_price_that_is_lower(two, check, tmp_path):
    """At 20 places where lower prices are not compatible; where they are, they never give an item twice."""
    auction = load_auction(two)
    export_proof(auction, tmp_path / "proof.npz")
    content, rng = dict(np.load(tmp_path / "proof.npz")), np.random.default_rng(0)
    step, (first, second) = round(1e-3 / float(auction.menus.unit)), auction.units
    values = rng.uniform(0.0, 1.0, (20_000, 2, 2))
    refused = slack = 0
    for v, k in rng.permutation([(v, k) for v in range(len(first)) for k in (1, 2, 3)]):
        lower = first.copy()
        lower[v, k] -= step
        other = PricedMenus(auction.menus.apart, (lower, second))
        if compatibility(other).holds:
            slack += 1
            assert play(other, values).allocations.sum(axis=1).max() <= 1.0
            continue
        np.savez(tmp_path / "lower.npz", **{**content, "prices_1": lower})
        with pytest.raises(ValueError, match="a sum is above 0"):
            check(tmp_path / "lower.npz")
        refused += 1
        if refused >= 20 and slack:
            break
    assert refused >= 20
    assert slack


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("weights_0", lambda weights: -weights, "weights of at least 0"),
        ("weights_0", lambda weights: 0 * weights, "not all 0"),
        ("chosen_1", lambda chosen: chosen + 100_000, "weights that there are"),
        ("conflicts", lambda conflicts: conflicts[::-1][:2], "every two options in conflict"),
        ("prices_1", lambda prices: prices + 1, "nothing is free"),
        ("prices_2", lambda prices: prices / 2, "whole"),
        ("vertices_1", lambda vertices: vertices * 2, "a sum is above 0|simplices"),
        ("simplices_2", lambda simplices: np.roll(simplices, 1, axis=1)[:-1], "simplices that fill the box"),
        ("shares", lambda shares: shares * 2, "options give shares"),
    ],
)
def test_the_checker_refuses_a_file_that_was_changed(two, check, tmp_path, name, change, said):
    export_proof(load_auction(two), tmp_path / "proof.npz")
    content = dict(np.load(tmp_path / "proof.npz"))
    np.savez(tmp_path / "changed.npz", **{**content, name: change(content[name])})
    with pytest.raises(ValueError, match=said):
        check(tmp_path / "changed.npz")


@pytest.mark.long
def test_a_finer_mesh_begins_where_a_run_ended(one):
    fine = one.parent / "fine"
    command = ("--prices.cells", "8", "--prices.start", one, "--gradient.num-updates", "1", "--seeds", "1")
    assert run(*ONE[:-2], *command, "--out", fine) == 0
    (seed,) = result_of(fine)["seeds"]
    assert seed["is_auction"]
    assert seed["by_quadrature"] >= max(entry["by_quadrature"] for entry in result_of(one)["seeds"]) - 1e-6
    config = json.loads((fine / "config.json").read_text(encoding="utf-8"))
    assert config["prices"]["cells"] == 8
    (one / "result.json").rename(one / "kept")  # evaluating reads what the run kept of it
    try:
        assert run("evaluate", fine) == 0
    finally:
        (one / "kept").rename(one / "result.json")


@pytest.mark.long
def test_menus_that_are_no_auction_are_shown_as_none(tmp_path, capsys):
    command = (*ONE[:-1], "2", "--polish", "0", "--seeds", "1")
    assert run(*command, "--out", tmp_path / "run") == 0
    (seed,) = result_of(tmp_path / "run")["seeds"]
    assert not seed["is_auction"]
    assert not seed["settled"]
    assert seed["leader_payoff"] < 0.0
    assert seed["excess"] > 0.0
    assert "not an auction" in seed["mechanism"][0]
    assert "Not settled" in capsys.readouterr().out
    with pytest.raises(InputError, match="no proof to write"):
        export_proof(load_auction(tmp_path / "run"), tmp_path / "proof.npz")


@pytest.mark.long
def test_the_bound_is_told(capsys):
    assert run("solve", "menu-auction") == 0
    said = capsys.readouterr().out
    assert "0.8816" in said
    assert "no strategy-proof auction earns more" in said
    assert run("solve", "menu-auction", "--game.items", "1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["value"] == pytest.approx(5 / 12)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--game.items", "4"), "items 4 must be at most 3"),
        (("--game.high", "1", "2", "3"), "--game.high (1.0, 2.0, 3.0) must be one number, or one for each of 2 bidders"),
        (("--game.low", "1"), "high=(1.0,) must be above low=(1.0,)"),
        (("--game.low", "-1"), "--game.low -1.0 must be at least 0"),
        (("--game.high", "0.1234567"), "too many digits"),
        (("--prices.cells", "25"), "cells 25 must be at most 24 for 2 items"),
        (("--prices.levels", "0"), "levels 0 must"),
        (("--prices.num-auctions", "1"), "num-auctions 1 must"),
        (("--prices.start", "nowhere"), "cannot be read"),
    ],
)
def test_mistakes_are_one_line(given, said, tmp_path, capsys):
    assert run("train", "menu-auction", *given, "--out", tmp_path / "no") == 2
    assert said in capsys.readouterr().err


def test_a_run_to_begin_with_must_fit(one, tmp_path, capsys):
    def told(*given):
        assert run("train", "menu-auction", *given, "--out", tmp_path / "no") == 2
        return capsys.readouterr().err

    assert "is a run of MenuAuction(items=1" in told("--prices.start", str(one))
    assert "cells 6 must be a multiple of 4" in told("--game.items", "1", "--prices.cells", "6", "--prices.start", str(one))
    assert "levels 2 must be 1" in told("--game.items", "1", "--prices.levels", "2", "--prices.start", str(one))
    copy = tmp_path / "copy"
    copy.mkdir()
    result = result_of(one)
    (copy / "config.json").write_text((one / "config.json").read_text(encoding="utf-8"), encoding="utf-8")
    for damage, said in (
        (lambda: [seed["commitment"]["actions"].pop() for seed in result["seeds"]], "prices of shape (4, 1)"),
        (lambda: [seed.pop("is_auction") for seed in result["seeds"]], "KeyError: 'is_auction'"),
    ):
        damage()
        (copy / "result.json").write_text(json.dumps(result), encoding="utf-8")
        with pytest.raises(InputError, match=r"must be a finished run of 'menu-auction'") as error:
            load_auction(copy)
        assert said in str(error.value)
    with pytest.raises(InputError, match=r"must end in \.npz"):
        export_proof(load_auction(one), tmp_path / "proof.json")
    with pytest.raises(InputError, match=r"values have shape \(2, 2\), but it must be \[B, 2, 1\]"):
        play(load_auction(one), np.zeros((2, 2)))
    with pytest.raises(InputError, match="values must be from"):
        play(load_auction(one), np.full((1, 2, 1), 1.5))


@pytest.mark.long
def test_other_auctions_run_from_python():
    for options in ({"items": 1, "high": (1.0, 2.0)}, {"low": (0.1,), "high": (0.7,), "unit_demand": True}):
        prices = sx.menus.PriceConfig(cells=1, num_auctions=256)
        found = sx.train("menu-auction", seeds=1, prices=prices, gradient=sx.GradientConfig(num_updates=50), **options)
        entry = found.result["seeds"][0]
        assert entry["is_auction"]
        assert 0.0 < entry["by_quadrature"] < entry["optimum"]


@pytest.mark.long
def test_ten_seeds_end_near_the_best_that_is_known(tmp_path):
    assert run("train", "menu-auction", "--out", tmp_path / "gem") == 0
    earned = [seed["by_quadrature"] for seed in result_of(tmp_path / "gem")["seeds"]]
    assert len(earned) == 10
    assert all(seed["is_auction"] for seed in result_of(tmp_path / "gem")["seeds"])
    assert max(earned) >= 0.8760
    assert min(earned) >= 0.8755
    command = ("--prices.cells", "12", "--prices.start", tmp_path / "gem", "--gradient.num-updates", "1", "--seeds", "1")
    assert run("train", "menu-auction", *command, "--out", tmp_path / "fine") == 0
    assert result_of(tmp_path / "fine")["seeds"][0]["by_quadrature"] >= 0.8764
    export_proof(load_auction(tmp_path / "fine"), tmp_path / "fine.npz")


@pytest.mark.long
def test_the_page_prints_the_bounds(capsys):
    text = (EXPERIMENTS.parent / "docs/auctions.md").read_text(encoding="utf-8")
    block = next(part.split("```")[0] for part in text.split("```python\n") if "flux_bound" in part.split("```")[0])
    exec(block, {})
    said = [line.rsplit(": ", 1)[1] for line in block.splitlines() if line.startswith("print")]
    assert capsys.readouterr().out.split() == said
