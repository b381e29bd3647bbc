"""``SummaryWriter``: numbers, images and texts of a training for TensorBoard.

The records are those of the package ``tensorboard``, which must be installed.
"""

from __future__ import annotations

import importlib.util

if importlib.util.find_spec("tensorboard") is None:
    raise ImportError(
        "torch.utils.tensorboard: needs the package tensorboard, which is not installed. Install "
        "it with: pip install tensorboard"
    )

from pullback.utils.tensorboard.writer import FileWriter, SummaryWriter

__all__ = ["FileWriter", "SummaryWriter"]
