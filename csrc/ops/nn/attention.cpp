// scaled_dot_product_attention: means of values, weighted by a softmax of products.
//
// Attention and its gradient AttentionGrad work in blocks (kernels/nn/attention.h), so their memory
// grows with the length and not with its square.  Tangents, second derivatives and the gradient of
// a mask are written in recorded operators over the whole matrix of weights (`Formed`).  Out and
// logs are inputs of the gradient that only spare it work: it is a function of the others, and its
// derivatives are by these.
#include <cmath>
#include <limits>

#include "kernels/nn/attention.h"
#include "ops/basic.h"
#include "ops/linalg/matmul.h"
#include "ops/make/draw.h"
#include "ops/nn/softmax.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

using Optional = std::optional<Tensor>;

struct AttentionAttrs {
  double scale;
  double p;  // of dropout
  bool causal;

  AttentionAttrs batched(std::int64_t) const { return *this; }
  double share() const { return p < 1 ? 1 / (1 - p) : 0; }
};

std::int64_t from_last(const Tensor& t, int d) { return t.size(t.ndim() - d); }
Dims with_last(const Tensor& t, std::initializer_list<std::int64_t> last) {
  Dims sizes = t.shape();
  sizes.resize(t.ndim() - 2);
  for (const std::int64_t size : last) sizes.push_back(size);
  return sizes;
}

// The bits of dropout as numbers [..., targets, sources].
struct KeptWeights {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  static constexpr bool kNotDifferentiable = true;
  struct Attrs {
    std::int64_t sources;
    double share;
    DType dtype;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static Spec spec(const Attrs& a, In in) {
    return {with_last(in[0], {from_last(in[0], 2), a.sources}), a.dtype};
  }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    kernels::kept_weights(view_of(out), view_of(in[0]), a.share);
  }
};

// The weights of the whole matrix, recorded.
class Formed {
 public:
  Formed(const AttentionAttrs& a, const Tensor& q, const Tensor& k, const Tensor& v,
         const Tensor& mask, const Tensor& drawn)
      : weights(made(a, q, k, mask)), q_(q), k_(k), v_(v), scale_(a.scale) {
    if (drawn.defined()) {
      kept_ = apply<KeptWeights>({from_last(k, 2), a.share(), weights.dtype()}, drawn);
    }
  }

  const Tensor weights;

  // What dropout leaves of weights, and of their gradients.
  Tensor drop(const Tensor& x) const { return kept_.defined() ? x * kept_ : x; }
  Tensor total(const Tensor& x) const { return sum(x, Dims{x.ndim() - 1}, true); }
  // The derivative of softmax, which is symmetric.
  Tensor slope(const Tensor& x) const { return weights * (x - total(x * weights)); }
  // The change of the scores with that of queries, keys and mask; undefined for none.
  Tensor scores(const Tensor& tq, const Tensor& tk, const Tensor& mask) const {
    Tensor sum;
    if (tq.defined()) sum = matmul(tq, matrix_transpose(k_)) * scale_;
    if (tk.defined()) add_to(sum, matmul(q_, matrix_transpose(tk)) * scale_);
    if (mask.defined()) add_to(sum, mask);
    return sum;
  }
  static void add_to(Tensor& sum, const Tensor& part) {
    if (part.defined()) sum = sum.defined() ? sum + part : part;
  }

 private:
  static Tensor made(const AttentionAttrs& a, const Tensor& q, const Tensor& k,
                     const Tensor& mask) {
    const Scalar lowest(-std::numeric_limits<double>::infinity());
    Tensor x = matmul(q, matrix_transpose(k)) * a.scale;
    if (mask.defined()) {
      x = mask.dtype() == DType::Bool ? where(mask, x, lowest) : x + mask;
    }
    if (a.causal) {
      const Dims sizes{from_last(x, 2), from_last(x, 1)};
      x = where(tril(Tensor::full(sizes, Scalar(true), DType::Bool)), x, lowest);
    }
    const int last = x.ndim() - 1;
    if (x.size(last) == 0) return x;
    const Tensor nowhere = eq(amax(detached(x), Dims{last}, true), lowest);
    return where(nowhere, Scalar(0), softmax(where(nowhere, Scalar(0), x), last));
  }

  const Tensor &q_, &k_, &v_;
  const double scale_;
  Tensor kept_;
};

