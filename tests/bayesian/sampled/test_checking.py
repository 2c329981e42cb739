"""Games that are too large to be written out are checked by samples, and their Python files and sweeps work."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
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


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("posted-price-uniform", {"num_agents": 40}),
        ("sequential-prices", {"num_agents": 20, "num_items": 5}),
        ("copies", {"num_copies": 6}),
        ("allocations", {"num_followers": 16}),
    ],
)
def test_large_games_conform(name, options):
    sx.testing.check_game(sx.make(name, **options))


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
        ({"type_prior": (0.5, 0.5)}, "or a tuple of them"),
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


def test_a_large_game_from_a_file_is_swept(tmp_path):
    file = tmp_path / "large.py"
    file.write_text(f"{GAME}\n\nsx.register('large', Large)\n")
    small = ["--pomdp.num-rounds", "3", "--pomdp.num-reward-episodes", "4", "--pomdp.evaluation-rounds", "4"]
    policy = ["--policy.num-updates", "2", "--policy.num-envs", "4", "--policy.hidden-sizes", "4"]
    swept = ["--sweep.policy.learning-rate", "0.01", "0.03"]
    out = tmp_path / "sweep"
    assert main(["sweep", f"{file}:large", *small, *policy, *swept, "--seeds", "1", "--out", str(out)]) == 0
    result = json.loads((out / "result.json").read_text())
    assert len(result["configurations"]) == 2
