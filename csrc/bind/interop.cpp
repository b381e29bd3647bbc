// See interop.h: arrays become tensors, tensors become buffers and arrays.  DLPack is in
// dlpack.cpp.
#include "bind/interop.h"

#include <bit>
#include <memory>
#include <string>
#include <string_view>

#include "bind/convert.h"
#include "bind/device.h"
#include "bind/factories.h"
#include "bind/guard.h"
#include "bind/overrides.h"
#include "bind/parameters.h"
#include "bind/provenance.h"
#include "bind/tensor_type.h"
#include "bind/types.h"
#include "graph/meta.h"
#include "graph/mode.h"
#include "graph/origin.h"
#include "ops/basic.h"
#include "ops/exchange.h"
#include "ops/followed.h"
#include "ops/levels.h"
#include "ops/rebase.h"

namespace pullback::bind {

namespace {

bool is_kind_of(PyObject* object, std::string_view name) {
  for (PyTypeObject* type = Py_TYPE(object); type; type = type->tp_base) {
    if (type->tp_name == name) return true;
  }
  return false;
}

}  // namespace

bool is_ndarray(PyObject* object) { return is_kind_of(object, "numpy.ndarray"); }
bool is_numpy_number(PyObject* object) { return is_kind_of(object, "numpy.generic"); }

namespace {

// The dtype of a buffer's format, false for none of ours.  Sizes decide, as 'l' differs by
// platform.
bool dtype_of_format(std::string_view format, Py_ssize_t size, DType& dtype) {
  if (format.starts_with('@') || format.starts_with('=') || format.starts_with('<')) {
    format.remove_prefix(1);
  }
  if (format == "?") {
    dtype = DType::Bool;
  } else if (format == "B" && size == 1) {
    dtype = DType::UInt8;
  } else if ((format == "i" || format == "l" || format == "q") && (size == 4 || size == 8)) {
    dtype = size == 4 ? DType::Int32 : DType::Int64;
  } else if (format == "b" && size == 1) {
    dtype = DType::Int8;
  } else if (format == "h" && size == 2) {
    dtype = DType::Int16;
  } else if (format == "e") {
    dtype = DType::Float16;
  } else if (format == "f") {
    dtype = DType::Float32;
  } else if (format == "d") {
    dtype = DType::Float64;
  } else if (format == "Zf") {
    dtype = DType::Complex64;
  } else if (format == "Zd") {
    dtype = DType::Complex128;
  } else {
    return false;
  }
  return true;
}

// Null for bfloat16, which has none.
const char* format_of(DType dtype) {
  switch (dtype) {
    case DType::Bool:
      return "?";
    case DType::UInt8:
      return "B";
    case DType::Int32:
      return "i";
    case DType::Int64:
      return sizeof(long) == 8 ? "l" : "q";
    case DType::Int8:
      return "b";
    case DType::Int16:
      return "h";
    case DType::Float16:
      return "e";
    case DType::BFloat16:
      return nullptr;
    case DType::Float32:
      return "f";
    case DType::Float64:
      return "d";
    case DType::Complex64:
      return "Zf";
    case DType::Complex128:
      return "Zd";
  }
  __builtin_unreachable();
}

constexpr const char* kSupported =
    ". The only supported types are: float64, float32, float16, complex64, complex128, int64, "
    "int32, "
    "int16, int8, uint8, and bool.";

// "numpy.float16" for an array of that type.
std::string type_name_of(PyObject* array) {
  PyObject* dtype = PyObject_GetAttrString(array, "dtype");
  PyObject* type = dtype ? PyObject_GetAttrString(dtype, "type") : nullptr;
  Py_XDECREF(dtype);
  PyErr_Clear();
  std::string name = Py_TYPE(array)->tp_name;
  if (type && PyType_Check(type)) name = reinterpret_cast<PyTypeObject*>(type)->tp_name;
  Py_XDECREF(type);
  return name;
}

[[noreturn]] void refuse_type(PyObject* array) {
  PyErr_Clear();
  if (is_ndarray(array)) refuse_numpy_type(array);
  fail(ErrorKind::Type, "can't convert a buffer of type ", Py_TYPE(array)->tp_name, kSupported);
}

struct ReleaseBuffer {
  void operator()(Py_buffer* view) const {
    PyBuffer_Release(view);
    delete view;
  }
};
using Buffer = std::unique_ptr<Py_buffer, ReleaseBuffer>;

// Null for an array of bfloat16, which the protocol has no format for.
Buffer get_buffer(PyObject* array) {
  auto view = std::make_unique<Py_buffer>();
  if (PyObject_GetBuffer(array, view.get(), PyBUF_STRIDES | PyBUF_FORMAT) < 0) {
    if (PyErr_ExceptionMatches(PyExc_RuntimeError)) throw_python();
    PyErr_Clear();
    if (is_ndarray(array)) {
      const Owned dtype(PyObject_GetAttrString(array, "dtype"));
      if (is_numpy_bfloat16(dtype.get())) return nullptr;
    }
    refuse_type(array);
  }
  return Buffer(view.release());
}

Tensor seen_as(const Tensor& t, DType dtype) {
  return Tensor::over(t.body()->storage, t.bytes(), t.sizes(), t.strides(), dtype);
}

// The storage may die in any thread.
void release_with_gil(void* owner) {
  const PyGILState_STATE state = PyGILState_Ensure();
  ReleaseBuffer()(static_cast<Py_buffer*>(owner));
  PyGILState_Release(state);
}

// A buffer without elements has other strides than its array tells, which torch reads.
Dims strides_of_nothing(PyObject* array, int ndim, Py_ssize_t item) {
  Dims strides(ndim);
  if (!PyObject_HasAttrString(array, "strides")) return strides;
  const Owned told(PyObject_GetAttrString(array, "strides"));
  if (!PyTuple_Check(told.get()) || PyTuple_GET_SIZE(told.get()) != ndim) return strides;
  for (int d = 0; d < ndim; ++d) {
    strides[d] = PyLong_AsSsize_t(PyTuple_GET_ITEM(told.get(), d)) / item;
  }
  return strides;
}

}  // namespace

bool is_numpy_bfloat16(PyObject* dtype) {
  const Owned name(PyObject_GetAttrString(dtype, "name"));
  return PyUnicode_Check(name.get()) &&
         PyUnicode_CompareWithASCIIString(name.get(), "bfloat16") == 0;
}

PyObject* numpy_bfloat16() {
  PyObject* module = PyImport_ImportModule("ml_dtypes");
  if (!module) {
    PyErr_Clear();
    fail(ErrorKind::Type,
         "Got unsupported ScalarType BFloat16: NumPy has no such dtype. Install ml_dtypes, which "
         "adds it, or use x.float().numpy().");
  }
  const Owned holder(module);
  return PyObject_GetAttrString(module, "bfloat16");
}

void refuse_numpy_type(PyObject* object) {
  fail(ErrorKind::Type, "can't convert np.ndarray of type ", type_name_of(object), kSupported);
}

Tensor tensor_from_array(PyObject* array) {
  Buffer view = get_buffer(array);
  if (!view) {
    const Owned bits(PyObject_CallMethod(array, "view", "s", "int16"));
    return seen_as(tensor_from_array(bits.get()), DType::BFloat16);
  }
  const std::string_view format = view->format ? view->format : "B";
  if (format.size() > 1 && (format[0] == '>' || format[0] == '!')) {
    fail(ErrorKind::Value,
         "given numpy array has byte order different from the native byte order. "
         "Conversion between byte orders is currently not supported.");
  }
  DType dtype;
  if (!dtype_of_format(format, view->itemsize, dtype)) refuse_type(array);
  check(ErrorKind::Type, view->ndim == 0 || (view->shape && view->strides), "can't convert a ",
        Py_TYPE(array)->tp_name, ": its buffer has no shape", kSupported);
  Dims sizes(view->ndim);
  Dims strides(view->ndim);
  for (int d = 0; d < view->ndim; ++d) {
    sizes[d] = view->shape[d];
    check(ErrorKind::Value, view->strides[d] % view->itemsize == 0,
          "given numpy array strides not a multiple of the element byte size. Copy the numpy array "
          "to reallocate the memory.");
    strides[d] = view->strides[d] / view->itemsize;
    check(ErrorKind::Value, strides[d] >= 0,
          "At least one stride in the given numpy array is negative, and tensors with negative "
          "strides are not currently supported. (You can probably work around this by making a "
          "copy of your array  with array.copy().)");
  }
  if (view->len == 0) strides = strides_of_nothing(array, view->ndim, view->itemsize);
  char* data = static_cast<char*>(view->buf);
  const auto bytes = static_cast<std::size_t>(memory_extent(sizes, strides) * view->itemsize);
  const bool read_only = view->readonly;
  Ref<Storage> storage = Storage::foreign(data, bytes, view.release(), release_with_gil);
  storage->read_only = read_only;
  return Tensor::over(std::move(storage), data, sizes, strides, dtype);
}

Tensor tensor_from_numbers(PyObject* array, const DType* dtype) {
  if (!dtype) return tensor_from_array(array);
  const Owned own(PyObject_GetAttrString(array, "dtype"));
  const Owned letter(PyObject_GetAttrString(own.get(), "char"));
  // The dtypes that torch has and we do not: the unsigned integers.
  constexpr std::string_view kOthers = "HILQ";
  const std::string_view found = PyUnicode_AsUTF8(letter.get());
  if (found.size() != 1 || kOthers.find(found) == std::string_view::npos) {
    return tensor_from_array(array);
  }
  const char* wanted = name(is_narrow(*dtype) ? wide_of(*dtype) : *dtype);
  const Owned converted(PyObject_CallMethod(array, "astype", "s", wanted));
  return tensor_from_array(converted.get());
}

namespace {

// Whether a transform under way differentiates forward by the tensor: no memory tells of that.
bool has_transform_tangent(const Tensor& t) {
  for (std::uint64_t levels = dual_levels(t); levels; levels &= levels - 1) {
    if (mode.levels[std::countr_zero(levels)].kind == LevelKind::Jvp) return true;
  }
  return false;
}

void check_exportable(const Tensor& t) {
  refresh_history(t);
  if (mode.grad && t.requires_grad()) {
    fail("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.",
         described(t));
  }
  refuse_export(t);
  note_user_reading(t, Origin::Array);
}

// What a consumer of the buffer holds: its own handle of the memory and the strides in bytes.
struct Export {
  Tensor alias;
  Dims strides;
};

static_assert(sizeof(Py_ssize_t) == sizeof(std::int64_t), "sizes are handed out as they are");

bool suits(Py_buffer* view, int flags) {
  const auto wants = [&](int bits) { return (flags & bits) == bits; };
  if (wants(PyBUF_C_CONTIGUOUS) || !wants(PyBUF_STRIDES)) return PyBuffer_IsContiguous(view, 'C');
  if (wants(PyBUF_F_CONTIGUOUS)) return PyBuffer_IsContiguous(view, 'F');
  if (wants(PyBUF_ANY_CONTIGUOUS)) return PyBuffer_IsContiguous(view, 'A');
  return true;
}

int get_tensor_buffer(PyObject* self, Py_buffer* view, int flags) {
  view->obj = nullptr;
  return guarded_status([&] {
    const Tensor& t = unwrap(self);
    check_exportable(t);
    if (t.has(kReadOnly) && flags & PyBUF_WRITABLE) {
      PyErr_SetString(PyExc_BufferError, "Tensor: the memory is read-only.");
      throw_python();
    }
    if (!format_of(t.dtype()) && flags & PyBUF_FORMAT) {
      PyErr_SetString(PyExc_BufferError,
                      "Tensor: the buffer protocol has no format for bfloat16. Use x.float(), or "
                      "x.view(torch.int16) for the bits.");
      throw_python();
    }
    auto held = std::make_unique<Export>(Export{t.detach(), t.strides()});
    const auto item = static_cast<std::int64_t>(item_size(t.dtype()));
    for (int d = 0; d < t.ndim(); ++d) held->strides[d] *= item;
    view->buf = t.bytes();
    view->len = t.numel() * item;
    view->itemsize = item;
    view->readonly = t.has(kReadOnly);
    view->ndim = t.ndim();
    view->format = flags & PyBUF_FORMAT ? const_cast<char*>(format_of(t.dtype())) : nullptr;
    view->shape = reinterpret_cast<Py_ssize_t*>(held->alias.body()->sizes());
    view->strides = reinterpret_cast<Py_ssize_t*>(held->strides.data());
    view->suboffsets = nullptr;
    if (!suits(view, flags)) {
      PyErr_SetString(PyExc_BufferError,
                      "Tensor: the strides are not what the buffer's user asks for. Use "
                      "x.contiguous().");
      throw_python();
    }
    if (!(flags & PyBUF_ND)) view->shape = nullptr;
    if ((flags & PyBUF_STRIDES) != PyBUF_STRIDES) view->strides = nullptr;
    view->internal = held.release();
    view->obj = Py_NewRef(self);
    return 0;
  });
}

void release_tensor_buffer(PyObject*, Py_buffer* view) {
  delete static_cast<Export*>(view->internal);
}

}  // namespace

void refuse_export(const Tensor& t) {
  refuse_memory(t);
  check(!has_transform_tangent(t),
        "Cannot access data pointer of Tensor that doesn't have storage. It has a tangent of a "
        "transform, which an array would lose: use tensor.detach() for the value alone.");
}

namespace {

PyObject* numpy_function(const char* name) {
  static PyObject* numpy = nullptr;
  if (!numpy) {
    numpy = PyImport_ImportModule("numpy");
    if (!numpy) throw_python();
  }
  PyObject* function = PyObject_GetAttrString(numpy, name);
  if (!function) throw_python();
  return function;
}

// numpy(*, force=False)
PyObject* method_numpy(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    static const Parameters<1> names("numpy", {"force"}, 0);
    const bool force = names.flag(0, names(args, n, kwnames)[0]);
    const Tensor& t = unwrap(self);
    if (!force) check_exportable(t);
    if (force) note_user_reading(t, Origin::Array);
    Owned source = force && t.requires_grad() ? Owned(wrap(t.detach())) : Owned::share(self);
    static PyObject* asarray = numpy_function("asarray");
    if (t.dtype() == DType::BFloat16) {
      const Owned dtype(numpy_bfloat16());
      const Owned bits(wrap(seen_as(t, DType::Int16)));
      const Owned view(PyMemoryView_FromObject(bits.get()));
      const Owned array(PyObject_CallOneArg(asarray, view.get()));
      return PyObject_CallMethod(array.get(), "view", "O", dtype.get());
    }
    Owned view(PyMemoryView_FromObject(source.get()));
    return PyObject_CallOneArg(asarray, view.get());
  });
}

