"""What is called exact is computed in full precision: products whose factors some devices would round are told not to be."""

import re

import jax
import jax.numpy as jnp
import pytest

import stackjax as sx
from stackjax.specs.run import RunSpec
from stackjax.specs.sources import find_game, resolve_options
from tests.siblings import first

GAMES = [
    ("maintain-randomized", {}),
    ("iterated", {"randomized": True}),
    ("posted-price-pi", {}),
    ("contracts", {"depth": 2}),
    ("tariffs", {}),
    ("market-maker", {"goods": 1}),
    ("sequential-sale", {"bidders": 2, "items": 2, "menu": "bundle"}),
    ("affine-auction", {}),
]


@pytest.mark.parametrize(("name", "options"), first(2, GAMES))
def test_judging_asks_for_full_precision_in_every_product(name, options):
    source = find_game(name)
    problem = RunSpec(source, resolve_options(source, options), {}, sx.SearchConfig()).build_problem()
    made = problem.commitments.draw(jax.random.key(0), 2)
    judge = jax.jit(lambda key, made: problem.judge(key, made, 2)[:2])
    worth = jax.jit(lambda key, made: problem.worth(key, made)[:2])
    for lowered in (judge.lower(jax.random.key(0), made[0]), worth.lower(jax.random.key(0), made)):
        products = re.findall(r"stablehlo\.dot_general.*", lowered.as_text())
        assert all("HIGHEST" in product for product in products), products[:1]


def test_the_test_sees_a_product_that_is_not():
    text = jax.jit(jnp.matmul).lower(jnp.ones((2, 2)), jnp.ones((2, 2))).as_text()
    (product,) = re.findall(r"stablehlo\.dot_general.*", text)
    assert "HIGHEST" not in product
