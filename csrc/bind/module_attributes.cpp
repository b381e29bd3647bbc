// See module_attributes.h.
#include "bind/module_attributes.h"

#include "bind/guard.h"

namespace pullback::bind {
namespace {

// Made once and never freed, as interned names are.
struct Names {
  PyObject* places[3] = {PyUnicode_InternFromString("_parameters"),
                         PyUnicode_InternFromString("_buffers"),
                         PyUnicode_InternFromString("_modules")};
  PyObject* getattr = PyUnicode_InternFromString("__getattr__");
};

const Names& names() {
  static const Names all;
  return all;
}

// Borrowed; null without an error where it is not.
PyObject* in_places(PyObject* own, PyObject* name) {
  PyObject* found = PyDict_GetItemWithError(own, name);
  for (PyObject* key : names().places) {
    if (found || PyErr_Occurred()) break;
    PyObject* place = PyDict_GetItemWithError(own, key);
    if (place && PyDict_Check(place)) found = PyDict_GetItemWithError(place, name);
  }
  return found;
}

PyObject* module_getattro(PyObject* self, PyObject* name) {
  if (_PyType_Lookup(Py_TYPE(self), name)) {
    // What the class defines comes first, as everywhere in Python.
    PyObject* found = PyObject_GenericGetAttr(self, name);
    if (found || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
    PyErr_Clear();
  } else {
    PyObject* own = PyObject_GenericGetDict(self, nullptr);
    if (!own) return nullptr;
    PyObject* found = Py_XNewRef(in_places(own, name));
    Py_DECREF(own);
    if (found || PyErr_Occurred()) return found;
  }
  return PyObject_CallMethodOneArg(self, names().getattr, name);
}

}  // namespace

PyObject* give_module_attributes(PyObject* type, PyObject* getattr) {
  auto* cls = reinterpret_cast<PyTypeObject*>(type);
  const Owned own_getattr(PyObject_GetAttrString(type, "__getattr__"));
  const Owned own_getattribute(PyObject_GetAttrString(type, "__getattribute__"));
  const Owned plain(
      PyObject_GetAttrString(reinterpret_cast<PyObject*>(&PyBaseObject_Type), "__getattribute__"));
  if (own_getattr.get() == getattr && own_getattribute.get() == plain.get()) {
    cls->tp_getattro = module_getattro;
    PyType_Modified(cls);
  }
  return Py_NewRef(Py_None);
}

}  // namespace pullback::bind
