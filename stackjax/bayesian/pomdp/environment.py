"""The Stackelberg POMDP: followers' learning, embedded in the leader's environment (Brero et al. 2023, Section 6)."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from stackjax.bayesian.followers import rounds
from stackjax.bayesian.followers.at_once import check_turns
from stackjax.bayesian.followers.base import init_followers, known_rows, mixed_at, strategies
from stackjax.bayesian.followers.equilibrate import learn_round, start_memory
from stackjax.bayesian.followers.rounds import Draws
from stackjax.bayesian.followers.streams import Streams, next_uniforms, start_streams
from stackjax.bayesian.games.type_blocks import types_of
from stackjax.bayesian.pomdp.commitment import arrive, no_commitments
from stackjax.bayesian.pomdp.critic_view import CriticView
from stackjax.bayesian.pomdp.episode_spec import EpisodeSpec
from stackjax.bayesian.pomdp.gymnax_base import environment, spaces
from stackjax.bayesian.pomdp.reward_phase import draw_play
from stackjax.bayesian.sampled.hashing import hash_of
from stackjax.errors import InputError
from stackjax.spaces import Discrete
from stackjax.types import Array, PRNGKey, PyTree

__all__ = ["StackelbergPOMDP", "StackelbergState"]


@struct.dataclass
class StackelbergState(environment.EnvState):
    """The whole Markov state between two leader decisions; no batch axes.

    ``time`` counts decisions, ``round`` the rounds or reward sub-episodes behind, ``play`` which play of the round
    this is; ``streams`` is where all chance comes from; ``draws`` are this round's types and actions, ``memory`` the joint
    action of the round before (None for dynamics without memory), ``payoffs [N, A]`` what followers learned in it so far;
    ``public`` is the game's public state at decision ``level``, which is node ``node`` of the decision tree. ``commitments`` is
    None for an environment that does not hold them; ``salt`` is the episode's, for `StackelbergPOMDP.observation_key`.
    """

    time: Array
    streams: Streams
    is_response: Array
    round: Array
    play: Array
    followers: tuple[PyTree, ...]
    play_counts: Array | None
    draws: Draws
    memory: Array | None
    payoffs: Array
    public: PyTree
    level: Array
    node: Array
    commitments: Any  # Commitments, or None
    salt: Array


class StackelbergPOMDP(EpisodeSpec, environment.Environment):
    """Game + followers = the leader's environment: a gymnax 1.0 `Environment`, one leader decision a step.

    An episode is a response phase, ``num_rounds`` rounds of follower learning against the leader's policy, and a
    reward phase, ``num_reward_episodes`` sub-episodes in which the leader is paid. Rewards are 0 until the last
    decision of a reward sub-episode and then payoff / ``num_reward_episodes``, in game units; γ = 1. The leader's
    observation never holds types, strategies or the phase; `critic_view` gives them to a centralized critic.

    The first action taken at an observation is the commitment there for the rest of the episode, as in Section 7:
    later actions at it are replaced by it. An agent should learn from what was played: ``committed_action(state, action)``
    tells it beforehand, ``info["leader_action"]`` afterwards.

    Holding commitments takes a table of all that the leader can see. With ``holds_commitments=False`` there is none, and games
    of any size can be stepped. An agent then commits by itself: it draws its noise by `observation_key`, which is the same
    wherever the observation is.

    Args:
      game: the rules of a sub-episode.
      dynamics: how followers learn.
      num_rounds: T; by default 1000 for games with private types and 100 for others, the paper's.
      num_reward_episodes: R; by default 100 and 10.
      reward_play: how followers play in the reward phase, see `draw_play`; one that errs by design always draws.
      holds_commitments: whether the first action at an observation holds; it needs the game's decision tree.

    Raises:
      InputError: an argument is of the wrong kind or out of range, the game is unsound, or it is too large for what is asked.
    """

    @staticmethod
    def of(spec: EpisodeSpec) -> "StackelbergPOMDP":
        """The environment whose episodes are those of ``spec``."""
        return spec if isinstance(spec, StackelbergPOMDP) else StackelbergPOMDP(**spec.arguments)

    def observation_key(self, state: StackelbergState) -> PRNGKey:
        """A key of the episode and of what the leader is shown: where that is the same, the same is drawn."""
        return jax.random.fold_in(jax.random.key(state.salt), hash_of(self.game.observe(state.public)))

    @property
    def default_params(self) -> environment.EnvParams:
        most = self.game.num_decisions * (self.num_rounds * self.plays.num_plays + self.num_reward_episodes)
        return environment.EnvParams(max_steps_in_episode=most + 1)  # episodes end by themselves before

    def reset_env(self, key: PRNGKey, params: Any = None) -> tuple[Array, StackelbergState]:
        del params
        game = self.game
        check_turns(self.closed, game.num_types, self.num_rounds)
        zero = jnp.int32(0)
        nobody = tuple(zero for _ in game.num_actions)
        streams, memory = start_memory(self.dynamics, start_streams(key), game.num_actions)
        state = StackelbergState(
            time=zero,
            streams=streams,
            is_response=jnp.bool_(True),
            round=zero,
            play=zero,
            followers=init_followers(self.dynamics, game.num_types, game.num_actions),
            play_counts=jnp.zeros(int(np.prod(game.num_types) * np.prod(game.num_actions))) if self.counts_plays else None,
            draws=Draws(nobody, nobody, nobody),
            memory=memory,
            payoffs=jnp.zeros((game.num_followers, max(game.num_actions))),
            public=game.start(jnp.zeros(game.num_followers, jnp.int32)),
            level=zero,
            node=zero,
            commitments=None if self._tree is None else no_commitments(self._tree, game.leader_actions, self.observation_size),
            salt=jax.random.bits(jax.random.fold_in(key, 1), (), jnp.uint32),
        )
        state = self._begin_sub_episode(self._draw(state))
        return game.observe(state.public), state

    def step_env(
        self, key: PRNGKey, state: StackelbergState, action: Any, params: Any = None
    ) -> tuple[Array, StackelbergState, Array, Array, dict[str, Array]]:
        """One leader decision. Everything random was drawn from the reset key, so ``key`` is not used."""
        del key, params
        game = self.game
        is_valid = self._is_valid(jnp.asarray(action))
        held = self.committed_action(state, action)
        action = game.leader_actions.from_box(held)
        types = jnp.stack(state.draws.types)
        outcome = game.respond(types, state.public, action)
        public = game.advance(state.public, action, outcome)
        is_over = (outcome >= game.num_continuing_outcomes) | (state.level + 1 >= game.num_decisions)
        profile = self._profile(state)
        if self._tree is not None and state.commitments is not None:
            made, node = state.commitments, state.node
            made = made._replace(actions=made.actions.at[node].set(held), made=made.made.at[node].set(True))
            child = self._tree.child(state.level, node, outcome, rounds.profile_index(game.num_actions, list(profile)))
            child, made = arrive(self._tree, made, node, child, game.observe(public), ~is_over)
            state = state.replace(commitments=made, node=child)
        state = state.replace(time=state.time + 1, public=public, level=state.level + 1)

        payoffs = game.payoffs(types, profile, public)
        ended = self._end_sub_episode(state, self.learned_from(payoffs[1:]))
        in_reward_phase = ~state.is_response
        reward = jnp.where(is_over & in_reward_phase, payoffs[0] / self.num_reward_episodes, 0.0)
        terminated = is_over & in_reward_phase & (state.round + 1 >= self.num_reward_episodes)
        state = jax.tree.map(lambda new, old: jnp.where(is_over, new, old), ended, state)
        info = {"leader_action": action, "is_paid": is_over & in_reward_phase, "is_valid_action": is_valid}
        return game.observe(state.public), state, reward, terminated, info

    def committed_action(self, state: StackelbergState, action: Any) -> Array:
        """What holds if the leader chooses ``action``: the commitment at this observation if there is one, as it was chosen."""
        held = state.commitments
        if held is None:
            return jnp.asarray(action).astype(self.game.leader_actions.zeros().dtype)
        return jnp.where(held.made[state.node], held.actions[state.node], jnp.asarray(action).astype(held.actions.dtype))

    def critic_view(self, state: StackelbergState) -> CriticView:
        """The hidden state at the leader's next decision, for a centralized critic."""
        length = jnp.where(state.is_response, self.num_rounds, self.num_reward_episodes)
        return CriticView(
            is_response=state.is_response.astype(jnp.result_type(float)),
            strategies=strategies(self.dynamics, state.followers),
            types=jnp.stack(state.draws.types),
            known=jnp.stack(state.draws.known),
            actions=jnp.stack(state.draws.actions),
            play=jnp.where(state.is_response, state.play, self.plays.num_plays),
            progress=state.round / length,
            payoffs=state.payoffs,
        )

    def _draw(self, state: StackelbergState) -> StackelbergState:
        """Draw the types and actions of a new round or reward sub-episode."""
        game, tables = self.game, strategies(self.dynamics, state.followers)
        if game.has_joint_prior:
            streams, uniform = next_uniforms(state.streams, 1 + game.num_followers)
            types = rounds.draw_types(uniform[0], game.type_prior, game.num_types)
        else:
            prior = types_of(game.type_prior)
            streams, uniform = next_uniforms(state.streams, prior.num_uniforms + game.num_followers)
            types = tuple(prior.draw(uniform[: prior.num_uniforms]))
            uniform = uniform[prior.num_uniforms - 1 :]
        if self.closed is not None:  # it meets each of its types in turn
            types = (jnp.where(state.is_response, state.round % game.num_types[0], types[0]),)
        known = known_rows(types, state.memory, game.num_actions)
        mixed = tuple(rounds.take_row(k, table) for k, table in zip(known, tables, strict=True))
        learning = rounds.draw_actions(uniform[1:], mixed)
        counts = None if state.play_counts is None else state.play_counts.reshape(*game.num_types, *game.num_actions)
        paying = draw_play(self.reward_play, uniform[1:], types, known, tables, counts)
        whole = lambda rows: tuple(row.astype(jnp.int32) for row in rows)
        pairs = zip(whole(learning), whole(paying), strict=True)
        actions = tuple(jnp.where(state.is_response, a, b) for a, b in pairs)
        return state.replace(streams=streams, draws=Draws(whole(types), whole(known), actions))

    def _profile(self, state: StackelbergState) -> Array:
        drawn = jnp.stack(state.draws.actions)
        return jnp.where(state.is_response, self.plays.profile(state.play, drawn), drawn)

    def _begin_sub_episode(self, state: StackelbergState) -> StackelbergState:
        profile = self._profile(state)
        if self._tree is not None:
            state = state.replace(node=jnp.asarray(self._tree.start_node, jnp.int32)[tuple(profile)])
        return state.replace(public=self.game.start(profile), level=jnp.int32(0))

    def _end_sub_episode(self, state: StackelbergState, payoffs: Array) -> StackelbergState:
        """The state at the start of the next sub-episode, followers having learned if a round is complete."""
        tables = strategies(self.dynamics, state.followers)
        mixed = mixed_at(tables, state.draws.known)
        learned = state.payoffs + self.plays.learned(state.play, payoffs, mixed)
        round_over = ~state.is_response | (state.play + 1 >= self.plays.num_plays)
        known = zip(state.draws.known, state.followers, strict=True)
        learners = tuple(rounds.take_state(row, table) for row, table in known)
        own = tuple(learned[i, :count] for i, count in enumerate(self.game.num_actions))
        followers = learn_round(self.dynamics, self.game, state.followers, learners, own, state.draws)
        learns = state.is_response & round_over
        followers = jax.tree.map(lambda new, old: jnp.where(learns, new, old), followers, state.followers)
        counts = state.play_counts
        if counts is not None:
            cell = jnp.ravel_multi_index(
                (*state.draws.types, *state.draws.actions), (*self.game.num_types, *self.game.num_actions), mode="clip"
            )
            counts = counts.at[cell].add(jnp.where(learns, 1.0, 0.0))
        memory = state.memory
        if memory is not None:
            memory = jnp.where(round_over, rounds.profile_index(self.game.num_actions, state.draws.actions), memory)
        next_round = state.round + jnp.where(round_over, 1, 0)
        to_reward = learns & (next_round >= self.num_rounds)
        after = state.replace(
            followers=followers,
            play_counts=counts,
            memory=memory,
            is_response=state.is_response & ~to_reward,
            round=jnp.where(to_reward, 0, next_round),
            play=jnp.where(round_over, 0, state.play + 1),
            payoffs=jnp.where(round_over, 0.0, learned),
        )
        drawn = self._draw(after)
        chosen = lambda new, old: jax.tree.map(lambda x, y: jnp.where(round_over, x, y), new, old)
        after = after.replace(streams=chosen(drawn.streams, after.streams), draws=chosen(drawn.draws, after.draws))
        return self._begin_sub_episode(after)

    # What gymnax asks of an environment beside stepping.

    def step(self, key: PRNGKey, state: Any, action: Any, params: Any = None) -> tuple:
        """One leader decision, and a new episode where one ends; see gymnax's `Environment.step`.

        Raises:
          InputError: ``action`` is a concrete NaN, or none of a discrete space. Inside ``jit`` such an action is replaced
            by the nearest one (NaN by the lowest), and ``info["is_valid_action"]`` is False.
        """
        if not isinstance(action, jax.core.Tracer) and not bool(self._is_valid(jnp.asarray(action))):
            raise InputError(f"action={action} must be {self.game.leader_actions.allowed()}")
        return super().step(key, state, action, params)

    def _is_valid(self, action: Array) -> Array:
        if isinstance(self.game.leader_actions, Discrete):
            is_whole = action == jnp.floor(action) if jnp.issubdtype(action.dtype, jnp.floating) else True
            return (action >= 0) & (action < self.game.leader_actions.n) & is_whole
        return ~jnp.isnan(action).any()

    def get_obs(self, state: Any, params: Any = None, key: Any = None) -> Array:
        """What the leader is shown at its next decision ``[D]``."""
        del params, key
        return self.game.observe(state.public)

    def is_terminated(self, state: Any, params: Any = None) -> Array:
        """Whether the last reward sub-episode is over."""
        del params
        return ~state.is_response & (state.round >= self.num_reward_episodes)

    def discount(self, state: Any, params: Any = None) -> Array:
        """0.0 once the episode has ended, else 1.0: γ = 1."""
        return 1.0 - self.is_terminated(state, params).astype(jnp.result_type(float))

    def state_space(self, params: Any = None) -> spaces.Dict:
        """The shape and dtype of every array of a state, by its path in it."""
        del params
        leaves = jax.tree_util.tree_leaves_with_path(jax.eval_shape(self.reset_env, jax.random.key(0))[1])
        return spaces.Dict(
            {jax.tree_util.keystr(path): spaces.Box(-jnp.inf, jnp.inf, leaf.shape, leaf.dtype) for path, leaf in leaves}
        )

    def action_space(self, params: Any = None) -> spaces.Discrete | spaces.Box:
        del params
        space = self.game.leader_actions
        if isinstance(space, Discrete):
            return spaces.Discrete(space.n)
        return spaces.Box(jnp.asarray(space.low), jnp.asarray(space.high), space.shape)

    def observation_space(self, params: Any = None) -> spaces.Box:
        del params
        return spaces.Box(-jnp.inf, jnp.inf, (self.observation_size,))

    @property
    def num_actions(self) -> int:
        space = self.game.leader_actions
        return space.n if isinstance(space, Discrete) else space.shape[0]
