"""XLA's flags for programs that run once or twice, for which optimising would take most of the time. Run, it prints them."""

from importlib import metadata

__all__ = ["quick_flags"]


def quick_flags() -> str:
    """Flags that compile several times faster, into programs that are several times slower."""
    flags = ["--xla_backend_optimization_level=0", "--xla_cpu_parallel_codegen_split_count=1"]
    if metadata.version("jaxlib").startswith("0.10."):  # later ones do not know it
        flags.append("--xla_cpu_use_fusion_emitters=false")
    return " ".join(flags)


if __name__ == "__main__":
    print(quick_flags())
