// The methods of a tensor that change dtype or layout, and those that write into all of it:
// to, float, ..., type, contiguity, copy_, zero_.
//
// `to` and its relatives return the tensor itself when nothing changes, as in torch.
#include "bind/convert.h"
#include "bind/device.h"
#include "bind/factories.h"
#include "bind/guard.h"
#include "bind/overrides.h"
#include "bind/parameters.h"
#include "bind/provenance.h"
#include "bind/tensor_type.h"
#include "bind/types.h"
#include "ops/assign.h"
#include "ops/basic.h"
#include "ops/format.h"

namespace pullback::bind {
namespace {

bool has_keyword(PyObject* kwnames, const char* name) {
  for (Py_ssize_t k = 0; k < PyTuple_GET_SIZE(kwnames); ++k) {
    if (PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(kwnames, k), name) == 0) return true;
  }
  return false;
}

Tensor converted(const Tensor& t, DType dtype, bool copy, MemoryFormat format) {
  const bool stays = format == MemoryFormat::Preserve ||
                     (dtype == t.dtype() && format_of(t) == format);  // as torch compares
  return copy || !stays ? to_copy(t, dtype, format) : cast(t, dtype);
}

// to(device=None, dtype=None, ...), to(dtype, ...) or to(tensor, ...): the first argument decides.
template <bool asks>
PyObject* method_to(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static const Parameters<5> by_device(
        "to", {"device", "dtype", "non_blocking", "copy", "memory_format"}, 4);
    static const Parameters<4> by_dtype("to", {"dtype", "non_blocking", "copy", "memory_format"}, 3,
                                        1);
    static const Parameters<4> by_tensor("to", {"tensor", "non_blocking", "copy", "memory_format"},
                                         3, 1);
    const Tensor& t = unwrap(self);
    DType dtype = t.dtype();
    const auto finish = [&](const ParameterNames& names, std::size_t at, PyObject* const* rest) {
      names.flag(at, rest[0]);
      const bool copy = names.flag(at + 1, rest[1]);
      const MemoryFormat format = names.format(at + 2, rest[2], MemoryFormat::Preserve);
      return wrap(converted(t, dtype, copy, format));
    };
    const bool with_tensor = n > 0 ? is_tensor(args[0]) : kwnames && has_keyword(kwnames, "tensor");
    if (with_tensor) {
      const auto given = by_tensor(args, n, kwnames);
      if (asks && !is_plain(given[0])) {
        constexpr FastFunction hook = hooked_fast<method_to<true>>;
        return ask_fast(reinterpret_cast<const void*>(hook), method_to<false>, self, args, n,
                        kwnames);
      }
      if (!is_tensor(given[0])) by_tensor.refuse(0, "Tensor", given[0]);
      dtype = unwrap(given[0]).dtype();
      return finish(by_tensor, 1, &given[1]);
    }
    if (n > 0 && unwrap_dtype(args[0], dtype)) {
      return finish(by_dtype, 1, &by_dtype(args, n, kwnames)[1]);
    }
    const auto given = by_device(args, n, kwnames);
    if (given[0] && given[0] != Py_None && n > 0 && !is_device_like(given[0])) {
      by_device.refuse(0, "torch.device, torch.dtype or Tensor", given[0]);
    }
    by_device.dtype(1, given[1], dtype);
    check_device("to", given[0], true);
    return finish(by_device, 2, &given[2]);
  });
}

// The names of methods as template arguments.
constexpr const char kFloat[] = "float";
constexpr const char kDouble[] = "double";
constexpr const char kInt[] = "int";
constexpr const char kLong[] = "long";
constexpr const char kByte[] = "byte";
constexpr const char kBool[] = "bool";
constexpr const char kHalf[] = "half";
constexpr const char kBFloat16[] = "bfloat16";
constexpr const char kShort[] = "short";
constexpr const char kChar[] = "char";
constexpr const char kCFloat[] = "cfloat";
constexpr const char kCDouble[] = "cdouble";

// float(*, memory_format=None) and its kind.
template <const char* name, DType dtype>
PyObject* cast_method(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    static const Parameters<1> names(name, {"memory_format"}, 0);
    const MemoryFormat format = names.format(0, names(args, n, kwnames)[0], MemoryFormat::Preserve);
    const Tensor& t = unwrap(self);
    return wrap(converted(t, dtype, false, format));
  });
}

