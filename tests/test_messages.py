"""What is said of wrong arguments, function by function: the messages that no other test meets."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.equilibrium.optimum import solve
from stackjax.bayesian.followers.config import MultiplicativeWeights
from stackjax.bayesian.games.copies import Copies
from stackjax.bayesian.games.sequential_prices import SequentialPrices
from stackjax.bayesian.pomdp.environment import StackelbergPOMDP
from stackjax.bayesian.pomdp.tree import decision_tree
from stackjax.compute.devices import choose_layout
from stackjax.compute.startup import Processes, join
from stackjax.disk.directory import RunDirectory
from stackjax.families import Family
from stackjax.interop.needs import needed
from stackjax.markov.answers import Length, best_values, evaluate
from stackjax.markov.contracts.game import ContractGame
from stackjax.markov.contracts.learned import learn_contracts
from stackjax.markov.contracts.process import PrincipalAgentMDP, tree_successor
from stackjax.markov.contracts.teams import learn_team_contracts
from stackjax.markov.followers import MeanFieldFollowers
from stackjax.markov.mean_field.problem import solve_mean_field
from stackjax.markov.mean_field.tariffs import TariffGame
from stackjax.menus.allocations import BoxAllocations
from stackjax.menus.single_buyer import additive
from stackjax.solvers.config import DirectConfig, SearchConfig
from stackjax.solvers.direct import direct
from stackjax.solvers.search import search
from stackjax.specs.run import RunSpec

KEY = jax.random.key(0)
MAINTAIN = sx.make("maintain")
ENV = StackelbergPOMDP(MAINTAIN, num_rounds=2)
GAME = sx.followers.induced_game([1.0], [[[1.0, 0.0]]])
LAW = np.array([[0.9, 0.1], [0.1, 0.9]])
TREE = PrincipalAgentMDP(np.zeros((3, 2)), np.zeros((3, 2)), LAW, tree_successor(2))


class Walk(sx.markov.MarkovGame):
    """Two places, two steps, one follower; an attribute given is another than it should be."""

    def __init__(self, **others):
        self.name, self.num_actions, self.leader_actions = "walk", (2,), sx.Discrete(2)
        self.successor, self.initial = np.tile(np.array([0, 1], np.int32), (2, 2, 1)), np.array([1.0, 0.0])
        self.horizon, self.payoff_bounds = 3, ((-1.0, 1.0), (-1.0, 1.0))
        self.law = lambda: jnp.array([0.5, 0.5])
        self.paid = lambda state: jnp.array([1.0, 0.0])
        for name, value in others.items():
            setattr(self, name, value)

    def outcomes(self, state, actions, leader_action):
        return self.law()

    def payoffs(self, state, actions, leader_action, outcome):
        return self.paid(state)


PAIR = {"successor": np.zeros((2, 1, 2, 2), np.int32), "payoff_bounds": ((-1.0, 1.0),) * 3}


class Unclaimed(Family):
    def claimed(self, game):
        return None


class Fickle(Walk):
    """Pays something else whenever it is asked."""

    asked = 0

    def payoffs(self, state, actions, leader_action, outcome):
        Fickle.asked += 1
        return jnp.array([0.001 * Fickle.asked, 0.0])


class Market(TariffGame):
    """The market with tariffs, with other attributes."""

    def __init__(self, **others):
        super().__init__(1.0, levels=3)
        for name, value in others.items():
            setattr(self, name, value)


def rules(**others):
    """A one-shot game with other attributes or methods."""
    standard = {
        "name": "rules",
        "num_actions": (2,),
        "type_prior": np.ones(1),
        "leader_actions": sx.Discrete(2),
        "observation": lambda self, actions: jnp.ones(1),
        "outcome_payoffs": lambda self, types, actions, leader_action: jnp.ones(2),
    }
    return type("Rules", (sx.OneShotGame,), {**standard, **others})()


def induced(num_followers=1):
    """A Markov game without a leader's part left."""
    pays = jnp.zeros((num_followers, 2, 4))
    chances = jnp.full((2, 4, 2), 0.5)
    return sx.markov.InducedMarkovGame(np.zeros((2, 4, 2), np.int32), np.array([1.0, 0.0]), chances, pays, pays[0])


def cells_of(law, **others):
    return sx.menus.MenuGame(**{"name": "m", "law": law, "allocations": BoxAllocations(np.zeros(2), np.ones(2)), **others})


