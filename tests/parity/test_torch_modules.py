"""``torch_modules.txt`` is the list of the public modules of the installed PyTorch."""

from __future__ import annotations

import os
import pkgutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")


def public(paths: list[str], prefix: str) -> list[str]:
    """Names of all modules below some folders; nothing is imported."""
    found = []
    for each in pkgutil.iter_modules(paths):
        if each.name[0] != "_":
            found.append(prefix + each.name)
            if each.ispkg:
                below = [os.path.join(path, each.name) for path in paths]
                found += public(below, f"{prefix}{each.name}.")
    return found


def test_the_list_is_current() -> None:
    if not torch.__version__.startswith("2.13."):
        pytest.skip("the list is that of PyTorch 2.13")
    listed = (Path(__file__).parents[1] / "torch_modules.txt").read_text().split()
    assert listed == sorted(public(list(torch.__path__), "torch."))
