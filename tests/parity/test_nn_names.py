"""Every public name of ``torch.nn`` and its functions is here, or listed with the reason."""

from __future__ import annotations

import types
from typing import Any

import pytest

import nn_names
import pullback as pb

torch = pytest.importorskip("torch")


def public(space: Any) -> set[str]:
    return {
        name
        for name in dir(space)
        if name[0] != "_" and not isinstance(getattr(space, name), types.ModuleType)
    }


@pytest.mark.parametrize(
    ("ours", "theirs", "listed"),
    [
        (pb.nn, torch.nn, nn_names.MODULES),
        (pb.nn.functional, torch.nn.functional, nn_names.FUNCTIONS),
    ],
    ids=["nn", "nn.functional"],
)
def test_every_name_is_here_or_listed(ours: Any, theirs: Any, listed: dict[str, str]) -> None:
    wanted = public(theirs)
    missing = {name for name in wanted if not hasattr(ours, name)}
    assert missing - set(listed) == set(), "neither here nor listed"
    assert set(listed) - missing == set(), "listed, and here or not in PyTorch"
    assert all(listed.values())