SQUARE = sx.menus.uniform_box((0.0, 0.0), (1.0, 1.0))
BOX = {"free": np.zeros((1, 2)), "cost": np.zeros(2)}
MENU = sx.menus.Menu(np.zeros((1, 2)), np.zeros(1))
SALE = sx.menus.Sale(2, 2)
RANDOM = np.random.default_rng(0)
SENDERS = sx.menus.Persuasion(np.array([0.5, 0.5]), RANDOM.random((1, 2, 2)), RANDOM.random((2, 2)))


BAYESIAN = [
    (lambda: sx.evaluate_commitment(KEY, ENV, np.array([0]), num_equilibrations=0), "num_equilibrations=0 must be"),
    (lambda: sx.followers.FollowersConfig(feedback="loud"), "feedback=loud must be sampled or expected"),
    (lambda: sx.followers.FollowersConfig("q-learning", memory=1), "memory=1 must be True or False"),
    (lambda: sx.followers.swap_regret(0.0), "step_size=0.0 must be a positive finite number"),
    (
        lambda: sx.followers.equilibrate(KEY, GAME, sx.followers.exp3(), 2**25, count_plays=True),
        "num_rounds=33554432 must be at most",
    ),
    (lambda: sx.followers.equilibrate(KEY, GAME, sx.followers.exp3(), 2**31), "num_rounds=2147483648 must be below 2**31"),
    (lambda: sx.certify(sx.followers.induced_game([1.0], np.ones((1, 1, 2, 3))), np.ones((1, 2))), "game has batch axes (3,)"),
    (lambda: sx.certify("game", np.ones((1, 2))), "game='game' must be an InducedGame"),
    (lambda: sx.followers.induced_game([1.0], "none"), "follower_payoffs='none' must be an array of numbers"),
    (lambda: sx.followers.induced_game([1.0], [[[1.0]]], "none"), "leader_payoff='none' must be an array of numbers"),
    (lambda: rules(type_prior=np.ones((1,) * 31), num_actions=(1,) * 31).check(), "31 followers are more than the"),
    (lambda: sx.load_matrix_game(__file__), "must end in .json, .npz, .nfg"),
    (lambda: sx.PostedPrice([[1.0]], "x"), "type_prior='x' must be an array of numbers"),
    (lambda: sx.PostedPrice([[0.0]], [1.0]), "values are all 0"),
    (lambda: sx.PostedPrice([[-1.0]], [1.0]), "values must be finite and at least 0"),
    (lambda: sx.PostedPrice([[1.0, 2.0]], [1.0]), "values gives (2,) types, but type_prior has (1,)"),
    (lambda: sx.followers.rounds_from_plays(MAINTAIN, 0), "num_plays=0 must be a whole number of at least 1"),
    (lambda: decision_tree(rules(observation=lambda self, actions: jnp.ones(()))), "observe must return a vector"),
    (lambda: sx.Discrete(3, ("a",)), "labels=('a',) must name each of the 3 choices"),
    (lambda: sx.Simplex(3, ("a",)), "labels=('a',) must name each of the 3 entries"),
    (lambda: sx.CappedSimplex(2, 1.0, ("a",)), "labels=('a',) must name each of the 2 entries"),
    (lambda: sx.CappedSimplex(2, "a"), "total='a' must be a positive finite number"),
    (lambda: sx.Box((0.0,), (1.0, 2.0)), "must be non-empty and of the same length"),
    (lambda: sx.Box((1.0,), (0.0,)), "low=(1.0,) must be below high=(0.0,) in every entry"),
    (lambda: sx.testing.check_game(MAINTAIN, num_commitments=0), "num_commitments=0 must be a whole number"),
    (lambda: sx.interop.to_gymnasium(ENV, seed=-1), "seed=-1 must be a whole number of at least 0"),
    (lambda: sx.interop.to_gymnasium(ENV).committed_action(0), "committed_action needs an episode that goes on"),
    (lambda: sx.interop.to_gymnasium_vector(ENV, 2).step(np.zeros(2, int)), "step needs episodes that go on"),
    (lambda: sx.interop.to_gymnasium_vector(ENV, 2).reset(seed=[1]), "seed=[1] must be a whole number, or a list of 2"),
]
RUNS = [
    (lambda: DirectConfig(cross_share=2.0), "cross_share=2.0 must be at least 0 and at most 1"),
    (lambda: DirectConfig(first_step=2.0), "must be above 0 and at most 1"),
    (lambda: DirectConfig(recheck_share=0.0), "must be between 0 and 1"),
    (lambda: SearchConfig(num_updates=2**31), "num_updates=2147483648 must be below 2**31"),
    (lambda: SearchConfig(population=0), "population=0 must be a whole number of at least 1"),
    (lambda: SearchConfig(population=2**40), "population=1099511627776 must be at most"),
    (lambda: direct(None, 3), "config=3 must be a DirectConfig"),
    (lambda: search(None, 3), "config=3 must be a SearchConfig"),
    (lambda: sx.PPOConfig(grid_points=1), "grid_points=1 must be a whole number of at least 2"),
    (lambda: sx.PPOConfig(response_samples=-1), "response_samples=-1 must be a whole number of at least 0"),
    (lambda: sx.train("maintain", seeds=1, mesh=(0, 1)), "mesh=0 1 must be at least 1 each"),
    (lambda: sx.make("sequential-prices", demand=0), "demand=0 must be a whole number of at least 1"),
    (lambda: sx.make("sequential-prices", num_items=0), "num_items=0 must be a whole number of at least 1"),
    (lambda: sx.make("affine-auction", items=0), "items=0 must be a whole number of at least 1"),
    (lambda: sx.train("maintain", patience=-1), "patience=-1 must be a whole number of at least 0"),
    (lambda: sx.followers.FollowersConfig(step_size=1e9), "step_size=1000000000.0 must be at most 1e+06"),
    (lambda: choose_layout(1, 1, (1, 2)), "mesh=1 2: 2 devices cannot share 1 episodes evenly"),
    (lambda: choose_layout(1, 64, (1, 3)), "mesh=1 3: 3 devices cannot share 64 episodes evenly"),
    (lambda: join(Processes(coordinator="here:1")), "--coordinator is for --distributed, which is not given"),
    (lambda: join(Processes(True, "here:1")), "--distributed needs --num-processes, --process-id too"),
    (lambda: join(Processes(True, "here", 2, 0)), "coordinator=here must be HOST:PORT"),
    (lambda: join(Processes(True, "here:1", 2, 2)), "process_id=2 must be at least 0 and below num_processes=2"),
    (lambda: MultiplicativeWeights(kind="exp3"), "kind=exp3 must be multiplicative-weights in MultiplicativeWeights"),
    (lambda: solve(rules(type_prior=np.full((2**13, 2**12), 2.0**-25), num_actions=(1, 1))), "(type, action) profiles, more"),
    (lambda: Unclaimed().solve(MAINTAIN), "the optimum of 'maintain' is not known"),
]
MARKOV = [
    (lambda: Walk(successor=[0]).check(), "successor=[0] must be a NumPy array of whole numbers"),
    (lambda: Walk(num_actions=(0,)).check(), "num_actions=0 must be a whole number"),
    (lambda: Walk(num_actions=(3,)).check(), "successor has shape (2, 2, 2), but must be [S, 3, K]"),
    (lambda: Walk(successor=np.full((2, 2, 2), 5)).check(), "successor holds [5]; it must hold states from 0 to 1"),
    (lambda: Walk(initial=np.array([1.0, 1.0])).check(), "must be 2 chances that sum to 1"),
    (lambda: Walk(horizon=None).check(), "discount=1.0 must be below 1 where there is no horizon"),
    (lambda: Walk(payoff_bounds=((1.0, 0.0),)).check(), "payoff_bounds=((1.0, 0.0),) must be a finite (lowest, highest)"),
    (lambda: Walk(successor=np.zeros((2, 2, 300_000), np.int32)).check(), "game 'walk' is too large"),
    (lambda: sx.markov.check_markov_game("walk"), "game='walk' must be a MarkovGame"),
    (lambda: sx.markov.check_markov_game(Walk(paid=lambda state: [1, 2][state])), "outcomes and payoffs cannot be traced"),
    (lambda: sx.markov.check_markov_game(Walk(law=lambda: jnp.ones(1))), "outcomes has shape"),
    (lambda: sx.markov.check_markov_game(Walk(law=lambda: jnp.array([0.9, 0.9]))), "outcomes in state 0 are no chances"),
    (
        lambda: sx.markov.check_markov_game(Walk(paid=lambda state: jnp.array([9.0, 0.0]))),
        "payoffs of agent 0 in state 0 are 9",
    ),
    (lambda: sx.markov.check_markov_game(Fickle()), "game 'walk' gives two answers to one question"),
    (lambda: best_values(induced(2), Length.of(2, 1.0)), "game has 2 followers; exact answers are for one"),
    (lambda: sx.markov.solve_markov(Walk(leader_actions=sx.Box((0.0,), (1.0,)))), "its tables cannot be enumerated"),
    (lambda: sx.markov.solve_markov(Walk(), seconds=-1), "4 tables took longer than -1 s"),
    (lambda: sx.markov.solve_markov(Walk(num_actions=(1, 2))), "has 2 followers; exact optima are for one"),
    (lambda: sx.markov.solve_markov(Walk(leader_actions=sx.Discrete(10_000))), "100000000 tables, more than"),
    (
        lambda: sx.markov.solve_markov(Walk(num_actions=(2000,), successor=np.zeros((2, 2000, 2), np.int32))),
        "tables against 4000000 policies of a follower that does not know the time",
    ),
    (lambda: sx.markov.MarkovProblem(Walk(num_actions=(1, 2), **PAIR), sx.markov.MarkovFollowers()), "a MarkovGame is for one"),
    (lambda: sx.markov.MarkovFollowers(knows_time=1), "knows_time=1 must be True or False"),
    (lambda: sx.markov.MarkovFollowers(ties="nobody"), "ties=nobody must be one of"),
    (lambda: sx.markov.MarkovFollowers("softmax", temperature=0.0), "temperature=0.0 must be a positive finite number"),
    (lambda: sx.markov.MarkovFollowers("contextual", pretraining_rate=0.0), "pretraining_rate=0.0 must be a positive"),
    (lambda: sx.markov.MarkovFollowers("contextual", seed=-1), "seed=-1 must be a whole number of at least 0"),
    (lambda: sx.markov.MarkovFollowers("contextual", seed=2**31), "seed=2147483648 must be below 2**31"),
    (lambda: sx.markov.MarkovFollowers("q-learning", episodes=0), "episodes=0 must be a whole number"),
    (lambda: sx.markov.IteratedGame(np.ones((2, 2)), horizon=2), "table has shape (2, 2), but must be finite"),
    (lambda: sx.markov.CoinGame(size=1), "size=1 must be a whole number of at least 2"),
    (lambda: sx.markov.CoinGame(gain=-1.0), "gain=-1.0 must be at least 0"),
    (lambda: sx.markov.CoinGame(other=2.0), "other=2.0 must be at least 0 and at most 1"),
    (lambda: sx.markov.CoinGame(max_payment=0.0), "max_payment=0.0 must be positive"),
    (
        lambda: ContractGame(TREE._replace(chances=np.ones((1, 2))), 2),
        "chances=(an array of shape (1, 2)) must be of shape (2, 2)",
    ),
    (lambda: ContractGame(TREE, 2, max_payment=0.0), "max_payment=0.0 must be positive"),
    (lambda: learn_contracts(KEY, TREE, num_episodes=0), "num_episodes=0 must be a whole number"),
    (lambda: learn_contracts(KEY, TREE, num_updates=0), "num_updates=0 must be a whole number"),
    (lambda: learn_team_contracts(KEY, induced(2), (2, 2), 0), "steps=0 must be a whole number"),
    (lambda: learn_team_contracts(KEY, induced(2), (2, 2), 2, discount=1.0), "discount=1.0 must be at least 0 and below 1"),
    (lambda: learn_team_contracts(KEY, induced(2), (2, 2), 2, nudge=-1.0), "nudge=-1.0 must be at least 0"),
    (lambda: MeanFieldFollowers("softmax", temperature=0.0), "temperature=0.0 must be a positive finite number"),
    (lambda: Market(quantity=[1.0]).check(), "quantity=[1.0] must be a NumPy array"),
    (lambda: Market(quantity=np.ones((1, 0, 1, 1))).check(), "the number of periods=0 must be a whole number"),
    (lambda: Market(shares=np.ones(9)).check(), "shares has shape (9,), but must be"),
    (lambda: solve_mean_field(TariffGame(1.0, levels=None)), "actions are real numbers; they cannot be enumerated"),
    (lambda: solve_mean_field(Market(leader_actions=sx.Discrete(1000))), "commitments, more than"),
]
MENUS = [
    (lambda: BoxAllocations(np.zeros(13), np.ones(13)).corners(), "a box of 13 dimensions has too many corners"),
    (lambda: sx.menus.auction_bound(0), "bidders=0 must be a whole number"),
    (lambda: sx.menus.auction_bound(1, cells=3), "cells=3 must be a whole number of at least 4"),
    (lambda: sx.menus.AffineConfig(num_options=10**9), "num_options=1000000000 must be at most"),
    (lambda: sx.menus.upper_bound(additive(), cells=3), "cells=3 must be a whole number of at least 4"),
    (lambda: sx.menus.upper_bound(additive(), cells=1000), "cells=1000 must be at most"),
    (lambda: sx.menus.MenuAsBayesian(additive(), 2), "must have finitely many types"),
    (lambda: sx.menus.MenuAsBayesian(additive(), 0), "num_options=0 must be a whole number"),
    (lambda: sx.menus.MenuConfig(num_types=2**40), "num_types=1099511627776 must be at most"),
    (lambda: sx.menus.two_data_buyers((1, 2), 1.0, 0.6), "must be two frozen distributions of scipy.stats"),
    (lambda: sx.menus.two_data_buyers((1, 2), 0.0, 0.6), "alpha=0.0 must be positive"),
    (lambda: cells_of(SQUARE, **BOX, belief=np.zeros(3)), "must have 2 numbers"),
    (
        lambda: cells_of(SQUARE, **BOX, allocations=BoxAllocations(np.zeros(3), np.ones(3))),
        "allocations=3 must be of 2 dimensions, as types are",
    ),
    (lambda: sx.menus.improved(additive(), 3, 3), "menu=3 must be a Menu"),
    (lambda: sx.menus.improved(additive(), MENU, -1), "num_evaluations=-1 must be a whole number of at least 0"),
    (lambda: sx.menus.finite([1.0], [1.0]), "atoms of shape (1,) and weights of shape (1,) must be finite"),
    (lambda: sx.menus.beta_mixture(parts=((0.0, 1.0),)), "must be pairs of positive numbers"),
    (lambda: sx.menus.beta_mixture(value=(2.0, 1.0)), "value=(2.0, 1.0) must be two numbers in order"),
    (lambda: sx.menus.learn_senders(KEY, SENDERS, num_signals=0), "num_signals=0 must be a whole number"),
    (lambda: sx.menus.SolveConfig(batch=0), "batch=0 must be a whole number"),
    (lambda: sx.menus.SaleConfig(num_valuations=2**40), "num_valuations=1099511627776 must be at most"),
    (lambda: sx.menus.FittedConfig(sharpness=0.0), "sharpness=0.0 must be a positive finite number"),
    (lambda: sx.menus.solve_backward(SALE, KEY, menu="card"), "menu=card must be one of"),
    (lambda: sx.make("sequential-sale", menu="tariff"), "menu=tariff must be size or bundle here"),
    (lambda: sx.menus.Sale(2, 0), "num_items=0 must be a whole number"),
    (lambda: sx.menus.Sale(2, 20).bundles(KEY, 1), "where bundles are priced one by one"),
    (lambda: sx.menus.Sale(2, 2, "asymmetric").sizes(KEY, 1), "valuations=asymmetric must be one that treats items alike"),
    (
        lambda: sx.menus.sale_value(SALE, sx.menus.SaleTable(jnp.zeros((1, 1, 1)), "size"), KEY),
        "must be of prices of shape",
    ),
    (lambda: sx.menus.sale_value(SALE, None, KEY, count=0), "count=0 must be a whole number"),
    (lambda: sx.make("market-maker", goods=0), "goods=0 must be a whole number"),
    (lambda: sx.make("market-maker", goods=4), "goods=4 must be at most 3"),
    (lambda: sx.make("menu-additive", items=99), "items=99 must be at most"),
    (lambda: sx.make("menu-additive", low=(-1.0,)), "low=-1.0 must be at least 0"),
    (lambda: sx.make("data-market", law="none"), "law=none must be one of"),
]


