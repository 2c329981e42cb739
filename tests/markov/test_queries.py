"""Leaders who learn from episodes in which they are queried: the episode, its four switches, and where each of them ends."""

import dataclasses
import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.errors import InputError
from stackjax.markov.followers import MarkovFollowers
from stackjax.markov.game import tabulate_markov
from stackjax.markov.iterated_games import IteratedGame, iterated
from stackjax.markov.ppo.learner import QueryAgent, QueryTrainer, query_solver
from stackjax.markov.ppo.play import answered, first_followers
from stackjax.markov.problem import MarkovProblem
from stackjax.markov.queries import QueryConfig
from stackjax.solvers.ppo.config import PPOConfig
from stackjax.solvers.ppo.train import training_batch
from stackjax.specs.run import RunSpec
from tests.oracles import queries as oracle
from tests.runs.commands import metrics_of, result_of, run

FIVE_STEPS = ["--game.horizon", 5, "--game.memory", "other", "--solver", "ppo"]
QUICK = ["--seeds", 2, "--ppo.num-updates", 40, "--ppo.num-envs", 64, "--ppo.learning-rate", 0.01]
HIDDEN_QUERIES, DILEMMA = ["--game.matrix", "hidden-queries", *FIVE_STEPS], FIVE_STEPS
ONE_STEP = ["--game.horizon", 1, "--game.memory", "other", "--game.offset", 0.0, "--solver", "ppo"]
Q_LEARNING = ["--followers.kind", "q-learning"]


def random_game(seed, steps):
    """Two actions each, random payoffs; the public state remembers both."""
    return IteratedGame(np.random.default_rng(seed).normal(size=(2, 2, 2)).round(2), horizon=steps)


def trainer_of(problem, num_envs=32, **config):
    """What `query_solver` makes a solver of."""
    seen = problem.commitments.observations
    ppo = PPOConfig(num_envs=num_envs, credit="all", **config)
    return QueryTrainer(ppo, QueryAgent.of(problem.commitments.actions, ppo, seen, seen), problem)


def rolled_out(problem, seed, num_envs=32):
    """``(trainer, carried, keys, rollout)`` of one update, whose leader chooses at random."""
    trainer = trainer_of(problem, num_envs)
    params, carried, key = trainer.start(jax.random.key(seed))
    keys = list(jax.random.split(key, trainer.num_keys))
    return trainer, carried, keys, jax.jit(trainer.rollout)(params, keys, carried)


@pytest.mark.parametrize("seen", ["visible", "hidden"])
@pytest.mark.parametrize("seed", range(3))
def test_an_episode_is_that_of_the_definition(seed, seen):
    """Queries in state order without reward, the best answer to them, then steps in which the leader acts afresh."""
    game = random_game(seed, steps := 4)
    problem = MarkovProblem(game, MarkovFollowers(), QueryConfig(seen=seen))
    trainer, _, keys, found = rolled_out(problem, seed)
    batch = training_batch(trainer.config, found.seen, found.last_value)
    choices, states = np.asarray(found.seen.choice), np.asarray(found.seen.observation).argmax(axis=-1)
    low, high = problem.payoff_range
    tables, after, count = np.moveaxis(game.table, -1, 0).tolist(), game.successor.tolist(), game.num_states
    policies, total = list(itertools.product(range(2), repeat=count)), 0.0
    answers = np.asarray(answered(problem, keys[1], jnp.asarray(choices[:count].T), ()).policies).argmax(axis=1)
    for b in range(choices.shape[1]):
        said, plays = choices[:count, b].tolist(), choices[count:, b].tolist()
        follower = answers[:, b].tolist()  # in states that are not reached against what was said, any action is best
        own = [oracle.worth_of(policy, tables[1], after, said, steps) for policy in (follower, *policies)]
        assert own[0] >= max(own) - 1e-5
        visited, payoffs = oracle.episode(tables[0], after, follower, plays)
        assert states[:, b].tolist() == [*range(count), *visited]
        shares = (np.array(payoffs) - low / steps) / (high - low)
        to_go = np.cumsum(shares[::-1])[::-1]
        expected = np.concatenate([np.full(count, to_go[0]), to_go])
        weight = np.concatenate([np.full(count, float(seen == "visible")), np.ones(steps)])
        np.testing.assert_array_equal(np.asarray(batch.weight)[:, b], weight)
        np.testing.assert_array_equal(np.asarray(batch.credit)[:, b], weight)
        np.testing.assert_allclose((np.asarray(batch.target)[:, b] * weight), expected * weight, atol=1e-5)
        total += sum(payoffs)
    np.testing.assert_allclose(float(found.stats.total_return), total, rtol=1e-4)
    assert float(found.stats.decisions) == choices.size


