// See rebase.h.  Start reading at rebase().
#include "ops/rebase.h"

#include <bit>
#include <string>

#include "graph/origin.h"
#include "ops/as_strided.h"
#include "ops/basic.h"
#include "ops/recipe.h"

namespace pullback {
namespace {

// Throws for a view that cannot follow its base; `what` says what happened to it.
void check_follows(const Tensor& view, const char* what) {
  const TensorBody* body = view.body();
  const char* hint =
      "Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify "
      "your code by moving both the view and the inplace either both inside the ";
  switch (body->view_kind) {
    case ViewKind::Plain:
      return;
    case ViewKind::NoGrad:
      fail("A view was created in no_grad mode and ", what,
           " modified inplace with grad mode enabled. ", hint,
           "no_grad block (if you don't want the inplace to be tracked) or both outside (if you "
           "want the inplace to be tracked).",
           origin_of(view));
    case ViewKind::Inference:
      fail("A view was created in inference mode and ", what, " modified inplace in normal mode. ",
           hint,
           "inference_mode block (if you don't want the inplace to be tracked) or both outside "
           "(if you want the inplace to be tracked).",
           origin_of(view));
    case ViewKind::OneOfMany: {
      constexpr const char* kMany =
          "This view is the output of a function that returns multiple views. Such functions do "
          "not allow the output views to be modified inplace. You should replace the inplace "
          "operation by an out-of-place one.";
      if (!body->raw_grad_fn) {
        if (mode.depth > 0) {
          fail("A view does not depend on what a transform differentiates by and ", what,
               " modified inplace by what does. ", kMany, origin_of(view));
        }
        fail("A view was created in no_grad mode and ", what,
             " modified inplace with grad mode enabled. ", kMany, origin_of(view));
      }
      fail("Output ", body->raw_output_nr, " of ",
           static_cast<Node*>(body->raw_grad_fn.get())->operator_name(), " is a view and ", what,
           " modified inplace. ", kMany, origin_of(view));
    }
    case ViewKind::Custom:
      fail("Output ", body->raw_output_nr, " of ",
           body->raw_grad_fn ? static_cast<Node*>(body->raw_grad_fn.get())->operator_name()
                             : std::string("a Function"),
           " is a view and ", what,
           " modified inplace. This view was created inside a custom Function (or because an input "
           "was returned as-is) and the autograd logic to handle view+inplace would override the "
           "custom backward associated with the custom Function, leading to incorrect gradients. "
           "This behavior is forbidden. You can fix this by cloning the output of the custom "
           "Function.",
           origin_of(view));
  }
}

// Throws for a view whose base has other memory: neither knows what was written into the other's.
void check_shares(const Tensor& view, const std::string& what) {
  check(view.body()->shares_base(), what,
        ": got a view that no longer shares memory with its base (`.data = ...` or set_ gave one "
        "of them other memory), expected one whose history can follow. Use v.detach() for its "
        "values, or make the view anew.");
}

Tensor tangent_or_zeros(const Tensor& t, int level) {
  const Tensor& tangent = tangent_of(t, level);
  return tangent.defined() ? tangent : Tensor::zeros(t.sizes(), t.dtype());
}

// Gives `to` the tangents of `from` instead of its own.
void take_tangents(const Tensor& to, const Tensor& from) {
  drop_tangents(to);
  give_tangents(to, from, ~std::uint64_t{0});
}

// The levels of which a tensor that the view follows may have a tangent.
std::uint64_t levels_followed(const Tensor& view) {
  const TensorBody* body = view.body();
  std::uint64_t levels = dual_levels(Tensor(body->base));
  while (body->meta) {
    const Tensor base(static_cast<const AutogradMeta&>(*body->meta).tangent_base);
    if (!base.defined()) break;
    levels |= dual_levels(base);
    body = base.body();
  }
  return levels;
}

void write_tangent(const Tensor& view, int level, const Tensor& tangent) {
  const Tensor base = tangent_base(view, level);
  if (base.is_same(view)) return set_tangent(view, level, tangent);
  const Part part = part_of(view, base);
  check_replaceable(part);
  set_tangent(base, level, replace_part(part, tangent_or_zeros(base, level), tangent));
}

void rebase_base(const Tensor& view, const Tensor& base, const Tensor& result) {
  std::uint64_t levels =
      mode.forward ? (levels_followed(view) | dual_levels(result)) & mode.dual : 0;
  for (; levels; levels &= levels - 1) {
    const int level = std::countr_zero(levels);
    const OuterLevels outer(level);
    write_tangent(view, level, tangent_or_zeros(result, level));
  }
  const int own = mode.forward ? own_level(view.body()) : 0;
  if (own && !tangent_of(result, own).defined()) drop_tangent(view.body(), own);
  const bool records = result.requires_grad() && mode.grad;
  if (records && (result.raw_flags() | base.raw_flags()) & mode.record) {
    record_replaced_part(part_of(view, base), base, result);
    move_retention(base);
  }
}

// The view's tangents of one level are its own, those of the others a part of somebody else's.
void keep_own_tangent(const Tensor& view) {
  const int own = own_level(view.body());
  if (!own) return drop_tangents(view);
  for (std::uint64_t others = mode.dual & ~(std::uint64_t{1} << own); others; others &= others - 1)
    drop_tangent(view.body(), std::countr_zero(others));
}

}  // namespace

// It is the target of the in-place operator under way, or a view that shows the same elements.
bool detail::is_overwritten(const Tensor& tensor) {
  const TensorBody* body = tensor.body();
  const TensorBody* target = mode.overwritten;
  if (body == target) return true;
  if ((body->raw_flags | target->raw_flags) & kBatched) return false;
  return body->storage == target->storage && body->data == target->data &&
         body->numel == target->numel;
}

Tensor detail::copy_before_write(const Tensor& tensor) {
  Tensor copy;
  if (tensor.has(kBatched)) {
    // For the levels outside of the batch as well.
    const AutogradMeta& meta = *meta_of(tensor);
    copy = make_batched(copy_before_write(meta.batch), meta.level);
  } else {
    const GradMode no_history(false);
    const ForwardMode no_tangents(false);
    copy = clone(tensor);
  }
  take_tangents(copy, tensor);
  copy.body()->raw_grad_fn = tensor.body()->raw_grad_fn;
  copy.body()->raw_output_nr = tensor.body()->raw_output_nr;
  copy.body()->raw_flags |= tensor.raw_flags() & kAnyGrad;
  return copy;
}

void detail::refresh(In in) {
  for (int i = 0; i < in.size(); ++i) {
    if (in[i].defined()) pullback::refresh(in[i]);
  }
}

void detail::note_cuts(In in, std::span<const Tensor> results) {
  const TensorBody* made = nullptr;
  for (int i = 0; i < in.size(); ++i) {
    if (!in[i].defined() || !(in[i].raw_flags() & (kRequiresGrad | kCut))) continue;
    if (made) {
      note_leaf_cut(in[i], made->origin, made->made);
      continue;
    }
    for (const Tensor& result : results) note_cut(result, in[i]);
    if (results.empty() || !results[0].has(kCut)) return;
    made = results[0].body();
  }
}

void detail::note_unsaved_cut(Node& node, In in, Reads saved) {
  for (int i = 0; i < in.size(); ++i) {
    const bool kept = saved & reads_input(i) || node.wants(i);
    if (!kept && in[i].defined() && in[i].has(kCut)) return note_cut_operand(node, in[i]);
  }
}

static void follow_tangents(const Tensor& view, const Tensor& input) {
  const Ref<TensorBody>& base =
      own_level(input.body()) ? input.ref() : meta_of(input)->tangent_base;
  if (base) make_meta(view).tangent_base = base;
}

void detail::mark_view(const Tensor& view, const Tensor& input, bool one_of_many) {
  TensorBody* body = view.body();
  const TensorBody* from = input.body();
  if (body == from || from->raw_flags & kInference) return;
  body->base = from->base ? from->base : input.ref();
  if (!is_differentiable(body->dtype)) return;
  body->raw_flags |= kFollowsBase;
  body->has_seen(body->storage->version);
  if (from->meta) [[unlikely]]
    follow_tangents(view, input);
  if (mode.inference) {
    body->view_kind = ViewKind::Inference;
  } else if (!mode.grad) {
    body->view_kind = ViewKind::NoGrad;
  } else {
    body->view_kind = one_of_many ? ViewKind::OneOfMany : from->view_kind;
  }
}

void detail::mark_batched_view(const Tensor& view, const Tensor& input, bool one_of_many) {
  const bool shares = view.has(kBatched) && input.has(kBatched) &&
                      meta_of(view)->level == meta_of(input)->level &&
                      view.body()->storage == input.body()->storage;
  if (shares) mark_view(view, input, one_of_many);
}

namespace {

// While something that belongs to a tensor is made, not to the operation that asks for it: nothing
// of what that operation switched on, off or aside counts.
class Neutral {
 private:
  const AllLevels levels_;
  const ModeScope<&Mode::destination> offer_{nullptr};
  const GradMode grad_{true};
  const ForwardMode forward_{true};
  const ModeScope<&Mode::inference> inference_{false};
  const ModeScope<&Mode::overwritten> overwritten_{nullptr};
};

}  // namespace

void take_tangents_anew(const Tensor& view) {
  TensorBody* body = view.body();
  check_shares(view, "view: written since its tangent was computed");
  const Neutral neutral;
  const HistoryLock lock(body);
  keep_own_tangent(view);
  for (std::uint64_t levels = levels_followed(view); levels; levels &= levels - 1) {
    const int level = std::countr_zero(levels);
    const Tensor base = tangent_base(view, level);
    const Tensor& tangent = base.is_same(view) ? base : tangent_of(base, level);
    if (base.is_same(view) || !tangent.defined()) continue;
    const OuterLevels outer(level);
    set_tangent(view, level, take_part(part_of(view, base), tangent));
  }
  body->seen_by_tangents = view.version();
}

bool is_silent_inside(const Tensor& tensor) {
  const TensorBody* body = tensor.body();
  if (tensor.has(kBatched)) return is_silent_inside(meta_of(tensor)->batch);
  const bool is_silent =
      body->view_kind == ViewKind::NoGrad || body->view_kind == ViewKind::Inference;
  return is_silent && tensor.has(kFollowsBase) && in_transform() && mode.grad &&
         !(body->base->raw_flags & kAnyGrad & mode.record);
}

void make_history_anew(const Tensor& view) {
  TensorBody* body = view.body();
  const Tensor base(body->base);
  check_shares(view, "view: written since its history was made");
  // Other threads may use the view, too: it is theirs when the version says so.
  const HistoryLock lock(body);
  if (!body->has_stale_history()) return;
  if (is_silent_inside(view)) return;
  // Where nothing was written, the base joined a graph, or one that was not recorded then.
  if (view.version() != body->seen_by_history)
    check_follows(view, "its base or another view of its base has been");
  const Neutral neutral;
  const ForwardMode values_only(false);
  // Inside vmap only the history is wanted: the values are those of all examples already.
  const Tensor again =
      view.has(kBatched) ? take_part(part_of(view, base), base) : view_as_strided(base, view);
  body->raw_grad_fn = again.body()->raw_grad_fn;
  body->raw_output_nr = 0;
  const std::uint32_t grads = again.raw_flags() & kAnyGrad;
  if ((body->raw_flags & kAnyGrad) != grads)
    body->raw_flags = (body->raw_flags & ~std::uint32_t{kAnyGrad}) | grads;
  body->seen_by_history = view.version();
  move_retention(view);
}

bool joins_graph(const Tensor& target) {
  return target.requires_grad() ||
         (target.has(kFollowsBase) && target.body()->base->raw_flags & kAnyGrad &&
          target.body()->shares_base());
}

void check_rebase(const char* name, const Tensor& target) {
  if (target.has(kFollowsBase)) {
    check_shares(target, std::string(name) + "_");
    check_follows(target, "is being");
    const TensorBody* base = target.body()->base.get();
    if (joins_graph(target) && (!base->raw_grad_fn || is_level_input(base))) {
      fail("a view of a leaf Variable that requires grad is being used in an in-place operation.",
           described(Tensor(target.body()->base)));
    }
    check_replaceable(part_of(target, Tensor(target.body()->base)));
  }
  if (target.requires_grad() && (target.is_leaf() || is_level_input(target.body()))) {
    fail("a leaf Variable that requires grad is being used in an in-place operation. ", name,
         "_: use x.detach() or a torch.no_grad() block to change the value of a leaf.",
         described(target));
  }
}

static void replace_history(const Tensor& target, const Tensor& result) {
  if (target.has(kFollowsBase)) {
    if (!target.body()->shares_base()) {
      const bool follows = result.is_dual() || Tensor(target.body()->base).is_dual();
      const bool records = result.requires_grad() && mode.grad;
      if (records || follows) check_shares(target, "in-place write");
      // Without a record its history stays what it was.
      TensorBody* body = target.body();
      if (body->seen_by_history + 1 == target.version()) ++body->seen_by_history;
      return;
    }
    // Written directly, the operator's node is in the view: a twin holds it for the base.
    Tensor value = result;
    if (result.is_same(target)) {
      value = plain_twin(target);
      if (Node* node = raw_node_of(target)) set_history(value, node, target.body()->raw_output_nr);
      if (target.raw_flags() & kDual) take_tangents(value, target);
    }
    rebase_base(target, Tensor(target.body()->base), value);
    target.body()->has_seen(target.version() - 1);
    refresh(target);
    return;
  }
  if (result.is_same(target)) {
    move_retention(target);
    return;
  }
  if (mode.forward) take_tangents(target, result);
  if (result.requires_grad() && mode.grad) {
    copy_history(target, result);
    detail::note_result(*node_of(result), target);
    move_retention(target);
  }
}

void rebase_tangent(const Tensor& target, int level, const Tensor& tangent) {
  set_tangent(target, level, tangent);
  if (!target.has(kFollowsBase)) return;
  const Tensor base = tangent_base(target, level);
  const Tensor& whole = base.is_same(target) ? tangent : tangent_of(base, level);
  // Where it is a view of the whole one it was written with it.
  if (whole.defined() && whole.body()->storage == tangent.body()->storage) return;
  write_tangent(target, level, tangent);
}

void rebase(const Tensor& target, const Tensor& result) {
  replace_history(target, result);
  Storage& storage = *target.body()->storage;
  const bool has_history = target.raw_flags() & (kAnyGrad | kDual);
  if (storage.saved && has_history) [[unlikely]]
    SavedInput::expire(storage);
}

}  // namespace pullback
