"""Games that are too large to be written out are checked by samples, and their Python files and sweeps work."""

import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.acting import Leader
from stackjax.bayesian.games.sequential_prices import SequentialPrices
from stackjax.bayesian.sampled.judge import certify_by_samples
from stackjax.bayesian.sampled.problem import SampledProblem
from stackjax.cli import main

GAME = """
import jax.numpy as jnp
import numpy as np
import stackjax as sx


class Large(sx.OneShotGame):
    name, num_actions, leader_actions = "large", (2, 2), sx.Discrete(2)
    type_prior = (np.full(2, 0.5), np.full(2, 0.5))
    leader_payoff_range = (0.0, 2.0)

    def observation(self, actions):
        return actions.astype(jnp.float32)

    def outcome_payoffs(self, types, actions, leader_action):
        hits = (types == leader_action).astype(jnp.float32)
        return jnp.concatenate([hits.sum(keepdims=True), hits])
"""


DRAWN = (
    GAME.replace('"large"', '"drawn"')
    .replace(
        "type_prior = (np.full(2, 0.5), np.full(2, 0.5))",
        "type_prior = sx.TypeSampler((2, 2), lambda key: jax.random.randint(key, (2,), 0, 2))",
    )
    .replace("import jax.numpy", "import jax\nimport jax.numpy")
    + "\n\nsx.register('drawn', Large)\n"
)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        pytest.param("posted-price-uniform", {"num_agents": 40}, marks=pytest.mark.long),
        ("sequential-prices", {"num_agents": 20, "num_items": 5}),
        ("copies", {"num_copies": 6}),
        ("allocations", {"num_followers": 16}),
    ],
)
def test_large_games_conform(name, options):
    sx.testing.check_game(sx.make(name, **options))


def alike_or_not(key):
    """Two types that are the same with a chance of 0.8."""
    first, second = jax.random.split(key)
    own = jax.random.randint(first, (), 0, 2)
    return jnp.stack([own, jnp.where(jax.random.uniform(second) < 0.8, own, 1 - own)])


@pytest.mark.parametrize("given", [None, (1, 0)])
def test_a_sampler_draws_as_its_function_does_and_given_a_type_by_drawing_again(given):
    prior = sx.TypeSampler((2, 2), alike_or_not)
    draw = jax.jit(jax.vmap(lambda uniform: prior.draw(uniform, *(given or ()))))
    drawn = np.asarray(draw(jax.random.uniform(jax.random.key(0), (20_000, 2))))
    shares = np.array([[(drawn == (i, j)).all(axis=1).mean() for j in range(2)] for i in range(2)])
    expected = [[0.4, 0.1], [0.1, 0.4]] if given is None else [[0.8, 0.0], [0.2, 0.0]]
    np.testing.assert_allclose(shares, expected, atol=0.015)
    np.testing.assert_allclose(prior.own(1), 0.5, atol=0.05)


@pytest.mark.long
def test_a_game_of_drawn_types_is_judged_as_that_of_their_table():
    """Revenue of a fixed mechanism: agents are visited in order at 0.6."""
    values = [np.array([[0.0, 0.5], [0.0, 1.0]])] * 2
    table = np.array([[0.4, 0.1], [0.1, 0.4]])
    found = []
    for prior in (table, sx.TypeSampler((2, 2), alike_or_not)):
        game = SequentialPrices(values, prior, num_messages=2, objective="revenue")
        sx.testing.check_game(game)
        problem = SampledProblem.of(game, sx.followers.multiplicative_weights(), num_rounds=5, judged_rounds=5)
        leader = Leader(lambda observation, _: jnp.array([1.0, 0.0, 0.6]), lambda action: action)
        judge = partial(certify_by_samples, problem.setting, leader, num_groups=16, paired_draws=256)
        judged = jax.jit(judge)(key=jax.random.key(1))
        assert abs(float(judged.leader_payoff) - 0.6 * 0.6) < 0.02  # somebody has the high value
        assert float(judged.gap) == 0.0
        found.append(np.asarray(judged.follower_payoffs))
    np.testing.assert_allclose(found[0], found[1], atol=0.02)
    assert game.optimum().value == pytest.approx(0.6 * 1.0 + 0.4 * 0.5, abs=0.01)


