// Class numbers as rows of zeros with a one.
#include "ops/basic.h"
#include "ops/make/factory.h"
#include "ops/pointwise/compare.h"
#include "ops/reduce/reduction.h"
#include "ops/table.h"

namespace pullback {

// The examples' class numbers cannot be read inside vmap: one out of range has zeros everywhere.
static Tensor one_hot(const Tensor& input, std::int64_t num_classes) {
  check(input.dtype() == DType::Int64,
        "one_hot is only applicable to index tensor of type LongTensor: got torch.",
        name(input.dtype()), ", expected torch.int64.");
  if (input.has(kBatched)) {
    check(num_classes > 0,
          "When vmap-ing torch.nn.functional.one_hot, please provide an explicit positive "
          "num_classes argument.");
  } else if (input.numel() == 0) {
    check(num_classes > 0, "Can not infer total number of classes from empty tensor.");
  } else {
    check(amin(input).item().to_int() >= 0, "Class values must be non-negative.");
    const std::int64_t largest = amax(input).item().to_int();
    if (num_classes == -1) num_classes = largest + 1;
    check(num_classes >= 1, "num_classes should be positive");
    check(largest < num_classes, "Class values must be smaller than num_classes: got ", largest,
          ", expected less than ", num_classes, ".");
  }
  const Tensor classes = arange(0, num_classes, 1, DType::Int64);
  return cast(eq(unsqueeze(contiguous(input), -1), classes), DType::Int64);
}
static const Entry entry_one_hot(
    "one_hot(input, num_classes=-1)", function<one_hot>, kNNForm | kNoGrad,
    "A new last dimension that is 1 at the index given by the element, 0 elsewhere; num_classes is "
    "its length, by default one more than the largest element.",
    "i(3, high=3), 4 | i(2,3, high=3), num_classes=3");

}  // namespace pullback
