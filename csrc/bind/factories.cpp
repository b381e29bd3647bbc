// tensor(data): from numbers, nested sequences, arrays and tensors.
//
// The dtype of plain Python data is bool, int64, the default dtype or the complex one of that, by
// the widest number in it.
// Start reading at make_tensor.
#include "bind/factories.h"

#include <algorithm>
#include <ostream>
#include <string_view>

#include "bind/convert.h"
#include "bind/device.h"
#include "bind/graph_objects.h"
#include "bind/guard.h"
#include "bind/interop.h"
#include "bind/overrides.h"
#include "bind/parameters.h"
#include "bind/provenance.h"
#include "bind/tensor_type.h"
#include "bind/types.h"
#include "graph/mode.h"
#include "graph/origin.h"
#include "ops/basic.h"
#include "ops/levels.h"
#include "ops/make/factory.h"

namespace pullback::bind {
namespace {

bool is_list(PyObject* object) { return PyList_Check(object) || PyTuple_Check(object); }

// What has a length and positions; a tensor inside of data stands for its number.
bool is_sequence(PyObject* object) {
  return is_list(object) || (PySequence_Check(object) && !is_tensor(object));
}

bool is_numpy_bool(PyObject* object) {
  return std::string_view(Py_TYPE(object)->tp_name).starts_with("numpy.bool");
}

// The usual row of numbers; reading it runs no user code.
bool is_row_of_floats(PyObject* object) {
  if (!PyList_CheckExact(object)) return false;
  const Py_ssize_t n = PyList_GET_SIZE(object);
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (!PyFloat_CheckExact(PyList_GET_ITEM(object, i))) return false;
  }
  return n > 0;
}

bool is_text(PyObject* object) { return PyUnicode_Check(object) || PyBytes_Check(object); }

// The dtype of a NumPy array or number.
DType dtype_of_numpy(PyObject* object) {
  const Owned dtype(PyObject_GetAttrString(object, "dtype"));
  const Owned kind(PyObject_GetAttrString(dtype.get(), "kind"));
  const Owned size(PyObject_GetAttrString(dtype.get(), "itemsize"));
  const std::string_view letter = PyUnicode_AsUTF8(kind.get());
  const long bytes = PyLong_AsLong(size.get());
  if (letter == "b") return DType::Bool;
  if (letter == "u" && bytes == 1) return DType::UInt8;
  if (letter == "i" && bytes == 1) return DType::Int8;
  if (letter == "i" && bytes == 2) return DType::Int16;
  if (letter == "i" && bytes == 4) return DType::Int32;
  if (letter == "i" && bytes == 8) return DType::Int64;
  if (letter == "f" && bytes == 2) return DType::Float16;
  if (is_numpy_bfloat16(dtype.get())) return DType::BFloat16;
  if (letter == "f" && bytes == 4) return DType::Float32;
  if (letter == "f" && bytes == 8) return DType::Float64;
  if (letter == "c" && bytes == 8) return DType::Complex64;
  if (letter == "c" && bytes == 16) return DType::Complex128;
  refuse_numpy_type(object);
}

// The depth of user code's recursion, which Python limits.
struct Recursion {
  Recursion() {
    if (Py_EnterRecursiveCall(" in tensor()")) throw_python();
  }
  ~Recursion() { Py_LeaveRecursiveCall(); }
  Recursion(const Recursion&) = delete;
  Recursion& operator=(const Recursion&) = delete;
};

// " (element [0][2] of the data)", nothing for the data itself; becomes text in an error only.
struct Place {
  const Dims& path;
  friend std::ostream& operator<<(std::ostream& out, const Place& place) {
    if (place.path.empty()) return out;
    out << " (element ";
    for (const std::int64_t i : place.path) out << '[' << i << ']';
    return out << " of the data)";
  }
};

constexpr const char kData[] =
    ": argument 'data' must be a number, a sequence of numbers, an array or a Tensor";

// Nested sequences in torch's three steps: the shape by the first element of every level, the dtype
// by all elements, then the values.  User code runs in between, so nothing is borrowed.
class Nested {
 public:
  Nested(PyObject* data, const DType* dtype) : data_(data) {
    find_shape();
    dtype_ = dtype ? *dtype : infer(data);
  }

