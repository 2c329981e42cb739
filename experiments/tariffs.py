"""Tariffs for households that plan: a leader over a mean field (after Stackelberg mean-field games for prosumers, 2509.16296).

That paper publishes no parameters, so that its numbers cannot be compared. The market here is this library's own; what can be
checked is exact. The tariffs that training finds are held against all 625, softmax followers against two bounds of theory.
"""

import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

import stackjax as sx
from stackjax.markov import MeanFieldFollowers, MeanFieldProblem, TariffGame
from stackjax.types import Array
from toolkit.figures import BLUE, COLOURS, GREY, ORANGE, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.training import train

EQUITY = (0.0, 0.5, 1.0, 2.0)  # χ
ALPHAS = (1.0, 3.0, 10.0, 30.0, 100.0)  # 1 / temperature
NUM_RANDOM = 256  # tariffs for the bounds
LEVELS = 5
ROUNDING = 1e-6  # of the errors, in float32
GAME = TariffGame(1.0, LEVELS)


@jax.jit
def _in_equilibrium(equity: Array, tariffs: Array) -> Array:
    return MeanFieldProblem(GAME.with_equity(equity), MeanFieldFollowers()).worth(jax.random.key(0), tariffs).payoff


@jax.jit
def _under_softmax(temperature: Array, tariffs: Array) -> Array:
    followers = MeanFieldFollowers("softmax", temperature=temperature)
    return MeanFieldProblem(GAME, followers).worth(jax.random.key(0), tariffs).payoff


def all_payoffs(payoffs: Callable[[Array, Array], Array], number: float) -> np.ndarray:
    """``[625]`` the leader's payoff of every tariff, that of none first."""
    parts = jnp.split(jnp.asarray(list(itertools.product(range(LEVELS), repeat=4)), jnp.int32), 5)
    return np.concatenate([np.asarray(payoffs(jnp.float32(number), part), np.float64) for part in parts])


def bounds(settings: Settings) -> dict[str, np.ndarray]:
    """``[alphas, tariffs]`` the errors of softmax followers and what theory allows them to be."""
    game, count = TariffGame(1.0, levels=None), settings.few(NUM_RANDOM, 16)
    tariffs = jnp.asarray(np.random.default_rng(0).random((count, 4, 1)), jnp.float32)

    def one(temperature: Array, tariff: Array) -> Array:
        found = MeanFieldProblem(game, MeanFieldFollowers("softmax", temperature=temperature)).judge(None, tariff, 1).details
        return jnp.stack([found.exploitability, found.exploitability_bound, found.field_error, found.field_error_bound])

    every = jax.jit(jax.vmap(one, (None, 0), 1))
    table = np.array([np.asarray(every(jnp.float32(1.0 / alpha), tariffs), np.float64) for alpha in ALPHAS])
    names = ("exploitability", "exploitability bound", "field error", "field error bound")
    return dict(zip(names, np.moveaxis(table, 1, 0), strict=True))


