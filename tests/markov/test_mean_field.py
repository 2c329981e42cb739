"""Continua of followers: the market with tariffs against its oracle, its exact figures, its bounds, and its runs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.errors import InputError
from stackjax.markov.followers import MeanFieldFollowers
from stackjax.markov.mean_field.answers import equilibrium, outcome_of
from stackjax.markov.mean_field.game import MeanFieldGame
from stackjax.markov.mean_field.problem import MeanFieldProblem, solve_mean_field
from stackjax.markov.mean_field.tariffs import TariffGame
from stackjax.spaces import Discrete
from tests.oracles.mean_field import Market, equilibrium_of_paths, softmax_by_recursion
from tests.runs.commands import result_of, run
from tests.siblings import first

ALPHAS = (1.0, 3.0, 10.0, 30.0, 100.0)


@pytest.fixture(scope="module")
def random_tariffs():
    tariffs = np.random.default_rng(0).random((12, 4, 1)).astype(np.float32)
    tariffs[0] = 0.0
    return tariffs


@pytest.fixture(scope="module")
def judged(random_tariffs):
    """Certificates of random tariffs under softmax followers of every temperature: ``[5, 12, ...]``, in one program."""
    game = TariffGame(1.0, levels=None)

    def one(temperature, tariff):
        return MeanFieldProblem(game, MeanFieldFollowers("softmax", temperature=temperature)).judge(None, tariff, 1).details

    every = jax.jit(jax.vmap(jax.vmap(one, (None, 0)), (0, None)))
    found = every(1.0 / jnp.array(ALPHAS), jnp.asarray(random_tariffs))
    return jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), found)


def test_the_equilibrium_is_that_of_all_paths(random_tariffs, judged):
    game = TariffGame(1.0, levels=None)
    found = jax.jit(jax.vmap(lambda made: outcome_of(game, own := game.own_costs(made), equilibrium(game, own, 1e-5))))
    fields = np.asarray(found(jnp.asarray(random_tariffs)).field)
    for i in range(len(random_tariffs)):
        market = Market(random_tariffs[i, :, 0])
        mix = equilibrium_of_paths(market)
        np.testing.assert_allclose(fields[i], market.field(mix), atol=2e-4)
        assert judged.equilibrium_payoff[0, i] == pytest.approx(market.payoff(mix, 1.0), abs=1e-4)


def test_softmax_followers_are_those_of_the_recursion(judged, random_tariffs):
    for a, i in ((1, 0), (2, 3), (4, 5)):
        market = Market(random_tariffs[i, :, 0])
        mix = softmax_by_recursion(market, ALPHAS[a])
        field = market.field(mix)
        np.testing.assert_allclose(judged.field[a, i], field, atol=1e-4 + judged.fixed_point_error[a, i])
        assert judged.leader_payoff[a, i] == pytest.approx(market.payoff(mix, 1.0), abs=5e-4)
        gap = mix @ market.costs(field) - market.costs(field).min()
        assert judged.exploitability[a, i] == pytest.approx(gap, abs=3e-4)


def test_both_bounds_hold_at_every_temperature(judged):
    """And are those of theory: T W((A - 1) / e) / alpha, and the followers' mean loss."""
    np.testing.assert_allclose(judged.exploitability_bound[:, 0], [1.8519, 0.6173, 0.18519, 0.06173, 0.018519], rtol=1e-3)
    assert (judged.exploitability <= judged.exploitability_bound).all()
    assert (judged.fixed_point_error < 1e-3).all()
    assert (judged.field_error <= judged.field_error_bound + 1e-6).all()
    np.testing.assert_allclose(judged.field_error_bound, 0.5 * judged.exploitability, atol=1e-5)  # half of all can choose
    assert (judged.exploitability > 0.05 * judged.exploitability_bound).any()  # they say something
    none = judged.exploitability[:, 0], judged.field_error[:, 0]  # no tariff: known figures
    np.testing.assert_allclose(none[0], [1.111, 0.338, 0.0376, 0.0079, 0.0019], rtol=0.02)
    np.testing.assert_allclose(none[1], [0.171, 0.047, 0.0099, 0.0023, 0.0003], rtol=0.06)


@pytest.mark.parametrize(
    ("equity", "value", "none", "best"),
    first(1, [(1.0, -3.914375, -3.9477083, [0, 0, 0, 2]), (0.0, -1.456875, -1.456875, [0, 0, 0, 0])]),
)
def test_the_best_tariffs_are_known(equity, value, none, best):
    """Without equity no tariff is best, which is a theorem: the equilibrium has the least social cost."""
    game = TariffGame(equity)
    found = solve_mean_field(game)
    assert found.value == pytest.approx(value, abs=1e-6)
    assert found.commitment.tolist() == best
    assert found.exploitability < 1e-6
    worth = MeanFieldProblem(game, MeanFieldFollowers()).worth(None, jnp.zeros((1, 4), jnp.int32))
    assert float(worth.payoff[0]) == pytest.approx(none, abs=1e-5)


