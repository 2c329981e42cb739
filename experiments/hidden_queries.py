"""Four ways to leave the frame in which a leader may learn by reinforcement (Gerstgrasser and Parkes 2023, Theorems 1 and 2).

A follower is an oracle that queries the leader, and the queries are part of the leader's episode. Four ways lead out of that
frame: queries that the leader does not learn from; a leader that sees whether it is queried; followers carried over from one
episode to the next; and a leader that is paid while the followers still learn. Each is one switch here, with all else equal.
Followers of the first two answer best, exactly; those of the last two are tabular Q-learners in a game of one step.
"""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax

from stackjax.markov import iterated, solve_markov
from stackjax.types import Array, PRNGKey
from toolkit.figures import BLUE, GREY, ORANGE, new_figure, reference_line
from toolkit.query_leader import Learned, QuerySettings, learn
from toolkit.results import Experiment
from toolkit.settings import Settings, run
from toolkit.statistics import difference, with_interval

NOISE = 0.1  # standard deviation of what is added to its values in these
SEXES = np.array([[[2.0, 1.0], [0.0, 0.0]], [[0.0, 0.0], [1.0, 2.0]]])  # battle of the sexes
PENALTY = np.array([[[2.0, 0.001], [-5.0, 0.0]], [[-5.0, 0.0], [1.0, 2.0]]])  # a coordination game with a costly way there


@dataclasses.dataclass(frozen=True)
class OneStep:
    """A leader of one step who learns against a Q-learner.

    The follower learns in ``responses`` games before the one that counts; it may be ``carried`` over from episode to episode,
    and the leader be ``paid`` in all games.
    """

    table: np.ndarray
    follower_rate: float
    first_scale: float
    learning_rate: float = 0.03
    responses: int = 10
    carried: bool = False
    paid: bool = False


def episode(key: PRNGKey, row: Array, values: Array, rules: OneStep) -> tuple[Array, Array, Array]:
    """The leader's payoff in the game that counts, in all before, and the follower's values after them."""
    table = jnp.asarray(rules.table, jnp.float32)

    def respond(values: Array, key: PRNGKey) -> tuple[Array, Array]:
        action = (values + NOISE * jax.random.normal(key, (2,))).argmax()
        paid = table[row, action]
        return values.at[action].add(rules.follower_rate * (paid[1] - values[action])), paid[0]

    values, before = jax.lax.scan(respond, values, jax.random.split(key, rules.responses))
    return table[row, values.argmax(), 0], before.sum(), values


def learn_one_step(rules: OneStep, seeds: int, updates: int, batch: int = 10) -> np.ndarray:
    """``[S]`` what the row that each seed's leader is likeliest to play pays at last, against followers that start over."""
    optimiser = optax.adam(rules.learning_rate)

    def fresh(key: PRNGKey) -> Array:
        return rules.first_scale * jax.random.normal(key, (2,))

    def update(carry: tuple[Array, optax.OptState, Array], key: PRNGKey) -> tuple[tuple[Array, optax.OptState, Array], None]:
        logits, state, values = carry

        def one(values: Array, key: PRNGKey) -> tuple[Array, tuple[Array, Array]]:
            row_key, first_key, key = jax.random.split(key, 3)
            row = jax.random.categorical(row_key, logits)
            counted, before, after = episode(key, row, values if rules.carried else fresh(first_key), rules)
            return after, (row, counted + before if rules.paid else counted)

        values, (rows, returns) = jax.lax.scan(one, values, jax.random.split(key, batch))
        slope = jax.grad(lambda logits: -(jax.nn.log_softmax(logits)[rows] * returns).mean())(logits)
        change, state = optimiser.update(slope, state)
        return (optax.apply_updates(logits, change), state, values), None

    def train(key: PRNGKey) -> Array:
        first_key, key, last_key = jax.random.split(key, 3)
        start = jnp.zeros(2), optimiser.init(jnp.zeros(2)), fresh(first_key)
        (logits, _, _), _ = jax.lax.scan(update, start, jax.random.split(key, updates))
        return row_value(last_key, logits.argmax(), rules)[0]

    return np.asarray(jax.jit(jax.vmap(train))(jax.random.split(jax.random.key(1), seeds)), np.float64)


def row_value(key: PRNGKey, row: Array | int, rules: OneStep, count: int = 2000) -> tuple[Array, Array]:
    """What a row pays on average in the game that counts, and in all before, against followers that start over."""

    def one(key: PRNGKey) -> tuple[Array, Array]:
        first_key, key = jax.random.split(key)
        return episode(key, jnp.asarray(row), rules.first_scale * jax.random.normal(first_key, (2,)), rules)[:2]

    counted, before = jax.vmap(one)(jax.random.split(key, count))
    return counted.mean(), before.mean()


