"""Followers trained beforehand against followers trained inside the leader's episode (Gerstgrasser and Parkes 2023).

The leader learns by PPO in twelve iterated games. A contextual follower costs it S queries and T steps an episode; a tabular
Q-learner costs it 80 episodes of T steps to learn in and one that counts. The source's figures of samples are not in a text
that we could read, so that there is nothing to compare with: both are measured here, beside random search.
"""

import numpy as np

from stackjax.markov import MarkovFollowers, iterated, solve_markov
from stackjax.markov.followers import QLearningFollower
from toolkit.figures import BLUE, GREY, ORANGE, new_figure
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.training import Run, train

GAMES = (
    "prisoners-dilemma",
    "stag-hunt",
    "assurance",
    "coordination",
    "mixedharmony",
    "harmony",
    "noconflict",
    "deadlock",
    "prisoners-delight",
    "hero",
    "battle",
    "chicken",
)
HORIZON, STATES = 10, 5
STEPS = {"contextual": STATES + HORIZON, "q-learning": (QLearningFollower.episodes + 1) * HORIZON}  # of an episode
NEAR = 0.5  # of the optimum, game units: a tenth of a point a step below


def steps_until(run: Run, optimum: float, follower: str) -> tuple[np.ndarray, np.ndarray]:
    """``[S]`` executed steps, and seconds of all seeds side by side, until a seed stays near the optimum; infinite if never."""
    curve = run.curve("greedy_payoff")
    decisions = curve.first_lasting(optimum - NEAR)
    at = np.searchsorted(curve.decisions, decisions).clip(max=len(curve.seconds) - 1)
    seconds = np.where(np.isfinite(decisions), curve.seconds[at], np.inf)
    return decisions / STATES * STEPS[follower], seconds


def middle(values: np.ndarray) -> str:
    """The median and the quartiles in words; values may be infinite."""
    low, centre, high = np.quantile(values, (0.25, 0.5, 0.75), method="nearest")
    show = lambda value: f"{value:,.0f}" if np.isfinite(value) else "never"
    return f"{show(centre)} [{show(low)}, {show(high)}]"


def main(settings: Settings) -> None:
    experiment = Experiment("oracles_and_followers", settings)
    names = settings.few(GAMES, GAMES[:1])
    training = {"num_envs": 16, "num_updates": settings.few(120, 40)}
    known = {name: solve_markov(iterated(name)) for name in names}
    steps: dict[str, dict[str, np.ndarray]] = {}
    seconds: dict[str, dict[str, np.ndarray]] = {}
    reached, largest = dict.fromkeys(STEPS, 0), 0.0
    for name in names:
        for follower in STEPS:
            rules = MarkovFollowers(follower)  # type: ignore[arg-type]
            found = train(settings, f"of-{name}-{follower}", "iterated", options={"matrix": name}, followers=rules, **training)
            one, time = steps_until(found, known[name].value, follower)
            steps.setdefault(follower, {})[name], seconds.setdefault(follower, {})[name] = one, time
            reached[follower] += int(np.isfinite(one).sum())
            if follower == "contextual":
                largest = max(largest, found.result["evaluation"]["pretraining"]["largest_regret"])
    total = len(names) * settings.seeds
    search = {name: 32 / int(known[name].num_optimal or 1) * STEPS["contextual"] for name in names}
    experiment.claim(
        "O&F",
        "against a contextual follower the leader learns the optimum of all twelve iterated games",
        f"{reached['contextual']} of {total} runs stay within {NEAR:g} of it; over all 32 tables of any game the follower "
        f"loses at most {largest:.3g}",
        reached["contextual"] == total,
        f"T = {HORIZON}, memory of one step; optima 6, 5, 5 and nine times 15, by enumeration",
    )
    dilemma = names[0]
    ours, theirs = steps["contextual"][dilemma], steps["q-learning"][dilemma]
    experiment.claim(
        "O&F",
        "it takes far fewer executed leader steps than with tabular Q-learning in the inner loop",
        f"prisoner's dilemma: contextual {middle(ours)}, Q-learning {middle(theirs)} steps, median and quartiles; seconds "
        f"{middle(seconds['contextual'][dilemma])} and {middle(seconds['q-learning'][dilemma])}; over all games Q-learning "
        f"stays near the optimum on {reached['q-learning']} of {total} runs",
        bool(np.median(ours) < np.median(theirs)),
        f"15 steps an episode against 810; random search finds the dilemma's one table of 32 in {search[dilemma]:.0f} steps on "
        "average; pretraining is not counted, it takes no step of the leader's episodes",
    )

    figure, ((axes,),) = new_figure(height=2.6)
    for place, name in enumerate(names):
        for follower, colour, shift in (("contextual", BLUE, -0.15), ("q-learning", ORANGE, 0.15)):
            values = steps[follower][name]
            finite = values[np.isfinite(values)]
            axes.plot(finite, np.full(len(finite), place + shift), ".", color=colour, markersize=4, alpha=0.5)
        axes.plot(search[name], place, "|", color=GREY, markersize=8)
    axes.set(xscale="log", xlabel="executed leader steps to the optimum", yticks=range(len(names)), yticklabels=names)
    axes.invert_yaxis()
    axes.set_title("contextual (blue), Q-learning (orange), search (bar)", fontsize=7)
    data = {
        follower: {name: {"steps": steps[follower][name], "seconds": seconds[follower][name]} for name in names}
        for follower in STEPS
    }
    experiment.write(figure, {**data, "search": search})


if __name__ == "__main__":
    run(main)