// __array__(dtype=None, *, copy=None)
PyObject* method_array(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&] {
    static const char* keywords[] = {"dtype", "copy", nullptr};
    PyObject *dtype = Py_None, *copy = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|OO:__array__", const_cast<char**>(keywords),
                                     &dtype, &copy)) {
      throw_python();
    }
    Owned shared(method_numpy(self, nullptr, 0, nullptr));
    const int wants_copy = copy == Py_None ? 0 : PyObject_IsTrue(copy);
    if (wants_copy < 0) throw_python();
    if (dtype == Py_None && !wants_copy) return shared.release();
    Owned own(PyObject_GetAttrString(shared.get(), "dtype"));
    const int same = dtype == Py_None ? 1 : PyObject_RichCompareBool(own.get(), dtype, Py_EQ);
    if (same < 0) throw_python();
    if (same && !wants_copy) return shared.release();
    check(ErrorKind::Value, copy == Py_None || wants_copy,
          "__array__: got copy=False with another dtype, expected the dtype of the tensor. Use "
          "copy=None.");
    return PyObject_CallMethod(shared.get(), "astype", "O", same ? own.get() : dtype);
  });
}

void warn_read_only(const Tensor& tensor) {
  if (!tensor.has(kReadOnly)) return;
  warn_user(PyExc_UserWarning,
            "The given NumPy array is not writable, so the tensor is read-only: writing to it "
            "raises an error. You may want to copy the array to protect its data or make it "
            "writable before converting it to a tensor.");
}

