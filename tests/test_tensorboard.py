"""What ``SummaryWriter`` writes, as ``tensorboard`` reads it; without that an ImportError."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import pullback as pb

HERE = importlib.util.find_spec("tensorboard") is not None


@pytest.mark.skipif(HERE, reason="the package tensorboard is installed")
def test_without_the_package() -> None:
    with pytest.raises(ImportError, match="pip install tensorboard"):
        importlib.import_module("pullback.utils.tensorboard")


def written(folder: Path) -> Any:
    from tensorboard.backend.event_processing import event_accumulator

    sizes = {"scalars": 0, "histograms": 0, "images": 0, "tensors": 0}
    found = event_accumulator.EventAccumulator(str(folder), size_guidance=sizes)
    found.Reload()
    return found


pytest_needs_it = pytest.mark.skipif(not HERE, reason="the package tensorboard is not installed")


@pytest_needs_it
@pytest.mark.filterwarnings("ignore")
def test_what_is_written(tmp_path: Path) -> None:
    from pullback.utils.tensorboard import SummaryWriter

    with SummaryWriter(tmp_path) as writer:
        for step in range(3):
            writer.add_scalar("loss", pb.tensor(step / 2, requires_grad=True), step)
        writer.add_scalars("both", {"a": 1, "b": 2.0}, 5)
        writer.add_histogram("weights", pb.arange(100.0), 1)
        writer.add_histogram("few", pb.arange(10.0), 1, bins=5, max_bins=3)
        writer.add_image("image", pb.rand(3, 4, 5), 2)
        writer.add_images("images", pb.zeros(3, 1, 4, 5, dtype=pb.uint8), 2)
        writer.add_text("note", "**bold**", 3)
        writer.add_hparams({"lr": 0.1, "name": "a"}, {"score": 2.0}, run_name="run")
        assert writer.get_logdir() == str(tmp_path)
        with pytest.raises(AssertionError, match="0D"):
            writer.add_scalar("loss", pb.ones(2))
        with pytest.raises(AssertionError, match="input_format: CHW"):
            writer.add_image("image", pb.rand(4, 5))
        with pytest.raises(ValueError, match="no element"):
            writer.add_histogram("weights", pb.ones(0))
        with pytest.raises(NotImplementedError, match=r"pullback\.draw"):
            writer.add_graph(pb.nn.Linear(1, 1))
    found = written(tmp_path)
    assert [(e.step, e.value) for e in found.Scalars("loss")] == [(0, 0.0), (1, 0.5), (2, 1.0)]
    (event,) = found.Histograms("weights")
    histogram = event.histogram_value
    assert (histogram.num, histogram.min, histogram.max) == (100, 0.0, 99.0)
    assert sum(histogram.bucket) == 100
    (event,) = found.Histograms("few")
    assert event.histogram_value.bucket == [4.0, 4.0, 2.0]
    (event,) = found.Images("image")
    assert (event.width, event.height) == (5, 4)
    (event,) = found.Images("images")
    assert (event.width, event.height) == (15, 4)
    assert found.Tensors("note/text_summary")[0].tensor_proto.string_val == [b"**bold**"]
    assert written(tmp_path / "both_b").Scalars("both")[0].value == 2.0
    assert written(tmp_path / "run").Scalars("score")[0].value == 2.0


@pytest_needs_it
def test_the_file_of_an_image() -> None:
    image = pytest.importorskip("PIL.Image")
    import io

    from pullback.utils.tensorboard import summary

    pixels = (np.arange(2 * 3 * 3) * 10 % 256).astype(np.uint8).reshape(2, 3, 3)
    record = summary.image("a", pixels, "HWC").value[0].image
    read = np.asarray(image.open(io.BytesIO(record.encoded_image_string)))
    assert (read == pixels).all()
