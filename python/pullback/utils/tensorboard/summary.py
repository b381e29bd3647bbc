"""What one call of the writer records, as messages of the package ``tensorboard``."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np

from pullback import Tensor

__all__ = ["histogram", "image", "scalar", "text"]


def _proto() -> Any:
    from tensorboard.compat import proto  # type: ignore[import-not-found,import-untyped,unused-ignore]
    from tensorboard.compat.proto import (  # type: ignore[import-not-found,import-untyped,unused-ignore]  # noqa: F401
        summary_pb2,
        tensor_pb2,
        tensor_shape_pb2,
    )

    return proto


def as_array(value: Any) -> Any:
    """A tensor, an array or a number as an array; what requires a gradient too."""
    if isinstance(value, Tensor):
        kept = value.detach()
        narrow = str(kept.dtype) == "torch.bfloat16"
        return (kept.float() if narrow else kept).numpy()
    return np.asarray(value)


def scalar(tag: str, value: Any) -> Any:
    """A number."""
    number = as_array(value).squeeze()
    if number.ndim:
        raise AssertionError(f"scalar should be 0D: got {tag} of shape {number.shape}.")
    proto = _proto().summary_pb2
    return proto.Summary(value=[proto.Summary.Value(tag=tag, simple_value=float(number))])


# Bounds of bins as TensorBoard's own: growing by a tenth, both signs.
def _default_bins() -> Any:
    positive = 1e-12 * 1.1 ** np.arange(774)
    return np.concatenate([-positive[::-1], [0.0], positive])


def histogram(tag: str, values: Any, bins: Any = "tensorflow", max_bins: int | None = None) -> Any:
    """How often values lie between bounds."""
    array = as_array(values).reshape(-1).astype(np.float64)
    if array.size == 0:
        raise ValueError(f"The input has no element: {tag}.")
    counts, limits = np.histogram(array, bins=_default_bins() if bins == "tensorflow" else bins)
    if max_bins is not None and len(counts) > max_bins:
        step = -(-len(counts) // max_bins)
        counts = np.add.reduceat(counts, np.arange(0, len(counts), step))
        limits = np.append(limits[:-1:step], limits[-1])
    # Empty bins at both ends are left out; one is kept before the first.
    used = np.flatnonzero(counts)
    begin, end = (max(used[0] - 1, 0), used[-1] + 1) if used.size else (0, 1)
    proto = _proto().summary_pb2
    histo = proto.HistogramProto(
        min=array.min(),
        max=array.max(),
        num=array.size,
        sum=array.sum(),
        sum_squares=array @ array,
        bucket_limit=limits[begin + 1 : end + 1].tolist(),
        bucket=counts[begin:end].tolist(),
    )
    return proto.Summary(value=[proto.Summary.Value(tag=tag, histo=histo)])


def _png(pixels: Any) -> bytes:
    """The file of an image of bytes, shape ``[height, width, channels]``."""
    height, width, channels = pixels.shape
    kind = {1: 0, 3: 2, 4: 6}[channels]

    def chunk(name: bytes, data: bytes) -> bytes:
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    out = io.BytesIO()
    out.write(b"\x89PNG\r\n\x1a\n")
    out.write(chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)))
    out.write(chunk(b"IDAT", zlib.compress(rows)))
    out.write(chunk(b"IEND", b""))
    return out.getvalue()


def _grid(images: Any) -> Any:
    """Images side by side in rows of eight, shape ``[N, H, W, C]``."""
    count, height, width, channels = images.shape
    columns = min(count, 8)
    rows = -(-count // columns)
    grid = np.zeros((rows * height, columns * width, channels), images.dtype)
    for index, each in enumerate(images):
        row, column = divmod(index, columns)
        begin = row * height, column * width
        grid[begin[0] : begin[0] + height, begin[1] : begin[1] + width] = each
    return grid


def image(tag: str, value: Any, dataformats: str = "CHW") -> Any:
    """An image; floating values from 0 to 1, bytes from 0 to 255."""
    array = as_array(value)
    formats = dataformats.upper()
    if len(formats) != array.ndim or len(set(formats)) != len(formats):
        raise AssertionError(
            f"size of input tensor and input format are different. tensor shape: {array.shape}, "
            f"input_format: {dataformats}"
        )
    if set(formats) - set("NHWC") or not {"H", "W"} <= set(formats):
        raise AssertionError(f"dataformats can only contain N, H, W, C: got {dataformats}.")
    order = [formats.index(name) for name in "NHWC" if name in formats]
    array = array.transpose(order)
    if "C" not in formats:
        array = array[..., None]
    if "N" in formats:
        array = _grid(array)
    if array.shape[-1] not in (1, 3, 4):
        raise AssertionError(f"image: got {array.shape[-1]} channels, expected 1, 3 or 4.")
    if array.dtype != np.uint8:
        array = (array.astype(np.float32) * 255.0).clip(0, 255).astype(np.uint8)
    proto = _proto().summary_pb2
    made = proto.Summary.Image(
        height=array.shape[0],
        width=array.shape[1],
        colorspace=array.shape[2],
        encoded_image_string=_png(np.ascontiguousarray(array)),
    )
    return proto.Summary(value=[proto.Summary.Value(tag=tag, image=made)])


def text(tag: str, value: str) -> Any:
    """A text, which TensorBoard reads as Markdown."""
    proto = _proto()
    plugin = proto.summary_pb2.SummaryMetadata.PluginData(plugin_name="text")
    metadata = proto.summary_pb2.SummaryMetadata(plugin_data=plugin)
    dim = proto.tensor_shape_pb2.TensorShapeProto.Dim(size=1)
    tensor = proto.tensor_pb2.TensorProto(
        dtype="DT_STRING",
        string_val=[str(value).encode()],
        tensor_shape=proto.tensor_shape_pb2.TensorShapeProto(dim=[dim]),
    )
    made = proto.summary_pb2.Summary.Value(
        tag=f"{tag}/text_summary", metadata=metadata, tensor=tensor
    )
    return proto.summary_pb2.Summary(value=[made])
