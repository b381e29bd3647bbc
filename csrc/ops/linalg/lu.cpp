// LU factors with partial pivoting: as one matrix and pivots, unpacked, and systems from them.
//
// With A = P L U, M = L^-1 P^T dA U^-1, the strict lower half of M is L^-1 dL and the upper half
// dU U^-1; what a matrix has beyond a square follows from these.  The permutation has no
// derivative.
#include "ops/linalg/lu.h"

#include "kernels/linalg/lu.h"
#include "ops/linalg/matrices.h"
#include "ops/linalg/triangular.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/shape/join.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

constexpr Triangular kUnitLower{.upper = false, .left = true, .unit = true};
constexpr Triangular kUpperFromRight{.upper = true, .left = false};

std::int64_t rank_of(const Tensor& a) { return std::min(rows_of(a), columns_of(a)); }
Tensor first_rows(const Tensor& a, std::int64_t n) { return narrow(a, -2, 0, n); }
Tensor first_columns(const Tensor& a, std::int64_t n) { return narrow(a, -1, 0, n); }
Tensor rows_from(const Tensor& a, std::int64_t n) { return narrow(a, -2, n, rows_of(a) - n); }
Tensor columns_from(const Tensor& a, std::int64_t n) { return narrow(a, -1, n, columns_of(a) - n); }

// The gradient of A by those of L and U; either may be undefined.
Tensor gradient_of_matrix(const Tensor& p, const Tensor& l, const Tensor& u, const Tensor& dl,
                          const Tensor& du) {
  const std::int64_t m = rows_of(l);
  const std::int64_t k = columns_of(l);
  const std::int64_t n = columns_of(u);
  const Tensor gl = dl.defined() ? tril(dl, -1) : Tensor();
  const Tensor gu = du.defined() ? triu(du) : Tensor();
  const Tensor l1 = m > k ? first_rows(l, k) : l;
  const Tensor u1 = n > k ? first_columns(u, k) : u;
  Tensor lower;
  Tensor upper;
  if (gl.defined()) lower = matmul(adjoint(l1), m > k ? first_rows(gl, k) : gl);
  if (gu.defined()) upper = matmul(n > k ? first_columns(gu, k) : gu, adjoint(u1));
  if (n > k && gu.defined()) {
    lower = sum_of(lower, neg(matmul(columns_from(gu, k), adjoint(columns_from(u, k)))));
  }
  if (m > k && gl.defined()) {
    upper = sum_of(upper, neg(matmul(adjoint(rows_from(l, k)), rows_from(gl, k))));
  }
  const auto zeros = [&](std::int64_t rows, std::int64_t columns) {
    return Tensor::zeros(with(stack_of(l), {rows, columns}), l.dtype());
  };
  Tensor middle = sum_of(lower.defined() ? tril(lower, -1) : Tensor(),
                         upper.defined() ? triu(upper) : Tensor());
  const Triangular from_left{.upper = true, .left = true, .unit = true};
  const Triangular from_right{.upper = false, .left = false};
  if (m > k) {
    // The rows below the square are those of the gradient of L.
    middle = solve_triangular(adjoint(l1), middle, from_left);
    const Tensor rest = gl.defined() ? rows_from(gl, k) : zeros(m - k, k);
    middle = solve_triangular(adjoint(u1), cat({middle, rest}, -2), from_right);
  } else {
    middle = solve_triangular(adjoint(u1), middle, from_right);
    if (n > k) {
      const Tensor rest = gu.defined() ? columns_from(gu, k) : zeros(k, n - k);
      middle = cat({middle, rest}, -1);
    }
    middle = solve_triangular(adjoint(l1), middle, from_left);
  }
  return matmul(p, middle);
}

struct FactorTangents {
  Tensor l;
  Tensor u;
};
FactorTangents tangents_of_factors(const Tensor& p, const Tensor& l, const Tensor& u,
                                   const Tensor& da) {
  const std::int64_t m = rows_of(l);
  const std::int64_t k = columns_of(l);
  const std::int64_t n = columns_of(u);
  const Tensor moved = matmul(adjoint(p), da);
  const Tensor l1 = m > k ? first_rows(l, k) : l;
  const Tensor u1 = n > k ? first_columns(u, k) : u;
  const Tensor left = solve_triangular(l1, m > k ? first_rows(moved, k) : moved, kUnitLower);
  const Tensor middle =
      solve_triangular(u1, n > k ? first_columns(left, k) : left, kUpperFromRight);
  const Tensor lower = tril(middle, -1);
  const Tensor upper = triu(middle);
  FactorTangents t{matmul(l1, lower), matmul(upper, u1)};
  if (n > k) {
    const Tensor rest = columns_from(left, k) - matmul(lower, columns_from(u, k));
    t.u = cat({t.u, rest}, -1);
  }
  if (m > k) {
    const Tensor right = solve_triangular(u1, rows_from(moved, k), kUpperFromRight);
    t.l = cat({t.l, right - matmul(rows_from(l, k), upper)}, -2);
  }
  return t;
}

