"""Calls of ``nn`` as text, for the tests with and without PyTorch: functions and modules.

A function is a call in which ``F`` is ``nn.functional`` and ``t`` the library, with the makers of
``samples.py``. A module is a constructor in ``nn``, and the inputs that it is called with. Each
table has one subject a row group; ``of(lib, text)`` evaluates a call, and gives its tensors, too.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

from samples import Leaf, _Makers

FUNCTIONS = """
F.embedding(i(2,4, high=5), x(5,3))
F.embedding(i(2,4, high=4), x(5,3), padding_idx=-1)
F.embedding_bag(i(6, high=5), x(5,3), t.tensor([0, 2, 2, 5]))
F.embedding_bag(i(6, high=5), x(5,3), t.tensor([0, 2, 2, 5]), mode='max')
F.embedding_bag(i(6, high=5), x(5,3), t.tensor([0, 4, 6]), mode='sum', include_last_offset=True)
F.embedding_bag(i(6, high=5), x(5,3), t.tensor([0, 4]), mode='sum', per_sample_weights=x(6))
F.gaussian_nll_loss(x(3,4), c(3,4), 0.5, reduction='sum')
F.triplet_margin_with_distance_loss(x(3,4), x(3,4), x(3,4), margin=2.0, swap=True)
F.triplet_margin_with_distance_loss(x(4), x(4), x(4), distance_function=t.dist, reduction='none')
F.rrelu(x(3,4))
F.rrelu(x(3,4), 0.3, 0.3, training=True)
F.alpha_dropout(x(3,4), 0.3, training=True)
F.feature_alpha_dropout(x(2,3,4), 0.3, training=True)
F.dropout1d(x(3,4), 0.3)
F.dropout1d(x(2,3,4), 0.3)
F.dropout2d(x(2,3,2,2), 0.3)
F.dropout3d(x(3,2,2,2), 0.3)
F.dropout3d(x(2,3,1,2,2), 1.0)
F.gumbel_softmax(x(3,4), tau=0.7)
"""

# Whose gradient is not the derivative of the values, as in PyTorch.
UNLIKE_DERIVATIVES = """
F.embedding(i(2,4, high=5), x(5,3), padding_idx=2)
F.embedding(i(2,4, high=5), x(5,3), scale_grad_by_freq=True)
F.embedding_bag(i(6, high=5), x(5,3), t.tensor([0, 2, 5]), padding_idx=1)
F.embedding_bag(i(6, high=5), x(5,3), t.tensor([0, 2, 5]), padding_idx=1, mode='max')
F.gaussian_nll_loss(x(3,4), c(3,4), x(3, low=0.5, high=2), reduction='none')
F.gaussian_nll_loss(x(3,4), x(3,4), x(3,4, low=0.5, high=2), full=True)
"""

# Constructor and inputs.
MODULES = """
Embedding(5, 3) | i(2,4, high=5)
Embedding(5, 3, padding_idx=1) | i(2,4, high=5)
Embedding(5, 3, max_norm=1.0, norm_type=1.0, scale_grad_by_freq=True) | i(2,4, high=5)
EmbeddingBag(5, 3) | i(2,4, high=5)
EmbeddingBag(5, 3, mode='max', padding_idx=-1) | i(2,4, high=5)
EmbeddingBag(5, 3, mode='sum', max_norm=0.5) | i(7, high=5), t.tensor([0, 3]), c(7)
Bilinear(3, 4, 2) | x(5,3), x(5,4)
Bilinear(3, 4, 2, bias=False) | x(2,5,3), x(2,5,4)
Hardshrink(0.3) | x(3,4)
Softshrink(0.3) | x(3,4)
RReLU(0.1, 0.4) | x(3,4)
RReLU(0.1, 0.4).eval() | x(3,4)
Softmax2d() | x(2,3,2,2)
Softmax2d() | x(3,2,2)
Dropout1d(0.3) | x(2,3,4)
Dropout2d(0.3) | x(2,3,2,2)
Dropout3d(0.3) | x(2,3,2,2,1)
Dropout3d(0.3).eval() | x(2,3,2,2,1)
AlphaDropout(0.3) | x(3,4)
FeatureAlphaDropout(0.3) | x(2,3,4)
MarginRankingLoss(0.5) | x(4), x(4), i(4, low=-1, high=2)
HingeEmbeddingLoss() | x(4), i(4, low=-1, high=2)
CosineEmbeddingLoss(0.2) | x(3,4), x(3,4), i(3, low=-1, high=2)
SoftMarginLoss() | x(3,4), c(3,4)
MultiLabelMarginLoss() | x(2,4), i(2,4, low=-1, high=4)
MultiLabelSoftMarginLoss() | x(3,4), c(3,4)
MultiMarginLoss(2, 0.5) | x(3,4), i(3, high=4)
PoissonNLLLoss(full=True) | x(3,4), c(3,4, low=0.1, high=5)
GaussianNLLLoss(full=True) | x(3,4), c(3,4), x(3,4, low=0.5, high=2)
TripletMarginLoss(2.0, swap=True) | x(3,4), x(3,4), x(3,4)
TripletMarginWithDistanceLoss(margin=2.0) | x(3,4), x(3,4), x(3,4)
"""

# What is refused by both, with errors of one type.
REFUSED = """
F.embedding(i(2,4, high=5), x(5))
F.embedding(x(2), x(5,3))
F.embedding(i(3, low=7, high=9), x(5,3))
F.embedding(i(3, high=5), x(5,3), padding_idx=5)
F.embedding_bag(i(6, high=5), x(5,3))
F.embedding_bag(i(2,3, high=5), x(5,3), t.tensor([0]))
F.embedding_bag(i(2,3, high=5), x(5,3), mode='min')
F.embedding_bag(i(2,3, high=5), x(5,3), mode='mean', per_sample_weights=x(2,3))
F.embedding_bag(i(6, high=5), x(5,3), t.tensor([1, 2]))
F.embedding_bag(i(6, high=5), x(5,3), t.tensor([0, 9]))
nn.Embedding(5, 3, padding_idx=7)
nn.Embedding.from_pretrained(c(3))
F.margin_ranking_loss(x(3,4), x(3,4), x(4))
F.cosine_embedding_loss(x(3,4), x(3,4), x(3,4))
F.cosine_embedding_loss(x(4), x(4), x(3))
F.triplet_margin_loss(x(3,4), x(3,4), x(4))
F.triplet_margin_loss(x(3,4), x(3,4), x(3,4), margin=0.0)
F.multi_margin_loss(x(3,4), i(2, high=4))
F.multi_margin_loss(x(3,4), i(3, high=4), p=3)
F.multi_margin_loss(x(3,4), x(3))
F.multi_margin_loss(x(3,4), i(3, low=5, high=9))
F.multilabel_margin_loss(x(2,4), i(2,3, high=4))
F.multilabel_margin_loss(x(2,4), i(2,4, low=5, high=9))
F.gaussian_nll_loss(x(3,4), x(3,4), c(3,4, low=-2, high=-1))
F.gaussian_nll_loss(x(3,4), x(3,4), c(4, low=1, high=2))
F.gaussian_nll_loss(x(3,4), x(3,4), c(3, low=1, high=2), reduction='max')
F.dropout1d(x(4), 0.3)
F.dropout2d(x(2,3,2,2), 1.5)
F.feature_alpha_dropout(x(4), 0.3, training=True)
F.rrelu(x(4), 0.5, 0.3)
nn.Softmax2d()(x(3,4))
nn.MultiMarginLoss(3)
nn.TripletMarginLoss(-1.0)
nn.Bilinear(0, 3, 4)
nn.ParameterDict({3: x(2)})
nn.ParameterList(x(2))
nn.ParameterList([]).append(3).extend(5)
nn.ParameterList([x(2)])(3)
"""


def rows(table: str) -> list[str]:
    return [line for line in table.splitlines() if line]


class Call:
    """A text with the tensors in it made once, so that they can be replaced by others."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.leaves: list[Leaf] = []
        makers = _Makers(zlib.crc32(text.encode()))

        def noting(make: Callable[..., Leaf]) -> Callable[..., Any]:
            def made(*shape: int, **options: Any) -> Leaf:
                self.leaves.append(make(*shape, **options))
                return self.leaves[-1]

            return made

        self.makers = {n: noting(getattr(makers, n)) for n in ("x", "xs", "c", "cs", "i", "b")}

    def tensors(self, lib: Any, dtype: str = "float64", grad: bool | None = None) -> list[Any]:
        if not self.leaves:
            self._evaluate(lib, self.makers | dict.fromkeys(("t", "nn", "F"), _Anything()))
        return [
            leaf.make(lib, dtype if leaf.floating else None, grad if leaf.grad else None)
            for leaf in self.leaves
        ]

    @property
    def wanted(self) -> list[int]:
        return [k for k, leaf in enumerate(self.leaves) if leaf.grad]

    def __call__(self, lib: Any, tensors: list[Any]) -> Any:
        waiting = iter(tensors)
        names = dict.fromkeys(self.makers, lambda *_, **__: next(waiting))
        return self._evaluate(lib, names | {"t": lib, "nn": lib.nn, "F": lib.nn.functional})

    def _evaluate(self, lib: Any, names: dict[str, Any]) -> Any:
        return eval(self.text, names)


class _Anything:
    """Takes the place of what is called while the makers are being noted."""

    def __getattr__(self, name: str) -> Any:
        return _Anything()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return _Anything()
