"""Anomaly mode: a backward pass stops at the first NaN and names the line of the forward pass.

The mode is a thread's own. While it is on, an observer in the core looks at what every node gives
(csrc/bind/diagnosis.cpp). Nodes know their line in any case; in the forward pass the calls around
it are kept (csrc/bind/stacks.h).
"""

from __future__ import annotations

import os
import warnings
from types import TracebackType

from pullback import _arguments, _core
from pullback.diagnosis._walk import source_line

__all__ = ["detect_anomaly", "set_anomaly_enabled", "set_detect_anomaly"]


class _Anomaly:
    """Keeps the mode and puts it back."""

    def _set(self, mode: bool, check_nan: bool) -> None:
        self.prev, self.prev_check_nan = _core._get_anomaly()
        _core._set_anomaly(mode, check_nan)

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _core._set_anomaly(self.prev, self.prev_check_nan)


class set_detect_anomaly(_Anomaly):
    """Switch anomaly mode on or off, at once; as a context manager until the end of the block.

    Args:
        mode: whether it is on.
        check_nan: whether a NaN in a gradient is an error; otherwise only errors that are raised
            in any case get their line.

    Example:
        >>> import pullback as pb
        >>> with pb.autograd.set_detect_anomaly(True):
        ...     pb.is_anomaly_enabled()
        True
    """

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        _arguments.flags("set_detect_anomaly", mode=mode, check_nan=check_nan)
        self._set(mode, check_nan)

    def __enter__(self) -> None:
        pass


def set_anomaly_enabled(enabled: bool, check_nan: bool = True) -> None:
    """Switch anomaly mode on or off, until it is switched again.

    Example:
        >>> import pullback as pb
        >>> pb.set_anomaly_enabled(False)
        >>> pb.is_anomaly_enabled()
        False
    """
    _arguments.bools("set_anomaly_enabled", enabled=enabled, check_nan=check_nan)
    _core._set_anomaly(enabled, check_nan)


class detect_anomaly(_Anomaly):
    """Inside the block a backward pass that makes a NaN raises and names the line of the forward.

    Args:
        check_nan: whether a NaN in a gradient is an error.

    Example:
        >>> import warnings
        >>> import pullback as pb
        >>> x = pb.tensor(0.0, requires_grad=True)
        >>> warnings.simplefilter("ignore")
        >>> try:
        ...     with pb.autograd.detect_anomaly():
        ...         (x.sqrt() * 0).backward()
        ... except RuntimeError as error:
        ...     print(str(error).partition(". ")[0])
        Function 'SqrtBackward0' returned nan values in its 0th output
    """

    def __init__(self, check_nan: bool = True) -> None:
        _arguments.flags("detect_anomaly", check_nan=check_nan)
        self.check_nan = check_nan
        warnings.warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging.",
            stacklevel=2,
        )

    def __enter__(self) -> None:
        self._set(True, self.check_nan)


def is_anomaly_enabled() -> bool:
    """Whether anomaly mode is on.

    Example:
        >>> import pullback as pb
        >>> pb.is_anomaly_enabled()
        False
    """
    return bool(_core._get_anomaly()[0])


def is_anomaly_check_nan_enabled() -> bool:
    """Whether anomaly mode, where it is on, looks for NaN.

    Example:
        >>> import pullback as pb
        >>> with pb.autograd.set_detect_anomaly(True, check_nan=False):
        ...     pb.is_anomaly_check_nan_enabled()
        False
    """
    return bool(_core._get_anomaly()[1])


_PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep


def _frame(place: str) -> str:
    """A place as a traceback has it."""
    where, _, function = place.rpartition(" in ")
    file, _, line = where.rpartition(":")
    code = source_line(place)
    return f'  File "{file}", line {line}, in {function}\n' + (f"    {code}\n" if code else "")


def _frames(place: str, calls: list[str]) -> list[str]:
    """The calls that led to a place, outermost first, without those inside of this package."""
    users = [call for call in calls if not call.startswith(_PACKAGE)]
    return [_frame(each) for each in [*reversed(users), place] if each]


def _warn(nodes: list[tuple[str, str, list[str]]]) -> None:
    """The core calls this with the node that failed, the node that made it in a pass, and so on."""
    name, place, calls = nodes[0]
    if not place:
        text = (
            f"Error detected in {name}. No forward pass information available. Enable detect "
            "anomaly during forward pass for more information."
        )
    else:
        text = (
            f"Error detected in {name}. Traceback of forward call that caused the error:\n"
            + "".join(_frames(place, calls))
        )
    warnings.warn(text, stacklevel=2)
    for parent, where, calls in nodes[1:]:
        text = (
            f"\n\nPrevious calculation was induced by {parent}. Traceback of forward call that "
            "induced the previous calculation:\n"
        )
        warnings.warn(text + "".join(_frames(where, calls)), stacklevel=2)