// The inputs as the kernels read them: those of `first` that BLAS can not read are copied.
template <int N>
void need_readable(Workspace& w, In in) {
  for (int i = 0; i < N; ++i) {
    if (!kernels::attention_reads(view_of(in[i]))) w.need(i, in[i].sizes(), in[i].dtype());
  }
}

// Views of q, k, v, mask and bits for a kernel.
class Operands {
 public:
  Operands(const AttentionAttrs& a, const Tensor& q, const Tensor& k, const Tensor& v,
           const Tensor& mask, const Tensor& drawn)
      : attention_{view_of(q), view_of(k), view_of(v), nullptr,
                   nullptr,    a.scale,    a.share(),  a.causal} {
    if (mask.defined()) attention_.mask = &(mask_ = view_of(mask));
    if (drawn.defined()) attention_.drawn = &(drawn_ = view_of(drawn));
  }
  Operands(const Operands&) = delete;
  Operands& operator=(const Operands&) = delete;
  operator const kernels::Attention&() const { return attention_; }  // NOLINT: its purpose

 private:
  kernels::View mask_{}, drawn_{};
  kernels::Attention attention_;
};

// Inputs: gradient, q, k, v, mask, bits, out, logs.  Results: the gradients of q, k and v.
struct AttentionGrad {
  static constexpr const char* kNode = "ScaledDotProductFlashAttentionForCpuBackwardBackward0";
  static constexpr int kInputs = 8;
  static constexpr int kOutputs = 3;
  using Attrs = AttentionAttrs;
  static std::array<Spec, 3> spec(const Attrs&, In in) {
    return {Spec{in[1].shape(), in[1].dtype()}, Spec{in[2].shape(), in[2].dtype()},
            Spec{in[3].shape(), in[3].dtype()}};
  }
  static std::int64_t parts(In in) {
    const std::int64_t each = std::max<std::int64_t>(1, from_last(in[1], 2) * from_last(in[1], 1));
    return kernels::attention_parts(in[1].numel() / each, from_last(in[2], 2));
  }
  static constexpr int kPartial = 4, kOut = 5, kLogs = 6;
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    need_readable<4>(w, in);
    const std::int64_t sums = parts(in);
    if (sums > 1) w.need(kPartial, Dims{sums - 1, in[1].numel()}, in[1].dtype());
    w.need_dense(kOut, in[6]);
    w.need_dense(kLogs, in[7]);
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 3>& out, const Workspace& w) {
    const Tensor g = w.dense(0, in[0]), q = w.dense(1, in[1]), k = w.dense(2, in[2]);
    const Tensor v = w.dense(3, in[3]), y = w.dense(kOut, in[6]), logs = w.dense(kLogs, in[7]);
    const Tensor& partial = w[kPartial];
    const kernels::View room = partial.defined() ? view_of(partial) : kernels::View{};
    kernels::attention_grad(view_of(out[0]), view_of(out[1]), view_of(out[2]), view_of(g),
                            view_of(y), view_of(logs), room, Operands(a, q, k, v, in[4], in[5]));
  }
  static constexpr Reads kReads = kReadsInputs;
  static void vjp(Vjp<AttentionGrad>& w) {
    const Attrs& a = w.attrs();
    const Tensor g = w.in(0), q = w.in(1), k = w.in(2), v = w.in(3);
    const Formed f(a, q, k, v, w.in(4), w.in(5));
    const Tensor &tq = w.grad(0), &tk = w.grad(1), &tv = w.grad(2);
    // The scores' gradients in the first pass, and what they are multiplied with here.
    const Tensor gradient = f.drop(matmul(g, matrix_transpose(v)));
    const Tensor centred = gradient - f.total(gradient * f.weights);
    const Tensor slopes = f.weights * centred;
    const Tensor along = f.scores(tq, tk, {});
    Tensor of_g, of_q, of_k, of_v, of_weights;
    if (along.defined()) {
      const Tensor back = f.drop(f.slope(along));
      of_g = matmul(back, v);
      of_v = matmul(matrix_transpose(back), g);
      of_weights = along * centred - gradient * f.total(along * f.weights);
    }
    if (tv.defined()) {
      Formed::add_to(of_g, matmul(f.drop(f.weights), tv));
      Formed::add_to(of_weights, f.drop(matmul(g, matrix_transpose(tv))));
    }
    if (!of_weights.defined()) return;
    const Tensor of_scores = f.slope(of_weights);
    if (tk.defined()) of_q = matmul(slopes, tk) * a.scale;
    if (tq.defined()) of_k = matmul(matrix_transpose(slopes), tq) * a.scale;
    Formed::add_to(of_q, matmul(of_scores, k) * a.scale);
    Formed::add_to(of_k, matmul(matrix_transpose(of_scores), q) * a.scale);
    const Tensor* const all[] = {&of_g, &of_q, &of_k, &of_v, &of_scores};
    for (int i = 0; i < 5; ++i) {
      if (w.wants(i) && all[i]->defined()) w.give(i, *all[i]);
    }
  }
  static std::array<Tensor, 3> jvp(Jvp<AttentionGrad>& j) {
    const Attrs& a = j.attrs();
    const Tensor &g = j.in(0), &q = j.in(1), &k = j.in(2), &v = j.in(3);
    const Tensor &tg = j.tangent(0), &tq = j.tangent(1), &tk = j.tangent(2), &tv = j.tangent(3);
    const Formed f(a, q, k, v, j.in(4), j.in(5));
    const Tensor gradient = f.drop(matmul(g, matrix_transpose(v)));
    const Tensor centred = gradient - f.total(gradient * f.weights);
    const Tensor slopes = f.weights * centred;
    Tensor of_gradient, of_slopes, of_v;
    if (tg.defined()) of_gradient = f.drop(matmul(tg, matrix_transpose(v)));
    if (tv.defined()) Formed::add_to(of_gradient, f.drop(matmul(g, matrix_transpose(tv))));
    if (of_gradient.defined()) of_slopes = f.slope(of_gradient);
    if (tg.defined()) of_v = matmul(matrix_transpose(f.drop(f.weights)), tg);
    const Tensor of_scores = f.scores(tq, tk, j.tangent(4));
    if (of_scores.defined()) {
      const Tensor change = f.slope(of_scores);
      Formed::add_to(of_slopes, change * centred - f.weights * f.total(gradient * change));
      Formed::add_to(of_v, matmul(matrix_transpose(f.drop(change)), g));
    }
    Tensor of_q, of_k;
    if (of_slopes.defined()) {
      of_q = matmul(of_slopes, k) * a.scale;
      of_k = matmul(matrix_transpose(of_slopes), q) * a.scale;
    }
    if (tk.defined()) Formed::add_to(of_q, matmul(slopes, tk) * a.scale);
    if (tq.defined()) Formed::add_to(of_k, matmul(matrix_transpose(slopes), tq) * a.scale);
    return {tangent_or_zeros(of_q, q), tangent_or_zeros(of_k, k), tangent_or_zeros(of_v, v)};
  }
};

