"""The methods that problems bring for themselves, as solvers: the same as the functions, judged as every commitment is."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.errors import InputError
from stackjax.markov import ContractGame, PrincipalAgentMDP, learn_contracts, random_tree
from stackjax.markov.contracts.game import contracts
from stackjax.markov.contracts.learned import contract_learner, judge_contracts
from stackjax.markov.contracts.process import tree_successor
from stackjax.markov.followers import MarkovFollowers
from stackjax.markov.problem import MarkovProblem
from stackjax.menus import FittedConfig, Sale, SolveConfig, sale_value, solve_backward, solve_fitted
from stackjax.menus.sales.backward import backward
from stackjax.menus.sales.fitted import fitted
from stackjax.menus.sales.game import SequentialSaleGame
from stackjax.menus.sales.problem import SaleProblem, sequential_sale
from stackjax.registry import registered_games
from stackjax.solvers.own import own
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import find_game
from tests.oracles.sales import unit_demand_optimum
from tests.runs.commands import result_of, run
from tests.siblings import first

EXACT = MarkovFollowers("exact")
CHANCES = np.array([[0.9, 0.1], [0.1, 0.9]])


def made_by(solver, key, num_updates):
    """The commitment after so many updates, one by one as a run makes them; and the metrics of the last."""
    update = jax.jit(solver.update)
    state, metrics = jax.jit(solver.init)(key), None
    for _ in range(num_updates):
        state, metrics = update(state)
    return jax.jit(solver.commitment)(state), metrics


def equilibrium_value(seed, depth):
    """By backward induction in plain Python, from the closed form of two actions and two outcomes."""
    costs, gains, chances, successor = random_tree(seed, depth)
    principal, agent = np.zeros(len(costs) + 1), np.zeros(len(costs) + 1)
    spread = chances[1, 1] - chances[0, 1]
    for s in reversed(range(len(costs))):
        own = costs[s] + chances @ agent[successor[s]]
        paid = np.maximum(own[::-1] - own, 0.0) / spread * np.diag(chances)
        worth = chances @ (gains[s] + principal[successor[s]]) - paid
        best = int(worth.argmax())
        principal[s], agent[s] = worth[best], own[best] + paid[best]
    return principal[0]


def test_the_solver_of_contracts_is_the_function():
    game, key, count = contracts(depth=3, tree_seed=1), jax.random.key(5), 40
    solver = own(MarkovProblem(game, EXACT), sx.OwnConfig(num_updates=count))
    made, metrics = made_by(solver, key, count)
    found = learn_contracts(key, game.process, num_updates=count)
    np.testing.assert_allclose(made[:-1], np.minimum(found.payments, 2.0), atol=1e-6)
    assert (made[-1] == 0).all()  # at the end nothing is paid
    assert metrics["episodes"] == 1024
    assert metrics["decisions"] == 3 * 1024
    assert solver.num_updates == count


def test_the_return_of_a_batch_is_what_the_principal_earned():
    """One state, and effort that is sure: every episode earns the gain less the payment that makes up for the cost."""
    process = PrincipalAgentMDP(np.array([[0.0, -0.25]]), np.array([[0.0, 1.0]]), np.eye(2), np.array([[1, 1]]))
    learner = contract_learner(process, 100, 64, 0.0)
    _, metrics = made_by(learner.solver(lambda found: found.payments), jax.random.key(0), 99)
    assert metrics["exploration"] == 0.25
    shares = [(64 - idle) * (1.0 - 0.25) for idle in range(64)]  # those who were told to stay idle earn nothing
    assert np.abs(np.array(shares) - float(metrics["total_return"])).min() < 1e-3


@pytest.mark.parametrize("seed", first(1, range(10)))
def test_contracts_learned_by_the_command_come_near_the_equilibrium(seed):
    """Judged by the game's own dynamic programming, and by a pass in NumPy; a twentieth of the default's batches."""
    game = contracts(depth=3, tree_seed=seed)
    problem = MarkovProblem(game, EXACT)
    solver = own(problem, sx.OwnConfig(num_updates=300))
    made, _ = made_by(solver, jax.random.key(seed), 300)
    known = equilibrium_value(seed, 3)
    judged = problem.judge(jax.random.key(0), made, 1)
    learned = learn_contracts(jax.random.key(seed), game.process, num_updates=300)
    assert float(judged.payoff) == pytest.approx(judge_contracts(learned, game.process).principal, abs=1e-4)
    assert float(judged.payoff) >= 0.95 * known
    assert problem.yardsticks() == {"for a principal who chooses afresh in every state": pytest.approx(known, abs=1e-6)}


@pytest.mark.long
@pytest.mark.parametrize("seed", [5, 11])
def test_a_run_of_contracts_with_its_defaults_gets_98_of_100_of_the_equilibrium(seed):
    """On ten seeds; the first of the trees pays 0.42 alone, of which a nudge for trees of ten levels costs 4 in 100."""
    trained = sx.train("contracts", tree_seed=seed, solver="own", progress=False)
    known = equilibrium_value(seed, 3)
    payoffs = np.array([one.certificate.leader_payoff for one in trained.seeds])
    assert (payoffs >= 0.98 * known).all()
    assert (payoffs <= trained.best.optimum + 1e-5).all()


@pytest.mark.long
def test_the_payments_of_the_equilibrium_are_worth_what_it_says():
    """To the game's own dynamic programming, where payments fit the box; and the best commitment is no less."""
    for seed in range(4):
        game = contracts(depth=3, tree_seed=seed)
        payments = np.concatenate([game.equilibrium.payments, np.zeros((1, 2))])
        with jax.enable_x64(True):
            judged = MarkovProblem(game, EXACT).judge(jax.random.key(0), jnp.asarray(payments), 1)
        assert float(judged.payoff) == pytest.approx(equilibrium_value(seed, 3), abs=1e-6)
        assert game.solve().value >= equilibrium_value(seed, 3) - 1e-6


