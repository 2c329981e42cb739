"""How training scales over devices: strong and weak, seeds apart and episodes shared, and what is exchanged in an update.

Each number of devices gets a process of its own, with that many virtual CPU devices on the cores that there are, so that what
is measured is the cost of sharing, not a speed-up. What is exchanged is read off the compiled program. ``docs/scaling.md`` uses
both.
"""

import dataclasses
import json
import math
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time
from typing import Any

import tyro

DEVICES = (1, 2, 8)
UPDATES, REPEATS = 4, 3
BYTES = {"f32": 4, "s32": 4, "u32": 4, "pred": 1, "f64": 8, "u8": 1}


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to measure."""

    out: pathlib.Path = pathlib.Path(__file__).parent / "results" / "scaling-cpu.json"
    """Where to write the figures as JSON."""
    worker: str | None = None
    """A case as JSON: measure it in this process. Used by the benchmark itself."""


def cases() -> list[dict[str, Any]]:
    """Seeds apart and episodes shared, the work fixed or growing with the devices."""
    found = []
    for devices in DEVICES:
        for kind, grows in (("strong", False), ("weak", True)):
            size = devices if grows else max(DEVICES)
            found.append({"devices": devices, "scaling": kind, "axis": "runs", "seeds": 2 * size, "envs": 64})
            found.append({"devices": devices, "scaling": kind, "axis": "episodes", "seeds": 1, "envs": 128 * size})
    return found


def measure(case: dict[str, Any]) -> dict[str, Any]:
    """Seconds of an update (median), and bytes exchanged in it."""
    import jax

    import stackjax as sx
    from stackjax.compute.devices import Layout, make_mesh
    from stackjax.compute.programs import Programs
    from stackjax.specs.run import RunSpec
    from stackjax.specs.sources import find_game

    ppo = sx.PPOConfig(num_envs=case["envs"])
    options = {"num_types": 6, "num_messages": 2, "num_agents": 2}
    spec = RunSpec(find_game("posted-price-uniform"), options, {}, ppo)
    layout = Layout(case["devices"], 1) if case["axis"] == "runs" else Layout(1, case["devices"])
    programs = Programs(spec.work(spec.build_problem()), case["seeds"], make_mesh(layout))
    programs.compile()
    elements = programs.place(range(case["seeds"]))
    state = jax.block_until_ready(programs.advance(programs.init(elements), elements, UPDATES))
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        state = jax.block_until_ready(programs.advance(state, elements, UPDATES))
        seconds.append((time.perf_counter() - started) / UPDATES)
    size = sum(math.prod(leaf.shape[1:]) for leaf in jax.tree.leaves(state[0].solver.params))
    return {**case, "seconds": statistics.median(seconds), "parameters": size, "exchanged": exchanged(programs, ppo)}


def exchanged(programs: Any, ppo: Any) -> dict[str, int]:
    """Bytes of a device's collectives in one update of one element, by kind: all-reduces run once a minibatch, gathers once."""
    text = programs.compiled_text("advance")
    found = {"all-reduce": 0, "all-gather": 0}
    for shapes, kind in re.findall(r"= (\(.*?\)|\S+) (all-reduce|all-gather)(?:-start)?\(", text):
        for element, dims in re.findall(r"(\w+)\[([\d,]*)\]", shapes):
            found[kind] += BYTES[element] * math.prod(int(d) for d in dims.split(",") if d)
    per_minibatch = ppo.num_epochs * ppo.num_minibatches
    return {"all_reduce_each": found["all-reduce"], "all_reduces": per_minibatch, "all_gather": found["all-gather"]}


def main(settings: Settings) -> None:
    if settings.worker is not None:
        print(json.dumps(measure(json.loads(settings.worker))))
        return
    rows = []
    for case in cases():
        environment = {**os.environ, "XLA_FLAGS": f"--xla_force_host_platform_device_count={case['devices']}"}
        command = [sys.executable, __file__, "--worker", json.dumps(case)]
        finished = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        rows.append(json.loads(finished.stdout.splitlines()[-1]))
        print(rows[-1], flush=True)
    settings.out.write_text(json.dumps({"cores": os.cpu_count(), "rows": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(tyro.cli(Settings))
