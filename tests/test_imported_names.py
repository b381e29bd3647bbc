"""Private and rare names of PyTorch that public programs import: there, true, and refusing."""

from __future__ import annotations

import copy
import importlib
from typing import Any

import pytest

import pullback as pb
from pullback import _C, _dynamo, _jit_internal, nn
from pullback.distributions import multivariate_normal
from pullback.nn import init
from pullback.utils.data import dataloader
from pullback.utils.data._utils import collate, worker


def test_where_files_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pb.hub, "_chosen", {})
    monkeypatch.setenv("TORCH_HOME", "/somewhere")
    assert pb.hub._get_torch_home() == "/somewhere"
    assert pb.hub.get_dir() == "/somewhere/hub"


def test_how_the_package_is_built() -> None:
    assert "USE_MKL=OFF" in pb.__config__.show()
    assert f"at::get_num_threads() : {pb.get_num_threads()}" in pb.__config__.parallel_info()


def test_no_other_device() -> None:
    assert not pb.xpu.is_available()
    assert not pb.xpu.is_initialized()
    assert not pb.xpu.is_bf16_supported()
    assert pb.xpu.device_count() == pb.xpu.memory_allocated() == pb.xpu.memory_reserved() == 0
    pb.xpu.manual_seed(1)
    pb.xpu.manual_seed_all(1)
    pb.xpu.empty_cache()
    with pytest.raises(AssertionError, match="Torch not compiled with XPU enabled: pullback runs"):
        pb.xpu.synchronize()


def test_decorators_of_compilers_change_nothing() -> None:
    def function(x: Any) -> Any:
        return x

    for decorate in (
        *(pb.compiler.assume_constant_result, pb.compiler.nested_compile_region),
        *(pb.compiler.nested_compile_region(max_reuse_entries=2), _dynamo.assume_constant_result),
        *(pb.jit._overload, pb.jit._overload_method, _jit_internal._copy_to_script_wrapper),
    ):
        assert decorate(function) is function
    pb.compiler.cudagraph_mark_step_begin()
    assert not pb.compiler.is_dynamo_compiling()
    assert not pb.compiler.is_exporting()
    assert not isinstance(nn.Linear(1, 1), _dynamo.OptimizedModule)
    assert isinstance(_dynamo.config.cache_size_limit, int)
    assert pb.jit.Attribute(1, int).type is int
    assert issubclass(pb.jit.Error, Exception)


def test_boolean_dispatch() -> None:
    chosen = _jit_internal.boolean_dispatch(
        "both", 1, False, lambda x, both=False: (x, both), lambda x, both=False: x, "m", "chosen"
    )
    assert chosen.__name__ == "chosen"
    assert chosen(1) == chosen(1, False) == chosen(1, both=False) == 1
    assert chosen(1, True) == chosen(1, both=True) == (1, True)


def test_other_layouts_are_names() -> None:
    x = pb.ones(2)
    for name in ("sparse_coo", "sparse_csr", "sparse_csc", "sparse_bsr", "sparse_bsc", "jagged"):
        other = getattr(pb, name)
        assert isinstance(other, pb.layout)
        assert other != x.layout
        assert repr(other) == f"torch.{name}"
        assert copy.deepcopy(other) is other
        with pytest.raises(RuntimeError, match=r"only tensors of the layout torch\.strided"):
            pb.zeros(2, layout=other)
    with pytest.raises(TypeError, match=r"must be torch\.layout, not str"):
        pb.zeros(2, layout="sparse_coo")


def test_private_names_of_init() -> None:
    for private, public, arguments in (
        (init._no_grad_uniform_, init.uniform_, (-1.0, 2.0)),
        (init._no_grad_normal_, init.normal_, (1.0, 2.0)),
        (init._no_grad_trunc_normal_, init.trunc_normal_, (0.0, 1.0, -1.0, 1.0)),
        (init._no_grad_fill_, init.constant_, (3.0,)),
        (init._no_grad_zero_, init.zeros_, ()),
    ):
        made = []
        for function in (private, public):
            pb.manual_seed(0)
            made.append(function(nn.Parameter(pb.ones(3, 2)), *arguments))
        assert pb.equal(*made)


def test_private_names_of_the_normal_distribution() -> None:
    factor = pb.tensor([[2.0, 0.0], [1.0, 3.0]])
    x = pb.tensor([1.0, 2.0])
    assert pb.allclose(multivariate_normal._batch_mv(factor, x), factor @ x)
    squares = x @ pb.linalg.inv(factor @ factor.mT) @ x
    assert pb.allclose(multivariate_normal._batch_mahalanobis(factor, x), squares)
    precision = pb.linalg.inv(factor @ factor.mT)
    assert pb.allclose(multivariate_normal._precision_to_scale_tril(precision), factor, atol=1e-5)


class Endless:
    """The batch sampler of loaders that keep their workers from epoch to epoch."""

    def __init__(self, sampler: Any) -> None:
        self.sampler = sampler

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Any:
        while True:
            yield from iter(self.sampler)


def test_a_loader_whose_sampler_is_exchanged() -> None:
    class Forever(pb.utils.data.DataLoader):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self._DataLoader__initialized = False
            self.batch_sampler = Endless(self.batch_sampler)
            self._DataLoader__initialized = True
            self.iterator = super().__iter__()

        def __len__(self) -> int:
            return len(self.batch_sampler.sampler)

        def __iter__(self) -> Any:
            for _ in range(len(self)):
                yield next(self.iterator)

    loader = Forever(range(5), batch_size=2)
    for _ in range(3):
        assert [batch.tolist() for batch in loader] == [[0, 1], [2, 3], [4]]
    with pytest.raises(ValueError, match="batch_sampler attribute should not be set after"):
        loader.batch_sampler = None


