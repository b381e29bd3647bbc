// Softmax and log-softmax: each one kernel, with a derivative that is one kernel and an operator of
// its own, so that it can be differentiated again.  Start reading at Softmax.
#include "ops/nn/softmax.h"

#include "core/error.h"
#include "core/warning.h"
#include "kernels/nn/softmax.h"
#include "ops/absorb.h"
#include "ops/basic.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/math.h"
#include "ops/reduce/reduction.h"
#include "ops/table.h"

namespace pullback {
namespace {

// A tensor without dimensions is a row of one element.
class Row {
 public:
  Row(const Tensor& t, std::int64_t dim) : view_(view_of(t)), dim_(static_cast<int>(dim)) {
    if (dim >= 0) return;
    sizes_ = t.shape();
    sizes_.push_back(1);
    strides_ = Dims(t.strides());
    strides_.push_back(1);
    view_ = {view_.data, sizes_.data(), strides_.data(), sizes_.size(), view_.dtype};
    dim_ = sizes_.size() - 1;
  }
  Row(const Row&) = delete;
  Row& operator=(const Row&) = delete;
  operator const kernels::View&() const { return view_; }  // NOLINT: that is its purpose
  int dim() const { return dim_; }

 private:
  kernels::View view_;
  int dim_;
  Dims sizes_;
  Dims strides_;
};

struct RowAttrs {
  std::int64_t dim;  // -1: of a tensor without dimensions
  RowAttrs batched(std::int64_t) const { return {dim < 0 ? -1 : dim + 1}; }
};

Tensor sum_row(const Tensor& x, std::int64_t dim) { return dim < 0 ? x : sum(x, Dims{dim}, true); }

// y (g - sum(g y)) along a dimension; symmetric in the sense that it is its own transpose in g.
struct SoftmaxGrad {
  static constexpr const char* kNode = "SoftmaxBackwardDataBackward0";
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  using Attrs = RowAttrs;
  static Spec spec(const Attrs&, In in) { return {in[1].shape(), in[1].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    const Row to(out, a.dim);
    kernels::softmax_grad(to, Row(in[0], a.dim), Row(in[1], a.dim), to.dim());
  }
  static constexpr Reads kReads[] = {kReadsB, kReadsA | kReadsB};
  static Tensor slope_of_y(const Attrs& a, const Tensor& t, const Tensor& g, const Tensor& y) {
    return t * (g - sum_row(g * y, a.dim)) - g * sum_row(t * y, a.dim);
  }
  static void vjp(Vjp<SoftmaxGrad>& v) {
    const Attrs& a = v.attrs();
    const Tensor& t = v.grad();
    const Tensor y = v.in(1);
    if (v.wants(0)) v.give(0, absorb_rows(t, a.dim, apply<SoftmaxGrad>(a, t, y)));
    if (v.wants(1)) v.give(1, absorb_rows(t, a.dim, slope_of_y(a, t, v.in(0), y)));
  }
  static Tensor jvp(Jvp<SoftmaxGrad>& j) {
    Tensor result;
    if (j.tangent(0).defined()) result = apply<SoftmaxGrad>(j.attrs(), j.tangent(0), j.in(1));
    if (!j.tangent(1).defined()) return result;
    // The other transpose: here t multiplies y, and the sums run over it.
    const Tensor& g = j.in(0);
    const Tensor& t = j.tangent(1);
    const Tensor part =
        t * (g - sum_row(g * j.in(1), j.attrs().dim)) - j.in(1) * sum_row(g * t, j.attrs().dim);
    return result.defined() ? result + part : part;
  }
};

struct Softmax {
  static constexpr const char* kNode = "SoftmaxBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  using Attrs = RowAttrs;
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    const Row to(out, a.dim);
    kernels::softmax(to, Row(in[0], a.dim), to.dim());
  }
  static constexpr Reads kReads = kReadsY;
  static void vjp(Vjp<Softmax>& v) {
    v.give(0,
           absorb_rows(v.grad(), v.attrs().dim, apply<SoftmaxGrad>(v.attrs(), v.grad(), v.out())));
  }
  static Tensor jvp(Jvp<Softmax>& j) {
    return apply<SoftmaxGrad>(j.attrs(), j.tangent(0), j.out());
  }
};

// g - exp(y) sum(g) along a dimension.
struct LogSoftmaxGrad {
  static constexpr const char* kNode = "LogSoftmaxBackwardDataBackward0";
  static constexpr int kInputs = 2;
  static constexpr int kOutputs = 1;
  using Attrs = RowAttrs;
  static Spec spec(const Attrs&, In in) { return {in[1].shape(), in[1].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    const Row to(out, a.dim);
    kernels::log_softmax_grad(to, Row(in[0], a.dim), Row(in[1], a.dim), to.dim());
  }
  static constexpr Reads kReads[] = {kReadsB, kReadsA | kReadsB};
  static void vjp(Vjp<LogSoftmaxGrad>& v) {
    const Tensor probability = exp(v.in(1));
    const Tensor& t = v.grad();
    const std::int64_t dim = v.attrs().dim;
    if (v.wants(0)) v.give(0, absorb_rows(t, dim, t - sum_row(t * probability, dim)));
    if (v.wants(1)) v.give(1, absorb_rows(t, dim, neg(t * probability * sum_row(v.in(0), dim))));
  }
  static Tensor jvp(Jvp<LogSoftmaxGrad>& j) {
    Tensor result;
    if (j.tangent(0).defined()) result = apply<LogSoftmaxGrad>(j.attrs(), j.tangent(0), j.in(1));
    if (!j.tangent(1).defined()) return result;
    const Tensor part = neg(j.tangent(1) * exp(j.in(1)) * sum_row(j.in(0), j.attrs().dim));
    return result.defined() ? result + part : part;
  }
};

struct LogSoftmax {
  static constexpr const char* kNode = "LogSoftmaxBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 1;
  using Attrs = RowAttrs;
  static Spec spec(const Attrs&, In in) { return {in[0].shape(), in[0].dtype()}; }
  static void fill(const Attrs& a, In in, const Tensor& out) {
    const Row to(out, a.dim);
    kernels::log_softmax(to, Row(in[0], a.dim), to.dim());
  }
  static constexpr Reads kReads = kReadsY;
  static void vjp(Vjp<LogSoftmax>& v) {
    v.give(0, absorb_rows(v.grad(), v.attrs().dim,
                          apply<LogSoftmaxGrad>(v.attrs(), v.grad(), v.out())));
  }
  static Tensor jvp(Jvp<LogSoftmax>& j) {
    return j.tangent(0) - sum_row(j.tangent(0) * exp(j.out()), j.attrs().dim);
  }
};

template <class Op>
Tensor rows(const char* name, const Tensor& input, std::int64_t dim, std::optional<DType> dtype,
            Target target = {}) {
  const DType to = dtype.value_or(input.dtype());
  const int wrapped = wrap_dim(dim, input.ndim());
  if (input.numel() == 0 && !is_floating(to)) {  // accepted by torch, as nothing is computed
    return Tensor::empty(input.sizes(), to);
  }
  check(ErrorKind::NotImplemented, is_floating(to), "\"", name, "\" not implemented for '",
        info(to).scalar_name, "'");
  const int d = input.ndim() == 0 ? -1 : wrapped;
  const Tensor converted = cast(input, to);
  const Offer last(target);
  return apply<Op>({d}, converted);
}

// The dimension that torch assumes when none is given.
std::int64_t implicit_dim(const char* name, const std::optional<std::int64_t>& dim,
                          const Tensor& input) {
  if (dim) return *dim;
  warn("Implicit dimension choice for ", name,
       " has been deprecated. Change the call to include dim=X as an argument.");
  const int n = input.ndim();
  return n == 0 || n == 1 || n == 3 ? 0 : 1;
}

}  // namespace

Tensor softmax(const Tensor& input, std::int64_t dim, std::optional<DType> dtype) {
  return rows<Softmax>("softmax", input, dim, dtype);
}
Tensor log_softmax(const Tensor& input, std::int64_t dim, std::optional<DType> dtype) {
  return rows<LogSoftmax>("log_softmax", input, dim, dtype);
}

static Tensor softmax_into(const Tensor& input, std::int64_t dim, std::optional<DType> dtype,
                           Target target) {
  return rows<Softmax>("softmax", input, dim, dtype, target);
}
static Tensor log_softmax_into(const Tensor& input, std::int64_t dim, std::optional<DType> dtype,
                               Target target) {
  return rows<LogSoftmax>("log_softmax", input, dim, dtype, target);
}

// `stacklevel` changes nothing: the warning about a missing dim stands at the user's line.
static Tensor softmax_nn(const Tensor& input, std::optional<std::int64_t> dim,
                         [[maybe_unused]] std::int64_t stacklevel, std::optional<DType> dtype) {
  return softmax(input, implicit_dim("softmax", dim, input), dtype);
}
static Tensor log_softmax_nn(const Tensor& input, std::optional<std::int64_t> dim,
                             [[maybe_unused]] std::int64_t stacklevel, std::optional<DType> dtype) {
  return log_softmax(input, implicit_dim("log_softmax", dim, input), dtype);
}
static Tensor softmin_nn(const Tensor& input, std::optional<std::int64_t> dim,
                         [[maybe_unused]] std::int64_t stacklevel, std::optional<DType> dtype) {
  return softmax(neg(input), implicit_dim("softmin", dim, input), dtype);
}

static const char kSoftmaxDoc[] = "exp(input) divided by its sum along dim.";
static const char kLogSoftmaxDoc[] = "log(softmax(input, dim)) without overflow.";
static const char kRowSamples[] =
    "x(3,4), 1 | x(3,4), dim=0 | x(2,3,4), -2 | x(), 0 | x(0,3), 1 | xs(3,4), 1";
static const Entry entry_softmax("softmax(input, dim, dtype=None)", function<softmax_into>, kBoth,
                                 kSoftmaxDoc, kRowSamples);
static const Entry entry_log_softmax("log_softmax(input, dim, dtype=None)",
                                     function<log_softmax_into>, kBoth, kLogSoftmaxDoc,
                                     kRowSamples);
static const Entry entry_softmax_special("softmax(input, dim, dtype=None)", function<softmax_into>,
                                         kSpecialForm, kSoftmaxDoc, kRowSamples);
static const Entry entry_log_softmax_special("log_softmax(input, dim, *, dtype=None)",
                                             function<log_softmax_into>, kSpecialForm,
                                             kLogSoftmaxDoc, kRowSamples);
static const Entry entry_softmax_nn("softmax(input, dim=None, _stacklevel=3, dtype=None)",
                                    function<softmax_nn>, kNNForm | kPlainNames, kSoftmaxDoc,
                                    kRowSamples);
static const Entry entry_log_softmax_nn("log_softmax(input, dim=None, _stacklevel=3, dtype=None)",
                                        function<log_softmax_nn>, kNNForm | kPlainNames,
                                        kLogSoftmaxDoc, kRowSamples);
static const Entry entry_softmin_nn("softmin(input, dim=None, _stacklevel=3, dtype=None)",
                                    function<softmin_nn>, kNNForm | kPlainNames,
                                    "softmax(-input, dim).", kRowSamples);

}  // namespace pullback