// L and U below and above the diagonal of one matrix, and out of it.
Tensor lower_of(const Tensor& lu) {
  const std::int64_t k = rank_of(lu);
  const Tensor part = k < columns_of(lu) ? first_columns(lu, k) : lu;
  const Tensor ones = Tensor::zeros(Dims{rows_of(part), k}, lu.dtype());
  fill_values(ones.alias(Dims{k}, Dims{k + 1}), Scalar(1));
  return tril(part, -1) + ones;
}
Tensor upper_of(const Tensor& lu) {
  const std::int64_t k = rank_of(lu);
  return triu(k < rows_of(lu) ? first_rows(lu, k) : lu);
}
// What is strictly below the diagonal, and what is not; either may be undefined.
Tensor packed(const Tensor& l, const Tensor& u, std::int64_t m, std::int64_t n) {
  const auto whole = [&](const Tensor& t) {
    const Tensor model = l.defined() ? l : u;
    if (rows_of(t) < m) {
      return cat({t, Tensor::zeros(with(stack_of(model), {m - rows_of(t), n}), t.dtype())}, -2);
    }
    if (columns_of(t) < n) {
      return cat({t, Tensor::zeros(with(stack_of(model), {m, n - columns_of(t)}), t.dtype())}, -1);
    }
    return t;
  };
  return sum_of(l.defined() ? whole(tril(l, -1)) : Tensor(),
                u.defined() ? whole(triu(u)) : Tensor());
}

struct LuFactor {
  static constexpr const char* kNode = "LinalgLuFactorExBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 3;  // L and U in one, pivots, info
  static constexpr bool kComplex = true;
  struct Attrs {
    Attrs batched(std::int64_t) const { return *this; }
  };
  static std::array<Spec, 3> spec(const Attrs&, In in) {
    return {Spec{in[0].shape(), in[0].dtype()},
            Spec{with(stack_of(in[0]), {rank_of(in[0])}), DType::Int32}, info_spec(in[0])};
  }
  static std::array<Tensor, 3> make_all(const Attrs&, const Tensor&,
                                        const std::array<Spec, 3>& specs) {
    return {empty_columns(specs[0]), Tensor::empty(specs[1].sizes, specs[1].dtype),
            Tensor::empty(specs[2].sizes, specs[2].dtype)};
  }
  static void fill(const Attrs&, In in, const std::array<Tensor, 3>& out) {
    copy_values(out[0], in[0]);
    kernels::lu(view_of(out[0]), view_of(out[1]), view_of(out[2]));
  }
  static constexpr Reads kReads = kReadsY | kReadsZ;
  static void vjp(Vjp<LuFactor>& v);
  static std::array<Tensor, 3> jvp(Jvp<LuFactor>& j);
};

