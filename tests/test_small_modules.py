"""What programs import beside operators and layers: each module does its part or says why not."""

from __future__ import annotations

import enum
import gzip
import importlib
import importlib.util
import json
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest

import pullback as pb
from pullback import _missing

# --- futures ---


def test_a_future() -> None:
    future: Any = pb.futures.Future()
    seen = []
    future.add_done_callback(lambda f: seen.append(f.value()))
    after = future.then(lambda f: f.value() + 1).then(lambda f: f.value() * 10)
    assert not future.done()
    with pytest.raises(RuntimeError, match="no value yet"):
        future.value()
    thread = threading.Thread(target=future.set_result, args=(1,))
    thread.start()
    assert future.wait() == 1
    thread.join()
    assert after.wait() == 20
    assert seen == [1]
    with pytest.raises(RuntimeError, match="can only be marked completed once"):
        future.set_result(2)
    assert future.then(lambda f: 7).value() == 7


def test_an_error_in_a_callback_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that come after it run, and who sets the value does not get it."""
    future: Any = pb.futures.Future()
    seen: list[int] = []
    future.add_done_callback(lambda f: seen.append(1 // f.value()))
    future.add_done_callback(lambda f: seen.append(f.value()))
    future.set_result(0)
    future.add_done_callback(lambda f: seen.append(1 // f.value()))
    assert seen == [0]
    assert capsys.readouterr().err.count("ZeroDivisionError:") == 2


def test_a_future_with_an_error() -> None:
    future: Any = pb.futures.Future()
    after = future.then(lambda f: f.value())
    future.set_exception(ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        future.wait()
    with pytest.raises(RuntimeError, match=r"when running the callback: ValueError\('no'\)"):
        after.wait()
    with pytest.raises(AssertionError, match="not an Exception"):
        pb.futures.Future().set_exception(3)  # type: ignore[arg-type]
    done: Any = pb.futures.Future()
    done.set_result(1)
    assert pb.futures.wait_all([done, done]) == [1, 1]
    assert pb.futures.collect_all([]).wait() == []
    with pytest.raises(ValueError, match="no"):
        pb.futures.wait_all([done, future])
    with pytest.raises(ValueError, match="expected none"):
        pb.futures.Future(devices=["cuda:0"])


# --- hub ---


def test_a_model_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "beside_the_model.py").write_text("SIZE = 3\n")
    (tmp_path / "hubconf.py").write_text(
        "dependencies = ['json']\n"
        "from beside_the_model import SIZE\n"
        "def small(factor=1):\n"
        "    'A small one.'\n"
        "    return SIZE * factor\n"
    )
    try:
        assert pb.hub.load(tmp_path, "small", 2, source="local") == 6
        assert pb.hub.load(str(tmp_path), "small", factor=5, source="local") == 15
        assert pb.hub.list(tmp_path) == ["small"]
        assert pb.hub.help(tmp_path, "small") == "A small one."
        assert str(tmp_path) not in sys.path
        with pytest.raises(RuntimeError, match="Cannot find callable large"):
            pb.hub.load(tmp_path, "large", source="local")
    finally:
        sys.modules.pop("beside_the_model", None)
    (tmp_path / "hubconf.py").write_text("dependencies = ['no_such_package']\n")
    with pytest.raises(RuntimeError, match="Missing dependencies: no_such_package"):
        pb.hub.load(tmp_path, "small", source="local")
    with pytest.raises(ValueError, match="Unknown source"):
        pb.hub.load(tmp_path, "small", source="gitlab")


def test_the_net_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pb.hub, "_chosen", {})
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    assert pb.hub.get_dir() == str(tmp_path / "hub")
    with pytest.raises(RuntimeError, match="source='local'"):
        pb.hub.load("pytorch/vision", "resnet18")
    with pytest.raises(RuntimeError, match="pullback fetches nothing"):
        pb.hub.list("pytorch/vision")
    with pytest.raises(RuntimeError, match="pullback fetches nothing"):
        pb.hub.download_url_to_file("https://a.b/c.pt", "c.pt")
    url = "https://a.b/weights.pt?x=1"
    with pytest.raises(RuntimeError, match=r"to .*checkpoints.weights\.pt"):
        pb.hub.load_state_dict_from_url(url)
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    pb.save({"a": pb.ones(1)}, folder / "weights.pt")
    assert pb.hub.load_state_dict_from_url(url)["a"].tolist() == [1.0]
    pb.hub.set_dir(tmp_path)
    assert pb.hub.get_dir() == str(tmp_path)


# --- the profiler ---


def test_a_schedule() -> None:
    plan = pb.profiler.schedule(wait=1, warmup=1, active=2, repeat=2, skip_first=1)
    names = [plan(step).name for step in range(11)]
    cycle = ["NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE"]
    assert names == ["NONE", *cycle, *cycle, "NONE", "NONE"]
    with pytest.raises(AssertionError, match="Invalid profiler schedule"):
        pb.profiler.schedule(wait=1, warmup=1, active=0)


def test_the_profiler_with_steps(tmp_path: Path) -> None:
    x = pb.ones(3)
    ready = []
    plan = pb.profiler.schedule(wait=1, warmup=1, active=2, repeat=1)
    with pb.profiler.profile(
        activities=[pb.profiler.ProfilerActivity.CPU], schedule=plan, on_trace_ready=ready.append
    ) as prof:
        for step in range(6):
            with pb.profiler.record_function(f"step {step}"):
                x.mul(2)
            prof.step()
    assert ready == [prof]
    assert {e.key for e in prof.events()} == {"step 2", "step 3", "mul"}
    assert {row.key: row.count for row in prof.key_averages()}["mul"] == 2
    assert "mul" in prof.key_averages().table(sort_by="cpu_time_total", row_limit=5)
    pb.profiler.tensorboard_trace_handler(str(tmp_path), "me", use_gzip=True)(prof)
    (written,) = tmp_path.iterdir()
    assert written.name.startswith("me.")
    assert json.loads(gzip.decompress(written.read_bytes()))


def test_the_profiler_without_steps() -> None:
    with pb.profiler.profile(record_shapes=True, with_stack=True) as prof:
        pb.ones(3).mul(2)
    assert any(e.key == "mul" for e in prof.events())
    unused = pb.profiler.profile()
    with pytest.raises(AssertionError, match="nothing was recorded"):
        unused.events()
    with pytest.raises(ValueError, match="only device"):
        pb.profiler.profile(activities=[pb.profiler.ProfilerActivity.CUDA])
    with pytest.raises(ValueError, match="with_flops=True"):
        pb.profiler.profile(with_flops=True)


# --- what is only there to be asked ---


def test_answers() -> None:
    assert pb.onnx.is_in_onnx_export() is False
    assert pb.distributed.is_available() is (importlib.util.find_spec("mpi4py") is not None)
    assert pb.distributed.is_initialized() is False
    for name in ("autograd", "rpc"):
        assert importlib.import_module(f"pullback.distributed.{name}").is_available() is False
    errors = importlib.import_module("pullback.distributed.elastic.multiprocessing.errors")
    assert errors.record(len) is len
    assert pb.cpu.is_available() is True
    assert pb._C._get_tracing_state() is None
    assert pb._C.TensorBase is pb.Tensor
    assert isinstance(pb.ones(1), pb._C._TensorBase)
    assert pb._C._jit_set_profiling_executor(False) is False
    pb._C._log_api_usage_once("a.b")
    with pb.cpu.stream(pb.cpu.current_stream()):
        pb.cpu.synchronize()
    from pullback.functional import einsum

    assert einsum is pb.einsum
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        pb.functional.nothing  # noqa: B018


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ((pb.float64,), (None, pb.float64, False, None)),
        (("cpu",), (pb.device("cpu"), None, False, None)),
        (("cpu", pb.float16, True), (pb.device("cpu"), pb.float16, True, None)),
        ((pb.ones(1),), (pb.device("cpu"), pb.float32, False, None)),
        ((), (None, None, False, None)),
    ],
)
def test_how_module_to_reads_its_arguments(args: Any, expected: Any) -> None:
    assert pb._C._nn._parse_to(*args) == expected


def test_vectors_of_gradients() -> None:
    tensors = [pb.arange(4.0).view(2, 2), pb.ones(3)]
    flat = pb._utils._flatten_dense_tensors(tensors)
    assert flat.tolist() == [0, 1, 2, 3, 1, 1, 1]
    back = pb._utils._unflatten_dense_tensors(flat, tensors)
    assert [t.shape for t in back] == [t.shape for t in tensors]
    try:
        raise KeyError("a")
    except KeyError:
        wrapped = pb._utils.ExceptionWrapper(sys.exc_info(), "in worker 1")
    with pytest.raises(KeyError, match="Caught KeyError in worker 1"):
        wrapped.reraise()


def test_the_report_of_a_machine() -> None:
    from pullback.utils import collect_env

    text = collect_env.get_pretty_env_info()
    assert f"pullback version: {pb.version.pullback}" in text
    assert "Is CUDA available: False" in text


def test_a_gpus_autocast_and_scaler() -> None:
    from pullback.amp import _cuda

    assert pb.cuda.amp is _cuda
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        with pb.cuda.amp.autocast():
            y = pb.ones(2) * 2
        assert y.dtype is pb.float32
        assert not pb.cuda.amp.GradScaler().is_enabled()
    assert sum("is deprecated" in str(each.message) for each in said) == 2


# --- refusals ---

CALLS = [
    ("distributed.autograd", "context"),
    ("distributed.autograd", "get_gradients"),
    ("distributed.rpc", "init_rpc"),
    ("distributed.rpc", "rpc_sync"),
    ("onnx", "export"),
    ("nn.parallel", "scatter"),
    ("utils.cpp_extension", "load"),
    ("utils.cpp_extension", "CUDAExtension"),
    ("utils.cpp_extension", "BuildExtension"),
    ("functorch.compile", "aot_function"),
]


@pytest.mark.parametrize(("module", "name"), CALLS)
def test_a_refusal(module: str, name: str) -> None:
    refused = getattr(importlib.import_module(f"pullback.{module}"), name)
    assert refused.__name__ == name
    with pytest.raises((RuntimeError, NotImplementedError)) as caught:
        refused(1, a=2)
    assert str(caught.value).startswith(f"torch.{module}.{name}: ")
    assert str(caught.value).endswith(".")


def test_dispatch_is_refused() -> None:
    from pullback.utils._python_dispatch import TorchDispatchMode

    class Mode(TorchDispatchMode):
        pass

    with pytest.raises(NotImplementedError, match="has no dispatcher"), Mode():
        pass


def test_every_refusal_is_used() -> None:
    """The table holds the start of a name that somebody can call."""
    for name in _missing._REFUSED:
        head, _, tail = name.rpartition(".")
        try:
            importlib.import_module(f"pullback.{name}")
        except ModuleNotFoundError:
            assert hasattr(importlib.import_module(f"pullback.{head}"), tail)


def test_switches_and_types() -> None:
    from pullback.nn import common_types
    from pullback.utils import backcompat, deterministic, dlpack, model_zoo

    backcompat.broadcast_warning.enabled = True
    assert deterministic.fill_uninitialized_memory is False
    assert model_zoo.load_url is pb.hub.load_state_dict_from_url
    assert dlpack.from_dlpack(dlpack.to_dlpack(pb.ones(2))).tolist() == [1.0, 1.0]
    assert common_types._size_2_t == int | tuple[int, int]
    assert isinstance(pb.profiler.ProfilerActivity.CPU, enum.Enum)
