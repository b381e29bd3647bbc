// Indexing: `x[key]` and `x[key] = value`.
//
// A key is turned into IndexItems (ops/index/indexing.h) by torch's rules; a single integer or
// slice goes there without a list of items.
#include "bind/convert.h"
#include "bind/factories.h"
#include "bind/guard.h"
#include "bind/interop.h"
#include "bind/overrides.h"
#include "bind/profile.h"
#include "bind/tensor_type.h"
#include "core/warning.h"
#include "ops/index/indexing.h"

namespace pullback::bind {
namespace {

using Kind = IndexItem::Kind;

// Keys are short: the items live on the stack.
constexpr int kMaxItems = 32;

// Runs what reads integers, with torch's error for those that are too large.
auto reading(auto read) {
  try {
    return read();
  } catch (const PythonError&) {
    if (!PyErr_ExceptionMatches(PyExc_OverflowError)) throw;
    PyErr_Clear();
    fail(ErrorKind::Value, "Overflow when unpacking long long");
  }
}

class Items {
 public:
  explicit Items(PyObject* key) {
    if (PyTuple_Check(key)) {
      add_all(key);
    } else if (stands_for_tuple(key)) {
      warn(
          "Using a non-tuple sequence for multidimensional indexing is deprecated and will be "
          "changed in pytorch 2.9; use x[tuple(seq)] instead of x[seq]. In pytorch 2.9 this will "
          "be "
          "interpreted as tensor index, x[torch.tensor(seq)], which will result either in an error "
          "or a different result");
      Owned tuple(PySequence_Tuple(key));
      add_all(tuple.get());
    } else {
      add(key);
    }
  }
  std::span<const IndexItem> span() const { return {items_, static_cast<std::size_t>(count_)}; }
  // Something in the key is of a class that has a say; then this is no key yet.
  bool has_say() const { return has_say_; }

 private:
  void add_all(PyObject* tuple) {
    in_tuple_ = true;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) add(PyTuple_GET_ITEM(tuple, i));
  }

  // A sequence stands for a tuple when something in it cannot be data.
  static bool stands_for_tuple(PyObject* key) {
    if (!PySequence_Check(key) || is_ndarray(key)) return false;
    const Py_ssize_t n = PySequence_Size(key);
    for (Py_ssize_t i = 0; i < n && n < kMaxItems; ++i) {
      PyObject* item = PySequence_GetItem(key, i);
      if (!item) break;
      const bool is_data = !is_tensor(item) && !PySlice_Check(item) && item != Py_None &&
                           item != Py_Ellipsis && !PySequence_Check(item);
      Py_DECREF(item);
      if (!is_data) return true;
    }
    PyErr_Clear();  // whoever reads the data meets the error again
    return false;
  }

  void refuse(PyObject* key) {
    has_say_ |= bind::has_say(key);
    if (has_say_) return;
    fail(ErrorKind::Index,
         "only integers, slices (`:`), ellipsis (`...`), None and long or byte Variables are "
         "valid indices (got ",
         Py_TYPE(key)->tp_name, ")");
  }

  void add(PyObject* key) {
    check(ErrorKind::Index, count_ < kMaxItems, "too many indices: expected at most ", kMaxItems);
    IndexItem& item = items_[count_++];
    if (PyLong_CheckExact(key)) {
      add_position(item, key);
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
      if (!is_quiet(key)) has_say_ |= bind::has_say(key);
      add_tensor(item, unwrap(key));
    } else if (is_ndarray(key)) {
      add_tensor(item, data_of_array(key));
    } else if (PyIndex_Check(key)) {
      add_position(item, key);
    } else if (PySequence_Check(key)) {
      add_tensor(item, data_of_sequence(key));
    } else {
      refuse(key);
    }
  }

  void add_position(IndexItem& item, PyObject* key) {
    item.kind = Kind::Int;
    if (!reading([&] { return to_index(key, item.start); })) refuse(key);
  }

  // Numbers that are not whole are cut, as in torch; an empty sequence is an index of nothing.
  static Tensor data_of_sequence(PyObject* key) {
    check(ErrorKind::Type, !PyUnicode_Check(key) && !PyBytes_Check(key),
          "new(): invalid data type '", Py_TYPE(key)->tp_name,
          "': an index is an integer, a slice, a tensor or a sequence of them");
    // A list even of what has a buffer: bytes in a bytearray are positions, not a mask.
    Owned list(PyList_Check(key) || PyTuple_Check(key) ? Py_NewRef(key) : PySequence_List(key));
    return reading([&] {
      Tensor data = tensor_from_data(list.get(), nullptr);
      constexpr DType wanted = DType::Int64;
      return is_floating(data.dtype()) ? tensor_from_data(list.get(), &wanted) : data;
    });
  }

