// Orthogonal factors: QR, the reflectors that LAPACK makes of it, and products of these.
//
// The derivatives of QR are those of Walter and Lehmann, "Algorithmic differentiation of linear
// algebra functions with application in optimum experimental design" (2018); a wide matrix is a
// square one with columns that follow it.
#include "kernels/linalg/qr.h"
#include "ops/linalg/matrices.h"
#include "ops/linalg/triangular.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/shape/join.h"
#include "ops/shape/view.h"
#include "ops/table.h"
#include "ops/undifferentiated.h"

namespace pullback {
namespace {

enum class QrMode : std::uint8_t { Reduced, Complete, OnlyR };

constexpr Triangular kFromRight{.upper = true, .left = false};

struct Qr {
  static constexpr const char* kNode = "LinalgQrBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 2;  // Q, R
  static constexpr bool kComplex = true;
  struct Attrs {
    QrMode mode;
    int lead = 0;  // dimensions of a Q that is not wanted
    Attrs batched(std::int64_t) const { return {mode, lead + 1}; }
  };
  static std::int64_t rank_of(const Tensor& a) { return std::min(rows_of(a), columns_of(a)); }
  static std::array<Spec, 2> spec(const Attrs& a, In in) {
    const Dims stack = stack_of(in[0]);
    const std::int64_t m = rows_of(in[0]);
    const std::int64_t inner = a.mode == QrMode::Complete ? m : rank_of(in[0]);
    const Dims none = with(in[0].sizes().first(static_cast<std::size_t>(a.lead)), {0});
    return {Spec{a.mode == QrMode::OnlyR ? none : with(stack, {m, inner}), in[0].dtype()},
            Spec{with(stack, {inner, columns_of(in[0])}), in[0].dtype()}};
  }
  static std::array<Tensor, 2> make_all(const Attrs& a, const Tensor&,
                                        const std::array<Spec, 2>& specs) {
    const Spec& q = specs[0];
    return {a.mode == QrMode::OnlyR ? Tensor::empty(q.sizes, q.dtype) : empty_columns(q),
            empty_columns(specs[1])};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    need_columns(w, 0, in[0]);
    w.need(1, with(stack_of(in[0]), {rank_of(in[0])}), in[0].dtype());
  }
  // The first columns and rows of each matrix.
  static Tensor corner(const Tensor& t, std::int64_t rows, std::int64_t columns) {
    return t.alias(with(stack_of(t), {rows, columns}), t.strides());
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 2>& out, const Workspace& w) {
    const Tensor packed = columns(w, 0, in[0]);
    kernels::householder(view_of(packed), view_of(w[1]));
    const std::int64_t k = rank_of(in[0]);
    copy_upper(out[1], packed);
    if (a.mode == QrMode::OnlyR) return;
    const Tensor& q = out[0];
    copy_values(corner(q, rows_of(q), k), corner(packed, rows_of(q), k));
    kernels::householder_product(view_of(q), view_of(w[1]));
  }
  static void copy_upper(const Tensor& r, const Tensor& packed) {
    fill_values(r, Scalar(0));
    const int last = r.ndim() - 1;
    for (std::int64_t j = 0; j < r.size(last); ++j) {
      const std::int64_t rows = std::min(j + 1, std::min(r.size(last - 1), packed.size(last - 1)));
      const auto column = [&](const Tensor& t) {
        Dims strides = t.strides();
        const std::int64_t at = j * strides[last];
        strides.erase(last);
        return t.alias(with(stack_of(t), {rows}), strides, at);
      };
      copy_values(column(r), column(packed));
    }
  }

