"""A family of problems that is registered elsewhere trains, sweeps, goes on, is reported, exported and solved like our own.

Its leader picks a number at each of a few places; a lone follower picks the place whose number, times a weight, is largest.
"""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.errors import require_positive
from stackjax.families import Family
from stackjax.problem import Judged, Optimum, Problem, Table, Worth
from stackjax.registry import forget_family, register_family
from stackjax.spaces import Discrete
from tests.runs.commands import metrics_of, result_of, run

ARGUMENTS = ["--solver", "search", "--search.num-updates", 4, "--search.population", 64, "--seeds", 2]


@dataclasses.dataclass(frozen=True)
class Places:
    """Rules of the toy: the follower takes the place of the largest number, and the leader earns 3 less that number."""

    num_places: int = 3
    name: str = "places"


@dataclasses.dataclass(frozen=True)
class Taste:
    """Settings of the toy's family."""

    weight: float = 1.0
    """What a place's number is worth to the follower, by place: the weight to the power of the place."""

    def __post_init__(self):
        require_positive("weight", self.weight)


@dataclasses.dataclass(frozen=True)
class PlacesProblem(Problem):
    """The `Problem`; ``judge`` and ``worth`` agree, as the follower answers exactly."""

    game: Places
    weight: object

    name, payoff_range, settled_gap, tie_tolerance, kernel = "places", (0.0, 3.0), 1e-6, 1e-6, "exact"
    bytes_per_commitment, gap_name, columns, nearby = 16, "regret", {"regret": "regret", "place": "place"}, None

    @property
    def answer_choices(self):
        return (self.game.num_places,)

    @property
    def commitments(self):
        return Table(self.game.num_places, Discrete(4))

    def _answer(self, commitment):
        places = jnp.arange(self.game.num_places, dtype=jnp.float32)
        worth = commitment.astype(jnp.float32) * jnp.asarray(self.weight, jnp.float32) ** places
        return jnp.argmax(worth)

    def worth(self, key, commitments, *, lasting=0):
        places = jax.vmap(self._answer)(commitments)
        taken = jnp.take_along_axis(commitments, places[:, None], 1)[:, 0]
        nothing = jnp.zeros(len(places))
        return Worth(3.0 - taken.astype(jnp.float32), nothing, nothing, places[:, None])

    def judge(self, key, commitment, num_groups):
        worth = self.worth(key, commitment[None])
        return Judged(worth.payoff[0], worth.gap[0], worth.answer[0, 0])

    def optimum(self):
        return Optimum(3.0, "closed-form")

    def describe(self, judged, commitments, names):
        observations = np.eye(self.game.num_places).tolist()
        return [
            {
                "leader_payoff": float(judged.payoff[i]),
                "regret": float(judged.gap[i]),
                "place": float(judged.details[i]),
                "commitment": {"observations": observations, "actions": np.asarray(commitments[i]).tolist()},
                "mechanism": [f"numbers {np.asarray(commitments[i]).tolist()}"],
                "follower_play": [],
            }
            for i in range(len(names))
        ]

    def evaluation_method(self):
        return {"settled_gap": 1e-6, "words": "who answer exactly"}


class PlacesFamily(Family):
    name = "places-family"
    sections = {"taste": Taste}
    traced = ("taste",)

    def rules(self):
        return Places

    def build(self, game, settings):
        return PlacesProblem(game, settings["taste"].weight)

    def vary(self, problem, settings, options):
        return dataclasses.replace(problem, weight=settings["taste"].weight)


def make_places(num_places: int = 3) -> Places:
    return Places(num_places)


@pytest.fixture
def toy():
    register_family(PlacesFamily())
    sx.register("places", make_places, summary="picks numbers", optimum="3")
    yield
    forget_family("places-family")


