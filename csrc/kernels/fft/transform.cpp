// See transform.h.  Complex lines of a suitable length that are many, or long, are transformed here
// (lines.h), the others by the library.  For it, lines of float32, and lines whose elements lie
// apart, are brought together in blocks of neighbours, so that every cache line is read and written
// once; the others are transformed where they are.  A loop of the library cannot report that it ran
// out of memory, so the last number of a block is a mark until the loop has run.
#include "kernels/fft/transform.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/error.h"
#include "kernels/fft/lines.h"
#include "kernels/parallel.h"

namespace pullback::kernels {
namespace {

const FftLibrary& no_library() {
  fail(
      "fft: this program has no Fourier transforms: got no library, expected one that was given "
      "with kernels::set_fft_library. Import pullback, which gives NumPy's.");
}

const FftLibrary& (*load_library)() = no_library;

// Strides in bytes; an element is a number, or a pair of them.
struct Lines {
  char* data;
  std::int64_t count;
  std::int64_t between;
  std::int64_t size;
  std::int64_t step;
};

// A NaN that no arithmetic makes.
constexpr std::uint64_t kMark = 0xfff3a59cd17e46b2;

// `parts` numbers to an element.
template <int parts, typename To, typename From>
void copy_lines(const Lines& to, const Lines& from) {
  const auto at = [](const Lines& lines, std::int64_t line, std::int64_t i) {
    return lines.data + line * lines.between + i * lines.step;
  };
  if (to.step == parts * sizeof(To) && from.step == parts * sizeof(From)) {
    for (std::int64_t line = 0; line < to.count; ++line) {
      auto* out = reinterpret_cast<To*>(at(to, line, 0));
      const auto* in = reinterpret_cast<const From*>(at(from, line, 0));
      for (std::int64_t i = 0; i < parts * to.size; ++i) out[i] = static_cast<To>(in[i]);
    }
    return;
  }
  for (std::int64_t i = 0; i < to.size; ++i) {
    for (std::int64_t line = 0; line < to.count; ++line) {
      auto* out = reinterpret_cast<To*>(at(to, line, i));
      const auto* in = reinterpret_cast<const From*>(at(from, line, i));
      for (int part = 0; part < parts; ++part) out[part] = static_cast<To>(in[part]);
    }
  }
}

template <typename To, typename From>
void copy_lines(const Lines& to, const Lines& from, bool complex) {
  complex ? copy_lines<2, To, From>(to, from) : copy_lines<1, To, From>(to, from);
}

template <typename T>
class Transform {
 public:
  Transform(Fft kind, const View& out, const View& in, int dim, double factor)
      : in_parts_(kind != Fft::Half ? 2 : 1),
        out_parts_(kind != Fft::Whole ? 2 : 1),
        factor_(factor),
        backward_(kind == Fft::Backward || kind == Fft::Whole),
        library_(load_library()) {
    const bool odd = in.sizes[dim] % 2 == 1;
    const auto which = kind == Fft::Forward    ? FftLibrary::Forward
                       : kind == Fft::Backward ? FftLibrary::Backward
                       : kind == Fft::Whole    ? FftLibrary::Whole
                       : odd                   ? FftLibrary::OddHalf
                                               : FftLibrary::EvenHalf;
    loop_ = library_.loops[which];
    in_ = {in.data, 1, 0, in.sizes[dim], in.strides[dim] * item(in_parts_)};
    out_ = {out.data, 1, 0, out.sizes[dim], out.strides[dim] * item(out_parts_)};
    for (int d = 0; d < in.ndim; ++d) {
      if (d != dim && in.sizes[d] != 1) add(in.sizes[d], in.strides[d], out.strides[d]);
    }
    take_lines();
  }

  void run() {
    if (run_here()) return;
    const std::int64_t block = std::min(lines_of_block(), in_.count);
    std::int64_t groups = 1;
    for (const Outer& o : outer_) groups *= o.size;
    const std::int64_t blocks = (in_.count + block - 1) / block;
    const std::int64_t all = groups * blocks;
    const std::int64_t work = std::max<std::int64_t>(1, 32768 / (block * longest()));
    parallel_for(all, library_.one_thread ? all : work, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t b = begin; b < end; ++b) {
        const std::int64_t first = b % blocks * block;
        run_block(b / blocks, first, std::min(block, in_.count - first));
      }
    });
  }