// Inputs: q, k, v, mask and bits, which may be missing; all expanded to the same leading
// dimensions.  Results: the means and the logarithm of each row's sum.
struct Attention {
  static constexpr const char* kNode = "ScaledDotProductFlashAttentionForCpuBackward0";
  static constexpr int kInputs = 5;
  static constexpr int kOutputs = 2;
  static constexpr unsigned kConstants = 2;  // the logarithms
  using Attrs = AttentionAttrs;
  static std::array<Spec, 2> spec(const Attrs&, In in) {
    const std::int64_t targets = from_last(in[0], 2);
    return {Spec{with_last(in[0], {targets, from_last(in[2], 1)}), in[0].dtype()},
            Spec{with_last(in[0], {targets}), wide_of(in[0].dtype())}};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    need_readable<3>(w, in);
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 2>& out, const Workspace& w) {
    const Tensor q = w.dense(0, in[0]), k = w.dense(1, in[1]), v = w.dense(2, in[2]);
    kernels::attention(view_of(out[0]), view_of(out[1]), Operands(a, q, k, v, in[3], in[4]));
  }
  static constexpr Reads kReads = kReadsInputs | kReadsY | kReadsZ;
  static void vjp(Vjp<Attention>& w) {
    const Attrs& a = w.attrs();
    const Tensor& g = w.grad(0);
    const Tensor q = w.in(0), k = w.in(1), v = w.in(2), mask = w.in(3), drawn = w.in(4);
    if (w.wants(0) || w.wants(1) || w.wants(2)) {
      const auto all =
          apply<AttentionGrad>(a, g, q, k, v, mask, drawn, detached(w.out(0)), w.out(1));
      for (int i = 0; i < 3; ++i) {
        if (w.wants(i)) w.give(i, all[std::size_t(i)]);
      }
    }
    if (!w.wants(3)) return;
    const Formed f(a, q, k, v, mask, drawn);
    w.give(3, f.slope(f.drop(matmul(g, matrix_transpose(v)))));
  }
  static std::array<Tensor, 2> jvp(Jvp<Attention>& j) {
    const Tensor &q = j.in(0), &k = j.in(1), &v = j.in(2);
    const Formed f(j.attrs(), q, k, v, j.in(3), j.in(4));
    const Tensor of_scores = f.scores(j.tangent(0), j.tangent(1), j.tangent(3));
    Tensor of_out;
    if (of_scores.defined()) of_out = matmul(f.drop(f.slope(of_scores)), v);
    if (j.tangent(2).defined()) {
      Formed::add_to(of_out, matmul(f.drop(f.weights), j.tangent(2)));
    }
    return {tangent_or_zeros(of_out, j.out(0)), expanded_zeros(j.out(1).sizes(), j.out(1).dtype())};
  }
};

