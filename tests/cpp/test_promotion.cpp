// Type promotion: three classes of operands within bool < integral < floating.
#include "catch.h"
#include "ops/operand.h"

namespace {

using namespace pullback;

Tensor dims(DType dtype) { return Tensor::zeros(Dims{2}, dtype); }
Tensor zero_dim(DType dtype) { return Tensor::zeros(Dims{}, dtype); }

TEST_CASE("promotion within a class takes the wider dtype", "[ops]") {
  CHECK(result_type(dims(DType::Int32), dims(DType::Int64)) == DType::Int64);
  CHECK(result_type(dims(DType::UInt8), dims(DType::Float32)) == DType::Float32);
  CHECK(result_type(dims(DType::Bool), dims(DType::Bool)) == DType::Bool);
  CHECK(result_type(dims(DType::Float32), dims(DType::Float64)) == DType::Float64);
}

TEST_CASE("neither of a pair holds the other", "[ops]") {
  CHECK(promote_types(DType::UInt8, DType::Int8) == DType::Int16);
  CHECK(promote_types(DType::Float16, DType::BFloat16) == DType::Float32);
  CHECK(promote_types(DType::Float64, DType::Complex64) == DType::Complex128);
  CHECK(promote_types(DType::Float16, DType::Complex64) == DType::Complex64);
  for (int a = 0; a < kNumDTypes; ++a) {
    for (int b = 0; b < kNumDTypes; ++b) {
      const auto x = static_cast<DType>(a), y = static_cast<DType>(b);
      CHECK(promote_types(x, y) == promote_types(y, x));
      CHECK(promote_types(x, promote_types(x, y)) == promote_types(x, y));
    }
  }
}

TEST_CASE("complex numbers make floats complex", "[ops]") {
  const Operand i(std::complex<double>(0, 1));
  CHECK(result_type(dims(DType::Float64), i) == DType::Complex128);
  CHECK(result_type(dims(DType::Float32), zero_dim(DType::Complex128)) == DType::Complex64);
  CHECK(result_type(dims(DType::Int64), i) == DType::Complex64);
  CHECK(fits(Scalar(std::complex<double>(2, 0)), DType::Float32));
  CHECK_FALSE(fits(Scalar(std::complex<double>(2, 1)), DType::Float32));
}

TEST_CASE("a lower class matters only by a higher category", "[ops]") {
  CHECK(result_type(dims(DType::Float32), zero_dim(DType::Float64)) == DType::Float32);
  CHECK(result_type(dims(DType::Int32), zero_dim(DType::Float64)) == DType::Float64);
  CHECK(result_type(dims(DType::UInt8), Operand(7)) == DType::UInt8);
  CHECK(result_type(dims(DType::Bool), Operand(7)) == DType::Int64);
  CHECK(result_type(zero_dim(DType::Int64), Operand(1.5)) == DType::Float32);
  CHECK(result_type(dims(DType::Float64), Operand(1.5)) == DType::Float64);
}

TEST_CASE("the default dtype decides for numbers", "[ops]") {
  set_default_dtype(DType::Float64);
  CHECK(result_type(dims(DType::Int64), Operand(1.5)) == DType::Float64);
  set_default_dtype(DType::Float32);
  CHECK_THROWS(set_default_dtype(DType::Int64));
}

TEST_CASE("results keep their category", "[ops]") {
  CHECK(can_cast(DType::Int64, DType::UInt8));
  CHECK(can_cast(DType::Int32, DType::Float32));
  CHECK_FALSE(can_cast(DType::Float32, DType::Int64));
}

}  // namespace
