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

// One word holds both kinds of flags.  Those of a view's history and tangents may be older than its
// memory, so they are read through what brings them up to date; NOTE [Stale views] below.
enum HistoryFlag : std::uint32_t {
  kRequiresGrad = 1u << 0,  // a leaf that wants a gradient, or the result of a recorded operation
  kDual = 1u << 1,          // carries a tangent (forward mode)

  // A history that belongs to transforms: NOTE [Levels] in graph/level.h.
  kLevelsGrad = 0xFFFF0000u,
  kAnyGrad = kRequiresGrad | kLevelsGrad,
};

enum TensorFlag : std::uint32_t {
  kBatched = 1u << 2,      // stands for many tensors (batching)
  kInference = 1u << 3,    // made in inference mode
  kContiguous = 1u << 4,   // row-major without gaps
  kRetainsGrad = 1u << 5,  // a non-leaf whose gradient is kept in .grad
  kHooked = 1u << 6,       // has hooks in its metadata
  kReadOnly = 1u << 7,     // memory of somebody else who forbids writing
  kFollowsBase = 1u << 8,  // a view: has a base whose history it follows; see ops/rebase.h
  kCut = 1u << 9,          // was cut off from a history; see graph/origin.h
  kOwnsHandle = 1u << 10,  // keeps its Python object alive; NOTE [Handles] in bind/tensor_type.h
  kConverted = 1u << 11,   // of a dtype that not every kernel has loops for
};

constexpr std::uint32_t operator|(HistoryFlag a, HistoryFlag b) {
  return static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b);
}
constexpr std::uint32_t operator|(HistoryFlag a, TensorFlag b) {
  return static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b);
}
constexpr std::uint32_t operator|(TensorFlag a, HistoryFlag b) { return b | a; }

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

// NOTE [Stale views]
// A write into memory changes the history of the tensor written to; the views of it learn of that
// when they are next looked at (ops/rebase.h).  Until then their `raw_` fields below speak of the
// memory before the write.  So nobody reads these but who makes histories, who asks kFollowsBase in
// the same breath (the quick road of operators), and who frees or counts things.  Everybody else
// has Tensor::requires_grad, is_leaf and is_dual, node_of, output_nr_of and copy_history
// (graph/node.h), and tangent_of and dual_levels (graph/meta.h), which bring a stale view up to
// date first.
struct TensorBody {
  RefCount refs;
  std::uint32_t raw_flags = 0;
  DType dtype;
  std::uint8_t ndim;
  ViewKind view_kind = ViewKind::Plain;
  Origin origin = Origin::None;
  // The result of its node that it is.  Of a leaf: how often set_ gave it another accumulator.
  std::uint32_t raw_output_nr = 0;
  // Of a view: the versions of the memory that its history and its tangents belong to.
  std::uint32_t seen_by_history = 0;
  std::uint32_t seen_by_tangents = 0;
  char* data = nullptr;
  std::int64_t numel = 0;
  Ref<Storage> storage;
  Ref<GraphNode> raw_grad_fn;
  Ref<TensorBody> base;  // of a view: the tensor at the root of the chain of views
  std::unique_ptr<TensorMeta> meta;
  Provenance made;  // of a tensor without a node: see graph/origin.h
  // The Python object while one exists: `x.grad is x.grad`.  A weak pointer that bind looks after,
  // unless kOwnsHandle is set.
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
  bool has_stale_history() const {
    if (!(raw_flags & kFollowsBase)) return false;
    const HistoryLock lock(this);
    const std::uint32_t followed = base->raw_flags & kAnyGrad;
    if (storage->version != seen_by_history) return raw_grad_fn || followed;
    return !raw_grad_fn && followed && follows_leaf() && shares_base();
  }
  bool has_stale_tangents() const {
    return raw_flags & kFollowsBase && storage->version != seen_by_tangents &&
           (raw_flags | base->raw_flags) & kDual;
  }
  // Neither is stale, which is so of nearly every view.
  bool is_up_to_date() const {
    if (!(raw_flags & kFollowsBase)) return true;
    const HistoryLock lock(this);
    const std::uint32_t version = storage->version;
    return version == seen_by_history && version == seen_by_tangents &&
           (raw_grad_fn || !(base->raw_flags & kAnyGrad));
  }
  // The one who gives a view a history, tangents, or other memory says so.
  void has_seen(std::uint32_t version) { seen_by_history = seen_by_tangents = version; }
  // Of a view: whether it requires a gradient as soon as its base does.
  bool follows_leaf() const {
    return view_kind == ViewKind::Plain || view_kind == ViewKind::OneOfMany;
  }
  bool joins_base() const {
    return raw_flags & kFollowsBase && base->raw_flags & kAnyGrad && follows_leaf() &&
           shares_base();
  }

  static void dispose(TensorBody* body) noexcept;
  // What happens to a dying body that owns its Python object; set once, by bind.  True when the
  // object owns the body from now on, which then lives as long as that.
  static void set_handle_release(bool (*release)(TensorBody*) noexcept);
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
  // The part at one position of a dimension, which goes.
  Tensor alias_select(int dim, std::int64_t at) const;
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
  bool is_contiguous() const { return body_->raw_flags & kContiguous; }

  bool has(TensorFlag flag) const { return body_->raw_flags & flag; }
  void set(TensorFlag flag, bool on) const { set_raw(flag, on); }
  void set(HistoryFlag flag, bool on) const { set_raw(flag, on); }

  // NOTE [Stale views]
  std::uint32_t raw_flags() const { return body_->raw_flags; }
  bool requires_grad() const { return raw_flags() & kAnyGrad || body_->joins_base(); }
  bool is_dual() const;
  bool is_leaf() const;

  std::uint32_t version() const { return body_->storage->version; }
  void bump_version() const { ++body_->storage->version; }
  // After a write by the user's code, whose place is kept for messages.  A base that got other
  // memory since goes on counting the writes through its views.
  void note_write() const {
    bump_version();
    if (raw_flags() & kFollowsBase && !body_->shares_base()) [[unlikely]]
      ++body_->base->storage->version;
    body_->storage->written.capture();
  }

  // The value of a tensor with one element.
  Scalar item() const;

 private:
  void set_raw(std::uint32_t flag, bool on) const {
    body_->raw_flags = on ? body_->raw_flags | flag : body_->raw_flags & ~flag;
  }

  Ref<TensorBody> body_;
};

// NOTE [Stale views]: these bring a view up to date, by recorded operations, so they are defined in
// ops/rebase.cpp.  Throws for a view whose history cannot follow: one of several made by one node,
// or one made under no_grad.
void make_history_anew(const Tensor& view);
void take_tangents_anew(const Tensor& view);
inline void refresh_history(const Tensor& tensor) {
  if (tensor.body()->has_stale_history()) [[unlikely]]
    make_history_anew(tensor);
}
inline void refresh_tangents(const Tensor& tensor) {
  if (tensor.body()->has_stale_tangents()) [[unlikely]]
    take_tangents_anew(tensor);
}

inline bool Tensor::is_dual() const {
  refresh_tangents(*this);
  return raw_flags() & kDual;
}
inline bool Tensor::is_leaf() const {
  refresh_history(*this);
  return !body_->raw_grad_fn;
}

}  // namespace pullback
