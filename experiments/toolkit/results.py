"""What an experiment leaves behind: claims with numbers, the data behind its picture, and the table of all claims."""

import dataclasses
import json
import pathlib
import platform
import time
from typing import Any

import jax
from matplotlib.figure import Figure

import stackjax as sx
from stackjax.disk.files import to_json, write_bytes, write_text
from toolkit.figures import to_png
from toolkit.settings import Settings
from toolkit.training import MADE_BY, reused_seconds

__all__ = ["Claim", "Experiment", "claims_table"]


@dataclasses.dataclass(frozen=True)
class Claim:
    """A claim and what we found.

    ``figure`` is where the paper makes it, or another source, ``claim`` its words, ``measured`` our number with its interval,
    ``holds`` whether it came out, ``why`` what differs and why (or that this is not known), and ``seeds`` how many.
    """

    figure: str
    claim: str
    measured: str
    holds: bool
    why: str
    seeds: int


class Experiment:
    """Collects an experiment's claims and data, and writes ``NAME.json`` and ``NAME.png``."""

    def __init__(self, name: str, settings: Settings) -> None:
        settings.out.mkdir(parents=True, exist_ok=True)
        self.name, self.settings = name, settings
        self.claims: list[Claim] = []
        self._started, self._reused = time.perf_counter(), reused_seconds()
        print(f"{name}:", flush=True)

    def claim(self, figure: str, claim: str, measured: str, holds: bool, why: str = "", seeds: int | None = None) -> None:
        """Record a claim. ``seeds`` where they are not as many as the settings say."""
        seeds = self.settings.seeds if seeds is None else seeds
        self.claims.append(Claim(figure, claim, measured, bool(holds), why, seeds))
        print(f"  [{'yes' if holds else 'NO'}] {claim}: {measured}", flush=True)

    def write(self, figure: Figure, data: dict[str, Any]) -> None:
        """Write both files; ``code`` is a digest of the library's source, see `MADE_BY`."""
        device = jax.devices()[0]
        content = {
            "experiment": self.name,
            "command": f"python experiments/{self.name}.py --seeds {self.settings.seeds}" + " --quick" * self.settings.quick,
            "seeds": self.settings.seeds,
            "device": f"{device.platform}: {device.device_kind}",
            "code": MADE_BY["source"][:16],
            "versions": {"python": platform.python_version(), "jax": jax.__version__, "stackjax": sx.__version__},
            "wall_seconds": round(time.perf_counter() - self._started + reused_seconds() - self._reused, 1),
            "claims": [dataclasses.asdict(claim) for claim in self.claims],
            "data": data,
        }
        write_text(self.settings.out / f"{self.name}.json", to_json(_rounded(content), indent=1) + "\n")
        write_bytes(self.settings.out / f"{self.name}.png", to_png(figure))


def _rounded(value: Any) -> Any:
    """Plain numbers of five digits: results are to be read, and small."""
    if isinstance(value, dict):
        return {str(key): _rounded(item) for key, item in value.items()}
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return float(f"{value:.5g}") if isinstance(value, float) else value


def claims_table(results: pathlib.Path, names: list[str]) -> str:
    """A Markdown table of the claims in ``results/NAME.json``, in the order of ``names``."""
    lines = [
        "| experiment | source | claim | measured | came out | what differs, and why | seeds | seconds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in names:
        content = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
        for i, claim in enumerate(content["claims"]):
            cells = [
                f"[`{name}.py`]({name}.py)" if i == 0 else "",
                claim["figure"],
                claim["claim"],
                claim["measured"],
                "yes" if claim["holds"] else "**no**",
                claim["why"],
                str(claim["seeds"]),
                f"{content['wall_seconds']:.0f}" if i == 0 else "",
            ]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