  Tensor made() {
    Tensor out = Tensor::empty(shape_, dtype_);
    char* at = out.bytes();
    path_.resize(0);
    if (out.numel() > 0) store(data_, at);
    return out;
  }

 private:
  void find_shape() {
    Owned at = Owned::share(data_);
    while (is_sequence(at.get())) {
      const Py_ssize_t n = PySequence_Size(at.get());
      if (n < 0) throw_python();
      check(ErrorKind::Value, shape_.size() < kMaxDims, "too many dimensions '",
            Py_TYPE(at.get())->tp_name, "'");
      shape_.push_back(n);
      if (n == 0) return;
      PyObject* first = PySequence_GetItem(at.get(), 0);
      if (!first) {
        PyErr_Clear();
        fail(ErrorKind::Value, "could not determine the shape of object type '",
             Py_TYPE(at.get())->tp_name, "'");
      }
      at = Owned(first);
    }
  }

  Place place() const { return {path_}; }

  static Owned item_at(PyObject* sequence, Py_ssize_t i) {
    if (PyList_CheckExact(sequence) && i < PyList_GET_SIZE(sequence)) {
      return Owned::share(PyList_GET_ITEM(sequence, i));
    }
    return Owned(PySequence_GetItem(sequence, i));
  }

  // Calls `visit` with each element and keeps the path to it.
  template <typename Visit>
  void each(PyObject* sequence, Py_ssize_t n, Visit visit) {
    path_.push_back(0);
    for (Py_ssize_t i = 0; i < n; ++i) {
      path_[path_.size() - 1] = i;
      const Owned item = item_at(sequence, i);
      visit(item.get());
    }
    path_.resize(path_.size() - 1);
  }

  DType infer(PyObject* item) {
    if (PyFloat_CheckExact(item)) return default_dtype();
    if (PyLong_CheckExact(item)) return DType::Int64;
    if (PyBool_Check(item)) return DType::Bool;
    if (is_row_of_floats(item)) return default_dtype();
    if (is_list(item)) return infer_of_elements(item);
    if (is_tensor(item)) return unwrap(item).dtype();
    if (is_ndarray(item) || is_numpy_number(item)) return dtype_of_numpy(item);
    if (PyFloat_Check(item)) return default_dtype();
    if (PyLong_Check(item)) return DType::Int64;
    if (PyComplex_Check(item)) return complex_of(default_dtype());
    check(ErrorKind::Type, !is_text(item), "new(): invalid data type '", Py_TYPE(item)->tp_name,
          "'", place(), ": expected numbers.");
    if (!is_sequence(item)) {
      fail("Could not infer dtype of ", Py_TYPE(item)->tp_name, place(), kData);
    }
    return infer_of_elements(item);
  }

  DType infer_of_elements(PyObject* item) {
    const Py_ssize_t n = PySequence_Size(item);
    if (n < 0) throw_python();
    if (n == 0) return default_dtype();
    const Recursion deeper;
    DType dtype{};
    bool any = false;
    each(item, n, [&](PyObject* element) {
      check(ErrorKind::Type, element != item, "new(): self-referential lists are incompatible");
      const DType own = infer(element);
      dtype = any && own != dtype ? promote_types(dtype, own) : own;
      any = true;
    });
    return dtype;
  }

  void store(PyObject* item, char*& at) {
    const int dim = path_.size();
    if (dim == shape_.size()) {
      store_number(item, at);
      at += item_size(dtype_);
      return;
    }
    if (!is_list(item) && store_row(item, at)) return;
    if (!is_sequence(item)) {
      fail(ErrorKind::Type, "not a sequence: got ", type_name(item), place(),
           ", expected a sequence of length ", shape_[dim], ".");
    }
    const Owned items(PySequence_Fast(item, "not a sequence"));
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(items.get());
    check(ErrorKind::Value, n == shape_[dim], "expected sequence of length ", shape_[dim],
          " at dim ", dim, " (got ", n, ")", place());
    if (dim + 1 == shape_.size() && is_floating(dtype_) && is_row_of_floats(items.get())) {
      for (Py_ssize_t i = 0; i < n; ++i, at += item_size(dtype_)) {
        Scalar(PyFloat_AS_DOUBLE(PyList_GET_ITEM(items.get(), i))).store(dtype_, at);
      }
      return;
    }
    each(items.get(), n, [&](PyObject* element) { store(element, at); });
  }

