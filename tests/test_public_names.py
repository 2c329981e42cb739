import dataclasses
import importlib
import inspect
import pathlib

import pytest

import stackjax as sx
from stackjax import registry


def test_every_public_name_loads_and_nothing_else_is_public():
    for name in sx.__all__:
        assert getattr(sx, name) is not None
    assert sorted(sx.__all__) == sx.__all__
    assert set(sx._LAZY) <= set(sx.__all__)
    modules = {path.stem for path in pathlib.Path(sx.__file__).parent.iterdir()}
    visible = {name for name in vars(sx) if not name.startswith("_")} - modules
    assert visible <= set(sx.__all__) | {"importlib", "Any", "TYPE_CHECKING"}


def test_all_lists_exist():
    modules = {f"stackjax.{home}" for home in sx._HOMES} | {"stackjax.runs.session", "stackjax.solvers.ppo.networks"}
    for module in modules:
        loaded = importlib.import_module(module)
        for name in loaded.__all__:
            assert hasattr(loaded, name), (module, name)


def test_a_familys_names_are_not_hidden_by_its_modules():
    """A module of the same name as a function would take its place once it is imported."""
    modules = {path.stem for path in pathlib.Path(sx.markov.__file__).parent.glob("*.py")}
    assert not modules & set(sx.markov.__all__)
    for name in sx.markov.__all__:
        assert getattr(sx.markov, name) is not None


def test_no_game_has_an_option_that_train_takes_for_its_own():
    own = [name for name in inspect.signature(sx.train).parameters if name != "settings"]
    assert list(registry.TRAIN_PARAMETERS) == own
    for entry in registry.registered_games():
        assert not {field.name for field in dataclasses.fields(entry.options)} & set(own), entry.name
    with pytest.raises(sx.InputError, match=r"parameter 'seed' is one of sx\.train's own"):
        sx.register("clash", lambda seed=0: None)
