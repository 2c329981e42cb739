"""Every solver on numbers that share a budget: mixes, and coverage."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.bayesian.problem import BayesianProblem
from stackjax.problem import Differentiable, Nearby, Table, Worth
from stackjax.solvers.bandit import bandit
from stackjax.solvers.climbing import Limits, ascended, restored
from stackjax.solvers.config import BanditConfig, DirectConfig, ESConfig, GradientConfig, PolicyConfig, SearchConfig
from stackjax.solvers.direct import direct
from stackjax.solvers.es import es
from stackjax.solvers.gradient import gradient
from stackjax.solvers.grids import grid_points
from stackjax.solvers.policy import policy_solver
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.solver import ppo_solver
from stackjax.solvers.search import search
from tests.oracles.direct_search import affine_scaling
from tests.runs.commands import PLAIN, result_of, run
from tests.solvers.test_direct import Toy

SPACES = {"mix": sx.Simplex(3), "cover": sx.CappedSimplex(3, 1.5)}
EVERY = pytest.mark.parametrize("space", SPACES.values(), ids=SPACES)
GOAL = np.array([[0.9, 0.3, -0.2], [0.1, 0.7, 0.6]])  # outside of both spaces


class Near(Toy):
    """Pays the less, the farther a commitment is from `GOAL`; what is best is the nearest allowed."""

    name, payoff_range = "near", (-3.0, 0.0)

    def __init__(self, space):
        self.commitments = Table(2, space, jnp.eye(2))

    def payoff(self, commitments):
        goal = GOAL.astype(np.float32).reshape((1,) * (commitments.ndim - 2) + GOAL.shape)
        return -((commitments - goal) ** 2).sum(axis=(-2, -1))

    def worth(self, key, commitments, *, lasting=0):
        paid = self.payoff(commitments)
        return Worth(paid, jnp.zeros_like(paid), jnp.zeros_like(paid), jnp.zeros((len(paid), 1), jnp.int32))

    @property
    def differentiable(self):
        space = self.commitments.actions
        return Differentiable(
            lambda key, made, sharpness: self.payoff(made), lambda key: self.commitments.draw(key, 1)[0], space.clip
        )

    def ppo(self, config):
        return None


def settled_on(solver, num_updates):
    """What it commits to in the end, and at first."""

    @jax.jit
    def both(key):
        start = solver.init(key)
        end = jax.lax.fori_loop(0, num_updates, lambda _, state: solver.update(state)[0], start)
        return solver.commitment(end), solver.commitment(start)

    return map(np.asarray, both(jax.random.key(0)))


@EVERY
def test_searches_find_what_is_nearest(space):
    problem, best = Near(space), np.asarray(space.clip(jnp.asarray(GOAL)))
    lost = lambda made: float(problem.payoff(best) - problem.payoff(made))
    made, _ = settled_on(direct(problem, DirectConfig(num_updates=60, population=48, starts=1)), 60)
    assert space.outside(made) is None
    np.testing.assert_allclose(made, best, atol=2e-3)
    made, _ = settled_on(gradient(problem, GradientConfig(num_updates=200, learning_rate=0.03)), 200)
    assert space.outside(made) is None
    np.testing.assert_allclose(made, best, atol=2e-3)
    made, _ = settled_on(search(problem, SearchConfig(num_updates=20, population=64)), 20)
    assert space.outside(made) is None
    assert lost(made) < 0.3
    points = grid_points(space, 5)
    made, _ = settled_on(bandit(problem, BanditConfig(num_updates=80, population=64, levels=5)), 80)
    on_grid = [points[((points - goal) ** 2).sum(axis=1).argmin()] for goal in GOAL]
    assert lost(made) == pytest.approx(lost(np.float32(on_grid)), abs=1e-6)


@EVERY
@pytest.mark.parametrize("box_policy", ["grid", pytest.param("gaussian", marks=pytest.mark.long)])
def test_ppo_learns_what_is_near(space, box_policy):
    problem = Near(space)
    options = {"grid_start": "even"} if box_policy == "grid" else {}
    config = PPOConfig(num_updates=60, num_envs=64, box_policy=box_policy, **options)
    made, first = settled_on(ppo_solver(problem, config), 60)
    assert space.outside(made) is None
    best = problem.payoff(np.asarray(space.clip(jnp.asarray(GOAL))))
    assert best - problem.payoff(made) < 0.1 < best - problem.payoff(first)


@pytest.mark.long
@pytest.mark.parametrize("solver", [(es, ESConfig(60, 32)), (policy_solver, PolicyConfig(40, 32))])
@pytest.mark.parametrize("name", SPACES)
def test_policies_learn_in_episodes(solver, name):
    payoffs = np.random.default_rng(1).random((3, 3, 2))
    game = sx.matrix_game(payoffs, randomized=True) if name == "mix" else sx.make("security", targets=4, guards=2, types=2)
    problem = BayesianProblem(sx.StackelbergPOMDP(game, sx.followers.multiplicative_weights(0.5), 50))
    build, config = solver
    made, first = settled_on(build(problem, config), config.num_updates)
    assert game.leader_actions.outside(made) is None
    paid = jax.jit(lambda made: problem.worth(jax.random.key(1), made).payoff)(jnp.stack([made, first]))
    drawn = problem.worth(jax.random.key(1), problem.commitments.draw(jax.random.key(2), 200)).payoff
    assert paid[0] >= np.quantile(drawn, 0.9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10**6), is_spent=st.booleans(), nodes=st.integers(1, 2))
def test_a_step_up_the_slope_keeps_to_the_budget(seed, is_spent, nodes):
    rng, width = np.random.default_rng(seed), 5
    start = rng.dirichlet(np.ones(width), nodes).ravel() * (1.0 if is_spent else 0.7)
    payoff, slopes, slack = rng.normal(size=nodes * width), rng.normal(size=(3, nodes * width)), rng.uniform(0.1, 1, 3)
    rows = np.kron(np.eye(nodes), np.ones(width))
    space = sx.Simplex(width) if is_spent else sx.CappedSimplex(width, 1.0)
    limits = Limits.of(space, nodes)
    single = lambda *parts: [jnp.asarray(part, jnp.float32) for part in parts]
    here, slope, at = Nearby(jnp.float32(0.0), *single(slack)), Nearby(*single(payoff, slopes)), single(start)[0]
    got = np.asarray(ascended(here, slope, at, jnp.float32(0.7), 0.0, 1.0, limits))
    if is_spent:
        want = affine_scaling(start, payoff, slack, slopes, 0.7, rows)
    else:
        room = 1.0 - rows @ start
        want = affine_scaling(start, payoff, np.concatenate([slack, room]), np.concatenate([slopes, -rows]), 0.7)
    np.testing.assert_allclose(got, want, atol=2e-4)
    moved = restored(*single(slack - 0.6, slopes), at, jnp.float32(0.01), limits)
    if is_spent and ((moved > 0) & (moved < 1)).all():
        np.testing.assert_allclose(rows @ moved, 1.0, atol=1e-3)


@pytest.mark.long
def test_the_best_coverage_is_found_where_many_targets_are_tied():
    """The optimum leaves an attacker indifferent between several targets; it is ORIGAMI's, by a bisection of the value."""
    game = sx.make("security", targets=6, guards=2, types=1, instance=3)
    (covered, uncovered), (attacked, free) = game.tables.defender[:, 0], game.tables.attacker[:, 0]
    low, high = attacked.max(), free.max()
    for _ in range(100):
        value = 0.5 * (low + high)
        cost = np.clip((free - value) / (free - attacked), 0.0, 1.0).sum()
        low, high = (value, high) if cost > 2.0 else (low, value)
    need = np.clip((free - high) / (free - attacked), 0.0, 1.0)
    is_tied = need > 0
    assert is_tied.sum() >= 4
    best = (need * covered + (1.0 - need) * uncovered)[is_tied].max()
    problem = BayesianProblem(sx.StackelbergPOMDP(game, sx.followers.best_response(), 1))
    made, _ = settled_on(direct(problem, DirectConfig(num_updates=40, population=64, starts=1)), 40)
    paid = float(problem.worth(jax.random.key(0), jnp.asarray(made)[None]).payoff[0])
    assert paid == pytest.approx(best, abs=1e-4 * np.ptp(game.leader_payoff_range))


