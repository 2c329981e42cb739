"""Data markets: a seller of experiments about two states, one buyer or two, beside the figures of Ravindranath et al. (2023).

Profits are exact where a right guess pays 1, else of Sobol points, with an interval. For two buyers
nothing is learned: the best mechanism's revenue is found by quadrature.
"""

from typing import NamedTuple

import numpy as np
import scipy.stats

import stackjax as sx
from stackjax.menus import Menu, Profit, two_data_buyers
from toolkit.figures import BLUE, GREY, ORANGE, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.training import train


class Row(NamedTuple):
    """A market: its options, what was published (Table 1 of the source), and the optimum, or None where it is not known."""

    label: str
    options: dict[str, str]
    published: float
    exact: float | None


ROWS = (
    Row("belief uniform, a guess pays 1", {}, 0.1250, 0.125),
    Row("belief of a mixture, a guess pays 1", {"law": "mixture"}, 0.1671, 0.167323),
    Row("belief uniform, value uniform in [0, 1]", {"value": "uniform"}, 0.0509, None),
    Row("belief of a mixture, value uniform in [3/4, 1]", {"law": "mixture", "value": "high"}, 0.1422, None),
)
UNIFORM, WIDE, EXPONENTIAL = scipy.stats.uniform(), scipy.stats.uniform(0, 2), scipy.stats.expon()
NETWORKS, SAMPLED = "networks earn", "a Monte Carlo of the optimum is"  # what was published: figures of the source's tables
PAIRS = {
    "both uniform in [0, 1]": ((UNIFORM, UNIFORM), NETWORKS, (0.4001, 0.2371, 1.0563, 0.7627)),
    "uniform in [0, 1] and in [0, 2]": ((UNIFORM, WIDE), NETWORKS, (0.6140, 0.3664, 1.5988, 1.1390)),
    "both exponential": ((EXPONENTIAL, EXPONENTIAL), SAMPLED, (0.6323, 0.4484, 1.6037, 1.3904)),
}
CLOSE = 0.02  # of the optimum: what a published mean over samples may be off
CASES = ((0.5, 0.5), (0.5, 0.75), (2.0, 0.5), (2.0, 0.75))  # what the other's acting right costs, and the prior


def posted(options: dict[str, str]) -> tuple[float, Profit]:
    """The best price of full information alone, and what it earns on draws that it was not chosen on."""
    game, prices = sx.make("data-market", **options), np.linspace(0.05, 0.4, 701)
    menu = lambda price: Menu(np.ones((1, 2)), np.array([price]))
    samples = [] if game.is_exact else game.samples(seed=1)
    best = float(prices[int(np.argmax([game.profit_on(menu(price), samples).value for price in prices]))])
    return best, game.profit(menu(best), seed=2)


def main(settings: Settings) -> None:
    experiment = Experiment("data_market", settings)
    rows = settings.few(ROWS, ROWS[1:2])
    learned: dict[str, np.ndarray] = {}
    alone: dict[str, float] = {}
    for row in rows:
        solver = sx.GradientConfig(num_updates=settings.few(1000, 60))
        name = f"data-{'-'.join(row.options.values()) or 'uniform'}"
        seen = train(settings, name, "data-market", options=row.options, solver=solver, polish=4096)
        width = max(entry["half_width"] for entry in seen.result["seeds"])
        price, single = posted(row.options)
        alone[row.label] = single.value
        learned[row.label] = seen.payoffs
        reached = int((seen.payoffs + width >= 0.999 * row.published).sum())
        known = "" if row.exact is None else f"; the optimum is {row.exact}"
        experiment.claim(
            "Ravindranath et al.",
            f"{row.label}: a network's menu earns {row.published}{known}",
            f"{seen.payoffs.min():.5f} to {seen.payoffs.max():.5f}"
            + (f" ± {width:.5f}" if width else ", exact")
            + f"; full information alone earns {single.value:.5f}"
            + (f" ± {single.half_width:.5f}" if single.half_width else "")
            + f" at {price:.4f}",
            reached == settings.seeds and (row.exact is None or seen.payoffs.min() >= 0.9995 * row.exact),
            ""
            if reached == settings.seeds
            else f"{reached} of {settings.seeds} seeds reach it; the others end at full information "
            "alone, because the exact improvement of menus that adds a missing option works only where a guess pays 1",
        )
    revenue = {label: [two_data_buyers(laws, *case) for case in CASES] for label, (laws, _, _) in PAIRS.items()}
    for label, (_, who, theirs) in PAIRS.items():
        shares = np.array(theirs) / np.array(revenue[label])
        experiment.claim(
            "Ravindranath et al.",
            f"two buyers who compete, values {label}: {who} {', '.join(f'{v:.4f}' for v in theirs)} "
            "(cost of the other's success 0.5, 0.5, 2, 2; prior 0.5, 0.75, 0.5, 0.75)",
            f"the best mechanism earns {', '.join(f'{value:.6f}' for value in revenue[label])}, by quadrature; published "
            f"figures are {shares.min():.4f} to {shares.max():.4f} of it",
            bool(np.abs(shares - 1.0).max() <= CLOSE if who == SAMPLED else shares.max() <= 1.0 + 1e-4),
            "published without intervals"
            + "; networks' buyers can gain by lying (1e-4 to 2e-4, published), which does not explain all that is above 1"
            * (who == NETWORKS),
            seeds=1,
        )
    figure, ((axes,),) = new_figure(columns=1, height=2.4)
    place = np.arange(len(rows))
    axes.plot(place, [row.published for row in rows], "o", color=ORANGE, label="networks (published)", markersize=4)
    axes.plot(place, [alone[row.label] for row in rows], "_", color=GREY, label="full information alone", markersize=14)
    for k, row in enumerate(rows):
        shift = np.linspace(-0.12, 0.12, len(learned[row.label]))
        axes.plot(
            k + shift, learned[row.label], ".", color=BLUE, label="gradients and improvement, each seed" if k == 0 else None
        )
    axes.set_xticks(place, [row.label.replace(", ", "\n") for row in rows], fontsize=6)
    axes.set_ylabel("profit")
    axes.legend(fontsize=6, frameon=False)
    experiment.write(figure, {"one buyer": learned, "full information alone": alone, "two buyers": revenue})


if __name__ == "__main__":
    run(main)