// P, L and U from the packed form.
struct LuUnpack {
  static constexpr const char* kNode = "LuUnpackBackward0";
  static constexpr int kInputs = 2;  // the packed matrix, pivots
  static constexpr int kOutputs = 3;
  static constexpr bool kComplex = true;
  static constexpr unsigned kConstants = 1;  // P
  struct Attrs {
    std::int64_t rows;
    std::int64_t columns;
    bool data;
    bool pivots;
    int lead = 0;  // dimensions that a part has which is not wanted
    Attrs batched(std::int64_t) const { return {rows, columns, data, pivots, lead + 1}; }
  };
  static std::array<Spec, 3> spec(const Attrs& a, In in) {
    const Dims stack = stack_of(in[0]);
    const Dims none = with(in[0].sizes().first(static_cast<std::size_t>(a.lead)), {0});
    const std::int64_t k = std::min(a.rows, a.columns);
    const auto part = [&](bool wanted, std::int64_t m, std::int64_t n) {
      return Spec{wanted ? with(stack, {m, n}) : none, in[0].dtype()};
    };
    return {part(a.pivots, a.rows, a.rows), part(a.data, a.rows, k), part(a.data, k, a.columns)};
  }
  static void workspace(const Attrs& a, In in, const Tensor&, Workspace& w) {
    if (a.pivots) w.need_dense(0, in[1]);
  }
  // The half of a matrix, and `diagonal` on the diagonal unless it is that of the matrix.
  static void copy_half(const Tensor& out, const Tensor& lu, bool upper) {
    fill_values(out, Scalar(0));
    const int last = out.ndim() - 1;
    for (std::int64_t j = 0; j < out.size(last); ++j) {
      const std::int64_t begin = upper ? 0 : j + 1;
      const std::int64_t end = upper ? std::min(j + 1, out.size(last - 1)) : out.size(last - 1);
      if (begin >= end) continue;
      const auto column = [&](const Tensor& t) {
        Dims strides = t.strides();
        Dims sizes = stack_of(t);
        const std::int64_t at = begin * strides[last - 1] + j * strides[last];
        sizes.push_back(end - begin);
        strides.erase(last);
        return t.alias(sizes, strides, at);
      };
      copy_values(column(out), column(lu));
    }
    if (upper) return;
    Dims strides = out.strides();
    Dims sizes = stack_of(out);
    sizes.push_back(out.size(last));
    const std::int64_t step = strides[last - 1] + strides[last];
    strides.erase(last);
    strides[last - 1] = step;
    fill_values(out.alias(sizes, strides), Scalar(1));
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 3>& out, const Workspace& w) {
    if (a.pivots) {
      fill_values(out[0], Scalar(0));
      kernels::permutations(view_of(out[0]), view_of(w.dense(0, in[1])));
    }
    if (!a.data) return;
    copy_half(out[1], in[0], false);
    copy_half(out[2], in[0], true);
  }
  static void vjp(Vjp<LuUnpack>& v) {
    const Attrs& a = v.attrs();
    if (v.wants(0)) v.give(0, packed(v.grad(1), v.grad(2), a.rows, a.columns));
  }
  static std::array<Tensor, 3> jvp(Jvp<LuUnpack>& j) {
    if (!j.attrs().data || !j.tangent(0).defined()) return {};
    const Tensor& t = j.tangent(0);
    const std::int64_t k = rank_of(t);
    return {Tensor(), tril(k < columns_of(t) ? first_columns(t, k) : t, -1), upper_of(t)};
  }
};

Tensor permutation(const Tensor& lu, const Tensor& pivots) {
  const GradMode off(false);
  return apply<LuUnpack>({rows_of(lu), columns_of(lu), false, true}, lu, pivots)[0];
}

void LuFactor::vjp(Vjp<LuFactor>& v) {
  if (!v.grad().defined()) return;
  const Tensor lu = v.out();
  const std::int64_t k = rank_of(lu);
  const Tensor& g = v.grad();
  const Tensor gl = k < columns_of(g) ? first_columns(g, k) : g;
  const Tensor gu = k < rows_of(g) ? first_rows(g, k) : g;
  v.give(0, gradient_of_matrix(permutation(lu, v.out(1)), lower_of(lu), upper_of(lu), gl, gu));
}

std::array<Tensor, 3> LuFactor::jvp(Jvp<LuFactor>& j) {
  const Tensor& lu = j.out();
  const FactorTangents t =
      tangents_of_factors(permutation(lu, j.out(1)), lower_of(lu), upper_of(lu), j.tangent(0));
  return {packed(t.l, t.u, rows_of(lu), columns_of(lu)), Tensor(), Tensor()};
}

struct Lu {
  static constexpr const char* kNode = "LinalgLuBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 3;  // P, L, U
  static constexpr bool kComplex = true;
  static constexpr unsigned kConstants = 1;
  struct Attrs {
    Attrs batched(std::int64_t) const { return *this; }
  };
  static std::array<Spec, 3> spec(const Attrs&, In in) {
    return LuUnpack::spec({rows_of(in[0]), columns_of(in[0]), true, true}, in);
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    need_columns(w, 0, in[0]);
    w.need(1, with(stack_of(in[0]), {rank_of(in[0])}), DType::Int32);
    w.need(2, stack_of(in[0]), DType::Int32);
  }
  static void fill(const Attrs&, In in, const std::array<Tensor, 3>& out, const Workspace& w) {
    const Tensor packed = columns(w, 0, in[0]);
    kernels::lu(view_of(packed), view_of(w[1]), view_of(w[2]));
    fill_values(out[0], Scalar(0));
    kernels::permutations(view_of(out[0]), view_of(w[1]));
    LuUnpack::copy_half(out[1], packed, false);
    LuUnpack::copy_half(out[2], packed, true);
  }
  static constexpr Reads kReads = kReadsY | kReadsZ | kReadsV;
  static void vjp(Vjp<Lu>& v) {
    if (!v.grad(1).defined() && !v.grad(2).defined()) return;
    v.give(0, gradient_of_matrix(v.out(0), v.out(1), v.out(2), v.grad(1), v.grad(2)));
  }
  static std::array<Tensor, 3> jvp(Jvp<Lu>& j) {
    FactorTangents t = tangents_of_factors(j.out(0), j.out(1), j.out(2), j.tangent(0));
    return {Tensor(), std::move(t.l), std::move(t.u)};
  }
};

