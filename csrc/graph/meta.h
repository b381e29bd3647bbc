// Autograd metadata of a tensor, made when it is first needed.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/allocator.h"
#include "core/tensor.h"
#include "graph/hooks.h"
#include "graph/marks.h"
#include "graph/mode.h"

namespace pullback {

// Ties a tensor that keeps its gradient to the node that made it.
class Retention;

// Stands for the cycle that a .grad with a history may close: the graph leads to the tensor, which
// leads to the graph.  Made by bind, whose collector looks for it; NOTE [Cycles] in
// bind/collector.h.
class GradCycle {
 public:
  virtual ~GradCycle() = default;
};

// The derivative along the direction of one forward level; NOTE [Levels] in graph/level.h.
struct Tangent {
  int level;
  std::uint64_t serial;
  Tensor value;
};

struct AutogradMeta final : TensorMeta {
  AutogradMeta();
  ~AutogradMeta() override;
  static void* operator new(std::size_t bytes) { return memory::allocate(bytes); }
  static void operator delete(void* block, std::size_t bytes) noexcept {
    memory::deallocate(block, bytes);
  }

  Tensor grad;
  std::unique_ptr<LeafHooks> hooks;
  std::unique_ptr<Retention> retention;
  std::unique_ptr<GradCycle> cycle;

  // The Python object AccumulateGrad of a leaf while one exists (weak); owned by bind.
  void* accumulator = nullptr;

  // Forward mode (kDual): at most one for each level; those of ended levels are dead.
  memory::Vector<Tangent> raw_tangents;

  // Batching (kBatched): the tensor of all examples, the batch being its dimension 0, and the
  // level of the transform that made it.
  Tensor batch;
  int level = 0;
  Origin cut_how = Origin::None;
  std::uint64_t serial = 0;

  // What a reverse transform differentiates by: the serial number of its level, and the tensor that
  // entered it, of which what leaves the level may be a view.
  std::uint64_t input_of = 0;
  Ref<TensorBody> entered;

  // Of a view that entered or left a forward level: its tangent of that level is its own, that of
  // its base another one.  Its views, and theirs, name it in `tangent_base`.
  int own_level = 0;
  std::uint64_t own_serial = 0;
  Ref<TensorBody> tangent_base;

  PassMark mark;  // of a leaf