// cpu(*, memory_format=None)
PyObject* method_cpu(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    static const Parameters<1> names("cpu", {"memory_format"}, 0);
    const MemoryFormat format = names.format(0, names(args, n, kwnames)[0], MemoryFormat::Preserve);
    const Tensor& t = unwrap(self);
    if (format == MemoryFormat::Preserve || format_of(t) == format) return Py_NewRef(self);
    return wrap(to_copy(t, t.dtype(), format));
  });
}

// "torch.FloatTensor"
std::string legacy_name(DType dtype) {
  return std::string("torch.") + info(dtype).scalar_name + "Tensor";
}

PyObject* method_type(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static const Parameters<3> names("type", {"dtype", "non_blocking", "memory_format"}, 2);
    const auto given = names(args, n, kwnames);
    names.flag(1, given[1]);
    const MemoryFormat format = names.format(2, given[2], MemoryFormat::Preserve);
    const Tensor& t = unwrap(self);
    PyObject* wanted = given[0];
    if (!wanted || wanted == Py_None) {
      return PyUnicode_FromString(legacy_name(t.dtype()).c_str());
    }
    DType dtype;
    if (!PyType_Check(wanted) && unwrap_dtype(wanted, dtype)) {
      return wrap(converted(t, dtype, false, format));
    }
    std::string_view text;
    if (wanted == reinterpret_cast<PyObject*>(tensor_type)) {
      return wrap(converted(t, default_dtype(), false, format));
    }
    // torch.FloatTensor and its kin, and those of other devices, have their dtype.
    if (PyType_Check(wanted) && PyObject_HasAttrString(wanted, "dtype")) {
      const Owned named(PyObject_GetAttrString(wanted, "dtype"));
      if (unwrap_dtype(named.get(), dtype)) return wrap(converted(t, dtype, false, format));
    }
    if (PyType_Check(wanted)) text = reinterpret_cast<PyTypeObject*>(wanted)->tp_name;
    if (!PyType_Check(wanted) && !to_text(wanted, text)) {
      fail(ErrorKind::Type, "dtype must be a type, str, or dtype object: type(): argument 'dtype' ",
           "(position 1) must be torch.dtype, not ", type_name(wanted));
    }
    for (int i = 0; i < kNumDTypes; ++i) {
      const auto each = static_cast<DType>(i);
      if (text == legacy_name(each)) return wrap(converted(t, each, false, format));
    }
    fail(ErrorKind::Value, "invalid type: '", text, "'");
  });
}

PyObject* method_type_as(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    static const Parameters<1> names("type_as", {"other"}, 1, 1);
    PyObject* other = names(args, n, kwnames)[0];
    if (!is_tensor(other)) names.refuse(0, "Tensor", other);
    return wrap(cast(unwrap(self), unwrap(other).dtype()));
  });
}

PyObject* method_is_same_size(PyObject* self, PyObject* const* args, Py_ssize_t n,
                              PyObject* kwnames) {
  return guarded([&] {
    static const Parameters<1> names("is_same_size", {"other"}, 1, 1);
    PyObject* other = names(args, n, kwnames)[0];
    if (!is_tensor(other)) names.refuse(0, "Tensor", other);
    return PyBool_FromLong(same(unwrap(self).sizes(), unwrap(other).sizes()));
  });
}

PyObject* method_is_contiguous(PyObject* self, PyObject* const* args, Py_ssize_t n,
                               PyObject* kwnames) {
  return guarded([&] {
    static const Parameters<1> names("is_contiguous", {"memory_format"}, 0);
    const MemoryFormat format =
        names.format(0, names(args, n, kwnames)[0], MemoryFormat::Contiguous, false);
    return PyBool_FromLong(is_in(format, unwrap(self)));
  });
}

