// See stacks.h.
#include "bind/stacks.h"

#include <algorithm>

#include "bind/frames.h"

namespace pullback::bind {
namespace {

// The oldest are forgotten, so that long programs in anomaly mode do not grow.
constexpr std::size_t kMostRanges = 20000;

Frame* find(void* code) {
  Frame* frame = running_frame();
  while (frame && code_of(frame) != code) frame = caller_of(frame);
  return frame;
}

}  // namespace

CallStacks::~CallStacks() {
  for (const Range& range : ranges_) {
    for (const Call& call : range.calls) Py_DECREF(call.code);
  }
}

void CallStacks::note(std::uint64_t sequence, const Provenance& where) {
  Frame* inner = where.code ? find(where.code) : nullptr;
  if (!inner) return;
  if (!ranges_.empty() && ranges_.back().inner == where.code) {
    Range& last = ranges_.back();
    auto known = last.calls.begin();
    Frame* frame = caller_of(inner);
    for (; frame; frame = caller_of(frame)) {
      PyCodeObject* code = code_of(frame);
      if (!code) continue;
      if (known == last.calls.end() || known->code != code ||
          known->offset != instruction_offset(frame)) {
        break;
      }
      ++known;
    }
    if (!frame && known == last.calls.end()) {
      last.last = sequence;
      return;
    }
  }
  Range& range = ranges_.emplace_back(Range{sequence, sequence, where.code, {}});
  for (Frame* frame = caller_of(inner); frame; frame = caller_of(frame)) {
    PyCodeObject* code = code_of(frame);
    if (!code) continue;
    Py_INCREF(code);
    range.calls.push_back({code, instruction_offset(frame)});
  }
  if (ranges_.size() <= kMostRanges) return;
  for (const Call& call : ranges_.front().calls) Py_DECREF(call.code);
  ranges_.pop_front();
}

std::vector<std::string> CallStacks::calls(std::uint64_t sequence, const Provenance& where) const {
  std::vector<std::string> found;
  const auto after = std::upper_bound(
      ranges_.begin(), ranges_.end(), sequence,
      [](std::uint64_t number, const Range& range) { return number < range.first; });
  if (after == ranges_.begin()) return found;
  const Range& range = *(after - 1);
  if (sequence > range.last || range.inner != where.code) return found;
  for (const Call& call : range.calls) {
    Provenance place;
    Py_INCREF(call.code);
    place.code = call.code;
    place.offset = call.offset;
    found.push_back(place.describe());
  }
  return found;
}

}  // namespace pullback::bind
