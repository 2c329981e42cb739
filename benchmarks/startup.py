"""What a command takes from its start to its end, as multiples of importing JAX and one trivial ``jit`` on the same machine.

CPU seconds, of each command and its children, the least of several. A *first* run begins with an empty cache, where the CPU
kernel and all programs are compiled; a *second* one finds them there.
"""

import dataclasses
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile

import tyro

UNIT = [sys.executable, "-c", "import jax; jax.jit(lambda x: x + 1)(1.0)"]
STACKJAX = [sys.executable, "-m", "stackjax"]
AGENTS = ["train", "posted-price-uniform", "--game.num-messages", "2", "--game.num-agents"]
COMMANDS = {
    "train maintain": ["train", "maintain", "--seeds", "10"],
    "train with 3 agents": [*AGENTS, "3"],
    "train with 4 agents": [*AGENTS, "4"],
}
REFUSED = ["train", "maintain", "--nonsense", "3"]


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to measure."""

    repeats: int = 3
    """Of every command, of which the one that took least counts."""
    commands: tuple[str, ...] = tuple(COMMANDS)
    """Those to measure."""
    out: pathlib.Path = pathlib.Path(__file__).parent / "results" / "startup-cpu.json"
    """Where to write the figures as JSON."""


def cpu_seconds(command: list[str], cache: pathlib.Path, code: int = 0) -> float:
    """CPU seconds of a command that ends with ``code``, with its compiled things kept in ``cache``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != code:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def first_and_second(arguments: list[str], folder: pathlib.Path) -> tuple[float, float]:
    """CPU seconds of a command with an empty cache, and with the one that it left."""
    cache = folder / "cache"
    shutil.rmtree(cache, ignore_errors=True)
    command = [*STACKJAX, *arguments, "--out", str(folder / "run"), "--overwrite"]
    return cpu_seconds(command, cache), cpu_seconds(command, cache)


def main(settings: Settings) -> None:
    rows = []
    with tempfile.TemporaryDirectory(prefix="stackjax-startup-") as made:
        folder, repeats = pathlib.Path(made), range(settings.repeats)
        unit = min(cpu_seconds(UNIT, folder) for _ in repeats)
        refused = min(cpu_seconds([*STACKJAX, *REFUSED, "--out", "nowhere"], folder, 2) for _ in repeats)
        rows.append({"command": "refused", "first": refused, "second": refused})
        for name in settings.commands:
            first, second = (
                min(times) for times in zip(*(first_and_second(COMMANDS[name], folder) for _ in repeats), strict=True)
            )
            rows.append({"command": name, "first": first, "second": second})
    print(f"import jax and one jit: {unit:.2f} CPU seconds")
    for row in rows:
        row.update({f"{which}_units": row[which] / unit for which in ("first", "second")})
        print(f"{row['command']}: first {row['first']:.1f} s, {row['first_units']:.1f} of it; second {row['second_units']:.1f}")
    report = {"unit_seconds": unit, "cores": os.cpu_count(), "rows": rows}
    settings.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Settings))
