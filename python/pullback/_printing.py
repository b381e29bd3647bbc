"""How a tensor prints, character for character as PyTorch prints it.

``tensor_repr`` is what ``Tensor.__repr__`` calls. It works in two steps: ``_kept`` takes the
values that will be shown out of the tensor as nested lists (only the edges of a large tensor),
and ``_render`` lays those lists out. In between, ``_formatter`` looks at all the shown values
and chooses one notation and one width for them.

Only Python numbers are formatted: a float32 value is first widened to a Python float.
"""

from __future__ import annotations

from math import inf, isfinite

from pullback import _arguments, _core

# Every `import pullback` runs this file, and importing typing or contextlib costs milliseconds.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pullback import Tensor

_PROFILES: dict[str, dict[str, Any]] = {
    "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
    "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
    "full": {"precision": 4, "threshold": inf, "edgeitems": 3, "linewidth": 80},
}


class _Options:
    """The settings in force; ``sci_mode`` None means that the values decide."""

    __slots__ = ("edgeitems", "linewidth", "precision", "sci_mode", "threshold")

    def __init__(self) -> None:
        self.precision: int = 4
        self.threshold: float = 1000
        self.edgeitems: int = 3
        self.linewidth: int = 80
        self.sci_mode: bool | None = None


_options = _Options()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print; what is not given stays, except ``sci_mode``.

    Args:
        precision: digits after the point (4).
        threshold: a tensor with more elements is shown by its edges only (1000).
        edgeitems: elements shown at each end of a dimension of such a tensor (3).
        linewidth: characters in a line (80).
        profile: "default", "short" or "full": sets the four above, before they are applied.
        sci_mode: scientific notation always (True), never (False), or as the values ask (None).

    Raises:
        ValueError: the profile is unknown.

    Example:
        >>> import pullback as pb
        >>> pb.set_printoptions(precision=2)
        >>> pb.tensor([1.12345])
        tensor([1.12])
        >>> pb.set_printoptions(profile="default")
    """
    _arguments.flags("set_printoptions", sci_mode=sci_mode)
    counts = {"precision": precision, "edgeitems": edgeitems, "linewidth": linewidth}
    _arguments.integers(
        "set_printoptions", **{name: n for name, n in counts.items() if n is not None}
    )
    if profile is not None:
        _arguments.texts("set_printoptions", profile=profile)
    if threshold is not None:
        _arguments.numbers("set_printoptions", threshold=threshold)
    given: dict[str, Any] = {}
    if profile is not None:
        if profile not in _PROFILES:
            raise ValueError(
                f"set_printoptions: unknown profile: got {profile!r}, "
                f"expected one of {', '.join(map(repr, _PROFILES))}."
            )
        given.update(_PROFILES[profile])
    explicit = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    given.update({name: value for name, value in explicit.items() if value is not None})
    for name, value in given.items():
        setattr(_options, name, value)
    _options.sci_mode = sci_mode


def get_printoptions() -> dict[str, Any]:
    """The settings in force, as keyword arguments for ``set_printoptions``."""
    return {
        name: getattr(_options, name)
        for name in ("precision", "threshold", "edgeitems", "linewidth", "sci_mode")
    }


class printoptions:
    """``set_printoptions(**kwargs)`` for the length of a ``with`` block."""

    def __init__(self, **kwargs: Any) -> None:
        self._inside = kwargs
        self._outside: dict[str, Any] = {}

    def __enter__(self) -> None:
        self._outside = get_printoptions()
        set_printoptions(**self._inside)

    def __exit__(self, *exception: object) -> None:
        set_printoptions(**self._outside)


def tensor_repr(t: Tensor) -> str:
    """The text of a tensor: the values, then what they do not tell of size, dtype and history."""
    batched = _core._batch_of(t)
    if batched is not None:
        level, examples = batched
        inner = tensor_repr(examples).replace("\n", "\n    ")
        return f"BatchedTensor(lvl={level}, bdim=0, value=\n    {inner}\n)"
    cls = type(t).__name__
    prefix = "tensor(" if cls in ("Tensor", "Parameter") else cls + "("
    shape = t.shape
    if t.numel() == 0:
        body = "[]"
        # An empty tensor has no element that tells an integer from a float.
        suffixes = [] if len(shape) == 1 else [f"size={tuple(shape)}"]
        show_dtype = not _is_default(t.dtype)
    else:
        body = _body(t, shape, len(prefix))
        suffixes = [] if _options.edgeitems else [f"size={tuple(shape)}"]
        show_dtype = not (
            _is_default(t.dtype.to_real())
            if t.is_complex()
            else _is_default(t.dtype) or str(t.dtype).rpartition(".")[2] in ("int64", "bool")
        )
    if show_dtype:
        suffixes.append(f"dtype={t.dtype}")
    suffixes += _gradient_suffix(t) + _tangent_suffix(t)
    return _join(prefix + body, suffixes, len(prefix))


def _is_default(dtype: object) -> bool:
    import pullback as pb

    return bool(dtype == pb.get_default_dtype())


def _gradient_suffix(t: Tensor) -> list[str]:
    try:
        node = t.grad_fn
    except RuntimeError:
        # A view whose history can no longer be made; asking for it is the error, printing is not.
        return ["grad_fn=<Invalid>"]
    if node is not None:
        return [f"grad_fn=<{type(node).__name__}>"]
    return ["requires_grad=True"] if t.requires_grad else []


def _tangent_suffix(t: Tensor) -> list[str]:
    # Of a dual_level; what belongs to a transform of pullback.func is not shown.
    for level, kind in enumerate(_core._level_kinds(), 1):
        tangent = _core._tangent(t, level) if kind == 0 else None
        if tangent is not None:
            return [f"tangent={tangent}"]
    return []


def _join(text: str, suffixes: list[str], indent: int) -> str:
    """Append the suffixes, each on a new line when the line would get too long."""
    column = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if column + len(suffix) + 2 > _options.linewidth:
            text += ",\n" + " " * indent + suffix
            column = indent + len(suffix)
        else:
            text += ", " + suffix
            column += len(suffix) + 2
    return text + ")"


def _body(t: Tensor, shape: Any, indent: int) -> str:
    choose = (
        _complex_formatter
        if t.is_complex()
        else _float_formatter
        if t.is_floating_point()
        else _formatter
    )
    if not shape:
        value = t.detach().tolist()
        _, form = choose([value])
        return form(value)
    edge = _options.edgeitems if t.numel() > _options.threshold else None
    if edge == 0:
        return "[...]"
    kept = _kept(t.detach(), edge)
    flat = kept
    for _ in range(len(shape) - 1):
        flat = [value for part in flat for value in part]
    width, form = choose(flat)
    return _render(kept, tuple(shape), edge, indent, width, form)


def _kept(t: Tensor, edge: int | None) -> Any:
    """The values to be shown as nested lists; of a long dimension the first and last ``edge``."""
    if edge is None:
        return t.tolist()
    size = t.shape[0]
    long = size > 2 * edge
    if len(t.shape) == 1:
        return t[:edge].tolist() + t[-edge:].tolist() if long else t.tolist()
    rows = [*range(edge), *range(size - edge, size)] if long else range(size)
    return [_kept(t[row], edge) for row in rows]


def _render(
    kept: list[Any],
    shape: tuple[int, ...],
    edge: int | None,
    indent: int,
    width: int,
    form: Callable[[Any], str],
) -> str:
    cut = edge if edge is not None and shape[0] > 2 * edge else None
    if len(shape) == 1:
        items = [form(value) for value in kept]
        if cut is not None:
            items.insert(cut, " ...")
        per_line = max(1, (_options.linewidth - indent) // (width + 2))
        items = [", ".join(items[i : i + per_line]) for i in range(0, len(items), per_line)]
        gap = ",\n"
    else:
        items = [_render(part, shape[1:], edge, indent + 1, width, form) for part in kept]
        if cut is not None:
            items.insert(cut, "...")
        gap = "," + "\n" * (len(shape) - 1)
    return "[" + (gap + " " * (indent + 1)).join(items) + "]"


def _formatter(values: list[Any]) -> tuple[int, Callable[[Any], str]]:
    """One width for all the values that are shown together."""
    width = max(len(str(value)) for value in values)
    return width, lambda value: str(value).rjust(width)


def _complex_formatter(values: list[complex]) -> tuple[int, Callable[[complex], str]]:
    """One width and one notation for the real parts, and one for the imaginary parts."""
    real_width, real = _float_formatter([value.real for value in values])
    imag_width, imag = _float_formatter([value.imag for value in values])

    def form(value: complex) -> str:
        second = imag(value.imag).lstrip() + "j"
        return real(value.real) + ("" if second[0] in "+-" else "+") + second

    return real_width + imag_width + 1, form


def _float_formatter(values: list[float]) -> tuple[int, Callable[[float], str]]:
    """One width and one notation for all the values that are shown together.

    Zeros, infinities and NaN neither choose the notation nor widen the column.
    """
    telling = [value for value in values if value and isfinite(value)]
    if not telling:
        return 1, _whole
    largest, smallest = max(map(abs, telling)), min(map(abs, telling))
    scientific = _options.sci_mode
    if scientific is None:
        scientific = largest / smallest > 1000.0 or largest > 1e8 or smallest < 1e-4
    plain: Callable[[Any], str]
    if scientific:
        plain = f"{{:.{_options.precision}e}}".format
    elif all(value.is_integer() for value in telling):
        plain = _whole
    else:
        plain = f"{{:.{_options.precision}f}}".format
    width = max(len(plain(value)) for value in telling)
    return width, lambda value: plain(value).rjust(width)


def _whole(value: float) -> str:
    return f"{value:.0f}." if isfinite(value) else str(value)
