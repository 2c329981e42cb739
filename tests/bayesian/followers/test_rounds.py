"""Looking up and writing rows of batch-last tables, against NumPy, on both sides of every change of method."""

import jax.numpy as jnp
import numpy as np
import pytest

from stackjax.bayesian.followers import rounds


@pytest.mark.parametrize("batch", [(), (5,), (2, 3)])
@pytest.mark.parametrize("num_rows", [1, rounds.LARGEST_REWRITE, rounds.LARGEST_REWRITE + 1, rounds.LARGEST_SELECT + 1])
@pytest.mark.parametrize("inner", [(), (4,), (2, 3)])
def test_states_are_taken_from_and_put_into_their_rows(num_rows, inner, batch):
    rng = np.random.default_rng(0)
    state = {"table": rng.normal(size=(num_rows, *inner, *batch)), "count": rng.integers(9, size=(num_rows, *batch))}
    row = {"table": rng.normal(size=(*inner, *batch)), "count": rng.integers(9, size=batch)}
    index = rng.integers(num_rows, size=batch)
    taken = rounds.take_state(jnp.asarray(index), {key: jnp.asarray(leaf) for key, leaf in state.items()})
    put = rounds.put_state(
        jnp.asarray(index),
        {key: jnp.asarray(leaf) for key, leaf in state.items()},
        {key: jnp.asarray(leaf) for key, leaf in row.items()},
    )
    for key, leaf in state.items():
        expected = np.array(leaf)
        for element in np.ndindex(*batch):
            where = (index[element] if batch else int(index), ..., *element)
            np.testing.assert_allclose(np.asarray(taken[key])[(..., *element)], leaf[where], rtol=1e-6)
            expected[where] = np.asarray(row[key])[(..., *element)]
        np.testing.assert_allclose(put[key], expected, rtol=1e-6)
