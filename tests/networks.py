"""Three small networks with data and optimizers: a ResNet-18, a transformer and an LSTM.

``NETWORKS`` has of each how it is built in a library, the batch of a step as arrays, and the
optimizer with its schedule. The library is an argument, so that PyTorch can be trained beside us.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np


def resnet18(lib: Any, width: int, classes: int) -> Any:
    """The network of He et al. (arXiv:1512.03385), with ``width`` channels in front."""
    nn = lib.nn

    class Block(nn.Module):  # type: ignore[misc]
        def __init__(self, before: int, after: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(after)
            self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(after)
            self.relu = nn.ReLU(inplace=True)
            self.downsample = None
            if stride != 1 or before != after:
                self.downsample = nn.Sequential(
                    nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after)
                )

        def forward(self, x: Any) -> Any:
            same = x if self.downsample is None else self.downsample(x)
            x = self.relu(self.bn1(self.conv1(x)))
            return self.relu(self.bn2(self.conv2(x)) + same)

    layers: list[Any] = [
        nn.Conv2d(3, width, 7, 2, 3, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    ]
    before = width
    for k, stride in enumerate((1, 2, 2, 2)):
        after = width << k
        layers += [Block(before, after, stride), Block(after, after, 1)]
        before = after
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes)]
    return nn.Sequential(*layers)


def transformer(lib: Any) -> Any:
    nn = lib.nn

    class Tokens(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(11, 16)
            self.places = nn.Parameter(lib.zeros(9, 16))
            layer = nn.TransformerEncoderLayer(16, 4, 32, 0.0, batch_first=True, norm_first=True)
            self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
            self.head = nn.Linear(16, 11)

        def forward(self, tokens: Any) -> Any:
            length = tokens.shape[1]
            mask = nn.Transformer.generate_square_subsequent_mask(length).to(self.places.dtype)
            x = self.embedding(tokens) + self.places[:length]
            return self.head(self.encoder(x, mask=mask, is_causal=True)).flatten(0, 1)

    return Tokens()


def lstm(lib: Any) -> Any:
    nn = lib.nn

    class Sequence(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(3, 8, num_layers=2, batch_first=True, bidirectional=True)
            self.head = nn.Linear(16, 4)

        def forward(self, x: Any) -> Any:
            return self.head(self.lstm(x)[0][:, -1])

    return Sequence()


def images(step: int) -> tuple[Any, Any]:
    numbers = np.random.default_rng(step)
    return numbers.normal(size=(3, 3, 64, 64)), numbers.integers(0, 5, 3)


def tokens(step: int) -> tuple[Any, Any]:
    numbers = np.random.default_rng(step).integers(0, 11, (4, 10))
    return numbers[:, :-1], numbers[:, 1:].reshape(-1)


def waves(step: int) -> tuple[Any, Any]:
    numbers = np.random.default_rng(step)
    return numbers.normal(size=(5, 7, 3)), numbers.integers(0, 4, 5)


def sgd(lib: Any, model: Any) -> tuple[Any, Any]:
    made = lib.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=1e-4)
    return made, lib.optim.lr_scheduler.StepLR(made, 2, 0.5)


def adamw(lib: Any, model: Any) -> tuple[Any, Any]:
    made = lib.optim.AdamW(model.parameters(), lr=3e-3)
    return made, lib.optim.lr_scheduler.CosineAnnealingLR(made, 12)


def rmsprop(lib: Any, model: Any) -> tuple[Any, Any]:
    groups = [{"params": model.lstm.parameters()}, {"params": model.head.parameters(), "lr": 1e-2}]
    made = lib.optim.RMSprop(groups, lr=2e-3, momentum=0.5, centered=True)
    return made, lib.optim.lr_scheduler.OneCycleLR(made, [2e-3, 1e-2], total_steps=12)


NETWORKS: dict[str, tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]] = {
    "resnet18": (lambda lib: resnet18(lib, 8, 5), images, sgd),
    "transformer": (transformer, tokens, adamw),
    "lstm": (lstm, waves, rmsprop),
}
