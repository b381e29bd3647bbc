// What autograd.profiler collects: one event for each operator, node of a pass and named region.
//
// mode.profile points to the collection while a profiler is on; it sees nodes as an observer of
// passes, and bind opens events around operators (bind/profile.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/provenance.h"
#include "core/shape.h"
#include "graph/hooks.h"

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
    // The numbers of the nodes that were recorded meanwhile, or of the node that runs.
    std::uint64_t first_node = 0;
    std::uint64_t end_node = 0;
    std::string place;
    std::vector<Dims> shapes;        // of the operands; a number's is empty
    std::vector<std::string> stack;  // innermost first
  };

  Profile(bool shapes, bool stacks) : shapes_(shapes), stacks_(stacks) {}
  bool wants_shapes() const { return shapes_; }
  bool wants_stacks() const { return stacks_; }
  // Returns the number of the event for close().
  std::size_t open(const char* name, Kind kind, const Provenance& where,
                   std::vector<std::string> stack = {});
  void close(std::size_t number);
  void before(Node& node, std::span<const Tensor> arrived) override;
  void after(Node& node, std::span<const Tensor> given) override;
  void failed(Node& node) noexcept override;

  std::vector<Event> events;
  std::vector<std::size_t> regions;  // those that Python opened

 private:
  std::vector<std::size_t> nodes_;  // that are running
  int depth_ = 0;
  const bool shapes_;
  const bool stacks_;
};

}  // namespace pullback
