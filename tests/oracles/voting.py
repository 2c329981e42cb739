"""Votes over options counted ballot by ballot, in exact fractions: an independent reference."""

import itertools
from fractions import Fraction

RULES = ("plurality", "borda", "copeland", "runoff", "approval", "sum")


def sincere(utilities):
    """The option that a voter likes best first; of those it likes as well the first listed."""
    return tuple(sorted(range(len(utilities)), key=lambda option: (-utilities[option], option)))


def approved(utilities):
    mean = sum(map(Fraction, utilities)) / len(utilities)
    return frozenset(option for option, value in enumerate(utilities) if Fraction(value) >= mean)


def prefer(orders, one, other):
    """How many orders have ``one`` above ``other``."""
    return sum(order.index(one) < order.index(other) for order in orders)


def first_best(scores):
    return max(scores, key=lambda option: (scores[option], -option))


def elect(rule, ballots, count):
    """The winner among ``count`` options: ballots are orders, sets under approval, numbers under sum."""
    options = range(count)
    if rule == "sum":
        return first_best({o: sum(Fraction(ballot[o]) for ballot in ballots) for o in options})
    if rule == "approval":
        return first_best({o: sum(o in ballot for ballot in ballots) for o in options})
    tops = {o: sum(ballot[0] == o for ballot in ballots) for o in options}
    if rule == "plurality":
        return first_best(tops)
    if rule == "borda":
        return first_best({o: sum(count - 1 - ballot.index(o) for ballot in ballots) for o in options})
    if rule == "copeland":
        scores = {}
        for o in options:
            duels = [(prefer(ballots, o, other), prefer(ballots, other, o)) for other in options if other != o]
            scores[o] = sum(Fraction(1) if a > b else Fraction(1, 2) if a == b else Fraction(0) for a, b in duels)
        return first_best(scores)
    first = first_best(tops)
    second = first_best({o: votes for o, votes in tops.items() if o != first})
    low, high = sorted((first, second))
    return high if prefer(ballots, high, low) > prefer(ballots, low, high) else low


def ballots_of(rule, utilities):
    of_one = {"approval": approved, "sum": tuple}.get(rule, sincere)
    return [of_one(row) for row in utilities]


def every_ballot(rule, utilities):
    """All that a voter may cast; under sum the corners of the box between its least and its largest utility."""
    options = range(len(utilities))
    if rule == "approval":
        return [frozenset(chosen) for size in range(len(utilities) + 1) for chosen in itertools.combinations(options, size)]
    if rule == "sum":
        return list(itertools.product((min(utilities), max(utilities)), repeat=len(utilities)))
    return list(itertools.permutations(options))


def manipulability(rule, utilities):
    """The most that one voter gains by any other ballot, the others' as they are."""
    count, ballots = len(utilities[0]), ballots_of(rule, utilities)
    winner, most = elect(rule, ballots, count), 0.0
    for voter, own in enumerate(utilities):
        for ballot in every_ballot(rule, own):
            reached = elect(rule, [*ballots[:voter], ballot, *ballots[voter + 1 :]], count)
            most = max(most, float(own[reached] - own[winner]))
    return most


def condorcet(utilities):
    """The option that a majority prefers to each other, or None."""
    orders, options = [sincere(row) for row in utilities], range(len(utilities[0]))
    beats = lambda one, other: 2 * prefer(orders, one, other) > len(orders)
    return next((o for o in options if all(beats(o, other) for other in options if other != o)), None)