  // A tensor or an array that fills the rest of the shape is copied as a whole.
  bool store_row(PyObject* item, char*& at) {
    Tensor row;
    if (is_tensor(item)) {
      row = unwrap(item);
      refuse_item(row);
      note_user_reading(row, Origin::Number);
      warn_of_reading(row);
    } else if (is_ndarray(item)) {
      const Owned dense(PyObject_CallMethod(item, "copy", nullptr));
      row = tensor_from_numbers(dense.get(), &dtype_);
    } else {
      return false;
    }
    const auto rest = static_cast<Sizes>(shape_).subspan(static_cast<std::size_t>(path_.size()));
    check(ErrorKind::Value, same(row.sizes(), rest), "expected ", Dims(rest),
          " as the shape of element", place(), ", got ", row.shape());
    const Tensor values = copy_to_dtype(row, dtype_);
    const std::size_t bytes = static_cast<std::size_t>(values.numel()) * item_size(dtype_);
    std::copy_n(values.bytes(), bytes, at);
    at += bytes;
    return true;
  }

  void store_number(PyObject* item, char* at) {
    if (is_complex(dtype_)) {
      Scalar(to_complex(item)).store(dtype_, at);
    } else if (is_floating(dtype_)) {
      Scalar(to_double(item)).store(dtype_, at);
    } else if (PyFloat_Check(item)) {
      store_whole(Scalar(PyFloat_AS_DOUBLE(item)), at);
    } else if (dtype_ == DType::Bool && (PyComplex_Check(item) || is_numpy_bool(item))) {
      Scalar(PyObject_IsTrue(item) == 1).store(dtype_, at);
    } else if (is_tensor(item)) {
      store_whole(number_of(item), at);
    } else {
      store_long(item, at);
    }
  }

  void store_whole(const Scalar& number, char* at) {
    check(fits(number, dtype_), "value cannot be converted to type ", name(dtype_),
          " without overflow", place());
    number.store(dtype_, at);
  }

  void store_long(PyObject* item, char* at) {
    check(ErrorKind::Type, PyLong_Check(item) || PyIndex_Check(item), "'", Py_TYPE(item)->tp_name,
          "' object cannot be interpreted as an integer", place());
    const Owned whole(PyNumber_Index(item));
    if (dtype_ == DType::Bool) {
      Scalar(PyObject_IsTrue(whole.get()) == 1).store(dtype_, at);
      return;
    }
    int overflow = 0;
    const std::int64_t value = PyLong_AsLongLongAndOverflow(whole.get(), &overflow);
    check(ErrorKind::Value, overflow == 0, "Overflow when unpacking long long", place());
    store_whole(Scalar(value), at);
  }

  double to_double(PyObject* item) {
    if (PyFloat_Check(item)) return PyFloat_AS_DOUBLE(item);
    if (is_tensor(item)) return number_of(item).to_double();
    const PyNumberMethods* slots = Py_TYPE(item)->tp_as_number;
    check(ErrorKind::Type, slots && (slots->nb_float || slots->nb_index),
          "must be real number, not ", Py_TYPE(item)->tp_name, place(), kData);
    const double value = PyFloat_AsDouble(item);
    if (value == -1 && PyErr_Occurred()) throw_python();
    return value;
  }

  std::complex<double> to_complex(PyObject* item) {
    if (is_tensor(item)) return number_of(item).to_complex();
    Scalar number;
    if (!PyFloat_Check(item) && to_number(item, number)) return number.to_complex();
    return to_double(item);
  }

  Scalar number_of(PyObject* item) {
    const Tensor& t = unwrap(item);
    refuse_item(t);
    if (!is_differentiable(dtype_)) {
      check(ErrorKind::Type, t.numel() == 1 && !is_differentiable(t.dtype()),
            "only integer tensors of a single element can be converted to an index: got one of "
            "shape ",
            t.shape(), " and dtype torch.", name(t.dtype()), place(),
            ". Use stack() or cat() to join tensors.");
    }
    check(ErrorKind::Value, t.numel() == 1,
          "only one element tensors can be converted to Python scalars: got one of shape ",
          t.shape(), place(), ". Use stack() or cat() to join tensors.");
    note_user_reading(t, Origin::Number);
    warn_of_reading(t);
    return t.item();
  }