ITEM = [[0.0, 1.0]]  # what nothing and the item are worth to an agent of one type
ONE = (np.ones(1),)
LARGE = [
    (lambda: sx.make("copies", num_copies=0), "count=0 must be a whole number of at least 1"),
    (
        lambda: Copies(SequentialPrices([ITEM], sx.TypeSampler((1,), lambda key: jnp.zeros(1, jnp.int32))), 2, "two"),
        "draws its types by a TypeSampler",
    ),
    (lambda: sx.make("sequential-prices", num_agents=0), "num_agents=0 must be a whole number of at least 1"),
    (lambda: sx.make("sequential-prices", num_types=1), "num_types=1 must be a whole number of at least 2"),
    (lambda: sx.make("sequential-prices", num_types=9, num_items=4), "num_types=9 must be at most 4096 types in all, not 6561"),
    (lambda: sx.make("sequential-prices", num_items=9), "num_items=9 must be at most 8"),
    (lambda: sx.make("sequential-prices", lowest=1.0), "lowest=1.0 must be at least 0 and below 1"),
    (lambda: sx.make("sequential-prices", objective="fame"), "objective=fame must be one of"),
    (lambda: SequentialPrices([ITEM], ONE, num_messages=0), "num_messages=0 must be a whole number of at least 1"),
    (lambda: SequentialPrices(["x"], ONE), "values='x' must be an array of numbers"),
    (lambda: SequentialPrices([ITEM], "x"), "type_prior='x' must be an array of numbers"),
    (lambda: SequentialPrices([[[0.0, 0.0]]], ONE), "values are all 0"),
    (lambda: SequentialPrices([[[0.0, 1.0, 2.0]]], ONE), "must have [types, 2^M] for each agent"),
    (lambda: SequentialPrices([[[1.0, 1.0]]], ONE), "and 0 for the empty bundle"),
    (lambda: SequentialPrices([ITEM], (np.full(2, 0.5),)), "values gives (1,) types, but type_prior has (2,)"),
    (lambda: sx.PolicyConfig(distinct_samples=1), "distinct_samples=1 must be a whole number of at least 2"),
    (lambda: sx.PolicyConfig(num_envs=1), "num_envs=1 must be a whole number of at least 2"),
    (lambda: sx.PolicyConfig(num_epochs=0), "num_epochs=0 must be a whole number of at least 1"),
    (lambda: sx.PolicyConfig(own_samples=2**40), "own_samples=1099511627776 must be below"),
    (lambda: sx.PolicyConfig(grid_points=1), "grid_points=1 must be a whole number of at least 2"),
    (lambda: sx.PolicyConfig(hidden_sizes=[32]), "hidden_sizes=[32] must be a tuple of widths"),
    (lambda: sx.PolicyConfig(hidden_sizes=(0,)), "hidden_sizes=0 must be a whole number of at least 1"),
    (lambda: sx.PolicyConfig(hidden_sizes=(2**40,)), "hidden_sizes=1099511627776 must be at most"),
    (lambda: sx.PolicyConfig(own_critic="all"), "own_critic=all must be mean, observation or state"),
    (lambda: sx.PolicyConfig(learning_rate=0.0), "learning_rate=0.0 must be a positive finite number"),
    (lambda: sx.PolicyConfig(entropy_coefficient=-1.0), "entropy_coefficient=-1.0 must be at least 0"),
    (lambda: sx.PolicyConfig(noise_correlation=1.5), "noise_correlation=1.5 must be from 0 to 1"),
    (lambda: sx.ESConfig(population=7), "population=7 must be even"),
]


