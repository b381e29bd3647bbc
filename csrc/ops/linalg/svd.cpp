// Singular values and vectors.
//
// With A = U S V^H and K_u, K_v the skew parts of U^H gU and V^H gV, the vectors of two values are
// coupled by (K_u + K_v) / (s_j - s_i) and (K_u - K_v) / (s_j + s_i).  A loss that does not depend
// on the choice of vectors has no numerator where there is no denominator: NOTE in eigh.cpp.
#include "kernels/linalg/eigen.h"
#include "ops/followed.h"
#include "ops/linalg/matrices.h"
#include "ops/linalg/spectral.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/join.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

std::int64_t rank_of(const Tensor& a) { return std::min(rows_of(a), columns_of(a)); }

// One side of the decomposition: vectors as columns, those without a value behind the others.
struct Side {
  Tensor vectors;
  Tensor more;
};
Side side_of(const Tensor& columns, std::int64_t k) {
  const std::int64_t all = columns_of(columns);
  if (all == k) return {columns, Tensor()};
  return {narrow(columns, -1, 0, k), narrow(columns, -1, k, all - k)};
}

struct Svd {
  static constexpr const char* kNode = "LinalgSvdBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 4;  // U, S, V^H, info
  static constexpr bool kComplex = true;
  struct Attrs {
    bool full;
    bool vectors;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static std::array<Spec, 4> spec(const Attrs& a, In in) {
    const Dims stack = stack_of(in[0]);
    const std::int64_t m = rows_of(in[0]);
    const std::int64_t n = columns_of(in[0]);
    const std::int64_t k = std::min(m, n);
    const DType dtype = in[0].dtype();
    const std::int64_t left = !a.vectors ? 0 : a.full ? m : k;
    const std::int64_t right = !a.vectors ? 0 : a.full ? n : k;
    return {Spec{with(stack, {m, left}), dtype}, Spec{with(stack, {k}), real_of(dtype)},
            Spec{with(stack, {right, n}), dtype}, info_spec(in[0])};
  }
  static std::array<Tensor, 4> make_all(const Attrs&, const Tensor&,
                                        const std::array<Spec, 4>& specs) {
    const auto empty = [](const Spec& s) { return Tensor::empty(s.sizes, s.dtype); };
    return {empty_columns(specs[0]), empty(specs[1]), empty_columns(specs[2]), empty(specs[3])};
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    need_columns(w, 0, in[0]);
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 4>& out, const Workspace& w) {
    const Tensor work = columns(w, 0, in[0]);
    if (rank_of(in[0]) == 0) {
      for (const int k : {0, 2}) set_identity(out[std::size_t(k)]);
    }
    kernels::svd(view_of(work), view_of(out[1]), view_of(out[0]), view_of(out[2]), view_of(out[3]),
                 a.vectors);
  }
  static void set_identity(const Tensor& t) {
    fill_values(t, Scalar(0));
    const std::int64_t n = rank_of(t);
    Dims strides = stack_of(t);
    for (int d = 0; d < strides.size(); ++d) strides[d] = t.stride(d);
    strides.push_back(t.stride(t.ndim() - 1) + t.stride(t.ndim() - 2));
    fill_values(t.alias(with(stack_of(t), {n}), strides), Scalar(1));
  }

  static constexpr Reads kReads = kReadsY | kReadsZ | kReadsV;
  // The part of a gradient of vectors that leaves their space, over the values.  `vanishing`: a
  // value that is nothing but rounding has no number beside it, unless there is nothing to divide.
  static Tensor outside(const Side& side, const Side& gradient, const Tensor& couplings,
                        const Tensor& s, bool vanishing) {
    Tensor out;
    if (gradient.vectors.defined()) out = gradient.vectors - matmul(side.vectors, couplings);
    if (gradient.more.defined()) {
      out = sum_of(out, neg(matmul(side.more, matmul(adjoint(gradient.more), side.vectors))));
    }
    if (!vanishing) return out / unsqueeze(s, -2);
    const Tensor& size = gradient.vectors.defined() ? gradient.vectors : gradient.more;
    return quotient(out, unsqueeze(s, -2), {s, size, true, false});
  }
  // Vectors without a value may turn among themselves, of which no loss may depend.
  static void check_more(const Side& side, const Side& gradient) {
    if (!gradient.more.defined()) return;
    if (columns_of(side.more) < 2 && !is_complex(side.more.dtype())) return;
    const GradMode off(false);
    const Tensor turn = matmul(adjoint(side.more), gradient.more);
    const auto greatest = [](const Tensor& t) {
      return copy_to_dtype(of_all_examples(amax(abs(t))), DType::Float64);
    };
    const Tensor skew = greatest(turn - adjoint(turn));
    const Tensor size = greatest(gradient.more);
    const double unit = unit_of(turn.dtype());
    for (std::int64_t i = 0; i < skew.numel(); ++i) {
      check(!(skew.data<double>()[i] > 1e4 * unit * size.data<double>()[i]),
            "linalg.svd: the loss depends on which vectors without a singular value were chosen, "
            "so it has no gradient: got full_matrices=True of a matrix that is not square. Use "
            "full_matrices=False.");
    }
  }

