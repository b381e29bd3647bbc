// Short-time Fourier transforms: spectra of overlapping frames of a signal, and the signal again.
//
// Allen and Rabiner, "A unified approach to short-time Fourier analysis and synthesis", Proc. IEEE
// 65 (1977): frames times a window, and their overlapping sum divided by that of the squared
// windows.  Both are made of recorded operators.
#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include "core/warning.h"
#include "ops/fft/transform.h"
#include "ops/nn/pad.h"
#include "ops/op.h"
#include "ops/pointwise/arithmetic.h"
#include "ops/reduce/reduction.h"
#include "ops/shape/view.h"
#include "ops/shape/window.h"
#include "ops/table.h"

namespace pullback {
namespace {

using OptionalTensor = std::optional<Tensor>;
using OptionalInt = std::optional<std::int64_t>;
using OptionalBool = std::optional<bool>;

template <typename T>
std::string or_none(const std::optional<T>& value) {
  return value ? std::to_string(static_cast<std::int64_t>(*value)) : "None";
}

// A call as torch writes it in errors.
struct Call {
  const char* name;
  const Tensor& input;
  std::int64_t n_fft, hop_length, win_length;
  const OptionalTensor& window;
  std::string rest;

  std::string text() const {
    std::ostringstream out;
    const bool forward = std::string_view(name) == "stft";
    const char* dtype = info(input.dtype()).scalar_name;
    out << name << "(" << (forward ? "torch." : "CPU") << dtype << (forward ? "Tensor" : "Type")
        << input.shape() << ", n_fft=" << n_fft << ", hop_length=" << hop_length
        << ", win_length=" << win_length << ", window=";
    if (window) {
      out << "torch." << info(window->dtype()).scalar_name << "Tensor{" << window->shape() << "}";
    } else {
      out << "None";
    }
    out << rest << ")";
    return out.str();
  }
  template <typename... Args>
  void check(bool condition, const Args&... args) const {
    if (!condition) [[unlikely]]
      fail(text(), " ", args...);
  }
};

double factor_of(bool normalized, bool forward, std::int64_t n) {
  if (normalized) return 1 / std::sqrt(static_cast<double>(n));
  return forward ? 1 : 1 / static_cast<double>(n);
}

// In the middle of n_fft numbers.
Tensor centred(const Tensor& window, std::int64_t n_fft) {
  const std::int64_t left = (n_fft - window.size(0)) / 2;
  if (window.size(0) == n_fft) return window;
  return constant_pad(window, Dims{left, n_fft - window.size(0) - left}, Scalar(0));
}

// Of complex numbers both parts, side by side.  Reflecting needs two dimensions in front.
Tensor padded(const Tensor& x, std::int64_t by, std::string_view mode) {
  if (is_complex(x.dtype())) {
    const Tensor parts = padded(movedim(view_as_real(x), Dims{-1}, Dims{0}), by, mode);
    return complex_of_pairs(movedim(parts, Dims{0}, Dims{-1}));
  }
  Dims sizes = x.shape();
  const std::int64_t n = sizes.empty() ? 1 : sizes[sizes.size() - 1];
  const Tensor wide =
      pad(reshape(x, Dims{1, x.numel() / std::max<std::int64_t>(n, 1), n}), Dims{by, by}, mode);
  if (!sizes.empty()) sizes[sizes.size() - 1] = wide.size(2);
  return reshape(wide, sizes.empty() ? Dims{wide.size(2)} : sizes);
}

// Of all examples inside vmap.
double lowest_of(const Tensor& envelope) {
  const GradMode off(false);
  Tensor all = amin(abs(envelope));
  while (all.has(kBatched)) all = meta_of(all)->batch;
  const Tensor values = copy_to_dtype(all, DType::Float64);
  const auto* begin = values.data<double>();
  return values.numel() == 0 ? 1 : *std::min_element(begin, begin + values.numel());
}

void warn_of_rectangle(const char* what) {
  warn("A window was not provided. A rectangular window will be applied, which is known to ", what,
       " To suppress this warning and use a rectangular window, explicitly set "
       "`window=torch.ones(n_fft, device=<device>)`.");
}

Tensor stft(const Tensor& input, std::int64_t n_fft, OptionalInt hop, OptionalInt win,
            const OptionalTensor& window, bool center, std::string_view pad_mode, bool normalized,
            OptionalBool onesided, OptionalBool return_complex, OptionalBool align_to_window) {
  check(!center || !align_to_window, "stft align_to_window should only be set when center = false");
  Tensor x = center ? padded(input, n_fft / 2, pad_mode) : input;
  if (!window) warn_of_rectangle("cause spectral leakage.");
  const bool complex = is_complex(x.dtype()) || (window && is_complex(window->dtype()));
  const bool as_complex = return_complex.value_or(complex);
  check(as_complex || return_complex,
        "stft requires the return_complex parameter be given for real inputs, and will further "
        "require that return_complex=True in a future PyTorch release.");
  if (!as_complex) {
    warn(
        "stft with return_complex=False is deprecated. In a future pytorch release, stft will "
        "return complex tensors for all inputs, and return_complex=False will raise an error.\n"
        "Note: you can still call torch.view_as_real on the complex output to recover the old "
        "return format.");
  }
  const std::int64_t hop_length = hop.value_or(n_fft / 4), win_length = win.value_or(n_fft);
  const Call call{"stft",
                  x,
                  n_fft,
                  hop_length,
                  win_length,
                  window,
                  ", normalized=" + std::to_string(normalized) + ", onesided=" + or_none(onesided) +
                      ", return_complex=" + or_none(return_complex) +
                      ", align_to_window=" + or_none(align_to_window)};
  call.check(is_differentiable(x.dtype()),
             ": expected a tensor of floating point or complex values");
  call.check(x.ndim() == 1 || x.ndim() == 2, ": expected a 1D or 2D tensor");
  const std::int64_t given = x.size(x.ndim() - 1);
  call.check(n_fft > 0 && n_fft <= given, ": expected 0 < n_fft < ", given,
             ", but got n_fft=", n_fft);
  call.check(hop_length > 0, ": expected hop_length > 0, but got hop_length=", hop_length);
  call.check(win_length > 0 && win_length <= n_fft,
             ": expected 0 < win_length <= n_fft, but got win_length=", win_length);
  call.check(!window || (window->ndim() == 1 && window->size(0) == win_length),
             ": expected a 1D window tensor of size equal to win_length=", win_length,
             ", but got window with size ", window ? window->shape() : Dims());
  const bool half = onesided.value_or(!complex);
  check(!complex || !half, "Cannot have onesided output if window or input is complex");
  x = fft_operand(x, false);
  if (align_to_window.value_or(false)) {
    const std::int64_t left = (n_fft - win_length) / 2;
    x = constant_pad(x, Dims{left, n_fft - win_length - left}, Scalar(0));
  }
  if (x.ndim() == 1) x = unsqueeze(x, 0);
  Tensor frames = show({Window::Kind::Unfold, 1, 0, 0, n_fft, hop_length}, x);
  if (window) {
    frames = frames * centred(*window, n_fft);
  } else if (win_length < n_fft) {
    frames = frames * centred(Tensor::full(Dims{win_length}, Scalar(1), real_of(x.dtype())), n_fft);
  }
  const double factor = factor_of(normalized, true, n_fft);
  const Tensor spectra =
      complex ? fft_c2c(frames, Dims{2}, factor, true) : fft_r2c(frames, Dims{2}, factor, half);
  Tensor result = transpose_(spectra, 1, 2);  // no view: nobody else has the spectra
  if (input.ndim() == 1) result = squeeze_dim_(result, 0);
  return as_complex ? result : view_as_real(result);
}

// `x` is [signals, bins, frames].
Tensor frames_of(const Tensor& x, std::int64_t n_fft, bool half, bool as_complex, double factor) {
  const Tensor spectra = transpose(x, 1, 2);
  if (as_complex) return fft_c2c(spectra, Dims{2}, factor, false);
  return fft_c2r(half ? spectra : slice(spectra, 2, 0, n_fft / 2 + 1), Dims{2}, factor, n_fft);
}

Tensor istft(const Tensor& input, std::int64_t n_fft, OptionalInt hop, OptionalInt win,
             const OptionalTensor& window, bool center, bool normalized, OptionalBool onesided,
             OptionalInt length, bool return_complex) {
  if (!window) warn_of_rectangle("make the inversion lossy where stft had another one.");
  check(is_complex(input.dtype()),
        "istft requires a complex-valued input tensor matching the output from stft with "
        "return_complex=True.");
  const std::int64_t hop_length = hop.value_or(n_fft / 4), win_length = win.value_or(n_fft);
  const Call call{"istft",
                  input,
                  n_fft,
                  hop_length,
                  win_length,
                  window,
                  ", center=" + std::to_string(center) +
                      ", normalized=" + std::to_string(normalized) +
                      ", onesided=" + or_none(onesided) + ", length=" + or_none(length) +
                      ", return_complex=" + std::to_string(return_complex)};
  call.check(input.numel() != 0, ": input tensor cannot be empty.");
  check(ErrorKind::Index, input.ndim() >= 2, call.text(),
        " : expected bins and frames, but got a tensor of ", input.ndim(), " dimension");
  call.check(input.ndim() <= 3, ": expected a tensor with 3 or 4 dimensions, but got ",
             input.ndim() + 1);
  const std::int64_t bins = input.size(input.ndim() - 2), count = input.size(input.ndim() - 1);
  const bool half = onesided.value_or(bins != n_fft);
  if (half) {
    call.check(bins == n_fft / 2 + 1,
               ": expected the frequency dimension (3rd to the last) of the input tensor to match "
               "n_fft / 2 + 1 when onesided=True, but got ",
               bins);
  } else {
    call.check(bins == n_fft,
               ": expected the frequency dimension (3rd to the last) of the input tensor to match "
               "n_fft when onesided=False, but got ",
               bins);
  }
  call.check(hop_length > 0 && hop_length <= win_length, ": expected 0 < hop_length <= win_length");
  call.check(win_length > 0 && win_length <= n_fft, ": expected 0 < win_length <= n_fft");
  call.check(!window || (window->ndim() == 1 && window->size(0) == win_length),
             ": Invalid window shape. window has to be 1D and length of `win_length`");
  check(return_complex || !window || !is_complex(window->dtype()),
        "Complex windows are incompatible with return_complex=False");
  check(!return_complex || !half, "Cannot have onesided output if window or input is complex");
  const Tensor weights = centred(
      window ? *window : Tensor::full(Dims{win_length}, Scalar(1), real_of(input.dtype())), n_fft);
  const Tensor x = input.ndim() == 2 ? unsqueeze(input, 0) : input;
  const Tensor frames =
      frames_of(x, n_fft, half, return_complex, factor_of(normalized, false, n_fft)) * weights;
  const std::int64_t whole = n_fft + hop_length * (count - 1);
  const Window unfold{Window::Kind::Unfold, 1, 0, 0, n_fft, hop_length};
  const std::int64_t start = center ? n_fft / 2 : 0;
  const std::int64_t end = length ? start + *length : whole - start;
  check(end > start, "istft: the signal would be empty: got length ", end - start,
        ", expected a positive one.");
  const auto overlapped = [&](const Tensor& each) {
    return slice(place(unfold, each, Dims{each.size(0), whole}), 1, start, std::min(end, whole));
  };
  const Tensor signal = overlapped(frames);
  const Tensor envelope = overlapped(expand(square(weights), Dims{1, count, n_fft}));
  const double lowest = lowest_of(envelope);
  call.check(!(lowest < 1e-11), "window overlap add min: ", lowest,
             ", expected more than 1e-11. Use a window and a hop_length whose frames cover all of "
             "the signal.");
  Tensor result = signal / envelope;
  if (input.ndim() == 2) result = squeeze_dim(result, 0);
  if (end > whole) {
    warn(
        "The length of signal is shorter than the length parameter. Result is being padded with "
        "zeros in the tail. Please check your center and hop_length settings.");
    result = constant_pad(result, Dims{0, end - whole}, Scalar(0));
  }
  return result;
}

}  // namespace

static const Entry entry_stft(
    "stft(input, n_fft, hop_length=None, win_length=None, window=None, center=True, "
    "pad_mode='reflect', normalized=False, onesided=None, return_complex=None, "
    "align_to_window=None)",
    function<stft>, kView | kPlainNames,
    "The spectra of frames of n_fft numbers, hop_length apart (default: n_fft // 4), times a "
    "window "
    "of win_length: [bins, frames] of a signal, [signals, bins, frames] of several.  With center "
    "frame t is around t * hop_length, and the signal padded at its ends.",
    "x(20), 8, window=c(8), return_complex=True "
    "| x(2,20), 8, 3, 6, x(6), return_complex=True, normalized=True "
    "| z(20), 7, window=c(7), center=False | xs(2,20), 8, window=c(8), onesided=False, "
    "return_complex=True, pad_mode='constant' | x(12), 8, 2, 4, c(4), False, "
    "align_to_window=True, return_complex=True");
static const Entry entry_istft(
    "istft(input, n_fft, hop_length=None, win_length=None, window=None, center=True, "
    "normalized=False, onesided=None, length=None, return_complex=False)",
    function<istft>, kView,
    "The signals whose stft is nearest to this: the overlapping sum of the frames times the "
    "window, "
    "divided by that of the squared windows.",
    "z(5,6), 8, window=c(8, low=0.5, high=1) "
    "| z(2,5,6), 8, 3, 6, x(6, low=0.5, high=1), length=14, normalized=True "
    "| z(8,5), 8, window=c(8, low=0.5, high=1), return_complex=True, center=False "
    "| zs(2,7,4), 7, window=c(7, low=0.5, high=1), onesided=False");

}  // namespace pullback
