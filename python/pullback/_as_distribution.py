"""What ``importlib.metadata`` is told of ``torch`` where pullback is installed as torch.

Programs ask it for the version of ``torch`` before they import it; PyTorch may not be installed,
or be of another version than the one that pullback behaves as.
"""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path

from pullback import version

__all__ = ["distributions"]

_FILES = {
    "METADATA": (
        "Metadata-Version: 2.1\n"
        "Name: torch\n"
        f"Version: {version.__version__}\n"
        f"Summary: pullback {version.pullback}, installed as torch in this process\n"
    ),
    "top_level.txt": "functorch\ntorch\n",
}


class _Torch(metadata.Distribution):
    """The distribution ``torch``, whose modules are pullback's."""

    def read_text(self, filename: str | os.PathLike[str]) -> str | None:
        return _FILES.get(os.fspath(filename))

    def locate_file(self, path: str | os.PathLike[str]) -> Path:
        return Path(__file__).parent.parent / path


def distributions(context: metadata.DistributionFinder.Context) -> list[metadata.Distribution]:
    """That of torch, unless another name or the content of some folders is asked for."""
    asked = context.name is None or context.name.lower() == "torch"
    return [_Torch()] if asked and "path" not in vars(context) else []
