// Eigenvalues and eigenvectors of symmetric and Hermitian matrices.
//
// With A = V diag(w) V^H the terms of a gradient that couple two vectors are divided by the
// difference of their values.  Where that is nothing but rounding, a loss that does not depend on
// the choice of vectors gives a numerator that is nothing, too, and the term is dropped; any other
// loss has no gradient there, and gets infinity or NaN.  So does one that depends on the values as
// well: what would be dropped could not be told from what counts.
#include <cmath>
#include <string_view>

#include "kernels/linalg/eigen.h"
#include "ops/followed.h"
#include "ops/linalg/matrices.h"
#include "ops/linalg/spectral.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/pointwise/compare.h"
#include "ops/pointwise/select.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

struct Eigh {
  static constexpr const char* kNode = "LinalgEighBackward0";
  static constexpr int kInputs = 1;
  static constexpr int kOutputs = 3;  // values, vectors, info
  static constexpr bool kComplex = true;
  struct Attrs {
    bool upper;
    bool vectors;
    Attrs batched(std::int64_t) const { return *this; }
  };
  static std::array<Spec, 3> spec(const Attrs&, In in) {
    return {Spec{stack_of(in[0], 1), real_of(in[0].dtype())}, Spec{in[0].shape(), in[0].dtype()},
            info_spec(in[0])};
  }
  static std::array<Tensor, 3> make_all(const Attrs&, const Tensor&,
                                        const std::array<Spec, 3>& specs) {
    return {Tensor::empty(specs[0].sizes, specs[0].dtype), empty_columns(specs[1]),
            Tensor::empty(specs[2].sizes, specs[2].dtype)};
  }
  static void fill(const Attrs& a, In in, const std::array<Tensor, 3>& out) {
    copy_values(out[1], in[0]);
    kernels::eigh(view_of(out[1]), view_of(out[0]), view_of(out[2]), a.upper, a.vectors);
  }
  static constexpr Reads kReads = kReadsY | kReadsZ;
  static void vjp(Vjp<Eigh>& v) {
    const Tensor& gw = v.grad(0);
    const Tensor& gv = v.grad(1);
    if (!gw.defined() && !gv.defined()) return;
    const Tensor vectors = v.out(1);
    const Tensor turned = adjoint(vectors);
    if (!gv.defined()) return v.give(0, matmul(vectors * unsqueeze(gw, -2), turned));
    const Tensor w = v.out(0);
    const Tensor couplings = matmul(turned, gv);
    check_phases("linalg_eigh_backward: The eigenvectors", couplings);
    const Tensor skew = mul_number(couplings - adjoint(couplings), 0.5);
    const Tensor gaps = unsqueeze(w, -2) - unsqueeze(w, -1);
    Tensor middle = quotient(skew, gaps, {w, couplings, !gw.defined()});
    if (gw.defined()) middle = middle + diag_embed(gw);
    v.give(0, matmul(vectors, matmul(middle, turned)));
  }
  static std::array<Tensor, 3> jvp(Jvp<Eigh>& j) {
    const Tensor& w = j.out(0);
    const Tensor& vectors = j.out(1);
    const Tensor moved = matmul(adjoint(vectors), matmul(j.tangent(0), vectors));
    const Tensor gaps = unsqueeze(w, -2) - unsqueeze(w, -1);
    return {real(diagonal(moved, 0, -2, -1)),
            matmul(vectors, quotient(moved, gaps, {w, moved, true})), Tensor()};
  }
};

bool is_upper(std::string_view uplo) {
  check(uplo == "L" || uplo == "U" || uplo == "l" || uplo == "u",
        "Expected UPLO argument to be 'L' or 'U', but got ", uplo);
  return uplo == "U" || uplo == "u";
}

std::array<Tensor, 3> decomposed(const Tensor& a, std::string_view uplo, bool vectors) {
  check_square("linalg.eigh", a);
  const bool upper = is_upper(uplo);
  check_kernel("linalg_eigh_cpu", a);
  std::array<Tensor, 3> result = apply<Eigh>({upper, vectors}, a);
  int code = 0;
  const std::int64_t index = first_failed(result[2], code);
  if (index >= 0) {
    fail(ErrorKind::LinAlg, "linalg.eigh: ", batch_element(result[2], index),
         "The algorithm failed to converge because the input matrix is ill-conditioned or has too "
         "many repeated eigenvalues (error code: ",
         code, ").");
  }
  return result;
}