def test_a_family_from_elsewhere_goes_through_the_command_line(toy, tmp_path, capsys):
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    command = ["train", "places", "--taste.weight", 0.5, *ARGUMENTS]
    assert run(*command, "--out", whole) == 0
    assert "regret" in capsys.readouterr().out
    result = result_of(whole)
    assert [seed["leader_payoff"] for seed in result["seeds"]] == [3.0, 3.0]
    assert [seed["optimality_gap"] for seed in result["seeds"]] == [0.0, 0.0]
    assert all(row["regret"] == 0.0 for row in metrics_of(whole))
    config = json.loads((whole / "config.json").read_text(encoding="utf-8"))
    assert config["taste"] == {"weight": 0.5}
    assert "pomdp" not in config

    assert run(*command, "--out", cut) == 0
    (cut / "result.json").unlink()
    assert run(*command, "--out", cut, "--resume") == 0
    assert result_of(cut) == result
    assert run(*command, "--taste.weight", 0.25, "--out", cut, "--resume") == 2
    assert "taste.weight (was 0.5, now 0.25)" in capsys.readouterr().err
    assert run("evaluate", whole) == 0
    assert result_of(whole) == result
    assert run("report", whole) == 0
    assert "who answer exactly" in (whole / "report.html").read_text(encoding="utf-8")
    assert run("export", whole, tmp_path / "commitment.npz") == 0
    assert np.load(tmp_path / "commitment.npz")["actions"].tolist() == [0, 0, 0]

    assert run("sweep", "places", *ARGUMENTS, "--sweep.taste.weight", 0.5, 2.0, "--out", tmp_path / "sweep") == 0
    assert result_of(tmp_path / "sweep")["best"]["settings"].keys() == {"taste.weight"}
    assert (tmp_path / "sweep/table.csv").read_text(encoding="utf-8").splitlines()[0].split(",")[2:8] == [
        "seed",
        "leader_payoff",
        "optimum",
        "optimality_gap",
        "regret",
        "place",
    ]
    capsys.readouterr()
    assert run("solve", "places") == 0
    assert capsys.readouterr().out == "places: 3 (closed-form)\n"
    assert run("solve", "places", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"game": "places", "value": 3.0, "method": "closed-form"}
    assert run("train", "places", "--taste.weight", -1, "--out", tmp_path / "bad") == 2
    assert "--taste.weight -1.0 must be" in capsys.readouterr().err


def test_a_family_from_elsewhere_trains_from_python(toy):
    found = sx.train(Places(2), taste=Taste(2.0), search=sx.SearchConfig(num_updates=2), seeds=1, progress=False)
    assert found.best.certificate.regret == 0.0
    assert not {"seed", "settled", "update", "mechanism"} & vars(found.best.certificate).keys()
    assert found.best.commitment.tolist() == [0, 0]
    with pytest.raises(sx.InputError, match="taste=3 must be a Taste"):
        sx.train("places", taste=3)


def test_what_a_problem_does_not_say_has_a_default():
    own = PlacesProblem(Places(), 0.5)
    assert (own.differentiable, own.improve, own.policies, own.ppo(sx.PPOConfig())) == (None, None, None, None)
    assert own.own(sx.OwnConfig()) is None
    assert (own.num_groups, own.judges_by_draws, own.yardsticks(), own.why_unknown) == (8, False, {}, "")
    assert own.score(jax.random.key(0), jnp.array([0, 3, 3], jnp.int32)).payoff == 0.0


def test_a_problem_that_does_not_inherit_is_refused(toy, monkeypatch):
    monkeypatch.setattr(PlacesFamily, "build", lambda self, game, settings: object())
    with pytest.raises(sx.InputError, match="must be a Problem: what family 'places-family' builds inherits"):
        sx.train("places", progress=False)


def test_what_a_problem_must_answer_is_told():
    class Silent(Problem):
        name = "silent"

    with pytest.raises(TypeError, match="describe"):
        Silent()


def test_a_family_or_a_game_is_registered_once(toy):
    with pytest.raises(sx.InputError, match="name='places-family' is already registered"):
        register_family(PlacesFamily())
    with pytest.raises(sx.InputError, match="family='place-family' must be one of bayesian, groups, markov"):
        sx.register("other-places", Places, family="place-family")
