"""The version that ``torch.__version__`` names: text that compares as a version."""

from __future__ import annotations

import re
from typing import Any

from pullback import version

__all__ = ["TorchVersion", "__version__"]

_FORM = re.compile(
    r"v?(?P<release>\d+(?:\.\d+)*)(?:[._-]?(?P<pre>a|b|rc)(?P<number>\d*))?"
    r"(?:[._-]?post(?P<post>\d*))?(?:[._-]?dev(?P<dev>\d*))?(?:\+(?P<local>[\w.-]+))?"
)
_END = (9,)  # behind every letter of a version before its release


def _key(text: str) -> tuple[Any, ...] | None:
    """What orders versions: PEP 440 without epochs; None for what is no version."""
    found = _FORM.fullmatch(text.strip().lower())
    if found is None:
        return None
    release = [int(n) for n in found["release"].split(".")]
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    pre: tuple[Any, ...] = _END
    if found["pre"]:
        pre = (["a", "b", "rc"].index(found["pre"]), int(found["number"] or 0))
    elif found["dev"] is not None and found["post"] is None:
        pre = (-1,)
    post = -1 if found["post"] is None else int(found["post"] or 0)
    dev = float("inf") if found["dev"] is None else int(found["dev"] or 0)
    parts = re.split(r"[._-]", found["local"] or "")
    local = tuple((1, int(p)) if p.isdigit() else (0, p) for p in parts if p)
    return tuple(release), pre, post, dev, local


def _text(value: Any) -> str | None:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, (tuple, list)):
        return ".".join(str(part) for part in value)
    return None


class TorchVersion(str):
    """Text that compares as a version, with texts and with tuples.

    Raises:
        TypeError: it is ordered with something that is neither.

    Example:
        >>> from pullback.torch_version import TorchVersion
        >>> TorchVersion("2.13.0") > "2.9", TorchVersion("2.13.0") > (2, 9), "2.13.0" > "2.9"
        (True, True, False)
    """

    __slots__ = ()

    def _compare(self, other: Any) -> tuple[Any, Any] | None:
        text = _text(other)
        if text is None:
            return None
        mine, theirs = _key(str(self)), _key(text)
        if mine is None or theirs is None:
            return (str(self), text) if isinstance(other, str) else None
        return mine, theirs

    def __eq__(self, other: object) -> bool:
        pair = self._compare(other)
        return pair is not None and pair[0] == pair[1]

    # As in torch this asks for another text.
    __ne__ = str.__ne__

    def __lt__(self, other: Any) -> bool:
        pair = self._compare(other)
        return NotImplemented if pair is None else bool(pair[0] < pair[1])

    def __le__(self, other: Any) -> bool:
        pair = self._compare(other)
        return NotImplemented if pair is None else bool(pair[0] <= pair[1])

    def __gt__(self, other: Any) -> bool:
        pair = self._compare(other)
        return NotImplemented if pair is None else bool(pair[0] > pair[1])

    def __ge__(self, other: Any) -> bool:
        pair = self._compare(other)
        return NotImplemented if pair is None else bool(pair[0] >= pair[1])

    def __hash__(self) -> int:
        return str.__hash__(self)


__version__ = TorchVersion(version.__version__)
