// See tensor.h.
#include "core/tensor.h"

#include <array>
#include <cstring>
#include <new>

#include "core/allocator.h"
#include "core/error.h"

namespace pullback {
namespace {

bool (*handle_release)(TensorBody*) noexcept = nullptr;

// What the dtype of a new tensor adds to its flags.
constexpr auto kFlags = [] {
  std::array<std::uint32_t, kNumDTypes> flags{};
  for (std::size_t d = 0; d < kNumDTypes; ++d) {
    flags[d] = has_loops(static_cast<DType>(d)) ? 0u : std::uint32_t{kConverted};
  }
  return flags;
}();
std::uint32_t flags_of(DType dtype, bool contiguous) {
  return (contiguous ? kContiguous : 0u) | kFlags[static_cast<std::size_t>(dtype)];
}

Ref<TensorBody> make_body(DType dtype, int ndim) {
  if (ndim > kMaxDims) [[unlikely]] {
    fail("tensor: too many dimensions: got ", ndim, ", expected at most ", kMaxDims, ".");
  }
  void* block = memory::allocate(sizeof(TensorBody));
  return Ref<TensorBody>::adopt(new (block) TensorBody(dtype, ndim));
}

template <typename T>
void fill_with(const Tensor& tensor, const Element& element) {
  T value;
  std::memcpy(&value, &element, sizeof value);
  std::fill_n(reinterpret_cast<T*>(tensor.bytes()), tensor.numel(), value);
}

}  // namespace

TensorBody::TensorBody(DType dtype, int ndim)
    : dtype(dtype), ndim(static_cast<std::uint8_t>(ndim)) {
  if (ndim > kInlineDims) [[unlikely]] {
    heap_dims = new std::int64_t[2 * static_cast<std::size_t>(ndim)];
  }
  memory::count(memory::Live::Tensors, 1);
}

TensorBody::~TensorBody() {
  if (ndim > kInlineDims) [[unlikely]] {
    delete[] heap_dims;
  }
  memory::count(memory::Live::Tensors, -1);
}

void TensorBody::set_ndim(int count) {
  if (ndim > kInlineDims) delete[] heap_dims;
  ndim = static_cast<std::uint8_t>(count);
  if (ndim > kInlineDims) heap_dims = new std::int64_t[2 * static_cast<std::size_t>(count)];
}

void TensorBody::set_handle_release(bool (*release)(TensorBody*) noexcept) {
  handle_release = release;
}

void TensorBody::dispose(TensorBody* body) noexcept {
  if (body->raw_flags & kOwnsHandle && handle_release(body)) [[unlikely]]
    return;
  body->~TensorBody();
  memory::deallocate(body, sizeof(TensorBody));
}

Tensor Tensor::empty(Sizes sizes, DType dtype) {
  Ref<TensorBody> body = make_body(dtype, static_cast<int>(sizes.size()));
  std::int64_t* own_sizes = body->sizes();
  std::int64_t* own_strides = body->strides();
  std::int64_t stride = 1;
  std::int64_t count = 1;
  bool overflow = false;
  for (std::size_t d = sizes.size(); d-- > 0;) {
    own_sizes[d] = sizes[d];
    own_strides[d] = stride;
    overflow |= __builtin_mul_overflow(stride, std::max<std::int64_t>(sizes[d], 1), &stride);
    overflow |= __builtin_mul_overflow(count, sizes[d], &count);
  }
  constexpr std::int64_t kMaxElements = std::int64_t{1} << 59;
  if (overflow || count > kMaxElements) [[unlikely]] {
    fail("Storage size calculation overflowed with sizes=", Dims(sizes));
  }
  body->numel = count;
  body->raw_flags = flags_of(dtype, true);
  body->storage = Storage::make(static_cast<std::size_t>(count) * item_size(dtype));
  body->data = body->storage->data;
  return Tensor(std::move(body));
}

Tensor Tensor::scalar(Scalar value, DType dtype) {
  Tensor tensor = empty({}, dtype);
  value.store(dtype, tensor.bytes());
  return tensor;
}

Tensor Tensor::full(Sizes sizes, Scalar value, DType dtype) {
  Tensor tensor = empty(sizes, dtype);
  constexpr Element kZero;
  Element element;
  value.store(dtype, &element);
  const std::size_t item = item_size(dtype);
  if (std::memcmp(&element, &kZero, item) == 0) {
    std::memset(tensor.bytes(), 0, static_cast<std::size_t>(tensor.numel()) * item);
  } else if (item == 1) {
    fill_with<std::uint8_t>(tensor, element);
  } else if (item == 2) {
    fill_with<std::uint16_t>(tensor, element);
  } else if (item == 4) {
    fill_with<std::uint32_t>(tensor, element);
  } else if (item == 8) {
    fill_with<std::uint64_t>(tensor, element);
  } else {
    static_assert(sizeof(Element) == 16);
    fill_with<Element>(tensor, element);
  }
  return tensor;
}

Tensor Tensor::over(Ref<Storage> storage, char* data, Sizes sizes, Sizes strides, DType dtype) {
  Ref<TensorBody> body = make_body(dtype, static_cast<int>(sizes.size()));
  std::copy(sizes.begin(), sizes.end(), body->sizes());
  std::copy(strides.begin(), strides.end(), body->strides());
  body->numel = count_elements(sizes);
  body->raw_flags = flags_of(dtype, pullback::is_contiguous(sizes, strides));
  if (storage->read_only) body->raw_flags |= kReadOnly;
  body->data = data;
  body->storage = std::move(storage);
  return Tensor(std::move(body));
}

Tensor Tensor::alias(Sizes sizes, Sizes strides, std::int64_t offset) const {
  Tensor view =
      over(body_->storage, body_->data + offset * static_cast<std::int64_t>(item_size(dtype())),
           sizes, strides, dtype());
  view.body_->raw_flags |= body_->raw_flags & kInference;
  return view;
}

Tensor Tensor::alias_row_major(Sizes sizes) const {
  Ref<TensorBody> body = make_body(dtype(), static_cast<int>(sizes.size()));
  std::int64_t* own_sizes = body->sizes();
  std::int64_t* own_strides = body->strides();
  std::int64_t stride = 1;
  for (std::size_t d = sizes.size(); d-- > 0;) {
    own_sizes[d] = sizes[d];
    own_strides[d] = stride;
    stride *= std::max<std::int64_t>(sizes[d], 1);
  }
  body->numel = body_->numel;
  body->raw_flags = kContiguous | (body_->raw_flags & (kConverted | kReadOnly | kInference));
  body->data = body_->data;
  body->storage = body_->storage;
  return Tensor(std::move(body));
}

Tensor Tensor::alias_select(int dim, std::int64_t at) const {
  const int count = ndim() - 1;
  Ref<TensorBody> body = make_body(dtype(), count);
  const std::int64_t* from_sizes = body_->sizes();
  const std::int64_t* from_strides = body_->strides();
  std::int64_t* own_sizes = body->sizes();
  std::int64_t* own_strides = body->strides();
  std::uint64_t elements = 1;  // wraps where another dimension is empty
  bool row_major = true;
  for (int d = count; d-- > 0;) {
    const int from = d + (d >= dim);
    own_sizes[d] = from_sizes[from];
    own_strides[d] = from_strides[from];
    row_major &= own_sizes[d] == 1 || static_cast<std::uint64_t>(own_strides[d]) == elements;
    elements *= static_cast<std::uint64_t>(own_sizes[d]);
  }
  body->numel = static_cast<std::int64_t>(elements);
  body->raw_flags = (row_major || elements == 0 ? kContiguous : 0u) |
                    (body_->raw_flags & (kConverted | kReadOnly | kInference));
  body->data = body_->data + at * from_strides[dim] * static_cast<std::int64_t>(item_size(dtype()));
  body->storage = body_->storage;
  return Tensor(std::move(body));
}

std::int64_t Tensor::storage_offset() const {
  return (body_->data - body_->storage->data) / static_cast<std::int64_t>(item_size(dtype()));
}

Scalar Tensor::item() const {
  if (has(kBatched)) {
    fail("item(): a batched tensor has no single value. Its value cannot be read inside vmap.");
  }
  if (numel() != 1) {
    fail("a Tensor with ", numel(), " elements cannot be converted to Scalar");
  }
  return Scalar::load(dtype(), bytes());
}

}  // namespace pullback
