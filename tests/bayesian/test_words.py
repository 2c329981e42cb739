"""What a result tells of a large table: all of its actions, and the paths that are met most."""

import jax
import jax.numpy as jnp
import numpy as np

import stackjax as sx
from stackjax.bayesian import words
from stackjax.bayesian.pomdp.tree import commitment_paths
from stackjax.bayesian.problem import BayesianProblem


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
