"""A coverage that is none is refused in words."""

import numpy as np
import pytest

import stackjax as sx

MISTAKES = {
    r"coverage=\[1.5\] must be from 0 to 1": [0.5, 1.5],
    r"coverage=\[nan\] must be from 0 to 1": [0.5, float("nan")],
    r"shape of coverage=\(1, 2\) must be \(targets,\)": [[0.5, 1.0]],
    r"shape of coverage=\(0,\) must be \(targets,\)": np.zeros(0),
    "coverage='all' must be an array of numbers": "all",
}


@pytest.mark.parametrize("message", MISTAKES)
def test_mistakes_are_told(message):
    with pytest.raises(sx.InputError, match=message):
        sx.placements(MISTAKES[message])
