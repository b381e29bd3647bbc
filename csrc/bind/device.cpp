// See device.h.  Start reading at parse.
#include "bind/device.h"

#include <string_view>

#include "bind/convert.h"
#include "bind/guard.h"

namespace pullback::bind {
namespace {

constexpr const char* kTypes[] = {
    "cpu",  "cuda", "ipu", "xpu",  "mkldnn", "opengl", "opencl", "ideep", "hip",  "ve",
    "fpga", "maia", "xla", "lazy", "vulkan", "mps",    "meta",   "hpu",   "mtia", "privateuseone"};
constexpr std::int64_t kNoIndex = -1;

struct Place {
  int type = 0;  // in kTypes
  std::int64_t index = kNoIndex;
};

struct PyDevice {
  PyObject_HEAD Place place;
};

PyTypeObject* device_type = nullptr;
PyObject* cpu = nullptr;

const Place& place_of(PyObject* self) { return reinterpret_cast<PyDevice*>(self)->place; }
bool is_device(PyObject* object) { return Py_TYPE(object) == device_type; }

int parse_type(std::string_view name) {
  for (std::size_t k = 0; k < std::size(kTypes); ++k) {
    if (name == kTypes[k]) return static_cast<int>(k);
  }
  std::string all;
  for (const char* each : kTypes) all += (all.empty() ? "" : ", ") + std::string(each);
  fail("Expected one of ", all, " device type at start of device string: ", name);
}

// "cuda:1".
Place parse(std::string_view text) {
  check(!text.empty(), "Device string must not be empty");
  const auto colon = text.find(':');
  Place place;
  if (colon == std::string_view::npos) {
    place.type = parse_type(text);
    return place;
  }
  const std::string_view digits = text.substr(colon + 1);
  const bool number = !digits.empty() && digits.size() <= 9 &&
                      digits.find_first_not_of("0123456789") == std::string_view::npos;
  check(number && (digits.size() == 1 || digits[0] != '0'), "Invalid device string: '", text, "'");
  place.type = parse_type(text.substr(0, colon));
  place.index = std::atoll(std::string(digits).c_str());
  return place;
}

// A device, a name, or an index; false for anything else.
bool read(PyObject* object, Place& place) {
  if (is_device(object)) {
    place = place_of(object);
    return true;
  }
  std::string_view text;
  if (to_text(object, text)) {
    place = parse(text);
    return true;
  }
  std::int64_t index;
  if (is_device_like(object) && to_int(object, index)) {
    check(index >= 0, "Device index must not be negative");
    fail("Cannot access accelerator device when none is available.");
  }
  return false;
}

PyObject* make(Place place) {
  PyObject* object = device_type->tp_alloc(device_type, 0);
  if (!object) throw_python();
  reinterpret_cast<PyDevice*>(object)->place = place;
  return object;
}

Place read_parts(PyObject* type, PyObject* index) {
  std::string_view name;
  check(ErrorKind::Type, to_text(type, name),
        "device(): argument 'type' (position 1) must be str, not ", type_name(type));
  const bool indexed = index && index != Py_None;
  std::int64_t number = kNoIndex;
  if (indexed && !to_int(index, number)) {
    fail(ErrorKind::Type, "device(): argument 'index' (position 2) must be int, not ",
         type_name(index));
  }
  check(name.find(':') == std::string_view::npos,
        "type (string) must not include an index because index was passed explicitly: ", name);
  Place place = parse(name);
  if (!indexed) return place;
  place.index = number;
  check(place.index >= 0, "Device index must not be negative");
  return place;
}

// device(device) or device(type, index=None)
PyObject* device_new(PyTypeObject*, PyObject* args, PyObject* kwargs) {
  return guarded([&]() -> PyObject* {
    static const char* keywords[] = {"type", "index", nullptr};
    static const char* whole[] = {"device", nullptr};
    PyObject *type = nullptr, *index = nullptr;
    const bool by_name = kwargs && PyDict_GET_SIZE(kwargs) > 0;
    const bool named = by_name && PyDict_GetItemString(kwargs, "device");
    if (named || (PyTuple_GET_SIZE(args) == 1 && !by_name)) {
      if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O:device", const_cast<char**>(whole),
                                       &type)) {
        throw_python();
      }
      Place place;
      check(ErrorKind::Type, read(type, place),
            "device() received an invalid combination of arguments - got (", type_name(type),
            "), but expected one of:\n * device(device)\n * device(type, index=None)");
      return make(place);
    }
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:device", const_cast<char**>(keywords),
                                     &type, &index)) {
      throw_python();
    }
    return make(read_parts(type, index));
  });
}

PyObject* get_type(PyObject* self, void*) {
  return PyUnicode_FromString(kTypes[place_of(self).type]);
}
PyObject* get_index(PyObject* self, void*) {
  if (place_of(self).index == kNoIndex) Py_RETURN_NONE;
  return PyLong_FromLongLong(place_of(self).index);
}