struct LuSolve {
  static constexpr const char* kNode = "LinalgLuSolveBackward0";
  static constexpr int kInputs = 3;  // the packed matrix, pivots, B
  static constexpr int kOutputs = 1;
  static constexpr bool kComplex = true;
  struct Attrs {
    bool left;
    bool adjoint;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static Spec spec(const Attrs&, In in) { return {in[2].shape(), in[2].dtype()}; }
  static Tensor make_for(const Attrs& a, In, const Spec& spec) {
    return a.left ? empty_columns(spec) : Tensor::empty(spec.sizes, spec.dtype);
  }
  static void workspace(const Attrs&, In in, const Tensor&, Workspace& w) {
    need_columns_unless(w, 0, in[0]);
    w.need_dense(1, in[1]);
  }
  static void fill(const Attrs& a, In in, const Tensor& out, const Workspace& w) {
    copy_values(out, in[2]);
    // X A = B is A^T X^T = B^T.
    const Tensor right = a.left ? out : transposed_alias(out);
    const Tensor lu = columns_or(w, 0, in[0]);
    kernels::solve_lu(view_of(lu), view_of(w.dense(1, in[1])), view_of(right), a.left == a.adjoint,
                      a.adjoint);
  }
  static constexpr Reads kReads[] = {kReadsA | kReadsB | kReadsY, kReadsNothing, kReadsA | kReadsB};
  static void vjp(Vjp<LuSolve>& v) {
    const auto [left, of_adjoint] = v.attrs();
    const Tensor lu = v.in(0);
    const Tensor pivots = v.in(1);
    const Tensor right = solve_by_lu(lu, pivots, v.grad(), left, !of_adjoint);
    if (v.wants(2)) v.give(2, right);
    if (!v.wants(0)) return;
    const Tensor x = v.out();
    const Tensor& a = of_adjoint ? x : right;
    const Tensor& b = of_adjoint ? right : x;
    const Tensor product = left ? matmul(a, adjoint(b)) : matmul(adjoint(b), a);
    const Tensor moved = matmul(adjoint(permutation(lu, pivots)), neg(product));
    v.give(0, packed(matmul(moved, adjoint(upper_of(lu))), matmul(adjoint(lower_of(lu)), moved),
                     rows_of(lu), columns_of(lu)));
  }
  static Tensor jvp(Jvp<LuSolve>& j) {
    const auto [left, of_adjoint] = j.attrs();
    const Tensor& lu = j.in(0);
    Tensor right = j.tangent(2);
    if (const Tensor& t = j.tangent(0); t.defined()) {
      const Tensor change = matmul(permutation(lu, j.in(1)), matmul(tril(t, -1), upper_of(lu)) +
                                                                 matmul(lower_of(lu), triu(t)));
      const Tensor turned = of_adjoint ? adjoint(change) : change;
      right = sum_of(right, neg(left ? matmul(turned, j.out()) : matmul(j.out(), turned)));
    }
    return solve_by_lu(lu, j.in(1), right, left, of_adjoint);
  }
};

void refuse_zero_pivot(const char* name, const Tensor& info) {
  int element = 0;
  const std::int64_t index = first_failed(info, element);
  if (index < 0) return;
  fail(name, ": ", batch_element(info, index), "U[", element, ",", element,
       "] is zero and using it on lu_solve would result in a division by zero. If you still want "
       "to perform the factorization, consider calling linalg.lu(A, pivot) or "
       "linalg.lu_factor_ex(A, pivot)");
}

void check_pivoting(const char* name, bool pivot) {
  check(pivot, name, ": LU without pivoting is not implemented on the CPU");
}

std::array<Tensor, 3> lu_factor_ex(const Tensor& a, bool pivot, bool check_errors) {
  check(a.ndim() >= 2,
        "torch.lu_factor: Expected tensor with 2 or more dimensions. Got size: ", a.shape(),
        " instead");
  check_pivoting("linalg.lu_factor", pivot);
  check_kernel("lu_cpu", a);
  std::array<Tensor, 3> result = apply<LuFactor>({}, a);
  if (check_errors) refuse_zero_pivot("torch.linalg.lu_factor_ex", result[2]);
  return result;
}

std::array<Tensor, 2> lu_factor(const Tensor& a, bool pivot) {
  std::array<Tensor, 3> result = lu_factor_ex(a, pivot, false);
  refuse_zero_pivot("torch.linalg.lu_factor", result[2]);
  return {std::move(result[0]), std::move(result[1])};
}

std::array<Tensor, 3> linalg_lu(const Tensor& a, bool pivot) {
  check(a.ndim() >= 2,
        "linalg.lu: Expected tensor with 2 or more dimensions. Got size: ", a.shape(), " instead");
  check_pivoting("linalg.lu", pivot);
  check_kernel("lu_cpu", a);
  return apply<Lu>({}, a);
}

void check_factors(const char* name, const Tensor& lu, const Tensor& pivots) {
  check(pivots.dtype() == DType::Int32, name,
        ": pivots should be a Tensor of scalar type torch.int32, but got ", "torch.",
        pullback::name(pivots.dtype()));
  const Dims expected = with(stack_of(lu), {rank_of(lu)});
  check(same(pivots.sizes(), expected), name,
        ": Number of pivots per batch should be same as the dimension of the matrix: got pivots of "
        "shape ",
        pivots.shape(), " for LU of shape ", lu.shape());
}

// Others would exchange rows that are not in the matrix.
void check_pivots(const char* name, const Tensor& lu, const Tensor& pivots) {
  const Tensor all = copy_to_dtype(of_all_examples(pivots), DType::Int32);
  const auto* rows = all.data<std::int32_t>();
  for (std::int64_t i = 0; i < all.numel(); ++i) {
    check(rows[i] >= 1 && rows[i] <= rows_of(lu), name,
          ": pivots must be between 1 and LU.size(-2) = ", rows_of(lu), ", but got ", rows[i],
          ". Pass the pivots that lu_factor gives with LU.");
  }
}

Tensor linalg_lu_solve(const Tensor& lu, const Tensor& pivots, const Tensor& b, bool left,
                       bool of_adjoint) {
  const char* name = "torch.lu_solve";
  check_floating("torch.linalg.lu_solve", lu);
  check_square(name, lu, "LU");
  check_matrix(name, b, "B");
  check_same_types(name, lu, b);
  check(left ? columns_of(lu) == rows_of(b) : columns_of(b) == rows_of(lu), name,
        ": Incompatible shapes of A and B for the equation ", left ? "AX = B" : "XA = B", " (",
        rows_of(lu), "x", columns_of(lu), " and ", rows_of(b), "x", columns_of(b), ")");
  check_factors(name, lu, pivots);
  check_pivots(name, lu, pivots);
  check_kernel("linalg.lu_solve_cpu", lu);
  return solve_by_lu(lu, pivots, b, left, of_adjoint);
}

Tensor torch_lu_solve(const Tensor& b, const Tensor& lu, const Tensor& pivots) {
  return linalg_lu_solve(lu, pivots, b, true, false);
}

std::array<Tensor, 3> lu_unpack(const Tensor& lu, const Tensor& pivots, bool unpack_data,
                                bool unpack_pivots) {
  check(pivots.dtype() == DType::Int32,
        "torch.lu_unpack: LU_pivots is expected to be a contiguous tensor of torch.int32 dtype.\n"
        "Note: this function is intended to be used with the output produced by "
        "torch.linalg.lu_factor");
  wrap_dim(-2, lu.ndim());
  check_factors("torch.lu_unpack", lu, pivots);
  if (unpack_pivots) check_pivots("torch.lu_unpack", lu, pivots);
  return apply<LuUnpack>({rows_of(lu), columns_of(lu), unpack_data, unpack_pivots}, lu, pivots);
}

// torch.lu: the name before lu_factor.
OneOrMore torch_lu(const Tensor& a, bool pivot, bool get_infos) {
  std::array<Tensor, 3> result = lu_factor_ex(a, pivot, false);
  if (!get_infos) refuse_zero_pivot("torch.linalg.lu_factor_ex", result[2]);
  std::vector<Tensor> parts(result.begin(), result.begin() + (get_infos ? 3 : 2));
  return {std::move(parts), false};
}

}  // namespace

