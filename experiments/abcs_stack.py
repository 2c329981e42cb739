"""ABCs where a decision problem comes before a poker game: six stacks, of which the first part is stationary.

Poker does not remember the way, but in the corridor. Such stacks are graphs, in which players learn event by event, by the
reference that the library's learners are tested against, compiled by numba. Not all of these stacks favour ABCs.

In a graph it matters what "once a pass" means. Here the actions of a set branch once in a pass, and drawn actions are always
followed. If no set is visited twice in a pass, MAX-CFR gains most: half of NashConv after the orchard is .027 instead of .06.
*Apart* are figures that were computed apart from this code, whose reading of that is not known.
"""

import importlib.util
import sys
from collections.abc import Callable, Hashable
from typing import Any, NamedTuple

import numpy as np

import stackjax as sx
from stackjax.extensive import Decision, ExtensiveFollowers, ExtensiveGame, Terminal
from toolkit.figures import COLOURS, new_figure
from toolkit.results import Experiment
from toolkit.settings import HERE, Settings, run

sys.path.insert(0, str(HERE.parent))
from tests.oracles.abcs import ABCS, BQL, MAXCFR, Graph, Learning, graph_of

LEARNERS = {"ABCs": ABCS, "MAX-CFR": MAXCFR, "Q-learning": BQL}
FORKS = (1, 0, 1, 1, 0, 0, 1)  # of the corridor
SLIPS = 0.2  # of the line
CORRIDOR_ITERATIONS = {"ABCs": 15_000, "MAX-CFR": 1_670, "Q-learning": 32_600}  # of some 3e5 nodes


class Stack(NamedTuple):
    """A decision problem, then poker; ``apart`` are shares of the prize and half of NashConv that were computed elsewhere."""

    first: Callable[[], Graph]
    game: str
    nodes: float
    seeds: int
    apart: dict[str, tuple[float, float]]


def worth(problem: Graph, behaviour: np.ndarray | None = None) -> float:
    """What ``behaviour [I, A]`` of the one player wins; the most that any does if it is None."""
    values = problem.pays[0].copy()
    for v in range(len(problem.who) - 1, -1, -1):
        edges = slice(problem.first[v], problem.first[v + 1])
        below = values[problem.child[edges]]
        if problem.who[v] == -1:
            values[v] = problem.chance[edges] @ below
        elif problem.who[v] == 0:
            values[v] = below.max() if behaviour is None else behaviour[problem.where[v], : len(below)] @ below
    return float(values[0])


def problem_of(start: Hashable, follow: Callable[[Any], Any]) -> Graph:
    """A decision problem: ``follow`` gives a list of states to choose from, a dict of chances, or the prize of an end."""
    known: dict[Hashable, Any] = {}
    order: list[Hashable] = []
    left: list[tuple[Hashable, bool]] = [(start, False)]
    while left:  # a state is done after all that follow it
        state, is_done = left.pop()
        if is_done:
            order.append(state)
        elif state not in known:
            known[state] = follow(state)
            left.append((state, True))
            left += [(one, False) for one in (known[state] if isinstance(known[state], (list, dict)) else ())]
    number = {state: k for k, state in enumerate(reversed(order))}
    who, where, first, child, chance, pays, choices = [], [], [0], [], [], [], []
    for state in number:
        found = known[state]
        who.append(0 if isinstance(found, list) else -1 if isinstance(found, dict) else -2)
        where.append(len(choices) if isinstance(found, list) else -1)
        pays.append(found if who[-1] == -2 else 0.0)
        if who[-1] != -2:
            child += [number[one] for one in found]
            chance += [1.0] * len(found) if isinstance(found, list) else list(found.values())
        if isinstance(found, list):
            choices.append(len(found))
        first.append(len(child))
    whole = lambda values: np.array(values, np.int64)
    gain = np.zeros((1, len(child)))
    edges = whole(first), whole(child), np.array(chance)
    return Graph(whole(who), whole(where), *edges, gain, np.array([pays]), (whole(choices),))


def orchard() -> Graph:
    """Three picks of eight; what they pay looks like chance."""
    place = lambda picks: picks[0] * 64 + picks[1] * 8 + picks[2]
    return problem_of((), lambda picks: [(*picks, k) for k in range(8)] if len(picks) < 3 else (37 * place(picks) % 512) / 511)


