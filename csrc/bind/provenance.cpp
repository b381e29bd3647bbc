// See provenance.h.  capture() runs for every recorded operation: start reading there.
#include "bind/provenance.h"

#include <frameobject.h>

#include <string>
#include <string_view>

#include "bind/guard.h"
#include "core/provenance.h"

namespace pullback::bind {
namespace {

// With its slash; code objects below it are skipped.
std::string package_directory;
// File names of code objects are shared by all code of a file, so the last answer nearly always
// serves again.  The references keep the addresses from being used anew.
PyObject* last_user_file = nullptr;

bool is_users(PyCodeObject* code) {
  PyObject* file = code->co_filename;
  if (file == last_user_file) return true;
  const char* name = PyUnicode_AsUTF8(file);
  if (!name) {
    PyErr_Clear();
    return true;
  }
  if (!package_directory.empty() && std::string_view(name).starts_with(package_directory)) {
    return false;
  }
  Py_INCREF(file);
  Py_XSETREF(last_user_file, file);
  return true;
}

std::int32_t instruction_offset(PyFrameObject* frame) {
#if PY_VERSION_HEX >= 0x030B0000
  return PyFrame_GetLasti(frame);
#else
  return frame->f_lasti * 2;
#endif
}

void capture(Provenance& here) {
  PyFrameObject* frame = PyEval_GetFrame();
  if (!frame) return;
  PyCodeObject* code = PyFrame_GetCode(frame);
  if (is_users(code)) [[likely]] {
    here.code = code;
    here.offset = instruction_offset(frame);
    return;
  }
  Py_INCREF(frame);
  while (frame && !is_users(code)) {
    PyFrameObject* caller = PyFrame_GetBack(frame);
    Py_DECREF(frame);
    Py_DECREF(code);
    frame = caller;
    code = frame ? PyFrame_GetCode(frame) : nullptr;
  }
  if (!frame) return;
  here.code = code;
  here.offset = instruction_offset(frame);
  Py_DECREF(frame);
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

}  // namespace

void init_provenance(PyObject* directory) {
  const char* text = PyUnicode_AsUTF8(directory);
  if (!text) throw_python();
  package_directory = text;
  Provenance::set_source({capture, retain, release, describe});
}

}  // namespace pullback::bind
