// See pool.h.  Start reading at Lanes, which takes what plane_of is too slow for.
#include "kernels/nn/pool.h"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <vector>

#include "kernels/dispatch.h"
#include "kernels/nn/pool_kernels.h"
#include "kernels/rows.h"

namespace pullback::kernels {

PULLBACK_ISA_DECLARE(PoolTable pool_table();)

namespace {

const PoolTable& table() {
  static const PoolTable found = PULLBACK_ISA_SELECT(pool_table)();
  return found;
}

// Three dimensions, the missing ones with one window over one element.
struct Plane {
  Windows dims[3];

  explicit Plane(const std::vector<Windows>& last) {
    const std::size_t missing = 3 - last.size();
    for (std::size_t d = 0; d < 3; ++d) dims[d] = d < missing ? one() : last[d - missing];
  }
  static Windows one() { return {1, 1, {0}, {1}}; }
  std::int64_t in() const { return dims[0].size * dims[1].size * dims[2].size; }
  std::int64_t out() const { return dims[0].count() * dims[1].count() * dims[2].count(); }
};

struct Place {
  std::size_t at[3];
};

template <typename T>
std::int64_t greatest(const T* in, const Plane& p, const Place& o) {
  const Windows &a = p.dims[0], &b = p.dims[1], &c = p.dims[2];
  std::int64_t best = (a.begin[o.at[0]] * b.size + b.begin[o.at[1]]) * c.size + c.begin[o.at[2]];
  for (std::int64_t i = a.begin[o.at[0]]; i < a.end[o.at[0]]; i += a.step) {
    for (std::int64_t j = b.begin[o.at[1]]; j < b.end[o.at[1]]; j += b.step) {
      const std::int64_t row = (i * b.size + j) * c.size;
      for (std::int64_t k = c.begin[o.at[2]]; k < c.end[o.at[2]]; k += c.step) {
        if (in[row + k] > in[best] || is_nan(in[row + k])) best = row + k;
      }
    }
  }
  return best;
}

template <typename T>
void plane_of(T* values, std::int64_t* indices, const T* in, const Plane& p) {
  std::int64_t at = 0;
  Place o{};
  for (o.at[0] = 0; o.at[0] < p.dims[0].begin.size(); ++o.at[0]) {
    for (o.at[1] = 0; o.at[1] < p.dims[1].begin.size(); ++o.at[1]) {
      for (o.at[2] = 0; o.at[2] < p.dims[2].begin.size(); ++o.at[2], ++at) {
        indices[at] = greatest(in, p, o);
        values[at] = in[indices[at]];
      }
    }
  }
}

// Fewer outputs are not worth the table of their places, and rows of so many are taken one by one.
constexpr std::int64_t kFewestOutputs = 8;
constexpr std::int64_t kLongRow = 24;
constexpr std::int64_t kMostPlaces = std::int64_t{1} << 15;

// Many outputs of a plane, one in each lane.  Windows are all as long as the longest: a shorter one
// sees its last element again, which changes neither the maximum nor which one of equals it is.
// The unit is a row of the plane, or all of it if rows are short.
template <typename T>
class Lanes {
 public:
  explicit Lanes(const Plane& plane) : p_(plane), row_(plane.dims[2].count()) {
    for (std::size_t d = 0; d < 3; ++d) {
      for (std::int64_t o = 0; o < p_.dims[d].count(); ++o) {
        taps_[d] = std::max(taps_[d], length(p_.dims[d], o));
      }
    }
    const std::int64_t all = taps_[0] * taps_[1] * taps_[2] * p_.out();
    const bool whole = row_ < kLongRow && all <= kMostPlaces;
    count_ = whole ? p_.out() : row_;
    if (!pays()) return;
    const std::vector<PlaceOf<T>> rows = places_of_rows();
    const auto taps = static_cast<std::size_t>(taps_[0] * taps_[1]);
    const auto units = whole ? std::size_t{1} : rows.size() / taps;
    const std::size_t width =
        static_cast<std::size_t>((count_ + kPlacesAtOnce - 1) / kPlacesAtOnce * kPlacesAtOnce);
    const auto across = static_cast<std::size_t>(taps_[2]);
    first_.assign(units * taps * across, 0);
    for (std::size_t i = 0; i < first_.size() && !whole; ++i) first_[i] = rows[i / across];
    places_.resize((whole ? taps : 1) * across * width);
    for (std::size_t i = 0; i < places_.size() / width; ++i) {
      PlaceOf<T>* to = places_.data() + i * width;
      for (std::size_t o = 0; o < rows.size(); o += taps) {
        for (std::int64_t p = 0; p < row_; ++p) {
          *to++ = static_cast<PlaceOf<T>>((whole ? rows[o + i / across] : 0) +
                                          place(p_.dims[2], p, std::int64_t(i % across)));
        }
        if (!whole) break;
      }
      std::fill(to, places_.data() + (i + 1) * width, to[-1]);
    }
    for (std::size_t t = 0; t < taps * across; ++t) {
      tables_.push_back(places_.data() + (whole ? t : t % across) * width);
    }
  }
  bool pays() const {
    return count_ >= kFewestOutputs && p_.in() <= std::numeric_limits<std::int32_t>::max();
  }
  void plane(T* values, std::int64_t* indices, const T* in) const {
    const PlaceOf<T>* first = first_.data();
    for (std::int64_t o = 0; o < p_.out(); o += count_, first += tables_.size()) {
      const GreatestOf<T> given{
          in,     tables_.data(), first,      static_cast<std::int64_t>(tables_.size()),
          count_, values + o,     indices + o};
      if constexpr (sizeof(T) == 4) {
        table().float32(given);
      } else {
        table().float64(given);
      }
    }
  }

