"""Mechanisms too large to write out: what a policy of observations learns from samples, beside what else one could do.

Games of known optima at any size, several copies of a game whose leader sees all followers; sequential prices of several items;
and the posted prices of the source's Figure 4, at its lengths and with about as many decisions. Where other solvers are tried,
they get as many Stackelberg episodes; what is said of them is judged exactly where tables fit.
"""

import dataclasses
from typing import Any

import numpy as np

import stackjax as sx
from toolkit.figures import BLUE, GREY, ORANGE, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.statistics import difference, with_interval
from toolkit.training import Run, train

GAMES: dict[str, tuple[str, dict[str, int], int, int, float]] = {  # game, options, rounds, updates, optimum
    "posted prices": ("posted-price-pi", {}, 250, 22, 0.0),
    "copies 1": ("copies", {"num_copies": 1}, 50, 25, 0.0),
    "copies 2": ("copies", {"num_copies": 2}, 50, 60, 0.0),
    "silent 4": ("posted-price-uniform", {"num_types": 5, "num_messages": 1, "num_agents": 4}, 50, 60, -0.0644),
    "silent 8": ("posted-price-uniform", {"num_types": 4, "num_messages": 1, "num_agents": 8}, 50, 60, -0.02465),
    "maintains 4": ("maintains", {"num_copies": 4}, 50, 60, 80.0),
    "threats 4": ("threats", {"num_copies": 4}, 50, 40, 4.0),
    "allocations 4": ("allocations", {"num_followers": 4}, 60, 50, 8 / 3),
    "prices 3 x 2": ("sequential-prices", {"num_agents": 3, "num_items": 2}, 60, 150, 0.0),
    "prices 5 x 3": ("sequential-prices", {"num_agents": 5, "num_items": 3}, 60, 300, 0.0),
    "allocations 16": ("allocations", {"num_followers": 16}, 60, 50, 32 / 3),
    "copies 4": ("copies", {"num_copies": 4}, 50, 100, 0.0),
    "copies 8": ("copies", {"num_copies": 8}, 50, 100, 0.0),
}
CONFIG: dict[str, dict[str, Any]] = {  # where not the default
    "copies 4": {"entropy_coefficient": 0.3},
    "copies 8": {"num_envs": 128, "entropy_coefficient": 0.3},
}
FLOORS = {
    "posted prices": -1e-6,
    "copies 1": -0.001,
    "copies 2": -0.02,
    "silent 4": -0.0644 - 0.013,
    "silent 8": -0.02465 - 0.02,
    "copies 4": -0.05,
    "copies 8": -0.6,
    "maintains 4": 80.0,
    "threats 4": 4.0,
    "allocations 4": 2.6,
    "allocations 16": 16 / 3 + 0.9 * 16 / 3,
    "prices 3 x 2": -0.023,
}
SOURCE = "beyond"
SLOW = {"copies 8": 2, "allocations 16": 4}  # seeds of what takes long
BESIDE = 3  # seeds of evolution strategies and random networks, at most
ALONE = ("silent 8", "copies 4", "copies 8")  # nothing else is tried where that takes long
WORDS = {"es": "evolution strategy", "search": "random networks"}
CONFIGS = {"policy": sx.PolicyConfig, "es": sx.ESConfig, "search": sx.SearchConfig}


def learned(settings: Settings, name: str, kind: str, seeds: int, label: str = "", share: float = 1.0, **more: Any) -> Run:
    """What a solver of ``kind`` learns.

    Args:
      label: tells runs of the same game and solver apart.
      share: of the game's updates.
      more: settings of the solver, and options of the game.
    """
    game, options, rounds, updates, _ = GAMES[name]
    fields = {field.name for field in dataclasses.fields(CONFIGS[kind])}
    own = CONFIG.get(name, {})
    sizes = {"num_envs" if kind == "policy" else "population": own.get("num_envs", 64)}
    chosen = {**(own if kind == "policy" else {}), **sizes, **{key: more.pop(key) for key in fields & more.keys()}}
    config = CONFIGS[kind](num_updates=settings.few(max(2, round(share * updates)), 2), **chosen)
    pomdp = sx.POMDPConfig(num_rounds=settings.few(rounds, 5), num_reward_episodes=32)
    run_name = "-".join(["large", name.replace(" ", "-"), kind, *([label] if label else [])])
    return train(settings, run_name, game, options={**options, **more}, pomdp=pomdp, seeds=seeds, solver=config)


def half_widths(run: Run) -> np.ndarray:
    """``[S]`` of payoffs' intervals; 0 where tables fit."""
    return np.array([seed.get("half_width", 0.0) for seed in run.result["seeds"]])


