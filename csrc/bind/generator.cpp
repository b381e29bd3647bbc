// See generator.h.  A generator of its own belongs to its object, the default one to the process.
#include "bind/generator.h"

#include <algorithm>
#include <mutex>
#include <vector>

#include "bind/convert.h"
#include "bind/device.h"
#include "bind/guard.h"
#include "bind/parameters.h"
#include "bind/tensor_type.h"
#include "bind/types.h"

namespace pullback::bind {
namespace {

struct PyGenerator {
  PyObject_HEAD kernels::Generator* generator;
};

using Lock = std::lock_guard<std::mutex>;

PyTypeObject* generator_type = nullptr;

constexpr const char kDoc[] =
    "Generator(device='cpu')\n\nA source of random numbers: given as ``generator=`` to a random "
    "function it takes the place of\n``default_generator``. The same seed gives the same numbers, "
    "and torch's.\n\nArgs:\n    device: ``\"cpu\"``; there is no other.\n\nRaises:\n    "
    "RuntimeError: the device is another one.\n\nExample:\n    >>> import pullback as pb\n    >>> "
    "a = pb.Generator().manual_seed(3)\n    >>> b = pb.Generator().manual_seed(3)\n    >>> "
    "(pb.rand(2, generator=a) == pb.rand(2, generator=b)).all().item()\n    True";

kernels::Generator& get(PyObject* self) { return *reinterpret_cast<PyGenerator*>(self)->generator; }

PyObject* make(PyTypeObject* type, kernels::Generator* generator) {
  PyObject* self = type->tp_alloc(type, 0);
  if (!self) throw_python();
  reinterpret_cast<PyGenerator*>(self)->generator = generator;
  return self;
}

PyObject* generator_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  return guarded([&] {
    static const char* names[] = {"device", nullptr};
    PyObject* device = nullptr;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|O:Generator", const_cast<char**>(names),
                                     &device)) {
      throw_python();
    }
    check_device("Generator", device);
    return make(type, new kernels::Generator);
  });
}

void generator_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  kernels::Generator* generator = reinterpret_cast<PyGenerator*>(self)->generator;
  if (generator != &kernels::default_generator()) delete generator;
  type->tp_free(self);
  Py_DECREF(type);
}

Tensor state_of(kernels::Generator& generator) {
  const Lock lock(generator.mutex());
  const std::vector<std::uint8_t> bytes = generator.state();
  const auto size = static_cast<std::int64_t>(bytes.size());
  Tensor state = Tensor::empty(Sizes(&size, 1), DType::UInt8);
  std::ranges::copy(bytes, state.data<std::uint8_t>());
  return state;
}

void put_state(kernels::Generator& generator, PyObject* object) {
  check(ErrorKind::Type, is_tensor(object) && unwrap(object).dtype() == DType::UInt8,
        "RNG state must be a torch.ByteTensor");
  const Tensor& state = unwrap(object);
  check(state.is_contiguous(), "RNG state must be contiguous");
  const Lock lock(generator.mutex());
  generator.set_state(state.data<std::uint8_t>(), static_cast<std::size_t>(state.numel()));
}

// As in torch, a negative number stands for itself plus 2**64.
PyObject* manual_seed(PyObject* self, PyObject* number) {
  return guarded([&] {
    check(PyLong_Check(number) && !PyBool_Check(number), "manual_seed expected a long, but got ",
          Py_TYPE(number)->tp_name);
    int overflow = 0;
    auto seed = static_cast<std::uint64_t>(PyLong_AsLongLongAndOverflow(number, &overflow));
    if (overflow > 0) {
      seed = PyLong_AsUnsignedLongLong(number);
      if (PyErr_Occurred()) PyErr_Clear(), overflow = -1;
    }
    if (overflow < 0) {
      PyErr_Format(PyExc_ValueError,
                   "Overflow when unpacking long long: got seed %S, expected -2**63 to 2**64 - 1.",
                   number);
      throw_python();
    }
    const Lock lock(get(self).mutex());
    get(self).manual_seed(seed);
    return Py_NewRef(self);
  });
}

