"""What XLA is asked for when it compiles for a CPU, where that can take longer than the work."""

import os
from typing import Any

import jax
import jaxlib

__all__ = ["compiler_options"]


def compiler_options(*, runs_once: bool) -> dict[str, Any]:
    """For ``jax.jit`` or ``lowered.compile``. A program that ``runs_once`` is hardly optimised.

    Others are, but not to the utmost: the highest level takes a third longer and up to twice as long, for programs that are as
    fast. ``XLA_FLAGS`` has the last word on them.
    """
    level = "xla_backend_optimization_level"
    if jax.default_backend() != "cpu":
        return {}
    if not runs_once:
        return {} if level in os.environ.get("XLA_FLAGS", "") else {level: "2"}
    options: dict[str, Any] = {level: "0"}
    if jaxlib.__version__.startswith("0.10."):  # later ones have no such option
        options["xla_cpu_use_fusion_emitters"] = False  # halves what compiling takes
    return options
