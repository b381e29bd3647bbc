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
  PyObject* hooks[4] = {PyUnicode_InternFromString("_forward_hooks"),
                        PyUnicode_InternFromString("_forward_pre_hooks"),
                        PyUnicode_InternFromString("_backward_hooks"),
                        PyUnicode_InternFromString("_backward_pre_hooks")};
  PyObject* getattr = PyUnicode_InternFromString("__getattr__");
  PyObject* forward = PyUnicode_InternFromString("forward");
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

// __call__ in Python and the hooks of all modules; both live as long as the module.
PyObject* python_call = nullptr;
PyObject* common_hooks = nullptr;

// False also where one is missing: the error is Python's.
bool has_no_hooks(PyObject* own) {
  for (PyObject* key : names().hooks) {
    PyObject* hooks = PyDict_GetItemWithError(own, key);
    if (!hooks || !PyDict_Check(hooks) || PyDict_GET_SIZE(hooks) > 0) return false;
  }
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(common_hooks); ++i) {
    if (PyDict_GET_SIZE(PyTuple_GET_ITEM(common_hooks, i)) > 0) return false;
  }
  return true;
}

// The forward of the class, unless the object has one of its own or looks for it in another way.
PyObject* forward_of_class(PyObject* self, PyObject* own) {
  if (Py_TYPE(self)->tp_getattro != module_getattro) return nullptr;
  PyObject* found = _PyType_Lookup(Py_TYPE(self), names().forward);
  if (!found || !PyFunction_Check(found)) return nullptr;
  return PyDict_GetItemWithError(own, names().forward) ? nullptr : found;
}

PyObject* call_in_python(PyObject* self, PyObject* args, PyObject* kwargs) {
  return guarded([&] {
    const Owned first(PyTuple_Pack(1, self));
    const Owned all(PySequence_Concat(first.get(), args));
    return PyObject_Call(python_call, all.get(), kwargs);
  });
}

PyObject* module_call(PyObject* self, PyObject* args, PyObject* kwargs) {
  PyObject* own = PyObject_GenericGetDict(self, nullptr);
  if (!own) return nullptr;
  const bool direct = has_no_hooks(own);
  PyObject* function = direct ? forward_of_class(self, own) : nullptr;
  Py_DECREF(own);
  if (PyErr_Occurred()) return nullptr;
  if (!direct) return call_in_python(self, args, kwargs);
  constexpr Py_ssize_t kMost = 8;
  const Py_ssize_t count = PyTuple_GET_SIZE(args);
  if (function && count < kMost && (!kwargs || PyDict_GET_SIZE(kwargs) == 0)) {
    const Owned held = Owned::share(function);
    PyObject* stack[kMost] = {self};
    for (Py_ssize_t i = 0; i < count; ++i) stack[i + 1] = PyTuple_GET_ITEM(args, i);
    return PyObject_Vectorcall(function, stack, static_cast<std::size_t>(count + 1), nullptr);
  }
  PyObject* forward = PyObject_GetAttr(self, names().forward);
  if (!forward) return nullptr;
  PyObject* result = PyObject_Call(forward, args, kwargs);
  Py_DECREF(forward);
  return result;
}

}  // namespace

PyObject* give_module_calls(PyObject* type, PyObject* call, PyObject* hooks) {
  if (!python_call) {
    python_call = Py_NewRef(call);
    common_hooks = Owned(PySequence_Tuple(hooks)).release();
  }
  auto* cls = reinterpret_cast<PyTypeObject*>(type);
  const Owned own_call(PyObject_GetAttrString(type, "__call__"));
  if (own_call.get() == python_call) cls->tp_call = module_call;
  return Py_NewRef(Py_None);
}

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