 private:
  struct Outer {
    std::int64_t size, in, out;  // strides in bytes
  };

  // Real lines are taken for complex ones of half the length.
  LaneKind kind_of_lanes() const {
    return in_parts_ == 1 ? LaneKind::Half : out_parts_ == 1 ? LaneKind::Whole : LaneKind::Complex;
  }
  bool fits_lanes_as(LaneKind kind) const {
    if (in_.count < LaneTransform<T>::group()) return false;
    if (kind == LaneKind::Complex) return fits_lanes(in_.size);
    const Lines& real = kind == LaneKind::Half ? in_ : out_;
    if (real.step != item(1) || real.size % 2 || !fits_lanes(real.size / 2)) return false;
    return real.between % item(2) == 0;
  }

  // The same without the library, where the length fits.
  bool run_here() {
    const LaneKind kind = kind_of_lanes();
    const std::int64_t n = kind == LaneKind::Half    ? in_.size / 2
                           : kind == LaneKind::Whole ? out_.size / 2
                                                     : in_.size;
    std::int64_t groups = 1;
    for (const Outer& o : outer_) groups *= o.size;
    const std::int64_t width = LaneTransform<T>::group();
    if (fits_lanes_as(kind)) {
      const LaneTransform<T> transform(n, kind, backward_);
      const std::int64_t block = std::max<std::int64_t>(1, 8192 / (n * width)) * width;
      const std::int64_t blocks = (in_.count + block - 1) / block;
      const std::int64_t work = std::max<std::int64_t>(1, 32768 / (block * n));
      parallel_for(groups * blocks, work, [&](std::int64_t begin, std::int64_t end) {
        Block room(transform.room());
        for (std::int64_t b = begin; b < end; ++b) {
          const std::int64_t first = b % blocks * block;
          const auto [in, out] = at(b / blocks, first, std::min(block, in_.count - first));
          transform.run(complex_lines<const T>(in), complex_lines<T>(out), in.count,
                        static_cast<T>(factor_), reinterpret_cast<T*>(room.data()));
        }
      });
      return true;
    }
    // Of float64 and of real lines the library is faster.
    if (kind != LaneKind::Complex) return false;
    const std::int64_t rows = std::is_same_v<T, float> ? split_of(n) : 0;
    if (rows == 0) return false;
    const LongTransform<T> transform(n, rows, backward_);
    Block middle(static_cast<std::size_t>(2 * n) * sizeof(T));
    for (std::int64_t line = 0; line < groups * in_.count; ++line) {
      const auto [in, out] = at(line / in_.count, line % in_.count, 1);
      transform.run(complex_lines<const T>(in), complex_lines<T>(out), static_cast<T>(factor_),
                    reinterpret_cast<T*>(middle.data()));
    }
    return true;
  }

  template <typename U>
  static LaneLines<U> complex_lines(const Lines& lines) {
    constexpr auto pair = static_cast<std::int64_t>(2 * sizeof(U));
    const bool real = lines.step == static_cast<std::int64_t>(sizeof(U));
    const std::int64_t step = real ? 1 : lines.step / pair;
    return {reinterpret_cast<U*>(lines.data), step, lines.between / pair};
  }
  static std::int64_t item(int parts) { return parts * static_cast<std::int64_t>(sizeof(T)); }
  std::int64_t longest() const { return std::max(in_.size, out_.size); }

  void add(std::int64_t size, std::int64_t in, std::int64_t out) {
    in *= item(in_parts_);
    out *= item(out_parts_);
    if (!outer_.empty() && outer_.back().in == in * size && outer_.back().out == out * size) {
      outer_.back() = {outer_.back().size * size, in, out};
    } else {
      outer_.push_back({size, in, out});
    }
  }