  // See graph/origin.h: the last use without recording (of a leaf; `cut_how` says which), and where
  // the gradient was taken away.
  Provenance cut;
  Provenance cleared;
};

inline AutogradMeta* meta_of(const Tensor& tensor) {
  return static_cast<AutogradMeta*>(tensor.body()->meta.get());
}

inline AutogradMeta& make_meta(TensorBody* body) {
  if (!body->meta) body->meta = std::make_unique<AutogradMeta>();
  return static_cast<AutogradMeta&>(*body->meta);
}
inline AutogradMeta& make_meta(const Tensor& tensor) { return make_meta(tensor.body()); }

// Whether what is made of it now is recorded, by a level that is under way.
inline bool is_recorded(const Tensor& tensor) {
  const std::uint32_t flags = tensor.raw_flags() & kAnyGrad;
  return mode.grad && (flags ? (flags & mode.record) != 0 : tensor.requires_grad());
}

// Called when .grad was replaced: it may have a history.
void note_grad(const Tensor& tensor);
// What sets `cycle` of the tensor's metadata; set once, by bind.
void set_cycle_maker(void (*make)(const Tensor& tensor));

// Keeps the gradient of a non-leaf in its .grad.
void retain_grad(const Tensor& tensor);
// Called when the history of a tensor was replaced: what it keeps is from now on the gradient that
// arrives at its new node.  Hooks stay with the old one.
void move_retention(const Tensor& tensor);

inline bool is_active(int level, std::uint64_t serial) {
  return level <= mode.depth && mode.levels[level].serial == serial;
}

// Undefined where there is none, or only one of a level that has ended.  These two bring a stale
// view up to date: NOTE [Stale views] in core/tensor.h.
const Tensor& tangent_of(const Tensor& tensor, int level);
// The forward levels under way of which the tensor has a tangent, as bits by depth.
std::uint64_t dual_levels(const Tensor& tensor);
void set_tangent(const Tensor& tensor, int level, Tensor tangent);
void drop_tangent(TensorBody* body, int level);
void drop_tangents(const Tensor& tensor);
// The level under way that a view entered or left (AutogradMeta::own_level), or 0.
int own_level(const TensorBody* body);
// Of a view: the tensor whose tangent of the level is followed by its own; it may be the view.
Tensor tangent_base(const Tensor& view, int level);
// Gives `to` the tangents of `from` of the levels of `among` (bits by depth).
void give_tangents(const Tensor& to, const Tensor& from, std::uint64_t among);

// Neither a tangent nor a batch.
inline bool is_single(const Tensor& tensor) { return !tensor.has(kBatched) && !tensor.is_dual(); }

// Wraps [B, ...] as one tensor of shape [...].
Tensor make_batched(const Tensor& batch, int level);
// What detach() gives: cut off from every level.
Tensor detached(const Tensor& tensor);
// Another body with the same memory, or batch; no history, no tangents.
Tensor plain_twin(const Tensor& tensor);
// The same with the tangents of the levels of `among`.
Tensor dual_twin(const Tensor& tensor, std::uint64_t among);

// The memory of the thread's levels is made when it is needed.
void make_level_stack();
// Starts a level (inside of the others) and ends the innermost one.
Level& push_level(LevelKind kind);
void pop_level() noexcept;
// Whether the tensor is what a transform under way differentiates by: to user code it is a leaf.
bool is_level_input(const TensorBody* body);
// Whether a level is under way that is not that of a dual_level.
bool in_transform();
// The innermost reverse level of a tensor, or a node, with these flags that a hook registered now
// belongs to, as a bit: NOTE [Hooks] in graph/hooks.h.
std::uint32_t hook_level(std::uint32_t flags);
// Bits by depth of the levels outside of this one.
inline std::uint64_t below(int level) { return (std::uint64_t{1} << level) - 1; }

// Leaves only the levels outside of one switched on: for what a transform wraps.
class OuterLevels {
 public:
  explicit OuterLevels(int level) : record_(mode.record), dual_(mode.dual), grad_(mode.grad) {
    const Level& here = mode.levels[level];
    mode.record &= here.outer_record;
    mode.dual &= below(level);
    if (here.always_recorded) [[unlikely]] {
      mode.record = (mode.grad ? mode.record : 0) | here.always_recorded;
      mode.grad = true;
    }
  }
  ~OuterLevels() {
    mode.record = record_;
    mode.dual = dual_;
    mode.grad = grad_;
  }
  OuterLevels(const OuterLevels&) = delete;
  OuterLevels& operator=(const OuterLevels&) = delete;

 private:
  std::uint32_t record_;
  std::uint64_t dual_;
  bool grad_;
};
// Switches every level on that is under way: for what belongs to a tensor and not to the operation
// that happens to ask for it.
class AllLevels {
 public:
  AllLevels();
  ~AllLevels() {
    mode.record = record_;
    mode.dual = dual_;
  }
  AllLevels(const AllLevels&) = delete;
  AllLevels& operator=(const AllLevels&) = delete;

 private:
  std::uint32_t record_;
  std::uint64_t dual_;
};
using RecordLevels = ModeScope<&Mode::record>;

// The bodies that lose their tangents of a level when it ends: a node keeps its own output with its
// tangents, and the graph of the tangents may keep the node.
class Cleanup {
 public:
  std::vector<Ref<TensorBody>> bodies;
};
void end_with_level(const Tensor& dual, int level);
void end_with_levels(const Tensor& dual);

}  // namespace pullback
