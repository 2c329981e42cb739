"""Four ways to leave the frame in which a leader may learn by reinforcement (Gerstgrasser and Parkes 2023, Theorems 1 and 2).

A follower is an oracle that queries the leader, and the queries are part of the leader's episode. Four ways lead out of that
frame: queries that the leader does not learn from; a leader that sees whether it is queried; followers carried over from one
episode to the next; and a leader that is paid while the followers still learn. Each is a switch of `stackjax train`, with all
else equal. Followers of the first two answer best, exactly; those of the last two are tabular Q-learners in a game of one step.
The learner is the library's PPO. Payoffs are those of the table that the leader plays in the end, as it was learned.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from stackjax.markov import MarkovFollowers, MarkovProblem, QueryConfig, iterated
from stackjax.markov.ppo.play import answered
from toolkit.figures import BLUE, GREY, ORANGE, new_figure, reference_line
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.statistics import difference, with_interval
from toolkit.training import Run, train

FIVE_STEPS = {"horizon": 5, "memory": "other"}
ONE_STEP = {"horizon": 1, "memory": "other", "offset": 0.0}
SLOW, QUICK = 1e-4, 1e-3  # the leader's step size, beside followers who adapt over some 20 updates


def reported(found: Run) -> np.ndarray:
    """``[S]`` what each seed's leader was paid in its last episodes."""
    return np.array([seed["mean_return"] for seed in found.result["seeds"]])


def row_values(followers: MarkovFollowers, matrix: str, count: int = 20_000) -> list[tuple[float, float]]:
    """What each row pays on average in the game that counts, and in all before, against followers that start over."""
    game = iterated(matrix, **ONE_STEP)
    problem = MarkovProblem(game, followers)

    def pays(row: int) -> tuple[float, float]:
        made = jnp.full((count, game.num_states), row, jnp.int32)
        found = answered(problem, jax.random.key(2), made, ())
        of_actions = jnp.asarray(game.table[row, :, 0], jnp.float32)[:, None]
        return float((found.policies[0] * of_actions).sum(axis=0).mean()), float(found.leader_paid.mean())

    return [pays(row) for row in range(2)]