def test_grids_that_are_too_fine_are_refused():
    problem = Near(sx.Simplex(20))
    with pytest.raises(sx.InputError, match="a grid of levels=11 points a number, and a bandit has an arm for each"):
        bandit(problem, BanditConfig())


OWN_GAME = """
import jax.numpy as jnp, numpy as np, stackjax as sx

class Mine(sx.OneShotGame):
    name, type_prior, num_actions = "mixes", np.ones(1), (2,)
    leader_actions, leader_payoff_range = sx.Simplex(3, ("left", "right", "none")), (0.0, 1.0)

    def observation(self, actions):
        return jnp.ones(1)

    def outcome_payoffs(self, types, actions, leader_action):
        return jnp.stack([leader_action[actions[0]], 1.0 - leader_action[actions[0]]])

sx.register("mixes", Mine)
"""


def test_a_game_of_ones_own_from_the_command_line(tmp_path):
    """The follower goes where the leader is less likely to be: each side with chance 1/2 is best, and pays 1/2."""
    path = tmp_path / "mixes_game.py"
    path.write_text(OWN_GAME, encoding="utf-8")
    assert run("train", path, *PLAIN, "--followers.kind", "best-response", "--out", tmp_path / "run") == 0
    entry = result_of(tmp_path / "run")["seeds"][0]
    assert 0.3 < entry["leader_payoff"] <= 0.5
    assert sum(entry["commitment"]["actions"][0]) == pytest.approx(1.0, abs=1e-5)
    assert "left 0." in entry["mechanism"][0]
    assert run("evaluate", tmp_path / "run", "--game", path, "--followers.kind", "multiplicative-weights") == 0


def test_an_action_that_is_no_mix_is_not_judged_again(tmp_path, capsys):
    assert run("train", "maintain-randomized", "--solver", "search", *PLAIN, "--out", tmp_path / "run") == 0
    path = tmp_path / "run" / "result.json"
    text = path.read_text(encoding="utf-8")
    for entry in result_of(tmp_path / "run")["seeds"]:
        first = entry["commitment"]["actions"][0]
        text = text.replace(str(first[0]), str(min(1.0, first[0] + 0.2)))
    path.write_text(text, encoding="utf-8")
    capsys.readouterr()
    assert run("evaluate", tmp_path / "run", "--followers.kind", "best-response") == 2
    assert "but it must be 3 numbers of at least 0 that add up to 1" in capsys.readouterr().err
