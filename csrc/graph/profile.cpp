// See profile.h.
#include "graph/profile.h"

#include <chrono>
#include <utility>

#include "core/allocator.h"
#include "graph/node.h"

namespace pullback {

static std::int64_t now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(time).count();
}

std::size_t Profile::open(const char* name, Kind kind, const Provenance& where,
                          std::vector<std::string> stack) {
  Event& event = events.emplace_back();
  event.name = name;
  event.kind = kind;
  event.depth = depth_++;
  event.place = where.describe();
  event.stack = std::move(stack);
  event.first_node = Node::next_number();
  event.bytes = memory::stats().allocated_bytes;
  event.start = now();
  return events.size() - 1;
}

void Profile::close(std::size_t number) {
  Event& event = events[number];
  event.end = now();
  event.bytes = memory::stats().allocated_bytes - event.bytes;
  if (event.kind != Kind::Node) event.end_node = Node::next_number();
  --depth_;
}

void Profile::before(Node& node, std::span<const Tensor> arrived) {
  nodes_.push_back(open(node.name(), Kind::Node, node.where()));
  Event& event = events.back();
  event.first_node = node.sequence();
  event.end_node = node.sequence() + 1;
  if (!shapes_) return;
  for (const Tensor& each : arrived) event.shapes.push_back(each.defined() ? each.shape() : Dims());
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

}  // namespace pullback