PyObject* method_copy(PyObject* self, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&] {
    static const Parameters<2> names("copy_", {"other", "non_blocking"}, 2, 1);
    const auto given = names(args, n, kwnames);
    names.flag(1, given[1]);
    const Tensor& t = unwrap(self);
    Scalar number;
    if (is_tensor(given[0])) {
      copy_into(t, unwrap(given[0]));
    } else if (to_number(given[0], number)) {
      copy_into(t, Tensor::scalar(number, t.dtype()));
    } else {
      names.refuse(0, "Tensor", given[0]);
    }
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
PyObject* method_new_tensor(PyObject* self, PyObject* const* args, Py_ssize_t n,
                            PyObject* kwnames) {
  return guarded([&] {
    static const Parameters<4> names("new_tensor", {"data", "dtype", "device", "requires_grad"}, 1,
                                     1);
    const auto given = names(args, n, kwnames);
    DType dtype = unwrap(self).dtype();
    names.dtype(1, given[1], dtype);
    check_device("new_tensor", given[2], true);
    const bool requires_grad = names.flag(3, given[3]);
    if (is_tensor(given[0])) {
      warn_user(PyExc_UserWarning,
                "To copy construct from a tensor, it is recommended to use "
                "sourceTensor.detach().clone() or "
                "sourceTensor.detach().clone().requires_grad_(True), rather than "
                "tensor.new_tensor(sourceTensor).");
    }
    Tensor made = tensor_from_data(given[0], &dtype);
    mark_new(made, requires_grad);
    return wrap(std::move(made));
  });
}

PyObject* no_pinning(PyObject*, PyObject*) {
  return guarded(
      []() -> PyObject* { fail("Cannot access accelerator device when none is available."); });
}

template <FastFunction function>
PyMethodDef entry(const char* name, const char* doc) {
  constexpr FastFunction own = hooked_fast<function>;
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(own)),
          METH_FASTCALL | METH_KEYWORDS, doc};
}

template <FastFunction function>
PyMethodDef pair_entry(const char* name, const char* doc) {
  constexpr FastFunction own = hooked_pair<function>;
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(own)),
          METH_FASTCALL | METH_KEYWORDS, doc};
}

}  // namespace

PyMethodDef conversion_methods[] = {
    entry<method_to<true>>(
        "to",
        "to(dtype | device | other, non_blocking=False, copy=False, *, memory_format=None)\n\n"
        "The tensor in another dtype; the tensor itself when it has it already."),
    entry<cast_method<kFloat, DType::Float32>>("float", "The same as to(float32)."),
    entry<cast_method<kDouble, DType::Float64>>("double", "The same as to(float64)."),
    entry<cast_method<kInt, DType::Int32>>("int", "The same as to(int32)."),
    entry<cast_method<kLong, DType::Int64>>("long", "The same as to(int64)."),
    entry<cast_method<kByte, DType::UInt8>>("byte", "The same as to(uint8)."),
    entry<cast_method<kBool, DType::Bool>>("bool", "The same as to(bool)."),
    entry<cast_method<kHalf, DType::Float16>>("half", "The same as to(float16)."),
    entry<cast_method<kBFloat16, DType::BFloat16>>("bfloat16", "The same as to(bfloat16)."),
    entry<cast_method<kShort, DType::Int16>>("short", "The same as to(int16)."),
    entry<cast_method<kChar, DType::Int8>>("char", "The same as to(int8)."),
    entry<cast_method<kCFloat, DType::Complex64>>("cfloat", "The same as to(complex64)."),
    entry<cast_method<kCDouble, DType::Complex128>>("cdouble", "The same as to(complex128)."),
    entry<method_cpu>("cpu", "cpu(*, memory_format=None)\n\nThe tensor itself."),
    entry<method_type>("type",
                       "type(dtype=None, non_blocking=False)\n\n"
                       "The name of the type, or the tensor cast to one."),
    pair_entry<method_type_as>("type_as",
                               "type_as(other)\n\nThe tensor in the dtype of another one."),
    pair_entry<method_is_same_size>(
        "is_same_size", "is_same_size(other)\n\nWhether the other tensor has the same shape."),
    entry<method_is_contiguous>("is_contiguous",
                                "is_contiguous(*, memory_format=contiguous_format)\n\n"
                                "Row-major, or in another format, without gaps."),
    pair_entry<method_copy>("copy_",
                            "copy_(other, non_blocking=False)\n\n"
                            "Writes the values of other, cast and broadcast, into self."),
    {"zero_", hooked<method_zero>, METH_NOARGS, "Writes zeros into self."},
    entry<method_new_tensor>(
        "new_tensor",
        "new_tensor(data, *, dtype=None, device=None, requires_grad=False)\n\n"
        "A tensor with a copy of data, in the dtype of self unless another one is given."),
    {"pin_memory", hooked<no_pinning>, METH_NOARGS, "Refuses: there is no device to pin it for."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace pullback::bind
