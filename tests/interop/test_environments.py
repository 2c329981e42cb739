"""The Stackelberg POMDP in Gymnasium: its own checker, and the rewards of the gymnax environment stepped by hand."""

import warnings

import jax
import numpy as np
import pytest

import stackjax as sx
from stackjax.interop.environments import episode_key, observation_bounds

gymnasium = pytest.importorskip("gymnasium")

GAMES = {
    "escape": {},
    "maintain-randomized": {},
    "allocation": {"num_messages": 2},
    "posted-price-pi": {"num_messages": 1},
}


def pomdp(name, num_rounds=3, num_reward_episodes=4):
    return sx.StackelbergPOMDP(sx.make(name, **GAMES[name]), None, num_rounds, num_reward_episodes)


def by_hand(env, seed, episode, actions):
    """Observations, rewards and played actions of one episode of the gymnax environment."""
    observation, state = env.reset_env(episode_key(seed, episode))
    rows = []
    for action in actions:
        before = np.asarray(observation)
        observation, state, reward, done, info = env.step_env(jax.random.key(0), state, action)
        rows.append((before, float(reward), np.asarray(info["leader_action"])))
        if done:
            break
    return rows


@pytest.mark.parametrize("name", GAMES)
def test_gymnasiums_checker_passes_without_a_warning(name):
    from gymnasium.utils.env_checker import check_env

    env = sx.interop.to_gymnasium(pomdp(name))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=r".*symmetric and normalized space")  # a game's own
        check_env(env, skip_render_check=True)


@pytest.mark.long
@pytest.mark.parametrize("name", ["posted-price-pi", "escape"])
def test_rewards_are_those_of_the_gymnax_environment(name):
    inner = pomdp(name)
    env = sx.interop.to_gymnasium(inner, seed=5)
    env.action_space.seed(1)
    for episode in range(2):
        observation, _ = env.reset()
        seen, actions, done = [], [], False
        while not done:
            actions.append(env.action_space.sample())
            before, held = observation, env.committed_action(actions[-1])
            assert env.observation_space.contains(observation)
            observation, reward, done, truncated, info = env.step(actions[-1])
            np.testing.assert_array_equal(held, info["leader_action"])
            assert not truncated
            seen.append((before, reward, info["leader_action"]))
        hand = by_hand(inner, 5, episode, actions)
        assert len(hand) == len(seen)
        for ours, theirs in zip(seen, hand, strict=True):
            for a, b in zip(ours, theirs, strict=True):
                np.testing.assert_allclose(a, b, atol=1e-6)
    played = [int(action) for _, _, action in seen] if name == "escape" else [0]
    assert len(set(played)) == 1  # one observation, so one commitment
    with pytest.raises(sx.InputError, match="call reset first"):
        env.step(actions[-1])


def test_vectors_are_single_environments_side_by_side():
    inner = pomdp("allocation")
    vector = sx.interop.to_gymnasium_vector(inner, 3, seed=7)
    assert isinstance(vector, gymnasium.vector.VectorEnv)
    assert vector.metadata["autoreset_mode"] == gymnasium.vector.AutoresetMode.SAME_STEP
    singles = [sx.interop.to_gymnasium(inner) for _ in range(3)]
    seen, _ = vector.reset(seed=11)
    assert vector.observation_space.contains(seen)
    for i, single in enumerate(singles):
        np.testing.assert_array_equal(single.reset(seed=11 + i)[0], seen[i])
    vector.action_space.seed(0)
    ended = 0
    for _ in range(20):
        actions = vector.action_space.sample()
        seen, rewards, done, truncated, infos = vector.step(actions)
        assert not truncated.any()
        for i, single in enumerate(singles):
            observation, reward, over, _, info = single.step(actions[i])
            assert (reward, over) == (pytest.approx(rewards[i]), done[i])
            assert infos["leader_action"][i] == info["leader_action"]
            if over:
                np.testing.assert_array_equal(infos["final_obs"][i], observation)
                assert infos["final_info"]["leader_action"][i] == info["leader_action"]
                observation, _ = single.reset()
                ended += 1
            np.testing.assert_array_equal(seen[i], observation)
    assert ended == 6


def test_wrong_input_is_named():
    with pytest.raises(sx.InputError, match="env='escape' must be a StackelbergPOMDP"):
        sx.interop.to_gymnasium("escape")
    env = sx.interop.to_gymnasium(pomdp("escape"))
    with pytest.raises(sx.InputError, match="call reset first"):
        env.step(0)
    env.reset()
    with pytest.raises(sx.InputError, match="action=3 must be a whole number from 0 to 2"):
        env.step(3)
    with pytest.raises(sx.InputError, match="num_envs=0 must be"):
        sx.interop.to_gymnasium_vector(pomdp("escape"), 0)
    low, high = observation_bounds(pomdp("allocation"))
    assert (low <= high).all()


@pytest.mark.long
def test_an_agent_of_stable_baselines_trains():
    stable_baselines3 = pytest.importorskip("stable_baselines3")
    env = sx.interop.to_gymnasium(pomdp("escape", num_rounds=8, num_reward_episodes=2))
    agent = stable_baselines3.PPO("MlpPolicy", env, n_steps=64, batch_size=32, n_epochs=2, seed=0, device="cpu")
    agent.learn(256)
    assert agent.num_timesteps == 256
    action, _ = agent.predict(env.reset(seed=0)[0], deterministic=True)
    assert env.action_space.contains(action.item())


@pytest.mark.parametrize("num_envs", [None, 3])
def test_a_seed_begins_the_same_episodes_again(num_envs):
    """Also after other episodes; two seeds in a row do not give the same types."""
    inner = pomdp("posted-price-pi", num_rounds=2, num_reward_episodes=6)
    env = sx.interop.to_gymnasium(inner) if num_envs is None else sx.interop.to_gymnasium_vector(inner, num_envs)
    actions = np.random.default_rng(0).uniform(0, 1, (12, *env.action_space.shape)).astype(np.float32)

    def paid(seed):
        env.reset(seed=seed)
        rewards = []
        for action in actions:
            _, reward, done, _, _ = env.step(action)
            rewards.append(np.array(reward))
            if num_envs is None and done:
                break
        return np.stack(rewards)

    first, other, again = paid(4), paid(11), paid(4)
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()
