// See provenance.h.  capture() runs for every recorded operation: start reading there.
#include "bind/provenance.h"

#include <array>
#include <string>
#include <string_view>

#include "bind/frames.h"
#include "bind/guard.h"
#include "bind/tensor_type.h"
#include "core/provenance.h"
#include "core/warning.h"
#include "graph/mode.h"
#include "graph/origin.h"

namespace pullback::bind {
namespace {

// With its slash; code objects below it are skipped.
std::string package_directory;
// What copy.deepcopy makes was made by its caller.
std::string copy_module;
// File names of code objects are shared by all code of a file, so the last answers nearly always
// serve again.  The references keep the addresses from being used anew.
PyObject* last_user_file = nullptr;
std::array<PyObject*, 4> last_own_files{};
std::size_t next_own_file = 0;

void remember(PyObject*& last, PyObject* file) {
  Py_INCREF(file);
  Py_XSETREF(last, file);
}

bool is_users(PyCodeObject* code) {
  PyObject* file = code->co_filename;
  if (file == last_user_file) return true;
  for (PyObject* own : last_own_files) {
    if (file == own) return false;
  }
  const char* name = PyUnicode_AsUTF8(file);
  if (!name) {
    PyErr_Clear();
    return true;
  }
  const bool in_package =
      !package_directory.empty() && std::string_view(name).starts_with(package_directory);
  const bool own = in_package || name == copy_module;
  remember(own ? last_own_files[next_own_file++ % last_own_files.size()] : last_user_file, file);
  return !own;
}

void keep(Provenance& here, Frame* frame, PyCodeObject* code) {
  Py_INCREF(code);
  here.code = code;
  here.offset = instruction_offset(frame);
}

// Apart: the way that is nearly always taken then has no registers to save.
[[gnu::noinline]] void search(Provenance& here) {
  for (Frames frames; frames; frames.next()) {
    PyCodeObject* code = code_of(frames.get());
    if (code && is_users(code)) return keep(here, frames.get(), code);
  }
}

void capture(Provenance& here) {
  Frame* frame = running_frame();
  PyCodeObject* code = frame ? code_of(frame) : nullptr;
  if (code && code->co_filename == last_user_file) [[likely]] {
    keep(here, frame, code);
  } else {
    search(here);
  }
}

void retain(void* code) { Py_INCREF(static_cast<PyObject*>(code)); }
void release(void* code) { Py_DECREF(static_cast<PyObject*>(code)); }

std::string describe(void* opaque, std::int32_t offset) {
  auto* code = static_cast<PyCodeObject*>(opaque);
  const char* file = PyUnicode_AsUTF8(code->co_filename);
  const char* function = PyUnicode_AsUTF8(code->co_name);
  if (!file || !function) {
    PyErr_Clear();
    return "";
  }
  return std::string(file) + ":" + std::to_string(PyCode_Addr2Line(code, offset)) + " in " +
         function;
}

void give_warning(WarningKind kind, const std::string& message) {
  PyObject* const category = kind == WarningKind::User          ? PyExc_UserWarning
                             : kind == WarningKind::Deprecation ? PyExc_DeprecationWarning
                                                                : PyExc_FutureWarning;
  warn_user(category, message.c_str());
}

}  // namespace

void warn_user(PyObject* category, const char* message) {
  // What shows the warning is the user's code, which must not find an operator under way.
  const ModeScope<&Mode::destination> aside{nullptr};
  Py_ssize_t level = 1;
  for (Frame* frame = running_frame(); frame; frame = caller_of(frame)) {
    PyCodeObject* code = code_of(frame);
    if (!code) continue;
    if (is_users(code)) break;
    ++level;
  }
  check_status(PyErr_WarnEx(category, message, level));
}

// The name of a leaf in the module that it belongs to; modules that were never made are not asked.
static std::string name_of(const Tensor& leaf) {
  if (!PyDict_GetItemString(PyImport_GetModuleDict(), "pullback.nn")) return "";
  const Owned names(PyImport_ImportModule("pullback.diagnosis._names"));
  const Owned tensor(wrap(leaf));
  const Owned name(PyObject_CallMethod(names.get(), "name_of", "O", tensor.get()));
  const char* text = PyUnicode_AsUTF8(name.get());
  return text ? text : "";
}

bool called_by_user() {
  for (Frame* frame = running_frame(); frame; frame = caller_of(frame)) {
    if (PyCodeObject* code = code_of(frame)) return is_users(code);
  }
  return true;
}

void note_user_reading(const Tensor& tensor, Origin how) {
  if ((tensor.requires_grad() || tensor.has(kCut)) && called_by_user()) {
    pullback::note_reading(tensor, how);
  }
}

void warn_of_reading(const Tensor& tensor) {
  if (!tensor.requires_grad() || !mode.grad) [[likely]]
    return;
  warn_user(PyExc_UserWarning,
            "Converting a tensor with requires_grad=True to a scalar may lead to unexpected "
            "behavior.\nConsider using tensor.detach() first.");
}

void init_provenance(PyObject* directory, PyObject* copy_file) {
  const char* package = PyUnicode_AsUTF8(directory);
  const char* copy = PyUnicode_AsUTF8(copy_file);
  if (!package || !copy) throw_python();
  package_directory = package;
  copy_module = copy;
  Provenance::set_source({capture, retain, release, describe});
  Warnings::set_handler(give_warning);
  set_namer(name_of);
}

}  // namespace pullback::bind
