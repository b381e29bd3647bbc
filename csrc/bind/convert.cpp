// See convert.h.
#include "bind/convert.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "bind/guard.h"
#include "bind/interop.h"
#include "bind/overrides.h"
#include "bind/tensor_type.h"
#include "bind/types.h"
#include "graph/meta.h"
#include "ops/levels.h"

namespace pullback::bind {
namespace {

constexpr const char* kOverflow = "Overflow when unpacking long long";

bool is_numpy(PyObject* object) { return std::strncmp(Py_TYPE(object)->tp_name, "numpy.", 6) == 0; }

bool has_index(PyObject* object) {
  return Py_TYPE(object)->tp_as_number && Py_TYPE(object)->tp_as_number->nb_index;
}

// The number of a Python int; Broken when it does not fit.
Fit unpack(PyObject* number, std::int64_t& value) {
  value = PyLong_AsLongLong(number);
  if (value != -1 || !PyErr_Occurred()) [[likely]]
    return Fit::Yes;
  PyErr_Clear();
  return Fit::Broken;
}

// An integer that does not fit into 64 bits with a sign may do without one.
Fit read_long(PyObject* object, Scalar& number) {
  int overflow = 0;
  const std::int64_t value = PyLong_AsLongLongAndOverflow(object, &overflow);
  number = Scalar(value);
  if (overflow == 0) [[likely]]
    return Fit::Yes;
  const std::uint64_t wide = PyLong_AsUnsignedLongLong(object);
  if (PyErr_Occurred()) {
    PyErr_Clear();
    return Fit::Broken;
  }
  number = Scalar::wide(wide);
  return Fit::Yes;
}

// NumPy's integers: not its bool, whose __index__ raises.
bool is_numpy_int(PyObject* object) {
  return has_index(object) && is_numpy(object) && !is_ndarray(object) &&
         std::strncmp(Py_TYPE(object)->tp_name, "numpy.bool", 10) != 0;
}

Fit unpack_index(PyObject* object, std::int64_t& value) {
  PyObject* index = PyNumber_Index(object);
  if (!index) {
    PyErr_Clear();
    return Fit::No;
  }
  const Owned held(index);
  return unpack(index, value);
}

// Python's complex, or NumPy's of single precision.
Scalar complex_number(PyObject* object) {
  const Py_complex value = PyComplex_AsCComplex(object);
  return Scalar(std::complex<double>(value.real, value.imag));
}

// NumPy's scalars that are not Python floats: float32, int64, ...  All but integers are read as
// floats, as torch does with bool_, too.
bool to_numpy_number(PyObject* object, Scalar& number) {
  if (!is_numpy(object) || is_ndarray(object)) return false;
  if (is_numpy_int(object)) {
    const Owned index(PyNumber_Index(object));
    return read_long(index.get(), number) == Fit::Yes;
  }
  if (!Py_TYPE(object)->tp_as_number || !Py_TYPE(object)->tp_as_number->nb_float) return false;
  const std::string_view type = Py_TYPE(object)->tp_name + std::strlen("numpy.");
  if (type.starts_with("complex64")) {
    number = complex_number(object);
    return true;
  }
  // The others that have a float value are strings and dates.
  if (!type.starts_with("float") && !type.starts_with("longdouble") && !type.starts_with("bool")) {
    return false;
  }
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
  if (t.ndim() != 0 || t.requires_grad() || !is_single(t)) return false;
  number = t.item();
  return true;
}

Fit fit(bool suits) { return suits ? Fit::Yes : Fit::No; }

// Anything that is a number; Broken for an integer that is too large.
Fit read_number(PyObject* object, Scalar& number) {
  if (PyFloat_Check(object)) {
    number = Scalar(PyFloat_AS_DOUBLE(object));
    return Fit::Yes;
  }
  if (PyLong_Check(object)) {
    if (!PyBool_Check(object)) return read_long(object, number);
    number = Scalar(object == Py_True);
    return Fit::Yes;
  }
  if (PyComplex_Check(object)) {
    number = complex_number(object);
    return Fit::Yes;
  }
  return fit(to_numpy_number(object, number));
}

// A floating number: Python ints of any size are one, and so is a bool.
Fit read_float(PyObject* object, Scalar& number) {
  if (PyLong_Check(object)) {
    const double value = PyLong_AsDouble(object);
    number = Scalar(value);
    if (value != -1 || !PyErr_Occurred()) return Fit::Yes;
    PyErr_Clear();
    return Fit::Broken;
  }
  if (PyComplex_Check(object)) return Fit::No;
  return fit(to_number(object, number) || tensor_to_number(object, number));
}

// A flag as functions in Python take them.
Fit read_truth(PyObject* object, Scalar& number) {
  if (PyBool_Check(object)) {
    number = Scalar(object == Py_True);
    return Fit::Yes;
  }
  const Fit found = read_number(object, number);
  if (found == Fit::No && !tensor_to_number(object, number)) return Fit::No;
  number = Scalar(found == Fit::Broken || number.to_double() != 0);
  return Fit::Yes;
}

Fit read_int(PyObject* object, std::int64_t& value) {
  if (PyLong_Check(object)) return PyBool_Check(object) ? Fit::No : unpack(object, value);
  if (is_tensor(object)) {
    const Tensor& t = unwrap(object);
    Scalar number;
    if (!is_integral(t.dtype()) || !tensor_to_number(object, number)) return Fit::No;
    value = number.to_int();
    return Fit::Yes;
  }
  return is_numpy_int(object) ? unpack_index(object, value) : Fit::No;
}

Fit read_index(PyObject* object, std::int64_t& value) {
  if (PyLong_Check(object)) return read_int(object, value);
  if (is_tensor(object)) {
    const Tensor& t = unwrap(object);
    if (t.numel() != 1 || !is_integral(t.dtype())) return Fit::No;
    refuse_item(t);
    value = t.item().to_int();
    return Fit::Yes;
  }
  return has_index(object) ? unpack_index(object, value) : Fit::No;
}

// A later element of a list: torch looks at the first one only when it chooses the overload.
Fit read_element(PyObject* object, std::int64_t& value) {
  return PyLong_Check(object) ? unpack(object, value) : read_index(object, value);
}

bool fits_or_throws(Fit fit) {
  check(ErrorKind::Value, fit != Fit::Broken, kOverflow);
  return fit == Fit::Yes;
}

bool is_plain_int(PyObject* object) { return PyLong_CheckExact(object); }

Fit to_list(PyObject* object, Dims& ints) {
  if (!PyTuple_Check(object) && !PyList_Check(object)) return Fit::No;
  PyObject** items = PySequence_Fast_ITEMS(object);
  const Py_ssize_t count = PySequence_Fast_GET_SIZE(object);
  if (PyTuple_Check(object) || std::all_of(items, items + count, is_plain_int)) {
    return to_ints(items, count, ints);
  }
  const Owned fixed(PyList_AsTuple(object));  // an __index__ of the user may change the list
  return to_ints(PySequence_Fast_ITEMS(fixed.get()), count, ints);
}

}  // namespace

bool to_int(PyObject* object, std::int64_t& value) {
  return fits_or_throws(read_int(object, value));
}

bool to_index(PyObject* object, std::int64_t& value) {
  return fits_or_throws(read_index(object, value));
}

Fit to_ints(PyObject* const* items, Py_ssize_t count, Dims& ints) {
  ints.resize(static_cast<int>(count));
  for (Py_ssize_t i = 0; i < count; ++i) {
    std::int64_t& value = ints[static_cast<int>(i)];
    if (PyLong_CheckExact(items[i])) [[likely]] {
      if (unpack(items[i], value) == Fit::Broken) return Fit::Broken;
    } else if (i == 0) {
      if (const Fit first = read_index(items[0], value); first != Fit::Yes) return first;
    } else if (read_element(items[i], value) != Fit::Yes) {
      return Fit::Broken;
    }
  }
  return Fit::Yes;
}

std::string describe_broken(PyObject* const* items, Py_ssize_t count) {
  for (Py_ssize_t i = 0; i < count; ++i) {
    std::int64_t value;
    const Fit fit = read_element(items[i], value);
    if (fit == Fit::Yes) continue;
    const std::string reason = fit == Fit::Broken
                                   ? std::string(kOverflow)
                                   : "type must be tuple of ints,but got " + type_name(items[i]);
    return "failed to unpack the object at pos " + std::to_string(i + 1) + " with error \"" +
           reason + "\"";
  }
  return "";
}

std::string type_name(PyObject* object) {
  const std::string name = Py_TYPE(object)->tp_name;
  constexpr std::string_view kOurs = "pullback.";
  if (!name.starts_with(kOurs)) return name;
  return is_tensor(object) ? name.substr(kOurs.size()) : "torch." + name.substr(kOurs.size());
}

bool to_text(PyObject* object, std::string_view& text) {
  if (PyBytes_Check(object)) {
    text = {PyBytes_AS_STRING(object), static_cast<std::size_t>(PyBytes_GET_SIZE(object))};
    return true;
  }
  if (!PyUnicode_Check(object)) return false;
  Py_ssize_t size;
  const char* data = PyUnicode_AsUTF8AndSize(object, &size);
  if (!data) throw_python();
  text = {data, static_cast<std::size_t>(size)};
  return true;
}

bool to_number(PyObject* object, Scalar& number) {
  const Fit found = read_number(object, number);
  if (found == Fit::Broken) [[unlikely]] {
    PyErr_SetString(PyExc_OverflowError, "int too big to convert");
    throw_python();
  }
  return found == Fit::Yes;
}

bool to_operand(PyObject* object, Operand& operand) {
  if (PyFloat_CheckExact(object)) {
    operand = Operand(Scalar(PyFloat_AS_DOUBLE(object)));
    return true;
  }
  if (is_plain(object) || is_tensor(object)) {
    operand = Operand(unwrap(object));
    return true;
  }
  Scalar number;
  if (to_number(object, number)) {
    operand = Operand(number);
    return true;
  }
  return false;
}

bool to_sublists(PyObject* const* args, Py_ssize_t num_args, Value& value) {
  for (Py_ssize_t i = 0; i < num_args; ++i) {
    if (is_tensor(args[i]) && i % 2 == 0) {
      value.tensors.push_back(unwrap(args[i]));
      continue;
    }
    const bool output = i % 2 == 0;
    if (output && (i == 0 || i + 1 < num_args)) return false;
    if (!PySequence_Check(args[i]) || is_tensor(args[i]) || PyUnicode_Check(args[i])) return false;
    const Owned labels(PySequence_Tuple(args[i]));
    const Py_ssize_t n = PyTuple_GET_SIZE(labels.get());
    PyObject** items = PySequence_Fast_ITEMS(labels.get());
    for (Py_ssize_t k = 0; k < n; ++k) {
      std::int64_t label = Sublists::kEllipsis;
      if (items[k] != Py_Ellipsis) {
        if (!to_index(items[k], label)) return false;
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

Fit fit_of_tensor(PyObject* object) {
  if (is_heir(object)) return Fit::Asks;
  return is_quiet(object) || !has_say(object) ? Fit::Yes : Fit::Asks;
}

Fit to_value(PyObject* object, ParamType type, Value& value) {
  value.none = object == Py_None;
  if (value.none) return type.kind == Kind::Name ? Fit::Broken : fit(type.optional);
  switch (type.kind) {
    case Kind::Tensor:
      if (is_plain(object)) [[likely]] {
        value.tensor = unwrap(object);
        return Fit::Yes;
      }
      if (!is_tensor(object)) return Fit::No;
      value.tensor = unwrap(object);
      return fit_of_tensor(object);
    case Kind::Operand:
      if (is_plain(object)) [[likely]] {
        value.tensor = unwrap(object);
        return Fit::Yes;
      }
      if (is_tensor(object)) {
        value.tensor = unwrap(object);
        return fit_of_tensor(object);
      }
      return read_number(object, value.number);
    case Kind::Number: {
      const Fit found = read_number(object, value.number);
      return found == Fit::No ? fit(tensor_to_number(object, value.number)) : found;
    }
    case Kind::Float:
      return read_float(object, value.number);
    case Kind::Truth:
      return read_truth(object, value.number);
    case Kind::Int:
    case Kind::Index: {
      std::int64_t number = 0;
      const Fit fit = (type.kind == Kind::Int ? read_int : read_index)(object, number);
      value.number = Scalar(number);
      return fit;
    }
    case Kind::Bool:
      if (!PyBool_Check(object)) return Fit::No;
      value.number = Scalar(object == Py_True);
      return Fit::Yes;
    case Kind::Ints:
      return to_list(object, value.ints);
    case Kind::OneOrInts: {
      if (PyTuple_Check(object) || PyList_Check(object)) return to_list(object, value.ints);
      std::int64_t number = 0;
      const Fit fit = (is_tensor(object) ? read_index : read_int)(object, number);
      value.ints = Dims{number};
      return fit;
    }
    case Kind::DimPair: {
      if (!PyTuple_Check(object) && !PyList_Check(object)) return Fit::No;
      if (PySequence_Fast_GET_SIZE(object) != 2) return Fit::No;
      PyObject** items = PySequence_Fast_ITEMS(object);
      Value parts[2];
      for (int k = 0; k < 2; ++k) {
        if (to_list(items[k], parts[k].ints) != Fit::Yes) return Fit::No;
      }
      value.ints = parts[0].ints;
      for (const std::int64_t dim : parts[1].ints) value.ints.push_back(dim);
      value.number = Scalar(parts[0].ints.size());
      return Fit::Yes;
    }
    case Kind::DType:
      return fit(unwrap_dtype(object, value.dtype));
    case Kind::Tensors: {
      if (!PyTuple_Check(object) && !PyList_Check(object)) return Fit::No;
      const Py_ssize_t n = PySequence_Fast_GET_SIZE(object);
      PyObject** items = PySequence_Fast_ITEMS(object);
      Fit found = Fit::Yes;
      for (Py_ssize_t i = 0; i < n; ++i) {
        if (!is_tensor(items[i])) return Fit::No;
        value.tensors.push_back(unwrap(items[i]));
        if (fit_of_tensor(items[i]) == Fit::Asks) found = Fit::Asks;
      }
      return found;
    }
    case Kind::Text:
      return fit(to_text(object, value.text));
    case Kind::Name:
      return to_text(object, value.text) ? Fit::Yes : Fit::Broken;
    case Kind::MemoryFormat: {
      MemoryFormat format;
      if (!unwrap_format(object, format)) return Fit::No;
      value.number = Scalar(static_cast<std::int64_t>(format));
      return Fit::Yes;
    }
    case Kind::Sublists:
      return Fit::No;  // only as variadic arguments
  }
  return Fit::No;
}

PyObject* wrap_number(Scalar number) {
  switch (number.category()) {
    case Category::Bool:
      return PyBool_FromLong(number.to_bool());
    case Category::Integral:
      return PyLong_FromLongLong(number.to_int());
    case Category::Floating:
      return PyFloat_FromDouble(number.to_double());
    case Category::Complex:
      return PyComplex_FromDoubles(number.to_complex().real(), number.to_complex().imag());
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
