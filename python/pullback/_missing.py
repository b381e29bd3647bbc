"""Names of torch that pullback has not: what is said of them, and the report of all at exit."""

from __future__ import annotations

import atexit
import difflib
import importlib
import opcode
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NoReturn

import pullback
from pullback._missing_names import REASONS

__all__ = ["adopt", "explanation", "name_of", "of_module", "refuse", "refusing", "watch"]

# Why a module is not there, by how its path begins below torch; the first that fits.
_MODULES: dict[str, str] = {}


def _absent(reason: str, *paths: str) -> None:
    _MODULES.update(dict.fromkeys(" ".join(paths).split(), reason))


_absent(
    "it is for another device: pullback runs on the CPU only",
    "cuda mps xpu mtia xla hip backends.cudnn.rnn utils.hipify",
    "accelerator.graphs backends.python_native profiler.itt sparse.semi_structured",
)
_absent(
    "it is out of scope: pullback has dense tensors and runs eagerly",
    "ao quantization mkldnn nested masked.maskedtensor _inductor export nn.quantized",
    "nn.quantizable nn.intrinsic nn.qat utils.mkldnn backends.xnnpack nativert jit.quantized",
)
_absent(
    "it is for compiled programs, which pullback does not make",
    "jit.frontend jit.generate_bytecode jit.mobile jit.supported_ops jit.unsupported_tensor_ops",
    "compiler.config utils.bundled_inputs utils.jit utils.mobile_optimizer utils.model_dump",
    "utils.throughput_benchmark",
)
_absent("pullback does not write ONNX files", "onnx")
_absent("it is for kernels of a GPU", "sparse.semi_structured")
_absent(
    "pullback has process groups and data parallelism over MPI: no RPC, no sharded models",
    "distributed",
)
_absent("pullback calls nothing in other processes", "distributed.rpc")
_absent("it belongs to PyTorch's own tests; there are assert_close and make_tensor", "testing")
_absent("PyTorch has given it up", "utils.data.backward_compatibility utils.data.datapipes")
_absent("PyTorch has given it up", "utils.data.graph utils.data.graph_settings nn.backends")
_absent("PyTorch has given it up", "autograd.profiler_legacy contrib")
_absent(
    "it belongs to PyTorch's compilers and exporters; the graphs, tracers and passes are in fx",
    "fx",
)
_absent(
    "it is a part of PyTorch's own machinery",
    "backends.cpu backends.xeon monitor nn.cpp numa package profiler.python_tracer",
    "multiprocessing.pool multiprocessing.queue nn.modules.linear_cross_entropy",
    "utils.backend_registration utils.benchmark utils.cpp_backtrace utils.debug_log",
    "utils.file_baton utils.flop_counter utils.module_tracker utils.serialization",
    "utils.show_pickle utils.viz utils.weak",
)
_absent("it is for kernels of a GPU", "nn.attention.experimental nn.attention.varlen")


def reason_of_module(tail: str) -> str | None:
    """Why there is no module ``torch.<tail>``, None if nothing is known."""
    parts = tail.split(".")
    for length in range(len(parts), 0, -1):
        found = _MODULES.get(".".join(parts[:length]))
        if found is not None:
            return found
    return None


# What raises when it is called although it can be imported: the error and the sentence, by how the
# name begins below torch; the longest that fits.
_REFUSED: dict[str, tuple[type[Exception], str]] = {}


def _refused(error: type[Exception], name: str, *sentence: str) -> None:
    _REFUSED[name] = error, " ".join(sentence)


_refused(
    RuntimeError,
    "distributed.rpc",
    "pullback calls nothing in other processes: torch.distributed.rpc.is_available() is False.",
    "Call it only where that is True.",
)
_refused(
    RuntimeError,
    "distributed.autograd",
    "no graph of pullback goes through several processes:",
    "torch.distributed.autograd.is_available() is False. Call it only where that is True.",
)
_refused(
    NotImplementedError,
    "functorch",
    "it records or compiles a graph of a program, which pullback does not do: call the function",
    "itself, it runs eagerly.",
)
for _name in ("tensor", "fsdp", "device_mesh"):
    _refused(
        NotImplementedError,
        f"distributed.{_name}",
        "pullback divides no tensor and no module among processes. Train copies of a whole model",
        "with nn.parallel.DistributedDataParallel, over MPI: see docs/distributed.md.",
    )
_refused(
    RuntimeError,
    "nn.parallel",
    "there is one device, the CPU, and nothing to divide a batch among.",
)
_refused(
    NotImplementedError,
    "library",
    "it is for a dispatcher, fake tensors or kernels of a GPU, which pullback does not have.",
)
_refused(
    NotImplementedError,
    "onnx",
    "pullback does not write ONNX files. Save the state with torch.save(module.state_dict(),",
    "file), load it in PyTorch, and export it there.",
)
_refused(
    RuntimeError,
    "utils.cpp_extension",
    "code for PyTorch's C++ library cannot be built against pullback. Write the operation in",
    "Python as an autograd.Function, see docs/custom_functions.md; compiled code can be called",
    "there with NumPy arrays.",
)
_refused(
    NotImplementedError,
    "utils._python_dispatch",
    "pullback has no dispatcher, so that __torch_dispatch__ would see nothing.",
    "torch.autograd.profiler lists the operators that run.",
)


def refuse(name: str) -> NoReturn:
    """Raises what the table says of a name below torch."""
    start = max((s for s in _REFUSED if f"{name}.".startswith(f"{s}.")), key=len)
    kind, sentence = _REFUSED[start]
    raise kind(f"torch.{name}: {sentence}")