PyObject* device_str(PyObject* self) {
  const Place& place = place_of(self);
  if (place.index == kNoIndex) return get_type(self, nullptr);
  return PyUnicode_FromFormat("%s:%lld", kTypes[place.type], static_cast<long long>(place.index));
}
PyObject* device_repr(PyObject* self) {
  const Place& place = place_of(self);
  if (place.index == kNoIndex) return PyUnicode_FromFormat("device(type='%s')", kTypes[place.type]);
  return PyUnicode_FromFormat("device(type='%s', index=%lld)", kTypes[place.type],
                              static_cast<long long>(place.index));
}
Py_hash_t device_hash(PyObject* self) {
  return place_of(self).type * 1000003 + place_of(self).index + 2;
}
PyObject* device_compare(PyObject* a, PyObject* b, int op) {
  if ((op != Py_EQ && op != Py_NE) || !is_device(a) || !is_device(b)) Py_RETURN_NOTIMPLEMENTED;
  const bool same = place_of(a).type == place_of(b).type && place_of(a).index == place_of(b).index;
  return PyBool_FromLong(same == (op == Py_EQ));
}
PyObject* device_reduce(PyObject* self, PyObject*) {
  return guarded([&] {
    const Owned type(get_type(self, nullptr));
    const Owned index(get_index(self, nullptr));
    if (index.get() == Py_None) return Py_BuildValue("(O(O))", device_type, type.get());
    return Py_BuildValue("(O(OO))", device_type, type.get(), index.get());
  });
}
// `with device("cpu")` makes tensors where they are made anyway.
PyObject* device_enter(PyObject* self, PyObject*) {
  return guarded([&] {
    check_device("device.__enter__", self);
    return Py_NewRef(self);
  });
}
PyObject* device_exit(PyObject*, PyObject*) { Py_RETURN_NONE; }

PyGetSetDef properties[] = {
    {"type", get_type, nullptr, "The kind of device, 'cpu' or 'cuda' for example.", nullptr},
    {"index", get_index, nullptr, "Which one of that kind, or None.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr},
};
PyMethodDef methods[] = {
    {"__reduce__", device_reduce, METH_NOARGS, "Pickles as the type and the index."},
    {"__enter__", device_enter, METH_NOARGS,
     "Changes nothing; refuses another device than the CPU."},
    {"__exit__", device_exit, METH_VARARGS, "Changes nothing."},
    {nullptr, nullptr, 0, nullptr},
};

constexpr const char kDoc[] =
    "device(type, index=None)\n\n"
    "The name of a device, also of one that is not there; tensors live on the CPU.\n\n"
    "Args:\n"
    "    type: 'cpu', 'cuda', 'mps', ..., with or without an index behind a colon.\n"
    "    index: which one of that kind.\n\n"
    "Raises:\n"
    "    RuntimeError: there is no such type, or the index is not one.\n\n"
    "Example:\n"
    "    >>> import pullback as pb\n"
    "    >>> pb.device(\"cuda:1\").index, pb.ones(2).device == pb.device(\"cpu\")\n"
    "    (1, True)\n";

template <typename F>
void* slot(F* function) {
  return reinterpret_cast<void*>(function);
}

[[noreturn]] void refuse(const std::string& function, const Place& place, bool moves) {
  const std::string type = kTypes[place.type];
  const std::string end = function + "(): got device '" + type + "', expected 'cpu', the only one.";
  if (type == "cuda" || type == "xpu" || type == "mtia") {
    const std::string name = type == "cuda" ? "CUDA" : type == "xpu" ? "XPU" : "MTIA";
    PyErr_SetString(PyExc_AssertionError,
                    ("Torch not compiled with " + name + " enabled. " + end).c_str());
    throw_python();
  }
  if (moves) fail("PyTorch is not linked with support for ", type, " devices. ", end);
  fail(ErrorKind::NotImplemented, "Could not run '", function, "' with arguments from the '", type,
       "' backend. ", end);
}

}  // namespace

bool is_device_like(PyObject* object) {
  if (is_device(object) || PyUnicode_Check(object) || PyBytes_Check(object)) return true;
  if (PyLong_Check(object)) return !PyBool_Check(object);
  return std::string_view(Py_TYPE(object)->tp_name).starts_with("numpy.") && PyIndex_Check(object);
}

void check_device(std::string_view function, PyObject* object, bool moves) {
  if (!object || object == Py_None || object == cpu) return;
  Place place;
  check(ErrorKind::Type, read(object, place), function,
        "(): argument 'device' must be torch.device, not ", type_name(object));
  if (place.type != 0) refuse(std::string(function), place, moves);
}

PyObject* cpu_device() { return Py_NewRef(cpu); }

int init_device(PyObject* module) {
  PyType_Slot slots[] = {
      {Py_tp_new, slot(device_new)},
      {Py_tp_repr, slot(device_repr)},
      {Py_tp_str, slot(device_str)},
      {Py_tp_hash, slot(device_hash)},
      {Py_tp_richcompare, slot(device_compare)},
      {Py_tp_getset, properties},
      {Py_tp_methods, methods},
      {Py_tp_doc, const_cast<char*>(kDoc)},
      {0, nullptr},
  };
  PyType_Spec spec{"pullback.device", sizeof(PyDevice), 0, Py_TPFLAGS_DEFAULT, slots};
  device_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&spec));
  if (!device_type || PyModule_AddType(module, device_type) < 0) return -1;
  cpu = device_type->tp_alloc(device_type, 0);
  if (!cpu) return -1;
  reinterpret_cast<PyDevice*>(cpu)->place = Place{};
  return 0;
}

}  // namespace pullback::bind