def line(steps: int, places: int) -> Graph:
    """Up or down a line, where one slips the other way; where one ends is paid."""
    inside = lambda x: min(max(x, 0), places - 1)

    def follow(state: tuple[int, ...]) -> Any:
        step, x = state[:2]
        if len(state) == 3:
            up, other = (step + 1, inside(x + state[2])), (step + 1, inside(x - state[2]))
            return {up: 1.0 - SLIPS, other: SLIPS} if up != other else {up: 1.0}
        return [(step, x, -1), (step, x, 1)] if step < steps else (7 * x % places) / (places - 1)

    return problem_of((0, places // 2), follow)


def then(before: Graph, game: ExtensiveGame) -> Graph:
    """A game after every end of the problem ``before``; player 0 has won the prize by then."""
    after, ends, sets = graph_of(game), before.who == -2, len(before.choices[0])
    number = np.cumsum(~ends) - 1  # of nodes that stay; ends become the root of the game
    root = int((~ends).sum())
    moved = np.where(ends, root, number)
    gain = np.zeros((len(after.choices), len(before.child)))
    gain[0] = np.where(ends[before.child], before.pays[0, before.child], 0.0)
    degrees = np.diff(before.first)[~ends]
    first = np.concatenate([[0], np.cumsum(degrees)])
    return Graph(
        np.concatenate([before.who[~ends], after.who]),
        np.concatenate([before.where[~ends], np.where(after.who == 0, after.where + sets, after.where)]),
        np.concatenate([first, first[-1] + after.first[1:]]),
        np.concatenate([moved[before.child], root + after.child]),
        np.concatenate([before.chance, after.chance]),
        np.concatenate([gain, after.gain], axis=1),
        np.concatenate([np.zeros((len(after.choices), root)), after.pays], axis=1),
        (np.concatenate([before.choices[0], after.choices[0]]), *after.choices[1:]),
    )


STACKS = {
    "orchard, Kuhn": Stack(
        orchard, "kuhn", 5e5, 5, {"ABCs": (0.975, 0.0226), "MAX-CFR": (0.957, 0.0468), "Q-learning": (0.973, 0.177)}
    ),
    "line of 30, Kuhn": Stack(
        lambda: line(30, 41), "kuhn", 5e5, 5, {"ABCs": (0.868, 0.0355), "MAX-CFR": (0.902, 0.129), "Q-learning": (0.880, 0.099)}
    ),
    "line of 12, Leduc": Stack(
        lambda: line(12, 15), "leduc", 3e6, 3, {"ABCs": (0.738, 0.316), "MAX-CFR": (0.868, 0.715), "Q-learning": (0.799, 1.870)}
    ),
    "line of 30, Leduc": Stack(
        lambda: line(30, 41), "leduc", 3e6, 3, {"ABCs": (0.861, 0.427), "MAX-CFR": (0.902, 1.893), "Q-learning": (0.852, 1.919)}
    ),
    "orchard, Leduc": Stack(
        orchard, "leduc", 5e6, 3, {"ABCs": (0.962, 0.271), "MAX-CFR": (0.982, 1.113), "Q-learning": (0.966, 1.911)}
    ),
}
CORRIDOR = {"ABCs": 0.276, "MAX-CFR": 0.128, "Q-learning": 0.453}


def learned(stack: Stack, mode: int, nodes: float, seeds: int) -> np.ndarray:
    """``[S, 2]`` the share of the prize that is played last, and half of NashConv of the averages in the game."""
    problem, game = stack.first(), sx.make(stack.game)
    graph, sets, best = then(problem, game), len(problem.choices[0]), worth(problem)
    found = []
    for seed in range(seeds):
        done = Learning(graph, mode, seed=seed).run(nodes=nodes)
        average = done.average()
        own = [average[0][sets:, : game.treeplexes[0].num_actions], *average[1:]]
        found.append((worth(problem, done.explored(0)[:sets]) / best, sx.extensive.nash_conv(game, own) / 2))
    return np.array(found)


def corridor() -> ExtensiveGame:
    """Forks, each right one paid; then Kuhn poker, in which player 1 remembers the way. It is a tree."""
    poker = sx.make("kuhn").tree
    first, child = poker.children

    def node(history: tuple[Any, ...]) -> Any:
        way = tuple(int(move) for move in history[: len(FORKS)])
        if len(history) < len(FORKS):
            return Decision(0, way, ("0", "1"))
        here, moved = 0, history[len(FORKS) :]
        for move in moved:
            here = int(child[first[here] + int(move)])
        count = int(first[here + 1] - first[here])
        if not count:
            paid = poker.payoffs[np.searchsorted(poker.leaves, here)]
            return Terminal((float(paid[0]) + 2 / 7 * sum(a == b for a, b in zip(way, FORKS, strict=True)), float(paid[1])))
        actions = tuple(map(str, range(count)))
        if poker.owner[here] == -1:
            below = child[first[here] : first[here + 1]]
            return sx.extensive.Chance(dict(zip(actions, poker.chance[below].tolist(), strict=True)))
        player, place = int(poker.owner[here]), int(poker.infoset[here])
        return Decision(player, (way if player == 0 else (), place), actions)

    return sx.extensive.game("corridor", players=("one", "other"), node=node)


def main(settings: Settings) -> None:
    if importlib.util.find_spec("numba") is None:
        raise sx.InputError("abcs_stack needs numba, or it takes days: pip install 'stackjax[dev]'")
    experiment = Experiment("abcs_stack", settings)
    chosen = settings.few(tuple(STACKS), ("orchard, Kuhn",))
    found: dict[str, dict[str, np.ndarray]] = {}
    for name in chosen:
        stack = STACKS[name]
        found[name] = {}
        for learner, mode in LEARNERS.items():
            seeds = min(settings.seeds, stack.seeds)
            found[name][learner] = learned(stack, mode, settings.few(stack.nodes, 2e4), seeds)
            print(f"  {name}, {learner}: {found[name][learner].mean(axis=0).round(4).tolist()}", flush=True)
    even = {game: sx.extensive.nash_conv(sx.make(game)) / 2 for game in ("kuhn", "leduc")}
    score = lambda name, learner: (lambda prize, gap: 1.0 - prize + gap / even[STACKS[name].game])(
        *found[name][learner].mean(axis=0)
    )
    whole, walked = corridor(), {}
    for learner, iterations in CORRIDOR_ITERATIONS.items():
        kind, options = (
            ("bql", {}) if learner == "Q-learning" else ("abcs", {"significance": 1.0} if learner == "MAX-CFR" else {})
        )
        walked[learner] = sx.extensive.self_play(
            whole, ExtensiveFollowers(kind, **options), told=(settings.few(iterations, 100),), seeds=min(settings.seeds, 5)
        )
    for name in chosen:
        apart = STACKS[name].apart
        experiment.claim(
            "ABCs",
            f"{name}: ABCs lose less than MAX-CFR and than Q-learning",
            "; ".join(
                f"{learner} {prize:.3f} of the prize, {gap:.4f} in poker, score {score(name, learner):.2f} (apart "
                f"{apart[learner][0]}, {apart[learner][1]})"
                for learner in LEARNERS
                for prize, gap in (found[name][learner].mean(axis=0),)
            ),
            score(name, "ABCs") < min(score(name, "MAX-CFR"), score(name, "Q-learning")),
            f"at {STACKS[name].nodes:.0e} nodes each; score: what is lost of the prize, and NashConv over that of even play",
            seeds=len(found[name]["ABCs"]),
        )
    gaps = {learner: one.nash_conv[-1].mean() / 2 for learner, one in walked.items()}
    experiment.claim(
        "ABCs",
        "corridor, Kuhn, sets remember the way: ABCs are nearer to equilibrium than MAX-CFR and than Q-learning",
        "; ".join(
            f"{learner} {gaps[learner]:.3f} at {walked[learner].nodes[-1].mean():.2g} nodes (apart {CORRIDOR[learner]})"
            for learner in gaps
        ),
        gaps["ABCs"] < min(gaps["MAX-CFR"], gaps["Q-learning"]),
        "half of NashConv of the whole game; where each way has sets of its own, one path teaches little",
        seeds=walked["ABCs"].nash_conv.shape[1],
    )
    figure, (panels,) = new_figure(columns=2, height=2.0)
    places = np.arange(len(chosen))
    for colour, learner in zip(COLOURS, LEARNERS, strict=False):
        for panel, part in zip(panels, (0, 1), strict=True):
            panel.plot([found[name][learner][:, part].mean() for name in chosen], places, "o", color=colour, label=learner)
    panels[0].set_yticks(places, chosen)
    panels[1].set_yticks(places, [""] * len(chosen))
    panels[0].set(xlabel="share of the prize")
    panels[1].set(xlabel="half of NashConv in poker", xscale="log")
    panels[1].legend(fontsize=5.5, frameon=False)
    data = {name: {learner: values.T for learner, values in by.items()} for name, by in found.items()}
    corridor_data = {learner: {"nash_conv": one.nash_conv, "nodes": one.nodes} for learner, one in walked.items()}
    experiment.write(figure, {"stacks": data, "corridor": corridor_data})


if __name__ == "__main__":
    run(main)
