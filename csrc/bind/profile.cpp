// See profile.h.
#include "bind/profile.h"

#include <chrono>
#include <memory>

#include "bind/guard.h"
#include "core/allocator.h"
#include "core/error.h"
#include "graph/node.h"

namespace pullback {
namespace {

std::int64_t now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

}  // namespace

std::size_t Profile::open(const char* name, Kind kind, const Provenance& where) {
  Event& event = events.emplace_back();
  event.name = name;
  event.kind = kind;
  event.depth = depth_++;
  event.place = where.describe();
  event.bytes = memory::stats().allocated_bytes;
  event.start = now();
  return events.size() - 1;
}

void Profile::close(std::size_t number) {
  Event& event = events[number];
  event.end = now();
  event.bytes = memory::stats().allocated_bytes - event.bytes;
  --depth_;
}

void Profile::before(Node& node, std::span<const Tensor>) {
  nodes_.push_back(open(node.name(), Kind::Node, node.where()));
}

void Profile::after(Node&, std::span<const Tensor>) {
  close(nodes_.back());
  nodes_.pop_back();
}

void Profile::failed(Node&) noexcept {
  if (nodes_.empty()) return;
  close(nodes_.back());
  nodes_.pop_back();
}

namespace bind {

void Timed::open(const char* name) {
  Provenance here;
  here.capture();
  profile_ = mode.profile;
  number_ = profile_->open(name, Profile::Kind::Operator, here);
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

PyObject* start(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    check(!mode.profile, "profile: a profiler is running on this thread already.");
    mode.profile = new Profile;
    mode.profile->outer = mode.observers;
    mode.observers = mode.profile;
    Py_RETURN_NONE;
  });
}

PyObject* stop(PyObject*, PyObject*) {
  return guarded([&]() -> PyObject* {
    check(mode.profile != nullptr, "profile: no profiler is running on this thread.");
    unlink(mode.profile);
    const std::unique_ptr<Profile> profile(std::exchange(mode.profile, nullptr));
    Owned list(PyList_New(0));
    for (const Profile::Event& each : profile->events) {
      const Owned event(Py_BuildValue("(siiLLLs)", each.name.c_str(), static_cast<int>(each.kind),
                                      each.depth, static_cast<long long>(each.start),
                                      static_cast<long long>(each.end),
                                      static_cast<long long>(each.bytes), each.place.c_str()));
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
      Provenance here;
      here.capture();
      mode.profile->regions.push_back(mode.profile->open(text, Profile::Kind::Region, here));
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
    {"_profile_start", start, METH_NOARGS, "Collects events on this thread."},
    {"_profile_stop", stop, METH_NOARGS,
     "The events: (name, kind, depth, start, end, bytes, place), times in nanoseconds."},
    {"_profile_open", open_region, METH_O, "Starts a named region; whether a profiler is on."},
    {"_profile_close", close_region, METH_NOARGS, "Ends the innermost named region."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace bind
}  // namespace pullback
