// The tensor: a handle of one word to an intrusively counted body.
//
// The body holds storage, geometry and what the graph needs to know of it; views share the storage
// and its version counter.  The core does not know the graph: a body holds its grad_fn and its
// autograd metadata through the two abstract classes below.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "core/dtype.h"
#include "core/scalar.h"
#include "core/shape.h"
#include "core/storage.h"
#include "core/striped_lock.h"

namespace pullback {

// What the core sees of a graph node (graph/node.h).
class GraphNode {
 public:
  RefCount refs;
  static void dispose(GraphNode* node) noexcept { node->retire(); }

 protected:
  ~GraphNode() = default;

 private:
  virtual void retire() noexcept = 0;
};

// What the core sees of autograd metadata (graph/meta.h).
class TensorMeta {
 public:
  virtual ~TensorMeta() = default;
};

enum TensorFlag : std::uint32_t {
  kRequiresGrad = 1u << 0,  // a leaf that wants a gradient, or the result of a recorded operation
  kDual = 1u << 1,          // carries a tangent (forward mode)
  kBatched = 1u << 2,       // stands for many tensors (batching)
  kInference = 1u << 3,     // made in inference mode
  kContiguous = 1u << 4,    // row-major without gaps
  kRetainsGrad = 1u << 5,   // a non-leaf whose gradient is kept in .grad
  kHooked = 1u << 6,        // has hooks in its metadata
  kReadOnly = 1u << 7,      // memory of somebody else who forbids writing
  kFollowsBase = 1u << 8,   // a view: has a base whose history it follows; see ops/rebase.h
  kCut = 1u << 9,           // was cut off from a history; see graph/origin.h

  // A history that belongs to transforms: NOTE [Levels] in graph/level.h.
  kLevelsGrad = 0xFFFF0000u,
  kAnyGrad = kRequiresGrad | kLevelsGrad,
};

// How a tensor without a node came about; see graph/origin.h.
enum class Origin : std::uint8_t {
  None,
  Made,
  Detach,
  Data,
  NoGrad,
  Inference,
  NotDifferentiable,
  Frozen,
  Gradient,
  Constant,  // a gradient in whose graph nothing is left
  // How a value left, of a leaf or a thread only.
  Number,
  Array,
};

// How a view was made, which decides whether what is written through it can be recorded.
enum class ViewKind : std::uint8_t { Plain, OneOfMany, NoGrad, Inference, Custom };

struct TensorBody {
  RefCount refs;
  std::uint32_t flags = 0;
  DType dtype;
  std::uint8_t ndim;
  ViewKind view_kind = ViewKind::Plain;
  Origin origin = Origin::None;
  // The result of its node that it is.  Of a leaf: how often set_ gave it another accumulator.
  std::uint32_t output_nr = 0;
  std::uint32_t seen_version = 0;  // of a view: the version that its history belongs to
  char* data = nullptr;
  std::int64_t numel = 0;
  Ref<Storage> storage;
  Ref<GraphNode> grad_fn;
  Ref<TensorBody> base;  // of a view: the tensor at the root of the chain of views
  std::unique_ptr<TensorMeta> meta;
  Provenance made;  // of a tensor without a node: see graph/origin.h
  // The Python object while one exists (weak): `x.grad is x.grad`.  Owned by bind.
  void* handle = nullptr;
  union {
    std::int64_t inline_dims[2 * kInlineDims];
    std::int64_t* heap_dims;
  };

  TensorBody(DType dtype, int ndim);
  TensorBody(const TensorBody&) = delete;
  TensorBody& operator=(const TensorBody&) = delete;
  ~TensorBody();

  std::int64_t* sizes() { return ndim > kInlineDims ? heap_dims : inline_dims; }
  std::int64_t* strides() { return sizes() + ndim; }
  // Makes room for other sizes and strides, which the caller fills in.
  void set_ndim(int count);

  // Of a view: false when other memory was given to it, or to its base, since it was made.
  bool shares_base() const { return base->storage == storage; }
  // Of a view: memory that it shares was written, or its base joined a graph, since its history
  // was made.
  bool is_stale() const {
    if (!(flags & kFollowsBase)) return false;
    const HistoryLock lock(this);
    const std::uint32_t followed = base->flags & (kRequiresGrad | kDual);
    if (storage->version != seen_version) return grad_fn || flags & kDual || followed;
    return !grad_fn && base->flags & kRequiresGrad && view_kind == ViewKind::Plain && shares_base();
  }

  static void dispose(TensorBody* body) noexcept;
};

static_assert(sizeof(TensorBody) <= 192, "three cache lines");

class Tensor {
 public:
  Tensor() = default;
  explicit Tensor(Ref<TensorBody> body) : body_(std::move(body)) {}

  // Uninitialised memory, row-major.
  static Tensor empty(Sizes sizes, DType dtype);
  // One element, no dimensions.
  static Tensor scalar(Scalar value, DType dtype);
  static Tensor full(Sizes sizes, Scalar value, DType dtype);
  static Tensor zeros(Sizes sizes, DType dtype) { return full(sizes, Scalar(0), dtype); }
  // The same memory in another geometry; no history, no base.  `offset` counts elements from this
  // tensor's first one.
  Tensor alias(Sizes sizes, Sizes strides, std::int64_t offset = 0) const;
  // The memory of a row-major tensor in other sizes, of as many elements.
  Tensor alias_row_major(Sizes sizes) const;
  // Memory of another kind of owner; `data` is the first element.
  static Tensor over(Ref<Storage> storage, char* data, Sizes sizes, Sizes strides, DType dtype);
  // The same memory and geometry, no history.
  Tensor detach() const { return alias(sizes(), strides()); }

  bool defined() const { return static_cast<bool>(body_); }
  explicit operator bool() const { return defined(); }
  TensorBody* body() const { return body_.get(); }
  const Ref<TensorBody>& ref() const { return body_; }
  bool is_same(const Tensor& other) const { return body_ == other.body_; }

  DType dtype() const { return body_->dtype; }
  int ndim() const { return body_->ndim; }
  std::int64_t numel() const { return body_->numel; }
  Sizes sizes() const { return {body_->sizes(), body_->ndim}; }
  Sizes strides() const { return {body_->strides(), body_->ndim}; }
  std::int64_t size(int dim) const { return body_->sizes()[dim]; }
  std::int64_t stride(int dim) const { return body_->strides()[dim]; }
  Dims shape() const { return Dims(sizes()); }
  char* bytes() const { return body_->data; }
  template <typename T>
  T* data() const {
    return reinterpret_cast<T*>(body_->data);
  }
  std::int64_t storage_offset() const;
  bool is_contiguous() const { return body_->flags & kContiguous; }

  std::uint32_t flags() const { return body_->flags; }
  bool has(TensorFlag flag) const { return body_->flags & flag; }
  void set(TensorFlag flag, bool on) const {
    body_->flags = on ? body_->flags | flag : body_->flags & ~flag;
  }
  bool requires_grad() const { return has(kAnyGrad); }
  bool is_leaf() const { return !body_->grad_fn; }

  std::uint32_t version() const { return body_->storage->version; }
  void bump_version() const { ++body_->storage->version; }
  // After a write by the user's code, whose place is kept for messages.
  void note_write() const {
    bump_version();
    body_->storage->written.capture();
  }

  // The value of a tensor with one element.
  Scalar item() const;

 private:
  Ref<TensorBody> body_;
};

}  // namespace pullback