def test_solve_tells_the_equilibrium_beside_the_optimum_and_alone_where_that_is_too_large(capsys):
    assert run("solve", "contracts", "--game.tree-seed", 2, "--game.depth", 2, "--json") == 0
    both = json.loads(capsys.readouterr().out)
    known, told = equilibrium_value(2, 2), both["subgame_perfect"]
    assert told["value"] == pytest.approx(known, abs=1e-9)
    assert told["judged"]["principal"] == pytest.approx(known, abs=1e-6)
    assert told["alternate"]["value"] == pytest.approx(known, abs=1e-9)
    assert told["alternate"]["converged"]
    assert (both["method"], both["value"] >= known - 1e-9) == ("lp", True)
    assert run("solve", "contracts", "--game.depth", 4, "--json") == 0
    alone = json.loads(capsys.readouterr().out)
    assert (alone["method"], alone["value"]) == ("subgame-perfect", pytest.approx(equilibrium_value(0, 4), abs=1e-9))
    assert "contracts in 15 states are too many to solve" in alone["reason"]
    assert run("solve", "contracts", "--game.depth", 4) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "(subgame-perfect), no optimum: contracts in 15 states" in lines[0]
    assert lines[-1] == "a leader who commits to all of it may be paid more"


def test_a_process_that_leads_back_or_is_cut_short_has_no_equilibrium_of_its_own():
    tree = random_tree(0, 2)
    loop = tree._replace(successor=np.zeros_like(tree.successor))
    for game, said in (
        (ContractGame(loop, horizon=2), "successor must lead from each of the 3 states to a later one"),
        (ContractGame(tree, horizon=1), "horizon=1 must be at least 2, the steps of the longest episode"),
    ):
        assert (game.equilibrium, game.beside(), game.yardsticks()) == (None, None, {})
        with pytest.raises(InputError, match=said):
            own(MarkovProblem(game, EXACT), sx.OwnConfig())


def test_an_equilibrium_that_pays_more_than_the_game_may_is_told():
    dear = PrincipalAgentMDP(np.tile([0.0, -0.8], (3, 1)), np.tile([0.0, 14 / 9], (3, 1)), CHANCES, tree_successor(2))
    assert ContractGame(dear, 2, max_payment=0.5).beside().words[-1] == "  it pays up to 1, and the game no more than 0.5"
    assert "no more than" not in ContractGame(dear, 2).beside().words[-1]


@pytest.mark.parametrize(
    ("bidders", "items", "law", "menu"),
    first(1, [(3, 2, "uniform", "size"), (1, 2, "asymmetric", "bundle"), (2, 2, "complements", "size")]),
)
def test_the_solver_of_sales_is_solve_backward(bidders, items, law, menu):
    game, key, steps = sequential_sale(bidders, items, law, menu), jax.random.key(3), 4
    config = SolveConfig(num_steps=steps, batch=256, value_batches=4)
    problem, method = SaleProblem(game), backward(game, config)
    table = solve_backward(game.sale, key, config, menu=menu).prices
    stepped, _ = made_by(method.solver(lambda prices: prices), key, method.num_updates)
    assert method.num_updates == (bidders + 2) * steps
    np.testing.assert_allclose(stepped, table, atol=1e-6)
    same = backward(game, config, method.num_updates)  # as many updates, asked for by their number
    np.testing.assert_allclose(same.run(key), table, atol=1e-6)
    solver = own(problem, sx.OwnConfig(num_updates=method.num_updates))
    commitment = solver.commitment(jax.jit(solver.init)(key))  # before the first step: 0.7 of the mean values
    assert commitment.shape == (bidders * game.num_states, game.num_options)
    assert np.isfinite(commitment).all()
    assert float(commitment[-1, -1]) > 0