@pytest.mark.parametrize("seed", range(3))
def test_followers_that_learn_are_carried_over_and_pay_while_they_do(seed):
    """Without exploration, two episodes: values go on from where they were, and the leader's last query earns the games."""
    game, games, steps = random_game(seed, 3), 5, 3
    rule = MarkovFollowers("q-learning", episodes=games, learning_rate=0.3, exploration=0.0)
    problem = MarkovProblem(game, rule, QueryConfig(carried=True, paid=True))
    tables, after = np.moveaxis(game.table, -1, 0).tolist(), game.successor.tolist()
    trainer = trainer_of(problem, num_envs=8)
    params, carried, later = trainer.start(jax.random.key(seed))
    (low, high), held = problem.payoff_range, np.asarray(carried[0], np.float64)
    for key in jax.random.split(later):
        keys = list(jax.random.split(key, trainer.num_keys))
        found = jax.jit(trainer.rollout)(params, keys, carried)
        choices, reward = np.asarray(found.seen.choice), np.asarray(found.seen.reward)
        for b in range(8):
            said = choices[: game.num_states, b].tolist()
            numbers = {"games": games, "steps": steps, "rate": 0.3, "discount": 0.9}
            values, paid = oracle.learned_in_games(held[0, ..., b].tolist(), tables, after, said, **numbers)
            np.testing.assert_allclose(np.asarray(found.carried[0])[0, ..., b], values, atol=1e-4)
            held[0, ..., b] = values
            share = (paid - games * low) / ((high - low) * (1 + games))
            np.testing.assert_allclose(reward[game.num_states - 1, b], share, atol=1e-4)
            follower = [row.index(max(row)) for row in values]
            visited, _ = oracle.episode(tables[0], after, follower, choices[game.num_states :, b].tolist())
            assert np.asarray(found.seen.observation)[game.num_states :, b].argmax(axis=-1).tolist() == visited
        carried = found.carried
        assert (reward[: game.num_states - 1] == 0).all()
        assert float(found.stats.decisions) == 8 * (game.num_states + steps * (1 + games))


def test_a_leader_that_is_not_paid_for_them_learns_nothing_from_the_games():
    rule = MarkovFollowers("q-learning", episodes=3)
    for queries in (QueryConfig(seen="visible"), QueryConfig(carried=True)):
        problem = MarkovProblem(random_game(0, 3), rule, queries)
        found = rolled_out(problem, 0)[3]
        assert (np.asarray(found.seen.reward)[: problem.game.num_states] == 0).all()
    assert first_followers(MarkovProblem(random_game(0, 3), rule), jax.random.key(0), 4) == ()


def test_followers_that_start_over_answer_as_they_are_judged():
    """What learns within the episode is what `MarkovProblem.answer` asks, of the same key."""
    problem = MarkovProblem(random_game(1, 3), MarkovFollowers("q-learning", episodes=4), QueryConfig(seen="visible"))
    made, key = problem.commitments.draw(jax.random.key(1), 16), jax.random.key(2)
    found = answered(problem, key, made, ()).policies
    np.testing.assert_array_equal(found, problem.answer(key, made, tabulate_markov(problem.game, made)))


@pytest.mark.parametrize("kind", ["softmax", "exact"])
def test_returns_are_worth_on_average_what_a_sure_leader_commits_to(kind):
    """A leader who mixes in its actions commits to a mix; outcomes and a follower who mixes and knows the time are drawn."""
    options = {"temperature": 1.0} if kind == "softmax" else {"knows_time": True}
    table = np.random.default_rng(5).normal(size=(2, 2, 2))
    game = IteratedGame(table, horizon=3, discount=0.8, randomized=True)
    problem = MarkovProblem(game, MarkovFollowers(kind, **options), QueryConfig(seen="visible"))
    trainer = trainer_of(problem, num_envs=20_000, grid_points=3)
    params, carried, key = trainer.start(jax.random.key(0))
    sure = jax.tree.map(lambda leaf: 300.0 * leaf, params["actor"])  # all but certain of its likeliest choices
    found = jax.jit(trainer.rollout)({**params, "actor": sure}, list(jax.random.split(key, 3)), carried)
    made = trainer.agent.commitment({**params, "actor": sure})[1]
    choices = np.asarray(found.seen.choice)
    assert (choices[: game.num_states] == choices[: game.num_states, :1]).mean() > 0.999
    expected = float(jax.jit(problem.worth)(key, made[None]).payoff[0])
    returns = float(found.stats.total_return) / 20_000
    assert abs(returns - expected) < 0.03 * (problem.payoff_range[1] - problem.payoff_range[0])


