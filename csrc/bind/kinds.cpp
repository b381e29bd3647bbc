// What an argument of a function in Python must be: the checks that python/pullback/_arguments.py
// offers to the facade.
//
// `_expect_flags("grad", has_aux=has_aux)` raises "grad(): argument 'has_aux' must be bool, not
// str" for the first keyword whose value is of another kind.
#include "bind/kinds.h"

#include <cstring>

#include "bind/tensor_type.h"

namespace pullback::bind {
namespace {

bool has_index(PyObject* value) { return PyIndex_Check(value); }
bool is_bool(PyObject* value) { return PyBool_Check(value); }
bool is_text(PyObject* value) { return PyUnicode_Check(value); }
bool is_callable(PyObject* value) { return PyCallable_Check(value); }
bool has_float(PyObject* value) {
  const PyNumberMethods* number = Py_TYPE(value)->tp_as_number;
  return number && (number->nb_float || number->nb_index);
}
// Numbers and None serve, too.
bool is_flag(PyObject* value) {
  return PyBool_Check(value) || value == Py_None || PyFloat_Check(value) || PyIndex_Check(value);
}

const char* name_of_type(PyObject* value) {
  const char* name = Py_TYPE(value)->tp_name;
  const char* dot = std::strrchr(name, '.');
  return dot ? dot + 1 : name;
}

using Args = PyObject* const*;

PyObject* expect(bool (*is)(PyObject*), const char* wanted, Args args, Py_ssize_t n,
                 PyObject* names) {
  if (n != 1 || !PyUnicode_Check(args[0])) {
    return PyErr_Format(PyExc_TypeError, "expected the name of a function and values by name");
  }
  const Py_ssize_t count = names ? PyTuple_GET_SIZE(names) : 0;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* value = args[n + i];
    if (is(value)) continue;
    return PyErr_Format(PyExc_TypeError, "%U(): argument '%U' must be %s, not %s", args[0],
                        PyTuple_GET_ITEM(names, i), wanted, name_of_type(value));
  }
  Py_RETURN_NONE;
}

PyObject* expect_tensors(PyObject*, Args args, Py_ssize_t n, PyObject* names) {
  return expect(is_tensor, "Tensor", args, n, names);
}
PyObject* expect_bools(PyObject*, Args args, Py_ssize_t n, PyObject* names) {
  return expect(is_bool, "bool", args, n, names);
}
PyObject* expect_flags(PyObject*, Args args, Py_ssize_t n, PyObject* names) {
  return expect(is_flag, "bool", args, n, names);
}
PyObject* expect_numbers(PyObject*, Args args, Py_ssize_t n, PyObject* names) {
  return expect(has_float, "float", args, n, names);
}
PyObject* expect_integers(PyObject*, Args args, Py_ssize_t n, PyObject* names) {
  return expect(has_index, "int", args, n, names);
}
PyObject* expect_texts(PyObject*, Args args, Py_ssize_t n, PyObject* names) {
  return expect(is_text, "str", args, n, names);
}
PyObject* expect_functions(PyObject*, Args args, Py_ssize_t n, PyObject* names) {
  return expect(is_callable, "a function", args, n, names);
}

PyMethodDef method(const char* name,
                   PyObject* (*function)(PyObject*, Args, Py_ssize_t, PyObject*)) {
  const auto untyped = reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function));
  return {name, untyped, METH_FASTCALL | METH_KEYWORDS, nullptr};
}

}  // namespace

PyMethodDef kind_functions[] = {
    method("_expect_tensors", expect_tensors),     method("_expect_bools", expect_bools),
    method("_expect_flags", expect_flags),         method("_expect_numbers", expect_numbers),
    method("_expect_integers", expect_integers),   method("_expect_texts", expect_texts),
    method("_expect_functions", expect_functions), {nullptr, nullptr, 0, nullptr},
};

}  // namespace pullback::bind