  static void vjp(Vjp<Svd>& v) {
    const Tensor& gs = v.grad(1);
    if (!v.grad(0).defined() && !gs.defined() && !v.grad(2).defined()) return;
    const Tensor s = v.out(1);
    const std::int64_t k = s.size(s.ndim() - 1);
    const Side u = side_of(v.out(0), k);
    const Side w = side_of(adjoint(v.out(2)), k);
    if (!v.grad(0).defined() && !v.grad(2).defined()) {
      return v.give(0, matmul(u.vectors * unsqueeze(gs, -2), adjoint(w.vectors)));
    }
    const auto side_gradient = [k](const Tensor& g) {
      return g.defined() ? side_of(g, k) : Side{};
    };
    const Side gu = side_gradient(v.grad(0));
    const Side gw = side_gradient(v.grad(2).defined() ? adjoint(v.grad(2)) : Tensor());
    check_more(u, gu);
    check_more(w, gw);
    const auto coupled = [](const Side& side, const Side& gradient) {
      return gradient.vectors.defined() ? matmul(adjoint(side.vectors), gradient.vectors)
                                        : Tensor();
    };
    const Tensor cu = coupled(u, gu);
    const Tensor cw = coupled(w, gw);
    check_phases("svd_backward: The singular vectors", sum_of(cu, cw));
    const auto skew = [](const Tensor& c) { return c.defined() ? c - adjoint(c) : Tensor(); };
    const Tensor ku = skew(cu);
    const Tensor kw = skew(cw);
    const Tensor plus = sum_of(ku, kw);
    const Tensor minus = sum_of(ku, kw.defined() ? neg(kw) : Tensor());
    const Tensor columns = unsqueeze(s, -2);
    const Tensor rows = unsqueeze(s, -1);
    const Tensor size =
        sum_of(cu.defined() ? abs(cu) : Tensor(), cw.defined() ? abs(cw) : Tensor());
    Tensor middle = mul_number(
        quotient(plus, columns - rows, {s, size, !gs.defined()}) +
            quotient(minus, columns + rows, {s, size, !gs.defined(), !is_complex(minus.dtype())}),
        0.5);
    if (gs.defined()) middle = middle + diag_embed(gs);
    Tensor gradient = matmul(matmul(u.vectors, middle), adjoint(w.vectors));
    if (rows_of(u.vectors) > k && v.grad(0).defined()) {
      gradient = gradient + matmul(outside(u, gu, cu, s, !gs.defined()), adjoint(w.vectors));
    }
    if (rows_of(w.vectors) > k && v.grad(2).defined()) {
      gradient = gradient + matmul(u.vectors, adjoint(outside(w, gw, cw, s, !gs.defined())));
    }
    v.give(0, gradient);
  }
  // Tangents of the vectors of one side: `coupling` among them, `moved` beside them.
  static Tensor side_tangent(const Side& side, const Tensor& coupling, const Tensor& moved,
                             const Tensor& s) {
    Tensor tangent = matmul(side.vectors, coupling);
    if (rows_of(side.vectors) == columns_of(side.vectors)) return tangent;
    const Tensor beside =
        (moved - matmul(side.vectors, matmul(adjoint(side.vectors), moved))) / unsqueeze(s, -2);
    tangent = tangent + beside;
    if (!side.more.defined()) return tangent;
    const Tensor more = neg(matmul(side.vectors, matmul(adjoint(beside), side.more)));
    return cat({tangent, more}, -1);
  }
  static std::array<Tensor, 4> jvp(Jvp<Svd>& j) {
    const Tensor& s = j.out(1);
    const std::int64_t k = s.size(s.ndim() - 1);
    const Side u = side_of(j.out(0), k);
    const Side w = side_of(adjoint(j.out(2)), k);
    const Tensor& t = j.tangent(0);
    const Tensor moved = matmul(t, w.vectors);
    const Tensor p = matmul(adjoint(u.vectors), moved);
    const Tensor ds = real(diagonal(p, 0, -2, -1));
    const Tensor turned = adjoint(p);
    const Tensor columns = unsqueeze(s, -2);
    const Tensor rows = unsqueeze(s, -1);
    const Tensor plus = quotient(p + turned, columns - rows, {s, p, true});
    const Tensor minus = quotient(p - turned, columns + rows, {s, p, true, !is_complex(p.dtype())});
    const Tensor du = side_tangent(u, mul_number(plus + minus, 0.5), moved, s);
    const Tensor dw =
        side_tangent(w, mul_number(plus - minus, 0.5), matmul(adjoint(t), u.vectors), s);
    return {du, ds, adjoint(dw), Tensor()};
  }
};

std::array<Tensor, 4> decomposed(const Tensor& a, bool full, bool vectors) {
  check_matrix("linalg.svd", a);
  check_floating("linalg.svd", a);
  check_kernel("linalg_svd_cpu", a);
  std::array<Tensor, 4> result = apply<Svd>({full, vectors}, a);
  int code = 0;
  const std::int64_t index = first_failed(result[3], code);
  if (index < 0) return result;
  check(ErrorKind::LinAlg, code >= 0, "linalg.svd: ", batch_element(result[3], index),
        "The algorithm failed to converge because the input matrix contained non-finite values.");
  fail(ErrorKind::LinAlg, "linalg.svd: ", batch_element(result[3], index),
       "The algorithm failed to converge because the input matrix is ill-conditioned or has too "
       "many repeated singular values (error code: ",
       code, ").");
}

void check_driver(const std::optional<std::string_view>& driver) {
  check(!driver,
        "torch.linalg.svd: keyword argument `driver=` is only supported on CUDA inputs "
        "with cuSOLVER backend.");
}

std::array<Tensor, 3> linalg_svd(const Tensor& a, bool full_matrices,
                                 const std::optional<std::string_view>& driver) {
  check_driver(driver);
  std::array<Tensor, 4> r = decomposed(a, full_matrices, true);
  return {std::move(r[0]), std::move(r[1]), std::move(r[2])};
}

Tensor linalg_svdvals(const Tensor& a, const std::optional<std::string_view>& driver) {
  check_driver(driver);
  return svdvals(a);
}

// torch.svd: V in place of V^H, and zeros in place of vectors that are not wanted.
std::array<Tensor, 3> torch_svd(const Tensor& a, bool some, bool compute_uv) {
  if (compute_uv) {
    std::array<Tensor, 4> r = decomposed(a, !some, true);
    return {std::move(r[0]), std::move(r[1]), conj(transpose(r[2], -2, -1))};
  }
  const Tensor s = svdvals(a);
  const auto zeros = [&](std::int64_t n) {
    return Tensor::zeros(with(stack_of(a), {n, n}), a.dtype());
  };
  return {zeros(rows_of(a)), s, matrix_transpose(zeros(columns_of(a)))};
}

}  // namespace

