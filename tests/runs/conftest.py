"""Runs that several files read; who changes one copies it first."""

import pathlib

import pytest

from tests.runs.commands import PLAIN, made_once, run


@pytest.fixture(scope="session")
def searched(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Two seeds of random search in maintain, trained to the end."""
    return made_once(tmp_path_factory, "searched", lambda out: run("train", "maintain", *PLAIN, "--out", out))