  static Tensor data_of_array(PyObject* array) {
    Owned dtype(PyObject_GetAttrString(array, "dtype"));
    Owned kind(PyObject_GetAttrString(dtype.get(), "char"));
    const std::string_view letter = PyUnicode_AsUTF8(kind.get());
    // Whole numbers of other sizes and floating ones are read as int64.
    constexpr std::string_view kConverted = "bhHILQefdg";
    if (letter.size() != 1 || kConverted.find(letter) == std::string_view::npos) {
      return tensor_from_array(array);
    }
    Owned whole(PyObject_CallMethod(array, "astype", "s", "int64"));
    return tensor_from_array(whole.get());
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
  bool has_say_ = false;
  IndexItem items_[kMaxItems];
};

PyObject* ask_subscript(PyObject* self, PyObject* key);

// `cls`: of the result, null for Tensor.
PyObject* subscript(PyObject* self, PyObject* key, bool asks, PyTypeObject* cls = nullptr) {
  return guarded([&]() -> PyObject* {
    const Tensor& x = unwrap(self);
    const auto shown = [&](std::span<const IndexItem> items) {
      return cls ? wrap_result(index(x, items), cls) : wrap(index(x, items));
    };
    if (PyLong_CheckExact(key)) {
      IndexItem item;
      item.kind = Kind::Int;
      item.start = PyLong_AsLongLong(key);
      if (item.start != -1 || !PyErr_Occurred()) return shown({&item, 1});
      PyErr_Clear();
    }
    const Items items(key);
    if (asks && items.has_say()) [[unlikely]]
      return ask_subscript(self, key);
    return shown(items.span());
  });
}

PyObject* ask_subscript(PyObject* self, PyObject* key) {
  PyObject* const args[] = {self, key};
  return asked({Callee::Kind::Name, "__getitem__"}, args, 2, nullptr, [&] {
    const Timed timed("getitem", self, key);
    return subscript(self, key, false);
  });
}

int ass_subscript(PyObject* self, PyObject* key, PyObject* value) {
  const Timed timed("setitem", self, key, value);
  return guarded_status([&] {
    check(ErrorKind::Type, value != nullptr, "Tensor does not support deleting items");
    Operand operand;
    std::int64_t whole = 0;
    if (PyLong_Check(value) && !PyBool_Check(value)) to_index(value, whole);  // or it is too large
    const bool fits = reading([&] { return to_operand(value, operand); });
    check(ErrorKind::Type, fits, "can't assign a ", Py_TYPE(value)->tp_name, " to a torch.",
          info(unwrap(self).dtype()).scalar_name,
          "Tensor: expected a Tensor or a number. Use tensor(value).");
    // False alone is nothing, not even a write; True alone is all of it, written as a slice is.
    if (key == Py_False) return 0;
    const Items items(key == Py_True ? Py_None : key);
    index_assign(unwrap(self), items.span(), operand);
    return 0;
  });
}

}  // namespace

PyObject* tensor_subscript(PyObject* self, PyObject* key) {
  if (is_plain(self)) [[likely]]
    return subscript(self, key, true);
  PyTypeObject* cls = PyLong_CheckExact(key) || PySlice_Check(key) ? heirs_class(self) : nullptr;
  return cls ? subscript(self, key, false, cls) : ask_subscript(self, key);
}

int tensor_ass_subscript(PyObject* self, PyObject* key, PyObject* value) {
  // A number or a plain tensor is written by a number or a slice.
  const bool simple = is_plain(self) && (PyLong_CheckExact(key) || PySlice_Check(key)) && value &&
                      (is_plain(value) || PyFloat_CheckExact(value) || PyLong_CheckExact(value));
  if (simple) return ass_subscript(self, key, value);
  PyObject* const args[] = {self, key, value};
  return asked_status({Callee::Kind::Name, "__setitem__"}, args, value ? 3 : 2,
                      [&] { return ass_subscript(self, key, value); });
}

}  // namespace pullback::bind