PyObject* from_numpy(PyObject*, PyObject* array) {
  return guarded([&] {
    check(ErrorKind::Type, is_ndarray(array), "expected np.ndarray (got ", Py_TYPE(array)->tp_name,
          ")");
    Tensor tensor = tensor_from_array(array);
    warn_read_only(tensor);
    mark_new(tensor, false);
    return wrap(std::move(tensor));
  });
}

constexpr const char kAsTensor[] = "as_tensor";

// as_tensor(data, *, dtype=None, device=None)
PyObject* as_tensor(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    static const Parameters<3> names("as_tensor", {"data", "dtype", "device"}, 1, 1);
    const auto given = names(args, n, kwnames);
    PyObject* data = given[0];
    DType dtype = DType::Float32;
    const DType* chosen = names.dtype(1, given[1], dtype) ? &dtype : nullptr;
    check_device("as_tensor", given[2], true);
    if (is_tensor(data)) return wrap(chosen ? cast(unwrap(data), dtype) : unwrap(data));
    Tensor made;
    if (is_ndarray(data)) {
      made = tensor_from_numbers(data, chosen);
      if (chosen && made.dtype() != dtype) {
        made = copied(made, dtype);
      } else {
        warn_read_only(made);
      }
    } else {
      made = tensor_from_data(data, chosen);
    }
    mark_new(made, false);
    return wrap(std::move(made));
  });
}

