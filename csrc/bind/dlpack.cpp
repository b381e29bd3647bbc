// DLPack, both ways, in its first form ("dltensor") and the versioned one ("dltensor_versioned").
//
// The structures below are DLPack's C interface, version 1.  A capsule that is consumed is renamed
// by its consumer, who calls the deleter; one that nobody consumed frees what it holds itself.
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "bind/convert.h"
#include "bind/device.h"
#include "bind/factories.h"
#include "bind/guard.h"
#include "bind/interop.h"
#include "bind/provenance.h"
#include "bind/tensor_type.h"
#include "bind/types.h"
#include "graph/origin.h"
#include "ops/basic.h"
#include "ops/rebase.h"

namespace pullback::bind {
namespace {

struct DLDevice {
  std::int32_t type;
  std::int32_t id;
};
struct DLDataType {
  std::uint8_t code;
  std::uint8_t bits;
  std::uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  std::int32_t ndim;
  DLDataType dtype;
  std::int64_t* shape;
  std::int64_t* strides;
  std::uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor dl_tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor* self);
};
struct DLPackVersion {
  std::uint32_t major;
  std::uint32_t minor;
};
struct DLManagedTensorVersioned {
  DLPackVersion version;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned* self);
  std::uint64_t flags;
  DLTensor dl_tensor;
};

constexpr std::int32_t kCPU = 1;
constexpr std::uint64_t kFlagReadOnly = 1;
constexpr std::uint64_t kFlagCopied = 2;
constexpr DLPackVersion kVersion{1, 0};
enum Code : std::uint8_t { kInt = 0, kUInt = 1, kFloat = 2, kBFloat = 4, kComplex = 5, kBool = 6 };

template <class Managed>
constexpr const char* kName = "dltensor";
template <>
inline constexpr const char* kName<DLManagedTensorVersioned> = "dltensor_versioned";
template <class Managed>
constexpr const char* kUsedName = "used_dltensor";
template <>
inline constexpr const char* kUsedName<DLManagedTensorVersioned> = "used_dltensor_versioned";

[[noreturn]] void buffer_error(const std::string& message) {
  PyErr_SetString(PyExc_BufferError, message.c_str());
  throw_python();
}

DLDataType dl_type(DType dtype) {
  const auto bits = static_cast<std::uint8_t>(8 * item_size(dtype));
  switch (dtype) {
    case DType::Bool:
      return {kBool, bits, 1};
    case DType::UInt8:
      return {kUInt, bits, 1};
    case DType::Int8:
    case DType::Int16:
    case DType::Int32:
    case DType::Int64:
      return {kInt, bits, 1};
    case DType::Float16:
    case DType::Float32:
    case DType::Float64:
      return {kFloat, bits, 1};
    case DType::BFloat16:
      return {kBFloat, bits, 1};
    case DType::Complex64:
    case DType::Complex128:
      return {kComplex, bits, 1};
  }
  __builtin_unreachable();
}

DType dtype_of(const DLDataType& type) {
  for (int i = 0; i < kNumDTypes; ++i) {
    const auto dtype = static_cast<DType>(i);
    const DLDataType ours = dl_type(dtype);
    const bool same = type.lanes == 1 && ours.code == type.code && ours.bits == type.bits;
    if (same) return dtype;
  }
  fail("from_dlpack: got an array of DLPack's type code ", int{type.code}, " with ", int{type.bits},
       " bits, expected one of the dtypes of pullback.");
}

// --- out ---

// The structure of a capsule together with the memory it stands for.
template <class Managed>
struct Exported {
  Managed managed;
  Tensor alias;
};

template <class Managed>
void delete_exported(Managed* managed) {
  delete static_cast<Exported<Managed>*>(managed->manager_ctx);
}

template <class Managed>
void destroy_capsule(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, kName<Managed>)) return;
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, kName<Managed>));
  if (managed->deleter) managed->deleter(managed);
}

template <class Managed>
PyObject* make_capsule(const Tensor& t, [[maybe_unused]] bool copied) {
  auto made = std::make_unique<Exported<Managed>>();
  made->alias = t.detach();
  TensorBody* body = made->alias.body();
  Managed& managed = made->managed;
  managed.dl_tensor = {body->data,    {kCPU, 0},       body->ndim, dl_type(t.dtype()),
                       body->sizes(), body->strides(), 0};
  managed.manager_ctx = made.get();
  managed.deleter = delete_exported<Managed>;
  if constexpr (requires { managed.version; }) {
    managed.version = kVersion;
    managed.flags = (t.has(kReadOnly) ? kFlagReadOnly : 0) | (copied ? kFlagCopied : 0);
  }
  PyObject* capsule = PyCapsule_New(&managed, kName<Managed>, destroy_capsule<Managed>);
  if (!capsule) throw_python();
  made.release();
  return capsule;
}

