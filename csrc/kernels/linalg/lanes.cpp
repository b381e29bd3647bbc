// See lanes.h.
#include "kernels/linalg/lanes.h"

#include "kernels/linalg/lane_stacks.h"

namespace pullback::kernels {
namespace {

struct Table {
  LaneFunctions<float> float32{};
  LaneFunctions<double> float64{};
  Table() {
    PULLBACK_ISA_SELECT(set_lanes_lu)(float32, float64);
    PULLBACK_ISA_SELECT(set_lanes_spectra)(float32, float64);
  }
};

const Table& table() {
  static const Table made;
  return made;
}

}  // namespace

template <>
const LaneFunctions<float>& lanes<float>() {
  return table().float32;
}
template <>
const LaneFunctions<double>& lanes<double>() {
  return table().float64;
}

}  // namespace pullback::kernels
