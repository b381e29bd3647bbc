// See levels.h.
#include "ops/levels.h"

#include <set>

#include "ops/assign.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/rebase.h"

namespace pullback {
namespace {

struct Alias {
  static constexpr const char* kNode = "AliasBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kLinear = true;
  struct Attrs {
    Attrs batched(std::int64_t) const { return *this; }
  };
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static Tensor make(const Attrs&, const Tensor& x) { return x.detach(); }
  static void fill(const Attrs&, In, const Tensor&) {}
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

Tensor enter_grad(const Tensor& input, int level) {
  // What is off around a transform is off for what it computes, not for what it was given.
  const std::uint32_t recorded = mode.record;
  const bool is_silent = is_silent_inside(input);
  const AllLevels levels;
  if (is_silent) mode.record = recorded;
  const ForwardMode tangents(true);
  Tensor fresh = apply<Alias>({}, input);
  if (!is_differentiable(fresh.dtype())) return fresh;
  fresh.body()->raw_flags |= mode.levels[level].bit;
  fresh.set(kInference, false);
  AutogradMeta& meta = make_meta(fresh);
  meta.input_of = mode.levels[level].serial;
  meta.entered = input.ref();
  return fresh;
}

// The argument of a reverse transform whose input the result is, or is a view of.
static Tensor entered_as(const Tensor& result, std::uint64_t serial) {
  const TensorBody* input = result.body()->base ? result.body()->base.get() : result.body();
  if (!input->meta) return {};
  const auto& meta = static_cast<const AutogradMeta&>(*input->meta);
  return meta.input_of == serial ? Tensor(meta.entered) : Tensor();
}

Tensor leave_grad(const Tensor& result, int level) {
  const Level& here = mode.levels[level];
  const std::uint32_t own = here.bit & ~here.outer_record;
  refresh_history(result);
  const std::uint32_t flags = result.raw_flags();
  if (!(flags & own)) return result;
  Tensor outside = dual_twin(result, ~std::uint64_t{0});
  if (flags & kAnyGrad & ~own && !result.is_leaf()) {
    copy_history(outside, result);
    outside.body()->raw_flags &= ~own;
  }
  const Tensor entered = entered_as(result, here.serial);
  if (entered.defined() && entered.body()->storage == outside.body()->storage) {
    detail::mark_view(outside, entered, false);
    if (!here.grad_before && entered.requires_grad()) outside.body()->view_kind = ViewKind::NoGrad;
  }
  return outside;
}

// A view that is another tensor to one forward level.
static Tensor view_apart(const Tensor& t, int level, const char* node) {
  const bool has_history = t.requires_grad();
  const ModeScope<&Mode::dual> others(mode.dual & ~(std::uint64_t{1} << level));
  Tensor view = alias_view(t, node);
  // Nothing was lost under no_grad: it goes on following its base.
  if (!has_history) view.body()->view_kind = t.body()->view_kind;
  AutogradMeta& meta = make_meta(view);
  meta.own_level = level;
  meta.own_serial = mode.levels[level].serial;
  // What is the view's own in the same place as this one's need not live for it.
  if (own_level(t.body()) == level) meta.tangent_base = meta_of(t)->tangent_base;
  return view;
}

Tensor enter_dual(const Tensor& primal, const Tensor& tangent, int level) {
  Tensor dual = view_apart(primal, level, "ViewBackward0");
  set_tangent(dual, level, tangent);
  return dual;
}

Tensor leave_dual(const Tensor& result, int level) {
  constexpr const char* kNode = "Identity";
  const bool transforms = mode.levels[level].kind == LevelKind::Jvp;
  if (!tangent_of(result, level).defined()) return transforms ? result : alias_view(result, kNode);
  // The value keeps what it is a view of, but not its tangent.
  if (transforms) end_with_level(result, level);
  return view_apart(result, level, kNode);
}

Tensor enter_batch(const Tensor& examples, int dim, int level) {
  return make_batched(to_front(examples, dim), level);
}

Tensor make_for_batch(const Tensor& model, Sizes sizes, const std::function<Tensor(Sizes)>& make) {
  if (!model.has(kBatched)) return make(sizes);
  const AutogradMeta& meta = *meta_of(model);
  Dims all(sizes);
  all.insert(0, meta.batch.size(0));
  return make_batched(make_for_batch(meta.batch, all, make), meta.level);
}

// What torch calls an in-place operator when it refuses.
static std::string refused_name(const std::string& name) {
  static const std::set<std::string> arithmetic{
      "add",         "sub",        "mul",         "div",         "divide",      "multiply",
      "true_divide", "clamp_min",  "clamp_max",   "copysign",    "logical_and", "logical_or",
      "logical_xor", "bitwise_or", "bitwise_and", "bitwise_xor", "copy"};
  static const std::set<std::string> without_aten{"fill",           "index_put", "scatter_add",
                                                  "scatter_reduce", "index_add", "index_fill"};
  const bool is_symbol = name.find(' ') != std::string::npos;
  if (is_symbol || arithmetic.contains(name)) return "inplace arithmetic";
  return (without_aten.contains(name) ? "" : "aten::") + name + "_";
}

void write_batch(const std::string& name, const Tensor& target, const Tensor& result) {
  const Tensor* both[] = {&target, &result};
  const int level = detail::batch_level(In(both, 2));
  if (!target.has(kBatched) || meta_of(target)->level != level) {
    fail("vmap: ", refused_name(name),
         "(self, *extra_args) is not possible because there exists a Tensor `other` in extra_args "
         "that has more elements than `self`. This happened due to `other` being vmapped over but "
         "`self` not being vmapped over in a vmap. Please try to use out-of-place operators "
         "instead of inplace arithmetic.");
  }
  const OuterLevels outer(level);
  const detail::Unwrapped all = detail::unwrap(In(both, 2));
  const Tensor& written = all.tensors[0];
  const auto shared = [&](int first) {
    const auto skipped = static_cast<std::size_t>(first);
    return overlaps(written.sizes().subspan(skipped), written.strides().subspan(skipped));
  };
  if (name != "fill" && name != "zero" && !written.is_contiguous() && shared(0) && !shared(1)) {
    fail("vmap: ", refused_name(name),
         ": unsupported operation: more than one element of the written-to tensor refers to a "
         "single memory location, since examples share memory. Please clone() the tensor before "
         "performing the operation. Got examples of size ",
         target.shape(), " in memory of size ", written.shape(), " and stride ",
         Dims(written.strides()), ".");
  }
  copy_into(all.tensors[0], all.tensors[1]);
}

void refuse_item(const Tensor& tensor) {
  if (!tensor.has(kBatched)) return;
  fail(
      "vmap: It looks like you're calling .item() on a Tensor. We don't support vmap over calling "
      ".item() on a Tensor, please try to rewrite what you're doing with other operations.");
}

void refuse_memory(const Tensor& tensor) {
  if (!tensor.has(kBatched)) return;
  fail(
      "Cannot access data pointer of Tensor that doesn't have storage. A batched tensor stands for "
      "many: its values cannot be read inside vmap.");
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
