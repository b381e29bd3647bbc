// See exchange.h.
#include "ops/exchange.h"

#include <algorithm>
#include <cstring>

#include "core/error.h"
#include "graph/origin.h"
#include "graph/saved.h"
#include "ops/as_strided.h"
#include "ops/basic.h"
#include "ops/format.h"
#include "ops/table.h"

namespace pullback {

static void resize_to(const char* name, const Tensor& target, Sizes sizes, Sizes strides);

namespace {

void release_owner(void* owner) { Ref<Storage>::adopt(static_cast<Storage*>(owner)); }

// Behind a twin, the storage that it is a twin of.
Storage* owner_of(Storage* storage) {
  return storage->deleter == release_owner ? static_cast<Storage*>(storage->owner) : storage;
}

bool is_dual(const Tensor& t) { return dual_levels(t) & mode.dual; }

void check_settable(const Tensor& target, const Tensor& source) {
  check_changeable("set", target);
  check(ErrorKind::NotImplemented, !is_dual(target) && !is_dual(source),
        "Trying to use forward AD with set_ that does not support it because it has not been "
        "implemented yet.");
  check(!mode.grad || !(target.requires_grad() || source.requires_grad()),
        "derivative for set_ is not implemented. Use copy_() to write the values, or `.data = ...` "
        "to exchange the memory without a history.");
  if (source.dtype() != target.dtype()) {
    fail("Could not set tensor of type ", info(source.dtype()).c_name, " to a tensor of type ",
         info(target.dtype()).c_name);
  }
}

Tensor set_source(const Tensor& input, const Tensor& source) {
  check_settable(input, source);
  exchange_memory(input, source);
  input.note_write();
  if (input.is_leaf())
    ++input.body()->raw_output_nr;  // what was recorded belongs to its old memory
  return input;
}

Tensor set_nothing(const Tensor& input) {
  return set_source(input, Tensor::empty({{0}}, input.dtype()));
}

void check_sizes(Sizes sizes) {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) {
    constexpr std::int64_t kMost = std::int64_t{1} << 59;
    const std::int64_t step = std::max<std::int64_t>(size, 1);
    check(size >= 0 && !__builtin_mul_overflow(count, step, &count) && count <= kMost,
          "numel: integer multiplication overflow, got sizes ", Dims(sizes));
  }
}

Tensor set_part(const Tensor& input, const Tensor& source, std::int64_t storage_offset,
                const Dims& size, const Dims& stride) {
  check_settable(input, source);
  check_sizes(size);
  check(storage_offset >= 0, "Tensor: invalid storage offset ", storage_offset);
  check(stride.empty() || stride.size() == size.size(), "unequal size length (", size.size(),
        ") and stride length (", stride.size(), ")");
  const GradMode off(false);
  const Dims strides = stride.empty() ? contiguous_strides(size) : stride;
  return set_source(
      input, as_strided(source.detach(), size, strides, source.storage_offset() + storage_offset));
}

// Without a format row-major after, unless the sizes are what they were.
Tensor resize(const Tensor& input, Sizes sizes, std::optional<MemoryFormat> format) {
  if (input.requires_grad()) fail("cannot resize variables that require grad.", described(input));
  check(!is_dual(input), "cannot resize variables that has a forward grad");
  check_changeable("resize", input);
  if (same(sizes, input.sizes()) && (!format || is_in(*format, input))) return input;
  check_sizes(sizes);
  resize_to("resize_", input, sizes, strides_in(format.value_or(MemoryFormat::Contiguous), sizes));
  input.note_write();
  return input;
}

Tensor resize_entry(const Tensor& input, const Dims& size, std::optional<MemoryFormat> format) {
  check_row_major("resize_", format);
  return resize(input, size, format);
}
Tensor resize_as_entry(const Tensor& input, const Tensor& the_template,
                       std::optional<MemoryFormat> format) {
  if (format == MemoryFormat::Preserve) format = format_of(the_template);
  return resize(input, the_template.sizes(), format);
}

}  // namespace