  // Those of a block are neighbours where their elements lie apart, else as many as there are.
  void take_lines() {
    if (outer_.empty()) return;
    const bool apart = is_apart();
    const auto best =
        std::min_element(outer_.begin(), outer_.end(), [&](const Outer& a, const Outer& b) {
          return apart ? std::abs(a.in) + std::abs(a.out) < std::abs(b.in) + std::abs(b.out)
                       : a.size > b.size;
        });
    in_.count = out_.count = best->size;
    in_.between = best->in;
    out_.between = best->out;
    outer_.erase(best);
  }

  bool is_apart() const { return in_.step != item(in_parts_) || out_.step != item(out_parts_); }
  bool gathers() const { return std::is_same_v<T, float> || in_.step != item(in_parts_); }
  bool scatters() const {
    return std::is_same_v<T, float> || out_.step != item(out_parts_) || in_.data == out_.data;
  }
  // Many, so that the library prepares rarely; not more than the caches hold where they are copied.
  std::int64_t lines_of_block() const {
    if (!gathers() && !scatters()) {
      return library_.one_thread ? in_.count : std::max<std::int64_t>(4, 65536 / longest());
    }
    return std::clamp<std::int64_t>(65536 / longest(), is_apart() ? 8 : 1, 64);
  }

  // Some lines of a group, of the input and of the output.
  std::pair<Lines, Lines> at(std::int64_t group, std::int64_t first, std::int64_t count) const {
    Lines in = in_, out = out_;
    for (auto o = outer_.rbegin(); o != outer_.rend(); ++o) {
      in.data += group % o->size * o->in;
      out.data += group % o->size * o->out;
      group /= o->size;
    }
    in.data += first * in.between;
    out.data += first * out.between;
    in.count = out.count = count;
    return {in, out};
  }

  void run_block(std::int64_t group, std::int64_t first, std::int64_t count) const {
    const auto [in, out] = at(group, first, count);
    const Block in_room(gathers() ? bytes_of(in, in_parts_) : 0);
    const Block out_room(scatters() ? bytes_of(out, out_parts_) : 0);
    const Lines from = gathers() ? dense(in, in_parts_, in_room) : in;
    const Lines to = scatters() ? dense(out, out_parts_, out_room) : out;
    if (gathers()) copy_lines<double, T>(from, in, in_parts_ == 2);
    call(from, to);
    if (scatters()) copy_lines<T, double>(out, to, out_parts_ == 2);
  }

  static std::size_t bytes_of(const Lines& lines, int parts) {
    return static_cast<std::size_t>(lines.count * lines.size * parts) * sizeof(double);
  }
  static Lines dense(const Lines& like, int parts, const Block& room) {
    const std::int64_t step = parts * static_cast<std::int64_t>(sizeof(double));
    return {room.data(), like.count, like.size * step, like.size, step};
  }

  void call(const Lines& from, const Lines& to) const {
    char* const last = to.data + (to.count - 1) * to.between + (to.size - 1) * to.step;
    std::memcpy(last, &kMark, sizeof(kMark));
    char* arrays[] = {from.data, reinterpret_cast<char*>(const_cast<double*>(&factor_)), to.data};
    const std::int64_t sizes[] = {from.count, from.size, to.size};
    const std::int64_t strides[] = {from.between, 0, to.between, from.step, to.step};
    loop_.function(arrays, sizes, strides, loop_.data);
    std::uint64_t left;
    std::memcpy(&left, last, sizeof(left));
    check(ErrorKind::Memory, left != kMark,
          "fft: the Fourier transform could not be computed: got no result for ", to.count,
          " lines of ", to.size, " numbers, expected memory for one more of them.");
  }

  int in_parts_, out_parts_;  // 2 of complex numbers
  double factor_;
  bool backward_;
  const FftLibrary& library_;
  FftLoop loop_;
  Lines in_, out_;
  std::vector<Outer> outer_;
};

}  // namespace

void set_fft_library(const FftLibrary& (*load)()) { load_library = load; }

void fft(Fft kind, const View& out, const View& in, int dim, double factor) {
  if (in.numel() == 0 || out.numel() == 0) return;
  if (real_of(in.dtype) == DType::Float32) {
    Transform<float>(kind, out, in, dim, factor).run();
  } else {
    Transform<double>(kind, out, in, dim, factor).run();
  }
}

}  // namespace pullback::kernels
