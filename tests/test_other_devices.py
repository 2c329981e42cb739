"""Every program of a run lowers for GPUs and TPUs, from a machine that has neither."""

import functools

import jax
import jax.numpy as jnp
import pytest
from jax import export

import stackjax as sx
from stackjax.bayesian.followers.kernels.native import TARGET
from stackjax.bayesian.problem import BayesianProblem
from stackjax.bayesian.sampled.problem import SampledProblem
from stackjax.compute.state import advance_run, evaluate_run, score_run, start_run
from stackjax.solvers.bandit import bandit
from stackjax.solvers.config import BanditConfig, DirectConfig, ESConfig, PolicyConfig
from stackjax.solvers.direct import direct
from stackjax.solvers.es import es
from stackjax.solvers.policy import policy_solver
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.solver import ppo_solver
from stackjax.work import Work

FOLLOWERS = sx.followers.multiplicative_weights()


def table_problem():
    return BayesianProblem(sx.StackelbergPOMDP(sx.make("posted-price-pi"), FOLLOWERS, 10, 8))


def rows_problem():
    return BayesianProblem(sx.StackelbergPOMDP(sx.make("maintain"), FOLLOWERS, 10, 8))


def large_problem():
    return SampledProblem.of(sx.make("sequential-prices", num_agents=4), FOLLOWERS, 4, 8, judged_rounds=8)


WAYS = {
    "direct": (table_problem, lambda problem: direct(problem, DirectConfig(num_updates=2, population=16))),
    "ppo": (table_problem, lambda problem: ppo_solver(problem, PPOConfig(num_updates=2, num_envs=8, hidden_sizes=(8,)))),
    "policy": (large_problem, lambda problem: policy_solver(problem, PolicyConfig(num_envs=4, hidden_sizes=(8,)))),
    "bandit": (rows_problem, lambda problem: bandit(problem, BanditConfig(rule="thompson"))),
    "es": (large_problem, lambda problem: es(problem, ESConfig(population=4, hidden_sizes=(8,)))),
}


@pytest.mark.parametrize("platform", ["cuda", pytest.param("tpu", marks=pytest.mark.long)])
@pytest.mark.parametrize("way", [pytest.param(way, marks=pytest.mark.long) if way in ("policy", "es") else way for way in WAYS])
def test_programs_lower_for_other_devices(way, platform, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: {"cuda": "gpu"}.get(platform, platform))
    make_problem, make_solver = WAYS[way]
    problem = make_problem()
    work = Work(problem, make_solver(problem), 2)
    seed = jnp.int32(0)
    state = jax.eval_shape(functools.partial(start_run, work), seed)
    programs = {
        "init": (functools.partial(start_run, work), (seed,)),
        "advance": (functools.partial(advance_run, work), (state, jnp.int32(1))),
        "score": (functools.partial(score_run, work), (state, seed)),
        "evaluate": (functools.partial(evaluate_run, work), (state, seed)),
    }
    for name, (function, arguments) in programs.items():
        lowered = export.export(jax.jit(function), platforms=[platform])(*arguments)
        assert lowered.platforms == (platform,), name
        assert TARGET not in lowered.mlir_module(), name  # the kernel of CPUs
