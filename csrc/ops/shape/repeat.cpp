// Copies of a whole tensor side by side: repeat, tile.
#include "kernels/copy.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/table.h"

namespace pullback {
namespace {

struct Repeat {
  static constexpr const char* kNode = "RepeatBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kMoves = true;
  static constexpr bool kLinear = true;
  struct Attrs {
    Dims repeats;
    Dims from;  // as many dimensions as `repeats`
    Attrs batched(std::int64_t batch) const {
      Attrs b = *this;
      b.repeats.insert(0, 1);
      b.from.insert(0, batch);
      return b;
    }
  };
  // r0, s0, r1, s1, ...
  static Dims interleave(const Dims& a, const Dims& b) {
    Dims both;
    for (int d = 0; d < a.size(); ++d) {
      both.push_back(a[d]);
      both.push_back(b[d]);
    }
    return both;
  }
  static Dims sizes(const Attrs& a) {
    Dims sizes = a.from;
    for (int d = 0; d < sizes.size(); ++d) sizes[d] *= a.repeats[d];
    return sizes;
  }
  static Spec spec(const Attrs& a, In in) { return {sizes(a), in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    const Dims to = interleave(a.repeats, a.from);
    Dims strides;
    for (int d = 0; d < a.from.size(); ++d) {
      strides.push_back(out.stride(d) * a.from[d]);
      strides.push_back(out.stride(d));
    }
    const Dims from = interleave(Dims(a.from.size()), Dims(in[0].strides()));
    kernels::copy(view_of(out.alias(to, strides)), view_of(in[0].alias(to, from)));
  }
  static void vjp(Vjp<Repeat>& v) {
    const Attrs& a = v.attrs();
    const Tensor blocks = reshape(v.grad(), interleave(a.repeats, a.from));
    v.give(0, reshape(sum_to(blocks, interleave(Dims(a.from.size(), 1), a.from)), a.from));
  }
};

}  // namespace

static Tensor repeat(const Tensor& input, const Dims& repeats) {
  const int lead = repeats.size() - input.ndim();
  check(lead >= 0,
        "Number of dimensions of repeat dims can not be smaller than number of dimensions of "
        "tensor");
  Dims from(input.sizes());
  for (int k = 0; k < lead; ++k) from.insert(0, 1);
  for (int d = 0; d < repeats.size(); ++d) {
    check(repeats[d] >= 0, "Trying to create tensor with negative dimension ", repeats[d] * from[d],
          ": ", Repeat::sizes({repeats, from}));
  }
  Tensor x = input;
  for (int k = 0; k < lead; ++k) x = unsqueeze(x, 0);
  return apply<Repeat>({repeats, from}, x);
}

static Tensor tile(const Tensor& input, const Dims& dims) {
  Dims repeats = dims;
  while (repeats.size() < input.ndim()) repeats.insert(0, 1);
  return repeat(input, repeats);
}

static const Entry entry_repeat("repeat(input, *repeats)", function<repeat>, kMethodForm,
                                "Copies of the tensor, side by side along each dimension.",
                                "x(2,3), 2, 1 | x(2,3), (3,1,2) | x(), 2 | xs(2,3), 1, 2 | x(2), "
                                "(0,)");
static const Entry entry_tile("tile(input, dims)", function<tile>, kFunctionForm,
                              "Copies of the tensor; missing repeats are ones in front.",
                              "x(2,3), (2,) | x(3), (2,2) | x(), (2,)");
static const Entry entry_tile_method("tile(input, *dims)", function<tile>, kMethodForm,
                                     "Copies of the tensor; missing repeats are ones in front.",
                                     "x(2,3), 2 | x(3), 2, 2 | x(3), (2,2)");

}  // namespace pullback