def main(settings: Settings) -> None:
    experiment = Experiment("hidden_queries", settings)
    updates = settings.few(2000, 500)
    game, dilemma = (iterated(name, horizon=5, memory="other") for name in ("hidden-queries", "prisoners-dilemma"))
    best = {one.name: solve_markov(one).value for one in (game, dilemma)}
    runs: dict[str, Learned] = {
        "queries seen": learn(game, QuerySettings(updates=updates), settings.seeds),
        "queries hidden": learn(game, QuerySettings(updates=updates, hidden=True), settings.seeds),
        "phase unseen": learn(dilemma, QuerySettings(updates=updates), settings.seeds),
        "phase seen": learn(dilemma, QuerySettings(updates=updates, sees_phase=True), settings.seeds),
    }
    last = {name: found.honest[-1] for name, found in runs.items()}
    reported = {name: found.reported[-1] for name, found in runs.items()}
    experiment.claim(
        "O&F, Theorem 1",
        "with its queries in the episode the leader learns the commitment that is best",
        f"{with_interval(last['queries seen'], np.mean)} of {best[game.name]:g} in the hidden-queries game, "
        f"{with_interval(last['phase unseen'], np.mean)} of {best[dilemma.name]:g} in the prisoner's dilemma",
        bool((last["queries seen"] == best[game.name]).all() and (last["phase unseen"] == best[dilemma.name]).all()),
        f"five steps, memory of the follower's last action, {runs['queries seen'].steps[-1]:,} executed leader steps a seed",
    )
    experiment.claim(
        "O&F, Theorem 2",
        "with hidden queries it does not",
        f"{with_interval(last['queries hidden'], np.mean)} of {best[game.name]:g}",
        float(last["queries hidden"].max()) < best[game.name],
        "because threats are never carried out against a best answer: in the states that are reached row 0 is dominant, and "
        "against row 0 everywhere the follower plays its other action",
    )
    experiment.claim(
        "JAIR, phase bit",
        "a leader that sees whether it is queried promises one table and plays another",
        f"it reports {with_interval(reported['phase seen'], np.mean)}, more than the best commitment's {best[dilemma.name]:g}; "
        f"the table that it plays is worth {with_interval(last['phase seen'], np.mean)}",
        float(reported["phase seen"].min()) > best[dilemma.name] and float(last["phase seen"].max()) < best[dilemma.name],
        f"without the bit it reports {with_interval(reported['phase unseen'], np.mean)}, which is honest",
    )

    steps = settings.few(500, 200)
    sexes = OneStep(SEXES, follower_rate=0.1, first_scale=0.1)
    many, words, apart = settings.few(100, 10), [], []
    one_step: dict[str, np.ndarray] = {}
    for responses in (10, 5):
        rules = dataclasses.replace(sexes, responses=responses)
        again, carried = (learn_one_step(dataclasses.replace(rules, carried=held), many, steps) for held in (False, True))
        one_step |= {f"started over, {responses}": again, f"carried over, {responses}": carried}
        apart.append(difference(again, carried)[1])
        words.append(
            f"after {responses} games started over {with_interval(again, np.mean)}, "
            f"carried over {with_interval(carried, np.mean)}"
        )
    experiment.claim(
        "JAIR, reset",
        "followers that are carried over make the leader settle for less than followers that start over",
        "; ".join(words),
        min(apart) > 0,
        "battle of the sexes, one step, 2 at best; some leaders settle for the row that the follower likes, since the other "
        "pays nothing while the follower holds on to its own",
        seeds=many,
    )
    penalty = OneStep(PENALTY, follower_rate=0.2, first_scale=0.0)
    values = [[float(x) for x in row_value(jax.random.key(2), row, penalty, 50_000)] for row in (0, 1)]
    last_alone = learn_one_step(penalty, settings.seeds, steps)
    counted = learn_one_step(dataclasses.replace(penalty, paid=True), settings.seeds, steps)
    experiment.claim(
        "JAIR, reward timing",
        "a leader that is paid while followers learn avoids the row that is best once they have learned",
        f"paid in the end {with_interval(last_alone, np.mean)}, paid all along {with_interval(counted, np.mean)}",
        bool(last_alone.min() > counted.max()),
        "; ".join(f"row {row} pays {last:.2f} in the end and {before:.1f} before" for row, (last, before) in enumerate(values)),
    )

    figure, panels = new_figure(columns=2, height=2.1)
    left, right = panels[0]
    for name, colour in (("queries seen", BLUE), ("queries hidden", ORANGE)):
        left.plot(runs[name].steps / 1e3, runs[name].honest.mean(axis=1), color=colour, label=name)
    reference_line(left, best[game.name], "optimum", above=False)
    left.set(xlabel="executed leader steps (thousands)", ylabel="worth of its table", title="Hidden queries")
    for name, colour in (("phase unseen", BLUE), ("phase seen", ORANGE)):
        right.plot(runs[name].steps / 1e3, runs[name].reported.mean(axis=1), color=colour, label=f"{name}: reported")
        right.plot(runs[name].steps / 1e3, runs[name].honest.mean(axis=1), color=colour, linestyle=":", label=f"{name}: honest")
    reference_line(right, best[dilemma.name], "optimum")
    right.set(xlabel="executed leader steps (thousands)", title="Phase bit, prisoner's dilemma")
    for axes in (left, right):
        axes.legend(fontsize=6, frameon=False, labelcolor=GREY, loc=(0.45, 0.2))
    data = {name: {"honest": found.honest, "reported": found.reported, "steps": found.steps} for name, found in runs.items()}
    one_step |= {"paid in the end": last_alone, "paid all along": counted}
    experiment.write(figure, {**data, "one step": one_step, "rows": values})


if __name__ == "__main__":
    run(main)
