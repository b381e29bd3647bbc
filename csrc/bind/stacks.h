// The calls around the user's line, for anomaly mode: where the function with that line was called,
// where its caller was, and so on.
//
// Nodes that are recorded one after the other nearly always have the same calls around them, so
// these are kept once for a range of sequence numbers, and only while anomaly mode is on.
#pragma once

#include <Python.h>

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "core/provenance.h"

namespace pullback::bind {

class CallStacks {
 public:
  CallStacks() = default;
  CallStacks(const CallStacks&) = delete;
  CallStacks& operator=(const CallStacks&) = delete;
  ~CallStacks();

  // The node with this number was recorded just now by the line at `where`.
  void note(std::uint64_t sequence, const Provenance& where);
  // "file:line in function" of the calls, innermost first; without `where` itself.
  std::vector<std::string> calls(std::uint64_t sequence, const Provenance& where) const;

 private:
  struct Call {
    PyCodeObject* code;
    std::int32_t offset;
  };
  struct Range {
    std::uint64_t first;
    std::uint64_t last;
    void* inner;
    std::vector<Call> calls;
  };

  std::deque<Range> ranges_;
};

}  // namespace pullback::bind
