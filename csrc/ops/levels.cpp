// See levels.h.
#include "ops/levels.h"

#include "ops/basic.h"
#include "ops/op.h"

namespace pullback {
namespace {

struct Alias {
  static constexpr const char* kNode = "AliasBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kLinear = true;
  struct Attrs {
    Attrs batched(std::int64_t) const { return *this; }
  };
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static Tensor make(const Attrs&, const Tensor& x) { return x.detach(); }
  static void fill(const Attrs&, In, const Tensor&) {}
  static constexpr std::uint32_t saves(std::uint32_t) { return 0; }
  static void vjp(Vjp<Alias>& v) { v.give(0, v.grad()); }
};

Tensor to_front(const Tensor& t, int dim) {
  if (dim == 0) return t;
  Dims order{dim};
  for (int d = 0; d < t.ndim(); ++d) {
    if (d != dim) order.push_back(d);
  }
  return permute(t, order);
}

Tensor from_front(const Tensor& t, int dim) {
  if (dim == 0) return t;
  Dims order;
  for (int d = 1; d < t.ndim(); ++d) order.push_back(d);
  order.insert(dim, 0);
  return permute(t, order);
}

}  // namespace

Tensor alias(const Tensor& input) { return apply<Alias>({}, input); }

Tensor enter_grad(const Tensor& input, int level) {
  Tensor fresh = alias(input);
  if (is_floating(fresh.dtype())) {
    fresh.body()->flags |= mode.levels[level].bit;
  }
  return fresh;
}

Tensor leave_grad(const Tensor& result, int level) {
  const Level& here = mode.levels[level];
  const std::uint32_t own = here.bit & ~here.outer_record;
  if (!(result.flags() & own)) return result;
  Tensor outside = dual_twin(result, ~std::uint64_t{0});
  const std::uint32_t rest = result.flags() & kAnyGrad & ~own;
  if (rest && !result.is_leaf()) {
    set_history(outside, node_of(result), result.body()->output_nr);
    outside.body()->flags &= ~own;
  }
  return outside;
}

Tensor enter_dual(const Tensor& primal, const Tensor& tangent, int level) {
  Tensor dual = alias(primal);
  set_tangent(dual, level, tangent);
  return dual;
}

Tensor leave_dual(const Tensor& result, int level) {
  if (!tangent_of(result, level).defined()) return result;
  const ModeScope<&Mode::dual> others(mode.dual & ~(std::uint64_t{1} << level));
  return alias(result);
}

Tensor enter_batch(const Tensor& examples, int dim, int level) {
  return make_batched(to_front(examples, dim), level);
}

void refuse_item(const Tensor& tensor) {
  if (!tensor.has(kBatched)) return;
  fail(
      "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling "
      ".item() on a Tensor, please try to rewrite what you're doing with other operations.");
}

void refuse_condition(const Tensor& tensor) {
  if (!tensor.has(kBatched)) return;
  fail(
      "vmap: It looks like you're attempting to use a Tensor in some data-dependent control flow. "
      "We "
      "don't support that yet. Compute both branches and choose with where().");
}

Tensor leave_batch(const Tensor& result, int dim, int level) {
  const bool batched = result.has(kBatched) && meta_of(result)->level >= level;
  if (batched) {
    const AutogradMeta& meta = *meta_of(result);
    check(meta.level == level && is_active(level, meta.serial),
          "vmap: a tensor of a vmap that has ended is returned. Return it from the mapped function "
          "instead of keeping it by a side effect.");
  }
  const OuterLevels outer(level);
  if (batched) return from_front(meta_of(result)->batch, dim);
  Dims sizes = result.shape();
  sizes.insert(0, mode.levels[level].batch);
  return from_front(expand(result, sizes), dim);
}

}  // namespace pullback
