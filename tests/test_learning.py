"""Leaders learn what the exact optimum says they can: default settings, every seed counted, greedy and exactly evaluated."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.bayesian.equilibrium.optimum import best_pure_commitment
from stackjax.disk.directory import RunDirectory
from stackjax.runs.session import run_training
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import find_game


@pytest.fixture(autouse=True)
def _optimised(monkeypatch):
    """These programs run for a while."""
    compile_it = lambda name, lowered, work: lowered.compile(compiler_options={"xla_backend_optimization_level": "1"})
    monkeypatch.setattr("stackjax.compute.programs._compiled", compile_it)


def train(name, tmp_path, num_seeds=4, options=None, **ppo):
    spec = RunSpec(find_game(str(name)), options or {}, {}, sx.PPOConfig(**ppo), num_seeds=num_seeds, polish=0)
    result = run_training(spec, RunDirectory(tmp_path / "run"))
    seeds = result["seeds"]
    return np.array([s["leader_payoff"] for s in seeds]), np.array([s["bcce_gap"] for s in seeds])


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "options", "optimum", "tolerance", "least_seeds"),
    [
        ("allocation", {"num_messages": 3}, 1.0, 1e-6, 4),
        ("matrix-design-payments", {}, 10.0, 1e-4, 3),
        ("escape", {}, 30.0, 1e-4, 4),
        ("escape-randomized", {}, 30.0, 1e-3, 4),
        ("maintain", {}, 20.0, 1e-4, 4),
        ("matrix-design", {}, 1.0, 1e-6, 4),
        ("allocation", {"num_messages": 2}, 2 / 3, 1e-6, 4),
        ("posted-price-pi", {"num_messages": 1}, -0.15, 1e-6, 3),
    ],
)
def test_optimal_on_nearly_every_seed(tmp_path, name, options, optimum, tolerance, least_seeds):
    payoffs, gaps = train(name, tmp_path, options=options)
    assert (gaps <= 0.01).all(), gaps
    assert (np.abs(payoffs - optimum) < tolerance).sum() >= least_seeds, payoffs


@pytest.mark.long
def test_posted_prices_with_messages_lose_nothing(tmp_path):
    payoffs, gaps = train("posted-price-pi", tmp_path, num_seeds=2)
    assert (payoffs > -1e-6).all(), payoffs
    assert (gaps <= 0.01).all(), gaps


@pytest.mark.long
def test_uniform_values_with_messages_beat_every_mechanism_without(tmp_path):
    payoffs, gaps = train("posted-price-uniform", tmp_path, options={"num_types": 4}, num_seeds=10)
    assert (payoffs > -1e-6).sum() >= 8, payoffs
    assert (payoffs > -1 / 24).all(), payoffs
    assert (gaps <= 0.01).all(), gaps


@pytest.mark.long
def test_a_mixing_leader_gets_past_the_corner_and_near_the_supremum(tmp_path):
    payoffs, _ = train("maintain-randomized", tmp_path)
    assert np.median(payoffs) >= 27.0, payoffs
    assert payoffs.min() >= 26.0, payoffs
    assert payoffs.max() <= 27.5


@pytest.mark.long
def test_the_step_path_learns_too(tmp_path):
    payoffs, _ = train("maintain", tmp_path, num_seeds=2, path="step", num_updates=40, num_envs=32, num_steps=400)
    np.testing.assert_allclose(payoffs, 20.0, atol=1e-4)


@pytest.mark.long
@pytest.mark.parametrize("num_games", [20])
def test_random_matrix_games_reach_what_brute_force_finds(tmp_path, num_games):
    """Random games from 3x3 to 5x5 from files, deterministic leader: its row is worth what the best row is."""
    rng = np.random.default_rng(0)
    for index in range(num_games):
        rows, columns = rng.integers(3, 6, size=2)
        payoffs = rng.normal(size=(rows, columns, 2))
        path = tmp_path / f"game-{index}.json"
        path.write_text(json.dumps({"payoffs": payoffs.tolist()}), encoding="utf-8")
        env = sx.StackelbergPOMDP(sx.load_matrix_game(path))
        trainer = sx.make_train(env, sx.PPOConfig(num_updates=60))
        quickly = {"xla_backend_optimization_level": "0"}  # most of the time would go into compiling
        params = jax.jit(trainer, compiler_options=quickly)(jax.random.key(0)).state.params
        row = int(trainer.agent.mode_action(params, jnp.ones(1)))
        reply = payoffs[row, :, 1].argmax()
        assert payoffs[row, reply, 0] == best_pure_commitment(payoffs[..., 0], payoffs[..., 1])[0], index