// Over the memory of any object with the buffer protocol.
PyObject* from_buffer(PyObject*, PyObject* object) {
  return guarded([&] {
    Tensor tensor = tensor_from_array(object);
    mark_new(tensor, false);
    return wrap(std::move(tensor));
  });
}

// The whole memory of a tensor as bytes; for copies, which transforms have no tensor for.
PyObject* memory_of(PyObject*, PyObject* object) {
  return guarded([&] {
    const Tensor& t = unwrap(object);
    refresh_history(t);
    check(ErrorKind::NotImplemented,
          !t.has(kBatched) && !(t.raw_flags() & mode.record & kLevelsGrad) &&
              !has_transform_tangent(t),
          "Cannot access storage of a tensor of a transform under way: its memory is not all of "
          "it. Use tensor.clone() or tensor.detach().");
    const Ref<Storage>& storage = t.body()->storage;
    const auto bytes = static_cast<std::int64_t>(storage->bytes);
    return wrap(Tensor::over(storage, storage->data, {{bytes}}, {{1}}, DType::UInt8));
  });
}

// _over(memory, dtype, offset in bytes, sizes, strides): a tensor over a part of such memory.
PyObject* over_memory(PyObject*, PyObject* args) {
  return guarded([&] {
    PyObject *memory, *dtype_object, *sizes_object, *strides_object;
    long long offset;
    if (!PyArg_ParseTuple(args, "OOLOO:_over", &memory, &dtype_object, &offset, &sizes_object,
                          &strides_object)) {
      throw_python();
    }
    DType dtype;
    Dims sizes, strides;
    const auto read = [](PyObject* tuple, Dims& dims) {
      return PyTuple_Check(tuple) &&
             to_ints(PySequence_Fast_ITEMS(tuple), PyTuple_GET_SIZE(tuple), dims) == Fit::Yes;
    };
    check(ErrorKind::Type,
          is_tensor(memory) && unwrap_dtype(dtype_object, dtype) && read(sizes_object, sizes) &&
              read(strides_object, strides) && sizes.size() == strides.size(),
          "_over: expected (Tensor, dtype, int, sizes, strides).");
    const Tensor& whole = unwrap(memory);
    const auto item = static_cast<std::int64_t>(item_size(dtype));
    if (count_elements(sizes) == 0) offset = 0;  // wherever it is, it reads nothing
    check(offset >= 0 && offset + memory_extent(sizes, strides) * item <= whole.numel(),
          "_over: the part does not lie in the memory.");
    Tensor part =
        Tensor::over(whole.body()->storage, whole.bytes() + offset, sizes, strides, dtype);
    mark_new(part, false);
    return wrap(std::move(part));
  });
}

