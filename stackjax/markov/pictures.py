"""A commitment in a Markov game as a picture: the leader's policy and the follower's answer on the graph of public states."""

import numpy as np

from stackjax.markov.game import MarkovGame
from stackjax.pictures import MOST_NODES, Picture, graph

__all__ = ["state_graph"]

LONGEST = 200  # steps over which visits are counted
LEAST = 1e-3  # chances that are drawn


def state_graph(
    game: MarkovGame, actions: np.ndarray, plays: list[str], policy: np.ndarray, probability: np.ndarray
) -> list[Picture]:
    """The states with what happens there, and where it leads; none if there are more than 24 states.

    Args:
      actions: the leader's in every state, ``[S, ...]``.
      plays: the followers' in every state, in words.
      policy: the followers', ``[S, J]``.
      probability: of the outcomes, ``[S, J, K]``.
    """
    if game.num_states > MOST_NODES:
        return []
    successor = game.successor.reshape(probability.shape)
    moves = np.zeros((game.num_states, game.num_states))
    for state in range(game.num_states):
        np.add.at(moves[state], successor[state].ravel(), (policy[state][:, None] * probability[state]).ravel())
    here, visits, weight = np.asarray(game.initial, np.float64), np.zeros(game.num_states), 1.0
    for _ in range(min(game.horizon or LONGEST, LONGEST)):
        visits += weight * here
        here, weight = here @ moves, weight * game.discount
    visits, moves = (visits / visits.sum()).clip(0.0, 1.0), moves.clip(0.0, 1.0)  # float32's chances sum to 1 but for rounding
    nodes = [
        {
            "label": game.describe_state(s),
            "note": "" if s == game.end else f"{game.describe_leader_action(actions[s])} / {plays[s]}",
            "chance": float(visits[s]),
        }
        for s in range(game.num_states)
    ]
    edges = [
        {"source": int(s), "target": int(t), "chance": float(moves[s, t])}
        for s, t in np.argwhere(moves * (visits > LEAST)[:, None] > LEAST)
    ]
    return [graph("States: what the leader does / what the follower answers, and where it leads", nodes, edges)]
