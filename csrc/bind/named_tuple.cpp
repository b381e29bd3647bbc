// See named_tuple.h.  The types are those of Python's own named sequences, printed as in torch.
#include "bind/named_tuple.h"

#include <sstream>

#include "bind/guard.h"

namespace pullback::bind {
namespace {

// torch's form: a field on each line.
PyObject* named_tuple_repr(PyObject* self) {
  return guarded([&] {
    std::string text = std::string(Py_TYPE(self)->tp_name) + "(";
    Owned fields(
        PyObject_GetAttrString(reinterpret_cast<PyObject*>(Py_TYPE(self)), "__match_args__"));
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(fields.get()); ++i) {
      Owned value(PyObject_Repr(PyStructSequence_GetItem(self, i)));
      text += std::string(i ? ",\n" : "\n") + PyUnicode_AsUTF8(PyTuple_GET_ITEM(fields.get(), i)) +
              "=" + PyUnicode_AsUTF8(value.get());
    }
    return PyUnicode_FromString((text + ")").c_str());
  });
}

}  // namespace

std::vector<std::string> split(const char* text, char separator) {
  std::vector<std::string> parts;
  std::istringstream stream(text ? text : "");
  for (std::string part; std::getline(stream, part, separator);) {
    const auto first = part.find_first_not_of(' ');
    parts.push_back(part.substr(first, part.find_last_not_of(' ') - first + 1));
  }
  return parts;
}

PyTypeObject* make_named_tuple(const std::string& name, const char* fields) {
  auto* names = new std::vector<std::string>(split(fields, ','));
  std::vector<PyStructSequence_Field> specs;
  for (const std::string& each : *names) specs.push_back({each.c_str(), nullptr});
  specs.push_back({nullptr, nullptr});
  const auto* full_name = new std::string("torch.return_types." + name);
  PyStructSequence_Desc desc{full_name->c_str(), nullptr, specs.data(),
                             static_cast<int>(names->size())};
  PyTypeObject* type = PyStructSequence_NewType(&desc);
  if (!type) throw_python();
  type->tp_repr = named_tuple_repr;
  // The printed name is torch's; pickle looks in the module where the type is.
  Owned module(PyUnicode_FromString("pullback.return_types"));
  check_status(
      PyObject_SetAttrString(reinterpret_cast<PyObject*>(type), "__module__", module.get()));
  return type;
}

}  // namespace pullback::bind