Ref<Storage> twin_storage(const Ref<Storage>& storage) {
  Ref<Storage> owner = Ref<Storage>::share(owner_of(storage.get()));
  Ref<Storage> twin =
      Storage::foreign(storage->data, storage->bytes, owner.release(), release_owner);
  twin->read_only = storage->read_only;
  return twin;
}

bool is_sole_user(const Tensor& t) {
  Storage* storage = t.body()->storage.get();
  Storage* owner = owner_of(storage);
  return storage->refs.get() == 1 && (owner == storage || owner->refs.get() == 1) &&
         !owner->deleter;
}

static void move_geometry(const Tensor& target, const Tensor& source, Ref<Storage> storage) {
  TensorBody* body = target.body();
  const bool moves = storage != body->storage;
  // Its history as it is now belongs to whatever memory it gets.
  if (moves) {
    refresh_history(target);
    refresh_tangents(target);
  }
  const Dims sizes(source.sizes());
  const Dims strides(source.strides());
  body->set_ndim(source.ndim());
  std::copy_n(sizes.data(), sizes.size(), body->sizes());
  std::copy_n(strides.data(), strides.size(), body->strides());
  const Ref<Storage> before = std::exchange(body->storage, std::move(storage));
  if (moves && before->saved) SavedInput::follow(*body, *before);
  body->data = source.bytes();
  body->numel = source.numel();
  body->dtype = source.dtype();
  const std::uint32_t geometry = kContiguous | kReadOnly | kConverted;
  body->raw_flags = (body->raw_flags & ~geometry) | (source.raw_flags() & geometry);
  if (moves) body->has_seen(body->storage->version);
}

static void take_geometry(const Tensor& target, const Tensor& source, Ref<Storage> storage) {
  check(ErrorKind::NotImplemented, !target.has(kBatched) && !source.has(kBatched),
        "vmap: the memory of a batched tensor cannot be exchanged (data, set_, resize_, out=).");
  move_geometry(target, source, std::move(storage));
}

void check_becomes(const char* name, const Tensor& x) {
  check_changeable(name, x);
  if (!x.has(kBatched)) return;
  const OuterLevels outer(meta_of(x)->level);
  check_becomes(name, meta_of(x)->batch);
}

void become(const Tensor& x, const Tensor& view) {
  if (x.has(kBatched)) {
    const OuterLevels outer(meta_of(x)->level);
    become(meta_of(x)->batch, meta_of(view)->batch);
  }
  move_geometry(x, view, view.body()->storage);
  if (!x.has(kBatched)) x.note_write();
  // Nothing was written: what the operator gave the view still holds.
  view.body()->has_seen(view.version());
  if (!x.has(kFollowsBase)) {
    rebase(x, view);
    return;
  }
  if (const int own = own_level(x.body())) set_tangent(x, own, tangent_of(view, own));
  if (!view.is_dual()) {  // else both are made anew from the base
    if (view.requires_grad() && mode.grad) {
      copy_history(x, view);
      move_retention(x);
    }
    x.body()->has_seen(x.version());
  }
}

void replace_geometry(const Tensor& target, const Tensor& source) {
  take_geometry(target, source, source.body()->storage);
}

// The counter of a tensor that something else holds never falls: what was saved of it at another
// memory's version must not fit again.
static void go_on_counting(const TensorBody& body, Storage& storage) {
  if (body.refs.get() == 1) return;
  storage.version = std::max(storage.version, body.storage->version);
}