def test_private_names_of_the_loader() -> None:
    loader = pb.utils.data.DataLoader([1, 2, 3], batch_size=2)
    assert loader._dataset_kind == dataloader._DatasetKind.Map
    assert loader._auto_collation
    assert loader._iterator is None
    iterator = loader._get_iterator()
    assert isinstance(iterator, dataloader._SingleProcessDataLoaderIter)
    assert isinstance(iterator, dataloader._BaseDataLoaderIter)
    assert next(iterator).tolist() == [1, 2]
    single = pb.utils.data.DataLoader([1, 2, 3], batch_size=None)
    assert not single._auto_collation
    fetcher = dataloader._DatasetKind.create_fetcher(
        loader._dataset_kind, loader.dataset, True, loader.collate_fn, False
    )
    assert fetcher.fetch([0, 2]).tolist() == [1, 3]
    assert collate.default_collate is pb.utils.data.default_collate
    assert worker.get_worker_info() is None
    assert collate.np_str_obj_array_pattern.search("U3")
    with pytest.raises(TypeError) as error:
        pb.utils.data.default_collate([object()])
    assert str(error.value) == collate.default_collate_err_msg_format.format(object)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_weights_of_recurrent_layers_by_pytorchs_names(kind: type[Any]) -> None:
    layer = kind(2, 3, num_layers=2, bidirectional=True)
    names = layer._flat_weights_names
    assert names == [name for name, _ in layer.named_parameters()]
    assert [name for each in layer._all_weights for name in each] == names
    assert all(x is y for x, y in zip(layer._flat_weights, layer.parameters(), strict=True))

    # What is set is what runs, with gradients to where it comes from; the parameters stay.
    x = pb.randn(4, 1, 2)
    scale = pb.tensor(0.5, requires_grad=True)
    changed = copy.deepcopy(layer)
    with pb.no_grad():
        for parameter in changed.parameters():
            parameter.mul_(0.5)
    layer._flat_weights = [scale * weight for weight in layer._flat_weights]
    output = layer(x)[0]
    assert pb.allclose(output, changed(x)[0])
    output.sum().backward()
    assert scale.grad is not None
    assert [name for name, _ in layer.named_parameters()] == names
    with pytest.raises(ValueError, match="shorter"):
        layer._flat_weights = []


def test_output_padding_by_pytorchs_arguments() -> None:
    layer = nn.ConvTranspose2d(1, 1, 3, stride=2)
    x = pb.zeros(1, 1, 4, 4)
    settings = (layer.stride, layer.padding, layer.kernel_size, 2)
    assert tuple(layer._output_padding(x, [9, 10], *settings)) == (0, 1)
    assert tuple(layer._output_padding(x, [9, 10], *settings, layer.dilation)) == (0, 1)
    assert tuple(layer._output_padding(x, None, *settings)) == (0, 0)


def test_names_of_the_core() -> None:
    assert isinstance(pb.Tensor, _C._TensorMeta)
    assert pb.Future is pb.futures.Future
    with pytest.raises(NotImplementedError, match=r"torch\.load"):
        pb.PyTorchFileReader("file")


@pytest.mark.parametrize(
    ("module", "classes", "functions"),
    [
        ("tensor", "DTensor", "Shard Replicate Partial distribute_tensor distribute_module"),
        ("tensor.parallel", "", "ColwiseParallel RowwiseParallel parallelize_module"),
        ("tensor.experimental", "", "implicit_replication"),
        ("_tensor", "DTensor", "Shard Replicate distribute_tensor"),
        ("_tensor.experimental", "", "implicit_replication"),
        ("device_mesh", "DeviceMesh", "init_device_mesh"),
        ("fsdp", "FullyShardedDataParallel", "fully_shard MixedPrecisionPolicy CPUOffload"),
        ("_composable.fsdp", "", "fully_shard MixedPrecisionPolicy"),
    ],
)
def test_nothing_is_divided_among_processes(module: str, classes: str, functions: str) -> None:
    there = importlib.import_module(f"pullback.distributed.{module}")
    for name in classes.split():
        assert not isinstance(pb.ones(1), getattr(there, name))
    for name in f"{classes} {functions}".split():
        with pytest.raises(NotImplementedError, match="DistributedDataParallel, over MPI"):
            getattr(there, name)()


@pytest.mark.parametrize("name", ["uint16", "float8_e4m3fn", "float8_e5m2", "qint8", "quint8"])
def test_dtypes_that_are_not_there_say_which_are(name: str) -> None:
    assert not hasattr(pb, name)
    with pytest.raises(AttributeError, match="not supported; there are float16, bfloat16"):
        getattr(pb, name)


def test_marks_for_the_profiler_of_a_gpu() -> None:
    for name in ("mark", "range_start", "range_push", "range_pop"):
        with pytest.raises(RuntimeError, match="NVTX functions not installed"):
            getattr(pb.cuda.nvtx, name)("part")

    @pb.cuda.nvtx.range("part")
    def function() -> None:
        """Can be defined."""

    with pytest.raises(RuntimeError, match="NVTX functions not installed"):
        function()