def shares_of(values: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """``values`` over ``limits``, one by one; 0 where a limit is no more than rounding, and so says nothing."""
    return np.divide(values, limits, out=np.zeros_like(values), where=limits > ROUNDING)


def main(settings: Settings) -> None:
    experiment = Experiment("tariffs", settings)
    chosen = settings.few(EQUITY, EQUITY[::2])
    solver = settings.few(sx.DirectConfig(num_updates=50, population=64), sx.SearchConfig(10, 64))
    runs = {chi: train(settings, f"tariffs-{chi:g}", "tariffs", options={"equity": chi}, solver=solver) for chi in chosen}
    exact = {chi: all_payoffs(_in_equilibrium, chi) for chi in chosen}
    none = {chi: payoffs[0] for chi, payoffs in exact.items()}
    at = {chi: int(run.at_optimum(1e-5).sum()) for chi, run in runs.items()}
    learned = {chi: run.result["seeds"][int(run.payoffs.argmax())] for chi, run in runs.items()}
    words = {chi: ", ".join(line.split(" tariff ")[1] for line in seed["mechanism"]) for chi, seed in learned.items()}

    experiment.claim(
        "theorem",
        "with χ = 0 no tariff is optimal: the equilibrium has the least social cost",
        f"{runs[0.0].optimum:.6f} is the best of 625, {none[0.0]:.6f} without a tariff; learned on {at[0.0]} of "
        f"{settings.seeds} seeds",
        abs(none[0.0] - runs[0.0].optimum) < 1e-5 and at[0.0] == settings.seeds,
    )
    others = [chi for chi in chosen if chi > 0]
    shown = "; ".join(
        f"χ = {chi:g}: ({words[chi]}) {runs[chi].optimum:.6f}, none {none[chi]:.6f}, {at[chi]} seeds" for chi in others
    )
    experiment.claim(
        "2509.16296",
        "the leader learns the tariff that is best for a population in equilibrium",
        shown,
        all(at[chi] == settings.seeds for chi in others),
        "the best of all 625 by exact enumeration; the paper's own numbers cannot be compared, it gives no parameters",
    )
    found = bounds(settings)
    tight = {name: shares_of(found[name], found[f"{name} bound"]).max(axis=1) for name in ("exploitability", "field error")}
    holds = [(found[name] <= found[f"{name} bound"] + 1e-6).all() for name in tight]
    shares = [f"{a:g}: {e:.2f} and {f:.2f}" for a, e, f in zip(ALPHAS, *tight.values(), strict=True)]
    experiment.claim(
        "2509.16296",
        "softmax followers lose a bounded amount, and the field is near that of the equilibrium",
        f"largest share of the bound at α = {', '.join(shares)}",
        all(holds),
        f"{found['exploitability'].shape[1]} random tariffs, each with its own bound; bounds T W((A - 1) / e) / α and the "
        "followers' mean loss",
        seeds=1,
    )
    errors, regrets = {}, {}
    for alpha in settings.few((3.0, 10.0, 30.0, 100.0), (10.0, 100.0)):
        soft = all_payoffs(_under_softmax, 1.0 / alpha)
        errors[alpha] = float(np.abs(soft - exact[1.0]).max())
        regrets[alpha] = float(exact[1.0].max() - exact[1.0][soft.argmax()])
    spread = float(np.ptp(exact[1.0]))
    experiment.claim(
        "2509.16296",
        "a tariff chosen against softmax followers loses less in equilibrium the sharper they are",
        "; ".join(f"α = {alpha:g}: {regrets[alpha]:.4f}, {regrets[alpha] / spread:.2%} of the range" for alpha in errors),
        bool((np.diff(list(regrets.values())) <= 1e-6).all()),
        "all 625 tariffs, χ = 1",
        seeds=1,
    )

    figure, ((left, right),) = new_figure(columns=2, height=2.1)
    left.plot(chosen, [exact[chi].max() - none[chi] for chi in chosen], color=GREY, label="best of 625")
    gains = [(run.payoffs - none[chi]).mean() for chi, run in runs.items()]
    left.plot(chosen, gains, color=BLUE, linestyle="", marker="o", markersize=4, label="learned, mean of seeds")
    left.set(xlabel="weight of equity χ", ylabel="payoff above no tariff", title="What tariffs are worth")
    left.legend(fontsize=6.5, frameon=False)
    for colour, name in ((ORANGE, "exploitability"), (COLOURS[2], "field error")):
        right.loglog(ALPHAS, found[name].max(axis=1), color=colour, marker="o", markersize=3, label=name)
        right.loglog(ALPHAS, found[f"{name} bound"].max(axis=1), color=colour, linestyle=":", label=f"{name}, bound")
    right.set(xlabel="α", title="Softmax followers, the worst tariff")
    right.legend(fontsize=6, frameon=False)
    data = {
        "learned": {
            chi: {"leader_payoff": run.payoffs, "optimum": run.optimum, "tariff": words[chi]} for chi, run in runs.items()
        },
        "no tariff": none,
        "bounds": {name: {"largest": table.max(axis=1), "mean": table.mean(axis=1)} for name, table in found.items()},
        "regret": {alpha: {"regret": regrets[alpha], "largest error": errors[alpha]} for alpha in errors},
    }
    experiment.write(figure, data)


if __name__ == "__main__":
    run(main)
