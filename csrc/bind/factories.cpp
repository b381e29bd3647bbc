// tensor(data): from numbers, nested sequences, arrays and tensors.
//
// The dtype of plain Python data is bool, int64 or the default dtype, by the widest number in it.
// Start reading at make_tensor.
#include "bind/factories.h"

#include "bind/convert.h"
#include "bind/device.h"
#include "bind/graph_objects.h"
#include "bind/guard.h"
#include "bind/interop.h"
#include "bind/parameters.h"
#include "bind/provenance.h"
#include "bind/tensor_type.h"
#include "bind/types.h"
#include "graph/mode.h"
#include "graph/origin.h"
#include "ops/basic.h"
#include "ops/levels.h"

namespace pullback::bind {
namespace {

bool is_sequence(PyObject* object) { return PyList_Check(object) || PyTuple_Check(object); }

// Nested sequences as they are met: the shape by the first element of every level.
class Nested {
 public:
  explicit Nested(PyObject* data) {
    for (PyObject* at = data; is_sequence(at);) {
      const Py_ssize_t n = PySequence_Fast_GET_SIZE(at);
      shape_.push_back(n);
      check(ErrorKind::Value, shape_.size() <= kMaxDims, "tensor(): too many dimensions");
      if (n == 0) break;
      at = PySequence_Fast_ITEMS(at)[0];
      if (is_tensor(at)) {
        for (const std::int64_t size : unwrap(at).sizes()) shape_.push_back(size);
      }
    }
    scan(data, 0);
  }

  const Dims& shape() const { return shape_; }
  DType dtype() const {
    if (has_tensor_) return tensor_dtype_;
    if (!any_ || category_ == Category::Floating) return default_dtype();
    return category_ == Category::Bool ? DType::Bool : DType::Int64;
  }
  static void check_fits(const Scalar& number, DType dtype) {
    check(is_floating(dtype) || fits(number, dtype), "value cannot be converted to type ",
          name(dtype), " without overflow");
  }
  void fill(PyObject* data, const Tensor& out) const {
    char* at = out.bytes();
    fill(data, 0, at, out.dtype());
  }

 private:
  void scan(PyObject* data, int dim) {
    if (is_sequence(data)) {
      const Py_ssize_t n = PySequence_Fast_GET_SIZE(data);
      if (dim >= shape_.size() || n != shape_[dim]) {
        fail(ErrorKind::Value, "expected sequence of length ",
             dim < shape_.size() ? shape_[dim] : 0, " at dim ", dim, " (got ", n, ")");
      }
      for (Py_ssize_t i = 0; i < n; ++i) scan(PySequence_Fast_ITEMS(data)[i], dim + 1);
      return;
    }
    if (is_tensor(data)) {
      const Tensor& t = unwrap(data);
      refuse_item(t);
      check(ErrorKind::Value,
            dim + t.ndim() == shape_.size() &&
                same(t.sizes(), static_cast<Sizes>(shape_).subspan(static_cast<std::size_t>(dim))),
            "tensor(): got a tensor of shape ", t.shape(), " inside a sequence of shape ", shape_);
      tensor_dtype_ = has_tensor_ ? promote_types(tensor_dtype_, t.dtype()) : t.dtype();
      has_tensor_ = any_ = true;
      return;
    }
    Scalar number;
    if (!to_number(data, number)) {
      if (PyUnicode_Check(data)) fail(ErrorKind::Value, "too many dimensions 'str'");
      fail("Could not infer dtype of ", Py_TYPE(data)->tp_name);
    }
    check(ErrorKind::Type, dim == shape_.size(), "not a sequence: got a number at depth ", dim,
          ", expected sequences of shape ", shape_, ".");
    category_ = std::max(category_, number.category());
    any_ = true;
  }

  static void fill(PyObject* data, int dim, char*& at, DType dtype) {
    if (is_sequence(data)) {
      for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(data); ++i) {
        fill(PySequence_Fast_ITEMS(data)[i], dim + 1, at, dtype);
      }
      return;
    }
    if (is_tensor(data)) {
      note_user_reading(unwrap(data), Origin::Number);
      const Tensor values = copy_to_dtype(unwrap(data), dtype);
      const std::size_t bytes = static_cast<std::size_t>(values.numel()) * item_size(dtype);
      std::copy_n(values.bytes(), bytes, at);
      at += bytes;
      return;
    }
    Scalar number;
    to_number(data, number);
    check_fits(number, dtype);
    number.store(dtype, at);
    at += item_size(dtype);
  }

  Dims shape_;
  Category category_ = Category::Bool;
  DType tensor_dtype_ = DType::Bool;
  bool has_tensor_ = false;
  bool any_ = false;
};

bool has_buffer(PyObject* object) { return PyObject_CheckBuffer(object) && !PyBytes_Check(object); }

}  // namespace

Tensor tensor_from_data(PyObject* data, const DType* dtype) {
  Scalar number;
  // NumPy's numbers keep their dtype, so they go the way of arrays.
  if (PyFloat_CheckExact(data) || PyLong_CheckExact(data) ||
      (!has_buffer(data) && to_number(data, number))) {
    to_number(data, number);
    const DType own = number.is_floating()                  ? default_dtype()
                      : number.category() == Category::Bool ? DType::Bool
                                                            : DType::Int64;
    if (dtype) Nested::check_fits(number, *dtype);
    return Tensor::scalar(number, dtype ? *dtype : own);
  }
  if (is_tensor(data)) {
    const Tensor& t = unwrap(data);
    refuse_item(t);
    note_user_reading(t, Origin::Number);
    return copy_to_dtype(t, dtype ? *dtype : t.dtype());
  }
  if (!is_sequence(data) && has_buffer(data)) {
    const Tensor array = tensor_from_array(data);
    return copy_to_dtype(array, dtype ? *dtype : array.dtype());
  }
  Owned list;
  if (!is_sequence(data)) {
    if (!PySequence_Check(data) || PyUnicode_Check(data)) {
      if (PyUnicode_Check(data)) fail(ErrorKind::Type, "new(): invalid data type 'str'");
      fail("Could not infer dtype of ", Py_TYPE(data)->tp_name);
    }
    list = Owned(PySequence_List(data));
    data = list.get();
  }
  // Arrays and NumPy's numbers inside a list are read as tensors.
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(data);
  if (n > 0 && !is_tensor(PySequence_Fast_ITEMS(data)[0]) &&
      has_buffer(PySequence_Fast_ITEMS(data)[0])) {
    Owned items(PyList_New(0));
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* item = PySequence_Fast_ITEMS(data)[i];
      Owned read = has_buffer(item) && !is_tensor(item) ? Owned(wrap(tensor_from_array(item)))
                                                        : Owned::share(item);
      check_status(PyList_Append(items.get(), read.get()));
    }
    return tensor_from_data(items.get(), dtype);
  }
  const Nested nested(data);
  Tensor out = Tensor::empty(nested.shape(), dtype ? *dtype : nested.dtype());
  if (out.numel() > 0) nested.fill(data, out);
  return out;
}

namespace {

// tensor(data, *, dtype=None, device=None, requires_grad=False, pin_memory=False)
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

PyMethodDef functions[] = {
    {"tensor", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&make_tensor)),
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
  check(is_floating(tensor.dtype()),
        "Only Tensors of floating point and complex dtype can require gradients");
  tensor.set(kRequiresGrad, true);
}

int init_factories(PyObject* module) { return PyModule_AddFunctions(module, functions); }

}  // namespace pullback::bind
