"""Posted prices with messages beyond the paper: uniform values with more types, two or three messages.

Without messages the best mechanism is computed by enumeration. With messages 0 is an upper bound, and no idle one: if agents
sent whatever message serves the leader best, two would tell enough to lose nothing (`best_cooperative_messages`). What is left
is what incentives cost, or what search did not find.
"""

import itertools

import numpy as np

import stackjax as sx
from stackjax.bayesian.games.posted_price import best_order_and_prices
from toolkit.figures import COLOURS, GREY, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.statistics import with_interval
from toolkit.training import Run, train

GAME = "posted-price-uniform"
SIZES = (3, 4, 5, 6)  # types per agent
SHARES = {2: 2.5, 3: 0.5}  # seeds, as multiples of those asked for, by number of messages: 25 and 5 by default
LARGEST_GAP = 0.01  # of values in [0, 1]: what counts as an equilibrium below


def best_cooperative_messages(game: sx.PostedPrice) -> float:
    """The best welfare loss if two agents sent whatever message serves the leader best, each knowing its own value alone.

    No play in which messages depend on own values (and shared luck) can lose less. Strategies are partitions of an agent's
    types; after each pair of messages the leader faces the problem without messages on what is left of the prior.
    """
    left: dict[tuple[tuple[int, ...], ...], float] = {}

    def loss(groups: tuple[tuple[int, ...], ...]) -> float:
        if groups not in left:
            values = tuple(v[list(group)] for v, group in zip(game.item_values, groups, strict=True))
            found = best_order_and_prices(values, game.type_prior[np.ix_(*groups)], game.buy_when_indifferent)
            left[groups] = -np.inf if found is None else found[0]
        return left[groups]

    def partitions(num_types: int) -> list[tuple[tuple[int, ...], ...]]:
        labelled = itertools.product(range(game.num_messages), repeat=num_types)
        split = lambda labels: frozenset(
            tuple(i for i in range(num_types) if labels[i] == message) for message in set(labels)
        )  # fmt: skip
        return [tuple(sorted(groups)) for groups in {split(labels) for labels in labelled}]

    profiles = itertools.product(*(partitions(count) for count in game.num_types))
    return max(sum(loss(groups) for groups in itertools.product(*profile)) for profile in profiles)


def seeds_for(settings: Settings, num_messages: int) -> int:
    return settings.few(max(1, round(SHARES[num_messages] * settings.seeds)), settings.seeds)


def best_certified(seen: Run) -> tuple[float, float]:
    """The highest payoff with a B-CCE gap of at most `LARGEST_GAP`, and that gap."""
    certified = [(payoff, -gap) for payoff, gap in zip(seen.payoffs, seen.gaps, strict=True) if gap <= LARGEST_GAP]
    payoff, gap = max(certified, default=(np.nan, np.nan))
    return payoff, -gap


def main(settings: Settings) -> None:
    experiment = Experiment("posted_price_scaling", settings)
    sizes, messages = settings.few(list(SIZES), [3]), settings.few(list(SHARES), [2])
    without = [sx.solve(sx.make(GAME, num_types=n, num_messages=1)).value for n in sizes]
    figure, ((axes,),) = new_figure(height=2.4)
    axes.plot(sizes, without, color=GREY, linestyle="--", marker="_", zorder=1)
    axes.annotate("best without messages (exact)", (sizes[-1], without[-1]), xytext=(0, -8), textcoords="offset points",
                  ha="right", va="top", fontsize=7, color=GREY)  # fmt: skip
    data = {"num_types": sizes, "best_without_messages": without}
    for place, m in enumerate(messages):
        seeds = seeds_for(settings, m)
        for n, baseline in zip(sizes, without, strict=True):
            options = {"num_types": n, "num_messages": m}
            name, solver = f"direct-{GAME}-{n}-{m}", sx.DirectConfig(num_updates=settings.few(200, 40))
            seen = train(settings, name, GAME, options=options, seeds=seeds, solver=solver)
            bound = best_cooperative_messages(sx.make(GAME, **options))
            best, gap = best_certified(seen)
            offset = (place - 0.5) * 0.2 + np.linspace(-0.06, 0.06, len(seen.payoffs))
            sound = seen.gaps <= LARGEST_GAP
            for shown, filled in ((sound, COLOURS[place]), (~sound, "none")):
                axes.scatter(
                    n + offset[shown], seen.payoffs[shown], s=9, color=filled, edgecolors=COLOURS[place], linewidths=0.6
                )
            beats = (seen.payoffs > baseline + 1e-6) & sound
            experiment.claim(
                "beyond",
                f"n = {n}, m = {m}: a mechanism with messages beats every one without ({baseline:.5f}, exact)",
                f"best certified {best + 0:.5f} (gap {gap:.2g}); all seeds {with_interval(seen.payoffs)}; {sound.sum()} of "
                f"{len(sound)} seeds end with a gap of at most {LARGEST_GAP:g}, {beats.sum()} of them beat it",
                best > baseline + 1e-6 and beats.sum() == sound.sum(),
                "the best possible" if best >= bound - 1e-6 else f"{bound - best:.4f} below {bound + 0:.2g}, which cooperative "
                "messages would allow",
                seeds=seeds,
            )  # fmt: skip
            data[f"n = {n}, m = {m}"] = {
                "leader_payoff": seen.payoffs, "bcce_gap": seen.gaps, "cooperative_bound": bound, "best_certified": [best, gap],
                "seeds": seeds, "seconds": seen.seconds,
            }  # fmt: skip
    for place, m in enumerate(messages):
        axes.annotate(f"{m} messages", (0.02, 0.62 - 0.09 * place), xycoords="axes fraction", color=COLOURS[place], fontsize=7)
    axes.annotate(f"hollow: B-CCE gap above {LARGEST_GAP:g}", (0.02, 0.43), xycoords="axes fraction", fontsize=6.5, color=GREY)
    axes.set(xlabel="types per agent, n", ylabel="welfare loss (values in [0, 1])", xticks=sizes)
    experiment.write(figure, data)


if __name__ == "__main__":
    run(main)
