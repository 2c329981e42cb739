"""Shared by the tests of the CPU kernel."""

import pytest

from stackjax.bayesian.followers.kernels import native


@pytest.fixture
def own_cache(monkeypatch, tmp_path):
    """A cache folder of this test, and the kernel as if this process had not asked for it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    native._build_problem.cache_clear()
    yield tmp_path / "stackjax"
    monkeypatch.undo()
    native._build_problem.cache_clear()
