"""``SummaryWriter``: writes what a training tells into a folder that TensorBoard shows."""

from __future__ import annotations

import os
import socket
import time
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from pullback.utils.tensorboard import summary

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["FileWriter", "SummaryWriter"]


class FileWriter:
    """Puts records into one file of a folder.

    Args:
        log_dir: the folder, which is made.
        max_queue: how many records wait before they are written.
        flush_secs: after how many seconds waiting records are written.
        filename_suffix: the end of the file's name.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        from tensorboard.summary.writer.event_file_writer import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
            EventFileWriter,
        )

        self.log_dir = os.fspath(log_dir)
        self.event_writer = EventFileWriter(self.log_dir, max_queue, flush_secs, filename_suffix)

    def get_logdir(self) -> str:
        """The folder."""
        return self.log_dir

    def add_summary(
        self, record: Any, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Put a record at the end."""
        from tensorboard.compat.proto import event_pb2  # type: ignore[import-not-found,import-untyped,unused-ignore]

        event = event_pb2.Event(summary=record)
        event.wall_time = time.time() if walltime is None else walltime
        if global_step is not None:
            event.step = int(global_step)
        self.event_writer.add_event(event)

    def flush(self) -> None:
        """Write what waits."""
        self.event_writer.flush()

    def close(self) -> None:
        """Write what waits, and close the file."""
        self.event_writer.close()


