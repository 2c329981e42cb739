"""Runs on games of several followers: what is trained, printed and judged again; the acceptance of every game."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.cli import main
from stackjax.errors import InputError
from stackjax.markov import GroupFollowers, GroupProblem
from stackjax.markov.groups.answers import joint_values
from stackjax.markov.groups.followers import PureGroup
from stackjax.registry import registered_games


@pytest.fixture(scope="module")
def strong(tmp_path_factory):
    """Three rates, pure equilibria with ties for the leader."""
    directory = tmp_path_factory.mktemp("groups") / "strong"
    arguments = ["--game.levels", "3", "--followers.kind", "pure", "--direct.num-updates", "20", "--seeds", "2"]
    assert main(["train", "commons", *arguments, "--out", str(directory)]) == 0
    return directory


def test_a_result_names_the_rule_the_gap_and_the_ties(strong, capsys):
    result = json.loads((strong / "result.json").read_text(encoding="utf-8"))
    assert result["evaluation"]["rule"] == "pure equilibria, ties for the leader"
    for seed in result["seeds"]:
        assert seed["leader_payoff"] == pytest.approx(4.55, abs=1e-6)
        assert seed["optimality_gap"] == 0.0
        assert seed["exploitability"] == pytest.approx(0.0, abs=1e-6)
        assert np.mean(seed["follower_payoffs"]) == pytest.approx(4.55, abs=1e-6)
        assert len(seed["follower_strategies"]) == 3
        np.testing.assert_allclose(np.sum(seed["follower_strategies"], axis=-1), 1.0, atol=1e-5)
    assert main(["evaluate", str(strong)]) == 0
    said = capsys.readouterr().out
    assert "Followers: pure equilibria, ties for the leader." in said
    assert "stock 6: rate" in said


@pytest.mark.long
def test_another_rule_with_another_best_is_warned_about(strong, capsys):
    arguments = ["evaluate", str(strong), "--followers.kind", "pure", "--followers.ties", "against", "--json"]
    assert main(arguments) == 0
    found = json.loads(capsys.readouterr().out)
    payoffs = [seed["leader_payoff"] for seed in found["seeds"]]
    best = found["seeds"][0]["optimum"]
    assert best < 4.55
    missed = [best - payoff for payoff in payoffs]
    assert bool(found["warnings"]) == (missed[0] > 0.01 * max(payoffs))
    assert main(["evaluate", str(strong), "--followers.kind", "q-learning", "--followers.episodes", "20"]) == 0
    shown = capsys.readouterr()
    assert "which commitment is best depends on how followers answer" in shown.err
    assert main(["evaluate", str(strong), "--followers.kind", "pure", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["warnings"] == []


@pytest.mark.long
def test_frozen_followers_say_what_they_could_gain():
    """Few updates: what is reported is exact all the same."""
    game = sx.make("escape-room")
    followers = GroupFollowers("contextual", updates=150, hidden_sizes=(32,))
    with pytest.raises(InputError, match="contextual followers must be trained first"):
        GroupProblem(game, followers).worth(jax.random.key(0), jnp.zeros((1, 1), jnp.int32))
    problem = GroupProblem(game, followers).prepare()
    found = problem.pretraining
    assert (found.every, found.num_commitments) == (True, 216)
    made = jnp.arange(216, dtype=jnp.int32)[:, None]
    worth = jax.jit(lambda made: problem.worth(jax.random.key(0), made))(made)
    assert float(worth.gap.max()) == pytest.approx(found.largest_regret, abs=1e-3)
    assert float(worth.gap.mean()) == pytest.approx(found.mean_regret, abs=1e-3)
    untrained = GroupProblem(game, GroupFollowers("contextual", updates=1, hidden_sizes=(32,))).prepare()
    assert found.mean_regret < 0.5 * untrained.pretraining.mean_regret
    again = GroupProblem(game, followers).prepare(problem.prepared())
    np.testing.assert_array_equal(worth.payoff, again.worth(jax.random.key(0), made).payoff)
    assert "a follower could gain" in problem.evaluation_method()["rule"]


def test_the_list_tells_what_solve_finds():
    told = {entry.name: float(entry.optimum.split()[0]) for entry in registered_games() if entry.family == "groups"}
    found = {name: GroupProblem(sx.make(name), PureGroup()).optimum().value for name in ("escape-room", "taxed-duopoly")}
    found |= {"coin-game": sx.make("coin-game").beside().value, "commons": 4.63}  # the last is tried elsewhere
    assert found == pytest.approx(told, abs=1e-4)


def test_the_bound_of_the_coin_game_holds_and_its_principal_is_judged(capsys):
    assert main(["solve", "coin-game", "--game.horizon", "4", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["judged"]["principal"] == pytest.approx(found["value"], rel=1e-4)
    assert found["judged"]["exploitability"] <= 1e-5
    game = sx.make("coin-game", horizon=4)
    problem = GroupProblem(game, PureGroup())
    bound = problem.optimum()
    assert (bound.method, bound.commitment) == ("upper-bound", None)
    assert found["value"] <= bound.value
    made = problem.commitments.draw(jax.random.key(0), 8)
    induced = problem.tabulate(made)
    for ties in ("for", "against"):
        assert float(joint_values(induced, problem.length, problem.pure(induced, ties))[0].max()) <= bound.value


@pytest.mark.parametrize(
    ("attribute", "value", "words"),
    [("only_transfers", True, "only_transfers=True must be False"), ("free", (3.0,), "must be None for game")],
)
def test_what_a_game_says_of_its_bounds_is_checked(attribute, value, words):
    game = sx.make("taxed-duopoly", levels=None, objective="utilitarian" if attribute == "only_transfers" else "own")
    if attribute == "free":
        payoffs = game.payoffs
        game.payoffs = lambda *told: payoffs(*told).at[0].add(-told[2][0])
    setattr(game, attribute, value)
    with pytest.raises(InputError, match=words):
        GroupProblem(game, PureGroup()).optimum()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--game.objective", "most"], "game.objective"),
        (["--game.levels", "1"], "levels 1 must be"),
        (["--followers.kind", "exact"], "kind"),
        (["--followers.ties", "for"], "ties"),
        (["--followers.rounds", "0"], "rounds 0 must be"),
        (["--followers.step-size", "-1"], "step-size -1"),
    ],
)
def test_mistakes_are_one_line(arguments, words, tmp_path, capsys):
    assert main(["train", "commons", "--out", str(tmp_path / "run"), *arguments]) == 2
    said = capsys.readouterr().err.strip()
    assert words in said
    assert len(said.splitlines()) == 1


@pytest.mark.long
def test_direct_finds_good_taxes_against_learners(tmp_path):
    result = sx.train("commons", seeds=1, out=tmp_path / "run", solver=sx.DirectConfig(num_updates=24))
    for seed in result.seeds:
        assert seed.certificate.leader_payoff >= 4.60
        assert seed.certificate.exploitability <= 0.01


@pytest.mark.long
@pytest.mark.parametrize(("followers", "needed", "value"), [(2, 1, 45), (3, 1, 95), (3, 2, 40)])
@pytest.mark.parametrize("ties", ["for", "against"])
def test_direct_finds_the_escape_rooms_optimum(followers, needed, value, ties, tmp_path):
    options = {"num_followers": followers, "needed": needed}
    result = sx.train("escape-room", followers=PureGroup(ties=ties), seeds=10, out=tmp_path / "run", **options)
    assert all(seed.certificate.leader_payoff == pytest.approx(value, abs=1e-4) for seed in result.seeds)


@pytest.mark.long
def test_direct_finds_the_duopolys_optimum_and_what_learners_pay_most(tmp_path):
    result = sx.train("taxed-duopoly", followers=PureGroup(), seeds=10, out=tmp_path / "pure")
    assert all(seed.certificate.leader_payoff == pytest.approx(82.32566, abs=1e-4) for seed in result.seeds)
    learners = GroupProblem(sx.make("taxed-duopoly"), GroupFollowers())
    every = np.stack(np.meshgrid(*[np.arange(5)] * 4, indexing="ij"), axis=-1).reshape(-1, 4).astype(np.int32)
    worth = jax.jit(lambda made: learners.worth(jax.random.key(0), made, lasting=len(every)))(jnp.asarray(every))
    best = float(jnp.where(worth.gap <= learners.settled_gap, worth.payoff, -jnp.inf).max())
    solver = sx.DirectConfig(num_updates=60)
    result = sx.train("taxed-duopoly", seeds=3, out=tmp_path / "learners", solver=solver)
    assert all(seed.certificate.leader_payoff == pytest.approx(best, abs=0.02) for seed in result.seeds)


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "mean", "largest"), [("escape-room", 0.2, 2.0), ("taxed-duopoly", 0.2, 2.0), ("commons", 0.6, 4.0)]
)
def test_what_frozen_followers_lose(name, mean, largest):
    problem = GroupProblem(sx.make(name), GroupFollowers("contextual")).prepare()
    found = problem.pretraining
    assert found.mean_regret <= mean
    assert found.largest_regret <= largest
