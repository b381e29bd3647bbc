"""What a report of a fault says about the machine: versions, processor, threads."""

from __future__ import annotations

import platform
import sys
from importlib import metadata
from typing import NamedTuple

import pullback as pb
from pullback import version

__all__ = ["SystemEnv", "get_env_info", "get_pretty_env_info", "main"]

_PACKAGES = ("numpy", "pullback", "scipy", "torch")


class SystemEnv(NamedTuple):
    """What is known."""

    pullback_version: str
    torch_version: str
    python_version: str
    python_platform: str
    processor: str
    threads: int
    packages: tuple[str, ...]


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _packages() -> tuple[str, ...]:
    found = []
    for name in _PACKAGES:
        try:
            found.append(f"{name}=={metadata.version(name)}")
        except metadata.PackageNotFoundError:
            continue
    return tuple(found)


def get_env_info() -> SystemEnv:
    """Versions and machine.

    Example:
        >>> from pullback.utils import collect_env
        >>> collect_env.get_env_info().torch_version
        '2.13.0+pullback'
    """
    return SystemEnv(
        version.pullback,
        str(pb.__version__),
        sys.version.replace("\n", " "),
        platform.platform(),
        _processor(),
        pb.get_num_threads(),
        _packages(),
    )


def get_pretty_env_info() -> str:
    """The same as a text."""
    info = get_env_info()
    packages = "\n".join(f"[pip3] {each}" for each in info.packages)
    return (
        f"pullback version: {info.pullback_version}, which stands for PyTorch "
        f"{info.torch_version}\n"
        f"Is CUDA available: {pb.cuda.is_available()}\n"
        f"\nPython version: {info.python_version}\n"
        f"Python platform: {info.python_platform}\n"
        f"CPU: {info.processor}\n"
        f"Threads of pullback: {info.threads}\n"
        f"\nVersions of relevant libraries:\n{packages}\n"
    )


def main() -> None:
    """Print it."""
    sys.stdout.write(f"Collecting environment information...\n{get_pretty_env_info()}")


if __name__ == "__main__":
    main()