class SummaryWriter:
    """Writes numbers, distributions, images and texts for TensorBoard.

    Args:
        log_dir: the folder; by default ``runs/<time>_<host><comment>``.
        comment: the end of the default folder's name.
        purge_step: not used: records of earlier runs stay.
        max_queue: how many records wait before they are written.
        flush_secs: after how many seconds waiting records are written.
        filename_suffix: the end of the file's name.

    Raises:
        ImportError: the package ``tensorboard`` is not installed, when the module is imported.
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] | None = None,
        comment: str = "",
        purge_step: int | None = None,
        max_queue: int = 10,
        flush_secs: int = 120,
        filename_suffix: str = "",
    ) -> None:
        if not log_dir:
            now = datetime.now().astimezone().strftime("%b%d_%H-%M-%S")
            log_dir = os.path.join("runs", f"{now}_{socket.gethostname()}{comment}")
        self.log_dir = os.fspath(log_dir)
        self.purge_step = purge_step
        self._options = (max_queue, flush_secs, filename_suffix)
        self.file_writer: FileWriter | None = None
        self.all_writers: dict[str, FileWriter] = {}
        self._get_file_writer()

    def _get_file_writer(self) -> FileWriter:
        if self.file_writer is None:
            self.file_writer = self._writer(self.log_dir)
        return self.file_writer

    def _writer(self, folder: str) -> FileWriter:
        if folder not in self.all_writers:
            self.all_writers[folder] = FileWriter(folder, *self._options)
        return self.all_writers[folder]

    def get_logdir(self) -> str:
        """The folder."""
        return self.log_dir

    def _add(self, record: Any, step: int | None, walltime: float | None) -> None:
        self._get_file_writer().add_summary(record, step, walltime)

    def add_scalar(
        self,
        tag: str,
        scalar_value: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        new_style: bool = False,
        double_precision: bool = False,
    ) -> None:
        """Add a number.

        Args:
            tag: its name.
            scalar_value: a number, or a tensor with one element.
            global_step: the step of the training.
            walltime: the time; by default now.
            new_style: not used.
            double_precision: not used.
        """
        del new_style, double_precision
        self._add(summary.scalar(tag, scalar_value), global_step, walltime)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: dict[str, Any],
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Add several numbers that are shown in one diagram.

        Args:
            main_tag: the name of the diagram.
            tag_scalar_dict: the numbers by their names.
            global_step: the step of the training.
            walltime: the time; by default now.
        """
        for tag, value in tag_scalar_dict.items():
            folder = f"{self.log_dir}/{main_tag.replace('/', '_')}_{tag}"
            record = summary.scalar(main_tag, value)
            self._writer(folder).add_summary(record, global_step, walltime)

    def add_histogram(
        self,
        tag: str,
        values: Any,
        global_step: int | None = None,
        bins: Any = "tensorflow",
        walltime: float | None = None,
        max_bins: int | None = None,
    ) -> None:
        """Add the distribution of values.

        Args:
            tag: its name.
            values: a tensor or an array.
            global_step: the step of the training.
            bins: "tensorflow", or what ``numpy.histogram`` takes.
            walltime: the time; by default now.
            max_bins: the largest number of bins.
        """
        self._add(summary.histogram(tag, values, bins, max_bins), global_step, walltime)

    def add_image(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:
        """Add an image.

        Args:
            tag: its name.
            img_tensor: values from 0 to 1, or bytes.
            global_step: the step of the training.
            walltime: the time; by default now.
            dataformats: what the dimensions are.
        """
        self._add(summary.image(tag, img_tensor, dataformats), global_step, walltime)

    def add_images(
        self,
        tag: str,
        img_tensor: Any,
        global_step: int | None = None,
        walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:
        """Add images side by side; arguments as in ``add_image``."""
        self._add(summary.image(tag, img_tensor, dataformats), global_step, walltime)

    def add_figure(
        self,
        tag: str,
        figure: Any,
        global_step: int | None = None,
        close: bool = True,
        walltime: float | None = None,
    ) -> None:
        """Add a figure of matplotlib.

        Args:
            tag: its name.
            figure: a figure.
            global_step: the step of the training.
            close: whether it is closed then.
            walltime: the time; by default now.
        """
        from matplotlib import pyplot as plt
        from matplotlib.backends import backend_agg

        canvas: Any = backend_agg.FigureCanvasAgg(figure)  # type: ignore[no-untyped-call,unused-ignore]
        canvas.draw()
        pixels = summary.as_array(canvas.buffer_rgba())
        if close:
            plt.close(figure)
        self.add_image(tag, pixels[..., :3], global_step, walltime, "HWC")

    def add_text(
        self,
        tag: str,
        text_string: str,
        global_step: int | None = None,
        walltime: float | None = None,
    ) -> None:
        """Add a text.

        Args:
            tag: its name.
            text_string: the text, in Markdown.
            global_step: the step of the training.
            walltime: the time; by default now.
        """
        self._add(summary.text(tag, text_string), global_step, walltime)

    def add_hparams(
        self,
        hparam_dict: dict[str, Any],
        metric_dict: dict[str, Any],
        hparam_domain_discrete: dict[str, Any] | None = None,
        run_name: str | None = None,
        global_step: int | None = None,
    ) -> None:
        """Add the settings of a run and what came of it, for the table of runs.

        Args:
            hparam_dict: settings: numbers, texts and bools.
            metric_dict: results by their names.
            hparam_domain_discrete: not used.
            run_name: the folder of the run, below that of the writer; by default the time.
            global_step: the step of the training.
        """
        del hparam_domain_discrete
        if not isinstance(hparam_dict, dict) or not isinstance(metric_dict, dict):
            raise TypeError("hparam_dict and metric_dict should be dictionary.")
        from tensorboard.plugins.hparams import summary_v2 as settings  # type: ignore[import-not-found,import-untyped,unused-ignore]

        folder = os.path.join(self.log_dir, run_name or str(time.time()))
        writer = self._writer(folder)
        writer.add_summary(settings.hparams_pb(hparam_dict))
        for tag, value in metric_dict.items():
            writer.add_summary(summary.scalar(tag, value), global_step)

    def add_graph(self, *_: Any, **__: Any) -> NoReturn:
        """Raises: the graph of a model is not written."""
        raise NotImplementedError(
            "SummaryWriter.add_graph: pullback does not write graphs for TensorBoard. "
            "pullback.draw(result) draws the graph of a result."
        )

    def add_embedding(self, *_: Any, **__: Any) -> NoReturn:
        """Raises: points are not written."""
        raise NotImplementedError(
            "SummaryWriter.add_embedding: pullback does not write points for TensorBoard. Use "
            "add_image with a figure of them."
        )

    add_mesh = add_video = add_audio = add_pr_curve = add_embedding

    def flush(self) -> None:
        """Write what waits."""
        for writer in self.all_writers.values():
            writer.flush()

    def close(self) -> None:
        """Write what waits, and close the files."""
        for writer in self.all_writers.values():
            writer.close()
        self.file_writer = None
        self.all_writers = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
