"""Groups whose tables are too large, on the seam: commitments, samples, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.acting import Acting
from stackjax.errors import InputError
from stackjax.markov import PlayedGroupFollowers, PlayedGroupProblem
from stackjax.markov.groups.sampled.patches import Patches
from stackjax.markov.groups.sampled.play import episode_payoffs, lead_of, play_out
from stackjax.solvers.network import PolicyNetwork
from tests.markov.test_played_groups import SMALL, Rounds, commitments, one_of, untrained


def test_a_solvers_episode_is_one_commitment():
    game = Rounds(horizon=4)
    problem = untrained(game)
    network = PolicyNetwork.of(problem.policies, (4,), 5)
    leader = network.explorer(network.init(jax.random.key(0)), 0.5)
    play = jax.jit(jax.vmap(lambda key: problem.play(key, leader, 8, 32)))
    episodes = jax.device_get(play(jax.random.split(jax.random.key(1), 8)))
    for b in range(8):
        distinct, own = (jax.tree.map(lambda leaf, b=b: leaf[b], part) for part in (episodes.distinct, episodes.own))
        held = distinct.weights > 0
        assert held.sum() == 2 == episodes.num_distinct[b]
        assert len(np.unique(distinct.observations[held], axis=0)) == 2
        by_seen = {
            tuple(o): tuple(np.atleast_1d(c)) for o, c in zip(distinct.observations[held], distinct.choices[held], strict=True)
        }
        assert all(by_seen[tuple(o)] == tuple(np.atleast_1d(c)) for o, c in zip(own.observations, own.choices, strict=True))
        assert own.weights.sum() == pytest.approx(4.0, abs=1e-5)
    choices = episodes.own.choices.reshape(8, -1)
    assert len(np.unique(choices[:, 0])) > 1  # it explores from episode to episode
    with pytest.raises(InputError, match="fresh_noise=True must be False"):
        problem.play(jax.random.key(0), leader, 8, 8, True)


def test_worth_is_the_mean_of_episodes():
    game = Patches(patches=2, horizon=3, objective="rawls")
    problem, made = untrained(game), commitments(game, 0, 4)
    key = jax.random.key(3)
    lead = lead_of(made)

    def both(key):
        steps = play_out(game, jax.random.split(key, 4 * 32), lead, problem._answer(lead, 4))
        return problem.worth(key, made), episode_payoffs(game, steps.payoffs)

    worth, paid = jax.jit(both)(key)
    np.testing.assert_allclose(worth.payoff, paid.reshape(4, 32, 4)[..., 1:].mean(axis=1).min(axis=1), atol=1e-4)
    low, high = problem.payoff_range
    assert (low <= worth.payoff).all()
    assert (worth.payoff <= high).all()
    assert problem.bytes_per_commitment > 0


@pytest.mark.long
def test_it_holds_in_float64(x64):
    game = Patches(patches=1, horizon=3)
    problem = untrained(game)
    acting = one_of(commitments(game, 0, 1), 0)
    found = jax.jit(lambda key: problem.judge(key, acting, 1))(jax.random.key(0))
    assert found.details.follower_payoffs.dtype == jnp.float64
    assert np.isfinite(found.payoff)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kind": "no-regret"}, "kind=no-regret must be contextual for a game that is played out"),
        ({"kind": "exact"}, "kind=exact must be one of contextual"),
        ({"updates": 0}, "updates=0 must be a whole number"),
        ({"probes": 0}, "probes=0 must be a whole number"),
        ({"deviation_updates": 0}, "deviation_updates=0 must be"),
        ({"entropy_coefficient": -1.0}, "entropy_coefficient=-1.0 must be at least 0"),
        ({"pretraining_rate": 0.0}, "pretraining_rate=0.0 must be"),
    ],
)
def test_settings_that_are_not_possible_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        PlayedGroupFollowers(**{"kind": "contextual", **options})


def test_what_is_missing_is_said():
    with pytest.raises(InputError, match="contextual followers must be trained first: PlayedGroupProblem"):
        PlayedGroupProblem(Rounds(), SMALL).chances(Acting({}, None), 0, jnp.eye(2))
    with pytest.raises(InputError, match="must be a PlayedGroupGame, for example"):
        PlayedGroupProblem(sx.make("commons"))
    assert PlayedGroupProblem(Rounds()).optimum() is None
    with pytest.raises(InputError, match="its commitments are judged by samples"):
        sx.registry.families()["played-groups"].solve(Rounds())


def broken(**changes):
    return type("Broken", (Rounds,), changes)()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"start": lambda self, key: 1 / 0}, "start raised ZeroDivisionError"),
        ({"observe": lambda self, state: jnp.zeros((1, 2))}, "observe must return a vector of floats"),
        ({"observe": lambda self, state: jnp.full(2, jnp.nan)}, "every observation must be finite"),
        ({"step": lambda self, key, state, actions, leader_action: state}, "step must return the next state and payoffs"),
        ({"step": lambda self, key, state, *_: ({"asked": state["asked"]}, jnp.zeros(3))}, "must keep the state's structure"),
        ({"step": lambda self, key, state, *_: (state, jnp.zeros(2))}, "leader first, but pays float32"),
        ({"step": lambda self, key, state, *_: (state, jnp.full(3, 9.0))}, "beyond payoff_bounds"),
        ({"step": lambda self, key, state, *_: (state, jnp.full(3, float(np.random.random())))}, "must be pure"),
        ({"describe_action": lambda self, follower, action: action}, "must return a string"),
        ({"horizon": property(lambda self: 0, lambda self, value: None)}, "horizon=0 must be"),
        ({"num_actions": property(lambda self: [2, 2], lambda self, value: None)}, "must be a tuple with a whole number"),
        ({"num_actions": property(lambda self: (), lambda self, value: None)}, "for at least one follower"),
        ({"leader_actions": property(lambda self: 3, lambda self, value: None)}, "must be a Discrete or a Box"),
        ({"objective": "most"}, "objective=most must be one of"),
    ],
)
def test_what_is_wrong_with_a_game_is_named(changes, said):
    with pytest.raises(InputError, match=said):
        sx.markov.check_played_group_game(broken(**changes))


@pytest.mark.parametrize("game", [Rounds(), Patches(), Patches(patches=1, levels=5), Patches(objective="nash", patches=9)])
def test_games_conform(game):
    sx.markov.check_played_group_game(game)
    with pytest.raises(InputError, match="must be a PlayedGroupGame"):
        sx.markov.check_played_group_game(sx.make("commons"))
