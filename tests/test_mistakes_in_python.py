"""What a user may get wrong in Python is one line that names the argument, the value and what is allowed."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import stackjax as sx
from stackjax import registry

KEY = jax.random.key(0)
ENV = sx.StackelbergPOMDP(sx.make("maintain"), num_rounds=3, num_reward_episodes=2)
BOX_ENV = sx.StackelbergPOMDP(sx.make("matrix-design-payments"), num_rounds=3)
GAME = sx.followers.induced_game(np.ones(1), np.zeros((1, 1, 2)))
PLAY = np.array([[0.5, 0.5]])


@pytest.mark.parametrize(
    ("mistake", "message"),
    [
        (lambda: sx.StackelbergPOMDP("escape"), "game='escape' must be a Game; make one with sx.make('escape')"),
        (lambda: sx.StackelbergPOMDP(sx.PostedPrice), "make one with PostedPrice()"),
        (lambda: sx.StackelbergPOMDP(sx.make("maintain"), "multiplicative-weights"), "must be a FollowerDynamics"),
        (lambda: sx.StackelbergPOMDP(sx.make("maintain"), sx.followers.exp3), "sx.followers.exp3()"),
        (lambda: sx.StackelbergPOMDP(sx.make("maintain"), num_rounds="10"), "num_rounds='10' must be a whole number"),
        (lambda: sx.StackelbergPOMDP(sx.make("maintain"), num_rounds=2**31), "num_rounds=2147483648 must be below 2**31"),
        (lambda: sx.make_train(sx.make("maintain")), "env=(a MatrixGame) must be a StackelbergPOMDP"),
        (lambda: sx.make_train(ENV, {"num_envs": 8}), "config={'num_envs': 8} must be a PPOConfig"),
        (lambda: sx.make_train(ENV)(0), "key=0 must be a random key, for example jax.random.key(0)"),
        (lambda: sx.PPOConfig(hidden_sizes=64), "hidden_sizes=64 must be a tuple of widths"),
        (lambda: sx.PPOConfig(hidden_sizes=(64.0,)), "hidden_sizes=64.0 must be a whole number"),
        (lambda: sx.PPOConfig(num_envs="8"), "num_envs='8' must be a whole number"),
        (lambda: sx.PPOConfig(num_envs=None), "num_envs=None must be a whole number"),
        (lambda: sx.PPOConfig(learning_rate="0.1"), "learning_rate='0.1' must be a positive finite number"),
        (lambda: sx.PPOConfig(learning_rate=True), "learning_rate=True must be a positive finite number"),
        (lambda: sx.followers.multiplicative_weights("a"), "step_size='a' must be a positive finite number"),
        (lambda: sx.followers.FollowersConfig(step_size=None), "step_size=None must be a positive finite number"),
        (lambda: sx.make("allocation", num_messages=2.5), "num_messages=2.5 must be a whole number"),
        (lambda: sx.make("posted-price-pi", num_messages=2.0), "num_messages=2.0 must be a whole number"),
        (lambda: sx.make("posted-price-uniform", num_types="3"), "num_types='3' must be a whole number"),
        (lambda: sx.make("bertrand-platform", num_prices=3.5), "num_prices=3.5 must be a whole number"),
        (lambda: sx.Discrete(3.0), "n=3.0 must be a whole number"),
        (lambda: sx.Simplex(0), "n=0 must be a whole number of at least 1"),
        (lambda: sx.Simplex(2.5), "n=2.5 must be a whole number"),
        (lambda: sx.CappedSimplex(3, 0), "total=0 must be a positive finite number"),
        (lambda: sx.CappedSimplex(3, float("nan")), "total=nan must be a positive finite number"),
        (lambda: sx.CappedSimplex(3, float("inf")), "total=inf must be a positive finite number"),
        (lambda: sx.CappedSimplex(True, 1.0), "n=True must be a whole number"),
        (lambda: sx.Box(0.0, 1.0), "low=0.0 must be a sequence of numbers"),
        (lambda: sx.Box((0.0,), ("a",)), "high=('a',) must be a sequence of numbers"),
        (lambda: sx.solve("escape"), "make one with sx.make('escape')"),
        (lambda: sx.solve(None), "game=None must be a Game"),
        (lambda: sx.solve(sx.PostedPrice), "make one with PostedPrice()"),
        (lambda: sx.followers.equilibrate(0, GAME, sx.followers.exp3(), 3), "key=0 must be a random key"),
        (lambda: sx.followers.equilibrate(GAME, KEY, sx.followers.exp3(), 3), "must be an InducedGame"),
        (lambda: sx.followers.equilibrate(KEY, GAME, "exp3", 3), "dynamics='exp3' must be a FollowerDynamics"),
        (lambda: sx.followers.equilibrate(KEY, GAME, sx.followers.exp3, 3), "for example sx.followers.exp3()"),
        (
            lambda: sx.followers.equilibrate(KEY, GAME, sx.followers.exp3(), 3, payoff_scale=0),
            "payoff_scale=0 must be a positive",
        ),
        (lambda: sx.certify(GAME, 18 * PLAY), "play sums to 18 at some types"),
        (lambda: sx.certify(GAME, np.array([[-1.0, 2.0]])), "negative"),
        (lambda: sx.certify(GAME, PLAY[0]), "play has shape (2,), but must be [types..., actions...] = (1, 2)"),
        (lambda: sx.followers.external_regrets(GAME, PLAY.T), "play has shape (2, 1)"),
        (lambda: sx.followers.swap_regrets(GAME, np.array([[np.nan, 1.0]])), "NaN"),
        (lambda: sx.evaluate_commitment(0, ENV, np.array([0])), "key=0 must be a random key"),
        (lambda: sx.evaluate_commitment(KEY, sx.make("maintain"), np.array([0])), "must be a StackelbergPOMDP"),
        (lambda: sx.evaluate_commitment(KEY, ENV, np.array([0, 1, 2])), "actions has shape (3,), but must be (1,)"),
        (lambda: sx.evaluate_commitment(KEY, ENV, np.array([77])), "actions holds 77, but every leader action must be a whole"),
        (lambda: sx.evaluate_commitment(KEY, ENV, np.array([0.5])), "must hold whole numbers"),
        (lambda: sx.evaluate_commitment(KEY, BOX_ENV, np.full((4, 2), np.nan)), "actions holds nan"),
        (lambda: sx.evaluate_commitment(KEY, BOX_ENV, np.full((4, 2), 10.5)), "actions holds 10.5"),
        (lambda: ENV.step(KEY, ENV.reset(KEY)[1], jnp.int32(99)), "action=99 must be a whole number from 0 to 2"),
        (lambda: BOX_ENV.step(KEY, BOX_ENV.reset(KEY)[1], jnp.array([jnp.nan, 1.0])), "must be 2 numbers from"),
        (lambda: sx.train("maintan"), "Did you mean 'maintain'"),
        (lambda: sx.train("allocation", num_mesages=2), "has no option 'num_mesages'"),
        (lambda: sx.train(3), "game=3 must be a registered name"),
        (lambda: sx.train(sx.make("maintain"), num_rounds=3), "num_rounds is an option of a named game"),
        (lambda: sx.train("maintain", ppo={"num_envs": 3}), "ppo={'num_envs': 3} must be a PPOConfig"),
        (lambda: sx.train("maintain", resume=True), "resume and overwrite need out"),
        (lambda: sx.train("maintain", seeds="3"), "seeds='3' must be a whole number"),
        (
            lambda: sx.followers.FollowersConfig(temperature=0.1),
            "temperature is not an option of multiplicative-weights; it belongs to l",
        ),
        (
            lambda: sx.followers.FollowersConfig("q-learning", step_size=0.1),
            "step_size is not an option of q-learning; it belongs to m",
        ),
        (lambda: sx.PPOConfig(num_steps=64), "num_steps=64 does nothing unless path is step"),
        (lambda: sx.PPOConfig(path="step", reward_samples=2), "reward_samples=2 does nothing unless path is committed"),
        (lambda: sx.PPOConfig(gaussian_std=0.1), "gaussian_std=0.1 does nothing unless box_policy is gaussian"),
        (lambda: sx.PPOConfig(box_policy="gaussian", grid_points=7), "grid_points=7 does nothing unless box_policy is grid"),
        (lambda: sx.followers.induced_game(sx.make("maintain"), [1]), "type_prior=(a MatrixGame) must be an array of numbers"),
        (lambda: sx.followers.induced_game([True], [[[1.0]]]), "type_prior=[True] must be an array of numbers"),
        (lambda: sx.PostedPrice("abc", [1.0]), "values='a' must be an array of numbers"),
        (lambda: sx.PostedPrice(3, [1.0]), "values=3 must be a sequence"),
        (lambda: sx.make(None), "name=None must be a registered name"),
        (lambda: sx.register(3, lambda: 3), "name=3 must be a word"),
        (lambda: sx.markov.solve_markov("iterated"), "game='iterated' must be a MarkovGame"),
        (lambda: sx.markov.solve_mean_field("tariffs"), "game='tariffs' must be a MeanFieldGame"),
        (lambda: sx.menus.upper_bound("menu-additive"), "game='menu-additive' must be a MenuGame"),
        (lambda: sx.menus.improved("x", None, 3), "game='x' must be a MenuGame"),
        (lambda: sx.interop.save_nfg(sx.make("maintain"), 3), "path=3 must be the path of a file"),
        (lambda: sx.interop.policy_to_onnx("x"), "policy='x' must be a Policy"),
        (lambda: sx.train("maintain", out=3), "out=3 must be the path of a directory"),
        (lambda: sx.train("maintain", mesh=3), "mesh=3 must be two numbers of devices"),
        (lambda: sx.train("maintain", seed="a"), "seed='a' must be a whole number of at least 0"),
        (lambda: sx.matrix_game([[[1, 2]]], action_names=3), "action_names=3 must be a list of words for each agent"),
        (lambda: sx.matrix_game(np.ones((1, 1, 2)) * 1j), "payoffs is ragged or holds something that is not a number"),
        (lambda: sx.matrix_game([[[1, 2]]], name=3), "name=3 must be a word"),
        (lambda: sx.matrix_game([[[1, 2]]], randomized="yes"), "randomized='yes' must be True or False"),
        (lambda: sx.followers.empirical_play("x", (jnp.ones((1, 2)),)), "play_counts has shape ()"),
        (lambda: sx.make_train(ENV, sx.PPOConfig(grid_points=7)), "grid_points=7 does nothing in 'maintain'"),
    ],
)
def test_one_line_says_what_is_wrong(mistake, message):
    with pytest.raises(sx.InputError) as caught:
        mistake()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value).replace("overlaying:\n", "")


ANY_SIZE = {"tree_seed", "instance", "horizon", "demand"}  # options that make nothing larger
SIZES = [
    (game.name, field.name)
    for game in registry.registered_games()
    for field in dataclasses.fields(game.options)
    if isinstance(field.default, int) and not isinstance(field.default, bool) and field.name not in ANY_SIZE
]


@pytest.mark.parametrize(("game", "option"), SIZES)
def test_options_that_make_sizes_are_checked_by_arithmetic(game, option):
    for value in (10**9, 10**19):
        with pytest.raises(sx.InputError, match=r"=\d+ must be|make"):
            sx.make(game, **{option: value})
