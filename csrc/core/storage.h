// A buffer of bytes, shared by all views of it, with the version counter they have in common.
//
// A buffer of our own lies behind its header in one block; a foreign one (NumPy, DLPack) keeps its
// owner alive through `owner` until the storage dies.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/provenance.h"
#include "core/ref.h"

namespace pullback {

// A place in the list of what nodes keep of one storage: NOTE [Saved tensors] in graph/saved.h.
struct SavedLink {
  SavedLink* next = nullptr;
  SavedLink** place = nullptr;  // what points to this one; null outside of a list
};

struct Storage {
  using Deleter = void (*)(void* owner);

  char* data;
  std::uint64_t bytes : 63;
  std::uint64_t read_only : 1;
  void* owner;
  Deleter deleter;
  SavedLink* saved;
  RefCount refs;
  // Raised by every in-place write; a saved tensor compares it.  See NOTE [Saved tensors].
  std::uint32_t version;
  Provenance written;  // where it was last written in place

  static Ref<Storage> make(std::size_t bytes);
  static Ref<Storage> foreign(void* data, std::size_t bytes, void* owner, Deleter deleter);
  static void dispose(Storage* storage) noexcept;
};

static_assert(sizeof(Storage) <= 64,
              "the header must fit into the first aligned unit of its block");

}  // namespace pullback
