"""Numbers are printed to what is known of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stackjax.digits import as_known


@pytest.mark.parametrize(
    ("value", "size", "shown"),
    [
        (0.2385000095, 1.0, "0.2385"),
        (-1.99e-08, 1.0, "0"),
        (-1.99e-08, 1e-7, "-1.99e-08"),
        (2 / 3, 1.0, "0.6666666667"),
        (27.5, 30.0, "27.5"),
        (-3.914375, 10.0, "-3.914375"),
        (0.549200645, 1.0, "0.549200645"),
    ],
)
def test_digits(value, size, shown):
    assert as_known(value, size) == shown


@given(st.integers(-99999, 99999), st.integers(-3, 3))
def test_a_short_number_is_found_behind_float32(digits, power):
    value = digits * 10.0**power
    assert float(as_known(float(np.float32(value)), abs(value) or 1.0)) == pytest.approx(value, rel=1e-12)
