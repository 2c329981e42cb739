"""``stackjax cite``: what to cite, as BibTeX."""

from stackjax import _version
from stackjax.errors import InputError

__all__ = ["cite_command"]

ENTRIES = """\
@software{{stackjax,
  title = {{stackjax: learning to lead in {{JAX}}}},
  version = {{{version}}},
  year = {{2026}},
}}

@misc{{brero2023stackelberg,
  title = {{Stackelberg {{POMDP}}: A Reinforcement Learning Approach for Economic Design}},
  author = {{Brero, Gianluca and Eden, Alon and Chakrabarti, Darshan and Gerstgrasser, Matthias and Li, Vincent and
    Parkes, David C.}},
  year = {{2023}},
  eprint = {{2210.03852}},
  archiveprefix = {{arXiv}},
}}
"""


def cite_command(arguments: list[str]) -> int:
    if arguments[:1] in (["-h"], ["--help"]):
        print("usage: stackjax cite\n\nPrint the BibTeX entries of the library and of the paper whose method it is.")
        return 0
    if arguments:
        raise InputError(f"cite takes nothing, not {' '.join(arguments)}")
    print(ENTRIES.format(version=_version.__version__), end="")
    return 0