constexpr const char* kName = "scaled_dot_product_attention: ";

void check_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Optional& mask,
                     double p, bool causal) {
  check(q.dtype() == k.dtype() && k.dtype() == v.dtype(), kName,
        "Expected query, key, and value to have the same dtype, but got query.dtype: ",
        name(q.dtype()), " key.dtype: ", name(k.dtype()), " and value.dtype: ", name(v.dtype()),
        " instead.");
  check(std::min({q.ndim(), k.ndim(), v.ndim()}) >= 2, kName,
        "Expected query, key, and value to all be at least 2 dimensional, but got ", q.ndim(), ", ",
        k.ndim(), " and ", v.ndim(), " dimensions instead.");
  check(!causal || !mask, kName, "Explicit attn_mask should not be set when is_causal=True");
  check(ErrorKind::NotImplemented, !is_complex(q.dtype()),
        "\"softmax_lastdim_kernel_impl\" not implemented for '", info(q.dtype()).scalar_name, "'");
  check(is_floating(q.dtype()), kName, "expected floating query, key and value, but got ",
        name(q.dtype()));
  check(!mask || mask->dtype() == DType::Bool || mask->dtype() == DType::Float32 ||
            mask->dtype() == q.dtype(),
        kName,
        "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
        "attn_mask.dtype: ",
        mask ? name(mask->dtype()) : "", " and query.dtype: ", name(q.dtype()), " instead.");
  check(!(p > 0) || p <= 1, "dropout probability has to be between 0 and 1, but got ", p);
  check(from_last(q, 1) == from_last(k, 1), kName,
        "query and key have different numbers of features: got ", q.shape(), " and ", k.shape());
  check(from_last(k, 2) == from_last(v, 2), kName,
        "key and value have different numbers of sources: got ", k.shape(), " and ", v.shape());
}

// Every head `times` times: a view, with a dimension of its own for the times.
Tensor repeated(const Tensor& t, std::int64_t times) {
  Dims sizes = t.shape();
  sizes.insert(t.ndim() - 2, times);
  return expand(unsqueeze(t, t.ndim() - 2), sizes);
}
// The heads in groups that share keys and values.
Tensor grouped(const Tensor& t, std::int64_t groups) {
  Dims sizes = t.shape();
  const int at = t.ndim() - 3;
  sizes[at] /= std::max<std::int64_t>(1, groups);
  sizes.insert(at, groups);
  return reshape(t, sizes);
}
Tensor merged_heads(const Tensor& t) {
  Dims sizes = t.shape();
  const int at = t.ndim() - 4;
  sizes[at] *= sizes[at + 1];
  sizes.erase(at + 1);
  return reshape(t, sizes);
}

Tensor expand_leading(const Tensor& t, const Dims& leading) {
  Dims sizes = leading;
  sizes.push_back(from_last(t, 2));
  sizes.push_back(from_last(t, 1));
  return expand(t, sizes);
}

