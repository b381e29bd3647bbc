// See stacks.h.
#include "bind/stacks.h"

#include <algorithm>

#include "bind/frames.h"

namespace pullback::bind {
namespace {

// The oldest are forgotten, so that long programs in anomaly mode do not grow.
constexpr std::size_t kMostRanges = 20000;

Frames find(void* code) {
  Frames frames;
  while (frames && code_of(frames.get()) != code) frames.next();
  return frames;
}

}  // namespace

CallStacks::~CallStacks() {
  for (const Range& range : ranges_) {
    for (const Call& call : range.calls) Py_DECREF(call.code);
  }
}

void CallStacks::note(std::uint64_t sequence, const Provenance& where) {
  if (!where.code) return;
  Frames callers = find(where.code);
  if (!callers) return;
  callers.next();
  if (!ranges_.empty() && ranges_.back().inner == where.code) {
    Range& last = ranges_.back();
    auto known = last.calls.begin();
    Frames frames = callers;
    for (; frames; frames.next()) {
      PyCodeObject* code = code_of(frames.get());
      if (!code) continue;
      if (known == last.calls.end() || known->code != code ||
          known->offset != instruction_offset(frames.get())) {
        break;
      }
      ++known;
    }
    if (!frames && known == last.calls.end()) {
      last.last = sequence;
      return;
    }
  }
  Range& range = ranges_.emplace_back(Range{sequence, sequence, where.code, {}});
  for (Frames frames = callers; frames; frames.next()) {
    PyCodeObject* code = code_of(frames.get());
    if (!code) continue;
    Py_INCREF(code);
    range.calls.push_back({code, instruction_offset(frames.get())});
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
