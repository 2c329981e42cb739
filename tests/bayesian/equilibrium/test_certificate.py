import itertools
from functools import partial

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stackjax as sx
from stackjax.bayesian.equilibrium.evaluate import certify, evaluate_commitment
from stackjax.bayesian.followers.joint_play import mixed_play, most_likely
from stackjax.bayesian.pomdp.commitment import tabulate
from stackjax.bayesian.problem import BayesianProblem
from tests.oracles import regret

SHAPES = [((1,), (3,)), ((2,), (2,)), ((2, 2), (2, 3)), ((3, 1), (2, 2)), ((2, 1, 2), (2, 3, 2))]


def random_case(seed, num_types, num_actions, zero_type=False):
    rng = np.random.default_rng(seed)
    prior = rng.random(num_types)
    if zero_type and num_types[0] > 1:
        prior[0] = 0.0
    shape = (*num_types, *num_actions)
    play = rng.random(shape) ** 3
    axes = tuple(range(len(num_types), len(shape)))
    return (
        sx.followers.induced_game(prior / prior.sum(), rng.normal(size=(len(num_types), *shape)), rng.normal(size=shape)),
        play / play.sum(axis=axes, keepdims=True),
    )


@pytest.mark.parametrize("zero_type", [False, True])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_equals_enumeration(x64, shape, seed, zero_type):
    game, play = random_case(seed, *shape, zero_type)
    certificate = sx.certify(game, jax.numpy.asarray(play))
    prior, followers = game.type_prior, game.follower_payoffs
    close = {"rtol": 1e-9, "atol": 1e-9}
    np.testing.assert_allclose(certificate.leader_payoff, regret.expected_payoffs(prior, game.leader_payoff, play), **close)
    for i in range(game.num_followers):
        np.testing.assert_allclose(certificate.follower_payoffs[i], regret.expected_payoffs(prior, followers[i], play), **close)
    np.testing.assert_allclose(certificate.bcce_gap, regret.bcce_gap(prior, followers, play), **close)
    np.testing.assert_allclose(certificate.cce_gap, regret.cce_gap(prior, followers, play), **close)
    np.testing.assert_allclose(certificate.ce_gap, regret.ce_gap(prior, followers, play), **close)
    assert certificate.cce_gap <= certificate.bcce_gap + 1e-12
    assert certificate.bcce_gap <= certificate.ce_gap + 1e-12
    product = regret.product_of_marginals(prior, play)
    np.testing.assert_allclose(certificate.bne_gap, regret.bcce_gap(prior, followers, product), **close)


def test_plays_of_whole_numbers_are_plays(x64):
    """A pure play as int or bool has the certificate that it has as float: gap 0.0722 by hand, not 0."""
    prior = np.array([[0.5, 0.0], [0.25, 0.25]])
    rng = np.random.default_rng(0)
    game = sx.followers.induced_game(prior, rng.random((2, 2, 2, 2, 2)))
    pure = np.zeros((2, 2, 2, 2))
    pure[..., 0, 1] = 1
    expected = regret.bcce_gap(prior, game.follower_payoffs, pure)
    assert expected > 0.05
    for play in (pure, pure.astype(int), pure.astype(bool)):
        certificate = sx.certify(game, play)
        np.testing.assert_allclose(certificate.bcce_gap, expected, rtol=1e-6)
        np.testing.assert_allclose(
            certificate.follower_payoffs[0], regret.expected_payoffs(prior, game.follower_payoffs[0], pure), rtol=1e-6
        )
        assert max(float(r.max()) for r in sx.followers.external_regrets(game, play)) == pytest.approx(expected, rel=1e-6)
        assert max(float(r.max()) for r in sx.followers.swap_regrets(game, play)) >= expected - 1e-6


