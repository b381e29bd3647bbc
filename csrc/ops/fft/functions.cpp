// The functions of torch.fft: arguments, sizes and norms, made of the transforms in transform.h.
//
// A backward transform of real numbers and the Hermitian ones (hfft, ihfft) are conjugates: the
// library transforms real numbers in one direction only.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string_view>

#include "ops/basic.h"
#include "ops/fft/transform.h"
#include "ops/nn/pad.h"
#include "ops/op.h"
#include "ops/shape/roll.h"
#include "ops/shape/view.h"
#include "ops/table.h"

namespace pullback {
namespace {

using Norm = std::optional<std::string_view>;
using Lengths = std::optional<Dims>;

// What a transform of `count` numbers is multiplied by.
double factor_of(const Norm& norm, bool forward, std::int64_t count) {
  const std::string_view name = norm.value_or("backward");
  const auto n = static_cast<double>(count);
  if (name == "ortho") return 1 / std::sqrt(n);
  check(name == "forward" || name == "backward", "Invalid normalization mode: \"", name, "\"");
  return (name == "forward") == forward ? 1 / n : 1;
}

void check_points(std::int64_t n) {
  check(n >= 1, "Invalid number of data points (", n, ") specified");
}

// Cut off or filled with zeros at the end, so that dimension dims[k] has sizes[k] elements.
Tensor resized(const Tensor& x, const Dims& dims, const Dims& sizes) {
  Tensor result = x;
  Dims pad(2 * x.ndim());
  bool longer = false;
  for (int k = 0; k < dims.size(); ++k) {
    const int d = static_cast<int>(dims[k]);
    if (result.size(d) > sizes[k]) result = narrow(result, d, 0, sizes[k]);
    if (result.size(d) == sizes[k]) continue;
    pad[2 * (x.ndim() - 1 - d) + 1] = sizes[k] - result.size(d);
    longer = true;
  }
  return longer ? constant_pad(result, pad, Scalar(0)) : result;
}

Tensor refuse_complex(const char* name, const char* what, const Tensor& x) {
  check(!is_complex(x.dtype()), name, " expects a ", what, " input tensor, but got ",
        info(x.dtype()).scalar_name);
  return fft_operand(x, false);
}

// --- along one dimension ---

// `real` is the input as real numbers, of n along dimension d.
Tensor of_real(const Tensor& real, int d, const Norm& norm, bool forward, bool onesided) {
  const double factor = factor_of(norm, forward, real.size(d));
  const Tensor spectrum = fft_r2c(real, Dims{d}, factor, onesided);
  return forward ? spectrum : conj(spectrum);
}

Tensor along_one(const Tensor& x, std::optional<std::int64_t> n, int d) {
  const std::int64_t length = n.value_or(x.size(d));
  check_points(length);
  return resized(x, Dims{d}, Dims{length});
}

Tensor whole(const Tensor& input, std::optional<std::int64_t> n, std::int64_t dim, const Norm& norm,
             bool forward) {
  const int d = wrap_own_dim(dim, input.ndim());
  const Tensor x = along_one(fft_operand(input, false), n, d);
  if (!is_complex(x.dtype())) return of_real(x, d, norm, forward, false);
  return fft_c2c(x, Dims{d}, factor_of(norm, forward, x.size(d)), forward);
}

Tensor halved(const char* name, const Tensor& input, std::optional<std::int64_t> n,
              std::int64_t dim, const Norm& norm, bool forward) {
  const Tensor x = refuse_complex(name, "real", input);
  const int d = wrap_own_dim(dim, x.ndim());
  return of_real(along_one(x, n, d), d, norm, forward, true);
}

Tensor unhalved(const Tensor& input, std::optional<std::int64_t> n, std::int64_t dim,
                const Norm& norm, bool forward) {
  const Tensor x = fft_operand(input, true);
  const int d = wrap_own_dim(dim, x.ndim());
  const std::int64_t last = n.value_or(2 * (x.size(d) - 1));
  check_points(last);
  const Tensor half = resized(x, Dims{d}, Dims{last / 2 + 1});
  return fft_c2r(forward ? conj(half) : half, Dims{d}, factor_of(norm, forward, last), last);
}

Tensor fft(const Tensor& input, std::optional<std::int64_t> n, std::int64_t dim, Norm norm) {
  return whole(input, n, dim, norm, true);
}
Tensor ifft(const Tensor& input, std::optional<std::int64_t> n, std::int64_t dim, Norm norm) {
  return whole(input, n, dim, norm, false);
}
Tensor rfft(const Tensor& input, std::optional<std::int64_t> n, std::int64_t dim, Norm norm) {
  return halved("rfft", input, n, dim, norm, true);
}
Tensor irfft(const Tensor& input, std::optional<std::int64_t> n, std::int64_t dim, Norm norm) {
  return unhalved(input, n, dim, norm, false);
}
Tensor hfft(const Tensor& input, std::optional<std::int64_t> n, std::int64_t dim, Norm norm) {
  return unhalved(input, n, dim, norm, true);
}
Tensor ihfft(const Tensor& input, std::optional<std::int64_t> n, std::int64_t dim, Norm norm) {
  return halved("ihfft", input, n, dim, norm, false);
}

// --- along several ---

struct Along {
  Dims dims;
  Dims sizes;
  std::int64_t count() const {
    std::int64_t n = 1;
    for (const std::int64_t size : sizes) n *= size;
    return n;
  }
};

// `halved`: the input is half a spectrum along the last dimension, whose default length is made of
// it.
Along along(const Tensor& x, const Lengths& s, const Lengths& dim, const char* halves = nullptr,
            bool half_input = false) {
  Along a;
  if (dim) {
    for (const std::int64_t d : *dim) a.dims.push_back(wrap_own_dim(d, x.ndim()));
    for (int k = 1; k < a.dims.size(); ++k) {
      check(std::find(a.dims.begin(), a.dims.begin() + k, a.dims[k]) == a.dims.begin() + k,
            "FFT dims must be unique");
    }
  }
  if (s) {
    check(!dim || dim->size() == s->size(),
          "When given, dim and shape arguments must have the same length");
    check(s->size() <= x.ndim(), "Got shape with ", s->size(), " values but input tensor only has ",
          x.ndim(), " dimensions.");
  }
  if (!dim) {
    const int count = s ? s->size() : x.ndim();
    for (int d = x.ndim() - count; d < x.ndim(); ++d) a.dims.push_back(d);
  }
  check(!halves || !a.dims.empty(), halves, " must transform at least one axis");
  for (int k = 0; k < a.dims.size(); ++k) {
    const bool given = s && (*s)[k] != -1;
    const std::int64_t size = x.size(static_cast<int>(a.dims[k]));
    const bool last = half_input && k == a.dims.size() - 1;
    a.sizes.push_back(given ? (*s)[k] : last ? 2 * (size - 1) : size);
    check_points(a.sizes[k]);
  }
  return a;
}

Tensor whole_of(const Tensor& input, const Lengths& s, const Lengths& dim, const Norm& norm,
                bool forward) {
  const Tensor x = fft_operand(input, true);
  const Along a = along(x, s, dim);
  return fft_c2c(resized(x, a.dims, a.sizes), a.dims, factor_of(norm, forward, a.count()), forward);
}

Tensor halved_of(const char* name, const Tensor& input, const Lengths& s, const Lengths& dim,
                 const Norm& norm, bool forward) {
  const Tensor x = refuse_complex(name, "real-valued", input);
  const Along a = along(x, s, dim, name);
  const Tensor real = resized(x, a.dims, a.sizes);
  const double factor = factor_of(norm, forward, a.count());
  if (forward) return fft_r2c(real, a.dims, factor, true);
  Dims others = a.dims;
  others.erase(others.size() - 1);
  const Tensor half = conj(fft_r2c(real, Dims{a.dims[a.dims.size() - 1]}, factor, true));
  return others.empty() ? half : fft_c2c(half, others, 1, false);
}

Tensor unhalved_of(const char* name, const Tensor& input, const Lengths& s, const Lengths& dim,
                   const Norm& norm, bool forward) {
  const Tensor x = fft_operand(input, true);
  const Along a = along(x, s, dim, name, true);
  const int last = a.dims.size() - 1;
  Dims sizes = a.sizes;
  sizes[last] = sizes[last] / 2 + 1;
  const Tensor half = resized(x, a.dims, sizes);
  const double factor = factor_of(norm, forward, a.count());
  // A forward transform of all dimensions is the conjugate of the backward one of the conjugate.
  return fft_c2r(forward ? conj(half) : half, a.dims, factor, a.sizes[last]);
}

Tensor fftn(const Tensor& input, const Lengths& s, const Lengths& dim, Norm norm) {
  return whole_of(input, s, dim, norm, true);
}
Tensor ifftn(const Tensor& input, const Lengths& s, const Lengths& dim, Norm norm) {
  return whole_of(input, s, dim, norm, false);
}
Tensor rfftn(const Tensor& input, const Lengths& s, const Lengths& dim, Norm norm) {
  return halved_of("rfftn", input, s, dim, norm, true);
}
Tensor irfftn(const Tensor& input, const Lengths& s, const Lengths& dim, Norm norm) {
  return unhalved_of("irfftn", input, s, dim, norm, false);
}
Tensor hfftn(const Tensor& input, const Lengths& s, const Lengths& dim, Norm norm) {
  return unhalved_of("hfftn", input, s, dim, norm, true);
}
Tensor ihfftn(const Tensor& input, const Lengths& s, const Lengths& dim, Norm norm) {
  return halved_of("ihfftn", input, s, dim, norm, false);
}
Tensor fft2(const Tensor& input, const Lengths& s, const Dims& dim, Norm norm) {
  return fftn(input, s, dim, norm);
}
Tensor ifft2(const Tensor& input, const Lengths& s, const Dims& dim, Norm norm) {
  return ifftn(input, s, dim, norm);
}
Tensor rfft2(const Tensor& input, const Lengths& s, const Dims& dim, Norm norm) {
  return rfftn(input, s, dim, norm);
}
Tensor irfft2(const Tensor& input, const Lengths& s, const Dims& dim, Norm norm) {
  return irfftn(input, s, dim, norm);
}
Tensor hfft2(const Tensor& input, const Lengths& s, const Dims& dim, Norm norm) {
  return hfftn(input, s, dim, norm);
}
Tensor ihfft2(const Tensor& input, const Lengths& s, const Dims& dim, Norm norm) {
  return ihfftn(input, s, dim, norm);
}

// --- the order of frequencies ---

Tensor shifted(const Tensor& input, const Lengths& dim, bool back) {
  Dims dims, shifts;
  if (dim) {
    dims = *dim;
  } else {
    for (int d = 0; d < input.ndim(); ++d) dims.push_back(d);
  }
  for (const std::int64_t d : dims) {
    const std::int64_t size = input.size(wrap_own_dim(d, input.ndim()));
    shifts.push_back(back ? (size + 1) / 2 : size / 2);
  }
  return roll(input, shifts, dims);
}
Tensor fftshift(const Tensor& input, const Lengths& dim) { return shifted(input, dim, false); }
Tensor ifftshift(const Tensor& input, const Lengths& dim) { return shifted(input, dim, true); }

}  // namespace

constexpr Forms kTransform = kFftForm | kCastOutForm;

static const Entry entry_fft(
    "fft(input, n=None, dim=-1, norm=None)", function<fft>, kTransform,
    "The discrete Fourier transform along a dimension, which is cut off or filled with zeros to n "
    "numbers.  norm is 'backward' (no factor), 'ortho' (1 / sqrt(n)) or 'forward' (1 / n).",
    "z(4) | x(3,4) | z(3,5), 4, 0, 'ortho' | x(3,4), n=6, norm='forward' | zs(2,3,4), dim=1 "
    "| xs(2,3,4), dim=0 | x(2,7) | z(3,1) | x(2,1)");
static const Entry entry_ifft(
    "ifft(input, n=None, dim=-1, norm=None)", function<ifft>, kTransform,
    "The inverse of fft: norm is 'backward' (a factor 1 / n), 'ortho' or 'forward' (none).",
    "z(4) | x(3,4) | z(3,5), 4, 0, 'ortho' | x(3,4), n=6, norm='forward' | zs(2,3,4), dim=1");
static const Entry entry_rfft(
    "rfft(input, n=None, dim=-1, norm=None)", function<rfft>, kTransform,
    "The first n // 2 + 1 numbers of fft of real numbers, of which the others are conjugates.",
    "x(4) | x(3,5) | x(3,4), 6, 0, 'ortho' | xs(2,3,4), dim=1, norm='forward' | x(3,1) "
    "| x(2,2)");
static const Entry entry_irfft(
    "irfft(input, n=None, dim=-1, norm=None)", function<irfft>, kTransform,
    "The n real numbers (default: 2 * (size - 1)) whose rfft this is: the inverse of rfft.",
    "z(3) | z(3,4), 7 | z(3,4), 3, 0, 'ortho' | zs(2,3,4), dim=1, norm='forward' | x(3,4) "
    "| z(3,1), n=1 | z(2,2)");
static const Entry entry_hfft(
    "hfft(input, n=None, dim=-1, norm=None)", function<hfft>, kTransform,
    "fft of a Hermitian signal, given by its first half: n real numbers.",
    "z(3) | z(3,4), 7 | z(3,4), 3, 0, 'ortho' | zs(2,3,4), dim=1, norm='forward' | x(3,4)");
static const Entry entry_ihfft(
    "ihfft(input, n=None, dim=-1, norm=None)", function<ihfft>, kTransform,
    "The first half of ifft of real numbers: the inverse of hfft.",
    "x(4) | x(3,5) | x(3,4), 6, 0, 'ortho' | xs(2,3,4), dim=1, norm='forward'");
static const Entry entry_fftn(
    "fftn(input, s[1]=None, dim[1]=None, norm=None)", function<fftn>, kTransform,
    "fft along several dimensions, of sizes s: all, or the last len(s), or dim.",
    "z(3,4) | x(2,3,4) | z(3,4), (2,5) | zs(2,3,4), (4,), (1,), 'ortho' | x(3,4), dim=(1,0), "
    "norm='forward' | z(2,3,4), s=(3,-1), dim=(0,2) | z()");
static const Entry entry_ifftn(
    "ifftn(input, s[1]=None, dim[1]=None, norm=None)", function<ifftn>, kTransform,
    "The inverse of fftn.",
    "z(3,4) | x(2,3,4) | z(3,4), (2,5) | zs(2,3,4), (4,), (1,), 'ortho' | x(3,4), dim=(1,0), "
    "norm='forward'");
static const Entry entry_rfftn(
    "rfftn(input, s[1]=None, dim[1]=None, norm=None)", function<rfftn>, kTransform,
    "fftn of real numbers, the first half along the last of the dimensions.",
    "x(3,4) | x(2,3,5) | x(3,4), (2,5) | xs(2,3,4), (4,), (1,), 'ortho' | x(3,4), dim=(1,0), "
    "norm='forward' | x(2,3,4), dim=(0,2)");
static const Entry entry_irfftn(
    "irfftn(input, s[1]=None, dim[1]=None, norm=None)", function<irfftn>, kTransform,
    "The inverse of rfftn; the last of the dimensions gets 2 * (size - 1) numbers if s does not "
    "say "
    "how many.",
    "z(3,4) | z(2,3,4), s=(3,5) | z(3,4), (2,5) | zs(2,3,4), (4,), (1,), 'ortho' | z(3,4), "
    "dim=(1,0), norm='forward' | x(3,4)");
static const Entry entry_hfftn(
    "hfftn(input, s[1]=None, dim[1]=None, norm=None)", function<hfftn>, kTransform,
    "fftn of a Hermitian signal, given by its first half along the last of the dimensions.",
    "z(3,4) | z(2,3,4), s=(3,5) | zs(2,3,4), (4,), (1,), 'ortho' | z(3,4), dim=(1,0), "
    "norm='forward'");
static const Entry entry_ihfftn(
    "ihfftn(input, s[1]=None, dim[1]=None, norm=None)", function<ihfftn>, kTransform,
    "The inverse of hfftn.",
    "x(3,4) | x(2,3,5) | x(3,4), (2,5) | xs(2,3,4), (4,), (1,), 'ortho' | x(3,4), dim=(1,0), "
    "norm='forward'");
static const Entry entry_fft2("fft2(input, s[1]=None, dim[1]=(-2, -1), norm=None)", function<fft2>,
                              kTransform, "fftn along two dimensions.",
                              "z(3,4) | x(2,3,4) | z(2,3,4), (4,3), (0,1), 'ortho'");
static const Entry entry_ifft2("ifft2(input, s[1]=None, dim[1]=(-2, -1), norm=None)",
                               function<ifft2>, kTransform, "ifftn along two dimensions.",
                               "z(3,4) | x(2,3,4) | z(2,3,4), (4,3), (0,1), 'ortho'");
static const Entry entry_rfft2("rfft2(input, s[1]=None, dim[1]=(-2, -1), norm=None)",
                               function<rfft2>, kTransform, "rfftn along two dimensions.",
                               "x(3,4) | x(2,3,5) | x(2,3,4), (4,3), (0,1), 'ortho'");
static const Entry entry_irfft2("irfft2(input, s[1]=None, dim[1]=(-2, -1), norm=None)",
                                function<irfft2>, kTransform, "irfftn along two dimensions.",
                                "z(3,4) | z(2,3,3), (3,5) | z(2,3,4), (4,3), (0,1), 'ortho'");
static const Entry entry_hfft2("hfft2(input, s[1]=None, dim[1]=(-2, -1), norm=None)",
                               function<hfft2>, kTransform, "hfftn along two dimensions.",
                               "z(3,4) | z(2,3,3), (3,5) | z(2,3,4), (4,3), (0,1), 'ortho'");
static const Entry entry_ihfft2("ihfft2(input, s[1]=None, dim[1]=(-2, -1), norm=None)",
                                function<ihfft2>, kTransform, "ihfftn along two dimensions.",
                                "x(3,4) | x(2,3,5) | x(2,3,4), (4,3), (0,1), 'ortho'");
static const Entry entry_fftshift(
    "fftshift(input, dim[1]=None)", function<fftshift>, kFftForm,
    "A copy with the frequency zero in the middle of each dimension, or of those in dim.",
    "x(5) | x(3,4) | z(3,4), 1 | xs(2,3,4), (0,2) | x(0,3) | i(4)");
static const Entry entry_ifftshift("ifftshift(input, dim[1]=None)", function<ifftshift>, kFftForm,
                                   "The inverse of fftshift.",
                                   "x(5) | x(3,4) | z(3,4), 1 | xs(2,3,4), (0,2) | x(0,3) | i(4)");

}  // namespace pullback
