// What autograd.profiler collects: one event for each operator, node of a pass and named region.
//
// mode.profile points to the collection while a profiler is on; a Timed scope stands around what is
// measured and costs one test otherwise.
#pragma once

#include <Python.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/provenance.h"
#include "graph/hooks.h"
#include "graph/mode.h"

namespace pullback {

class Profile final : public PassObserver {
 public:
  enum class Kind : std::uint8_t { Operator, Node, Region };
  struct Event {
    std::string name;
    Kind kind;
    int depth;
    std::int64_t start = 0;  // nanoseconds
    std::int64_t end = 0;
    std::int64_t bytes = 0;  // allocated less freed
    std::string place;
  };

  // Returns the number of the event for close().
  std::size_t open(const char* name, Kind kind, const Provenance& where);
  void close(std::size_t number);
  void before(Node& node, std::span<const Tensor> arrived) override;
  void after(Node& node, std::span<const Tensor> given) override;
  void failed(Node& node) noexcept override;

  std::vector<Event> events;
  std::vector<std::size_t> regions;  // those that Python opened

 private:
  std::vector<std::size_t> nodes_;  // that are running
  int depth_ = 0;
};

namespace bind {

class Timed {
 public:
  explicit Timed(const char* name) {
    if (mode.profile) [[unlikely]]
      open(name);
  }
  ~Timed() {
    if (profile_) [[unlikely]]
      close();
  }
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;

 private:
  void open(const char* name);
  void close();

  Profile* profile_ = nullptr;
  std::size_t number_ = 0;
};

extern PyMethodDef profile_functions[];

}  // namespace bind
}  // namespace pullback