Singular svd(const Tensor& a, bool full_matrices) {
  std::array<Tensor, 4> r = decomposed(a, full_matrices, true);
  return {std::move(r[0]), std::move(r[1]), std::move(r[2])};
}

Tensor svdvals(const Tensor& a) { return decomposed(a, false, is_followed({&a}))[1]; }

static const Entry entry_linalg_svd(
    "svd(A, full_matrices=True, *, driver=None)", function<linalg_svd>, kLinalgForm | kOutForm,
    "U, S and V^H with A = U diag(S) V^H: the singular values in falling order, and orthonormal "
    "vectors, of which there are as many as values if full_matrices is false.  LinAlgError where A "
    "is not finite.",
    "x(3,3) | x(2,3,3) | x(5,3), False | x(3,5), False | xs(3,3), False "
    "| x(0,3), False | c(3,0) | c(18,17), False | zw(3,3) | z(3,2), False | z(2,3), False",
    "U, S, Vh", nullptr, "vectors={0: -2, 2: -1}, free=True");
static const Entry entry_svdvals("svdvals(A, *, driver=None)", function<linalg_svdvals>,
                                 kLinalgForm | kOutForm,
                                 "The singular values of matrices in falling order.",
                                 "x(3,3) | x(2,3,5) | xs(5,3) | x(0,3) | c(18,17) | z(3,2)");
static const Entry entry_svd("svd(input, some=True, compute_uv=True)", function<torch_svd>, kBoth,
                             "The same as linalg.svd under its old name, with V in place of V^H.",
                             "x(3,3) | x(2,5,3) | c(5,3), False | x(3,5), True, False | z(3,2)",
                             "U, S, V", nullptr, "vectors={0: -2, 2: -2}, free=True");

}  // namespace pullback