  static constexpr Reads kReads = kReadsY | kReadsZ;
  // Of a matrix with at least as many rows as columns.
  static Tensor gradient_of_tall(const Tensor& q, const Tensor& r, const Tensor& gq,
                                 const Tensor& gr) {
    Tensor m = gr.defined() ? matmul(r, adjoint(gr)) : Tensor();
    if (gq.defined()) m = sum_of(m, neg(matmul(adjoint(gq), q)));
    const Tensor lower = lower_half(m);
    const Tensor symmetric = lower + adjoint(lower);
    const Tensor moved = sum_of(gq, matmul(q, symmetric));
    return solve_triangular(adjoint(r), moved, {.upper = false, .left = false});
  }
  static void vjp(Vjp<Qr>& v) {
    const QrMode mode = v.attrs().mode;
    const Tensor& gq = v.grad(0);
    const Tensor& gr = v.grad(1);
    if (!gq.defined() && !gr.defined()) return;
    check(mode != QrMode::OnlyR,
          "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please "
          "use linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr.");
    const Tensor q = v.out(0);
    const Tensor r = v.out(1);
    const std::int64_t m = rows_of(q);
    const std::int64_t n = columns_of(r);
    check(mode != QrMode::Complete || m <= n,
          "The QR decomposition is not differentiable when mode='complete' and nrows > ncols.");
    if (m >= n) return v.give(0, gradient_of_tall(q, r, gq, gr));
    const Tensor square = narrow(r, -1, 0, m);
    Tensor gradient = gq;
    Tensor rest = expanded_zeros(with(stack_of(r), {m, n - m}), r.dtype());
    if (gr.defined()) {
      const Tensor tail = narrow(gr, -1, m, n - m);
      const Tensor behind = matmul(q, narrow(r, -1, m, n - m));  // as in the input
      gradient = sum_of(gq, matmul(behind, adjoint(tail)));
      rest = matmul(q, tail);
    }
    const Tensor first =
        gradient_of_tall(q, square, gradient, gr.defined() ? narrow(gr, -1, 0, m) : Tensor());
    v.give(0, cat({first, rest}, -1));
  }
  static std::array<Tensor, 2> jvp(Jvp<Qr>& j) {
    const QrMode mode = j.attrs().mode;
    check(mode != QrMode::OnlyR,
          "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please "
          "use linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr.");
    const Tensor& q = j.out(0);
    const Tensor& r = j.out(1);
    const std::int64_t m = rows_of(q);
    const std::int64_t n = columns_of(r);
    check(mode != QrMode::Complete || m <= n,
          "The QR decomposition is not differentiable when mode='complete' and nrows > ncols.");
    const bool wide = m < n;
    const Tensor square = wide ? narrow(r, -1, 0, m) : r;
    const Tensor& t = j.tangent(0);
    const Tensor dx = solve_triangular(square, wide ? narrow(t, -1, 0, m) : t, kFromRight);
    const Tensor c = matmul(adjoint(q), dx);
    const Tensor upper = upper_half(c + adjoint(c));
    const Tensor dq = dx - matmul(q, upper);
    const Tensor dr = matmul(upper, square);
    if (!wide) return {dq, dr};
    const Tensor rest =
        matmul(adjoint(q), narrow(t, -1, m, n - m) - matmul(dq, narrow(r, -1, m, n - m)));
    return {dq, cat({dr, rest}, -1)};
  }
};

QrMode qr_mode(std::string_view mode) {
  if (mode == "reduced") return QrMode::Reduced;
  if (mode == "complete") return QrMode::Complete;
  check(mode == "r", "qr received unrecognized mode '", mode,
        "' but expected one of 'reduced' (default), 'r', or 'complete'");
  return QrMode::OnlyR;
}

std::array<Tensor, 2> linalg_qr(const Tensor& a, std::string_view mode) {
  check_matrix("linalg.qr", a);
  check_floating("linalg.qr", a);
  const QrMode wanted = qr_mode(mode);
  check_kernel("geqrf_cpu", a);
  return apply<Qr>({wanted}, a);
}

std::array<Tensor, 2> torch_qr(const Tensor& a, bool some) {
  return linalg_qr(a, some ? "reduced" : "complete");
}

// As LAPACK gives it; torch has no derivative of it either.
struct Geqrf {
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 2;
  static constexpr bool kComplex = true;
  static constexpr bool kNotDifferentiable = true;
  struct Attrs {
    Attrs batched(std::int64_t) const { return *this; }
  };
  static std::array<Spec, 2> spec(const Attrs&, In in) {
    return {Spec{in[0].shape(), in[0].dtype()},
            Spec{with(stack_of(in[0]), {Qr::rank_of(in[0])}), in[0].dtype()}};
  }
  static std::array<Tensor, 2> make_all(const Attrs&, const Tensor&,
                                        const std::array<Spec, 2>& specs) {
    return {empty_columns(specs[0]), Tensor::empty(specs[1].sizes, specs[1].dtype)};
  }
  static void fill(const Attrs&, In in, const std::array<Tensor, 2>& out) {
    copy_values(out[0], in[0]);
    kernels::householder(view_of(out[0]), view_of(out[1]));
  }
};

std::array<Tensor, 2> geqrf(const Tensor& input) {
  check_matrix("torch.geqrf", input, "input");
  check_kernel("geqrf_cpu", input);
  std::array<Tensor, 2> result = unfollowed([&] { return apply<Geqrf>({}, input); });
  for (const Tensor& part : result) record_refusal(part, {&input}, "GeqrfBackward0", "geqrf");
  return result;
}

// --- products of reflectors, of recorded operators: one rank-one change for each ---

// The vector of reflector k as a column, with zeros above its one.
Tensor reflector(const Tensor& a, std::int64_t k) {
  const std::int64_t m = rows_of(a);
  const Tensor below = narrow(narrow(a, -1, k, 1), -2, k + 1, m - k - 1);
  const Tensor one = Tensor::zeros(with(stack_of(a), {k + 1, 1}), a.dtype());
  fill_values(
      one.alias(with(stack_of(a), {1}),
                Dims(Sizes(one.strides()).first(static_cast<std::size_t>(one.ndim() - 1))), k),
      Scalar(1));
  return cat({one, below}, -2);
}

Tensor reflected(const Tensor& a, const Tensor& tau, std::int64_t k, const Tensor& target) {
  const Tensor v = reflector(a, k);
  const Tensor factor = unsqueeze(narrow(tau, -1, k, 1), -1);
  return target - matmul(factor * v, matmul(adjoint(v), target));
}

void check_reflectors(const char* name, const Tensor& a, const Tensor& tau) {
  check_matrix(name, a, "input");
  check(tau.ndim() + 1 == a.ndim(), name,
        ": Expected tau to have one dimension less than input, but got tau.ndim equal to ",
        tau.ndim(), " and input.ndim is equal to ", a.ndim());
  check(same(stack_of(tau, 1), stack_of(a)), name,
        ": Expected batch dimensions of tau to be equal to input.shape[:-2], but got ",
        tau.shape());
  check(a.dtype() == tau.dtype(), name, ": tau dtype ", info(tau.dtype()).scalar_name,
        " does not match input dtype ", info(a.dtype()).scalar_name);
}

Tensor householder_product(const Tensor& a, const Tensor& tau) {
  const char* name = "torch.linalg.householder_product";
  check_reflectors(name, a, tau);
  const std::int64_t m = rows_of(a);
  const std::int64_t n = columns_of(a);
  const std::int64_t k = tau.size(tau.ndim() - 1);
  check(m >= n, name, ": input.shape[-2] must be greater than or equal to input.shape[-1]");
  check(n >= k, name, ": input.shape[-1] must be greater than or equal to tau.shape[-1]");
  check_kernel("orgqr_cpu", a);
  Tensor q = Tensor::zeros(Dims{m, n}, a.dtype());
  fill_values(q.alias(Dims{n}, Dims{n + 1}), Scalar(1));
  q = expand(q, a.sizes());
  for (std::int64_t i = k - 1; i >= 0; --i) q = reflected(a, tau, i, q);
  return matrix_transpose(contiguous(matrix_transpose(q)));
}

Tensor ormqr(const Tensor& a, const Tensor& tau, const Tensor& other, bool left, bool transpose) {
  const char* name = "torch.ormqr";
  check_reflectors(name, a, tau);
  check_matrix(name, other, "other");
  const std::int64_t k = tau.size(tau.ndim() - 1);
  check((left ? rows_of(other) : columns_of(other)) >= k, name, ": other.shape[",
        left ? "-2" : "-1", "] must be greater than or equal to tau.shape[-1]");
  check((left ? rows_of(other) : columns_of(other)) == rows_of(a), name, ": other.shape[",
        left ? "-2" : "-1", "] must be equal to input.shape[-2]");
  check(columns_of(a) >= k, name,
        ": input.shape[-1] must be greater than or equal to tau.shape[-1]");
  check(other.dtype() == a.dtype(), name,
        ": Expected input and other to have the same dtype, but "
        "input has dtype ",
        info(a.dtype()).scalar_name, " and other has dtype ", info(other.dtype()).scalar_name);
  check_kernel("ormqr_cpu", a);
  // C Q is the adjoint of Q^H C^H.
  Tensor target = left ? other : adjoint(other);
  const bool first_is_last = left != transpose;
  const Tensor factors = first_is_last ? tau : conj(tau);
  for (std::int64_t i = 0; i < k; ++i) {
    target = reflected(a, factors, first_is_last ? k - 1 - i : i, target);
  }
  return left ? matrix_transpose(contiguous(matrix_transpose(target)))
              : adjoint(contiguous(target));
}

}  // namespace

static const Entry entry_linalg_qr(
    "qr(A, mode='reduced')", function<linalg_qr>, kLinalgForm | kOutForm,
    "Q and R with A = Q R, Q with orthonormal columns and R upper triangular: of the least size, "
    "with a square Q ('complete'), or R alone ('r').",
    "w(3,3) | w(2,3,3) | w(5,3) | w(3,5) | w(3,5), 'complete' | c(5,3), 'complete' | w(2,2) "
    "| x(0,3) | x(3,0) | c(3,0), 'complete' | w(18,17) | c(2,17,18) | zw(3,3) | zw(4,2) "
    "| zw(2,4)",
    "Q, R", nullptr, "vectors={0: -2, 1: -1}");
static const Entry entry_qr("qr(input, some=True)", function<torch_qr>, kBoth,
                            "The same as linalg.qr, under its old name.",
                            "w(3,3) | w(2,5,3) | c(5,3), False", "Q, R", nullptr,
                            "vectors={0: -2, 1: -1}");
static const Entry entry_geqrf(
    "geqrf(input)", function<geqrf>, kCastBoth | kNoGrad,
    "R, below its diagonal the vectors of the reflectors whose product is Q, and their factors.",
    "c(3,3) | c(2,5,3) | c(3,5) | cs(3,3) | c(0,3) | c(18,17)", "a, tau");
static const Entry entry_householder_product(
    "householder_product(input, tau)", function<householder_product>, kLinalgForm | kCastOutForm,
    "The first columns of the product of the reflectors I - tau v v^H, whose vectors v are below "
    "the diagonal of input.",
    "x(3,3, low=-0.5, high=0.5), x(3) | x(2,5,3, low=-0.5, high=0.5), x(2,2) | xs(3,2), x(2) | "
    "c(3,2), c(0) | c(3,0), c(0) | z(3,2, low=-0.5, high=0.5), z(2)");
static const Entry entry_orgqr("orgqr(input, input2)", function<householder_product>, kCastBoth,
                               "The same as linalg.householder_product, under its old name.",
                               "x(3,3), x(3)");
static const Entry entry_ormqr(
    "ormqr(input, input2, input3, left=True, transpose=False)", function<ormqr>, kBoth,
    "The product of input3 and the matrix Q of reflectors (input, input2), or its adjoint, Q "
    "being the left or the right factor.",
    "x(3,3, low=-0.5, high=0.5), x(3), x(3,2) | x(2,3,2), x(2,2), x(2,3,2) | x(3,3), x(3), x(2,3), "
    "False "
    "| x(3,2), x(2), x(3,2), True, True | x(3,2), x(2), x(2,3), False, True "
    "| z(3,2), z(2), z(3,2), True, True "
    "| z(3,2, low=-0.5, high=0.5), z(2), z(2,3), False");

}  // namespace pullback