  PyObject* data_;
  Dims shape_;
  Dims path_;  // of the element that is looked at
  DType dtype_{};
};

}  // namespace

Tensor copied(const Tensor& source, DType dtype) {
  Tensor out = empty_strided_like(source, dtype);
  copy_values(out, source);
  return out;
}

Tensor tensor_from_data(PyObject* data, const DType* dtype) {
  if (PyFloat_CheckExact(data) && (!dtype || is_floating(*dtype))) {
    return Tensor::scalar(PyFloat_AS_DOUBLE(data), dtype ? *dtype : default_dtype());
  }
  // Numbers and lists, the common cases, are not asked for what they do not have.
  if (PyFloat_Check(data) || PyLong_Check(data) || is_list(data)) return Nested(data, dtype).made();
  check(ErrorKind::Type, !is_text(data), "new(): invalid data type '", Py_TYPE(data)->tp_name,
        "': expected numbers, sequences of them, an array or a tensor.");
  if (is_tensor(data)) {
    const Tensor& t = unwrap(data);
    refuse_item(t);
    note_user_reading(t, Origin::Number);
    return copied(t, dtype ? *dtype : t.dtype());
  }
  if (is_ndarray(data)) {
    const Tensor array = tensor_from_numbers(data, dtype);
    return copied(array, dtype ? *dtype : array.dtype());
  }
  if (PyObject_HasAttrString(data, "__dlpack__")) {
    const Tensor shared = tensor_over_dlpack(data);
    return copied(shared, dtype ? *dtype : shared.dtype());
  }
  return Nested(data, dtype).made();
}

namespace {

// tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False)
constexpr const char kTensor[] = "tensor";

PyObject* make_tensor(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames) {
  return guarded([&]() -> PyObject* {
    static const Parameters<5> names(
        "tensor", {"data", "dtype", "device", "requires_grad", "pin_memory"}, 1, 1);
    const auto given = names(args, n, kwnames);
    DType dtype;
    const bool has_dtype = names.dtype(1, given[1], dtype);
    check_device("tensor", given[2], true);
    const bool requires_grad = names.flag(3, given[3]);
    check(!names.flag(4, given[4]),
          "tensor(): pin_memory=True requires a CUDA or other accelerator backend.");
    if (is_tensor(given[0])) {
      warn_user(PyExc_UserWarning,
                "To copy construct from a tensor, it is recommended to use "
                "sourceTensor.detach().clone() or "
                "sourceTensor.detach().clone().requires_grad_(True), rather than "
                "torch.tensor(sourceTensor).");
    }
    Tensor tensor = tensor_from_data(given[0], has_dtype ? &dtype : nullptr);
    mark_new(tensor, requires_grad);
    return wrap(std::move(tensor));
  });
}

// _dropout_mask(input, p), which nn.functional has checked.
PyObject* make_dropout_mask(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(ErrorKind::Type, n == 2 && is_tensor(args[0]), "_dropout_mask: expected a tensor and p.");
    const double p = PyFloat_AsDouble(args[1]);
    if (p == -1 && PyErr_Occurred()) throw_python();
    return wrap(dropout_mask(unwrap(args[0]), p));
  });
}

PyMethodDef functions[] = {
    {"_dropout_mask", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&make_dropout_mask)),
     METH_FASTCALL, "_dropout_mask(input, p)\n\nWhat dropout multiplies its input with."},
    {"tensor",
     reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&seen_by_modes<make_tensor, kTensor>)),
     METH_FASTCALL | METH_KEYWORDS,
     "tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False)\n\n"
     "A new tensor with a copy of data: a number, nested sequences, an array or a tensor."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

void mark_new(const Tensor& tensor, bool requires_grad) {
  if (mode.inference) tensor.set(kInference, true);
  note_origin(tensor, Origin::Made);
  if (!requires_grad) return;
  check(is_differentiable(tensor.dtype()),
        "Only Tensors of floating point and complex dtype can require gradients");
  tensor.set(kRequiresGrad, true);
}

int init_factories(PyObject* module) { return PyModule_AddFunctions(module, functions); }

}  // namespace pullback::bind
