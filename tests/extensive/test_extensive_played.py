"""What commitments in extensive form come to: chances of ends, and what these pay, against the recursion over the tree."""

import jax
import numpy as np
import pytest

import stackjax as sx
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import GivenGame


@pytest.mark.parametrize(("name", "options"), [("kuhn", {"rake": 0.1}), ("haggle", {}), ("random-tree", {"tree_seed": 3})])
def test_ends_pay_what_the_certificate_says(name, options):
    problem = RunSpec(GivenGame.of(sx.make(name, **options)), {}, {}, sx.DirectConfig()).build_problem()
    made = problem.commitments.draw(jax.random.key(0), 4)
    judged = jax.vmap(lambda one: problem.judge(jax.random.key(1), one, 1))(made)
    found = problem.played(judged, made)
    for k, one in enumerate(found):
        assert one.chances.sum() == pytest.approx(1.0)
        assert one.utilities[:, 0] == pytest.approx(np.asarray(judged.details.follower_payoffs[k]), abs=1e-5)
        ends = one.labels[0, :, 0].astype(int)
        leader = problem.game.leaf_paid[0, ends] / problem.game.leaf_chance[ends]
        assert one.chances[0] @ leader == pytest.approx(float(judged.payoff[k]), abs=1e-5)