@pytest.mark.parametrize("updates", [5, 7, 11])
def test_updates_that_do_not_divide_go_to_the_last_bidder(updates):
    game = sequential_sale(3, 1)
    assert backward(game, SolveConfig(), updates).num_updates == updates


def test_the_solver_of_sales_is_solve_fitted():
    sale, key = Sale(2, 2, "asymmetric"), jax.random.key(1)
    small = FittedConfig(num_iterations=2, hidden_sizes=(16,), critic_steps=20, actor_steps=5, return_steps=5, episodes=64)
    method = fitted(SequentialSaleGame(sale, "bundle"), small)
    stepped, metrics = made_by(method.solver(lambda prices: prices), key, 2)
    np.testing.assert_allclose(stepped, solve_fitted(sale, key, small).prices, atol=1e-5)
    assert metrics["episodes"] == 64
    assert -2.0 <= metrics["total_return"] / 64 < 1.5  # a price is above -1 at first; both items are worth 3/2 at most


@pytest.mark.long
def test_sales_are_priced_by_the_command(tmp_path, capsys):
    """Unit demand, whose optimum is known and whose revenue is exact; a run goes on from its checkpoint."""
    place = tmp_path / "run"
    small = ["--game.bidders", "3", "--game.items", "2", "--game.valuations", "unit-demand", "--seeds", "2"]
    assert run("train", "sequential-sale", *small, "--own.num-updates", "400", "--out", place) == 0
    best, result = unit_demand_optimum(3, 2), result_of(place)
    assert result["updates"]["asked"] == 400
    for entry in result["seeds"]:
        assert best - 0.01 <= entry["leader_payoff"] <= best + 1e-6
    assert run("evaluate", place) == 0
    assert [one["leader_payoff"] for one in result_of(place)["seeds"]] == [one["leader_payoff"] for one in result["seeds"]]
    config = json.loads((place / "config.json").read_text(encoding="utf-8"))
    assert config["own"] == {"num_updates": 400, "method": "default"}


@pytest.mark.long
def test_solve_tells_what_prices_found_backwards_earn(capsys):
    """No more than all values, and no less than items sold one by one, but for the interval."""
    assert run("solve", "sequential-sale", "--game.bidders", 2, "--game.items", 2, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    apart = 2 * ((1 + 0.25) / 2) ** 2
    assert told["method"] == "backward"
    assert apart < told["value"] - told["half_width"] < told["value"] < 1.0
    assert "is not known" in told["reason"]
    table = solve_backward(Sale(2, 2), jax.random.key(9))
    other = sale_value(Sale(2, 2), table, jax.random.key(10))
    assert abs(other.value - told["value"]) <= 2e-3 + other.half_width + told["half_width"]
    assert run("solve", "sequential-sale", "--game.bidders", 50, "--game.items", 50) == 1
    assert "is not known; for unit demand and for one item it is" in capsys.readouterr().err


@pytest.mark.long
def test_the_games_that_bring_a_method_are_those_that_are_named():
    config = sx.OwnConfig()
    specs = {entry.name: RunSpec(find_game(entry.name), {}, {}, config) for entry in registered_games() if entry.is_ours}
    made = {name: spec.family.build(spec.source.build({}), spec.settings) for name, spec in specs.items()}  # none is prepared
    with_own = [name for name, problem in made.items() if problem.own(config) is not None]
    assert sorted(with_own) == ["coin-game", "contracts", "sequential-sale"]
    with pytest.raises(InputError, match=r"as contracts, coin-game and sequential-sale do; 'maintain' brings none"):
        own(made["maintain"], config)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["maintain", "--solver", "own"], "--solver 'own' needs a problem that brings a method of its own"),
        (["contracts", "--own.num-updates", "0"], "--own.num-updates 0 must be a whole number of at least 1"),
        (["contracts", "--own.method", "turns"], "--own.method turns must be default: contracts have one method"),
        (["sequential-sale", "--own.method", "turns"], "--own.method turns must be one of default, backward, fitted"),
        (["sequential-sale", "--own.method", "fitted"], "--own.method 'fitted' prices every bundle by itself: use --game.menu"),
        (["sequential-sale", "--own.num-updates", "6"], "--own.num-updates 6 must be at least 7, two more than there are"),
    ],
)
def test_mistakes_are_one_line(arguments, said, tmp_path, capsys):
    assert run("train", *arguments, "--out", tmp_path / "run") == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert said in errors[0]


def test_settings_are_checked_in_python():
    with pytest.raises(InputError, match="num_updates=2147483648 must be below"):
        sx.OwnConfig(num_updates=2**31)
    with pytest.raises(InputError, match="method=3 must be a word"):
        sx.OwnConfig(method=3)
