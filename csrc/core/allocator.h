// Memory for everything the core makes: tensor bodies, storages, nodes.
//
// Blocks are 64-byte aligned.  Small ones (up to 1 KiB) come from free lists of the calling thread,
// larger ones from a shared cache by size class (four classes to a power of two), because a fresh
// large block costs more in page faults than the work done on it.  The cache gives blocks back to
// the system above a bound.  Under AddressSanitizer nothing is cached, so that every error shows.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pullback::memory {

inline constexpr std::size_t kAlignment = 64;

// Throws Error(Memory) when the system has none left.
void* allocate(std::size_t bytes);
// `bytes` is the number given to allocate.
void deallocate(void* block, std::size_t bytes) noexcept;

enum class Live : std::uint8_t { Tensors, Storages, Nodes };
// Counts objects for the leak tests; summed over threads by stats().
void count(Live kind, int change) noexcept;

struct Stats {
  std::int64_t allocated_bytes;  // handed out now
  std::int64_t peak_bytes;       // the most ever handed out in large blocks, since reset_peak
  std::int64_t cached_bytes;     // kept in the shared cache
  std::int64_t bound_bytes;      // the most that the cache keeps
  std::int64_t tensors;
  std::int64_t storages;
  std::int64_t nodes;
};
Stats stats();
void reset_peak();
void set_bound(std::int64_t bytes);
// Gives all cached large blocks back to the system.
void empty_cache();

}  // namespace pullback::memory
