"""What a commitment leads to while followers keep to an answer, and its slopes, beside the whole table's and loops in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.answers import nearby, stay
from stackjax.bayesian.pomdp.commitment import tabulate
from stackjax.bayesian.pomdp.tree import decision_tree
from tests.bayesian.pomdp.test_tree import Revelation
from tests.oracles.direct_search import slack_and_loss

PRIOR = np.insert(np.random.default_rng(0).dirichlet(np.ones(4)).reshape(2, 2), 1, 0.0, axis=1)  # a type that never comes up


class Paid(Revelation):
    """Random rules, which pay followers of private types by the leader's actions, not linearly; the tree depends on these."""

    name, type_prior = "paid", PRIOR
    leader_actions = sx.Box((0.0, -1.0), (1.0, 1.0))

    def __init__(self, seed):
        super().__init__(seed)
        self.rates = np.random.default_rng(seed).normal(size=(3, 2, 3, 6, 2))  # [whose, types, profile, entry]

    def start(self, actions):
        return {**super().start(actions), "done": jnp.zeros(2)}

    def advance(self, state, leader_action, outcome):
        done = state["done"] + jnp.sin((1.0 + state["level"].astype(float)) * leader_action)
        return {**super().advance(state, leader_action, outcome), "done": done}

    def payoffs(self, types, actions, state):
        return jnp.asarray(self.rates, jnp.float32)[:, types[0], types[1], state["profile"]] @ state["done"]


def drawn(name):
    """A game, and commitments and answers drawn at random."""
    rng = np.random.default_rng(2)
    game = {
        "prices": lambda: sx.make("posted-price-uniform"),
        "mixed": lambda: sx.matrix_game(rng.normal(size=(9, 3, 2)), randomized=True),
        "three": lambda: sx.make("posted-price-uniform", num_agents=3),
        "paid": lambda: Paid(1),
    }[name]()
    tree, choices = decision_tree(game), np.repeat(game.num_actions, game.num_types)
    low, high = np.array(game.leader_actions.low), np.array(game.leader_actions.high)
    made = low + (high - low) * rng.random((6, tree.num_nodes, len(low)))
    return game, tree, made.astype(np.float32), rng.integers(choices, size=(6, len(choices))).astype(np.int32)


@pytest.mark.parametrize("name", ["prices", "mixed", "paid", pytest.param("three", marks=pytest.mark.long)])
def test_single_deviations_say_what_the_whole_table_says(name):
    game, tree, commitments, answers = drawn(name)
    here, slopes = jax.jit(jax.vmap(lambda made, answer: nearby(game, tree, made, answer)))(commitments, answers)
    table = lambda made, answer: (lambda found: (found, found))(stay(tabulate(game, tree, made).game, answer))
    whole, whole_slopes = jax.jit(jax.vmap(jax.jacrev(table, has_aux=True)))(commitments, answers)[::-1]
    near = lambda mine, theirs: np.testing.assert_allclose(mine, theirs, rtol=1e-4, atol=1e-5)
    jax.tree.map(near, here, whole)
    jax.tree.map(near, slopes, whole_slopes)
    slack = whole_slopes.slack
    assert (np.abs(slack).reshape(len(slack), -1) > 0).any(axis=1).all()
    tables = jax.jit(jax.vmap(lambda made: tabulate(game, tree, made).game[1:3]))(commitments)
    for k, answer in enumerate(answers):
        followers, leader = (np.asarray(table[k], np.float64) for table in tables)
        near(here.slack[k], slack_and_loss(np.asarray(game.type_prior), followers, leader, answer)[0])


def test_the_tree_of_such_a_game_depends_on_what_the_leader_does():
    assert decision_tree(Paid(1)).may_merge
