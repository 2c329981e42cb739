"""What signals come to, state by state and signal by signal, in fractions: an independent reference."""

from fractions import Fraction


def chances(weights):
    """Weights over their sum, equal if all are zero."""
    exact = [Fraction(float(weight)) for weight in weights]
    total = sum(exact)
    return [weight / total for weight in exact] if total else [Fraction(1, len(exact))] * len(exact)


def expected(prior, payoffs, commitment):
    """``[signal][action]`` what an action pays at a signal, times the signal's chance; ``commitment`` is weights by state."""
    rows = [chances(row) for row in commitment]
    states, actions = range(len(rows)), range(len(payoffs[0]))
    sent = lambda s, m: Fraction(float(prior[s])) * rows[s][m]
    return [[sum(sent(s, m) * Fraction(float(payoffs[s][a])) for s in states) for a in actions] for m in range(len(rows[0]))]


def answers(prior, receiver, commitment):
    """For each signal the actions that pay the receiver most."""
    paid = expected(prior, receiver, commitment)
    return [[action for action, value in enumerate(row) if value == max(row)] for row in paid]


def payoffs(prior, sender, receiver, commitment):
    """To the sender, with the receiver's ties for it and against it, and to the receiver."""
    theirs, own = expected(prior, sender, commitment), expected(prior, receiver, commitment)
    tied = answers(prior, receiver, commitment)
    best, worst = (sum(end(row[a] for a in acts) for row, acts in zip(theirs, tied, strict=True)) for end in (max, min))
    return float(best), float(worst), float(sum(max(row) for row in own))
