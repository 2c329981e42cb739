"""Contracts for several agents: the coin game from its words, equilibria and judgements state by state in plain Python."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax.errors import InputError
from stackjax.markov import CoinGame, TeamContracts, judge_team_contracts, learn_team_contracts, team_equilibrium
from stackjax.markov.game import InducedMarkovGame
from stackjax.markov.groups.followers import PureGroup
from stackjax.markov.testing import check_markov_game
from stackjax.solvers.config import OwnConfig
from tests.oracles.coin_game import cooperative_value

STEPS, MOVES = 4, (4, 4)


@pytest.fixture(scope="module")
def game():
    return CoinGame(2, STEPS, gain=3.0).induced()


def tables(game):
    """Rewards ``[N][S, J]``, gains ``[S, J]`` and transitions ``[S, J, S]`` in float64."""
    states, joint = game.leader_payoff.shape
    moves = np.zeros((states, joint, states))
    for s, j in itertools.product(range(states), range(joint)):
        np.add.at(moves[s, j], game.successor[s, j], np.asarray(game.probability[s, j], np.float64))
    return [np.asarray(pay, np.float64) for pay in game.follower_payoffs], np.asarray(game.leader_payoff, np.float64), moves


def test_the_coin_game_is_that_of_its_words():
    game = CoinGame(2, 5)
    check_markov_game(game)
    induced = game.induced()
    rewards, gains, moves = tables(induced)
    values = np.zeros(game.num_states)
    for _ in range(5):
        values = (sum(rewards) + moves @ values).max(axis=1)
    np.testing.assert_allclose(values.mean(), cooperative_value(2, 5), atol=1e-5)
    np.testing.assert_allclose(gains, 10.0 * sum(rewards), rtol=1e-5)
    assert game.describe_state(1) == "agents at (0, 0) and (0, 0), coin of agent 2 at (0, 0)"
    with pytest.raises(InputError, match="size=4 must be at most 3"):
        CoinGame(4)


@pytest.mark.long
def test_three_by_three_pays_a_team_what_the_specification_says():
    game = CoinGame(3)
    _, contracts = team_equilibrium(game.induced(), game.num_actions, game.horizon)
    judged = judge_team_contracts(contracts, game.induced(), game.num_actions, game.horizon)
    assert judged.welfare == pytest.approx(12.77245, abs=1e-3)
    assert judged.compliance == pytest.approx(1.0)
    assert 0 < judged.paid < 0.2 * judged.welfare


def test_the_equilibrium_is_backward_induction(game):
    rewards, gains, moves = tables(game)
    own, principal = [np.zeros(len(gains)) for _ in MOVES], np.zeros(len(gains))
    for _ in range(STEPS):
        worths = [reward + moves @ value for reward, value in zip(rewards, own, strict=True)]
        least = [np.empty_like(gains) for _ in MOVES]
        for s, a, b in itertools.product(range(len(gains)), range(4), range(4)):
            least[0][s, 4 * a + b] = max(worths[0][s, 4 * x + b] for x in range(4)) - worths[0][s, 4 * a + b]
            least[1][s, 4 * a + b] = max(worths[1][s, 4 * a + x] for x in range(4)) - worths[1][s, 4 * a + b]
        total = gains + moves @ principal - sum(least)
        best, rows = total.argmax(axis=1), np.arange(len(gains))
        principal = total[rows, best]
        own = [(worth + paid)[rows, best] for worth, paid in zip(worths, least, strict=True)]
    value, contracts = team_equilibrium(game, MOVES, STEPS)
    np.testing.assert_allclose(value, principal.mean(), atol=1e-4)
    judged = judge_team_contracts(contracts, game, MOVES, STEPS)
    np.testing.assert_allclose(judged.principal, principal.mean(), atol=1e-4)
    assert judged.exploitability == pytest.approx(0.0, abs=1e-4)


@pytest.mark.parametrize("seed", range(3))
def test_contracts_are_judged_as_agents_answer(game, seed):
    rewards, gains, moves = tables(game)
    rng, states = np.random.default_rng(seed), len(gains)
    action, payments = rng.integers(0, 16, states).astype(np.int32), rng.uniform(0, 0.5, (states, 2)).astype(np.float32)
    wanted = np.stack(np.divmod(action, 4), axis=1)
    rows, found = np.arange(states), []
    for i in range(2):  # replies alone, the other one follows
        best, follow, played = np.zeros(states), np.zeros(states), np.zeros((4, states))
        for _ in range(STEPS):
            place, follows, new_best = np.empty(states, int), np.empty(states), np.empty(states)
            for s in range(states):
                joint = [4 * x + wanted[s, 1] if i == 0 else 4 * wanted[s, 0] + x for x in range(4)]
                worths = [rewards[i][s, j] + moves[s, j] @ best for j in joint]
                worths[wanted[s, i]] += payments[s, i]
                follows[s] = worths[wanted[s, i]] >= max(worths) - 1e-5
                new_best[s], place[s] = max(worths), action[s] if follows[s] else joint[int(np.argmax(worths))]
            follow = rewards[i][rows, action] + payments[:, i] + (moves @ follow)[rows, action]
            paid = payments[:, 1 - i] + follows * payments[:, i]
            now = np.array([gains[rows, place], sum(r[rows, place] for r in rewards), paid, follows])
            played = now + np.stack([(moves @ table)[rows, place] for table in played])
            best = new_best
        gain, welfare, paid, followed = played.mean(axis=1)
        found.append((gain - paid, welfare, paid, followed / STEPS, (best - follow).mean()))
    judged = judge_team_contracts(TeamContracts(action, payments), game, MOVES, STEPS)
    worst = min(found, key=lambda one: one[0])
    expected = *worst[:3], np.mean([one[3] for one in found]), max(one[4] for one in found)
    np.testing.assert_allclose(judged[:5], expected, atol=1e-4)


def test_agents_deviate_one_at_a_time():
    """In chicken, where both are told to swerve, either drives straight past the other; nobody thinks that both would."""
    pays = np.array([[0.0, -1.0], [1.0, -10.0]])  # swerve, straight
    chicken = InducedMarkovGame(
        np.zeros((1, 4, 1), np.int32),
        np.ones(1),
        jnp.ones((1, 4, 1)),
        jnp.asarray([[pays.ravel()], [pays.T.ravel()]], jnp.float32),
        jnp.zeros((1, 4)),
    )
    judged = judge_team_contracts(TeamContracts(np.zeros(1, np.int32), np.zeros((1, 2))), chicken, (2, 2), 1)
    assert judged.welfare == pytest.approx(0.0)  # 1 and -1; -20 if both drove straight
    assert judged.exploitability == pytest.approx(1.0)
    assert judged.compliance == 0.0


@pytest.mark.long
def test_contracts_are_learned(game):
    with pytest.raises(InputError, match="nudge"):
        learn_team_contracts(jax.random.key(0), game, MOVES, STEPS, nudge=-1.0)
    learned = learn_team_contracts(jax.random.key(0), game, MOVES, STEPS, num_updates=300, num_episodes=256, discount=0.9)
    judged = judge_team_contracts(learned, game, MOVES, STEPS)
    _, contracts = team_equilibrium(game, MOVES, STEPS)
    best = judge_team_contracts(contracts, game, MOVES, STEPS)
    nothing = judge_team_contracts(TeamContracts(learned.action, 0 * learned.payments), game, MOVES, STEPS)
    assert judged.compliance > 0.9 > nothing.compliance
    assert judged.welfare > 0.97 * best.welfare


@pytest.mark.long
def test_the_solver_of_the_coin_game_pays_what_the_function_learns():
    game, key = CoinGame(2, 5), jax.random.key(4)
    solver = game.own(OwnConfig(num_updates=8))
    state = solver.init(key)
    for _ in range(8):
        state, metrics = solver.update(state)
    contracts = learn_team_contracts(key, game.induced(), game.num_actions, 5, num_updates=8)
    found = np.asarray(solver.commitment(state)).reshape(game.num_states, 2, 4)
    np.testing.assert_allclose(found, np.asarray(game.as_payments(contracts)).reshape(found.shape), atol=1e-5)
    moves = np.stack(np.unravel_index(np.asarray(contracts.action), (4, 4)), axis=1)
    paid = np.take_along_axis(found, moves[..., None], axis=2)[..., 0]
    np.testing.assert_allclose(paid, np.minimum(contracts.payments, 1.0), atol=1e-5)
    assert ((found > 0).sum(axis=2) <= 1).all()
    assert float(metrics["episodes"]) > 0
    with pytest.raises(InputError, match="method=backward must be default"):
        game.own(OwnConfig(method="backward"))


@pytest.mark.long
def test_a_team_under_learned_contracts_follows_whatever_the_ties(tmp_path):
    """At most what a principal earns who chooses afresh in every step; the contracts here are the same in all of them."""
    result = sx.train("coin-game", solver="own", followers=PureGroup(ties="against"), seeds=2, out=tmp_path / "run")
    afresh = sx.make("coin-game").beside().value
    for seed in result.seeds:
        assert 0.96 * afresh <= seed.certificate.leader_payoff <= afresh
        assert seed.certificate.exploitability <= 1e-3
