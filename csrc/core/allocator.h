// Memory for everything the core makes: tensor bodies, storages, nodes.
//
// Blocks are 64-byte aligned.  Small ones (up to 1 KiB) come from free lists of the calling thread,
// larger ones from a shared cache by size class (four classes to a power of two), because a fresh
// large block costs more in page faults than the work done on it.  The cache gives blocks back to
// the system above a bound.  Under AddressSanitizer nothing is cached, so that every error shows.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace pullback::memory {

inline constexpr std::size_t kAlignment = 64;

inline constexpr std::size_t kSmallLimit = 1024;
inline constexpr std::size_t kSmallClasses = kSmallLimit / kAlignment + 1;
inline constexpr int kLiveKinds = 3;

#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kCaches = false;
#else
inline constexpr bool kCaches = true;
#endif

struct FreeBlock {
  FreeBlock* next;
  FreeBlock* next_list;  // of the first block of a list that an ended thread left
};

// Plain data, so that access needs no initialisation guard.  Values are signed: a block may be
// freed by another thread than the one that made it, only the sum over threads is meaningful.
struct ThreadCache {
  FreeBlock* free[kSmallClasses];
  std::int64_t small_bytes;
  std::int64_t live[kLiveKinds];
  bool registered;
};
extern thread_local constinit ThreadCache cache;

inline std::size_t small_class(std::size_t bytes) { return (bytes + kAlignment - 1) / kAlignment; }
void* allocate_slow(std::size_t bytes);
void deallocate_slow(void* block, std::size_t bytes) noexcept;

// Throws Error(Memory) when the system has none left.
inline void* allocate(std::size_t bytes) {
  if (kCaches && bytes <= kSmallLimit) [[likely]] {
    const std::size_t c = small_class(bytes);
    if (FreeBlock* block = cache.free[c]) [[likely]] {
      cache.free[c] = block->next;
      cache.small_bytes += static_cast<std::int64_t>(c * kAlignment);
      return block;
    }
  }
  return allocate_slow(bytes);
}
// `bytes` is the number given to allocate.
inline void deallocate(void* block, std::size_t bytes) noexcept {
  if (!kCaches || bytes > kSmallLimit || !cache.registered) [[unlikely]] {
    return deallocate_slow(block, bytes);
  }
  const std::size_t c = small_class(bytes);
  auto* free_block = static_cast<FreeBlock*>(block);
  free_block->next = cache.free[c];
  cache.free[c] = free_block;
  cache.small_bytes -= static_cast<std::int64_t>(c * kAlignment);
}

// Blocks of allocate() for the standard containers of small things.
template <class T>
struct Allocator {
  using value_type = T;
  static_assert(alignof(T) <= kAlignment);
  Allocator() = default;
  template <class U>
  Allocator(const Allocator<U>&) noexcept {}
  T* allocate(std::size_t n) { return static_cast<T*>(memory::allocate(n * sizeof(T))); }
  void deallocate(T* block, std::size_t n) noexcept { memory::deallocate(block, n * sizeof(T)); }
  template <class U>
  bool operator==(const Allocator<U>&) const noexcept {
    return true;
  }
};

template <class T>
using Vector = std::vector<T, Allocator<T>>;

enum class Live : std::uint8_t { Tensors, Storages, Nodes };
// Counts objects for the leak tests; summed over threads by stats().
inline void count(Live kind, int change) noexcept { cache.live[static_cast<int>(kind)] += change; }

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
