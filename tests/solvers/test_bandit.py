"""Bandits pull the arms that loops in NumPy pull given the same draws, and regret less and less where payoffs are noisy."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.errors import InputError
from stackjax.problem import Table, Worth
from stackjax.solvers.bandit import MOST_ARMS, bandit, bandit_caveat, epsilon_greedy, thompson, ucb
from stackjax.solvers.config import BanditConfig
from stackjax.solvers.ranking import unsettled
from tests.oracles.bandits import Bandit, grid_of
from tests.runs.commands import WHOLE, metrics_of, result_of
from tests.runs.commands import run as command_line
from tests.siblings import first
from tests.solvers.test_direct import Toy, run

RULES = ("ucb", "epsilon-greedy", "thompson")


class Noisy:
    """One node; arm ``a`` pays ``means[a]`` and normal noise, and leaves a follower unsettled with chance ``wild[a]``."""

    name, payoff_range, settled_gap, tie_tolerance, nearby = "noisy", (-3.0, 5.0), 0.02, 1e-5, None

    def __init__(self, means, noise=0.8, wild=0.0):
        self.means, self.noise = jnp.asarray(means, jnp.float32), noise
        self.wild = jnp.broadcast_to(jnp.asarray(wild, jnp.float32), self.means.shape)
        self.commitments = Table(1, sx.Discrete(len(self.means)))

    def worth(self, key, commitments, *, lasting=0):
        noise_key, gap_key = jax.random.split(key)
        arms = commitments[:, 0]
        payoff = self.means[arms] + self.noise * jax.random.normal(noise_key, arms.shape)
        gap = jnp.where(jax.random.uniform(gap_key, arms.shape) < self.wild[arms], 0.5, 0.0)
        return Worth(payoff, gap, jnp.zeros_like(payoff), commitments)


def history(problem, config, seed=0):
    """The arm, payoff and gap of every pull, one a batch, the keys of the draws that chose them, and the last state."""
    solver = bandit(problem, config)

    def step(state, _):
        after, _ = solver.update(state)
        _, choose_key, worth_key = jax.random.split(state.key, 3)
        arm = jnp.argmax(after.pulls - state.pulls)
        worth = problem.worth(worth_key, arm[None, None].astype(jnp.int32))
        return after, (arm, worth.payoff[0], worth.gap[0], jax.random.split(choose_key, 1)[0])

    state, seen = jax.lax.scan(step, solver.init(jax.random.key(seed)), None, length=config.num_updates)
    return seen, state, solver.commitment(state)


def oracle(problem):
    low, high = problem.payoff_range
    return Bandit(len(problem.means), (low, high), lambda gap: float(unsettled(problem, jnp.float32(gap))))


def replayed(problem, config, choose, seed=0):
    """Every pull is the one that ``choose(oracle, key)`` makes."""
    (arms, payoffs, gaps, keys), state, commitment = jax.jit(lambda: history(problem, config, seed))()
    known = oracle(problem)
    for t in range(config.num_updates):
        assert choose(known, keys[t]) == arms[t], f"pull {t}"
        known.paid(int(arms[t]), float(payoffs[t]), float(gaps[t]))
    assert state.pulls.tolist() == [known.pulls(arm) for arm in range(len(problem.means))]
    pulled = [arm for arm in range(len(problem.means)) if known.pulls(arm)]
    np.testing.assert_allclose(state.payoff[np.array(pulled)], [np.mean(known.payoffs[arm]) for arm in pulled], atol=1e-5)
    assert commitment[0] == known.committed()
    return known


def problem_of(seed, num_arms=7):
    rng = np.random.default_rng(seed)
    return Noisy(rng.normal(1.0, 1.0, num_arms), wild=rng.choice([0.0, 0.0, 0.3], num_arms))


@pytest.mark.parametrize(("seed", "exploration"), first(2, [(0, 0.2), (1, 1.4), (2, 0.0), (3, 0.2), (4, 0.7)]))
def test_ucb_pulls_the_arms_of_the_loop(seed, exploration):
    config = BanditConfig(num_updates=200, exploration=exploration)
    known = replayed(problem_of(seed), config, lambda known, _: known.ucb(exploration), seed)
    assert min(known.pulls(arm) for arm in range(7)) >= 1


@pytest.mark.parametrize(("seed", "epsilon", "decay"), first(2, [(0, 0.1, 0.0), (1, 0.8, 0.05), (2, 1.0, 0.0), (3, 0.0, 0.0)]))
def test_epsilon_greedy_pulls_the_arms_of_the_loop(seed, epsilon, decay):
    def choose(known, key):
        uniform_key, other_key = jax.random.split(key)
        other = int(jax.random.randint(other_key, (), 0, 7, jnp.int32))
        return known.epsilon_greedy(float(jax.random.uniform(uniform_key)), other, epsilon, decay)

    config = BanditConfig(rule="epsilon-greedy", num_updates=200, epsilon=epsilon, epsilon_decay=decay)
    replayed(problem_of(seed), config, choose, seed)


@pytest.mark.parametrize(("seed", "prior"), first(1, [(0, (0.5, 0.5, 0.1)), (1, (0.9, 0.2, 0.4)), (2, (0.0, 2.0, 0.05))]))
def test_thompson_pulls_the_arms_of_the_loop(seed, prior):
    mean, deviation, noise = prior
    config = BanditConfig(rule="thompson", num_updates=200, prior_mean=mean, prior_deviation=deviation, noise=noise)
    replayed(
        problem_of(seed), config, lambda known, key: known.thompson(np.asarray(jax.random.normal(key, (7,))), *prior), seed
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), num_arms=st.integers(1, 9))
def test_each_rule_alone_chooses_as_the_loop_does(seed, num_arms):
    """Any numbers of pulls, with arms that were never pulled among them or not."""
    rng = np.random.default_rng(seed)
    known = Bandit(num_arms, (0.0, 1.0))
    for arm, pulls in enumerate(rng.integers(rng.integers(2), 6, num_arms)):
        for payoff in rng.random(pulls):
            known.paid(arm, payoff)
    values = jnp.asarray([known.value(arm) for arm in range(num_arms)], jnp.float32)
    pulls = jnp.asarray([known.pulls(arm) for arm in range(num_arms)], jnp.int32)
    normals, uniform, other = rng.normal(size=num_arms), rng.random(), int(rng.integers(num_arms))
    assert ucb(values, pulls, 0.3) == known.ucb(0.3)
    drawn = epsilon_greedy(values, jnp.float32(0.4), jnp.float32(uniform), jnp.int32(other))
    assert drawn == known.epsilon_greedy(uniform, other, 0.4)
    config = BanditConfig(rule="thompson", prior_mean=0.3, prior_deviation=0.7, noise=0.2)
    assert thompson(values, pulls, jnp.asarray(normals, jnp.float32), config) == known.thompson(normals, 0.3, 0.7, 0.2)


class Echo(Toy):
    """Tells what it was asked about."""

    def __init__(self, table):
        self.commitments, self.asked = table, []

    def worth(self, key, commitments, *, lasting=0):
        jax.debug.callback(lambda made: self.asked.extend(np.asarray(made)), commitments, ordered=True)
        nothing = jnp.zeros(len(commitments))
        return Worth(nothing, nothing, nothing, jnp.zeros((len(commitments), 1), jnp.int32))


@pytest.mark.parametrize(
    ("table", "points"),
    [
        (Table(3, sx.Discrete(4)), [range(4)]),
        (Table(2, sx.Box((0.0, -2.0), (1.0, 3.0))), [np.linspace(0.0, 1.0, 3), np.linspace(-2.0, 3.0, 3)]),
        (Table(4, sx.Discrete(1)), [range(1)]),
    ],
)
def test_arms_are_all_commitments_of_the_grid(table, points):
    want = grid_of(table.num_nodes, points)
    problem = Echo(table)
    run(bandit(problem, BanditConfig(num_updates=1, population=len(want), levels=3)), 1, jax.random.key(0))
    jax.effects_barrier()
    shape = (len(want), table.num_nodes, *table.actions.shape)
    assert problem.asked[0].dtype == (np.int32 if isinstance(table.actions, sx.Discrete) else np.float32)
    np.testing.assert_allclose(np.array(problem.asked), np.reshape(want, shape), rtol=1e-6)


@pytest.mark.parametrize("rule", RULES)
def test_where_nothing_is_drawn_the_best_arm_is_found_and_kept(rule):
    """Settled followers go first, though 12 would be paid: every arm of 256 is as in `Toy`, to the last bit."""
    config = BanditConfig(rule=rule, num_updates=800, population=4)
    commitment, metrics = jax.jit(lambda key: run(bandit(Toy(), config), 800, key))(jax.random.key(1))
    if rule == "epsilon-greedy":  # 320 draws at random: some of 256 arms were not among them
        assert commitment.sum() >= 8
    else:
        assert commitment.sum() == 9
        assert metrics["best_payoff"][-1] == 9.0
    assert metrics["best_gap"][-1] == 0.0
    assert (metrics["episodes"] == 4.0).all()


@pytest.mark.parametrize("rule", RULES)
def test_arms_that_are_as_good_are_told(rule):
    problem = Noisy([1.0, 3.0, 3.0, 2.0, 3.0], noise=0.0)
    config = BanditConfig(rule=rule, num_updates=100)
    solver = bandit(problem, config)
    state, metrics = jax.lax.scan(lambda s, _: solver.update(s), solver.init(jax.random.key(0)), None, 100)
    pulls = np.asarray(state.pulls)
    best = (pulls > 0) & (np.asarray(problem.means) == 3.0)
    assert int(metrics["tied_arms"][-1]) == best.sum() >= 1
    assert int(metrics["tried_arms"][-1]) == (pulls > 0).sum()
    arm = int(solver.commitment(state)[0])
    assert best[arm]
    assert pulls[arm] == pulls[best].max()


def regret(rule, num_updates, **options):
    """``[num_updates]`` the cumulative regret, mean of 16 seeds, of ten arms a twentieth of the range or more apart."""
    problem = Noisy(np.linspace(-1.0, 3.0, 10), noise=0.8)
    solver = bandit(problem, BanditConfig(rule=rule, num_updates=num_updates, **options))

    def one(key):
        def step(state, _):
            after, _ = solver.update(state)
            return after, 3.0 - problem.means[jnp.argmax(after.pulls - state.pulls)]

        return jnp.cumsum(jax.lax.scan(step, solver.init(key), None, num_updates)[1])

    return np.asarray(jax.jit(jax.vmap(one))(jax.random.split(jax.random.key(5), 16)), np.float64).mean(axis=0)


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("ucb", {}),
        ("thompson", {}),
        ("epsilon-greedy", {"epsilon": 1.0, "epsilon_decay": 0.05}),
    ],
)
def test_regret_grows_ever_slower(rule, options):
    found = regret(rule, 4096, **options)
    assert found[-1] <= 0.1 * 2.0 * 4096  # of what random arms regret
    assert found[-1] - found[2047] <= 0.5 * (found[2047] - found[0])
    assert found[4095] <= 2.0 * found[1023]


def test_a_constant_epsilon_pays_for_it_for_ever():
    """A tenth of pulls at random, which regret 2 on average: 0.2 a pull, from a known best arm on."""
    found = regret("epsilon-greedy", 4096)
    assert (found[-1] - found[2047]) / 2048 == pytest.approx(0.2, abs=0.02)


def test_a_batch_of_ucb_spreads_its_pulls_and_so_does_thompson():
    problem = Noisy(np.linspace(0.0, 1.0, 12), noise=0.1)
    for config in (BanditConfig(num_updates=1, population=12), BanditConfig(num_updates=1, population=30)):
        state, _ = bandit(problem, config).update(bandit(problem, config).init(jax.random.key(0)))
        assert state.pulls.min() >= config.population // 12
        assert state.pulls.sum() == config.population
    config = BanditConfig(rule="thompson", num_updates=1, population=64)
    state, _ = bandit(problem, config).update(bandit(problem, config).init(jax.random.key(0)))
    assert (state.pulls > 0).sum() >= 10


@pytest.mark.parametrize("rule", RULES)
def test_means_of_batches_are_those_of_single_pulls(rule):
    """Several pulls of an arm in a batch count one by one."""
    problem = Noisy([0.0, 1.0], noise=0.5)
    config = BanditConfig(rule=rule, num_updates=6, population=9)
    solver, state, paid = bandit(problem, config), None, np.zeros(2)
    state = solver.init(jax.random.key(3))
    for _ in range(6):
        after, metrics = solver.update(state)
        new = np.asarray(after.pulls - state.pulls)
        total = np.asarray(after.payoff) * np.asarray(after.pulls)
        assert new.sum() == 9
        assert (total - paid).sum() == pytest.approx(float(metrics["total_return"]), abs=1e-4)
        state, paid = after, total


@pytest.mark.parametrize("rule", RULES)
def test_what_is_not_finite_ranks_last_and_stops_nothing(rule):
    class Broken(Noisy):
        def worth(self, key, commitments, *, lasting=0):
            worth = super().worth(key, commitments)
            return worth._replace(payoff=jnp.where(commitments[:, 0] == 2, jnp.nan, worth.payoff))

    solver = bandit(Broken([0.0, 1.0, 9.0, 0.5]), BanditConfig(rule=rule, num_updates=60, population=6))
    commitment, metrics = jax.jit(lambda key: run(solver, 60, key))(jax.random.key(2))
    assert commitment[0] != 2
    assert metrics["is_finite"].all()
    assert jnp.isfinite(metrics["total_return"]).all()
    assert jnp.isfinite(metrics["best_payoff"][1:]).all()


def test_an_arm_that_settles_on_average_is_not_lost_by_one_group_that_does_not():
    """A hundredth of groups is 0.5 off: 0.005 on average, which settles; 0.3 of them are 0.15 off, which does not."""
    problem = Noisy([0.0, 1.0, 2.0], noise=0.0, wild=[0.0, 0.01, 0.3])
    config = BanditConfig(num_updates=2000, exploration=0.5)
    commitment, metrics = jax.jit(lambda key: run(bandit(problem, config), 2000, key))(jax.random.key(0))
    assert commitment[0] == 1
    assert 0.0 < metrics["best_gap"][-1] <= 0.02


def test_too_many_arms_are_refused_by_their_count():
    class Large(Toy):
        commitments = Table(3, sx.Box((0.0, 0.0), (1.0, 1.0)))

    assert 12**6 <= MOST_ARMS < 13**6
    bandit(Large(), BanditConfig(levels=12))
    words = "'toy' has 4826809 commitments on a grid of levels=13 points a number, and a bandit has an arm for each, at most "
    with pytest.raises(InputError, match=f"{words}4000000; lower levels to 12, or use --solver direct"):
        bandit(Large(), BanditConfig(levels=13))

    class Discrete(Toy):
        commitments = Table(64, sx.Discrete(3))

    with pytest.raises(InputError, match=r"'toy' has about 10\^30 commitments, and a bandit .* at most 4000000; use --solver"):
        bandit(Discrete(), BanditConfig())


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: bandit(Toy(), 3), "config=3 must be a BanditConfig, for example"),
        (lambda: BanditConfig(rule="exp3"), "rule=exp3 must be one of ucb, epsilon-greedy, thompson"),
        (lambda: BanditConfig(levels=1), "levels=1 must be a whole number of at least 2"),
        (lambda: BanditConfig(exploration=-1.0), "exploration=-1.0 must be at least 0"),
        (lambda: BanditConfig(rule="epsilon-greedy", epsilon=1.5), "epsilon=1.5 must be from 0 to 1"),
        (lambda: BanditConfig(rule="thompson", noise=0.0), "noise=0.0 must be"),
        (lambda: BanditConfig(epsilon=0.5), "epsilon=0.5 does nothing unless rule is epsilon-greedy"),
        (lambda: BanditConfig(rule="thompson", exploration=0.5), "exploration=0.5 does nothing unless rule is ucb"),
        (lambda: BanditConfig(num_updates=2**20, population=4096), "population=4096 must be at most 2047, as there are fewer"),
    ],
)
def test_mistakes_are_told(make, words):
    with pytest.raises(InputError, match=words):
        make()


def test_what_one_must_know_of_it_is_said():
    class Grid(Toy):
        commitments = Table(2, sx.Box((0.0, 0.0), (1.0, 1.0)))

    few = BanditConfig(num_updates=10, population=2)
    assert bandit_caveat(Toy(), few) == "There are 256 arms and at most 20 pulls, so that some were never tried."
    assert bandit_caveat(Toy(), BanditConfig()) == ""
    assert bandit_caveat(Grid(), BanditConfig()).startswith("Best on the grid: it chooses each number from 11 points")
    assert "14641 arms" in bandit_caveat(Grid(), few)


@pytest.mark.parametrize("rule", first(1, RULES))
def test_a_run_that_goes_on_is_the_same_to_the_last_bit(rule, tmp_path, capsys):
    """Of two seeds, from the checkpoint before the last; also what its metrics and its report say."""
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    settings = ["--bandit.rule", rule, "--bandit.num-updates", 44, "--bandit.population", 3, "--seeds", 2, "--polish", 0]
    command = ["train", "allocation", *settings, "--pomdp.num-rounds", 20, *WHOLE, "--checkpoint-seconds", 0]
    assert command_line(*command, "--out", whole) == 0
    assert "There are" not in capsys.readouterr().out
    shutil.copytree(whole, cut)
    numbers = sorted(int(path.name) for path in (cut / "checkpoints").iterdir() if path.name.isdigit())
    assert numbers[-1] == 44
    assert numbers[-2] < 44
    (cut / "checkpoints" / "44").unlink()
    (cut / "result.json").unlink()
    assert command_line(*command, "--out", cut, "--resume") == 0
    assert result_of(cut) == result_of(whole)
    without_clock = lambda rows: [{key: value for key, value in row.items() if key != "seconds"} for row in rows]
    assert without_clock(metrics_of(cut)) == without_clock(metrics_of(whole))
    last = metrics_of(whole)[-1]
    assert last["stackelberg_episodes"] == 132.0
    assert {"tried_arms", "tied_arms", "settled_share", "best_gap"} <= last.keys()
    assert command_line("export", whole, tmp_path / "commitment.npz") == 0
    assert np.load(tmp_path / "commitment.npz")["actions"].shape == (3,)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["posted-price-pi", "--solver", "bandit"], "'posted-price-pi' has about 10^25 commitments on a grid of levels=11"),
        (["allocation", "--bandit.rule", "greedy"], "--bandit.rule"),
        (["allocation", "--bandit.epsilon", "0.2"], "--bandit.epsilon 0.2 does nothing unless rule is epsilon-greedy"),
        (["sequential-prices", "--game.num-agents", "8", "--solver", "bandit"], "use --solver"),
    ],
)
def test_mistakes_at_the_command_line_are_one_line(arguments, words, tmp_path, capsys):
    assert command_line("train", *arguments, "--out", tmp_path / "run") == 2
    errors = capsys.readouterr().err.strip().splitlines()
    assert len(errors) == 1
    assert words in errors[0]


@pytest.mark.long
def test_settings_that_are_numbers_go_through_one_program(tmp_path):
    values = ["--sweep.bandit.exploration", "0.0", "0.5"]
    command = ["sweep", "allocation", *values, "--bandit.num-updates", 60, "--seeds", 2, "--polish", 0]
    assert command_line(*command, "--pomdp.num-rounds", 20, "--out", tmp_path / "sweep") == 0
    rows = result_of(tmp_path / "sweep")
    assert rows["best"]["settings"].keys() == {"bandit.exploration"}
