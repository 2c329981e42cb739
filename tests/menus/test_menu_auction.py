"""Menu auctions as a problem: what is refused, what a commitment is worth, and where a run that was kept begins again."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from stackjax.errors import InputError
from stackjax.menus import MenuAuction, MenuAuctionProblem, PriceConfig, compatibility, load_auction, play
from stackjax.menus.auctions.ascend import revenue
from stackjax.menus.auctions.started import prices_of_run
from tests.runs.commands import result_of, run

UNLIKE = MenuAuction(2, (0.0, 0.5), (1.0, 2.0))


def second_price(problem):
    """Item by item, with half of the largest value as reserve; bidders alike."""
    return np.maximum(problem.menus.scale / 2, problem.menus.meshes[0].vertices) @ problem.menus.allocations[1:].T


def kept(place, game, config, *seeds):
    """A run in ``place``: of each seed the prices, whether they are an auction, and what they earn."""
    options = {"items": game.items, "low": list(game.low), "high": list(game.high), "unit_demand": game.unit_demand}
    shown = {"game": "menu-auction", "game_options": options, "prices": {"cells": config.cells, "levels": config.levels}}
    found = [
        {"commitment": {"actions": np.asarray(prices).tolist()}, "is_auction": is_auction, "by_quadrature": earned}
        for prices, is_auction, earned in seeds
    ]
    (place / "config.json").write_text(json.dumps(shown), encoding="utf-8")
    (place / "result.json").write_text(json.dumps({"seeds": found}), encoding="utf-8")
    return str(place)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: MenuAuction(4), "items=4 must be at most 3"),
        (lambda: MenuAuction(0), "items=0"),
        (lambda: MenuAuction(2, (0.0, 0.0, 0.0)), r"low=.* must be one number, or one for each of 2 bidders"),
        (lambda: MenuAuction(2, high=()), r"high=\(\) must be one number"),
        (lambda: MenuAuction(2, (0.0, 2.0), (1.0,)), r"high=\(1.0,\) must be above low=\(0.0, 2.0\)"),
        (lambda: MenuAuction(2, (1.0,), (1.0,)), "must be above"),
        (lambda: MenuAuction(2, (-0.5,)), "low=-0.5 must be at least 0"),
        (lambda: MenuAuction(2, high=(float("nan"),)), "high=nan"),
        (lambda: MenuAuction(2, unit_demand=1), "unit_demand=1 must be True or False"),
        (lambda: PriceConfig(cells=0), "cells=0"),
        (lambda: PriceConfig(levels=0), "levels=0"),
        (lambda: PriceConfig(num_auctions=1), "num_auctions=1"),
        (lambda: MenuAuctionProblem(MenuAuction(1), PriceConfig(cells=129)).menus, "cells=129 must be at most 128 for 1 items"),
        (lambda: MenuAuctionProblem(MenuAuction(3), PriceConfig(cells=5)).menus, "cells=5 must be at most 4 for 3 items"),
        (lambda: MenuAuctionProblem(MenuAuction(1, high=(0.1234567,))).prepare(), "too many digits for 8 cells"),
    ],
)
def test_settings_are_checked(made, said):
    with pytest.raises(InputError, match=said):
        made()


def test_values_are_checked():
    problem = MenuAuctionProblem(UNLIKE, PriceConfig(cells=1))
    auction = problem.auction(np.ones((10, 3)))
    for shape in ((2, 2), (1, 2, 1), (1, 3, 2)):
        with pytest.raises(InputError, match=r"values have shape .* but it must be \[B, 2, 2\]"):
            play(auction, np.full(shape, 0.7))
    for values in ([[0.5, 0.5], [0.4, 1.0]], [[0.5, 1.1], [1.0, 1.0]], [[0.5, np.nan], [1.0, 1.0]]):
        with pytest.raises(InputError, match=r"values must be from \[0.0, 0.5\] to \[1.0, 2.0\]"):
            play(auction, np.array([values]))
    found = play(auction, np.zeros((0, 2, 2)))
    assert [part.shape for part in found] == [(0, 2), (0, 2, 2), (0, 2)]


def test_of_options_as_good_those_that_cost_most_are_taken():
    problem = MenuAuctionProblem(MenuAuction(1), PriceConfig(cells=1))
    auction = problem.auction(np.full((2, 1), 0.5))
    found = play(auction, np.array([[[0.5], [0.25]], [[0.25], [0.5]], [[0.5], [0.5]], [[0.25], [0.25]]]))
    np.testing.assert_array_equal(found.payments.sum(axis=1), [0.5, 0.5, 0.5, 0.0])
    np.testing.assert_array_equal(found.allocations.sum(axis=(1, 2)), [1.0, 1.0, 1.0, 0.0])


@pytest.mark.long
@pytest.mark.parametrize("game", [MenuAuction(2), MenuAuction(3), MenuAuction(2, high=(3.0,)), UNLIKE])
def test_an_auction_is_worth_what_its_menus_earn(game):
    """Of unlike bidders the first alone buys, at a price for each item."""
    problem = MenuAuctionProblem(game, PriceConfig(cells=2))
    if game is UNLIKE:
        made = np.full((26, 3), problem.leader_actions.high[0])
        made[:13], earned = (0.75, 0.75, 1.5), 2 * 0.75 * 0.25
    else:
        made, earned = second_price(problem), game.items * game.high[0] * 5 / 12
    auction = problem.auction(made)
    assert compatibility(auction).holds
    assert revenue(problem.menus, problem.ties, problem.ties.free(auction.prices))[0] == pytest.approx(earned, rel=1e-6)
    key, made = jax.random.key(0), jnp.asarray(made, jnp.float32)
    for seen in (problem.judge(key, made, 1), problem.score(key, made)):
        assert float(seen.gap) == 0.0
        assert abs(float(seen.payoff) - earned) < 3 * float(seen.details.half_width) + 1e-5


@pytest.mark.parametrize("game", [MenuAuction(2), MenuAuction(3), MenuAuction(2, unit_demand=True)])
def test_menus_that_both_want_are_worth_less_than_none(game):
    problem = MenuAuctionProblem(game, PriceConfig(cells=2))
    key, made = jax.random.key(0), jnp.full(problem._places.shape, 0.5 * problem.menus.scale)
    assert not compatibility(problem.auction(made)).holds
    for seen in (problem.judge(key, made, 1), problem.score(key, made)):
        assert float(seen.payoff) < problem.payoff_range[0]
        assert float(seen.gap) > problem.settled_gap


@pytest.mark.parametrize(("game", "levels"), [(MenuAuction(1, (0.1,), (0.7,)), 1), (MenuAuction(3), 1), (UNLIKE, 2)])
@pytest.mark.parametrize("cells", [1, 2])
def test_whole_units_survive_float32(game, levels, cells):
    """At any prices, up to the highest."""
    problem = MenuAuctionProblem(game, PriceConfig(cells=cells, levels=levels))
    rng, most = np.random.default_rng(0), problem.leader_actions.high[0]
    for made in (np.full(problem._places.shape, most), *rng.uniform(0, most, (3, *problem._places.shape))):
        auction = problem.auction(made)
        again = problem.commitment_of(auction)
        assert again.dtype == np.float32
        for units, wanted in zip(problem.auction(again).units, auction.units, strict=True):
            np.testing.assert_array_equal(units, wanted)


@pytest.mark.parametrize(
    ("game", "times", "levels"),
    [(MenuAuction(1), 3, 1), (MenuAuction(2), 2, 1), (UNLIKE, 2, 1), (MenuAuction(2), 2, 2), (MenuAuction(2), 1, 1)],
)
def test_a_run_that_was_kept_goes_on_with_the_same_prices(game, times, levels, tmp_path):
    """The best that are an auction, whatever those earn that are none."""
    coarse = MenuAuctionProblem(game, PriceConfig(cells=2, levels=levels))
    shape, rng = coarse._places.shape, np.random.default_rng(1)
    made = rng.uniform(0.3, 1.0, shape)
    seeds = (np.ones(shape), True, 0.3), (made, True, 0.4), (np.ones(shape), False, 0.9)
    place = kept(tmp_path, game, coarse.config, *seeds)
    problem = MenuAuctionProblem(game, PriceConfig(cells=2 * times, levels=levels, start=place)).prepare()
    np.testing.assert_array_equal(problem.differentiable.start(jax.random.key(0)), problem.started)
    sizes = [len(mesh.vertices) for mesh in coarse.menus.meshes[::-1]][: 1 if coarse.menus.alike else 2]
    finer_sizes = [len(mesh.vertices) for mesh in problem.menus.meshes[::-1]]
    tables = np.split(made, np.cumsum(sizes)[:-1])
    finer = np.split(problem.started, np.cumsum(finer_sizes[: len(sizes)])[:-1])
    for i, (table, other) in enumerate(zip(tables, finer, strict=True)):
        low, high = game.ends[1 - i]  # of the rival
        values = rng.uniform(low, high, (500, game.items))
        wanted = coarse.menus.meshes[1 - i].interpolate(table, values)
        np.testing.assert_allclose(problem.menus.meshes[1 - i].interpolate(other, values), wanted, atol=1e-6)


def test_what_was_kept_is_improved_where_training_left_no_auction(tmp_path):
    plain = MenuAuctionProblem(MenuAuction(1), PriceConfig(cells=2))
    place = kept(tmp_path, plain.game, plain.config, (second_price(plain), True, 0.41))
    problem = MenuAuctionProblem(plain.game, PriceConfig(cells=2, start=place)).prepare()
    np.testing.assert_array_equal(problem.improve(np.full((3, 1), 0.2), 0), second_price(plain))
    own = np.array([[0.6], [0.6], [1.0]])
    np.testing.assert_allclose(problem.improve(own, 0), own, atol=1e-5)
    again = MenuAuctionProblem(plain.game, problem.config).prepare({"start": own})  # of a run that keeps its own copy
    np.testing.assert_array_equal(again.prepared()["start"], own)
    assert not plain.prepared()


@pytest.mark.parametrize(
    ("game", "config", "said"),
    [
        (MenuAuction(2), PriceConfig(cells=2), r"is a run of MenuAuction\(items=1.*, which is not MenuAuction\(items=2"),
        (MenuAuction(1, high=(2.0,)), PriceConfig(cells=2), "which is not"),
        (MenuAuction(1, unit_demand=True), PriceConfig(cells=2), "which is not"),
        (MenuAuction(1), PriceConfig(cells=3), "cells=3 must be a multiple of 2, the cells of the run"),
        (MenuAuction(1), PriceConfig(cells=1), "cells=1 must be a multiple of 2"),
        (MenuAuction(1), PriceConfig(cells=2, levels=2), "levels=2 must be 1"),
    ],
)
def test_a_run_must_fit(game, config, said, tmp_path):
    place = kept(tmp_path, MenuAuction(1), PriceConfig(cells=2), (np.ones((3, 1)), True, 0.4))
    with pytest.raises(InputError, match=said):
        prices_of_run(place, game, MenuAuctionProblem(game, config).menus)


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("result.json", "}", "", "result.json cannot be read: JSONDecodeError"),
        ("config.json", '"game"', "nothing", "config.json cannot be read: JSONDecodeError"),
        ("config.json", "menu-auction", "menu", "'menu-auction'"),
        ("config.json", '"items": 1', '"items": 7', "items=7 must be at most 3"),
        ("config.json", '"items"', '"goods"', "unexpected keyword argument 'goods'"),
        ("config.json", '"low": [0.0]', '"low": [2.0]', "must be above low"),
        ("config.json", '"cells": 2', '"cells": 2.5', "cells=2.5"),
        ("config.json", '"cells": 2', '"cells": 2000', "cells=2000 must be at most 128"),
        ("config.json", '{"items"', '[1], "other": {"items"', "AttributeError"),
        ("result.json", "[[0.5], ", "[", r"it holds prices of shape \(2, 1\)"),
        ("result.json", "[0.5]", "[0.5, 0.5]", "ValueError"),
        ("result.json", "0.5", "NaN", "must be finite"),
        ("result.json", "0.5", "1e999", "must be finite"),
        ("result.json", "0.5", "1" + "0" * 400, "OverflowError"),
        ("result.json", "0.5", '"much"', "ValueError"),
        ("result.json", '"actions"', '"prices"', "KeyError: 'actions'"),
        ("result.json", '"is_auction"', '"is"', "KeyError: 'is_auction'"),
        ("result.json", '{"seeds": [', '{"seeds": [], "others": [', "ValueError"),
        ("result.json", '{"seeds"', '[1, {"seeds"', "cannot be read"),
    ],
)
def test_what_is_damaged_is_told(name, old, new, said, tmp_path):
    menus = MenuAuctionProblem(MenuAuction(1), PriceConfig(cells=2)).menus
    place = kept(tmp_path, MenuAuction(1), PriceConfig(cells=2), ([[0.5], [0.5], [1.0]], True, 0.4))
    np.testing.assert_array_equal(prices_of_run(place, MenuAuction(1), menus), [[0.5], [0.5], [1.0]])
    text = (tmp_path / name).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=said):
        prices_of_run(place, MenuAuction(1), menus)


def test_a_run_must_be_there(tmp_path):
    with pytest.raises(InputError, match=r"config\.json cannot be read: FileNotFoundError.*name the directory of a run"):
        prices_of_run(str(tmp_path / "nowhere"), MenuAuction(1), MenuAuctionProblem(MenuAuction(1)).menus)


@pytest.mark.long
def test_a_bound_that_fails_costs_no_run(monkeypatch, tmp_path, capsys):
    def failing(*given, **options):
        raise ArithmeticError("the bound was not found: time")

    monkeypatch.setattr("stackjax.menus.auctions.menu_auction.flux_bound", failing)
    command = ("train", "menu-auction", "--prices.cells", "1", "--prices.num-auctions", "64", "--gradient.num-updates", "5")
    assert run(*command, "--seeds", "1", "--out", tmp_path / "run") == 0
    result = result_of(tmp_path / "run")
    assert result["seeds"][0]["is_auction"]
    assert result["seeds"][0]["optimum"] is None
    assert "the bound was not found" in result["why_unknown"]
    assert run("solve", "menu-auction") == 1
    assert "the optimum of 'menu-auction' is not known" in capsys.readouterr().err


def test_a_run_that_is_not_there_is_called_as_it_was_given(tmp_path):
    with pytest.raises(InputError, match=r"directory: .*config.json cannot be read"):
        load_auction(tmp_path)
    with pytest.raises(InputError, match=r"start: .*config.json cannot be read"):
        MenuAuctionProblem(MenuAuction(), PriceConfig(start=str(tmp_path))).prepare()