// Whether something would be lost if NumPy computed with the tensor: a gradient, a tangent, a
// batch.
PyObject* is_followed(PyObject*, PyObject* object) {
  return guarded([&] {
    const Tensor& t = unwrap(object);
    refresh_history(t);
    return PyBool_FromLong((mode.grad && t.requires_grad()) || t.has(kBatched) ||
                           (mode.forward && dual_levels(t) & mode.dual));
  });
}

PyCFunction with_keywords(PyObject* (*f)(PyObject*, PyObject*, PyObject*)) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(f));
}

constexpr int kKeywords = METH_VARARGS | METH_KEYWORDS;

}  // namespace

PyBufferProcs tensor_buffer = {get_tensor_buffer, release_tensor_buffer};

PyMethodDef interop_methods[] = {
    {"numpy", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&hooked_fast<method_numpy>)),
     METH_FASTCALL | METH_KEYWORDS,
     "numpy(*, force=False)\n\nA NumPy array over the same memory; force=True detaches first."},
    {"__array__", with_keywords(hooked_keywords<method_array>), kKeywords,
     "What numpy.asarray calls."},
    {"__dlpack__", with_keywords(hooked_keywords<tensor_to_dlpack>), kKeywords,
     "__dlpack__(*, stream=None, max_version=None, dl_device=None, copy=None)\n\n"
     "A DLPack capsule over the same memory."},
    {"__dlpack_device__", hooked<dlpack_device>, METH_NOARGS,
     "(1, 0): the CPU, in DLPack's numbers."},
    {nullptr, nullptr, 0, nullptr},
};

