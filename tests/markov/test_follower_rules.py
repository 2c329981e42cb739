"""Rules of one's own: a follower that answers best but for a slip of the hand, and a population that does anything."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.markov.iterated_games import iterated
from stackjax.markov.mean_field.answers import softmax_population
from stackjax.markov.mean_field.rules import PopulationRule
from stackjax.markov.rules import FollowerRule
from tests.oracles.markov import value_of


@dataclasses.dataclass(frozen=True)
class Slipping(sx.markov.MarkovFollowers):
    """Answers best, and with chance ``slip`` does anything."""

    kind: str = "slipping"
    slip: float = 0.2

    def build(self):
        def answer(problem, key, commitments, induced):
            best = problem.best(induced, "for")
            return (1.0 - self.slip) * best + self.slip / best.shape[1]

        return FollowerRule(answer)


@dataclasses.dataclass(frozen=True)
class Careless(sx.markov.MeanFieldFollowers):
    """Does anything, whatever it costs."""

    kind: str = "careless"

    def build(self):
        return PopulationRule(lambda problem, own: softmax_population(problem.game, own, 1e6, 1e-3))


@pytest.fixture(autouse=True, scope="module")
def _forgets():
    yield
    sx.markov.MarkovFollowers.KINDS.pop("slipping")
    sx.markov.MeanFieldFollowers.KINDS.pop("careless")


def test_a_follower_who_slips_pays_what_the_histories_say():
    """In the dilemma against the best table: it cooperates but for slips, and defects where only slips lead."""
    game = iterated("prisoners-dilemma", horizon=4)
    made = jnp.array([1, 0, 0, 1, 1], jnp.int32)
    best = sx.markov.MarkovProblem(game, sx.markov.MarkovFollowers()).judge(jax.random.key(0), made, 1).details
    problem = sx.markov.MarkovProblem(game, Slipping(slip=0.2))
    found = problem.judge(jax.random.key(0), made, 1).details
    policy = 0.8 * np.asarray(best.policy, float) + 0.1
    np.testing.assert_allclose(found.policy, policy, atol=1e-6)
    arrays = {
        "initial": game.initial.tolist(),
        "successor": [[[int(game.successor[s, b, made[s]])] for b in range(2)] for s in range(5)],
        "probability": [[[1.0]] * 2] * 5,
        "leader": [[game.table[made[s], b, 0] for b in range(2)] for s in range(5)],
        "follower": [[game.table[made[s], b, 1] for b in range(2)] for s in range(5)],
    }
    leader, follower = value_of(arrays, lambda t, s: policy[s], 4, 1.0)
    assert float(found.leader_payoff) == pytest.approx(leader, abs=1e-5)
    assert float(found.exploitability) == pytest.approx(float(best.follower_payoff) - follower, abs=1e-5)
    assert problem.optimum() is None
    assert problem.nearby is None


@pytest.mark.parametrize(
    ("game", "followers"),
    [(iterated("chicken", horizon=3), Slipping(slip=0.5)), (sx.make("tariffs", levels=2), Careless())],
)
def test_a_rule_of_ones_own_trains(game, followers, tmp_path):
    search = sx.SearchConfig(2, 32)
    found = sx.train(game, followers=followers, search=search, seeds=1, polish=0, progress=False, out=tmp_path / "run")
    assert found.best.certificate.exploitability > 0
    config = json.loads((tmp_path / "run/config.json").read_text(encoding="utf-8"))
    assert config["followers"] == dataclasses.asdict(followers)
