// See profile.h.
#include "bind/profile.h"

#include <frameobject.h>

#include <memory>

#include "bind/guard.h"
#include "bind/overrides.h"
#include "bind/tensor_type.h"
#include "core/error.h"

namespace pullback::bind {
namespace {

// The frames of the calling code, as PyTorch writes them.
std::vector<std::string> stack_now() {
  std::vector<std::string> found;
  PyFrameObject* frame = PyEval_GetFrame();
  Py_XINCREF(frame);
  while (frame) {
    const Owned code(reinterpret_cast<PyObject*>(PyFrame_GetCode(frame)));
    const auto* c = reinterpret_cast<PyCodeObject*>(code.get());
    const char* file = PyUnicode_AsUTF8(c->co_filename);
    const char* function = PyUnicode_AsUTF8(c->co_name);
    if (file && function) {
      found.push_back(std::string(file) + "(" + std::to_string(PyFrame_GetLineNumber(frame)) +
                      "): " + function);
    } else {
      PyErr_Clear();
    }
    PyFrameObject* caller = PyFrame_GetBack(frame);
    Py_DECREF(frame);
    frame = caller;
  }
  return found;
}

// Those of the events; nothing for what is no tensor.
Dims shape_of(PyObject* operand) { return is_tensor(operand) ? unwrap(operand).shape() : Dims(); }

std::size_t open_event(Profile& profile, const char* name, Profile::Kind kind) {
  Provenance here;
  here.capture();
  return profile.open(name, kind, here,
                      profile.wants_stacks() ? stack_now() : std::vector<std::string>());
}

}  // namespace

void Timed::open(const char* name, PyObject* const* operands, Py_ssize_t count) {
  profile_ = mode.profile;
  number_ = open_event(*profile_, name, Profile::Kind::Operator);
  if (!profile_->wants_shapes()) return;
  std::vector<Dims>& shapes = profile_->events[number_].shapes;
  for (Py_ssize_t i = 0; i < count; ++i) {
    PyObject* item = operands[i];
    if (PyList_Check(item) || PyTuple_Check(item)) {
      const Owned each(PySequence_Fast(item, ""));
      for (Py_ssize_t k = 0; k < PySequence_Fast_GET_SIZE(each.get()); ++k) {
        shapes.push_back(shape_of(PySequence_Fast_GET_ITEM(each.get(), k)));
      }
    } else {
      shapes.push_back(shape_of(item));
    }
  }
}

void Timed::open(const char* name, PyObject* a, PyObject* b, PyObject* c) {
  PyObject* const operands[] = {a, b, c};
  open(name, operands, c ? 3 : b ? 2 : 1);
}

void Timed::close() {
  // A profiler that was switched off in the meantime took its events away.
  if (profile_ == mode.profile) profile_->close(number_);
}

namespace {

void unlink(Profile* profile) {
  for (PassObserver** link = &mode.observers; *link; link = &(*link)->outer) {
    if (*link != profile) continue;
    *link = profile->outer;
    return;
  }
}

// _profile_start(shapes, stacks)
PyObject* start(PyObject*, PyObject* args) {
  return guarded([&]() -> PyObject* {
    int shapes, stacks;
    if (!PyArg_ParseTuple(args, "pp:_profile_start", &shapes, &stacks)) throw_python();
    check(!mode.profile, "profile: a profiler is running on this thread already.");
    mode.profile = new Profile(shapes, stacks);
    mode.profile->outer = mode.observers;
    mode.observers = mode.profile;
    refresh_plain();
    Py_RETURN_NONE;
  });
}

PyObject* stop(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    check(mode.profile != nullptr, "profile: no profiler is running on this thread.");
    unlink(mode.profile);
    const std::unique_ptr<Profile> profile(std::exchange(mode.profile, nullptr));
    refresh_plain();
    Owned list(PyList_New(0));
    for (const Profile::Event& each : profile->events) {
      const Owned shapes(PyList_New(0)), stack(PyList_New(0));
      for (const Dims& shape : each.shapes) {
        const Owned sizes(PyList_New(0));
        for (const std::int64_t size : shape) {
          const Owned number(PyLong_FromLongLong(size));
          check_status(PyList_Append(sizes.get(), number.get()));
        }
        check_status(PyList_Append(shapes.get(), sizes.get()));
      }
      for (const std::string& frame : each.stack) {
        const Owned text(PyUnicode_FromString(frame.c_str()));
        check_status(PyList_Append(stack.get(), text.get()));
      }
      const Owned event(
          Py_BuildValue("(siiLLLsKKOO)", each.name.c_str(), static_cast<int>(each.kind), each.depth,
                        static_cast<long long>(each.start), static_cast<long long>(each.end),
                        static_cast<long long>(each.bytes), each.place.c_str(),
                        static_cast<unsigned long long>(each.first_node),
                        static_cast<unsigned long long>(each.end_node), shapes.get(), stack.get()));
      check_status(PyList_Append(list.get(), event.get()));
    }
    return list.release();
  });
}

PyObject* open_region(PyObject*, PyObject* name) {
  return guarded([&]() -> PyObject* {
    const char* text = PyUnicode_AsUTF8(name);
    if (!text) throw_python();
    if (mode.profile) {
      const std::size_t number = open_event(*mode.profile, text, Profile::Kind::Region);
      mode.profile->regions.push_back(number);
    }
    return PyBool_FromLong(mode.profile != nullptr);
  });
}

PyObject* close_region(PyObject*, PyObject*) {
  if (mode.profile && !mode.profile->regions.empty()) {
    mode.profile->close(mode.profile->regions.back());
    mode.profile->regions.pop_back();
  }
  Py_RETURN_NONE;
}

}  // namespace

PyMethodDef profile_functions[] = {
    {"_profile_start", start, METH_VARARGS, "(shapes, stacks): collects events on this thread."},
    {"_profile_stop", stop, METH_NOARGS,
     "The events: (name, kind, depth, start, end, bytes, place, first_node, end_node, shapes, "
     "stack), times in nanoseconds."},
    {"_profile_open", open_region, METH_O, "Starts a named region; whether a profiler is on."},
    {"_profile_close", close_region, METH_NOARGS, "Ends the innermost named region."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace pullback::bind
