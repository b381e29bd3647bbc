// The methods of a tensor that change dtype or layout, and those that write into all of it:
// to, float, ..., type, contiguity, copy_, zero_.
//
// `to` and its relatives return the tensor itself when nothing changes, as in torch.
#include <array>
#include <cstring>
#include <optional>

#include "bind/convert.h"
#include "bind/factories.h"
#include "bind/guard.h"
#include "bind/tensor_type.h"
#include "bind/types.h"
#include "ops/assign.h"
#include "ops/basic.h"

namespace pullback::bind {
namespace {

constexpr const char* kOthers = "the dtypes are float32, float64, int32, int64, uint8 and bool.";

bool is_device(PyObject* object) {
  return PyUnicode_Check(object) || std::strcmp(Py_TYPE(object)->tp_name, "device") == 0;
}

bool to_flag(const char* name, PyObject* object) {
  check(ErrorKind::Type, PyBool_Check(object), "to(): argument '", name, "' must be bool, not ",
        Py_TYPE(object)->tp_name);
  return object == Py_True;
}

// What the arguments of `to` ask for.
struct Target {
  std::optional<DType> dtype;
  bool copy = false;
  MemoryFormat format = MemoryFormat::Preserve;

  void take_dtype(PyObject* object) {
    if (object == Py_None) return;
    DType wanted;
    check(ErrorKind::Type, unwrap_dtype(object, wanted),
          "to(): argument 'dtype' must be torch.dtype, "
          "not ",
          Py_TYPE(object)->tp_name);
    dtype = wanted;
  }
  void take_device(PyObject* object) {
    check(ErrorKind::Type, object == Py_None || is_device(object),
          "to(): argument 'device' must be torch.device, not ", Py_TYPE(object)->tp_name);
    check_device(object);
  }
  void take_other(PyObject* object) {
    check(ErrorKind::Type, is_tensor(object), "to(): argument 'other' must be Tensor, not ",
          Py_TYPE(object)->tp_name);
    dtype = unwrap(object).dtype();
  }
  // dtype | device, dtype | other; then non_blocking, copy.
  void take_positional(PyObject* const* args, Py_ssize_t n) {
    if (n == 0) return;
    Py_ssize_t used = 1;
    DType wanted;
    if (is_tensor(args[0])) {
      take_other(args[0]);
    } else if (unwrap_dtype(args[0], wanted)) {
      dtype = wanted;
    } else {
      check(ErrorKind::Type, args[0] == Py_None || is_device(args[0]), "to(): got ",
            Py_TYPE(args[0])->tp_name, ", expected a dtype, a device or a Tensor.");
      take_device(args[0]);
      if (n > 1 && !PyBool_Check(args[1])) take_dtype(args[used++]);
    }
    if (used < n) to_flag("non_blocking", args[used++]);
    if (used < n) copy = to_flag("copy", args[used++]);
    check(ErrorKind::Type, used == n, "to() got too many positional arguments: ", n);
  }
  void take_keyword(PyObject* keyword, PyObject* object) {
    const std::string_view name = PyUnicode_AsUTF8(keyword);
    if (name == "dtype") {
      take_dtype(object);
    } else if (name == "device") {
      take_device(object);
    } else if (name == "other" || name == "tensor") {
      take_other(object);
    } else if (name == "copy") {
      copy = to_flag("copy", object);
    } else if (name == "non_blocking") {
      to_flag("non_blocking", object);
    } else if (name == "memory_format") {
      check(ErrorKind::Type, object == Py_None || unwrap_format(object, format),
            "to(): argument 'memory_format' must be torch.memory_format, not ",
            Py_TYPE(object)->tp_name);
    } else {
      fail(ErrorKind::Type, "to() got an unexpected keyword argument '", name, "'");
    }
  }
  Tensor apply(const Tensor& t) const {
    const DType wanted = dtype.value_or(t.dtype());
    const bool row_major = format == MemoryFormat::Contiguous && !t.is_contiguous();
    if (!copy && !row_major) return cast(t, wanted);
    return to_copy(t, wanted, format);
  }
};

PyObject* method_to(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    Target target;
    target.take_positional(args, n);
    const Py_ssize_t num_keywords = kwnames ? PyTuple_GET_SIZE(kwnames) : 0;
    check(ErrorKind::Type, n + num_keywords > 0,
          "to() received an invalid combination of arguments "
          "- got (), expected a dtype, a device or a Tensor.");
    for (Py_ssize_t k = 0; k < num_keywords; ++k) {
      target.take_keyword(PyTuple_GET_ITEM(kwnames, k), args[n + k]);
    }
    return wrap(target.apply(unwrap(self)));
  });
}

