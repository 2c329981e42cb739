"""What a result tells of a large table: all of its actions, and the paths that are met most."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian import words
from stackjax.bayesian.equilibrium.replies import exact_games, margin
from stackjax.bayesian.games.induced import InducedGame
from stackjax.bayesian.pomdp.tree import commitment_paths, decision_tree
from stackjax.bayesian.problem import BayesianProblem
from stackjax.reports.display import margins_in_words


def test_of_a_large_table_the_likeliest_paths_are_told(monkeypatch):
    env = sx.StackelbergPOMDP(sx.make("posted-price-pi"), num_rounds=20)
    problem = BayesianProblem(env)
    space = env.game.leader_actions
    made = jnp.asarray(np.random.default_rng(0).uniform(0, 1, (1, env.tree.num_nodes, *space.shape)), jnp.float32)
    judged = jax.device_get(jax.jit(jax.vmap(lambda commitment: problem.judge(jax.random.key(0), commitment, 2)))(made))
    (whole,) = problem.describe(judged, made, ["it"])
    assert len(whole["mechanism"]) == len(commitment_paths(env.game, env.tree)) == 4

    monkeypatch.setattr(words, "MOST_OBSERVATIONS", env.tree.num_nodes)
    monkeypatch.setattr(words, "MOST_PATHS", 3)
    (short,) = problem.describe(judged, made, ["it"])
    assert short["commitment"] == whole["commitment"]  # as many as may be listed
    *lines, rest = short["mechanism"]
    assert rest == "1 other path, no likelier than these"
    chances = {path["label"]: path["chance"] for path in whole["pictures"][0]["paths"]}
    assert len(lines) == 3
    assert set(lines) < set(whole["mechanism"])
    assert sum(chances[line.split(":")[0]] for line in lines) == sum(sorted(chances.values())[1:])

    monkeypatch.setattr(words, "MOST_OBSERVATIONS", env.tree.num_nodes - 1)
    (bare,) = problem.describe(judged, made, ["it"])
    assert bare["commitment"]["observations"] == []
    assert bare["commitment"]["actions"] == whole["commitment"]["actions"]


def test_a_margin_is_the_least_that_a_costly_deviation_loses():
    """Beside a plain loop over everything, on random games of two followers with types; and by hand."""
    by_hand = sx.matrix_game([[[3, 1.25], [-5, 1.0], [3, 1.25]], [[0, 0], [0, 0], [0, 0]]])
    one = exact_games(by_hand, decision_tree(by_hand), np.array([[0], [1]]))
    assert margin(one[0], [np.array([0])], 0.01) == pytest.approx(0.25)
    assert margin(one[1], [np.array([0])], 0.01) is None
    rng = np.random.default_rng(0)
    for _ in range(20):
        prior = rng.dirichlet(np.ones(6)).reshape(2, 3)
        game = InducedGame(prior, rng.normal(size=(2, 2, 3, 3, 2)), rng.normal(size=(2, 3, 3, 2)))
        answers, losses = [rng.integers(3, size=2), rng.integers(2, size=3)], []
        for i, k, other in [*itertools.product([0], range(2), range(3)), *itertools.product([1], range(3), range(2))]:
            changed = [answer.copy() for answer in answers]
            changed[i][k] = other
            (leader, own), (new_leader, new_own) = (paid(game, made, i, k) for made in (answers, changed))
            chance = prior[k].sum() if i == 0 else prior[:, k].sum()
            if leader - new_leader > 0.1:
                losses.append((own - new_own) / chance)
        assert margin(game, answers, 0.1) == (pytest.approx(min(losses)) if losses else None)


def paid(game, answers, follower, k):
    """The leader's payoff and the follower's, summed over the profiles in which it has type ``k``."""
    total = np.zeros(2)
    for types in np.ndindex(game.type_prior.shape):
        if types[follower] == k:
            cell = (*types, answers[0][types[0]], answers[1][types[1]])
            total += game.type_prior[types] * np.array([game.leader_payoff[cell], game.follower_payoffs[(follower, *cell)]])
    return total


def test_a_payoff_on_a_near_tie_is_told():
    seed = {
        "seed": 3,
        "leader_payoff": 2.0,
        "margin": 2e-4,
        "reward_play": "argmax",
        "plays": {"mixed": {"leader_payoff": -1.94}},
    }
    result = {"seeds": [seed], "payoff_range": [-5.0, 3.0]}
    assert "that of seed 3 on 0.0002 (mixed play pays -1.94)" in margins_in_words(result)
    assert margins_in_words({**result, "seeds": [{**seed, "margin": None}]}) == ""
    assert margins_in_words({**result, "seeds": [{**seed, "plays": {"mixed": {"leader_payoff": 2.0}}}]}) == ""


def test_in_a_large_game_nothing_is_gone_through_profile_by_profile():
    """390,625 profiles took 156 seconds to describe, for one seed."""
    game = sx.make("posted-price-uniform", num_agents=8, num_types=5, num_messages=1)
    env = sx.StackelbergPOMDP(game)
    assert exact_games(game, env.tree, np.zeros((1, 1, 2))) is None
    assert words.moved_strategies(env, np.zeros((1, 1, 2))) is None
