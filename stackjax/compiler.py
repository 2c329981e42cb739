"""What XLA is asked for when it compiles for a CPU, where that can take longer than the work; and what JAX must not be told."""

import os
from typing import Any

import jax
import jaxlib

from stackjax.errors import InputError

__all__ = ["check_jax", "compiler_options"]

UNFIT = {  # settings of JAX, and why
    "jax_disable_jit": "a run is compiled beforehand",
    "jax_debug_infs": "followers' weights and what is masked are infinite on purpose",
}
GUARDS = [f"jax_transfer_guard{way}" for way in ("", "_host_to_device", "_device_to_device", "_device_to_host")]


def compiler_options(*, runs_once: bool, is_light: bool = False) -> dict[str, Any]:
    """For ``jax.jit`` or ``lowered.compile``. A program that ``runs_once`` is hardly optimised.

    Others are, but not to the utmost: the highest level takes a third longer and up to twice as long, for programs that are as
    fast. ``XLA_FLAGS`` has the last word on them.

    Args:
      is_light: whether the work is elsewhere, in a kernel, and no networks are in it. XLA's fusion emitters then take two
        fifths of the compiling and make nothing faster, as they do make networks and long scans (by up to a half).
    """
    level, emitters = "xla_backend_optimization_level", "xla_cpu_use_fusion_emitters"
    if jax.default_backend() != "cpu":
        return {}
    has_emitters = jaxlib.__version__.startswith("0.10.")  # later ones have no such option
    options: dict[str, Any] = {emitters: False} if has_emitters and (runs_once or is_light) else {}
    flags = os.environ.get("XLA_FLAGS", "")
    if not runs_once:
        return {name: value for name, value in {level: "2", **options}.items() if name not in flags}
    return {level: "0", **options}


def check_jax() -> None:
    """Raise `InputError` where JAX is set up so that no run can be computed."""
    values = {name: getattr(jax.config, name) for name in (*UNFIT, *GUARDS)}
    for name, value in values.items():
        if value and (name in UNFIT or str(value).startswith("disallow")):
            why = UNFIT.get(name, "a run gives arrays to the device")
            raise InputError(f"{name.upper()}={value} cannot be used, as {why}; leave it unset")
