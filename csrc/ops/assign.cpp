// See assign.h.  What was in the destination gets the gradient zero, the source the sum over what
// it was broadcast to.
#include "ops/assign.h"

#include "graph/origin.h"
#include "ops/basic.h"
#include "ops/destination.h"
#include "ops/op.h"
#include "ops/operand.h"
#include "ops/rebase.h"
#include "ops/table.h"

namespace pullback {
namespace {

Tensor zeros_for(const Tensor& gradient) {
  return Tensor::zeros(gradient.sizes(), gradient.dtype());
}

Tensor assign(const Tensor& self, const Tensor& source, const char* name);

// The second input in the shape and dtype of the first.
struct Assign {
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kLinear = true;
  struct Attrs {
    Dims sizes;
    Dims from;
    DType dtype;
    DType from_dtype;
    const char* name;
    Attrs batched(std::int64_t) const { return *this; }
  };
  // The dimensions that the source lacks come behind the batch.
  static Tensor batch(const Attrs& a, In in, int) {
    const detail::Unwrapped u = detail::unwrap(in);
    Tensor source = u.tensors[1];
    for (int k = a.sizes.size() - a.from.size(); k > 0; --k) source = unsqueeze(source, 1);
    return make_batched(assign(u.tensors[0], source, a.name), u.level);
  }
  static const char* node_name(const Attrs& a) { return a.name; }
  static Spec spec(const Attrs& a, In) { return {a.sizes, a.dtype}; }
  static void fill(const Attrs&, In in, const Tensor& out) { copy_values(out, in[1]); }
  static void vjp(Vjp<Assign>& v) {
    if (v.wants(0)) v.give(0, zeros_for(v.grad()));
    if (v.wants(1)) {
      const Tensor sum = sum_to(v.grad(), v.attrs().from);
      v.give(1, cast_gradient(sum, v.attrs().from_dtype));
    }
  }
};

// A number everywhere.
struct Fill {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  struct Attrs {
    Scalar value;
    const char* name;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static const char* node_name(const Attrs& a) { return a.name; }
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static Tensor make(const Attrs&, const Tensor& x) { return empty_strided_like(x, x.dtype()); }
  static void fill(const Attrs& a, In, const Tensor& out) { fill_values(out, a.value); }
  static void vjp(Vjp<Fill>& v) { v.give(0, zeros_for(v.grad())); }
  static Tensor jvp(Jvp<Fill>& j) { return zeros_for(j.tangent(0)); }
};

Tensor assign(const Tensor& self, const Tensor& source, const char* name) {
  return apply<Assign>({self.shape(), source.shape(), self.dtype(), source.dtype(), name}, self,
                       source);
}

Tensor fill(const Tensor& input, const Operand& value, bool in_place) {
  if (!value.is_tensor()) {
    return apply<Fill>(
        {fitting(value.number(), input.dtype()), in_place ? "FillBackward2" : "FillBackward0"},
        input);
  }
  check(value.ndim() == 0, "fill_ only supports 0-dimension value tensor but got tensor with ",
        value.ndim(), " dimensions.");
  return assign(input, value.tensor(), in_place ? "FillBackward3" : "FillBackward1");
}

Tensor fill_entry(const Tensor& input, const Operand& value, Target target) {
  return fill(input, value, bool(target));
}

// Nothing to record, no batch, no tangent: written straight into the target.
bool is_plain(const Tensor& self) { return is_single(self) && !(mode.grad && joins_graph(self)); }
bool is_plain(const Tensor& self, const Tensor& source) {
  return is_plain(self) && is_single(source) && !(mode.grad && source.requires_grad());
}

// Where a value went without its history.  A target that requires a gradient keeps its own origin.
void note_copy(const Tensor& self, const Tensor& source) {
  if (!self.requires_grad()) return note_cut(self, source);
  if (!source.requires_grad()) return;
  Provenance here;
  here.capture();
  note_leaf_cut(source, mode.inference ? Origin::Inference : Origin::NoGrad, here);
}

}  // namespace

const Tensor& copy_into(const Tensor& self, const Tensor& source, Destination::Sharing sharing) {
  const Dims common = broadcast(self.sizes(), source.sizes());
  check(same(common, self.sizes()), "output with shape ", self.shape(),
        " doesn't match the broadcast shape ", common);
  warn_of_lost_parts(source.dtype(), self.dtype());
  const bool plain = is_plain(self, source);
  if (plain && self.is_same(source)) {
    self.note_write();
    return self;
  }
  Destination destination("copy", Destination::Kind::InPlace, self);
  destination.add_operand(source, sharing);
  if (plain) {
    copy_values(self, source);
    self.note_write();
    if ((source.requires_grad() || source.has(kCut)) && !mode.pass) note_copy(self, source);
    return self;
  }
  destination.finish(assign(self, source, "CopyBackwards"));
  return self;
}

const Tensor& fill_into(const Tensor& self, const Tensor& value) {
  Destination destination("fill", Destination::Kind::InPlace, self);
  destination.finish(fill(self, value, true));
  return self;
}

const Tensor& zero_into(const Tensor& self) {
  check_writable("zero", self);
  if (is_plain(self)) {
    copy_values(self, Tensor::scalar(Scalar(0), self.dtype()));
    self.note_write();
    return self;
  }
  Destination destination("zero", Destination::Kind::InPlace, self);
  destination.finish(apply<Fill>({Scalar(0), "ZeroBackward0"}, self));
  return self;
}

static const Entry entry_fill("fill(input, value)", function<fill_entry>,
                              kFunctionForm | kInPlaceForm | kSharesLast,
                              "One value everywhere, in the shape and dtype of input.",
                              "x(3,4), 2.5 | x(), 1 | x(3,4), x() | xs(3,4), -1.5 | x(0,3), 1.0");

}  // namespace pullback
