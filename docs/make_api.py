"""Writes the pages of the reference from the stubs: `python docs/make_api.py`, before mkdocs."""

import ast
import pathlib
import re

HERE = pathlib.Path(__file__).parent
PACKAGE = HERE.parent / "stackjax"
PAGES = {
    "stackjax": ("__init__.pyi", "stackjax"),
    "followers": ("followers.pyi", "stackjax"),
    "extensive": ("extensive/__init__.pyi", "stackjax.extensive"),
    "markov": ("markov/__init__.pyi", "stackjax.markov"),
    "menus": ("menus/__init__.pyi", "stackjax.menus"),
    "rashomon": ("rashomon/__init__.pyi", "stackjax.rashomon"),
    "interop": ("interop/__init__.pyi", "stackjax.interop"),
}
EXTRA = {"stackjax": ["stackjax.testing.check_game"]}
IMPLEMENTS = re.compile(r"`(\w+)`\s+in\s+`(stackjax/[\w/]+\.py)`")  # as docs/mathematics.md names code


def names(stub: str, package: str) -> list[str]:
    """Where each public name of a stub lives, sorted by name."""
    found = {}
    for node in ast.parse((PACKAGE / stub).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module != "_version":
            found.update({alias.name: f"{package}.{node.module}.{alias.name}" for alias in node.names})
    return [found[name] for name in sorted(found, key=str.lower)]


def place(name: str, file: str) -> str:
    """The dotted name of a function, a class, or a method of a class of ``file``."""
    kinds = (ast.ClassDef, ast.FunctionDef)
    module = file.removesuffix(".py").replace("/", ".")
    for node in ast.parse((PACKAGE.parent / file).read_text(encoding="utf-8")).body:
        if isinstance(node, kinds) and node.name == name:
            return f"{module}.{name}"
        if isinstance(node, ast.ClassDef) and any(isinstance(inner, kinds) and inner.name == name for inner in node.body):
            return f"{module}.{node.name}.{name}"
    raise ValueError(f"{file} has no {name}")


def implementing(listed: set[str]) -> str:
    """The page of what docs/mathematics.md names and no other page of the reference lists."""
    named = [place(*found) for found in IMPLEMENTS.findall((HERE / "mathematics.md").read_text(encoding="utf-8"))]
    title = "# The code of the mathematics\n\nWhat [the mathematics](../mathematics.md) names, besides what is public.\n\n"
    return title + "\n".join(f"::: {one}" for one in dict.fromkeys(named) if not {one, one.rpartition(".")[0]} & listed) + "\n"


def page(name: str) -> str:
    stub, package = PAGES[name]
    title = "stackjax" if name == "stackjax" else f"stackjax.{name}"
    return f"# {title}\n\n" + "\n".join(f"::: {place}" for place in [*names(stub, package), *EXTRA.get(name, [])]) + "\n"


def main() -> None:
    (HERE / "api").mkdir(exist_ok=True)
    for name in PAGES:
        (HERE / "api" / f"{name}.md").write_text(page(name), encoding="utf-8")
    listed = {line.removeprefix("::: ") for name in PAGES for line in page(name).splitlines()}
    (HERE / "api" / "mathematics.md").write_text(implementing(listed), encoding="utf-8")


if __name__ == "__main__":
    main()
