// Locks for single objects where threads run without a common lock (PULLBACK_ATOMIC_REFS); nothing
// elsewhere.
//
// Few mutexes stand for all objects, so they are recursive: who holds one may meet another object
// of the same mutex.  A HistoryLock may be taken under a LeafLock, never the other way round.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>

#include "core/ref.h"

namespace pullback {

template <typename Purpose>
class StripedLock {
 public:
#if PULLBACK_ATOMIC_REFS
  explicit StripedLock(const void* object) : lock_(mutex_of(object)) {}

 private:
  static std::recursive_mutex& mutex_of(const void* object) {
    static std::array<std::recursive_mutex, 64> mutexes;
    return mutexes[reinterpret_cast<std::uintptr_t>(object) / 64 % mutexes.size()];
  }

  std::lock_guard<std::recursive_mutex> lock_;
#else
  explicit StripedLock(const void*) {}
#endif
};

// Held while a leaf's metadata is made or its gradient added to, so that sums are exact.
using LeafLock = StripedLock<struct LeafPurpose>;
// Held while the history of a stale view is made anew, or asked whether it must be.
using HistoryLock = StripedLock<struct HistoryPurpose>;

}  // namespace pullback
