"""Solvers of commitments that act on observations: what they learn, and all that a run of them leaves."""

import json
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.acting import Policy, played_by_batches
from stackjax.bayesian.problem import BayesianProblem
from stackjax.bayesian.sampled import judge
from stackjax.bayesian.sampled.problem import SampledProblem
from stackjax.cli import main
from stackjax.policy import Policy as Exported
from stackjax.policy import load_policy
from stackjax.runs import session
from stackjax.runs.trained import train
from stackjax.solvers.config import ESConfig, PolicyConfig, SearchConfig
from stackjax.solvers.es import es
from stackjax.solvers.network import PolicyNetwork, exported
from stackjax.solvers.parts import Parts
from stackjax.solvers.policy import policy_solver
from stackjax.solvers.registry import registered_solvers
from stackjax.spaces import Box, Discrete

SMALL = ["--pomdp.num-rounds", "4", "--pomdp.num-reward-episodes", "8", "--pomdp.evaluation-rounds", "8"]
FEW = ["--policy.num-envs", "4", "--policy.num-updates", "2", "--policy.hidden-sizes", "4", "--seeds", "2"]
LARGE = ["posted-price-uniform", "--game.num-agents", "9", *SMALL]  # 10 million profiles


def brute_force(parts, observation, outputs):
    """Probabilities of all choices, by loops."""
    found = {}
    options = outputs[: parts.options]
    grids = outputs[parts.options :].reshape(max(parts.options, 1), parts.entries, parts.points)
    softmax = lambda x: np.exp(x - x.max()) / np.exp(x - x.max()).sum()
    weights = np.ones(1)
    if parts.options:
        is_open = observation[: parts.options] > 0.5 if parts.is_masked else np.ones(parts.options, bool)
        weights = np.where(is_open, np.exp(options - options.max()), 0.0)
        weights = weights / weights.sum()
    for option, weight in enumerate(weights):
        for points in np.ndindex(*(parts.points,) * parts.entries):
            found[(option, *points)] = weight * np.prod([softmax(grids[option, e])[p] for e, p in enumerate(points)])
    return found


@pytest.mark.parametrize(
    "policies",
    [
        Policy(3, Discrete(4)),
        Policy(3, Box((0.0, -1.0), (1.0, 2.0))),
        Policy(5, Box((0.0,) * 5, (1.0,) * 3 + (2.0, 4.0)), num_options=3),
    ],
)
def test_parts_are_the_distribution_of_plain_loops(policies):
    parts, rng = Parts.of(policies, 3), np.random.default_rng(0)
    observation = np.array([1.0, 0.0, 1.0, 0.5, 0.2])[: policies.observation_size].astype(np.float32)
    outputs = rng.normal(size=parts.num_outputs).astype(np.float32)
    expected = brute_force(parts, observation, outputs)
    assert sum(expected.values()) == pytest.approx(1.0)
    for choice, chance in expected.items():
        if chance > 0:
            log_prob, _ = parts.log_prob_and_entropy(jnp.asarray(observation), jnp.asarray(outputs), jnp.asarray(choice))
            assert float(jnp.exp(log_prob)) == pytest.approx(chance, rel=1e-4)
    uniforms = jax.random.uniform(jax.random.key(0), (40_000, parts.num_uniforms))
    drawn = np.asarray(jax.vmap(lambda u: parts.draw(jnp.asarray(observation), jnp.asarray(outputs), u))(uniforms))
    for choice, chance in expected.items():
        assert (drawn == np.array(choice)).all(axis=1).mean() == pytest.approx(chance, abs=0.012)
    mode = tuple(np.asarray(parts.mode(jnp.asarray(observation), jnp.asarray(outputs))).tolist())
    best = max(range(max(parts.options, 1)), key=lambda o: sum(c for k, c in expected.items() if k[0] == o))
    assert mode == max((k for k in expected if k[0] == best), key=expected.get)