// True for a version from 1 on.
bool takes_versioned(PyObject* max_version) {
  if (max_version == Py_None) return false;
  const Owned zero(PyLong_FromLong(0)), one(PyLong_FromLong(1));
  const Owned major(PyObject_GetItem(max_version, zero.get()));
  const int older = PyObject_RichCompareBool(major.get(), one.get(), Py_LT);
  if (older < 0) throw_python();
  return !older;
}

void check_dl_device(PyObject* device) {
  if (device == Py_None) return;
  Dims parts;
  check(ErrorKind::Type,
        (PyTuple_Check(device) || PyList_Check(device)) &&
            to_ints(PySequence_Fast_ITEMS(device), PySequence_Fast_GET_SIZE(device), parts) ==
                Fit::Yes,
        "__dlpack__(): argument 'dl_device' must be tuple of ints, not ", type_name(device));
  check(parts.size() == 2, "dl_device must be either None or a tuple of ints: got ", parts.size(),
        " of them, expected a type and a number.");
  if (parts[0] != kCPU) buffer_error("__dlpack__: a tensor is on the CPU, device (1, 0).");
}

void check_stream(PyObject* stream) {
  if (stream == Py_None) return;
  check(ErrorKind::Type, PyLong_CheckExact(stream), "stream must be ``int`` or ``none``, not ",
        type_name(stream));
  if (PyLong_AsLong(stream) == -1) {
    PyErr_Clear();
    return;
  }
  PyErr_SetString(PyExc_AssertionError, "stream should be None on cpu.");
  throw_python();
}

// --- in ---

void release_with_gil(auto* managed) {
  if (!managed->deleter) return;
  const PyGILState_STATE state = PyGILState_Ensure();
  managed->deleter(managed);
  PyGILState_Release(state);
}

template <class Managed>
Tensor consume(PyObject* capsule) {
  auto* managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, kName<Managed>));
  if (!managed) throw_python();
  bool read_only = false;
  if constexpr (requires { managed->version; }) {
    check(managed->version.major == kVersion.major, "from_dlpack: got a capsule of DLPack version ",
          managed->version.major, ".", managed->version.minor, ", expected version 1.");
    read_only = managed->flags & kFlagReadOnly;
  }
  const DLTensor& source = managed->dl_tensor;
  if (source.device.type != kCPU) buffer_error("from_dlpack: the data is not on the CPU.");
  const DType dtype = dtype_of(source.dtype);
  check(source.ndim >= 0 && source.ndim <= kMaxDims, "from_dlpack: got ", source.ndim,
        " dimensions, expected at most ", kMaxDims, ".");
  Dims sizes(source.ndim);
  for (int d = 0; d < source.ndim; ++d) sizes[d] = source.shape[d];
  Dims strides = contiguous_strides(sizes);
  for (int d = 0; d < source.ndim; ++d) {
    if (source.strides) strides[d] = source.strides[d];
    check(ErrorKind::Value, strides[d] >= 0 || sizes[d] < 2,
          "from_dlpack: got a negative stride, which tensors cannot have. Copy the array first.");
  }
  char* data = static_cast<char*>(source.data) + source.byte_offset;
  const auto bytes = static_cast<std::size_t>(memory_extent(sizes, strides)) * item_size(dtype);
  check_status(PyCapsule_SetName(capsule, kUsedName<Managed>));
  Ref<Storage> storage = Storage::foreign(
      data, bytes, managed, [](void* owner) { release_with_gil(static_cast<Managed*>(owner)); });
  storage->read_only = read_only;
  return Tensor::over(std::move(storage), data, sizes, strides, dtype);
}

// The device of an array-like, in DLPack's numbers, must be the CPU.
void check_source(PyObject* object) {
  const Owned place(PyObject_CallMethod(object, "__dlpack_device__", nullptr));
  Dims parts;
  const bool known = PyTuple_Check(place.get()) &&
                     to_ints(PySequence_Fast_ITEMS(place.get()), PyTuple_GET_SIZE(place.get()),
                             parts) == Fit::Yes &&
                     parts.size() == 2;
  check(ErrorKind::Type, known, "from_dlpack: __dlpack_device__ of ", Py_TYPE(object)->tp_name,
        " gave no pair of ints.");
  if (parts[0] == kCPU) return;
  constexpr int kCUDA = 2;
  if (parts[0] != kCUDA) buffer_error("from_dlpack: the data is not on the CPU.");
  PyErr_SetString(PyExc_AssertionError,
                  "Torch not compiled with CUDA enabled. from_dlpack: the data is not on the CPU.");
  throw_python();
}

