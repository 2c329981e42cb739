"""What commitments in extensive form come to: chances of ends, and what these pay, against the recursion over the tree."""

import jax
import numpy as np
import pytest

import stackjax as sx
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import GivenGame


def biased(history):
    """A coin that the house sees, and that seldom comes up heads."""
    if not history:
        return sx.extensive.Chance({"heads": 0.2, "tails": 0.8})
    if len(history) == 1:
        return sx.extensive.Decision("house", history[0], ["pass", "raise"])
    if len(history) == 2:
        return sx.extensive.Decision("guest", history[1], ["fold", "call"])
    return sx.extensive.Terminal(
        (float(len(history[2]) + len(history[0])), 2.0 * (history[0] == "heads") + (history[1] == "pass"))
    )


GAMES = {
    "kuhn": lambda: sx.make("kuhn", rake=0.1),
    "random-tree": lambda: sx.make("random-tree", tree_seed=3),
    "coin": lambda: sx.extensive.game("coin", players=("house", "guest"), node=biased),
}


@pytest.mark.parametrize("name", GAMES)
def test_ends_pay_what_the_certificate_says(name):
    problem = RunSpec(GivenGame.of(GAMES[name]()), {}, {}, sx.DirectConfig()).build_problem()
    made = problem.commitments.draw(jax.random.key(0), 4)
    judged = jax.vmap(lambda one: problem.judge(jax.random.key(1), one, 1))(made)
    found = problem.played(judged, made)
    for k, one in enumerate(found):
        assert one.chances.sum() == pytest.approx(1.0)
        assert one.utilities[:, 0] == pytest.approx(np.asarray(judged.details.follower_payoffs[k]), abs=1e-5)
        ends = one.labels[0, :, 0].astype(int)
        leader = problem.game.leaf_paid[0, ends] / problem.game.leaf_chance[ends]
        assert one.chances[0] @ leader == pytest.approx(float(judged.payoff[k]), abs=1e-5)