Tensor drawn_bits(const Dims& leading, std::int64_t targets, std::int64_t sources, double p) {
  if (!(p > 0)) return {};
  Dims sizes = leading;
  sizes.push_back(targets);
  sizes.push_back((sources + 7) / 8);
  if (p == 1) return Tensor::zeros(sizes, DType::UInt8);
  return draw(sizes, DType::UInt8, [&](const Tensor& out) {
    kernels::dropout_bits(view_of(out), sources, p, generator());
  });
}

// Of the same number of heads everywhere.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const Optional& mask, double p,
                 bool causal, double scale) {
  const auto leading_of = [](const Tensor& t) {
    return Sizes(t.sizes()).first(static_cast<std::size_t>(t.ndim() - 2));
  };
  const Dims leading = broadcast(broadcast(leading_of(q), leading_of(k)), leading_of(v));
  const std::int64_t targets = from_last(q, 2), sources = from_last(k, 2);
  Tensor seen;
  if (mask) {
    Dims sizes = leading;
    sizes.push_back(targets);
    sizes.push_back(sources);
    seen = expand(mask->dtype() == DType::Bool ? *mask : cast(*mask, q.dtype()), sizes);
  }
  return apply<Attention>({scale, p, causal}, expand_leading(q, leading),
                          expand_leading(k, leading), expand_leading(v, leading), seen,
                          drawn_bits(leading, targets, sources, p))[0];
}

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const Optional& attn_mask, double dropout_p, bool is_causal,
                                    std::optional<double> scale, bool enable_gqa) {
  check_attention(query, key, value, attn_mask, dropout_p, is_causal);
  const double factor = scale.value_or(
      1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(1, from_last(query, 1)))));
  if (!enable_gqa) {
    return attention(query, key, value, attn_mask, dropout_p, is_causal, factor);
  }
  const auto heads_of = [](const Tensor& t) { return t.size(wrap_dim(-3, t.ndim())); };
  const std::int64_t heads = heads_of(query), keys = heads_of(key), values = heads_of(value);
  check(keys > 0 && values > 0 && heads % keys == 0 && heads % values == 0, kName,
        "Number of heads in key and value must divide the number of heads in query: got ", keys,
        ", ", values, " and ", heads);
  if (keys == heads && values == heads) {
    return attention(query, key, value, attn_mask, dropout_p, is_causal, factor);
  }
  if (keys != values) {
    return attention(query, merged_heads(repeated(key, heads / keys)),
                     merged_heads(repeated(value, heads / values)), attn_mask, dropout_p, is_causal,
                     factor);
  }
  Optional mask = attn_mask;
  if (mask && mask->ndim() >= 3) {
    const std::int64_t masks = mask->size(mask->ndim() - 3);
    check(masks == heads || masks == 1, kName, "attn_mask must have a head for each of query's, ",
          "or one for all: got ", masks, ", expected ", heads, " or 1");
    mask = masks == heads ? grouped(*mask, keys) : unsqueeze(*mask, mask->ndim() - 2);
  }
  return merged_heads(attention(grouped(query, keys), repeated(key, heads / keys),
                                repeated(value, heads / keys), mask, dropout_p, is_causal, factor));
}

const Entry entry_attention(
    "scaled_dot_product_attention(query, key, value, attn_mask=None, dropout_p=0.0, "
    "is_causal=False, *, scale=None, enable_gqa=False)",
    function<scaled_dot_product_attention>, kNNForm,
    "softmax(query @ key.T * scale + attn_mask) @ value over the last two dimensions, in blocks: "
    "the matrix of weights is not formed. attn_mask broadcasts to [..., targets, sources]; bools "
    "say where attention may go, numbers are added. A target that may look nowhere gets zeros.",
    "x(3,4), x(5,4), x(5,2) | x(2,3,4), x(2,5,4), x(2,5,3), x(3,5) "
    "| x(2,1,3,4), x(2,3,4), x(2,3,4), None, 0.0, True, scale=0.3 "
    "| x(2,3,4), x(2,5,4), x(2,5,3), b(2,3,5) | xs(4,3), xs(5,3), xs(5,2), b(4,1) "
    "| x(1,4,3,2), x(1,2,5,2), x(1,2,5,2), x(4,3,5), enable_gqa=True "
    "| x(4,3,2), x(2,3,2), x(1,3,2), None, 0.0, True, enable_gqa=True");

}  // namespace
}  // namespace pullback