void exchange_memory(const Tensor& target, const Tensor& source) {
  const Ref<Storage>& old = target.body()->storage;
  const Ref<Storage>& given = source.body()->storage;
  Storage* owner = owner_of(given.get());
  TensorBody* body = target.body();
  const TensorBody* base = body->base.get();
  const bool stays = owner == owner_of(old.get()) && body->data == source.bytes() &&
                     same(target.sizes(), source.sizes()) &&
                     same(target.strides(), source.strides());
  // Memory that it had, or that its base has, it goes on sharing with all that share it.
  if (owner == owner_of(old.get())) {
    take_geometry(target, source, old);
  } else if (base && owner == owner_of(base->storage.get())) {
    go_on_counting(*body, *base->storage);
    take_geometry(target, source, base->storage);
  } else if (owner != given.get()) {
    go_on_counting(*body, *owner);
    take_geometry(target, source, Ref<Storage>::share(owner));
  } else {
    Ref<Storage> twin = twin_storage(given);
    twin->version = old->version;
    take_geometry(target, source, std::move(twin));
  }
  target.set(kInference, source.has(kInference));
  // Another part of the memory of its base: its history is made anew.
  if (!stays && base && body->shares_base()) body->has_seen(body->storage->version - 1);
}

void resize_to(const char* name, const Tensor& target, Sizes sizes, Sizes strides) {
  const Storage* old = target.body()->storage.get();
  const std::size_t offset = static_cast<std::size_t>(target.bytes() - old->data);
  const std::size_t bytes =
      static_cast<std::size_t>(count_elements(sizes)) * item_size(target.dtype());
  if (offset + bytes <= old->bytes || bytes == 0) {
    take_geometry(target, target.alias(sizes, strides), target.body()->storage);
    return;
  }
  Storage* owner = owner_of(target.body()->storage.get());
  check(!owner->deleter, "Trying to resize storage that is not resizable. In ", name,
        ": the memory belongs to somebody else (NumPy, DLPack). Use x.clone().");
  check(old->refs.get() == 1 && (owner == old || owner->refs.get() == 1),
        "Trying to resize storage that is not resizable. In ", name,
        ": other tensors share the memory. Use x.clone().");
  Ref<Storage> larger = Storage::make(offset + bytes);
  std::memcpy(larger->data, old->data, std::min(old->bytes, offset + bytes));
  larger->version = old->version;
  char* first = larger->data + offset;
  const Tensor shape = Tensor::over(larger, first, sizes, strides, target.dtype());
  take_geometry(target, shape, std::move(larger));
}

void resize_memory(const char* name, const Tensor& target, Sizes sizes) {
  check_sizes(sizes);
  resize_to(name, target, sizes, contiguous_strides(sizes));
}

void resize_as(const char* name, const Tensor& target, const Tensor& result) {
  const bool dense = is_dense(result.sizes(), result.strides());
  const Dims strides = dense ? Dims(result.strides()) : contiguous_strides(result.sizes());
  resize_to(name, target, result.sizes(), strides);
}

inline constexpr std::uint32_t kExchange = kMethodForm | kNoGrad | kNoBatch;
static const Entry entry_set("set_(input)", function<set_nothing>, kExchange,
                             "Gives the tensor memory without elements.", "c(3,4) | c()");
static const Entry entry_set_source("set_(input, source)", function<set_source>, kExchange,
                                    "Gives the tensor the memory and the shape of source.",
                                    "c(3,4), c(2) | c(3), cs(3,4) | c(3), c(0,2)");
static const Entry entry_set_part("set_(input, source, storage_offset:index, size, stride=())",
                                  function<set_part>, kExchange,
                                  "Gives the tensor a part of the memory of source.",
                                  "c(3), c(3,4), 1, (2,3) | c(3), c(3,4), 0, (2,2), (1,4)");
static const Entry entry_resize("resize_(input, *size, *, memory_format=None)",
                                function<resize_entry>, kExchange,
                                "Another shape in the same memory, or in more.",
                                "c(3,4), 2, 3 | c(3,4), (6,) | c(3,4), (3,4) | c(3,4), 0");
static const Entry entry_resize_as("resize_as_(input, the_template, *, memory_format=None)",
                                   function<resize_as_entry>, kExchange,
                                   "The shape of another tensor in the same memory.",
                                   "c(3,4), c(2,3) | c(3,4), c()");

}  // namespace pullback
