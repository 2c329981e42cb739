"""What commitment and ties are worth in games in extensive form, and whether followers who learn answer as exact ones do.

Optima are exact: linear programmes where they suffice, else one integer programme. A *loss* is a share of the range of the
leader's payoffs.
"""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import stackjax as sx
from stackjax.extensive import ExtensiveFollowers, ExtensiveGame, ExtensiveOptimum, ExtensiveProblem
from stackjax.extensive.induced import expected, induce, plan_of
from toolkit.figures import COLOURS, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.training import train

GAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "Kuhn, rake .1": ("kuhn", {"rake": 0.1}),
    "inspection 4, 2": ("inspection", {}),
    "inspection 5, 2": ("inspection", {"periods": 5}),
    "sheriff": ("sheriff", {"leader": "sheriff"}),
    "smuggler": ("sheriff", {"leader": "smuggler"}),
    "signalling": ("signalling", {}),
    "patrol": ("patrol", {}),
    "haggle": ("haggle", {}),
    "haggle, once": ("haggle", {"values": (1.0, 3.0), "rounds": 1}),
}
TREES, LARGE_TREES = 20, 5  # random ones of four levels, and of six
TRAINED = ("Kuhn, rake .1", "inspection 4, 2", "signalling", "haggle, once")  # against followers who learn
SOLVERS = {"direct": sx.DirectConfig(num_updates=200), "search": sx.SearchConfig(num_updates=200)}
LEARNERS = {
    "CFR+": ExtensiveFollowers("cfr-plus", iterations=1_000),
    "Q-learning": ExtensiveFollowers("bql", iterations=10_000),
    "ABCs": ExtensiveFollowers("abcs", iterations=10_000),
}
MET = "trained against CFR+"
NEAR = 1e-4  # of the range of the leader's payoffs: as good as the optimum


class Case(NamedTuple):
    """A game with what is known of it; payoffs in game units."""

    game: ExtensiveGame
    optimum: ExtensiveOptimum
    pure: float
    together: float
    nash_conv: float

    @property
    def size(self) -> float:
        low, high = self.game.payoff_ranges[0]
        return high - low


def case_of(name: str, options: dict[str, Any]) -> Case:
    """The optimum, the best without mixing, and what the leader gets where both learn by CFR+ and nobody commits."""
    game = sx.make(name, **options)
    pure = sx.extensive.solve_extensive(sx.make(name, **options, randomized=False), 60.0)
    played = sx.extensive.self_play(game, told=(1_000,))
    plans = [plan_of(own, made[..., 0]) for own, made in zip(game.treeplexes, played.average, strict=True)]
    together = float(expected(game, induce(game, plans[0]), plans[1:])[0])
    best = pure.bound if pure.value is None else pure.value
    return Case(game, sx.extensive.solve_extensive(game, 60.0), best, together, float(played.nash_conv[-1, 0]))


def paid_by(case: Case, followers: Any, behaviour: np.ndarray, seeds: int) -> np.ndarray:
    """``[S]`` what the leader is paid whose followers learn to answer its ``behaviour [I, A]``; each seed has its own.

    They learn for as long as those by whom a run is judged.
    """
    problem = ExtensiveProblem(case.game, followers)
    commitments = jnp.asarray(np.repeat(behaviour[None], seeds, axis=0), jnp.float32)
    return np.asarray(jax.jit(partial(problem.worth, lasting=seeds))(jax.random.key(0), commitments).payoff, np.float64)