def refusing(name: str) -> Callable[..., NoReturn]:
    """A function that takes anything and raises that."""

    def function(*_: Any, **__: Any) -> NoReturn:
        refuse(name)

    function.__name__ = function.__qualname__ = name.rpartition(".")[2]
    function.__doc__ = "Raises: see the sentence."
    return function


def _reason(tail: str) -> str:
    if tail in vars(pullback)["_NO_DTYPES"]:
        return (
            "this dtype is not supported; there are float16, bfloat16, float32, float64, "
            "complex64, complex128, int8, int16, int32, int64, uint8 and bool"
        )
    return reason_of_module(tail) or REASONS.get(tail) or "pullback does not have it yet"


def _nearest(above: Any, name: str) -> str:
    near = difflib.get_close_matches(name, [n for n in dir(above) if n[0] != "_"], 1, 0.75)
    return f" Did you mean {near[0]!r}?" if near else ""


def explanation(full: str) -> str:
    """The sentence for a module or name ``torch.x.y`` that is not there."""
    tail = full.partition(".")[2]
    parent, _, name = tail.rpartition(".")
    above = sys.modules.get(f"pullback.{parent}" if parent else "pullback")
    return f"No module named {full!r}: {_reason(tail)}.{_nearest(above, name)}"


def of_module(module: str, name: str) -> str:
    """The sentence for a name that a module of pullback has not."""
    tail = f"{module.partition('.')[2]}.{name}".lstrip(".")
    near = _nearest(sys.modules.get(module), name)
    return f"module {module!r} has no attribute {name!r}: {_reason(tail)}.{near}"


# --- the report ---

_asked: dict[str, str] = {}  # the name, and where it was first asked for


def _place() -> str:
    """The line of the program that runs now."""
    here = os.path.dirname(__file__) + os.sep
    frame = sys._getframe(1)
    while frame.f_back is not None:
        file = frame.f_code.co_filename
        if not file.startswith((here, "<frozen")):
            return f"{file}:{frame.f_lineno}"
        frame = frame.f_back
    return "an unknown line"


def _note(full: str) -> None:
    _asked.setdefault(full, _place())


def _is_from_import() -> bool:
    """Whether the name is asked for by ``from module import name``."""
    frame = sys._getframe(2)
    code = frame.f_code.co_code
    return frame.f_lasti >= 0 and code[frame.f_lasti] == opcode.opmap["IMPORT_FROM"]


def name_of(module: ModuleType) -> str:
    """Pullback's name of a module; the ``__name__`` of what was installed as torch is "torch"."""
    spec = vars(module).get("__spec__")
    return module.__name__ if spec is None else str(spec.name)


class _Hinted(ModuleType):
    """A module that says why it has not a name, and notes that it was asked."""

    def __reduce__(self) -> tuple[Any, ...]:
        # By pullback's name: the process that reads it may have no module `torch`, or PyTorch's.
        return importlib.import_module, (name_of(self),)

    def __setattr__(self, name: str, value: Any) -> None:
        # The import of `torch.x.f` does not put the file in place of the function of its name.
        known = name in vars(self) or name in vars(self).get("__all__", ())
        if isinstance(value, ModuleType) and known:
            own = getattr(self, name, None)
            if own is not None and not isinstance(own, ModuleType):
                return
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        own = name_of(self)
        text = of_module(own, name)
        if name.startswith("__"):
            raise AttributeError(text)
        tail = own.partition(".")[2]
        _note(".".join(part for part in ("torch", tail, name) if part))
        if _is_from_import():
            raise ImportError(text, name=name)
        raise AttributeError(text)


def adopt(module: ModuleType) -> None:
    """Lets a module of pullback, and those below it, say more of the names that it has not."""
    own = name_of(module)
    for name, each in list(sys.modules.items()):
        below = name == own or name.startswith(f"{own}.")
        if below and type(each) is ModuleType and "._" not in name:
            each.__class__ = _Hinted
            vars(each).setdefault("__path__", [])  # names below it are looked for, and explained


def _missing_attribute(tensor: Any, name: str) -> Any:
    if not name.startswith("_"):
        _note(f"torch.Tensor.{name}")
    raise AttributeError(f"{type(tensor).__name__!r} object has no attribute {name!r}")


def _is_there(full: str) -> bool:
    """Whether the name is there by now: submodules are, once they were imported."""
    found: Any = pullback
    for part in full.split(".")[1:]:
        found = vars(found).get(part, sys.modules.get(f"{name_of(found)}.{part}"))
        if found is None:
            return False
    return True


def report() -> str:
    """The names that were asked for in vain, a line each."""
    asked = {name: place for name, place in _asked.items() if not _is_there(name)}
    if not asked:
        return "pullback: every name of torch that was asked for was found.\n"
    lines = [f"  {name}  (first at {place})" for name, place in sorted(asked.items())]
    return "\n".join([f"pullback: {len(lines)} names of torch were not found:", *lines, ""])


def watch() -> None:
    """From now on modules say why a name is missing.

    With ``PULLBACK_REPORT_MISSING=1`` all of these are printed at exit.
    """
    if os.environ.get("PULLBACK_REPORT_MISSING") == "1":
        for name in vars(pullback)["_SUBMODULES"]:
            importlib.import_module(f"pullback.{name}")
        type.__setattr__(pullback.Tensor, "__getattr__", _missing_attribute)
        atexit.register(lambda: sys.stderr.write(report()))
    adopt(pullback)
