// See index_plan.h.
#include "ops/index/index_plan.h"

namespace pullback {

Dims IndexPlan::front_order() const {
  Dims order = dims;
  for (int d = 0; d < whole.size(); ++d) {
    if (!dims.contains(d)) order.push_back(d);
  }
  return order;
}

Dims IndexPlan::result_order() const {
  const int rest = whole.size() - dims.size();
  Dims order;
  for (int d = 0; d < width; ++d) order.push_back(at + d);
  for (int d = 0; d < at; ++d) order.push_back(d);
  for (int d = at; d < rest; ++d) order.push_back(width + d);
  return order;
}

Dims IndexPlan::result_sizes(const Dims& common) const {
  Dims sizes;
  for (int d = 0; d < whole.size(); ++d) {
    if (!dims.contains(d)) sizes.push_back(whole[d]);
  }
  for (int d = width - 1; d >= 0; --d) sizes.insert(at, common[d]);
  return sizes;
}

Dims IndexPlan::result_strides(In in, const Dims& sizes) const {
  const int ndim = sizes.size();
  std::vector<Dims> strides;
  strides.emplace_back(ndim);
  for (int d = 0, to = 0; d < whole.size(); ++d) {
    if (to == at) to += width;
    if (!dims.contains(d)) strides[0][to++] = in[0].stride(d);
  }
  for (int i = 1; i < in.size(); ++i) {
    const Tensor& index = in[i];
    const int lead = width - index.ndim();
    Dims own(ndim);
    for (int d = 0; d < ndim; ++d) {
      const int k = d - at - lead;
      if (k >= 0 && k < index.ndim()) {
        own[d] = index.size(k) == sizes[d] ? index.stride(k) : 0;
      } else if (sizes[d] == 1 && index.ndim() > 0) {
        own[d] = k < 0 ? index.size(0) * index.stride(0) : index.stride(index.ndim() - 1);
      }
    }
    strides.push_back(own);
  }
  return dense_strides(sizes, strides);
}

IndexPlan IndexPlan::batched(std::int64_t batch) const {
  IndexPlan b = *this;
  for (std::int64_t& d : b.dims) ++d;
  ++b.at;
  b.whole.insert(0, batch);
  return b;
}

}  // namespace pullback