def main(settings: Settings) -> None:
    experiment = Experiment("hidden_queries", settings)
    runs: dict[str, Run] = {}

    def learn(what: str, matrix: str, options: dict[str, Any], queries: QueryConfig, follower: Any = None, **ppo: Any) -> Run:
        name = f"queries-{what.replace(', ', '-').replace(' ', '-')}"
        options = {"matrix": matrix, **options}
        runs[what] = train(settings, name, "iterated", options=options, followers=follower, queries=queries, **ppo)
        return runs[what]

    updates = {"num_updates": settings.few(200, 60)}
    for what, matrix, queries in (
        ("queries seen", "hidden-queries", QueryConfig(seen="visible")),
        ("queries hidden", "hidden-queries", QueryConfig(seen="hidden")),
        ("phase unseen", "prisoners-dilemma", QueryConfig(seen="visible")),
        ("phase seen", "prisoners-dilemma", QueryConfig(seen="visible", phase=True)),
    ):
        learn(what, matrix, FIVE_STEPS, queries, **updates)
    last = {name: found.payoffs for name, found in runs.items()}
    best, best_dilemma = runs["queries seen"].optimum, runs["phase unseen"].optimum
    steps = int(runs["queries seen"].curve("greedy_payoff").decisions[-1])
    experiment.claim(
        "O&F, Theorem 1",
        "with its queries in the episode the leader learns the commitment that is best",
        f"{with_interval(last['queries seen'], np.mean)} of {best:g} in the hidden-queries game, "
        f"{with_interval(last['phase unseen'], np.mean)} of {best_dilemma:g} in the prisoner's dilemma",
        bool((last["queries seen"] == best).all() and (last["phase unseen"] == best_dilemma).all()),
        f"five steps, memory of the follower's last action, {steps:,} executed leader steps a seed",
    )
    experiment.claim(
        "O&F, Theorem 2",
        "with hidden queries it does not",
        f"{with_interval(last['queries hidden'], np.mean)} of {best:g}",
        float(last["queries hidden"].max()) < best,
        "because threats are never carried out against a best answer: in the states that are reached row 0 is dominant, and "
        "against row 0 everywhere the follower plays its other action",
    )
    promised, honest = reported(runs["phase seen"]), reported(runs["phase unseen"])
    experiment.claim(
        "JAIR, phase bit",
        "a leader that sees whether it is queried promises one table and plays another",
        f"it reports {with_interval(promised, np.mean)}, more than the best commitment's {best_dilemma:g}; "
        f"the table that it plays is worth {with_interval(last['phase seen'], np.mean)}",
        float(promised.min()) > best_dilemma and float(last["phase seen"].max()) < best_dilemma,
        f"without the bit it reports {with_interval(honest, np.mean)}, which is honest",
    )

    lengths = {"num_envs": 32, "num_updates": settings.few(400, 100)}
    queries = {held: QueryConfig(seen="visible", carried=held) for held in (False, True)}
    follower = MarkovFollowers("q-learning", episodes=5, exploration=0.5)
    quick = learn(
        "carried over, quick", "battle-of-the-sexes", ONE_STEP, queries[True], follower, learning_rate=QUICK, **lengths
    )
    gives_way = with_interval(quick.payoffs, np.mean)
    for games, claim, why in (
        (
            10,
            "followers that are carried over make the leader settle for less than followers that start over (10 games)",
            "battle of the sexes, one step, 2 at best; followers who play ten games in an episode, half of their actions at "
            "random, give way within it, so that what they held before does not matter",
        ),
        (
            5,
            "the same (5 games)",
            "the leader settles for the row that followers like, since the other pays nothing while they hold on to their own, "
            "which they have come to before the leader has learned. A leader that learns ten times as quickly makes them give "
            f"way: carried over {gives_way}",
        ),
    ):
        follower = MarkovFollowers("q-learning", episodes=games, exploration=0.5)
        again, carried = (
            learn(
                f"{'carried' if held else 'started'} over, {games}",
                "battle-of-the-sexes",
                ONE_STEP,
                queries[held],
                follower,
                learning_rate=SLOW,
                **lengths,
            ).payoffs
            for held in (False, True)
        )
        experiment.claim(
            "JAIR, reset",
            claim,
            f"started over {with_interval(again, np.mean)}, carried over {with_interval(carried, np.mean)}",
            difference(again, carried)[1] > 0,
            why,
        )
    slow_to_see = MarkovFollowers("q-learning", episodes=100, exploration=0.3, learning_rate=0.4)
    lengths = {"num_envs": 128, "num_updates": settings.few(100, 30), "learning_rate": 3e-3}
    end, along = (
        learn(what, "costly-coordination", ONE_STEP, QueryConfig(seen="visible", paid=paid), slow_to_see, **lengths).payoffs
        for what, paid in (("paid in the end", False), ("paid all along", True))
    )
    values = row_values(slow_to_see, "costly-coordination")
    experiment.claim(
        "JAIR, reward timing",
        "a leader that is paid while followers learn avoids the row that is best once they have learned",
        f"paid in the end {with_interval(end, np.mean)}, paid all along {with_interval(along, np.mean)}",
        difference(end, along)[1] > 0,
        "; ".join(f"row {row} pays {last:.2f} in the end and {before:.1f} before" for row, (last, before) in enumerate(values)),
    )

    figure, panels = new_figure(columns=2, height=2.1)
    left, right = panels[0]
    curves = {name: {key: found.curve(key) for key in ("greedy_payoff", "mean_return")} for name, found in runs.items()}
    thousands = lambda curve: curve.decisions / 1e3
    for name, colour in (("queries seen", BLUE), ("queries hidden", ORANGE)):
        worth = curves[name]["greedy_payoff"]
        left.plot(thousands(worth), worth.values.mean(axis=1), color=colour, label=name)
    reference_line(left, best, "optimum", above=False)
    left.set(xlabel="executed leader steps (thousands)", ylabel="worth of its table", title="Hidden queries")
    for name, colour in (("phase unseen", BLUE), ("phase seen", ORANGE)):
        for key, line, word in (("mean_return", "-", "reported"), ("greedy_payoff", ":", "honest")):
            curve = curves[name][key]
            right.plot(thousands(curve), curve.values.mean(axis=1), color=colour, linestyle=line, label=f"{name}: {word}")
    reference_line(right, best_dilemma, "optimum")
    right.set(xlabel="executed leader steps (thousands)", title="Phase bit, prisoner's dilemma")
    for axes in (left, right):
        axes.legend(fontsize=6, frameon=False, labelcolor=GREY, loc=(0.45, 0.2))
    data: dict[str, Any] = {name: {"honest": found.payoffs, "reported": reported(found)} for name, found in runs.items()}
    experiment.write(figure, {**data, "rows": values})


if __name__ == "__main__":
    run(main)
