// See types.h.
#include "bind/types.h"

#include <algorithm>
#include <string>

#include "bind/guard.h"
#include "bind/interop.h"

namespace pullback::bind {
namespace {

struct PyDType {
  PyObject_HEAD DType dtype;
};

// A constant that is nothing but its name: a layout or a memory format.
struct PyNamed {
  PyObject_HEAD const char* name;
};

PyTypeObject* dtype_type = nullptr;
PyTypeObject* format_type = nullptr;
PyObject* strided = nullptr;
PyObject* formats[4];  // as MemoryFormat counts them, see ops/format.h
PyTypeObject* size_type = nullptr;
PyObject* dtype_objects[kNumDTypes];

DType dtype_of(PyObject* self) { return reinterpret_cast<PyDType*>(self)->dtype; }

// The names are torch's, so that printed tensors and doctests read the same.
PyObject* dtype_repr(PyObject* self) {
  return PyUnicode_FromFormat("torch.%s", name(dtype_of(self)));
}
PyObject* dtype_reduce(PyObject* self, PyObject*) {
  return PyUnicode_FromString(name(dtype_of(self)));
}
PyObject* dtype_is_floating(PyObject* self, void*) {
  return PyBool_FromLong(is_floating(dtype_of(self)));
}
PyObject* dtype_is_complex(PyObject* self, void*) {
  return PyBool_FromLong(is_complex(dtype_of(self)));
}
PyObject* dtype_is_signed(PyObject* self, void*) {
  const DType d = dtype_of(self);
  return PyBool_FromLong(d != DType::Bool && d != DType::UInt8);
}
PyObject* dtype_itemsize(PyObject* self, void*) {
  return PyLong_FromSize_t(item_size(dtype_of(self)));
}

// What NumPy calls to find a dtype of its own.
PyObject* dtype_numpy(PyObject* self, void*) {
  return guarded([&] {
    const Owned numpy(PyImport_ImportModule("numpy"));
    if (dtype_of(self) == DType::BFloat16) {
      const Owned type(numpy_bfloat16());
      return PyObject_CallMethod(numpy.get(), "dtype", "O", type.get());
    }
    return PyObject_CallMethod(numpy.get(), "dtype", "s", name(dtype_of(self)));
  });
}

PyGetSetDef dtype_properties[] = {
    {"is_floating_point", dtype_is_floating, nullptr, "Whether elements are floating point.",
     nullptr},
    {"is_complex", dtype_is_complex, nullptr, "Whether elements are complex.", nullptr},
    {"is_signed", dtype_is_signed, nullptr, "Whether elements can be negative.", nullptr},
    {"itemsize", dtype_itemsize, nullptr, "Bytes of one element.", nullptr},
    {"__numpy_dtype__", dtype_numpy, nullptr,
     "NumPy's dtype of that name, for NumPy 2.4 and later.", nullptr},
    {"dtype", dtype_numpy, nullptr, "NumPy's dtype of that name, for NumPy before 2.4.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyObject* dtype_to_real(PyObject* self, PyObject*) { return wrap_dtype(real_of(dtype_of(self))); }
PyObject* dtype_to_complex(PyObject* self, PyObject*) {
  return guarded([&] {
    const DType d = dtype_of(self);
    check(d != DType::Float16,
          "to_complex(): the complex dtype of float16 would be complex32, "
          "which is not supported. Use torch.complex64.");
    check(is_differentiable(d), "Unknown Complex ScalarType for ", info(d).scalar_name);
    return wrap_dtype(complex_of(d));
  });
}

PyMethodDef dtype_methods[] = {
    {"to_real", dtype_to_real, METH_NOARGS, "The dtype of the real part."},
    {"to_complex", dtype_to_complex, METH_NOARGS,
     "The complex dtype whose parts have this dtype, or the nearest one."},
    {"__reduce__", dtype_reduce, METH_NOARGS, "Pickles as the name in this module."},
    {nullptr, nullptr, 0, nullptr},
};

const char* name_of(PyObject* self) { return reinterpret_cast<PyNamed*>(self)->name; }
PyObject* named_repr(PyObject* self) { return PyUnicode_FromFormat("torch.%s", name_of(self)); }
PyObject* named_reduce(PyObject* self, PyObject*) { return PyUnicode_FromString(name_of(self)); }

PyMethodDef named_methods[] = {
    {"__reduce__", named_reduce, METH_NOARGS, "Pickles as the name in this module."},
    {nullptr, nullptr, 0, nullptr},
};

PyObject* size_of_list(PyObject* tuple) {
  // `tuple` is a plain tuple; its items move to a Size.
  const Py_ssize_t n = PyTuple_GET_SIZE(tuple);
  PyObject* size = size_type->tp_alloc(size_type, n);
  if (!size) return nullptr;
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyTuple_SET_ITEM(size, i, Py_NewRef(PyTuple_GET_ITEM(tuple, i)));
  }
  return size;
}

PyObject* size_repr(PyObject* self) {
  std::string text = "torch.Size([";
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
    if (i) text += ", ";
    text += std::to_string(PyLong_AsLongLong(PyTuple_GET_ITEM(self, i)));
  }
  return PyUnicode_FromString((text + "])").c_str());
}

PyObject* size_new(PyTypeObject* type, PyObject* args, PyObject* kwargs) {
  PyObject* self = PyTuple_Type.tp_new(type, args, kwargs);
  if (!self) return nullptr;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
    PyObject* item = PyTuple_GET_ITEM(self, i);
    if (PyLong_CheckExact(item)) continue;
    PyObject* number = PyIndex_Check(item) ? PyNumber_Index(item) : nullptr;
    if (!number) {
      if (!PyErr_Occurred()) {
        PyErr_Format(PyExc_TypeError, "torch.Size() takes an iterable of 'int' (item %zd is '%s')",
                     i, Py_TYPE(item)->tp_name);
      }
      Py_DECREF(self);
      return nullptr;
    }
    PyTuple_SET_ITEM(self, i, number);
    Py_DECREF(item);
  }
  return self;
}

PyObject* as_size(PyObject* result) {
  if (!result || !PyTuple_CheckExact(result)) return result;
  PyObject* size = size_of_list(result);
  Py_DECREF(result);
  return size;
}

PyObject* size_subscript(PyObject* self, PyObject* key) {
  return as_size(PyTuple_Type.tp_as_mapping->mp_subscript(self, key));
}
// With a Size on either side, so that (3,) + x.shape is one.
PyObject* size_add(PyObject* a, PyObject* b) {
  if (!PyTuple_Check(a) || !PyTuple_Check(b)) Py_RETURN_NOTIMPLEMENTED;
  PyObject* plain = PyTuple_Type.tp_as_sequence->sq_concat(a, b);
  if (!plain) return nullptr;
  PyObject* size = PyObject_CallOneArg(reinterpret_cast<PyObject*>(size_type), plain);
  Py_DECREF(plain);
  return size;
}
PyObject* size_repeat(PyObject* self, Py_ssize_t n) {
  return as_size(PyTuple_Type.tp_as_sequence->sq_repeat(self, n));
}
PyObject* size_numel(PyObject* self, PyObject*) {
  long long count = 1;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(self); ++i) {
    count *= PyLong_AsLongLong(PyTuple_GET_ITEM(self, i));
  }
  return PyLong_FromLongLong(count);
}
PyObject* size_reduce(PyObject* self, PyObject*) {
  PyObject* plain = PySequence_List(self);
  if (!plain) return nullptr;
  return Py_BuildValue("(O(N))", size_type, plain);
}