PyObject* seed(PyObject* self, PyObject*) {
  return guarded([&] {
    const Lock lock(get(self).mutex());
    return PyLong_FromUnsignedLongLong(get(self).seed());
  });
}

PyObject* initial_seed(PyObject* self, PyObject*) {
  return PyLong_FromUnsignedLongLong(get(self).initial_seed());
}

PyObject* get_state(PyObject* self, PyObject*) {
  return guarded([&] { return wrap(state_of(get(self))); });
}

PyObject* set_state(PyObject* self, PyObject* state) {
  return guarded([&] {
    put_state(get(self), state);
    return Py_NewRef(self);
  });
}

PyObject* clone_state(PyObject* self, PyObject*) {
  return guarded([&] {
    const Owned copy(make(generator_type, new kernels::Generator));
    const Owned state(wrap(state_of(get(self))));
    put_state(get(copy.get()), state.get());
    return Py_NewRef(copy.get());
  });
}

PyObject* no_offset(PyObject*, PyObject*) {
  return guarded([]() -> PyObject* { fail("CPU Generator does not use offset"); });
}

// (type, (device,), (seed, offset, state)), as torch pickles it.
PyObject* reduce(PyObject* self, PyObject*) {
  return guarded([&] {
    const Owned state(wrap(state_of(get(self))));
    return Py_BuildValue("O(N)(KOO)", Py_TYPE(self), cpu_device(),
                         static_cast<unsigned long long>(get(self).initial_seed()), Py_None,
                         state.get());
  });
}

PyObject* restore(PyObject* self, PyObject* state) {
  return guarded([&]() -> PyObject* {
    unsigned long long seed = 0;
    PyObject *offset = nullptr, *bytes = nullptr;
    if (!PyArg_ParseTuple(state, "KOO:__setstate__", &seed, &offset, &bytes)) throw_python();
    put_state(get(self), bytes);
    Py_RETURN_NONE;
  });
}

PyObject* device_of(PyObject*, void*) { return cpu_device(); }

PyMethodDef methods[] = {
    {"manual_seed", manual_seed, METH_O,
     "manual_seed(seed)\n\nStarts from a seed, -2**63 to 2**64 - 1; returns the generator."},
    {"seed", seed, METH_NOARGS, "seed()\n\nStarts from a random seed, and returns that."},
    {"initial_seed", initial_seed, METH_NOARGS, "initial_seed()\n\nThe seed it was started from."},
    {"get_state", get_state, METH_NOARGS,
     "get_state()\n\nThe state as a tensor of bytes, shape [5056]."},
    {"set_state", set_state, METH_O,
     "set_state(new_state)\n\nPuts it into a state that get_state gave; returns the generator."},
    {"clone_state", clone_state, METH_NOARGS,
     "clone_state()\n\nAnother generator in the same state."},
    {"get_offset", no_offset, METH_NOARGS,
     "get_offset()\n\nRaises: a generator of the CPU has none."},
    {"set_offset", no_offset, METH_O,
     "set_offset(offset)\n\nRaises: a generator of the CPU has none."},
    {"__reduce__", reduce, METH_NOARGS, nullptr},
    {"__setstate__", restore, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr},
};

PyGetSetDef properties[] = {
    {"device", device_of, nullptr, "The CPU.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};

template <typename F>
void* slot(F* function) {
  return reinterpret_cast<void*>(function);
}

}  // namespace

kernels::Generator* generator_of(PyObject* object) {
  return PyObject_TypeCheck(object, generator_type) ? &get(object) : nullptr;
}

int init_generator(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_new, slot(generator_new)},
      {Py_tp_dealloc, slot(generator_dealloc)},
      {Py_tp_methods, methods},
      {Py_tp_getset, properties},
      {Py_tp_doc, const_cast<char*>(kDoc)},
      {0, nullptr},
  };
  PyType_Spec spec{"pullback.Generator", sizeof(PyGenerator), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, slots};
  generator_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!generator_type || PyModule_AddType(module, generator_type) < 0) return -1;
  return guarded_status([&] {
    const Owned common(make(generator_type, &kernels::default_generator()));
    return PyModule_AddObjectRef(module, "default_generator", common.get());
  });
}

}  // namespace pullback::bind
