// See tensor_type.h.
#include "bind/tensor_type.h"

#include <structmember.h>

#include <cstddef>
#include <new>
#include <vector>

#include "bind/collector.h"
#include "bind/guard.h"
#include "bind/hooks.h"

namespace pullback::bind {

PyTypeObject* tensor_type = nullptr;

namespace {

constexpr int kFreeListSize = 128;
PyTensor* free_list[kFreeListSize];
int num_free = 0;

PyTensor* self_of(PyObject* object) { return reinterpret_cast<PyTensor*>(object); }

// A fresh object of the exact type, not tracked by the collector.
PyTensor* allocate_object() {
#ifndef Py_GIL_DISABLED
  if (num_free > 0) {
    PyTensor* object = free_list[--num_free];
    Py_SET_REFCNT(reinterpret_cast<PyObject*>(object), 1);
    return object;
  }
#endif
  PyTensor* object = PyObject_GC_New(PyTensor, tensor_type);
  if (!object) throw_python();
  return object;
}

void tensor_dealloc(PyObject* object) {
  PyTensor* self = self_of(object);
  PyTypeObject* type = Py_TYPE(object);
  if (PyObject_GC_IsTracked(object)) PyObject_GC_UnTrack(object);
  if (self->weakrefs) PyObject_ClearWeakRefs(object);
  Py_CLEAR(self->dict);
  if (self->tensor.defined()) self->tensor.body()->handle = nullptr;
  self->tensor.~Tensor();
  if (type == tensor_type) {
#ifndef Py_GIL_DISABLED
    if (num_free < kFreeListSize) {
      free_list[num_free++] = self;
      return;
    }
#endif
    PyObject_GC_Del(object);
  } else {
    type->tp_free(object);
  }
  Py_DECREF(type);
}

int tensor_traverse(PyObject* object, visitproc visit, void* arg) {
  Py_VISIT(self_of(object)->dict);
  Py_VISIT(Py_TYPE(object));
  return visit_body(object, self_of(object)->tensor.body(), visit, arg);
}

int tensor_clear(PyObject* object) {
  Py_CLEAR(self_of(object)->dict);
  clear_hooks(self_of(object)->tensor);
  return 0;
}

int tensor_setattro(PyObject* object, PyObject* name, PyObject* value) {
  const int status = PyObject_GenericSetAttr(object, name, value);
  if (self_of(object)->dict && !PyObject_GC_IsTracked(object)) PyObject_GC_Track(object);
  return status;
}

PyObject* tensor_new(PyTypeObject*, PyObject*, PyObject*) {
  PyErr_SetString(PyExc_TypeError,
                  "Tensor: a tensor is not made by its type. Use pullback.tensor(data), "
                  "pullback.empty(sizes) or another factory.");
  return nullptr;
}

PyMemberDef members[] = {
    {"__dictoffset__", T_PYSSIZET, offsetof(PyTensor, dict), READONLY, nullptr},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(PyTensor, weakrefs), READONLY, nullptr},
    {nullptr, 0, 0, 0, nullptr},
};

template <typename F>
void* slot(F* function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

PyObject* wrap(Tensor tensor) {
  if (!tensor.defined()) Py_RETURN_NONE;
  TensorBody* body = tensor.body();
  if (body->handle) return Py_NewRef(static_cast<PyObject*>(body->handle));
  PyTensor* object = allocate_object();
  body->handle = object;
  new (&object->tensor) Tensor(std::move(tensor));
  object->dict = nullptr;
  object->weakrefs = nullptr;
  if (body->raw_flags & kHooked || live_owned) [[unlikely]]
    PyObject_GC_Track(object);
  return reinterpret_cast<PyObject*>(object);
}

PyObject* wrap_as(PyTypeObject* type, Tensor tensor) {
  if (type == tensor_type) return wrap(std::move(tensor));
  PyObject* object = type->tp_alloc(type, 0);
  if (!object) throw_python();
  tensor.body()->handle = object;
  new (&self_of(object)->tensor) Tensor(std::move(tensor));
  return object;
}

int init_tensor_type(PyObject* module) {
  // The type refers to its methods as long as it lives.
  static std::vector<PyMethodDef> methods;
  for (const PyMethodDef* each : {tensor_methods, conversion_methods, interop_methods}) {
    for (; each->ml_name; ++each) methods.push_back(*each);
  }
  methods.push_back({nullptr, nullptr, 0, nullptr});
  std::vector<PyType_Slot> slots = {
      {Py_tp_dealloc, slot(tensor_dealloc)},
      {Py_tp_traverse, slot(tensor_traverse)},
      {Py_tp_clear, slot(tensor_clear)},
      {Py_tp_setattro, slot(tensor_setattro)},
      {Py_tp_new, slot(tensor_new)},
      {Py_tp_members, members},
      {Py_tp_getset, tensor_properties},
      {Py_tp_methods, methods.data()},
      {Py_bf_getbuffer, slot(tensor_buffer.bf_getbuffer)},
      {Py_bf_releasebuffer, slot(tensor_buffer.bf_releasebuffer)},
      {Py_tp_richcompare, slot(tensor_richcompare)},
      {Py_tp_hash, slot(PyBaseObject_Type.tp_hash)},
      {Py_mp_subscript, slot(tensor_subscript)},
      {Py_mp_ass_subscript, slot(tensor_ass_subscript)},
      {Py_mp_length, slot(tensor_length)},
  };
  for (const PyType_Slot* s = number_slots; s->slot; ++s) slots.push_back(*s);
  slots.push_back({0, nullptr});
  PyType_Spec spec{"pullback.Tensor", sizeof(PyTensor), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC, slots.data()};
  PyObject* type = PyType_FromSpec(&spec);
  if (!type) return -1;
  tensor_type = reinterpret_cast<PyTypeObject*>(type);
  return PyModule_AddObjectRef(module, "Tensor", type);
}

}  // namespace pullback::bind
