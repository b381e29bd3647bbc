// See convert.h.
#include "bind/convert.h"

#include <cstring>

#include "bind/guard.h"
#include "bind/interop.h"
#include "bind/tensor_type.h"
#include "bind/types.h"

namespace pullback::bind {
namespace {

bool is_numpy(PyObject* object) { return std::strncmp(Py_TYPE(object)->tp_name, "numpy.", 6) == 0; }

bool is_array(PyObject* object) {
  return std::strcmp(Py_TYPE(object)->tp_name, "numpy.ndarray") == 0;
}

// NumPy's scalars that are not Python floats: float32, int64, bool_, ...
bool to_numpy_number(PyObject* object, Scalar& number) {
  if (!is_numpy(object) || is_array(object)) return false;
  const char* type = Py_TYPE(object)->tp_name;
  if (std::strncmp(type, "numpy.bool", 10) == 0) {
    number = Scalar(PyObject_IsTrue(object) == 1);
    return true;
  }
  if (PyIndex_Check(object)) {
    std::int64_t value;
    if (!to_int(object, value)) return false;
    number = Scalar(value);
    return true;
  }
  if (!Py_TYPE(object)->tp_as_number || !Py_TYPE(object)->tp_as_number->nb_float) return false;
  PyObject* value = PyNumber_Float(object);
  if (!value) {
    PyErr_Clear();
    return false;
  }
  number = Scalar(PyFloat_AS_DOUBLE(value));
  Py_DECREF(value);
  return true;
}

// Tensors without dimensions serve as numbers where torch lets them.
bool tensor_to_number(PyObject* object, Scalar& number) {
  if (!is_tensor(object)) return false;
  const Tensor& t = unwrap(object);
  if (t.ndim() != 0 || t.flags() & (kAnyGrad | kDual | kBatched)) return false;
  number = t.item();
  return true;
}

}  // namespace

bool to_int(PyObject* object, std::int64_t& value) {
  if (PyBool_Check(object)) return false;
  if (!PyLong_Check(object)) {
    if (!PyIndex_Check(object)) return false;
    PyObject* index = PyNumber_Index(object);
    if (!index) {
      PyErr_Clear();
      return false;
    }
    const bool ok = to_int(index, value);
    Py_DECREF(index);
    return ok;
  }
  value = PyLong_AsLongLong(object);
  if (value == -1 && PyErr_Occurred()) throw_python();
  return true;
}

bool to_number(PyObject* object, Scalar& number) {
  if (PyFloat_Check(object)) {
    number = Scalar(PyFloat_AS_DOUBLE(object));
    return true;
  }
  if (PyBool_Check(object)) {
    number = Scalar(object == Py_True);
    return true;
  }
  if (PyLong_Check(object)) {
    std::int64_t value;
    to_int(object, value);
    number = Scalar(value);
    return true;
  }
  return to_numpy_number(object, number);
}

bool to_operand(PyObject* object, Operand& operand) {
  if (is_tensor(object)) {
    operand = Operand(unwrap(object));
    return true;
  }
  Scalar number;
  if (to_number(object, number)) {
    operand = Operand(number);
    return true;
  }
  if (is_array(object)) {
    operand = Operand(tensor_from_array(object));
    return true;
  }
  return false;
}

bool to_ints(PyObject* object, Dims& ints) {
  if (!PyTuple_Check(object) && !PyList_Check(object)) return false;
  const Py_ssize_t n = PySequence_Fast_GET_SIZE(object);
  PyObject** items = PySequence_Fast_ITEMS(object);
  ints.resize(static_cast<int>(n));
  for (Py_ssize_t i = 0; i < n; ++i) {
    if (!to_int(items[i], ints[static_cast<int>(i)])) return false;
  }
  return true;
}

bool to_sublists(PyObject* const* args, Py_ssize_t num_args, Value& value) {
  for (Py_ssize_t i = 0; i < num_args; ++i) {
    if (is_tensor(args[i]) && i % 2 == 0) {
      value.tensors.push_back(unwrap(args[i]));
      continue;
    }
    const bool output = i % 2 == 0;
    if (output && (i == 0 || i + 1 < num_args)) return false;
    if (!PyTuple_Check(args[i]) && !PyList_Check(args[i])) return false;
    const Py_ssize_t n = PySequence_Fast_GET_SIZE(args[i]);
    PyObject** items = PySequence_Fast_ITEMS(args[i]);
    for (Py_ssize_t k = 0; k < n; ++k) {
      std::int64_t label = Sublists::kEllipsis;
      if (items[k] != Py_Ellipsis) {
        if (!to_int(items[k], label)) return false;
        check(ErrorKind::Value, label >= 0 && label < 52,
              "einsum(): subscript in subscript list is not within the valid range [0, 52): got ",
              label, ".");
      }
      value.ints.push_back(label);
    }
    value.ints.push_back(Sublists::kEnd);
  }
  return !value.tensors.empty() &&
         static_cast<std::size_t>(std::count(value.ints.begin(), value.ints.end(),
                                             Sublists::kEnd)) >= value.tensors.size();
}

bool to_value(PyObject* object, ParamType type, Value& value) {
  value.none = object == Py_None;
  if (value.none) return type.optional;
  switch (type.kind) {
    case Kind::Tensor:
      if (!is_tensor(object)) return false;
      value.tensor = unwrap(object);
      return true;
    case Kind::Operand:
      if (is_tensor(object)) {
        value.tensor = unwrap(object);
        return true;
      }
      if (is_array(object)) {
        value.tensor = tensor_from_array(object);
        return true;
      }
      return to_number(object, value.number);
    case Kind::Number:
      return to_number(object, value.number) || tensor_to_number(object, value.number);
    case Kind::Float:
      return (to_number(object, value.number) || tensor_to_number(object, value.number)) &&
             !PyBool_Check(object);
    case Kind::Int: {
      std::int64_t number;
      if (!to_int(object, number)) {
        return tensor_to_number(object, value.number) &&
               value.number.category() == Category::Integral;
      }
      value.number = Scalar(number);
      return true;
    }
    case Kind::Bool:
      if (!PyBool_Check(object)) return false;
      value.number = Scalar(object == Py_True);
      return true;
    case Kind::Ints: {
      if (to_ints(object, value.ints)) return true;
      std::int64_t number;
      if (!to_int(object, number)) return false;
      value.ints = Dims{number};
      return true;
    }
    case Kind::DimPair: {
      if (!PyTuple_Check(object) && !PyList_Check(object)) return false;
      if (PySequence_Fast_GET_SIZE(object) != 2) return false;
      PyObject** items = PySequence_Fast_ITEMS(object);
      Value parts[2];
      for (int k = 0; k < 2; ++k) {
        if (!to_ints(items[k], parts[k].ints)) return false;
      }
      value.ints = parts[0].ints;
      for (const std::int64_t dim : parts[1].ints) value.ints.push_back(dim);
      value.number = Scalar(parts[0].ints.size());
      return true;
    }
    case Kind::DType:
      return unwrap_dtype(object, value.dtype);
    case Kind::Tensors: {
      if (!PyTuple_Check(object) && !PyList_Check(object)) return false;
      const Py_ssize_t n = PySequence_Fast_GET_SIZE(object);
      PyObject** items = PySequence_Fast_ITEMS(object);
      for (Py_ssize_t i = 0; i < n; ++i) {
        if (!is_tensor(items[i])) return false;
        value.tensors.push_back(unwrap(items[i]));
      }
      return true;
    }
    case Kind::Text: {
      if (!PyUnicode_Check(object)) return false;
      Py_ssize_t size;
      const char* text = PyUnicode_AsUTF8AndSize(object, &size);
      if (!text) throw_python();
      value.text = {text, static_cast<std::size_t>(size)};
      return true;
    }
    case Kind::MemoryFormat: {
      MemoryFormat format;
      if (!unwrap_format(object, format)) return false;
      value.number = Scalar(static_cast<std::int64_t>(format));
      return true;
    }
    case Kind::Sublists:
      return false;  // only as variadic arguments
  }
  return false;
}

PyObject* wrap_number(Scalar number) {
  switch (number.category()) {
    case Category::Bool:
      return PyBool_FromLong(number.to_bool());
    case Category::Integral:
      return PyLong_FromLongLong(number.to_int());
    case Category::Floating:
      return PyFloat_FromDouble(number.to_double());
  }
  Py_RETURN_NONE;
}

PyObject* wrap_tensors(std::vector<Tensor>&& tensors, PyTypeObject* named_tuple) {
  const auto n = static_cast<Py_ssize_t>(tensors.size());
  Owned result(named_tuple ? PyStructSequence_New(named_tuple) : PyTuple_New(n));
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyObject* item = wrap(std::move(tensors[static_cast<std::size_t>(i)]));
    if (named_tuple) {
      PyStructSequence_SetItem(result.get(), i, item);
    } else {
      PyTuple_SET_ITEM(result.get(), i, item);
    }
  }
  return result.release();
}

}  // namespace pullback::bind
