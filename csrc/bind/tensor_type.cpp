// See tensor_type.h.
#include "bind/tensor_type.h"

#include <structmember.h>

#include <cstddef>
#include <new>
#include <vector>

#include "bind/collector.h"
#include "bind/guard.h"
#include "bind/hooks.h"
#include "bind/overrides.h"
#include "graph/meta.h"
#include "ops/basic.h"

namespace pullback::bind {

PyTypeObject* tensor_type = nullptr;

namespace {

constexpr int kFreeListSize = 128;
PyTensor* free_list[kFreeListSize];
int num_free = 0;

class PyGradCycle final : public GradCycle {
 public:
  PyGradCycle() { owned_made(); }
  ~PyGradCycle() override { owned_gone(); }
  PyGradCycle(const PyGradCycle&) = delete;
  PyGradCycle& operator=(const PyGradCycle&) = delete;
};

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

void track(PyObject* object) {
  if (!PyObject_GC_IsTracked(object)) PyObject_GC_Track(object);
}

bool is_owned(const PyTensor* self) { return self->tensor.body()->raw_flags & kOwnsHandle; }

// See NOTE [Handles].
bool is_missed(PyTensor* self) {
  if (self->dict || self->weakrefs || Py_TYPE(self) != tensor_type) return true;
  AutogradMeta* meta = meta_of(self->tensor);
  if (!meta || !meta->grad.defined()) return false;
  // It may have been written to since it became the gradient.
  if (!meta->cycle && meta->grad.requires_grad()) meta->cycle = std::make_unique<PyGradCycle>();
  return meta->cycle != nullptr;
}

// What __slots__ of subclasses hold.
template <typename Meet>
void for_each_slot(PyObject* object, Meet&& meet) {
  for (const PyTypeObject* type = Py_TYPE(object); type != tensor_type; type = type->tp_base) {
    for (const PyMemberDef* member = type->tp_members; member && member->name; ++member) {
      if (member->type != T_OBJECT_EX || member->flags & READONLY) continue;
      meet(*reinterpret_cast<PyObject**>(reinterpret_cast<char*>(object) + member->offset));
    }
  }
}

// Of an object that nobody holds any more: true when the body keeps it.
bool leave_to_body(PyObject* object) {
  PyTensor* self = self_of(object);
  TensorBody* body = self->tensor.body();
  if (!body || body->refs.get() == 1 || !is_missed(self)) return false;
  Py_SET_REFCNT(object, 1);
  track(object);
  body->raw_flags |= kOwnsHandle;
  owned_made();
  {
    // What was there before the core owned anything may lead back.
    const ErrorScope keep;
    track_held(self->dict);
    for_each_slot(object, [](PyObject* held) { track_held(held); });
  }
  // The object's own reference; if another thread dropped the others meanwhile, all ends here.
  Ref<TensorBody>::adopt(body);
  return true;
}

// The object owns its body again: a reference to the object.
PyObject* take_back(TensorBody* body) {
  body->refs.increment();
  body->raw_flags &= ~std::uint32_t{kOwnsHandle};
  owned_gone();
  return static_cast<PyObject*>(body->handle);
}

bool release_handle(TensorBody* body) noexcept {
  // While the interpreter ends there are objects still, afterwards there is no thread state.
  if (!PyGILState_GetThisThreadState()) return false;
  Py_DECREF(take_back(body));
  return true;
}

// Objects of subclasses without slots differ in their type alone.
bool has_plain_layout(const PyTypeObject* type) {
  return type->tp_basicsize == static_cast<Py_ssize_t>(sizeof(PyTensor)) && type->tp_itemsize == 0;
}

void change_type(PyObject* object, PyTypeObject* type) {
  PyTypeObject* before = Py_TYPE(object);
  Py_INCREF(type);
  Py_SET_TYPE(object, type);
  Py_DECREF(before);
}

// An object of the exact type, which the free list holds with its reference to the type.
void recycle(PyTensor* self) {
#ifndef Py_GIL_DISABLED
  if (num_free < kFreeListSize) {
    free_list[num_free++] = self;
    return;
  }
#endif
  PyObject_GC_Del(self);
  Py_DECREF(tensor_type);
}

void destroy(PyObject* object) {
  PyTensor* self = self_of(object);
  PyTypeObject* type = Py_TYPE(object);
  if (self->weakrefs) PyObject_ClearWeakRefs(object);
  for_each_slot(object, [](PyObject*& held) { Py_CLEAR(held); });
  Py_CLEAR(self->dict);
  if (self->tensor.defined()) self->tensor.body()->handle = nullptr;
  self->tensor.~Tensor();
  if (type == tensor_type) {
    recycle(self);
  } else {
    type->tp_free(object);
    Py_DECREF(type);
  }
}

void tensor_dealloc(PyObject* object);

// Chains through slots do not recurse.
void destroy_subclass(PyObject* object) {
  Py_TRASHCAN_BEGIN(object, tensor_dealloc);
  destroy(object);
  Py_TRASHCAN_END;
}

// Nothing that Python would miss, and nothing to look through: nearly all tensors.
bool is_bare(const PyTensor* self) {
  return !self->dict && !self->weakrefs && self->tensor.defined() && !self->tensor.body()->meta;
}

// The same of an object of a subclass that nothing else holds the body of.
bool is_bare_subclass(const PyTensor* self, const PyTypeObject* type) {
  return is_bare(self) && !type->tp_finalize && has_plain_layout(type) &&
         self->tensor.body()->refs.get() == 1;
}

void tensor_dealloc(PyObject* object) {
  PyTensor* self = self_of(object);
  if (Py_TYPE(self) == tensor_type && is_bare(self) && !PyObject_GC_IsTracked(object)) [[likely]] {
    self->tensor.body()->handle = nullptr;
    self->tensor.~Tensor();
    return recycle(self);
  }
  PyTypeObject* type = Py_TYPE(object);
  if (type != tensor_type && is_bare_subclass(self, type)) {
    PyObject_GC_UnTrack(object);
    forget_holder(object);
    self->tensor.body()->handle = nullptr;
    self->tensor.~Tensor();
    change_type(object, tensor_type);
    return recycle(self);
  }
  if (leave_to_body(object)) return;
  if (type == tensor_type) [[likely]] {
    if (PyObject_GC_IsTracked(object)) {
      PyObject_GC_UnTrack(object);
      forget_holder(object);
    }
    destroy(object);
    return;
  }
  // What __del__ computes may keep the body.
  if (type->tp_finalize && PyObject_CallFinalizerFromDealloc(object) < 0) return;
  if (leave_to_body(object)) return;
  PyObject_GC_UnTrack(object);
  forget_holder(object);
  destroy_subclass(object);
}

int tensor_traverse(PyObject* object, visitproc visit, void* arg) {
  const PyTensor* self = self_of(object);
  Py_VISIT(self->dict);
  Py_VISIT(Py_TYPE(object));
  if (!self->tensor.defined()) return 0;
  return visit_body(object, self->tensor.body(), !is_owned(self), visit, arg);
}

int tensor_clear(PyObject* object) {
  PyTensor* self = self_of(object);
  Py_CLEAR(self->dict);
  if (!self->tensor.defined()) return 0;
  AutogradMeta* meta = meta_of(self->tensor);
  if (meta && is_doomed(object)) {
    // The last reference to the body may be in there: then the object gets its own back.
    const Tensor grad = std::exchange(meta->grad, Tensor());
  }
  if (!is_owned(self)) clear_hooks(self->tensor);
  return 0;
}

// Classes of tensors are made by Python, with a deallocator of Python's.
void adopt_type(PyTypeObject* type) {
  if (type->tp_dealloc != tensor_dealloc) [[unlikely]]
    type->tp_dealloc = tensor_dealloc;
}

void adopt_supported_type(PyTypeObject* type) {
  if (type->tp_dealloc != tensor_dealloc) [[unlikely]]
    refuse_dispatch(type);
  adopt_type(type);
}

int tensor_setattro(PyObject* object, PyObject* name, PyObject* value) {
  const int status = PyObject_GenericSetAttr(object, name, value);
  adopt_type(Py_TYPE(object));  // `x.__class__ = ...`
  if (self_of(object)->dict) track(object);
  return status;
}

// The old constructors are Python's, and nobody's hot path.
PyObject* tensor_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&] {
    const Owned module(PyImport_ImportModule("pullback._tensor_types"));
    const Owned keywords(kwargs ? Py_NewRef(kwargs) : PyDict_New());
    return Owned(PyObject_CallMethod(module.get(), "new", "OOO", type, args, keywords.get()))
        .release();
  });
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

