// The general batching rule; see NOTE [Batching] in op.h.
#include "ops/basic.h"
#include "ops/op.h"

namespace pullback {

void report_batched() {
  fail(
      "vmap: this operator reads values and has no batching rule. Call it outside of vmap, or in a "
      "loop.");
}

namespace detail {
namespace {

[[noreturn]] void report_leaked() {
  fail(
      "vmap: a tensor of a vmap that has ended is used. Return it from the mapped function instead "
      "of keeping it by a side effect.");
}

}  // namespace

int batch_level(In in) {
  int level = 0;
  for (int i = 0; i < in.size(); ++i) {
    if (!in[i].defined() || !in[i].has(kBatched)) continue;
    const AutogradMeta& meta = *meta_of(in[i]);
    if (!is_active(meta.level, meta.serial)) report_leaked();
    level = std::max(level, meta.level);
  }
  return level;
}

Unwrapped unwrap(In in) {
  Unwrapped u;
  u.level = batch_level(in);
  const auto here = [&](const Tensor& t) {
    return t.defined() && t.has(kBatched) && meta_of(t)->level == u.level;
  };
  for (int i = 0; i < in.size(); ++i) {
    if (here(in[i])) u.batch = meta_of(in[i])->batch.size(0);
  }
  u.tensors.reserve(static_cast<std::size_t>(in.size()));
  for (int i = 0; i < in.size(); ++i) {
    if (here(in[i])) {
      u.tensors.push_back(meta_of(in[i])->batch);
    } else if (in[i].defined()) {
      Dims sizes = in[i].shape();
      sizes.insert(0, u.batch);
      u.tensors.push_back(expand(in[i], sizes));
    } else {
      u.tensors.emplace_back();
    }
  }
  u.pointers.reserve(u.tensors.size());
  for (const Tensor& t : u.tensors) u.pointers.push_back(&t);
  return u;
}

Tensor twin(const Tensor& result, int level, bool recorded) {
  const bool has_history = result.requires_grad() && !result.is_leaf();
  if (!has_history && !recorded && !has_graph_or_levels(result)) return result;
  Tensor copy = dual_twin(result, below(level));
  if (has_history) copy_history(copy, result);
  return copy;
}

std::uint64_t levels_to_propagate(In in) {
  std::uint64_t levels = 0;
  for (int i = 0; i < in.size(); ++i) {
    if (in[i].defined()) levels |= dual_levels(in[i]);
  }
  levels &= mode.inference ? 0 : mode.dual;
  return levels ? levels & ~below(batch_level(in) + 1) : 0;
}

std::vector<Tensor> tangents_or_zeros(In in, int level) {
  std::vector<Tensor> tangents;
  tangents.reserve(static_cast<std::size_t>(in.size()));
  for (int i = 0; i < in.size(); ++i) {
    const Tensor& t = tangent_of(in[i], level);
    tangents.push_back(t.defined() ? t : Tensor::zeros(in[i].sizes(), in[i].dtype()));
  }
  return tangents;
}

}  // namespace detail

}  // namespace pullback