def main(settings: Settings) -> None:
    experiment = Experiment("commitment_in_trees", settings)
    trees = {f"tree {k}": ("random-tree", {"tree_seed": k}) for k in range(settings.few(TREES, 2))}
    large = {
        f"tree {k}, six levels": ("random-tree", {"tree_seed": k, "levels": 6}) for k in range(settings.few(LARGE_TREES, 0))
    }
    names = settings.few(tuple(GAMES), ("inspection 4, 2", "haggle, once"))
    cases = {name: case_of(*given) for name, given in {**{n: GAMES[n] for n in names}, **trees, **large}.items()}
    closed = sum(case.optimum.closed for case in cases.values())
    weak = {name: case.optimum.weak_value for name, case in cases.items() if case.optimum.weak_value is not None}
    print(f"  {closed} of {len(cases)} optima are exact", flush=True)

    gain = lambda base: np.array([(case.optimum.value - base(case)) / case.size for case in cases.values()])
    over_pure, over_none = gain(lambda case: case.pure), gain(lambda case: case.together)
    experiment.claim(
        "beyond",
        "committing to a mixture pays no less than committing to actions, nor than what learning together ends in",
        f"more than actions: mean {over_pure.mean():.3f} of the payoffs' range, least {over_pure.min():.4f}, on "
        f"{(over_pure > NEAR).sum()} of {len(cases)} games; more than learning together: mean {over_none.mean():.3f}, least "
        f"{over_none.min():.4f}",
        bool((over_pure >= -NEAR).all() and (over_none >= -NEAR).all()),
        f"both by CFR+, 1,000 iterations; NashConv at most {max(case.nash_conv for case in cases.values()):.2g} game units",
        seeds=1,
    )
    costs = {name: (cases[name].optimum.value - value) / cases[name].size for name, value in weak.items()}
    dear = [name for name, cost in costs.items() if cost > 1e-3]
    experiment.claim(
        "beyond",
        "in random trees ties are worth nothing: the leader comes as close to the optimum as it likes with ties against it",
        f"random trees: {max((cost for name, cost in costs.items() if name.startswith('tree')), default=0.0):.4f} of the range "
        f"at most; ties matter in: {', '.join(f'{name} ({costs[name]:.3f})' for name in dear) or 'none'}",
        not any(name.startswith("tree") for name in dear),
        "what commitments pay with ties against the leader, found for a follower that likes the leader a little less",
        seeds=1,
    )

    slug = lambda name, what: f"commitment_{name.replace(', ', '_').replace(' ', '_')}_{what}"
    losses: dict[str, dict[str, np.ndarray]] = {}
    for name in settings.few(TRAINED, names):
        case, (game, options) = cases[name], GAMES[name]
        losses[name] = {
            learner: (case.optimum.value - paid_by(case, followers, case.optimum.commitment, settings.seeds)) / case.size
            for learner, followers in LEARNERS.items()
        }
        config = sx.DirectConfig(num_updates=settings.few(200, 10))
        done = train(settings, slug(name, "learners"), game, options=options, followers=LEARNERS["CFR+"], solver=config)
        losses[name][MET] = (case.optimum.value - done.payoffs) / case.size
    means = lambda how: "; ".join(f"{name} {losses[name][how].mean():.3f}" for name in losses)
    experiment.claim(
        "beyond",
        "a leader that trains against followers who learn by CFR+ loses less to them than the exact optimum does",
        f"mean losses: trained {means(MET)}; the optimum {means('CFR+')}",
        all(found[MET].mean() <= found["CFR+"].mean() for found in losses.values()),
        "at the optimum followers are indifferent, and learners need not do what the leader likes; others who learn lose it "
        f"as much: Q-learning {means('Q-learning')}; ABCs {means('ABCs')}",
    )

    short: dict[str, dict[str, np.ndarray]] = {}
    for name in names:
        game, options = GAMES[name]
        short[name] = {}
        for solver, config in SOLVERS.items():
            config = type(config)(num_updates=settings.few(config.num_updates, 20))
            done = train(settings, slug(name, solver), game, options=options, solver=config)
            short[name][solver] = (cases[name].optimum.value - done.payoffs) / cases[name].size
    shown = lambda solver: "; ".join(f"{name} {short[name][solver].max():.2g}" for name in names)
    reached = lambda solver: sum(int((short[name][solver] <= NEAR).sum()) for name in names)
    total = len(names) * settings.seeds
    experiment.claim(
        "beyond",
        "direct finds the optimum of every game on every seed in 200 updates, unpolished, and search does not",
        f"{reached('direct')} of {total} runs within {NEAR:g} of the range; search {reached('search')}. Largest losses: direct "
        f"{shown('direct')}; search {shown('search')}",
        reached("direct") == total > reached("search"),
        "search draws as many commitments at random",
    )
    figure, (panels,) = new_figure(columns=2, height=2.4)
    places = np.arange(len(names))
    for colour, (label, base) in zip(
        COLOURS, {"actions alone": over_pure, "learning together": over_none}.items(), strict=False
    ):
        panels[0].plot(100 * base[: len(names)], places, "o", color=colour, markersize=3.5, label=f"over {label}")
    for colour, how in zip(COLOURS, (*LEARNERS, MET), strict=False):
        shares = [100 * losses[name][how].mean() if name in losses else np.nan for name in names]
        panels[1].plot(shares, places, "o", color=colour, label=how, markersize=3.5)
    panels[0].set_yticks(places, names)
    panels[1].set_yticks(places, [""] * len(names))
    panels[0].set(xlabel="gain by mixed commitment, % of range")
    panels[1].set(xlabel="loss to learners, % of range")
    for panel in panels:
        panel.legend(fontsize=5.5, frameon=False)
    experiment.write(
        figure,
        {
            "games": {
                name: {
                    "optimum": case.optimum.value,
                    "bound": case.optimum.bound,
                    "weak": case.optimum.weak_value,
                    "pure": case.pure,
                    "together": case.together,
                    "nash_conv": case.nash_conv,
                }
                for name, case in cases.items()
            },
            "losses to learners": losses,
            "short of the optimum": short,
        },
    )


if __name__ == "__main__":
    run(main)