PyMethodDef size_methods[] = {
    {"numel", size_numel, METH_NOARGS, "The product of the sizes."},
    {"__reduce__", size_reduce, METH_NOARGS, "Pickles as a list of sizes."},
    {nullptr, nullptr, 0, nullptr},
};

template <typename F>
void* slot(F* function) {
  return reinterpret_cast<void*>(function);
}

PyTypeObject* make_type(PyType_Spec& spec, PyObject* bases) {
  return reinterpret_cast<PyTypeObject*>(PyType_FromSpecWithBases(&spec, bases));
}

PyTypeObject* make_named_type(PyObject* module, const char* full_name) {
  PyType_Slot slots[] = {
      {Py_tp_repr, slot(named_repr)},
      {Py_tp_methods, named_methods},
      {0, nullptr},
  };
  PyType_Spec spec{full_name, sizeof(PyNamed), 0,
                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, slots};
  PyTypeObject* type = make_type(spec, nullptr);
  if (type && PyModule_AddType(module, type) < 0) return nullptr;
  return type;
}

PyObject* add_named(PyObject* module, PyTypeObject* type, const char* name) {
  PyObject* object = type ? type->tp_alloc(type, 0) : nullptr;
  if (!object) return nullptr;
  reinterpret_cast<PyNamed*>(object)->name = name;
  return PyModule_AddObjectRef(module, name, object) < 0 ? nullptr : object;
}