@pytest.mark.long
def test_a_policy_of_a_small_game_is_judged_exactly_and_settles_the_threats():
    """Fighting never happens once followers have learned: only the term of distinct observations can find it."""
    config = PolicyConfig(num_updates=40)
    pomdp = sx.POMDPConfig(num_rounds=50, num_reward_episodes=32)
    found = train("threats", num_copies=2, policy=config, pomdp=pomdp, seeds=2, progress=False).result
    assert [seed["leader_payoff"] for seed in found["seeds"]] == [2.0, 2.0]
    assert all(seed["bne_gap"] == 0.0 and len(seed["commitment"]["actions"]) == 8 for seed in found["seeds"])


@pytest.fixture(scope="module")
def large_run(tmp_path_factory):
    """A run of a game that is too large for a table, by the command that a user writes."""
    out = tmp_path_factory.mktemp("large") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "MOST_PAIRS", 200)
        assert main(["train", *LARGE, *FEW, "--out", str(out)]) == 0
    return out


def test_a_large_game_is_trained_certified_and_reported(large_run):
    result = json.loads((large_run / "result.json").read_text(encoding="utf-8"))
    assert (result["solver"], result["gap_name"], result["kernel"]) == ("policy", "bne_gap_bound", "sampled")
    for seed in result["seeds"]:
        assert -1.0 <= seed["leader_payoff"] <= 0.0 < seed["half_width"] < 0.1
        assert 0.0 <= seed["bne_gap"] <= seed["bne_gap_bound"] < 2.0
        assert (seed["optimum"], seed["optimum_method"]) == (0.0, "upper-bound")
        assert seed["mechanism"]
        assert seed["chances"][0] <= 1.0
        assert "is asked" in seed["mechanism"][0]
        assert len(seed["commitment"]["observations"][0]) == 9 + 1 + 18
    report = (large_run / "report.html").read_text(encoding="utf-8")
    assert "BNE gap at most" in report
    assert "is asked" in report
    silent = sx.make("posted-price-uniform", num_agents=9, num_messages=1)
    assert result["yardsticks"] == {"without messages": pytest.approx(silent.without_messages())}
    assert f"The most that is possible without messages: {result['yardsticks']['without messages']:.3f}" in report


def test_the_exported_policy_does_what_the_commitment_does(large_run, tmp_path):
    result = json.loads((large_run / "result.json").read_text(encoding="utf-8"))
    for seed in result["seeds"]:
        policy = load_policy(large_run / "policies.npz", seed["seed"])
        seen, done = seed["commitment"]["observations"], seed["commitment"]["actions"]
        np.testing.assert_allclose(policy.act(np.array(seen)), np.array(done), atol=1e-6)
    for ending in ("npz", "json", "onnx"):
        assert main(["export", str(large_run), str(tmp_path / f"policy.{ending}"), "--seed", "0"]) == 0
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(tmp_path / "policy.onnx")
    seed = result["seeds"][0]
    seen = np.array(seed["commitment"]["observations"], np.float32)
    (action,) = session.run(None, {"observation": seen})
    np.testing.assert_allclose(action, np.array(seed["commitment"]["actions"]), atol=1e-6)


@pytest.mark.long
def test_a_large_run_is_evaluated_again(large_run, monkeypatch):
    monkeypatch.setattr(judge, "MOST_PAIRS", 200)
    before = json.loads((large_run / "result.json").read_text(encoding="utf-8"))
    assert main(["evaluate", str(large_run)]) == 0
    after = json.loads((large_run / "result.json").read_text(encoding="utf-8"))
    assert [seed["leader_payoff"] for seed in after["seeds"]] == [seed["leader_payoff"] for seed in before["seeds"]]


