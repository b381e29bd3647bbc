// Indexing: `x[key]` and `x[key] = value`.
//
// A key is turned into IndexItems (ops/indexing.h) by torch's rules; a single integer or slice goes
// there without a list of items.
#include "bind/convert.h"
#include "bind/factories.h"
#include "bind/guard.h"
#include "bind/interop.h"
#include "bind/profile.h"
#include "bind/tensor_type.h"
#include "ops/indexing.h"

namespace pullback::bind {
namespace {

using Kind = IndexItem::Kind;

// Keys are short: the items live on the stack.
constexpr int kMaxItems = 32;

class Items {
 public:
  explicit Items(PyObject* key) {
    if (PyTuple_Check(key)) {
      add_all(key);
    } else if (PyList_Check(key) && is_like_tuple(key)) {
      add_all(key);
    } else {
      add(key);
    }
  }
  std::span<const IndexItem> span() const { return {items_, static_cast<std::size_t>(count_)}; }

 private:
  void add_all(PyObject* sequence) {
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(sequence);
    in_tuple_ = true;
    for (Py_ssize_t i = 0; i < n; ++i) add(PySequence_Fast_ITEMS(sequence)[i]);
  }

  // A list stands for a tuple when something in it cannot be data.
  static bool is_like_tuple(PyObject* list) {
    const Py_ssize_t n = PyList_GET_SIZE(list);
    if (n >= kMaxItems) return false;
    for (Py_ssize_t i = 0; i < n; ++i) {
      PyObject* item = PyList_GET_ITEM(list, i);
      if (is_tensor(item) || PySlice_Check(item) || item == Py_None || item == Py_Ellipsis ||
          PyList_Check(item) || PyTuple_Check(item)) {
        return true;
      }
    }
    return false;
  }

  static std::int64_t to_position(PyObject* key) {
    std::int64_t value = 0;
    try {
      to_int(key, value);
    } catch (const PythonError&) {
      if (!PyErr_ExceptionMatches(PyExc_OverflowError)) throw;
      PyErr_Clear();
      fail(ErrorKind::Value, "Overflow when unpacking long long");
    }
    return value;
  }

  void add(PyObject* key) {
    check(ErrorKind::Index, count_ < kMaxItems, "too many indices: expected at most ", kMaxItems);
    IndexItem& item = items_[count_++];
    if (PyLong_CheckExact(key)) {
      item.kind = Kind::Int;
      item.start = to_position(key);
    } else if (PySlice_Check(key)) {
      Py_ssize_t start, stop, step;
      check_status(PySlice_Unpack(key, &start, &stop, &step));
      check(ErrorKind::Value, step > 0, "step must be greater than zero");
      item = {Kind::Slice, false, in_tuple_, start, stop, step, {}};
    } else if (key == Py_None) {
      item.kind = Kind::NewAxis;
    } else if (key == Py_Ellipsis) {
      item.kind = Kind::Ellipsis;
    } else if (PyBool_Check(key)) {
      item.kind = Kind::Bool;
      item.flag = key == Py_True;
    } else if (is_tensor(key)) {
      add_tensor(item, unwrap(key));
    } else if (PyList_Check(key) || PyTuple_Check(key)) {
      // Numbers that are not whole are cut, as in torch; an empty list is an index of nothing.
      Tensor data = tensor_from_data(key, nullptr);
      if (is_floating(data.dtype())) {
        const DType wanted = DType::Int64;
        data = tensor_from_data(key, &wanted);
      }
      add_tensor(item, data);
    } else if (PyObject_CheckBuffer(key) && PyObject_HasAttrString(key, "__array_interface__") &&
               !PyIndex_Check(key)) {
      add_tensor(item, tensor_from_array(key));
    } else if (PyIndex_Check(key)) {
      add_index(item, key);
    } else {
      fail(ErrorKind::Index,
           "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are "
           "valid indices (got ",
           Py_TYPE(key)->tp_name, ")");
    }
  }

  // NumPy's integers, and its arrays, which have __index__ too.
  static void add_index(IndexItem& item, PyObject* key) {
    if (PyObject_HasAttrString(key, "shape") && PyObject_CheckBuffer(key)) {
      Owned ndim(PyObject_GetAttrString(key, "ndim"));
      if (PyLong_AsLong(ndim.get()) > 0) return add_tensor(item, tensor_from_array(key));
    }
    item.kind = Kind::Int;
    item.start = to_position(key);
  }

  static void add_tensor(IndexItem& item, const Tensor& tensor) {
    if (tensor.ndim() > 0 || tensor.has(kBatched) || is_floating(tensor.dtype())) {
      item.kind = Kind::Tensor;
      item.tensor = tensor;
    } else if (tensor.dtype() == DType::Bool || tensor.dtype() == DType::UInt8) {
      item.kind = Kind::Bool;
      item.flag = tensor.item().to_bool();
    } else {
      item.kind = Kind::Int;
      item.start = tensor.item().to_int();
    }
  }

  int count_ = 0;
  bool in_tuple_ = false;
  IndexItem items_[kMaxItems];
};

}  // namespace

PyObject* tensor_subscript(PyObject* self, PyObject* key) {
  const Timed timed("getitem", self, key);
  return guarded([&] {
    const Tensor& x = unwrap(self);
    if (PyLong_CheckExact(key)) {
      IndexItem item;
      item.kind = Kind::Int;
      item.start = PyLong_AsLongLong(key);
      if (item.start != -1 || !PyErr_Occurred()) return wrap(index(x, {&item, 1}));
      PyErr_Clear();
    }
    return wrap(index(x, Items(key).span()));
  });
}

int tensor_ass_subscript(PyObject* self, PyObject* key, PyObject* value) {
  const Timed timed("setitem", self, key, value);
  return guarded_status([&] {
    check(ErrorKind::Type, value != nullptr, "Tensor does not support deleting items");
    Operand operand;
    if (!to_operand(value, operand)) {
      const DType dtype = unwrap(self).dtype();
      operand = Operand(tensor_from_data(value, &dtype));
    }
    index_assign(unwrap(self), Items(key).span(), operand);
    return 0;
  });
}

}  // namespace pullback::bind