template <DType dtype>
PyObject* cast_method(PyObject* self, PyObject*) {
  return guarded([&] { return wrap(cast(unwrap(self), dtype)); });
}

constexpr const char kHalf[] = "half";
constexpr const char kBFloat16[] = "bfloat16";
constexpr const char kShort[] = "short";
constexpr const char kChar[] = "char";
constexpr const char kCFloat[] = "cfloat";
constexpr const char kCDouble[] = "cdouble";
template <const char* name>
PyObject* no_cast(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    fail(ErrorKind::NotImplemented, name, "(): this dtype is not supported; ", kOthers);
  });
}

struct LegacyType {
  const char* name;
  DType dtype;
};
constexpr LegacyType kLegacyTypes[] = {
    {"torch.FloatTensor", DType::Float32}, {"torch.DoubleTensor", DType::Float64},
    {"torch.IntTensor", DType::Int32},     {"torch.LongTensor", DType::Int64},
    {"torch.ByteTensor", DType::UInt8},    {"torch.BoolTensor", DType::Bool},
};

PyObject* method_type(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* keywords[] = {"dtype", "non_blocking", nullptr};
    PyObject* wanted = Py_None;
    int non_blocking = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|Op:type", const_cast<char**>(keywords),
                                     &wanted, &non_blocking)) {
      throw_python();
    }
    const Tensor& t = unwrap(self);
    DType dtype;
    if (wanted == Py_None) {
      for (const LegacyType& each : kLegacyTypes) {
        if (each.dtype == t.dtype()) return PyUnicode_FromString(each.name);
      }
    }
    if (unwrap_dtype(wanted, dtype)) return wrap(cast(t, dtype));
    check(ErrorKind::Type, PyUnicode_Check(wanted), "dtype must be a type, str, or dtype object");
    for (const LegacyType& each : kLegacyTypes) {
      if (PyUnicode_CompareWithASCIIString(wanted, each.name) == 0)
        return wrap(cast(t, each.dtype));
    }
    fail(ErrorKind::Value, "invalid type: '", PyUnicode_AsUTF8(wanted), "'");
  });
}

PyObject* method_type_as(PyObject* self, PyObject* other) {
  return guarded([&] {
    check(ErrorKind::Type, is_tensor(other),
          "type_as(): argument 'other' (position 1) must be "
          "Tensor, not ",
          Py_TYPE(other)->tp_name);
    return wrap(cast(unwrap(self), unwrap(other).dtype()));
  });
}

PyObject* method_is_contiguous(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&] {
    static const char* keywords[] = {"memory_format", nullptr};
    PyObject* wanted = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$O:is_contiguous",
                                     const_cast<char**>(keywords), &wanted)) {
      throw_python();
    }
    MemoryFormat format = MemoryFormat::Contiguous;
    check(ErrorKind::Type, wanted == Py_None || unwrap_format(wanted, format),
          "is_contiguous(): argument 'memory_format' must be torch.memory_format, not ",
          Py_TYPE(wanted)->tp_name);
    check(format == MemoryFormat::Contiguous,
          "preserve memory format is unsupported by the "
          "contiguous operator");
    return PyBool_FromLong(unwrap(self).is_contiguous());
  });
}

PyObject* method_copy(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&] {
    static const char* keywords[] = {"src", "non_blocking", nullptr};
    PyObject* source = nullptr;
    int non_blocking = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|p:copy_", const_cast<char**>(keywords),
                                     &source, &non_blocking)) {
      throw_python();
    }
    Operand operand;
    check(ErrorKind::Type, to_operand(source, operand),
          "copy_(): argument 'other' (position 1) must be Tensor, not ", Py_TYPE(source)->tp_name);
    const Tensor& t = unwrap(self);
    copy_into(t,
              operand.is_tensor() ? operand.tensor() : Tensor::scalar(operand.number(), t.dtype()));
    return Py_NewRef(self);
  });
}