@pytest.mark.long
def test_a_large_run_that_was_stopped_ends_as_if_it_had_not_been(large_run, tmp_path, monkeypatch):
    monkeypatch.setattr(judge, "MOST_PAIRS", 200)
    out, train_batch = tmp_path / "run", session.train_batch

    def cut_short(*arguments, **options):
        train_batch(*arguments, **{**options, "enough": lambda reached, update: "optimum"})  # after the first update
        raise KeyboardInterrupt

    monkeypatch.setattr(session, "train_batch", cut_short)
    assert main(["train", *LARGE, *FEW, "--out", str(out)]) == 130
    monkeypatch.setattr(session, "train_batch", train_batch)
    assert main(["train", *LARGE, *FEW, "--out", str(out), "--resume"]) == 0
    results = [json.loads((place / "result.json").read_text(encoding="utf-8"))["seeds"] for place in (large_run, out)]
    assert [seed["leader_payoff"] for seed in results[0]] == [seed["leader_payoff"] for seed in results[1]]


def test_it_cannot_be_judged_by_other_settings(large_run, capsys):
    assert main(["evaluate", str(large_run), "--pomdp.evaluation-rounds", "3"]) == 2
    assert "too large for a table" in capsys.readouterr().err


@pytest.mark.parametrize("solver", ["direct", "gradient", "ppo"])
def test_solvers_that_need_a_table_say_so(solver, tmp_path, capsys):
    assert main(["train", *LARGE, "--solver", solver, "--out", str(tmp_path / "run")]) == 2
    error = capsys.readouterr().err
    assert "needs a table" in error
    assert "--solver policy" in error
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--pomdp.ties", "against"], "too large to find all equilibria"),
        (["--pomdp.reward-play", "empirical"], "too large for that"),
        (["--followers.kind", "multiplicative-weights", "--followers.feedback", "expected"], "played by samples; use feedback"),
    ],
)
def test_settings_that_need_a_table_say_so(flags, said, tmp_path, capsys):
    assert main(["train", *LARGE, *flags, "--out", str(tmp_path / "run")]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_solvers_of_policies_are_refused_where_nothing_is_played(tmp_path, capsys):
    for solver in ("policy", "es"):
        assert main(["train", "menu-additive", "--solver", solver, "--out", str(tmp_path / "run")]) == 2
        assert "--solver direct" in capsys.readouterr().err


@pytest.mark.parametrize("solver", [es, policy_solver])
def test_an_exported_network_is_the_network(solver):
    problem = SampledProblem.of(sx.make("allocations"), sx.followers.multiplicative_weights())
    config = ESConfig(hidden_sizes=(4,)) if solver is es else PolicyConfig(hidden_sizes=(4,))
    built = solver(problem, config)
    acting = built.commitment(built.init(jax.random.key(0)))
    arrays, head = exported(acting.network, acting.params)
    seen = np.random.default_rng(0).random((50, problem.policies.observation_size)).astype(np.float32)
    policy = Exported(tuple(arrays[f"kernel_{k}"] for k in range(2)), tuple(arrays[f"bias_{k}"] for k in range(2)), head)
    np.testing.assert_array_equal(policy.act(seen), np.asarray(acting(jnp.asarray(seen))))


def test_an_exported_mix_is_a_mix():
    problem = BayesianProblem(sx.StackelbergPOMDP(sx.make("maintain-randomized")))
    network = PolicyNetwork.of(problem.policies, (4,), 11)
    _, head = exported(network, network.init(jax.random.key(0)))
    assert head["is_mix"]


def test_empirical_play_cannot_be_learned_from_samples(tmp_path, capsys):
    arguments = ["train", "maintain", "--solver", "policy", "--pomdp.reward-play", "empirical", "--out", str(tmp_path / "run")]
    assert main(arguments) == 2
    assert "use argmax or mixed" in capsys.readouterr().err


@pytest.mark.long
def test_a_table_of_a_policy_is_what_it_does_at_every_node():
    game = sx.make("copies", num_copies=1)
    problem = BayesianProblem(sx.StackelbergPOMDP(game, num_rounds=10))
    network = PolicyNetwork.of(problem.policies, (8,), 5, gain=2.0)
    acting = network.acting(network.init(jax.random.key(3)))
    made = problem.filled(acting)
    words = problem.describe(jax.tree.map(lambda x: x[None], problem.judge(jax.random.key(0), made, 1)), made[None], ["it"])[0]
    seen = jnp.asarray(words["commitment"]["observations"], jnp.float32)
    np.testing.assert_allclose(np.asarray(acting(seen)), np.asarray(made), atol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize(("solver", "config"), [("es", ESConfig(3, 8)), ("search", SearchConfig(3, 8))])
def test_other_solvers_of_large_games(solver, config):
    class Large(sx.OneShotGame):
        name, num_actions, leader_actions = "large", (2, 2), sx.Discrete(2)
        type_prior = (np.full(2, 0.5), np.full(2, 0.5))
        leader_payoff_range = (0.0, 2.0)
        observation = lambda self, actions: actions.astype(jnp.float32)

        def outcome_payoffs(self, types, actions, leader_action):
            hits = (types == leader_action).astype(jnp.float32)
            return jnp.concatenate([hits.sum(keepdims=True), hits])

    pomdp = sx.POMDPConfig(num_rounds=4, num_reward_episodes=8, evaluation_rounds=8)
    found = train(Large(), pomdp=pomdp, seeds=1, progress=False, **{solver: config}).result
    (seed,) = found["seeds"]
    assert 0.5 <= seed["leader_payoff"] <= 1.5
    assert seed["half_width"] > 0
    assert found["solver"] == solver


def test_who_needs_a_table():
    assert {entry.name for entry in registered_solvers() if not entry.needs_table} == {"search", "policy", "es"}


@pytest.mark.long
@pytest.mark.parametrize(
    ("game", "options", "updates", "least"),
    [
        ("copies", {"num_copies": 1}, 25, -0.001),
        ("copies", {"num_copies": 2}, 60, -0.02),
        ("maintains", {}, 60, 80.0),
        ("threats", {}, 40, 4.0),
        ("allocations", {}, 50, 2.6),
    ],
)
def test_known_optima_are_reached_on_every_seed(game, options, updates, least):
    pomdp = sx.POMDPConfig(num_rounds=60 if game == "allocations" else 50, num_reward_episodes=32)
    config = PolicyConfig(num_updates=updates)
    found = train(game, policy=config, pomdp=pomdp, seeds=4, stop_at_optimum=False, progress=False, **options).result
    assert min(seed["leader_payoff"] for seed in found["seeds"]) >= least


@pytest.mark.long
def test_noise_drawn_afresh_learns_more_slowly():
    """By the mean over training: in the end both may find the optimum, which the best commitment so far then keeps."""
    means = {}
    for fresh in (False, True):
        config = PolicyConfig(num_updates=20, fresh_noise=fresh)
        pomdp = sx.POMDPConfig(num_rounds=50, num_reward_episodes=32)
        found = train("copies", policy=config, pomdp=pomdp, seeds=4, stop_at_optimum=False, progress=False).result
        means[fresh] = np.mean([seed["mean_greedy_payoff"] for seed in found["seeds"]])
    assert means[True] < means[False] - 0.03


@pytest.mark.parametrize("count", [5, 37, 40])
def test_episodes_that_are_played_by_batches_are_those_of_one_vmap(count):
    def play(key, share):
        steps = jax.lax.while_loop(lambda k: jax.random.uniform(jax.random.fold_in(key, k)) < share, lambda k: k + 1, 0)
        return {"steps": steps, "last": jax.random.uniform(jax.random.fold_in(key, steps), (2,))}

    arguments = jax.random.split(jax.random.key(0), count), jnp.linspace(0.0, 0.95, count)
    found, expected = jax.jit(partial(played_by_batches, play))(*arguments), jax.jit(jax.vmap(play))(*arguments)
    jax.tree.map(np.testing.assert_array_equal, found, expected)
    one_by_one = any(e.primitive.name == "scan" for e in jax.make_jaxpr(partial(played_by_batches, play))(*arguments).eqns)
    assert one_by_one == (count > 16 and jax.default_backend() == "cpu")