def test_a_play_of_another_shape_is_refused_under_jit_too():
    game, play = random_case(0, (2, 2), (2, 2))
    for wrong in (play[0], play.reshape(4, 4), np.broadcast_to(play, (1, *play.shape)), play[..., :1]):
        for check in (sx.certify, sx.followers.external_regrets, sx.followers.swap_regrets):
            with pytest.raises(sx.InputError, match="play has shape"):
                jax.jit(lambda p, check=check: check(game, p))(jax.numpy.asarray(wrong, jax.numpy.float32))


def test_known_equilibria_of_chicken():
    """The paper's Table 3 at τ = 0: (A, B) is an equilibrium, (A, A) leaves the column follower 1 to gain."""
    payoffs = np.moveaxis(np.array([[(3, 3), (6, 4)], [(4, 6), (2, 2)]], float), -1, 0)[:, None, None]
    game = sx.followers.induced_game(np.ones((1, 1)), payoffs)

    def pure(row, column):
        return sx.followers.mixed_play((np.eye(2)[[row]], np.eye(2)[[column]]))

    assert sx.certify(game, pure(0, 1)).bne_gap == 0
    assert sx.certify(game, pure(0, 0)).bne_gap == 1
    # Half (A, B), half (B, A) is a coarse correlated equilibrium; its marginals are not a Nash equilibrium.
    halves = (pure(0, 1) + pure(1, 0)) / 2
    assert sx.certify(game, halves).bcce_gap == 0
    assert sx.certify(game, halves).bne_gap > 0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_gap_scales_with_payoffs_and_ignores_shifts(seed, scale, shift):
    game, play = random_case(seed, (2, 2), (2, 3))
    other = sx.followers.induced_game(game.type_prior, scale * game.follower_payoffs + shift, game.leader_payoff)
    play = jax.numpy.asarray(play, jax.numpy.float32)
    expected = scale * sx.certify(game, play).bcce_gap
    np.testing.assert_allclose(sx.certify(other, play).bcce_gap, expected, rtol=1e-3, atol=1e-4 * (scale + abs(shift)))


def test_plays_are_distributions_and_argmax_takes_the_first_of_equals():
    tables = (np.array([[0.5, 0.5], [0.2, 0.8]]), np.array([[0.1, 0.3, 0.6]]))
    for play in (sx.followers.mixed_play(tables), sx.followers.argmax_play(tables)):
        np.testing.assert_allclose(np.asarray(play).sum(axis=(2, 3)), 1.0, rtol=1e-6)
    assert np.asarray(sx.followers.argmax_play(tables))[0, 0, 0, 2] == 1.0


def test_empirical_play_falls_back_to_mixed_where_types_never_met():
    tables = (np.array([[0.5, 0.5], [0.25, 0.75]]),)
    counts = np.array([[3.0, 1.0], [0.0, 0.0]])
    np.testing.assert_allclose(sx.followers.empirical_play(counts, tables), [[0.75, 0.25], [0.25, 0.75]])


def test_each_way_to_play_has_its_own_certificate():
    """After a few rounds followers still mix, so that what is likeliest, what is mixed and what was played all differ."""
    env = sx.StackelbergPOMDP(sx.make("posted-price-pi"), num_rounds=30)
    actions = BayesianProblem(env).commitments.draw(jax.random.key(3), 1)[0]
    found = evaluate_commitment(jax.random.key(0), env, actions, 3)
    game = tabulate(env.game, env.tree, actions).game
    for group in range(3):
        tables = tuple(table[group] for table in found.strategies)
        for name, play in {"mixed": mixed_play(tables), "argmax": mixed_play(most_likely(tables))}.items():
            got = jax.tree.map(lambda leaf, group=group: leaf[group], getattr(found, name))
            jax.tree.map(partial(np.testing.assert_allclose, atol=1e-5), got, certify(game, play))
    payoffs = [np.asarray(getattr(found, name).follower_payoffs) for name in ("argmax", "mixed", "empirical")]
    for one, other in itertools.combinations(payoffs, 2):
        assert np.abs(one - other).max() > 1e-3