def main(settings: Settings) -> None:
    experiment = Experiment("large_mechanisms", settings)
    names = settings.few(list(GAMES), ["copies 1", "threats 4", "prices 5 x 3"])
    data: dict[str, Any] = {}
    for name in names:
        seeds = min(SLOW.get(name, settings.seeds), settings.seeds)
        run = learned(settings, name, "policy", seeds)
        found, seconds = run.payoffs, run.result["wall_seconds"]["train"]
        kinds = () if name in ALONE else ("es", "search")
        others = {kind: learned(settings, name, kind, min(seeds, BESIDE)).payoffs for kind in kinds}
        data[name] = {"policy": found, **others, "seconds": seconds}
        optimum, floor = GAMES[name][-1], FLOORS.get(name)
        if floor is not None:
            reached, goal, enough = found >= floor, f"{floor:g} or more of {optimum:.4g}", seeds
        else:
            quiet = learned(settings, name, "policy", seeds, "silent", num_messages=1)
            silent, of_silent, most = quiet.payoffs, half_widths(quiet), quiet.optimum
            data[name]["without messages"], best = silent, silent.argmax()
            bar = max(silent[best] + of_silent[best], most)
            reached, enough = found - half_widths(run) > bar, 0.8 * seeds
            goal = (
                f"more than without messages by more than both intervals (best of {seeds} {silent[best]:.4g}, "
                f"at most {most:.4g})"
            )
        episodes = CONFIG.get(name, {}).get("num_envs", 64) * GAMES[name][3]
        experiment.claim(
            "Fig. 4" if name == "posted prices" else SOURCE,
            f"{name}: a policy learned from {episodes:,} sampled episodes earns {goal}",
            f"{with_interval(found, np.mean)}, least {found.min():.4g}; {int(reached.sum())} of {seeds} seeds",
            bool(reached.sum() >= enough),
            "".join(f"{WORDS[kind]} {with_interval(payoffs, np.mean)}; " for kind, payoffs in others.items())
            + f"{seconds:.0f} s for all seeds",
            seeds=seeds,
        )

    for name, share in settings.few([("copies 2", 0.25), ("threats 4", 0.25)], [("threats 4", 1.0)]):
        by_critic = {
            critic: learned(settings, name, "policy", settings.seeds, f"critic-{critic}", share, own_critic=critic).payoffs
            for critic in ("mean", "observation", "state")
        }
        data[f"{name}, critics"] = by_critic
        apart = difference(by_critic["state"], by_critic["observation"])
        experiment.claim(
            "002, Section 5",
            f"{name}: a critic of paid sub-episodes that sees types and followers' tables learns more than one that does not",
            "; ".join(f"{critic} {with_interval(payoffs, np.mean)}" for critic, payoffs in by_critic.items()),
            apart[1] > 0,
            f"state less observation {apart[0]:.3g} [{apart[1]:.3g}, {apart[2]:.3g}]; with {share:.0%} of the episodes above; "
            "mean is no critic",
        )

    for name in settings.few(["threats 4", "copies 2"], ["threats 4"]):
        fresh = learned(settings, name, "policy", settings.seeds, "fresh-noise", fresh_noise=True).payoffs
        data[f"{name}, fresh noise"] = fresh
        held = data[name]["policy"]
        apart = difference(held, fresh)
        experiment.claim(
            SOURCE,
            f"{name}: with noise drawn afresh at every decision the leader commits to nothing, and learns less",
            f"{with_interval(fresh, np.mean)}; equal noise for equal observations {with_interval(held, np.mean)}",
            apart[1] > 0,
        )

    figure, panels = new_figure(height=2.2)
    axes = panels[0][0]
    for place, name in enumerate(names):
        optimum = GAMES[name][-1]
        scale = (
            abs(optimum)
            or max(abs(float(found.min())) for key, found in data[name].items() if key in ("policy", "es", "search"))
            or 1.0
        )
        for kind, colour, shift in (("policy", BLUE, -0.2), ("es", ORANGE, 0.0), ("search", GREY, 0.2)):
            if kind not in data[name]:
                continue
            values = (data[name][kind] - optimum) / scale
            label = None if place else kind
            axes.plot(np.full(len(values), place + shift), values, "o", color=colour, markersize=2.5, label=label)
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right")
    axes.set(ylabel="short of the optimum, as a share")
    axes.legend(fontsize=6, frameon=False)
    experiment.write(figure, data)


if __name__ == "__main__":
    run(main)
