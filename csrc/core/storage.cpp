// See storage.h.
#include "core/storage.h"

#include <new>

#include "core/allocator.h"

namespace pullback {

Ref<Storage> Storage::make(std::size_t bytes) {
  void* block = memory::allocate(memory::kAlignment + bytes);
  memory::count(memory::Live::Storages, 1);
  char* data = static_cast<char*>(block) + memory::kAlignment;
  return Ref<Storage>::adopt(new (block)
                                 Storage{data, bytes, 0, nullptr, nullptr, nullptr, {}, 0, {}});
}

Ref<Storage> Storage::foreign(void* data, std::size_t bytes, void* owner, Deleter deleter) {
  void* block = memory::allocate(memory::kAlignment);
  memory::count(memory::Live::Storages, 1);
  return Ref<Storage>::adopt(
      new (block) Storage{static_cast<char*>(data), bytes, 0, owner, deleter, nullptr, {}, 0, {}});
}

void Storage::dispose(Storage* storage) noexcept {
  memory::count(memory::Live::Storages, -1);
  const bool ours = storage->deleter == nullptr;
  if (!ours) storage->deleter(storage->owner);
  const std::size_t bytes = storage->bytes;
  storage->~Storage();
  memory::deallocate(storage, memory::kAlignment + (ours ? bytes : 0));
}

}  // namespace pullback
