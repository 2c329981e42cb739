"""Writes the pages of the reference from the stubs: `python docs/make_api.py`, before mkdocs."""

import ast
import pathlib

HERE = pathlib.Path(__file__).parent
PACKAGE = HERE.parent / "stackjax"
PAGES = {
    "stackjax": ("__init__.pyi", "stackjax"),
    "followers": ("followers.pyi", "stackjax"),
    "markov": ("markov/__init__.pyi", "stackjax.markov"),
    "menus": ("menus/__init__.pyi", "stackjax.menus"),
    "interop": ("interop/__init__.pyi", "stackjax.interop"),
}
EXTRA = {"stackjax": ["stackjax.testing.check_game"]}


def names(stub: str, package: str) -> list[str]:
    """Where each public name of a stub lives, sorted by name."""
    found = {}
    for node in ast.parse((PACKAGE / stub).read_text()).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module != "_version":
            found.update({alias.name: f"{package}.{node.module}.{alias.name}" for alias in node.names})
    return [found[name] for name in sorted(found, key=str.lower)]


def page(name: str) -> str:
    stub, package = PAGES[name]
    title = "stackjax" if name == "stackjax" else f"stackjax.{name}"
    return f"# {title}\n\n" + "\n".join(f"::: {place}" for place in [*names(stub, package), *EXTRA.get(name, [])]) + "\n"


def main() -> None:
    (HERE / "api").mkdir(exist_ok=True)
    for name in PAGES:
        (HERE / "api" / f"{name}.md").write_text(page(name))


if __name__ == "__main__":
    main()