LuFactors lu_factors(const Tensor& a) {
  std::array<Tensor, 3> result = apply<LuFactor>({}, a);
  return {std::move(result[0]), std::move(result[1]), std::move(result[2])};
}

Tensor solve_by_lu(const Tensor& lu, const Tensor& pivots, const Tensor& b, bool left,
                   bool of_adjoint) {
  const auto [matrix, right] = with_one_stack(lu, b);
  const Dims sizes = with(stack_of(matrix), {columns_of(matrix)});
  const Tensor swaps = same(pivots.sizes(), sizes) ? pivots : expand(pivots, sizes);
  return apply<LuSolve>({left, of_adjoint}, matrix, swaps, right);
}

static const Entry entry_lu_factor(
    "lu_factor(A, *, pivot=True)", function<lu_factor>, kLinalgForm | kOutForm,
    "L and U of A = P L U in one matrix, and the pivots (int32), which count from 1.  RuntimeError "
    "where U has a zero on the diagonal.",
    "x(3,3) | x(2,3,3) | x(3,5) | x(5,3) | xs(3,3) | x(0,0) | x(2,0,3) | x(18,18) | zw(3,3)",
    "LU, pivots");
static const Entry entry_lu_factor_ex(
    "lu_factor_ex(A, *, pivot=True, check_errors=False)", function<lu_factor_ex>,
    kLinalgForm | kOutForm,
    "The same, and for each matrix the number of the first zero on the diagonal of U, or 0.",
    "x(3,3) | x(2,3,4) | x(3,2), check_errors=True", "LU, pivots, info");
