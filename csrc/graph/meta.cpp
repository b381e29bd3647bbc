// See meta.h, and NOTE [Levels] in level.h.
#include "graph/meta.h"

#include <algorithm>
#include <atomic>
#include <bit>

#include "core/error.h"
#include "graph/node.h"

namespace pullback {
namespace {

std::atomic<std::uint64_t> next_serial{1};
void (*cycle_maker)(const Tensor&) = nullptr;

}  // namespace

// Forgets its place in the node's list when the tensor dies.
class Retention {
 public:
  Retention(const Tensor& tensor, Ref<Node> node) : body_(tensor.body()), node_(std::move(node)) {
    node_->make_extra().retained.push_back(body_);
  }
  ~Retention() { std::erase(node_->make_extra().retained, body_); }
  Retention(const Retention&) = delete;
  Retention& operator=(const Retention&) = delete;

 private:
  TensorBody* body_;
  Ref<Node> node_;
};

AutogradMeta::AutogradMeta() = default;
AutogradMeta::~AutogradMeta() = default;

void set_cycle_maker(void (*make)(const Tensor&)) { cycle_maker = make; }

void note_grad(const Tensor& tensor) {
  AutogradMeta& meta = *meta_of(tensor);
  if (!meta.grad.defined() || !meta.grad.requires_grad()) {
    meta.cycle = nullptr;
  } else if (!meta.cycle && cycle_maker) {
    cycle_maker(tensor);
  }
}

void retain_grad(const Tensor& tensor) {
  if (tensor.is_leaf()) return;
  AutogradMeta& meta = make_meta(tensor);
  if (meta.retention) return;
  meta.retention = std::make_unique<Retention>(tensor, Ref<Node>::share(node_of(tensor)));
  tensor.set(kRetainsGrad, true);
}

void move_retention(const Tensor& tensor) {
  AutogradMeta* meta = meta_of(tensor);
  if (!meta || !meta->retention) return;
  meta->retention = nullptr;
  if (Node* node = node_of(tensor)) {
    meta->retention = std::make_unique<Retention>(tensor, Ref<Node>::share(node));
  }
}

const Tensor& tangent_of(const Tensor& tensor, int level) {
  static const Tensor none;
  if (!tensor.is_dual()) return none;
  for (const Tangent& tangent : meta_of(tensor)->raw_tangents) {
    if (tangent.level == level && is_active(level, tangent.serial)) return tangent.value;
  }
  return none;
}

void set_tangent(const Tensor& tensor, int level, Tensor tangent) {
  if (!tangent.defined()) return;
  auto& tangents = make_meta(tensor).raw_tangents;
  std::erase_if(tangents, [&](const Tangent& t) {
    return t.level == level || !is_active(t.level, t.serial);
  });
  tangents.push_back({level, mode.levels[level].serial, std::move(tangent)});
  tensor.set(kDual, true);
}

void drop_tangent(TensorBody* body, int level) {
  if (!(body->raw_flags & kDual)) return;
  auto& tangents = static_cast<AutogradMeta&>(*body->meta).raw_tangents;
  std::erase_if(tangents, [&](const Tangent& t) { return t.level == level; });
  if (tangents.empty()) body->raw_flags &= ~std::uint32_t{kDual};
}

void drop_tangents(const Tensor& tensor) {
  if (!(tensor.raw_flags() & kDual)) return;
  meta_of(tensor)->raw_tangents.clear();
  tensor.set(kDual, false);
}

void give_tangents(const Tensor& to, const Tensor& from, std::uint64_t among) {
  if (!from.is_dual()) return;
  for (const Tangent& t : meta_of(from)->raw_tangents) {
    const bool wanted = is_active(t.level, t.serial) && among >> t.level & 1;
    if (wanted) set_tangent(to, t.level, t.value);
  }
}

void end_with_level(const Tensor& dual, int level) {
  Cleanup*& cleanup = mode.levels[level].cleanup;
  if (!cleanup) cleanup = new Cleanup;
  cleanup->bodies.push_back(dual.ref());
}

void end_with_levels(const Tensor& dual) {
  for (std::uint64_t levels = dual_levels(dual); levels; levels &= levels - 1) {
    end_with_level(dual, std::countr_zero(levels));
  }
}

int own_level(const TensorBody* body) {
  if (!body->meta) return 0;
  const auto& meta = static_cast<const AutogradMeta&>(*body->meta);
  return meta.own_level && is_active(meta.own_level, meta.own_serial) ? meta.own_level : 0;
}

Tensor tangent_base(const Tensor& view, int level) {
  for (TensorBody* body = view.body(); body && body->meta;) {
    if (own_level(body) == level) return Tensor(Ref<TensorBody>::share(body));
    body = static_cast<const AutogradMeta&>(*body->meta).tangent_base.get();
  }
  return Tensor(view.body()->base);
}

std::uint64_t dual_levels(const Tensor& tensor) {
  if (!tensor.defined() || !tensor.is_dual()) return 0;
  std::uint64_t levels = 0;
  for (const Tangent& t : meta_of(tensor)->raw_tangents) {
    if (is_active(t.level, t.serial)) levels |= std::uint64_t{1} << t.level;
  }
  return levels;
}

Tensor make_batched(const Tensor& batch, int level) {
  check(batch.ndim() > 0, "vmap: got a tensor without dimensions, expected a batch dimension.");
  const Sizes sizes = batch.sizes().subspan(1);
  const Sizes strides = batch.strides().subspan(1);
  // The storage for its version; the memory is reached through the batch only.
  Tensor wrapper = Tensor::over(batch.body()->storage, nullptr, sizes, strides, batch.dtype());
  wrapper.set(kBatched, true);
  AutogradMeta& meta = make_meta(wrapper);
  meta.batch = batch;
  meta.level = level;
  meta.serial = mode.levels[level].serial;
  return wrapper;
}

Tensor detached(const Tensor& tensor) {
  if (!tensor.has(kBatched)) return tensor.detach();
  return make_batched(detached(meta_of(tensor)->batch), meta_of(tensor)->level);
}

Tensor plain_twin(const Tensor& tensor) {
  if (!tensor.has(kBatched)) return tensor.detach();
  return make_batched(meta_of(tensor)->batch, meta_of(tensor)->level);
}

Tensor dual_twin(const Tensor& tensor, std::uint64_t among) {
  Tensor twin = plain_twin(tensor);
  give_tangents(twin, tensor, among);
  return twin;
}

void make_level_stack() {
  thread_local std::vector<std::unique_ptr<Level[]>> stacks;
  if (mode.levels) return;
  mode.levels = stacks.emplace_back(std::make_unique<Level[]>(kMaxLevels)).get();
}

Level& push_level(LevelKind kind) {
  make_level_stack();
  check(mode.depth + 1 < kMaxLevels, "got ", kMaxLevels,
        " nested transforms, expected fewer. Is one calling itself without end?");
  Level level;
  level.kind = kind;
  level.serial = next_serial.fetch_add(1, std::memory_order_relaxed);
  level.grad_before = mode.grad;
  level.inference_before = mode.inference;
  level.forward_before = mode.forward;
  level.record_before = mode.record;
  level.dual_before = mode.dual;
  level.outer_record = kRequiresGrad;
  if (mode.depth > 0) {
    const Level& outer = mode.levels[mode.depth];
    level.outer_record = outer.outer_record | outer.bit;
    if (outer.kind == LevelKind::Linear) level.always_recorded = outer.bit;
  }
  ++mode.depth;
  // What is off around a transform is on for its own level, and stays off for those around it.
  if (kind == LevelKind::Grad || kind == LevelKind::Jvp) {
    if (mode.inference) mode.dual = 0;
    mode.inference = false;
  }
  if (kind == LevelKind::Grad || kind == LevelKind::Linear) {
    int bit = kFirstGradBit;
    while (bit < kLastGradBit && level.outer_record >> bit & 1) ++bit;
    level.bit = std::uint32_t{1} << bit;
  }
  if (kind == LevelKind::Grad) {
    if (!mode.grad) mode.record = 0;
    mode.record |= level.bit;
    mode.grad = true;
  } else if (kind == LevelKind::Linear) {
    mode.record |= level.bit;
  } else if (kind != LevelKind::Vmap) {
    if (kind == LevelKind::Jvp) {
      if (!mode.forward) mode.dual = 0;
      mode.forward = true;
    }
    mode.dual |= std::uint64_t{1} << mode.depth;
  }
  return mode.levels[mode.depth] = level;
}

AllLevels::AllLevels() : record_(mode.record), dual_(mode.dual) {
  for (int level = 1; level <= mode.depth; ++level) {
    mode.record |= mode.levels[level].bit | mode.levels[level].outer_record;
    const LevelKind kind = mode.levels[level].kind;
    if (kind == LevelKind::Dual || kind == LevelKind::Jvp) mode.dual |= std::uint64_t{1} << level;
  }
}

bool is_level_input(const TensorBody* body) {
  if (!mode.depth || !body->meta) return false;
  const std::uint64_t serial = static_cast<const AutogradMeta&>(*body->meta).input_of;
  for (int level = 1; serial && level <= mode.depth; ++level) {
    if (mode.levels[level].serial == serial) return true;
  }
  return false;
}

bool in_transform() {
  for (int level = 1; level <= mode.depth; ++level) {
    if (mode.levels[level].kind != LevelKind::Dual) return true;
  }
  return false;
}

std::uint32_t hook_level(std::uint32_t flags) {
  flags &= kAnyGrad;
  std::uint32_t active = kRequiresGrad;
  if (mode.depth) {
    const Level& inner = mode.levels[mode.depth];
    active = inner.outer_record | inner.bit;
    check(!(inner.outer_record & inner.bit & flags),
          "a hook: got a tensor of more than 16 nested reverse transforms, expected fewer: the "
          "passes of the inner ones could not be told apart.");
  }
  return std::bit_floor(flags & active ? flags & active : flags);
}

void pop_level() noexcept {
  Level& level = mode.levels[mode.depth];
  if (level.kind == LevelKind::Grad) mode.grad = level.grad_before;
  if (level.kind == LevelKind::Jvp) mode.forward = level.forward_before;
  if (level.kind == LevelKind::Grad || level.kind == LevelKind::Jvp) {
    mode.inference = level.inference_before;
  }
  mode.record = level.record_before;
  mode.dual = level.dual_before;
  Cleanup* cleanup = level.cleanup;
  const int depth = mode.depth;
  level = Level();
  --mode.depth;
  if (!cleanup) return;
  for (const Ref<TensorBody>& body : cleanup->bodies) drop_tangent(body.get(), depth);
  delete cleanup;
}

}  // namespace pullback