@pytest.mark.long
def test_the_leader_learns_the_tariff(tmp_path, capsys):
    small = ["--seeds", 2, "--polish", 0, "--search.num-updates", 40, "--search.population", 64]
    out = tmp_path / "run"
    assert run("train", "tariffs", *small, "--out", out) == 0
    assert "night: tariff 0.5" in capsys.readouterr().out
    result = result_of(out)
    for seed in result["seeds"]:
        assert seed["commitment"]["actions"] == [0, 0, 0, 2]
        assert seed["leader_payoff"] == pytest.approx(-3.914375, abs=1e-5)
        assert (seed["optimum_method"], seed["settled"]) == ("enumeration", True)
    assert run("evaluate", out) == 0
    assert result_of(out) == result


@pytest.mark.long
def test_a_sweep_over_equity_is_one_program_with_an_optimum_each(tmp_path):
    axes, small = ["--sweep.game.equity", 0.0, 2.0], ["--seeds", 1, "--search.num-updates", 2, "--search.population", 32]
    assert run("sweep", "tariffs", *small, *axes, "--out", tmp_path / "sweep") == 0
    found = [row["optimum"] for row in result_of(tmp_path / "sweep")["configurations"]]
    assert found == pytest.approx([-1.456875, -6.371875], abs=1e-6)
    assert len(list((tmp_path / "sweep/chunks").iterdir())) == 1


class Roads(MeanFieldGame):
    """Two roads, one of them with a toll, at a morning and an evening; drivers start anywhere and may stay at home."""

    def __init__(self):
        self.name, self.leader_actions = "roads", Discrete(3)
        self.shares, self.initial = np.array([0.3, 0.7]), np.array([0, 1])
        rng = np.random.default_rng(5)
        self.transition = rng.dirichlet(np.ones(3), (3, 2))
        self.allowed = np.ones((2, 2, 3, 2), bool)
        self.quantity = rng.random((2, 2, 3, 2))
        self.payoff_bounds = ((0.0, 2.0), (-20.0, 0.0))

    def prices(self, field):
        return field + 0.5 * field**3

    def own_costs(self, leader_actions):
        toll = leader_actions.astype(jnp.result_type(float))[None, :, None, None] * jnp.array([[[[1.0, 0.0]]]])
        return jnp.broadcast_to(toll + 0.3, self.quantity.shape)

    def leader_payoff(self, leader_actions, outcome):
        return outcome.flow[..., 0].sum() / 4.0


def test_a_game_with_chance_and_curved_prices_reaches_equilibrium_too():
    problem = MeanFieldProblem(Roads(), MeanFieldFollowers())
    judged = jax.jit(lambda made: problem.judge(None, made, 1).details)(jnp.array([1, 0], jnp.int32))
    assert float(judged.exploitability) < 1e-4
    np.testing.assert_allclose(judged.flow.sum(axis=(2, 3)), 1.0, atol=1e-5)
    alone = float(jnp.abs(problem.game.prices(judged.field)).max())
    assert alone > 0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"shares": np.array([0.5, 0.6])}, "shares="),
        ({"initial": np.array([0, 3])}, "initial="),
        ({"transition": np.ones((3, 2, 3))}, "transition must hold chances"),
        ({"allowed": np.zeros((2, 2, 3, 2), bool)}, "allowed must leave at least one action"),
        ({"quantity": np.ones((2, 2, 3))}, r"quantity has shape \(2, 2, 3\)"),
    ],
)
def test_mistakes_in_a_game_are_said(change, words):
    game = Roads()
    for name, value in change.items():
        setattr(game, name, value)
    with pytest.raises(InputError, match=words):
        game.check()


def test_mistakes_at_the_command_line_are_one_line(tmp_path, capsys):
    for arguments, words in (
        (["--game.equity", "-1"], "--game.equity -1"),
        (["--game.levels", "1"], "--game.levels 1"),
        (["--followers.kind", "exact"], "--followers.kind exact must be one of equilibrium, softmax"),
        (["--followers.temperature", "0"], "temperature"),
    ):
        assert run("train", "tariffs", *arguments, "--out", tmp_path / "run") == 2
        errors = capsys.readouterr().err.strip().splitlines()
        assert len(errors) == 1
        assert words in errors[0]
    with pytest.raises(InputError, match="num_levels"):
        sx.make("tariffs", num_levels=3)
