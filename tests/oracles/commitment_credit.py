"""Which decisions of a commitment are credited, and with what, in plain loops."""

import itertools

import numpy as np

__all__ = ["credited_commitments", "excess_over_the_rest"]


def credited_commitments(game, tree, actions):
    """``[B, O]`` whether some possible profile of types and actions passes through each node under ``actions [B, O, ...]``."""
    decides = np.zeros((len(actions), tree.num_nodes), bool)
    for episode, commitment in enumerate(actions):
        for types in itertools.product(*map(range, game.num_types)):
            if game.type_prior[types] == 0:
                continue
            for place, profile in enumerate(itertools.product(*map(range, game.num_actions))):
                state, node = game.start(np.array(profile, np.int32)), int(tree.start_node[profile])
                for level in range(game.num_decisions):
                    decides[episode, node] = True
                    outcome = int(game.respond(np.array(types, np.int32), state, commitment[node]))
                    if outcome >= tree.num_continuing_outcomes or level + 1 == game.num_decisions:
                        break
                    state = game.advance(state, commitment[node], np.int32(outcome))
                    node = int(tree.child(level, np.int32(node), np.int32(outcome), np.int32(place)))
    return decides


def excess_over_the_rest(advantage, credit, share):
    """By how much each advantage exceeds the one with a ``share`` of the credited ones above it, interpolated between two."""
    ranked = sorted(a for a, c in zip(advantage.ravel(), credit.ravel(), strict=True) if c > 0)
    place = (1.0 - share) * (len(ranked) - 1)
    low = int(np.floor(place))
    high = min(low + 1, len(ranked) - 1)
    threshold = ranked[low] + (place - low) * (ranked[high] - ranked[low])
    return np.maximum(advantage - threshold, 0.0)