// The capsule of `object`.  Older producers do not know all the keywords, the latest first; sets
// `copies` to whether this one knows copy=.
Owned call_dlpack(PyObject* object, PyObject* copy, bool to_cpu, bool& copies) {
  const Owned method(PyObject_GetAttrString(object, "__dlpack__"));
  check_source(object);
  const Owned nothing(PyTuple_New(0));
  const Owned keywords(Py_BuildValue("{s:(ii)}", "max_version", 1, 0));
  if (copy != Py_None) check_status(PyDict_SetItemString(keywords.get(), "copy", copy));
  if (to_cpu) {
    const Owned place(dlpack_device(nullptr, nullptr));
    check_status(PyDict_SetItemString(keywords.get(), "dl_device", place.get()));
  }
  for (const char* newest : {"max_version", "copy", "dl_device"}) {
    copies = PyDict_GetItemString(keywords.get(), "copy");
    if (PyObject* capsule = PyObject_Call(method.get(), nothing.get(), keywords.get())) {
      return Owned(capsule);
    }
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw_python();
    PyErr_Clear();
    if (PyDict_GetItemString(keywords.get(), newest)) {
      check_status(PyDict_DelItemString(keywords.get(), newest));
    }
  }
  copies = false;
  return Owned(PyObject_Call(method.get(), nothing.get(), keywords.get()));
}

Tensor consume_any(PyObject* capsule) {
  const char* name = PyCapsule_CheckExact(capsule) ? PyCapsule_GetName(capsule) : nullptr;
  const std::string_view kind = name ? name : "";
  check(kind == "dltensor" || kind == "dltensor_versioned",
        "from_dlpack received an invalid capsule. Note that DLTensor capsules can be consumed only "
        "once, so you might have already constructed a tensor from it once.",
        PyCapsule_CheckExact(capsule) ? "" : " Got " + type_name(capsule) + ".");
  return kind == "dltensor" ? consume<DLManagedTensor>(capsule)
                            : consume<DLManagedTensorVersioned>(capsule);
}

}  // namespace

PyObject* tensor_to_dlpack(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&] {
    static const char* keywords[] = {"stream", "max_version", "dl_device", "copy", nullptr};
    PyObject *stream = Py_None, *max_version = Py_None, *device = Py_None, *copy = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOO:__dlpack__",
                                     const_cast<char**>(keywords), &stream, &max_version, &device,
                                     &copy)) {
      throw_python();
    }
    const Tensor& t = unwrap(self);
    if (t.requires_grad()) {
      buffer_error("Can't export tensors that require gradient, use tensor.detach()." +
                   described(t));
    }
    refuse_export(t);
    check_stream(stream);
    const bool versioned = takes_versioned(max_version);
    check_dl_device(device);
    check(ErrorKind::Type, copy == Py_None || PyBool_Check(copy),
          "__dlpack__(): argument 'copy' must be bool, not ", type_name(copy));
    note_user_reading(t, Origin::Array);
    const bool copies = copy == Py_True;
    const Tensor& source = copies ? copied(t, t.dtype()) : t;
    if (versioned) return make_capsule<DLManagedTensorVersioned>(source, copies);
    if (source.has(kReadOnly)) {
      buffer_error(
          "__dlpack__: the tensor is read-only, which a capsule without version cannot say.");
    }
    return make_capsule<DLManagedTensor>(source, copies);
  });
}

Tensor tensor_over_dlpack(PyObject* object) {
  bool copies;
  return consume_any(call_dlpack(object, Py_None, false, copies).get());
}

PyObject* dlpack_device(PyObject*, PyObject*) { return Py_BuildValue("(ii)", int{kCPU}, 0); }

PyObject* tensor_from_dlpack(PyObject*, PyObject* args, PyObject* kwargs) {
  return guarded([&] {
    static const char* keywords[] = {"ext_tensor", "device", "copy", nullptr};
    PyObject *object, *device = Py_None, *copy = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$OO:from_dlpack",
                                     const_cast<char**>(keywords), &object, &device, &copy)) {
      throw_python();
    }
    if (!PyObject_HasAttrString(object, "__dlpack__")) {
      if (device != Py_None || copy != Py_None) {
        PyErr_SetString(PyExc_AssertionError,
                        "device and copy kwargs not supported when ext_tensor is already a DLPack "
                        "capsule.");
        throw_python();
      }
      Tensor tensor = consume_any(object);
      mark_new(tensor, false);
      return wrap(std::move(tensor));
    }
    check_device("from_dlpack", device, true);
    bool copies;
    const Owned capsule = call_dlpack(object, copy, device != Py_None, copies);
    Tensor tensor = consume_any(capsule.get());
    if (copy == Py_True && !copies) tensor = copied(tensor, tensor.dtype());
    mark_new(tensor, false);
    return wrap(std::move(tensor));
  });
}

}  // namespace pullback::bind
