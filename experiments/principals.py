"""Bandits as leaders, as in social environment design (2410.08345), beside this library's, at equal Stackelberg episodes.

A bandit's arms are all commitments, on a grid where they are numbers. Payoffs are shares: 0 is the mean of random commitments,
1 the optimum. One episode is one commitment against one fresh group of followers; bandits pull one arm at a time.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import stackjax as sx
from stackjax.markov.groups.followers import GroupFollowers
from stackjax.solvers.bandit import commitments_of_arms, num_arms_of
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import find_game, resolve_options
from toolkit.figures import COLOURS, GREY, LINE_STYLES, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.statistics import interval, with_interval
from toolkit.training import Curve, Run, train

POPULATION = 256  # of the leaders that try many commitments at once
EPISODES = 80 * POPULATION
REACHED = 0.99  # share of the optimum
BANDITS = ("ucb", "epsilon-greedy", "thompson")
LEADERS = (*BANDITS, "direct", "ppo", "search")
MANY = 1000  # arms: more than a few updates of the other leaders try


class Contest(NamedTuple):
    """A game with its options, the grid of its bandits, and its followers if they are not the default."""

    name: str
    game: str
    options: dict[str, Any]
    levels: int = 11
    followers: Any = None

    def spec(self) -> RunSpec:
        source, config = find_game(self.game), sx.BanditConfig(levels=self.levels)
        sections = {} if self.followers is None else {"followers": self.followers}
        return RunSpec(source, resolve_options(source, self.options), sections, config)

    def arms(self) -> int:
        spec = self.spec()
        return num_arms_of(spec.build_problem(), spec.solver)

    def best_arms(self, random: float, optimum: float) -> tuple[int, int]:
        """How many arms are worth `REACHED` of the optimum and settle, tried one by one, and the first of them in order."""
        problem = self.spec().build_problem()
        made = np.asarray(commitments_of_arms(problem.commitments, self.levels)(jnp.arange(self.arms())))
        worth_of = jax.jit(lambda batch: problem.worth(jax.random.key(0), batch))
        parts = [
            worth_of(np.resize(made[k : k + POPULATION], (POPULATION, *made.shape[1:])))
            for k in range(0, len(made), POPULATION)
        ]
        payoff, gap = (np.concatenate([getattr(part, name) for part in parts])[: len(made)] for name in ("payoff", "gap"))
        is_best = (payoff >= random + REACHED * (optimum - random)) & (gap <= problem.settled_gap)
        return int(is_best.sum()), int(is_best.argmax())


CONTESTS = (
    Contest("commons-flat", "commons", {"flat": True}, followers=GroupFollowers("pure")),
    Contest("iterated", "iterated", {}),
    Contest("tariffs", "tariffs", {}),
    Contest("maintain-randomized, 11 levels", "maintain-randomized", {}),
    Contest("maintain-randomized, 21 levels", "maintain-randomized", {}, levels=21),
    Contest("commons", "commons", {}, followers=GroupFollowers("pure")),
    Contest("bertrand-platform, 3 prices", "bertrand-platform", {"num_prices": 3}),
)


class Entry(NamedTuple):
    """What a leader did: shares ``[p, S]`` of its greedy commitment and of what it was paid, by episodes ``[p]``."""

    greedy: Curve
    paid: np.ndarray
    best: np.ndarray  # [S], of the best commitment of all evaluations, judged again

    @property
    def last(self) -> np.ndarray:
        """``[S]`` of the commitment at the end."""
        return self.greedy.values[-1]

    @property
    def reached(self) -> np.ndarray:
        """``[S]`` the episodes from which on the greedy commitment stays at the optimum; infinity if it does not."""
        return self.greedy.first_lasting(REACHED)


def config_of(leader: str, levels: int, episodes: int) -> Any:
    updates = episodes // POPULATION
    if leader in BANDITS:
        return sx.BanditConfig(rule=leader, num_updates=episodes, levels=levels)  # type: ignore[arg-type]
    kinds = {"direct": sx.DirectConfig, "search": sx.SearchConfig}
    return kinds[leader](updates, population=POPULATION) if leader in kinds else sx.PPOConfig(num_updates=updates)


def random_payoff(runs: dict[str, Run]) -> float:
    """The mean payoff of random commitments, which `search` tries."""
    return float(runs["search"].curve("mean_return").values[1:].mean())


def played(settings: Settings, contest: Contest) -> dict[str, Run]:
    """A run of every leader; those that have no grid are the same on every grid."""
    episodes = settings.few(EPISODES, 4 * POPULATION)
    runs = {}
    for leader in LEADERS:
        config = config_of(leader, contest.levels, episodes)
        name = "-".join(["principals", contest.name.split(",")[0], leader, *[str(contest.levels)] * (leader in BANDITS)])
        runs[leader] = train(
            settings, name, contest.game, options=contest.options, solver=config, followers=contest.followers
        )  # fmt: skip
    return runs


def entries_of(runs: dict[str, Run]) -> dict[str, Entry]:
    """Payoffs as shares of the way from random commitments to the optimum."""
    random = random_payoff(runs)
    share = lambda payoffs: (payoffs - random) / (runs["search"].optimum - random)
    entries = {}
    for leader, seen in runs.items():
        episodes = seen.curve("stackelberg_episodes").values.mean(axis=1)
        greedy = seen.curve("greedy_payoff")._replace(decisions=episodes)
        entries[leader] = Entry(
            greedy._replace(values=share(greedy.values)), share(seen.curve("mean_return").values), share(seen.payoffs)
        )
    return entries


def swept(entry: Entry, arms: int) -> tuple[float, float, float]:
    """The mean share of what was paid while no arm is pulled twice, in the logged stretch after that, and in all after."""
    ends, paid = entry.greedy.decisions, entry.paid.mean(axis=1)
    begins = np.concatenate([[0.0], ends[:-1]])
    after = paid[1:][begins[1:] >= arms]
    return float(paid[1:][ends[1:] <= arms].mean()), float(after[0]), float(after.mean())


def refused() -> tuple[int, list[str]]:
    """How many registered games have a table, and those whose table has too many commitments for a bandit."""
    names, tables = [], 0
    for game in sx.registered_games():
        tables += 1
        try:
            Contest(game.name, game.name, {}).arms()
        except sx.InputError:
            names.append(game.name)
    return tables, names


def thousands(episodes: np.ndarray) -> str:
    """The median, in thousands."""
    median = float(np.median(episodes))
    return f"{median / 1000:.1f}" if np.isfinite(median) else "never"


def main(settings: Settings) -> None:
    experiment = Experiment("principals", settings)
    contests = settings.few(CONTESTS, CONTESTS[1:2] + CONTESTS[3:4])
    arms = {contest.name: contest.arms() for contest in contests}
    runs = {contest.name: played(settings, contest) for contest in contests}
    found = {name: entries_of(seen) for name, seen in runs.items()}
    best = {one.name: one.best_arms(random_payoff(runs[one.name]), runs[one.name]["search"].optimum) for one in contests}
    many = [name for name in found if arms[name] >= MANY]
    few = [name for name in found if arms[name] < MANY]
    told = lambda names, words: "; ".join(f"{name} ({arms[name]:,} arms): {words(found[name])}" for name in names)

    jumps = {name: swept(found[name]["ucb"], arms[name]) for name in settings.few(many, [])}
    experiment.claim(
        "2410.08345",
        "UCB does as random commitments do until it has pulled every arm once, and then jumps",
        "; ".join(
            f"{name} ({arms[name]:,} arms): paid {before:.2f} before, {next_:.2f} next, {after:.2f} from then to the end"
            for name, (before, next_, after) in jumps.items()
        ),
        all(abs(before) <= 0.1 and next_ >= 0.5 for before, next_, _ in jumps.values()),
        "shares of what its pulls were paid; published: at 1.33 million steps, 11³ arms of 1,000 steps each. A fifth of the "
        "payoff range is more than most arms differ by: UCB then pulls them a second time, the best first, and falls again",
    )
    order = ("ucb", "ppo", "epsilon-greedy", "thompson")
    paid_of = lambda row: ", ".join(f"{leader} {share:.2f}" for leader, share in zip(order, row, strict=True))
    at_end = {name: [float(found[name][leader].paid[-1].mean()) for leader in order] for name in many}
    experiment.claim(
        "2410.08345",
        "at the end UCB is paid most, then PPO, epsilon-greedy and Thompson sampling",
        "; ".join(f"{name}: {paid_of(row)}" for name, row in at_end.items()),
        all(row == sorted(row, reverse=True) for row in at_end.values()),
        "shares of what the last fortieth of episodes was paid; published, Commons Harvest Open: 50, 46.5, 45.5, 34, read off "
        "a figure; other games, other followers",
    )
    median = lambda name, leader: np.median(found[name][leader].reached)
    is_later = {name: any(median(name, rule) > median(name, "direct") for rule in BANDITS) for name in found}
    is_sooner = {name: any(median(name, rule) <= median(name, "direct") for rule in BANDITS) for name in found}
    firsts = "; ".join(f"{name} arm {best[name][1]:,}, {best[name][0]} of {arms[name]:,} good" for name in many)
    medians = lambda entries: ", ".join(f"{leader} {thousands(entries[leader].reached)}" for leader in LEADERS)
    experiment.claim(
        "beyond",
        f"with {MANY:,} arms or more direct is at the optimum after fewer episodes than every bandit",
        f"thousands of episodes until {REACHED:g} of it, median of seeds: {told(many, medians)}",
        not any(is_sooner[name] for name in many),
        f"the greedy commitment, in nine of ten evaluations to come, 40 of them in {EPISODES:,} episodes. Next to nothing is "
        "drawn here, so that one pull tells what an arm is worth, and greedy commitments need no second; UCB tries arms in "
        f"order, where the first good ones come early: {firsts}",
    )
    experiment.claim(
        "beyond",
        "with fewer arms every bandit is at the optimum no later than direct",
        f"thousands of episodes, likewise: {told(few, medians)}",
        not any(is_later[name] for name in few),
        "direct tries all commitments in its first update where there are no more than that, and is judged after it; a bandit "
        "is judged after a fortieth of its pulls",
    )
    ends = lambda entries: ", ".join(f"{leader} {with_interval(entries[leader].last, np.mean)}" for leader in LEADERS)
    experiment.claim(
        "beyond",
        f"after {EPISODES:,} episodes UCB commits to what is as good as direct's commitment",
        f"share of the optimum: {told(found, ends)}",
        all(found[name]["ucb"].last.mean() >= found[name]["direct"].last.mean() - 0.01 for name in found),
        "the commitment at the end, not polished",
    )
    total, names = settings.few(refused, lambda: (1, ["posted-price-pi"]))()
    experiment.claim(
        "beyond",
        "a bandit fits the games of this library",
        f"{len(names)} of {total} registered games have more than four million commitments on a grid of 11 levels and are "
        f"refused: {', '.join(names)}",
        not names,
        "an arm for each commitment: with 24 numbers, as in posted-price-pi, there are 11²⁴",
        seeds=1,
    )

    rows = -(-(len(contests) + 1) // 2)
    figure, panels = new_figure(rows=rows, columns=2, height=1.7)
    for axes, name in zip(panels.flat, found, strict=False):
        for colour, (leader, entry) in zip(COLOURS, found[name].items(), strict=False):
            centre, low, high = interval(entry.greedy.values, np.mean)
            x = entry.greedy.decisions / 1000
            style = LINE_STYLES[1] if leader in BANDITS else LINE_STYLES[0]
            axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
            axes.plot(x, centre, color=colour, linestyle=style, label=leader)
        axes.axvline(arms[name] / 1000, color=GREY, linewidth=0.8, linestyle=":")
        axes.set(title=f"{name}: {arms[name]:,} arms", ylim=(-0.6, 1.08))
        axes.set_xscale("symlog", linthresh=1.0)
    for axes in panels.flat[len(found) :]:
        axes.axis("off")
    panels.flat[len(found)].legend(*panels.flat[0].get_legend_handles_labels(), fontsize=7, frameon=False, loc="center")
    panels[-1, 0].set_xlabel("Stackelberg episodes (thousands); dotted: as many as arms")
    panels[0, 0].set_ylabel("share, greedy")
    data = {
        name: {
            "arms": arms[name],
            "best arms": dict(zip(("count", "first"), best[name], strict=True)),
            **{
                leader: {
                    "episodes": entry.greedy.decisions,
                    "greedy": entry.greedy.values.mean(axis=1),
                    "paid": entry.paid[1:].mean(axis=1),
                    "reached": entry.reached,
                    "last": entry.last,
                    "best": entry.best,
                }
                for leader, entry in entries.items()
            },
        }
        for name, entries in found.items()
    }
    experiment.write(figure, data)


if __name__ == "__main__":
    run(main)
