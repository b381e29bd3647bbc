// Who writes into the target of out= and of an in-place form: NOTE [Targets] in ops/target.h.
#include "ops/destination.h"

#include <string>

#include "catch.h"
#include "graph/mode.h"
#include "ops/basic.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/table.h"

namespace {

using namespace pullback;

Tensor full(double value) { return Tensor::full(Dims{2}, Scalar(value), DType::Float64); }
double first(const Tensor& t) { return *t.data<double>(); }

// Two operators, of which the first could be taken for the result.
Tensor square_and_one(const Tensor& x) { return add(mul(x, x), 1); }
Tensor offered_last(const Tensor& x, Target target) {
  const Tensor squares = mul(x, x);
  const Offer last(target);
  return add(squares, 1);
}

}  // namespace

TEST_CASE("a function without a mark leaves the target alone until its end") {
  const Tensor x = full(3);
  const Tensor target = full(0);
  Destination destination("f", Destination::Kind::Out, target);
  const Tensor result = square_and_one(x);
  CHECK(!result.is_same(target));
  CHECK(first(target) == 0);
  CHECK(destination.finish(result).is_same(target));
  CHECK(first(target) == 10);
}

TEST_CASE("a function of one operator that is marked writes straight into the target") {
  const Tensor target = full(0);
  Destination destination("f", Destination::Kind::Out, target, true);
  const Tensor result = mul(full(3), 2);
  CHECK(result.is_same(target));
  CHECK(!mul(full(5), 2).is_same(target));
  destination.finish(result);
  CHECK(first(target) == 6);
}

TEST_CASE("a wrong mark is an error") {
  const Tensor target = full(0);
  Destination destination("f", Destination::Kind::Out, target, true);
  const Tensor result = square_and_one(full(3));
  CHECK(first(result) == 10);
  CHECK_THROWS_WITH(destination.finish(result), Catch::Matchers::StartsWith("internal error"));
  CHECK(mode.destination == nullptr);
}

TEST_CASE("a function that knows its target offers it to its last operator") {
  STATIC_REQUIRE(function<offered_last>.num_params == 1);
  STATIC_REQUIRE(function<offered_last>.offered);
  STATIC_REQUIRE(!function<square_and_one>.offered);
  STATIC_REQUIRE(direct<square_and_one>.offered);
  const Tensor target = full(3);
  Destination destination("f", Destination::Kind::InPlace, target, true);
  Value argument;
  argument.tensor = target;
  Outcome outcome;
  function<offered_last>.call(&argument, outcome);
  CHECK(outcome.tensor.is_same(target));
  CHECK(first(destination.finish(outcome.tensor)) == 10);
}

TEST_CASE("an offer is over when an error passes") {
  const Tensor target = full(0);
  {
    Destination destination("f", Destination::Kind::InPlace, target, true);
    CHECK_THROWS(mul(full(1), Tensor::zeros(Dims{3}, DType::Float64)));
  }
  CHECK(mode.destination == nullptr);
  CHECK(first(target) == 0);
}
