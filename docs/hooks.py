"""Hooks of mkdocs: equations that browsers draw without a script, links to the code, the page of the benchmarks."""

import html
import pathlib
import re
from typing import Any

import make_api
from latex2mathml.converter import convert
from mkdocs.structure.files import File, Files

ROOT = pathlib.Path(__file__).resolve().parents[1]
BESIDE = ("benchmarks/README.md", "benchmarks/results/equilibration-cpu.png")  # pages and pictures from outside docs
EQUATION = re.compile(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', flags=re.DOTALL)


def on_files(files: Files, config: Any) -> Files:
    for place in BESIDE:
        files.append(File.generated(config, place, abs_src_path=str(ROOT / place)))
    return files


def on_page_markdown(markdown: str, **others: Any) -> str:
    """Links across folders as they are on the site; `function` in `file` as a link to the reference."""
    del others
    markdown = markdown.replace("](../benchmarks/", "](benchmarks/").replace("](../docs/", "](../")
    return make_api.IMPLEMENTS.sub(
        lambda found: f"[`{found[1]}`][{make_api.place(found[1], found[2])}] in `{found[2]}`", markdown
    )


def on_page_content(content: str, **others: Any) -> str:
    r"""Equations as MathML, which needs no script; ``\!`` and operators in roman are what the converter does not know."""
    del others

    def mathml(found: re.Match[str]) -> str:
        latex = html.unescape(found[3]).strip().replace(r"\!", "")
        latex = re.sub(r"\\mathrm\{(\w{2,})\}", r"\\operatorname{\1}", latex)
        return convert(latex, display="block" if found[2] == "[" else "inline").replace(
            "<math ", '<math displaystyle="true" ', 1
        )

    drawn = EQUATION.sub(mathml, content)
    if 'class="arithmatex"' in drawn:
        raise ValueError("an equation was not converted")
    return drawn
