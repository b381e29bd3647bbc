// The Python object of a tensor: a raw heap type around one handle.
//
// NOTE [Handles]
// A body has at most one Python object at a time, so that `x.grad is x.grad` while somebody holds
// it.  The object owns the body, which points back to it weakly.  When Python drops the object
// while the graph, a .grad or a view still holds the body, the object dies, too, unless Python
// would miss it: it has a __dict__, weak references or another class, or the .grad has a history
// (NOTE [Cycles] in collector.h).  Then ownership turns round: the body has the one reference to
// the object, whose own reference to the body does not count (kOwnsHandle).  It turns back when the
// body is wrapped, or dies.  Weak references may show Python an object that its body owns.
//
// Dead objects of the exact type wait in a free list.  The type takes part in garbage collection,
// but an object is tracked only from the moment it has a __dict__ or hooks, or its body owns it.
// Subclasses get the same deallocator, since Python's own takes slots apart before it asks.
// The facade class in python/pullback/_tensor.py moves its methods onto this type at import; the
// operators stay the slots here.
#pragma once

#include <Python.h>

#include "core/tensor.h"

namespace pullback::bind {

struct PyTensor {
  PyObject_HEAD Tensor tensor;
  PyObject* dict;
  PyObject* weakrefs;
};

// Set when the module is initialised.
extern PyTypeObject* tensor_type;

inline bool is_tensor(PyObject* object) {
  PyTypeObject* type = Py_TYPE(object);
  return type == tensor_type || type->tp_base == tensor_type || PyType_IsSubtype(type, tensor_type);
}
// The object must be a tensor.
inline const Tensor& unwrap(PyObject* object) {
  return reinterpret_cast<PyTensor*>(object)->tensor;
}
// A new reference to the tensor's object; None when it is undefined.
PyObject* wrap(Tensor tensor);
// The same for a result of an operation that keeps the class of its operands, which is a subclass.
PyObject* wrap_result(Tensor tensor, PyTypeObject* type);
// A new object of a subclass, for nn.Parameter.
PyObject* wrap_as(PyTypeObject* type, Tensor tensor);
// A tensor as an object of a subclass; takes the reference.  An object that nobody else holds
// becomes one itself, of another there is a view.
PyObject* give_class(PyObject* object, PyTypeObject* type);

// Creates the type and adds it to the module as "Tensor".
int init_tensor_type(PyObject* module);
// The slots of Python's operators, for init_tensor_type (number_slots.cpp, index.cpp).
extern PyType_Slot number_slots[];
PyObject* tensor_subscript(PyObject* self, PyObject* key);
int tensor_ass_subscript(PyObject* self, PyObject* key, PyObject* value);
PyObject* tensor_richcompare(PyObject* a, PyObject* b, int op);
Py_ssize_t tensor_length(PyObject* self);
// The attributes that are computed in C++ (properties.cpp).
extern PyGetSetDef tensor_properties[];
extern PyMethodDef tensor_methods[];
extern PyMethodDef tensor_functions[];
// to, float, copy_, ... (conversions.cpp); numpy, DLPack (interop.cpp).
extern PyMethodDef conversion_methods[];
extern PyMethodDef interop_methods[];
extern PyBufferProcs tensor_buffer;

}  // namespace pullback::bind