def test_by_default_ppo_learns_from_what_commitments_are_worth():
    problem = MarkovProblem(iterated(horizon=5), MarkovFollowers())
    assert problem.ppo(PPOConfig()) is None
    assert not problem.counts_last
    assert problem.caveat == ""
    assert "mean_return" not in problem.columns
    assert QueryConfig().switched == ""
    assert QueryConfig(phase=True).switched == "queries.phase=True"


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """``(name, options) -> result`` of one short run of each."""
    made, place = {}, tmp_path_factory.mktemp("queries")

    def train(name, *options):
        if name not in made:
            assert run("train", "iterated", *options, "--out", place / name) == 0
            made[name] = result_of(place / name)
            assert metrics_of(place / name)[-1]["mean_return"] == made[name]["seeds"][-1]["mean_return"]
        return made[name]

    return train


def payoffs(result):
    return np.array([seed["leader_payoff"] for seed in result["seeds"]])


def returns(result):
    return np.array([seed["mean_return"] for seed in result["seeds"]])


@pytest.mark.long
def test_with_its_queries_the_leader_learns_what_is_best_and_without_them_it_does_not(quick):
    visible = quick("visible", *HIDDEN_QUERIES, *QUICK, "--queries.seen", "visible")
    hidden = quick("hidden", *HIDDEN_QUERIES, *QUICK, "--queries.seen", "hidden")
    assert (payoffs(visible) == 7.5).all()
    assert (payoffs(hidden) < 7.5).all()
    assert (returns(visible) > returns(hidden)).all()
    assert "nothing was hidden" in visible["caveat"]
    assert "queries were hidden" in hidden["caveat"]
    assert all(seed["update"] == 40 and seed["learned"] is None for seed in hidden["seeds"])  # the last, as it was learned


@pytest.mark.long
def test_a_leader_that_sees_the_phase_promises_one_table_and_plays_another(quick):
    seen = quick("phase", *DILEMMA, *QUICK, "--queries.phase")
    assert (returns(seen) > 3.5).all()
    assert (payoffs(seen) < 3.5).all()
    assert "promise one table and play another" in seen["caveat"]
    assert seen["columns"]["mean_return"] == "paid in its episodes"


@pytest.mark.long
def test_the_contextual_follower_is_one_command_too(quick):
    options = ["--followers.kind", "contextual", "--followers.updates", 200, "--queries.seen", "hidden"]
    found = quick("contextual", *HIDDEN_QUERIES, *QUICK, *options)
    assert (payoffs(found) < 7.5).all()


@pytest.mark.long
def test_followers_carried_over_and_paid_games_train(quick):
    short = [*ONE_STEP, *Q_LEARNING, "--followers.episodes", 5, "--seeds", 2, "--ppo.num-updates", 4, "--ppo.num-envs", 8]
    found = quick("both", "--game.matrix", "battle-of-the-sexes", *short, "--queries.carried", "--queries.paid")
    assert "carried over" in found["caveat"]
    assert "still learned" in found["caveat"]
    assert found["command"].count("--queries.") == 2


@pytest.mark.long
def test_a_run_goes_on_and_is_judged_again_as_if_nothing_had_been(tmp_path):
    short = ["--seeds", 1, "--ppo.num-updates", 6, "--ppo.num-envs", 8]
    options = [*ONE_STEP, *Q_LEARNING, "--followers.episodes", 5, "--queries.carried", *short, "--out", tmp_path / "run"]
    assert run("train", "iterated", *options) == 0
    before, logged = result_of(tmp_path / "run"), metrics_of(tmp_path / "run")
    assert run("evaluate", tmp_path / "run") == 0
    assert result_of(tmp_path / "run") == before
    newest = max(
        (place for place in (tmp_path / "run/checkpoints").iterdir() if place.name.isdigit()), key=lambda p: int(p.name)
    )
    newest.unlink()
    assert run("train", "iterated", *options, "--resume") == 0
    assert metrics_of(tmp_path / "run") == logged
    assert "The leader plays its last commitment" in (tmp_path / "run/report.html").read_text(encoding="utf-8")


@pytest.mark.long
def test_a_run_of_before_there_were_queries_is_read(tmp_path):
    assert run("train", "iterated", "--seeds", 1, "--search.num-updates", 1, "--polish", 0, "--out", tmp_path / "run") == 0
    config = json.loads((tmp_path / "run/config.json").read_text(encoding="utf-8"))
    del config["queries"]
    (tmp_path / "run/config.json").write_text(json.dumps(config), encoding="utf-8")
    assert RunSpec.from_file(tmp_path / "run/config.json").settings["queries"] == QueryConfig()


MISTAKES = [
    (["--queries.carried"], "queries.carried=True is for followers that learn within an episode (--followers.kind q-learning)"),
    (["--queries.paid", "--followers.kind", "contextual"], "queries.paid=True is for followers"),
    (["--queries.seen", "hidden", "--game.horizon", "None", "--game.discount", 0.9], "horizon=None"),
    (["--queries.phase", "--ppo.held-share", 0.1], "--ppo.held-share 0.1 does nothing with queries.phase=True"),
    (["--queries.phase", "--ppo.returns", "sampled"], "--ppo.returns sampled does nothing with queries.phase=True"),
]