PyMethodDef interop_functions[] = {
    {"from_numpy", from_numpy, METH_O,
     "from_numpy(ndarray)\n\nA tensor over the memory of a NumPy array."},
    {"as_tensor",
     reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&seen_by_modes<as_tensor, kAsTensor>)),
     METH_FASTCALL | METH_KEYWORDS,
     "as_tensor(data, *, dtype=None, device=None)\n\n"
     "A tensor of the data that shares memory with a tensor or a NumPy array where it can."},
    {"from_dlpack", with_keywords(tensor_from_dlpack), kKeywords,
     "from_dlpack(ext_tensor, *, device=None, copy=None)\n\n"
     "A tensor over the memory of an object with __dlpack__, or of a DLPack capsule."},
    {"_from_buffer", from_buffer, METH_O, "A tensor over the memory of a buffer."},
    {"_memory", memory_of, METH_O, "All of the memory of a tensor as bytes."},
    {"_over", over_memory, METH_VARARGS, "A tensor over a part of such memory."},
    {"_is_sole_user",
     [](PyObject*, PyObject* object) { return PyBool_FromLong(is_sole_user(unwrap(object))); },
     METH_O, "Whether nobody else has the memory of a tensor."},
    {"_is_followed", is_followed, METH_O, "Whether a gradient, tangent or batch depends on it."},
    {"_is_differentiated",
     [](PyObject*, PyObject* object) {
       return guarded([&] { return PyBool_FromLong(pullback::is_followed({&unwrap(object)})); });
     },
     METH_O, "Whether a gradient or a tangent depends on it or on a level below its batches."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace pullback::bind