@pytest.mark.long
def test_drawn_types_are_trained_on_from_a_file(tmp_path):
    file = tmp_path / "drawn.py"
    file.write_text(DRAWN, encoding="utf-8")
    small = ["--pomdp.num-rounds", "3", "--pomdp.num-reward-episodes", "4", "--pomdp.evaluation-rounds", "4"]
    policy = ["--policy.num-updates", "2", "--policy.num-envs", "4", "--policy.hidden-sizes", "4"]
    assert main(["train", f"{file}:drawn", *small, *policy, "--seeds", "1", "--out", str(tmp_path / "run")]) == 0
    result = json.loads((tmp_path / "run" / "result.json").read_text(encoding="utf-8"))
    assert result["solver"] == "policy"
    assert result["seeds"][0]["bne_gap_bound"] >= 0.0


def broken(**changes):
    namespace = {}
    exec(GAME, namespace)
    return type("Broken", (namespace["Large"],), changes)()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"outcome_payoffs": lambda self, types, actions, action: jnp.full(3, jnp.nan)}, "payoffs must be finite"),
        ({"observation": lambda self, actions: jnp.full(2, jnp.inf)}, "every observation must be finite"),
        ({"leader_payoff_range": (0.0, 1.0)}, "leave leader_payoff_range"),
        ({"payoff_scale": 1000.0}, "payoff_scale=1000"),
        ({"describe_decision": lambda self, observation, action: 3}, "must return a string"),
        ({"type_prior": (np.full(2, 0.5), np.full(2, 0.4))}, "must sum to 1"),
        ({"type_prior": (0.5, 0.5)}, "a tuple of them, or a TypeSampler"),
        ({"type_prior": sx.TypeSampler((2, 0), lambda key: jnp.zeros(2, jnp.int32))}, "num_types=0 must be"),
        ({"type_prior": sx.TypeSampler([2, 2], lambda key: jnp.zeros(2, jnp.int32))}, "a tuple with a whole number"),
        ({"type_prior": sx.TypeSampler((2, 2), lambda key: jnp.zeros(3, jnp.int32))}, "must return whole numbers of shape"),
        ({"type_prior": sx.TypeSampler((2, 2), lambda key: 1 / 0)}, "draw_types raised ZeroDivisionError"),
        ({"type_prior": sx.TypeSampler((2, 2), lambda key: jnp.array([0, -1]))}, "drew type -1, but num_types"),
        ({"type_prior": sx.TypeSampler((2, 2), lambda key: jnp.full(2, 2))}, "drew type 2, but num_types"),
        (
            {"leader_actions": sx.Box((0.0, 0.0), (1.0, 1.0)), "num_options": 2, "outcome_payoffs": lambda *_: jnp.zeros(3)},
            "must be 1 for what is open",
        ),
        (
            {"outcome_payoffs": lambda self, *_: jnp.full(3, float(np.random.random()))},
            "must be pure",
        ),
    ],
)
def test_what_is_wrong_with_a_large_game_is_named(changes, said):
    with pytest.raises(sx.InputError, match=said):
        sx.testing.check_game(broken(**changes))


@pytest.mark.long
def test_a_large_game_from_a_file_is_swept(tmp_path):
    file = tmp_path / "large.py"
    file.write_text(f"{GAME}\n\nsx.register('large', Large)\n", encoding="utf-8")
    small = ["--pomdp.num-rounds", "3", "--pomdp.num-reward-episodes", "4", "--pomdp.evaluation-rounds", "4"]
    policy = ["--policy.num-updates", "2", "--policy.num-envs", "4", "--policy.hidden-sizes", "4"]
    swept = ["--sweep.policy.learning-rate", "0.01", "0.03"]
    out = tmp_path / "sweep"
    assert main(["sweep", f"{file}:large", *small, *policy, *swept, "--seeds", "1", "--out", str(out)]) == 0
    result = json.loads((out / "result.json").read_text(encoding="utf-8"))
    assert len(result["configurations"]) == 2
