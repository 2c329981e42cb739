import dataclasses
import importlib
import inspect
import pathlib

import pytest

import stackjax as sx
from stackjax import registry

MODULES = {
    "sx": sx,
    "sx.extensive": sx.extensive,
    "sx.followers": sx.followers,
    "sx.interop": sx.interop,
    "sx.markov": sx.markov,
    "sx.menus": sx.menus,
    "sx.testing": sx.testing,
}
PINNED = pathlib.Path(__file__).parent / "public_names.txt"


def public_names():
    """A line for every public name, with its parameters where it can be called."""
    for where, module in MODULES.items():
        for name in sorted(module.__all__):
            found = getattr(module, name)
            is_error = inspect.isclass(found) and issubclass(found, Exception)
            if inspect.ismodule(found) or not callable(found) or is_error:
                yield f"{where}.{name}"
                continue
            parameters = inspect.signature(found).parameters.values()
            star = lambda p: {p.VAR_POSITIONAL: "*", p.VAR_KEYWORD: "**"}.get(p.kind, "")
            words = [star(p) + p.name + ("" if p.default is p.empty else "=...") for p in parameters]
            first_keyword = next((k for k, p in enumerate(parameters) if p.kind is p.KEYWORD_ONLY), None)
            if first_keyword is not None and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
                words.insert(first_keyword, "*")
            yield f"{where}.{name}({', '.join(words)})"


def test_public_names_and_their_parameters_are_those_that_were_promised():
    """A change here is a change for users. If it is meant: ``python -m tests.test_public_names`` writes the file again."""
    assert list(public_names()) == PINNED.read_text(encoding="utf-8").splitlines()


def test_names_are_public_once_and_few_at_the_top():
    assert len(sx.__all__) <= 55
    shared = set(sx.__all__) & set(sx.followers.__all__)
    assert not shared
    with pytest.raises(AttributeError):
        sx.nonsense  # noqa: B018


@pytest.mark.parametrize("where", MODULES)
def test_every_public_name_says_what_it_is(where):
    for name in MODULES[where].__all__:
        found = getattr(MODULES[where], name)
        if isinstance(found, str):
            continue
        assert inspect.getdoc(found), name
        if inspect.isfunction(found) and len(inspect.signature(found).parameters) > 3:
            assert "Args:" in inspect.getdoc(found), name


def test_all_lists_exist():
    package = pathlib.Path(sx.__file__).parent
    for path in package.rglob("*.py"):
        module = ".".join(["stackjax", *path.relative_to(package).with_suffix("").parts]).removesuffix(".__init__")
        loaded = importlib.import_module(module) if not module.endswith("__main__") else None
        for name in getattr(loaded, "__all__", ()):
            assert hasattr(loaded, name), (module, name)


@pytest.mark.parametrize("family", [sx.extensive, sx.markov, sx.menus])
def test_a_familys_names_are_not_hidden_by_its_modules(family):
    """A module of the same name as a function would take its place once it is imported."""
    modules = {path.stem for path in pathlib.Path(family.__file__).parent.glob("*.py")}
    assert not modules & set(family.__all__)


def test_no_game_has_an_option_that_train_takes_for_its_own():
    own = [name for name in inspect.signature(sx.train).parameters if name != "settings"]
    assert list(registry.TRAIN_PARAMETERS) == own
    for entry in registry.registered_games():
        assert not {field.name for field in dataclasses.fields(entry.options)} & set(own), entry.name
    with pytest.raises(sx.InputError, match=r"parameter 'seed' is one of sx\.train's own"):
        sx.register("clash", lambda seed=0: None)


if __name__ == "__main__":
    PINNED.write_text("\n".join(public_names()) + "\n", encoding="utf-8")