std::array<Tensor, 2> linalg_eigh(const Tensor& a, std::string_view uplo) {
  std::array<Tensor, 3> result = decomposed(a, uplo, true);
  return {std::move(result[0]), std::move(result[1])};
}

Tensor linalg_eigvalsh(const Tensor& a, std::string_view uplo) {
  return eigvalsh(a, is_upper(uplo));
}

}  // namespace

void check_phases(const char* vectors, const Tensor& turns) {
  if (!is_complex(turns.dtype())) return;
  const GradMode no_grad(false);
  const ForwardMode no_forward(false);
  const double unit = unit_of(turns.dtype());
  const Tensor phases = abs(imag(diagonal(turns, 0, -2, -1)));
  if (phases.numel() == 0) return;
  const Tensor size = unsqueeze(amax(abs(turns), Dims{-2, -1}), -1);
  const Tensor seen = logical_and(gt(phases, size * (8 * std::sqrt(unit))), gt(phases, 1e3 * unit));
  const Tensor any = of_all_examples(amax(seen));
  for (std::int64_t i = 0; i < any.numel(); ++i) {
    check(
        !any.data<bool>()[i], vectors,
        " in the complex case are specified up to multiplication by e^{i phi}. The specified loss "
        "function depends on this ",
        std::string_view(vectors).starts_with("svd") ? "phase term, making it ill-defined."
                                                     : "quantity, so it is ill-defined.");
  }
}

Tensor quotient(const Tensor& numerator, const Tensor& denominator, const Dropped& dropped) {
  const std::int64_t n = rows_of(numerator);
  Tensor nothing =
      dropped.on_diagonal ? identity(n, DType::Bool) : Tensor::zeros(Dims{1, 1}, DType::Bool);
  Tensor no_gap;
  if (n > 1 && dropped.values.size(dropped.values.ndim() - 1) > 0) {
    const GradMode off(false);
    const double unit = unit_of(numerator.dtype());
    const auto greatest = [](const Tensor& t, const Dims& dims) {
      return amax(abs(t), dims, true);
    };
    const Tensor scale = unsqueeze(greatest(dropped.values, {-1}), -1);
    const Tensor size = greatest(dropped.couplings, {-2, -1});
    // How far values that repeat are found apart.
    const double units = dropped.rounding * (4 + 2 * std::sqrt(static_cast<double>(n))) * unit;
    no_gap = le(abs(denominator), scale * units);
    if (dropped.at_gaps) {
      const Tensor no_term = le(abs(numerator), size * (16 * units));
      nothing = logical_or(nothing, logical_and(no_gap, no_term));
    }
  }
  const Tensor divisor = no_gap.defined() ? masked_fill(denominator, no_gap, 0) : denominator;
  return masked_fill(numerator, nothing, 0) / masked_fill(divisor, nothing, 1);
}

Tensor eigvalsh(const Tensor& a, bool upper) {
  return decomposed(a, upper ? "U" : "L", is_followed({&a}))[0];
}

std::array<Tensor, 2> eigh(const Tensor& a) { return linalg_eigh(a, "L"); }

static const Entry entry_eigh(
    "eigh(input, UPLO='L')", function<linalg_eigh>, kLinalgForm | kOutForm,
    "The eigenvalues of symmetric (Hermitian) matrices in rising order, and orthonormal vectors as "
    "columns; one half of the matrices is read.  LinAlgError where there is no convergence.",
    "sym(3) | sym(2,3) | spd(3), 'U' | sym(1) | sym(0) | zsym(3) | zsym(2,2), 'U'",
    "eigenvalues, eigenvectors", nullptr, "vectors={1: -2}, free=True");
static const Entry entry_eigvalsh(
    "eigvalsh(input, UPLO='L')", function<linalg_eigvalsh>, kLinalgForm | kOutForm,
    "The eigenvalues of symmetric (Hermitian) matrices in rising order.",
    "sym(3) | sym(2,3) | spd(3), 'U' | sym(0) | zsym(3)");

}  // namespace pullback