PyObject* method_zero(PyObject* self, PyObject*) {
  return guarded([&] {
    zero_into(unwrap(self));
    return Py_NewRef(self);
  });
}

// new_tensor(data, *, dtype=None, device=None, requires_grad=False)
PyObject* method_new_tensor(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&] {
    static const char* keywords[] = {"data", "dtype", "device", "requires_grad", nullptr};
    PyObject *data, *wanted = Py_None, *device = Py_None;
    int requires_grad = 0;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|$OOp:new_tensor",
                                     const_cast<char**>(keywords), &data, &wanted, &device,
                                     &requires_grad)) {
      throw_python();
    }
    DType dtype = unwrap(self).dtype();
    check(ErrorKind::Type, wanted == Py_None || unwrap_dtype(wanted, dtype),
          "new_tensor(): argument 'dtype' must be torch.dtype, not ", Py_TYPE(wanted)->tp_name);
    check_device(device);
    Tensor made = tensor_from_data(data, &dtype);
    mark_new(made, requires_grad != 0);
    return wrap(std::move(made));
  });
}

PyObject* self_method(PyObject* self, PyObject*) { return Py_NewRef(self); }

PyCFunction keywords_function(PyObject* (*f)(PyObject*, PyObject*, PyObject*)) {
  return reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(f));
}

constexpr int kKeywords = METH_VARARGS | METH_KEYWORDS;

}  // namespace

PyMethodDef conversion_methods[] = {
    {"to", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&method_to)),
     METH_FASTCALL | METH_KEYWORDS,
     "to(dtype | device | other, non_blocking=False, copy=False, *, memory_format=None)\n\n"
     "The tensor in another dtype; the tensor itself when it has it already."},
    {"float", cast_method<DType::Float32>, METH_NOARGS, "The same as to(float32)."},
    {"double", cast_method<DType::Float64>, METH_NOARGS, "The same as to(float64)."},
    {"int", cast_method<DType::Int32>, METH_NOARGS, "The same as to(int32)."},
    {"long", cast_method<DType::Int64>, METH_NOARGS, "The same as to(int64)."},
    {"byte", cast_method<DType::UInt8>, METH_NOARGS, "The same as to(uint8)."},
    {"bool", cast_method<DType::Bool>, METH_NOARGS, "The same as to(bool)."},
    {"half", no_cast<kHalf>, METH_NOARGS, "Not supported: there is no float16."},
    {"bfloat16", no_cast<kBFloat16>, METH_NOARGS, "Not supported: there is no bfloat16."},
    {"short", no_cast<kShort>, METH_NOARGS, "Not supported: there is no int16."},
    {"char", no_cast<kChar>, METH_NOARGS, "Not supported: there is no int8."},
    {"cfloat", no_cast<kCFloat>, METH_NOARGS, "Not supported: there is no complex64."},
    {"cdouble", no_cast<kCDouble>, METH_NOARGS, "Not supported: there is no complex128."},
    {"type", keywords_function(method_type), kKeywords,
     "type(dtype=None, non_blocking=False)\n\nThe name of the type, or the tensor cast to one."},
    {"type_as", method_type_as, METH_O, "The tensor in the dtype of another one."},
    {"is_contiguous", keywords_function(method_is_contiguous), kKeywords,
     "is_contiguous(*, memory_format=contiguous_format)\n\nRow-major without gaps."},
    {"copy_", keywords_function(method_copy), kKeywords,
     "copy_(src, non_blocking=False)\n\nWrites the values of src, cast and broadcast, into self."},
    {"zero_", method_zero, METH_NOARGS, "Writes zeros into self."},
    {"new_tensor", keywords_function(method_new_tensor), kKeywords,
     "new_tensor(data, *, dtype=None, device=None, requires_grad=False)\n\n"
     "A tensor with a copy of data, in the dtype of self unless another one is given."},
    {"share_memory_", self_method, METH_NOARGS, "The tensor itself: memory is not moved."},
    {"pin_memory", self_method, METH_NOARGS,
     "The tensor itself: there is no device to pin it for."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace pullback::bind
