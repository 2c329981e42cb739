"""The leader's episode with queries, one number at a time, where nothing is left to chance but what the leader chooses."""

__all__ = ["episode", "learned_in_games", "worth_of"]


def episode(table, after, follower, plays, start=0):
    """``(states, payoffs)`` of the steps that are played: the follower does ``follower[s]``, the leader ``plays[t]``.

    ``table[l][f]`` pays the leader, ``after[s][f][l]`` is the next state.
    """
    s, states, payoffs = start, [], []
    for leader in plays:
        states.append(s)
        payoffs.append(table[leader][follower[s]])
        s = after[s][follower[s]][leader]
    return states, payoffs


def worth_of(policy, table, after, said, steps):
    """What the follower's ``policy[s]`` pays whom ``table[l][f]`` pays, against the answers ``said[s]``."""
    paid, s = 0.0, 0
    for _ in range(steps):
        paid += table[said[s]][policy[s]]
        s = after[s][policy[s]][said[s]]
    return paid


def learned_in_games(values, tables, after, said, *, games, steps, rate, discount):
    """``(values, paid)`` after games without exploration against the answers ``said[s]``, and what the leader got in them."""
    values, paid = [list(row) for row in values], 0.0
    for _ in range(games):
        s = 0
        for t in range(steps):
            a = values[s].index(max(values[s]))
            then = after[s][a][said[s]]
            future = 0.0 if t == steps - 1 else discount * max(values[then])
            values[s][a] += rate * (tables[1][said[s]][a] + future - values[s][a])
            paid += tables[0][said[s]][a]
            s = then
    return values, paid