// The object of a tensor that has none; null when the allocation has made a collection, and a
// finalizer an object of this tensor.
inline PyTensor* make_object(Tensor& tensor) {
  PyTensor* object = allocate_object();
  object->dict = nullptr;
  object->weakrefs = nullptr;
  TensorBody* body = tensor.body();
  if (body->handle) [[unlikely]] {
    new (&object->tensor) Tensor;
    Py_DECREF(object);
    return nullptr;
  }
  body->handle = object;
  new (&object->tensor) Tensor(std::move(tensor));
  return object;
}

// The object by which the collector finds the cycle is kept by the body.
void make_cycle(const Tensor& tensor) {
  meta_of(tensor)->cycle = std::make_unique<PyGradCycle>();
  const Owned object(wrap(tensor));
  track(object.get());
}

}  // namespace

PyObject* wrap(Tensor tensor) {
  if (!tensor.defined()) Py_RETURN_NONE;
  TensorBody* body = tensor.body();
  if (body->handle) {
    if (body->raw_flags & kOwnsHandle) [[unlikely]]
      return take_back(body);
    return Py_NewRef(static_cast<PyObject*>(body->handle));
  }
  PyTensor* object = make_object(tensor);
  if (!object) [[unlikely]]
    return wrap(std::move(tensor));
  if (body->raw_flags & kHooked || live_owned) [[unlikely]]
    PyObject_GC_Track(object);
  return reinterpret_cast<PyObject*>(object);
}