// Layouts that no tensor has: programs compare with them.
constexpr const char* kOtherLayouts[] = {"sparse_coo", "sparse_csr", "sparse_csc",
                                         "sparse_bsr", "sparse_bsc", "jagged"};

bool init_constants(PyObject* module) {
  PyTypeObject* layout_type = make_named_type(module, "pullback.layout");
  strided = add_named(module, layout_type, "strided");
  for (const char* each : kOtherLayouts) {
    if (!add_named(module, layout_type, each)) return false;
  }
  format_type = make_named_type(module, "pullback.memory_format");
  formats[0] = add_named(module, format_type, "preserve_format");
  formats[1] = add_named(module, format_type, "contiguous_format");
  formats[2] = add_named(module, format_type, "channels_last");
  formats[3] = add_named(module, format_type, "channels_last_3d");
  return strided && std::ranges::all_of(formats, [](PyObject* each) { return each; });
}

}  // namespace

int init_types(PyObject* module) {
  PyType_Slot dtype_slots[] = {
      {Py_tp_repr, slot(dtype_repr)},
      {Py_tp_getset, dtype_properties},
      {Py_tp_methods, dtype_methods},
      {0, nullptr},
  };
  PyType_Spec dtype_spec{"pullback.dtype", sizeof(PyDType), 0,
                         Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, dtype_slots};
  dtype_type = make_type(dtype_spec, nullptr);
  if (!dtype_type || PyModule_AddObjectRef(module, "dtype", (PyObject*)dtype_type) < 0) return -1;
  for (int i = 0; i < kNumDTypes; ++i) {
    PyObject* object = dtype_type->tp_alloc(dtype_type, 0);
    if (!object) return -1;
    reinterpret_cast<PyDType*>(object)->dtype = static_cast<DType>(i);
    dtype_objects[i] = object;
    if (PyModule_AddObjectRef(module, kDTypeInfo[i].name, object) < 0) return -1;
  }

  if (!init_constants(module)) return -1;
  PyType_Slot size_slots[] = {
      {Py_tp_repr, slot(size_repr)},
      {Py_tp_new, slot(size_new)},
      {Py_mp_subscript, slot(size_subscript)},
      {Py_nb_add, slot(size_add)},
      {Py_sq_repeat, slot(size_repeat)},
      {Py_tp_methods, size_methods},
      {0, nullptr},
  };
  PyType_Spec size_spec{"pullback.Size", 0, 0, Py_TPFLAGS_DEFAULT, size_slots};
  size_type = make_type(size_spec, reinterpret_cast<PyObject*>(&PyTuple_Type));
  if (!size_type) return -1;
  return PyModule_AddObjectRef(module, "Size", reinterpret_cast<PyObject*>(size_type));
}

PyObject* wrap_dtype(DType dtype) { return Py_NewRef(dtype_objects[static_cast<int>(dtype)]); }

bool unwrap_dtype(PyObject* object, DType& dtype) {
  if (Py_TYPE(object) == dtype_type) {
    dtype = dtype_of(object);
  } else if (object == reinterpret_cast<PyObject*>(&PyBool_Type)) {
    dtype = DType::Bool;
  } else if (object == reinterpret_cast<PyObject*>(&PyLong_Type)) {
    dtype = DType::Int64;
  } else if (object == reinterpret_cast<PyObject*>(&PyFloat_Type)) {
    dtype = DType::Float64;
  } else if (object == reinterpret_cast<PyObject*>(&PyComplex_Type)) {
    dtype = DType::Complex128;
  } else {
    return false;
  }
  return true;
}

bool is_layout(PyObject* object) { return Py_TYPE(object) == Py_TYPE(strided); }

bool is_strided(PyObject* object) { return object == strided; }

bool unwrap_format(PyObject* object, MemoryFormat& format) {
  if (Py_TYPE(object) != format_type) return false;
  format = static_cast<MemoryFormat>(std::ranges::find(formats, object) - formats);
  return true;
}

PyObject* wrap_sizes(Sizes sizes) {
  const auto n = static_cast<Py_ssize_t>(sizes.size());
  PyObject* size = size_type->tp_alloc(size_type, n);
  if (!size) throw_python();
  for (Py_ssize_t i = 0; i < n; ++i) {
    PyTuple_SET_ITEM(size, i, PyLong_FromLongLong(sizes[static_cast<std::size_t>(i)]));
  }
  return size;
}

}  // namespace pullback::bind