@pytest.mark.parametrize(("options", "words"), MISTAKES)
def test_what_does_not_fit_is_said_in_one_line(options, words, tmp_path, capsys):
    assert run("train", "iterated", "--solver", "ppo", *options, "--out", tmp_path / "run") == 2
    said = capsys.readouterr().err
    assert words in " ".join(said.split())
    assert "Traceback" not in said
    assert not (tmp_path / "run/config.json").exists()


@pytest.mark.parametrize("solver", ["direct", "search", "gradient", None])
def test_solvers_that_evaluate_commitments_have_no_episode(solver, tmp_path, capsys):
    options = [] if solver is None else ["--solver", solver]
    assert run("train", "iterated", *options, "--queries.seen", "hidden", "--out", tmp_path / "run") == 2
    said = " ".join(capsys.readouterr().err.split())
    assert f"queries.seen=hidden is for --solver ppo, which learns from the leader's episodes; {solver or 'direct'}" in said


def test_mistakes_in_python_are_said():
    for options, words in (
        ({"seen": "half"}, "queries.seen=half must be visible, hidden or None"),
        ({"phase": 1}, "queries.phase=1 must be True or False"),
        ({"hidden": True}, "QueryConfig has no option 'hidden'"),
    ):
        with pytest.raises(InputError, match=words):
            QueryConfig(**options)
    problem = MarkovProblem(iterated(horizon=3), MarkovFollowers(), QueryConfig(phase=True))
    with pytest.raises(InputError, match="num_minibatches=7 must divide"):
        query_solver(problem, PPOConfig(num_envs=4, num_minibatches=7))
    with pytest.raises(InputError, match="a QueryConfig"):
        sx.train("iterated", queries=3, progress=False)
    assert dataclasses.replace(problem, queries=QueryConfig()).ppo(PPOConfig()) is None


TEN = ["--seeds", 10]


@pytest.mark.long
def test_ten_seeds_with_queries_seen_and_hidden(quick):
    visible = quick("ten visible", *HIDDEN_QUERIES, *TEN, "--queries.seen", "visible")
    hidden = quick("ten hidden", *HIDDEN_QUERIES, *TEN, "--queries.seen", "hidden")
    assert (payoffs(visible) == 7.5).all()
    assert (payoffs(hidden) < 7.5).all()


@pytest.mark.long
def test_ten_seeds_with_the_phase_seen_and_unseen(quick):
    unseen = quick("ten unseen", *DILEMMA, *TEN, "--queries.seen", "visible")
    seen = quick("ten seen", *DILEMMA, *TEN, "--queries.phase")
    assert (payoffs(unseen) == 3.5).all()
    assert (returns(unseen) <= 3.6).all()
    assert (returns(seen) > 3.5).all()
    assert (returns(seen) <= 7.5).all()
    assert (payoffs(seen) < 3.5).all()


@pytest.mark.long
def test_ten_seeds_carried_over_settle_for_less(quick):
    """The leader learns more slowly than its followers, so that they have come to something before it has."""
    slow = [*TEN, "--ppo.num-envs", 32, "--ppo.num-updates", 400, "--ppo.learning-rate", 1e-4]
    options = ["--game.matrix", "battle-of-the-sexes", *ONE_STEP, *Q_LEARNING]
    options += ["--followers.episodes", 5, "--followers.exploration", 0.5, *slow]
    again = quick("ten again", *options, "--queries.seen", "visible")
    carried = quick("ten carried", *options, "--queries.carried")
    assert payoffs(again).min() > payoffs(carried).max()
    assert all(seed["commitment"]["actions"][0] == 0 for seed in again["seeds"])
    assert all(seed["commitment"]["actions"][0] == 1 for seed in carried["seeds"])


@pytest.mark.long
def test_ten_seeds_paid_while_followers_learn_avoid_the_best_row(quick):
    options = ["--game.matrix", "costly-coordination", *ONE_STEP, *Q_LEARNING, "--followers.episodes", 100]
    options += ["--followers.exploration", 0.3, "--followers.learning-rate", 0.4, *TEN, "--ppo.num-envs", 128]
    options += ["--ppo.num-updates", 100, "--ppo.learning-rate", 3e-3]
    rows = lambda result: [seed["commitment"]["actions"][0] for seed in result["seeds"]]
    assert sum(rows(quick("ten in the end", *options, "--queries.seen", "visible"))) <= 2
    assert rows(quick("ten all along", *options, "--queries.paid")) == [1] * 10