PyObject* wrap_result(Tensor tensor, PyTypeObject* type) {
  const bool is_fresh = tensor.defined() && !tensor.body()->handle;
  if (is_fresh && type->tp_dealloc == tensor_dealloc && has_plain_layout(type)) [[likely]] {
    if (PyTensor* made = make_object(tensor)) [[likely]] {
      auto* object = reinterpret_cast<PyObject*>(made);
      change_type(object, type);
      PyObject_GC_Track(object);
      return object;
    }
  }
  return keep_class(wrap(std::move(tensor)), type);
}

PyObject* wrap_as(PyTypeObject* type, Tensor tensor) {
  if (type == tensor_type) return wrap(std::move(tensor));
  adopt_supported_type(type);
  PyObject* object = type->tp_alloc(type, 0);
  if (!object) throw_python();
  tensor.body()->handle = object;
  new (&self_of(object)->tensor) Tensor(std::move(tensor));
  return object;
}

PyObject* give_class(PyObject* object, PyTypeObject* type) {
  const PyTensor* self = self_of(object);
  if (Py_TYPE(object) != tensor_type || Py_REFCNT(object) != 1 || self->dict || self->weakrefs ||
      !has_plain_layout(type)) {
    const Owned held(object);
    return wrap_as(type, alias_view(unwrap(object)));
  }
  adopt_supported_type(type);
  change_type(object, type);
  track(object);
  return object;
}

int init_tensor_type(PyObject* module) {
  if (guarded_status([] { return prepare_collector(), 0; }) < 0) return -1;
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
  TensorBody::set_handle_release(release_handle);
  set_cycle_maker(make_cycle);
  if (PyModule_AddObjectRef(module, "Tensor", type) < 0) return -1;
  return init_overrides(module) < 0 ? -1 : init_overridable(module);
}

}  // namespace pullback::bind
