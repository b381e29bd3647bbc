"""``torch.onnx``: nothing is exported; programs ask whether that is under way."""

from __future__ import annotations

from typing import Any

from pullback._missing import refusing

__all__ = [
    "ExportOptions",
    "OperatorExportTypes",
    "TrainingMode",
    "dynamo_export",
    "export",
    "is_in_onnx_export",
    "is_onnxrt_backend_supported",
    "register_custom_op_symbolic",
    "select_model_mode_for_export",
    "unregister_custom_op_symbolic",
]


def is_in_onnx_export() -> bool:
    """Always False.

    Example:
        >>> import pullback as pb
        >>> pb.onnx.is_in_onnx_export()
        False
    """
    return False


def is_onnxrt_backend_supported() -> bool:
    """Always False."""
    return False


export = refusing("onnx.export")
dynamo_export = refusing("onnx.dynamo_export")
select_model_mode_for_export = refusing("onnx.select_model_mode_for_export")


def register_custom_op_symbolic(*_: Any, **__: Any) -> None:
    """Nothing happens: it is for an export."""


unregister_custom_op_symbolic = register_custom_op_symbolic


class TrainingMode:
    """What ``export`` takes as ``training``."""

    EVAL, PRESERVE, TRAINING = range(3)


class OperatorExportTypes:
    """What ``export`` takes as ``operator_export_type``."""

    ONNX, ONNX_ATEN, ONNX_ATEN_FALLBACK, ONNX_FALLTHROUGH = range(4)


class ExportOptions:
    """Options of an export."""

    def __init__(self, **options: Any) -> None:
        self.__dict__.update(options)