 private:
  static std::int64_t length(const Windows& w, std::int64_t o) {
    const auto output = static_cast<std::size_t>(o);
    return (w.end[output] - w.begin[output] + w.step - 1) / w.step;
  }
  static std::int64_t place(const Windows& w, std::int64_t o, std::int64_t tap) {
    return w.begin[static_cast<std::size_t>(o)] + std::min(tap, length(w, o) - 1) * w.step;
  }
  // Where the rows begin that a row of outputs sees, by output and tap of the first two dimensions.
  std::vector<PlaceOf<T>> places_of_rows() const {
    const Windows &a = p_.dims[0], &b = p_.dims[1];
    std::vector<PlaceOf<T>> list;
    for (std::int64_t o = 0; o < a.count() * b.count(); ++o) {
      for (std::int64_t t = 0; t < taps_[0] * taps_[1]; ++t) {
        const std::int64_t plane = place(a, o / b.count(), t / taps_[1]) * b.size;
        const std::int64_t row = plane + place(b, o % b.count(), t % taps_[1]);
        list.push_back(static_cast<PlaceOf<T>>(row * p_.dims[2].size));
      }
    }
    return list;
  }

  const Plane& p_;
  std::int64_t row_;
  std::int64_t taps_[3] = {1, 1, 1};
  std::int64_t count_ = 0;  // of a unit
  std::vector<PlaceOf<T>> places_, first_;
  std::vector<const PlaceOf<T>*> tables_;
};

}  // namespace

void greatest_in_windows(const View& values, const View& indices, const View& in,
                         const std::vector<Windows>& dims) {
  const Plane plane(dims);
  const std::int64_t out = plane.out();
  if (out == 0) return;
  const std::int64_t planes = values.numel() / out;
  const std::int64_t grain = std::max<std::int64_t>(1, kBlockElements / std::max(plane.in(), out));
  const auto for_planes = [&]<typename T>(auto&& one) {
    parallel_for(planes, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        one(reinterpret_cast<T*>(values.data) + i * out,
            reinterpret_cast<std::int64_t*>(indices.data) + i * out,
            reinterpret_cast<const T*>(in.data) + i * plane.in());
      }
    });
  };
  visit(in.dtype, [&]<typename T>() {
    if constexpr (std::is_floating_point_v<T>) {
      const Lanes<T> lanes(plane);
      if (lanes.pays()) {
        return for_planes.template operator()<T>(
            [&](T* to, std::int64_t* places, const T* from) { lanes.plane(to, places, from); });
      }
    }
    for_planes.template operator()<T>(
        [&](T* to, std::int64_t* places, const T* from) { plane_of(to, places, from, plane); });
  });
}

}  // namespace pullback::kernels
