// Functions of the package that are written in Python and ask those with a say, as the operators
// do: a callable around the function, which looks at its arguments and calls it.
#include <Python.h>
#include <structmember.h>

#include <cstddef>

#include "bind/guard.h"
#include "bind/overrides.h"

namespace pullback::bind {
namespace {

struct PyOverridable {
  PyObject_HEAD vectorcallfunc vectorcall;
  PyObject* function;
};

PyTypeObject* overridable_type = nullptr;

PyObject* function_of(PyObject* self) { return reinterpret_cast<PyOverridable*>(self)->function; }

bool may_have_say(PyObject* object) {
  if (is_quiet(object)) return false;
  return PyTuple_Check(object) || PyList_Check(object) ? any_has_say(object) : has_say(object);
}

PyObject* call(PyObject* self, PyObject* const* args, std::size_t nargsf, PyObject* kwnames) {
  const Py_ssize_t n = PyVectorcall_NARGS(nargsf);
  const Py_ssize_t all = n + (kwnames ? PyTuple_GET_SIZE(kwnames) : 0);
  bool asks = !mode.plain;
  for (Py_ssize_t i = 0; i < all && !asks; ++i) asks = may_have_say(args[i]);
  const auto compute = [&] {
    return PyObject_Vectorcall(function_of(self), args, nargsf, kwnames);
  };
  if (!asks) [[likely]]
    return compute();
  const Answer answer = ask({Callee::Kind::Function, self}, args, n, kwnames);
  if (answer.given) return answer.result;
  // As in Tensor.__torch_function__: what the function calls does not ask again.
  const OverridesOff off(answer.cls != nullptr);
  PyObject* result = compute();
  return result && answer.cls ? keep_class(result, answer.cls) : result;
}

PyObject* get_attribute(PyObject* self, PyObject* name) {
  PyObject* found = PyObject_GenericGetAttr(self, name);
  if (found || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
  PyErr_Clear();
  return PyObject_GetAttr(function_of(self), name);
}

int set_attribute(PyObject* self, PyObject* name, PyObject* value) {
  return PyObject_SetAttr(function_of(self), name, value);
}

PyObject* get_wrapped(PyObject* self, void*) { return Py_NewRef(function_of(self)); }
template <const char* name>
PyObject* get_own(PyObject* self, void*) {
  return PyObject_GetAttrString(function_of(self), name);
}

PyObject* show(PyObject* self) { return PyObject_Repr(function_of(self)); }

PyObject* bind_to(PyObject* self, PyObject* object, PyObject*) {
  return !object || object == Py_None ? Py_NewRef(self) : PyMethod_New(self, object);
}

PyObject* reduce(PyObject* self, PyObject*) {
  return PyObject_GetAttrString(function_of(self), "__qualname__");
}

constexpr const char kDocName[] = "__doc__";
constexpr const char kModuleName[] = "__module__";

PyGetSetDef properties[] = {
    {"__wrapped__", get_wrapped, nullptr, nullptr, nullptr},
    {"__doc__", get_own<kDocName>, nullptr, nullptr, nullptr},
    {"__module__", get_own<kModuleName>, nullptr, nullptr, nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMethodDef methods[] = {
    {"__reduce__", reduce, METH_NOARGS, "Pickles as its qualified name."},
    {nullptr, nullptr, 0, nullptr},
};
PyMemberDef members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(PyOverridable, vectorcall), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

template <typename F>
void* slot(F* function) {
  return reinterpret_cast<void*>(function);
}

// _overridable(function)
PyObject* make(PyObject*, PyObject* function) {
  PyObject* object = overridable_type->tp_alloc(overridable_type, 0);
  if (!object) return nullptr;
  auto* self = reinterpret_cast<PyOverridable*>(object);
  self->vectorcall = call;
  self->function = Py_NewRef(function);
  return object;
}

PyMethodDef functions[] = {
    {"_overridable", make, METH_O, "The function, which asks the classes of its arguments first."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

int init_overridable(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_call, slot(PyVectorcall_Call)},
      {Py_tp_getattro, slot(get_attribute)},
      {Py_tp_setattro, slot(set_attribute)},
      {Py_tp_repr, slot(show)},
      {Py_tp_descr_get, slot(bind_to)},
      {Py_tp_getset, properties},
      {Py_tp_methods, methods},
      {Py_tp_members, members},
      {0, nullptr},
  };
  PyType_Spec spec{"pullback.overridable_function", sizeof(PyOverridable), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR |
                       Py_TPFLAGS_DISALLOW_INSTANTIATION,
                   slots};
  overridable_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!overridable_type) return -1;
  return PyModule_AddFunctions(module, functions);
}

}  // namespace pullback::bind