@pytest.mark.parametrize(("mistake", "said"), [*BAYESIAN, *RUNS, *MARKOV, *MENUS, *LARGE])
def test_it_is_said(mistake, said):
    with pytest.raises(sx.InputError) as caught:
        mistake()
    assert said in str(caught.value)


def test_what_a_directory_lacks(tmp_path):
    directory = RunDirectory(tmp_path)
    with pytest.raises(sx.InputError, match="holds no finished run"):
        directory.read_result()
    (tmp_path / ".lock").mkdir()
    with pytest.raises(sx.InputError, match="cannot be written: Is a directory"):
        directory.hold()
    (tmp_path / "config.json").write_text("[]", encoding="utf-8")
    with pytest.raises(sx.InputError, match=r"is not a run's config\.json"):
        directory.open_existing()
    with pytest.raises(sx.InputError, match=r"is missing or is not a run's config\.json"):
        RunSpec.read(tmp_path / "config.json")
    for content, said in (("{", "no JSON"), ("{}", "no seeds")):
        (tmp_path / "result.json").write_text(content, encoding="utf-8")
        with pytest.raises(sx.InputError, match=rf"is damaged \({said}\)"):
            directory.read_result()


def test_what_is_not_installed():
    with pytest.raises(sx.InputError, match=r"a file needs ONNX, which is not installed: pip install 'stackjax\[onnx\]'"):
        needed("stackjax.onyx", "a file", "stackjax[onnx]", "ONNX")


def test_an_exact_answer_is_for_one_follower():
    with pytest.raises(sx.InputError, match="exact answers are for one"):
        evaluate(induced(2), Length.of(2, 1.0), jnp.ones((2, 4)))