static const Entry entry_linalg_lu(
    "lu(A, *, pivot=True)", function<linalg_lu>, kLinalgForm | kOutForm,
    "P, L and U with A = P L U, P a permutation matrix.",
    "x(3,3) | x(2,3,3) | x(3,5) | x(5,3) | xs(3,4) | x(0,0) | x(2,0,3) | x(18,18) | zw(3,3) "
    "| z(2,3) | z(3,2)",
    "P, L, U");
static const Entry entry_lu("lu(A, pivot=True, get_infos=False)", function<torch_lu>,
                            kFunctionForm | kPlainNames,
                            "The same as linalg.lu_factor, or lu_factor_ex, under its old name.",
                            "x(3,3) | x(2,3,3), get_infos=True");
static const Entry entry_lu_method(
    "lu(input, pivot=True, get_infos=False)", function<torch_lu>, kMethodForm,
    "The same as linalg.lu_factor, or lu_factor_ex, under its old name.",
    "x(3,3) | x(2,3,3), get_infos=True");
static const Entry entry_linalg_lu_solve(
    "lu_solve(LU, pivots, B, *, left=True, adjoint=False)", function<linalg_lu_solve>,
    kLinalgForm | kOutForm,
    "The solutions X of A X = B (X A = B) from what lu_factor gives for A; with adjoint of its "
    "conjugate transpose.",
    "x(3,3, low=0.5, high=2), p(3), x(3,2) | x(2,3,3, low=0.5, high=2), p(2,3), x(3,2), "
    "adjoint=True "
    "| x(3,3, low=0.5, high=2), p(3), x(2,3), left=False "
    "| x(3,3, low=0.5, high=2), p(3), x(2,2,3), left=False, adjoint=True "
    "| x(0,0), p(0), x(0,2) | c(18,18, low=0.9, high=1.1), p(18), c(18,2) "
    "| zw(3,3), p(3), z(3,2), adjoint=True | zw(3,3), p(3), z(2,3), left=False, adjoint=True");
static const Entry entry_lu_solve(
    "lu_solve(input, LU_data, LU_pivots)", function<torch_lu_solve>, kBoth,
    "The same as linalg.lu_solve, under its old name.",
    "x(3,2), x(3,3, low=0.5, high=2), p(3) | x(2,3,2), x(2,3,3, low=0.5, high=2), p(2,3)");
static const Entry entry_lu_unpack(
    "lu_unpack(LU_data, LU_pivots, unpack_data=True, unpack_pivots=True)", function<lu_unpack>,
    kFunctionForm | kOutForm,
    "P, L and U from what lu_factor gives; parts that are not wanted are "
    "empty.",
    "x(3,3), p(3) | x(2,3,5), p(2,3) | x(5,3), p(3) | xs(3,3), p(3) | z(3,3), p(3)", "P, L, U");

}  // namespace pullback
