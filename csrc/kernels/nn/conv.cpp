// See conv.h.  Start reading at for_tiles, then conv_of.
#include "kernels/nn/conv.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <vector>

#include "kernels/linalg/gemm.h"
#include "kernels/nn/few.h"
#include "kernels/nn/slide.h"
#include "kernels/rows.h"

namespace pullback::kernels {
namespace {

// Numbers of a tile's column matrix, if the rows are not too long for that.
constexpr std::int64_t kTileNumbers = std::int64_t{1} << 18;
constexpr std::int64_t kShortestTile = 64;

// Which output positions along one row see a pixel of the image at one tap.
struct Inside {
  std::int64_t begin, end;

  Inside(std::int64_t shift, std::int64_t stride, std::int64_t in, std::int64_t from,
         std::int64_t to) {
    // 0 <= o * stride + shift < in
    begin = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
    end = shift >= in ? 0 : (in - 1 - shift) / stride + 1;
    begin = std::clamp(begin, from, to);
    end = std::clamp(end, begin, to);
  }
};

// Calls visit(row of columns, offset of its first column, offset in the channel, o2 range, valid
// part) for each stretch of output positions [from, to) of one channel and tap.
template <typename Visit>
void for_stretches(const ConvShape& s, std::int64_t tap, std::int64_t from, std::int64_t to,
                   Visit&& visit) {
  const std::int64_t k2 = tap % s.kernel[2], k1 = tap / s.kernel[2] % s.kernel[1],
                     k0 = tap / (s.kernel[2] * s.kernel[1]);
  const std::int64_t shift2 = k2 * s.dilation[2] - s.padding[2];
  for (std::int64_t l = from; l < to;) {
    const std::int64_t o2 = l % s.out[2], o1 = l / s.out[2] % s.out[1],
                       o0 = l / (s.out[2] * s.out[1]);
    const std::int64_t n = std::min(s.out[2] - o2, to - l);
    const std::int64_t i0 = o0 * s.stride[0] + k0 * s.dilation[0] - s.padding[0];
    const std::int64_t i1 = o1 * s.stride[1] + k1 * s.dilation[1] - s.padding[1];
    Inside valid(shift2, s.stride[2], s.in[2], o2, o2 + n);
    if (i0 < 0 || i0 >= s.in[0] || i1 < 0 || i1 >= s.in[1]) valid.end = valid.begin;
    const std::int64_t row = (i0 * s.in[1] + i1) * s.in[2];
    visit(l - from, n, valid.begin - o2, valid.end - o2, row + valid.begin * s.stride[2] + shift2);
    l += n;
  }
}

// Rows `first` to `last` (channel and tap) of the columns for output positions [from, to), into a
// matrix whose rows are `width` apart.
template <typename T>
void to_columns(T* columns, std::int64_t width, const T* image, const ConvShape& s,
                std::int64_t first, std::int64_t last, std::int64_t from, std::int64_t to) {
  for (std::int64_t r = first; r < last; ++r) {
    const T* channel = image + r / s.taps() * s.pixels();
    T* row = columns + (r - first) * width;
    for_stretches(s, r % s.taps(), from, to,
                  [&](std::int64_t at, std::int64_t n, std::int64_t begin, std::int64_t end,
                      std::int64_t pixel) {
                    T* to_row = row + at;
                    std::fill(to_row, to_row + begin, T{0});
                    const T* in = channel + pixel;
                    if (s.stride[2] == 1) {
                      std::copy(in, in + (end - begin), to_row + begin);
                    } else {
                      for (std::int64_t k = begin; k < end; ++k, in += s.stride[2]) to_row[k] = *in;
                    }
                    std::fill(to_row + end, to_row + n, T{0});
                  });
  }
}

template <typename T>
void add_columns(T* image, const T* columns, std::int64_t width, const ConvShape& s,
                 std::int64_t channels, std::int64_t from, std::int64_t to) {
  for (std::int64_t r = 0; r < channels * s.taps(); ++r) {
    T* channel = image + r / s.taps() * s.pixels();
    const T* row = columns + r * width;
    for_stretches(s, r % s.taps(), from, to,
                  [&](std::int64_t at, std::int64_t, std::int64_t begin, std::int64_t end,
                      std::int64_t pixel) {
                    T* out = channel + pixel;
                    for (std::int64_t k = begin; k < end; ++k, out += s.stride[2]) {
                      *out = add_wrapping(*out, row[at + k]);
                    }
                  });
  }
}

template <typename T>
struct Matrix {
  T* data;
  std::int64_t rows, columns, row_stride, column_stride;

  Matrix transposed() const { return {data, columns, rows, column_stride, row_stride}; }
};

template <typename T>
void multiply(const Matrix<T>& out, const Matrix<const T>& a, const Matrix<const T>& b, DType dtype,
              bool accumulate) {
  const std::int64_t out_sizes[] = {out.rows, out.columns};
  const std::int64_t out_strides[] = {out.row_stride, out.column_stride};
  const std::int64_t a_sizes[] = {a.rows, a.columns};
  const std::int64_t a_strides[] = {a.row_stride, a.column_stride};
  const std::int64_t b_sizes[] = {b.rows, b.columns};
  const std::int64_t b_strides[] = {b.row_stride, b.column_stride};
  const auto view = [&](const T* data, const std::int64_t* sizes, const std::int64_t* strides) {
    return View{reinterpret_cast<char*>(const_cast<T*>(data)), sizes, strides, 2, dtype};
  };
  gemm(view(out.data, out_sizes, out_strides), view(a.data, a_sizes, a_strides),
       view(b.data, b_sizes, b_strides), accumulate);
}

// How the output positions of a batch are cut: some positions of one image, or several images.
struct Tiles {
  std::int64_t images;     // of one tile
  std::int64_t positions;  // of each of its images
  std::int64_t groups_of_images, pieces;

  explicit Tiles(const ConvShape& s) {
    const std::int64_t rows = std::max<std::int64_t>(1, s.channels / s.groups * s.taps());
    const std::int64_t all = std::max<std::int64_t>(1, s.positions());
    const std::int64_t width = std::max(kShortestTile, kTileNumbers / rows);
    positions = std::min(all, width);
    images = positions < all ? 1 : std::min(std::max<std::int64_t>(1, s.batch), width / all);
    images = std::max<std::int64_t>(1, images);
    pieces = (all + positions - 1) / positions;
    groups_of_images = (s.batch + images - 1) / images;
  }
  std::int64_t count() const { return groups_of_images * pieces; }
};

struct Tile {
  std::int64_t first_image, images, from, to;

  Tile(const Tiles& tiles, const ConvShape& s, std::int64_t number) {
    const std::int64_t group = number / tiles.pieces, piece = number % tiles.pieces;
    first_image = group * tiles.images;
    images = std::min(tiles.images, s.batch - first_image);
    from = piece * tiles.positions;
    to = std::min(from + tiles.positions, s.positions());
  }
  std::int64_t width() const { return to - from; }
  std::int64_t columns() const { return images * width(); }
};

// Patches are the pixels themselves.
bool is_pointwise(const ConvShape& s) {
  constexpr ConvShape::Three one{1, 1, 1}, none{0, 0, 0};
  return s.taps() == 1 && s.stride == one && s.padding == none;
}

// One group of a convolution: where its channels are, and its parts as matrices.
template <typename T>
struct Group {
  const ConvShape& s;
  std::int64_t channels, outputs, rows;
  std::int64_t number;

  Group(const ConvShape& shape, std::int64_t g)
      : s(shape),
        channels(shape.channels / shape.groups),
        outputs(shape.out_channels / shape.groups),
        rows(channels * shape.taps()),
        number(g) {}
  template <typename P>
  P* image(P* all, std::int64_t n) const {
    return all + (n * s.channels + number * channels) * s.pixels();
  }
  template <typename P>
  P* out(P* all, std::int64_t n) const {
    return all + (n * s.out_channels + number * outputs) * s.positions();
  }
  template <typename P>
  Matrix<P> weight(P* all) const {
    return {all + number * outputs * rows, outputs, rows, rows, 1};
  }
  // The columns of a tile; `room` is used where they have to be made.
  Matrix<const T> columns(const T* all, const Tile& tile, std::vector<T>& room) const {
    if (is_pointwise(s) && tile.images == 1) {
      return {image(all, tile.first_image) + tile.from, rows, tile.width(), s.pixels(), 1};
    }
    const std::int64_t width = tile.columns();
    room.resize(static_cast<std::size_t>(rows * width));
    const std::int64_t grain =
        std::max<std::int64_t>(1, kBlockElements / std::max<std::int64_t>(1, width));
    parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t k = 0; k < tile.images; ++k) {
        to_columns(room.data() + begin * width + k * tile.width(), width,
                   image(all, tile.first_image + k), s, begin, end, tile.from, tile.to);
      }
    });
    return {room.data(), rows, width, width, 1};
  }
  // The outputs of a tile as a matrix [outputs, columns]; a copy in `room` for several images.
  Matrix<const T> outputs_of(const T* all, const Tile& tile, std::vector<T>& room) const {
    if (tile.images == 1) {
      return {out(all, tile.first_image) + tile.from, outputs, tile.width(), s.positions(), 1};
    }
    const std::int64_t width = tile.columns();
    room.resize(static_cast<std::size_t>(outputs * width));
    for (std::int64_t k = 0; k < tile.images; ++k) {
      const T* from = out(all, tile.first_image + k);
      for (std::int64_t o = 0; o < outputs; ++o) {
        std::copy_n(from + o * s.positions(), tile.width(),
                    room.data() + o * width + k * tile.width());
      }
    }
    return {room.data(), outputs, width, width, 1};
  }
};

template <typename T>
bool all_finite(const T* values, std::int64_t n) {
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr Bits exponent = std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  Bits found = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    found |= Bits((std::bit_cast<Bits>(values[i]) & exponent) == exponent);
  }
  return found == 0;
}

template <typename T>
void fill_rows(T* to, std::int64_t rows, std::int64_t width, std::int64_t apart, const T* values) {
  for (std::int64_t r = 0; r < rows; ++r) {
    std::fill_n(to + r * apart, width, values ? values[r] : T{0});
  }
}

template <typename T>
void conv_tile(const Group<T>& group, const Tile& tile, T* out, const T* image, const T* weight,
               const T* bias, DType dtype, std::vector<T>& room, std::vector<T>& room_out) {
  const ConvShape& s = group.s;
  const Matrix<const T> columns = group.columns(image, tile, room);
  const T* shift = bias ? bias + group.number * group.outputs : nullptr;
  if (tile.images == 1) {
    T* const to = group.out(out, tile.first_image) + tile.from;
    if (shift) fill_rows(to, group.outputs, tile.width(), s.positions(), shift);
    const Matrix<T> result{to, group.outputs, tile.width(), s.positions(), 1};
    return multiply<T>(result, group.weight(weight), columns, dtype, shift != nullptr);
  }
  const std::int64_t width = tile.columns();
  room_out.resize(static_cast<std::size_t>(group.outputs * width));
  if (shift) fill_rows(room_out.data(), group.outputs, width, width, shift);
  multiply<T>({room_out.data(), group.outputs, width, width, 1}, group.weight(weight), columns,
              dtype, shift != nullptr);
  for (std::int64_t k = 0; k < tile.images; ++k) {
    T* const to = group.out(out, tile.first_image + k);
    for (std::int64_t o = 0; o < group.outputs; ++o) {
      std::copy_n(room_out.data() + o * width + k * tile.width(), tile.width(),
                  to + o * s.positions());
    }
  }
}

template <typename T>
void conv_of(T* out, const T* image, const T* weight, const T* bias, const ConvShape& s,
             DType dtype) {
  if constexpr (std::is_floating_point_v<T>) {
    if (has_few_positions(s)) return conv_few(out, image, weight, bias, s);
    if (slides(s)) return slide(out, image, weight, bias, s);
  }
  const Tiles tiles(s);
  parallel_for(tiles.count() * s.groups, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<T> room, room_out;
    for (std::int64_t i = begin; i < end; ++i) {
      const Group<T> group(s, i % s.groups);
      conv_tile(group, Tile(tiles, s, i / s.groups), out, image, weight, bias, dtype, room,
                room_out);
    }
  });
}

// The pixels of one group of images, whose tiles overlap: one after the other.
template <typename T>
void conv_input_of(T* image, const T* out, const T* weight, const T* bias, const ConvShape& s,
                   DType dtype) {
  if constexpr (std::is_floating_point_v<T>) {
    const std::int64_t weights = s.out_channels * (s.channels / s.groups) * s.taps();
    if (has_few_positions(s)) return conv_input_few(image, out, weight, bias, s);
    // Zeros between the gradients meet all weights: those are to be finite, as they are if what
    // comes out is.
    const std::int64_t pixels = s.batch * s.channels * s.pixels();
    if (slides_back(s) && (pixels < weights || all_finite(weight, weights))) {
      slide_back(image, out, weight, bias, s);
      if (pixels >= weights || all_finite(image, pixels) || all_finite(weight, weights)) return;
    }
  }
  const Tiles tiles(s);
  parallel_for(tiles.groups_of_images * s.groups, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<T> room, room_out;
    for (std::int64_t i = begin; i < end; ++i) {
      const Group<T> group(s, i % s.groups);
      for (std::int64_t piece = 0; piece < tiles.pieces; ++piece) {
        const Tile tile(tiles, s, i / s.groups * tiles.pieces + piece);
        for (std::int64_t k = 0; k < tile.images && piece == 0; ++k) {
          fill_rows(group.image(image, tile.first_image + k), group.channels, s.pixels(),
                    s.pixels(), bias ? bias + group.number * group.channels : nullptr);
        }
        const Matrix<const T> outputs = group.outputs_of(out, tile, room_out);
        const Matrix<const T> across = group.weight(weight).transposed();
        if (is_pointwise(s) && tile.images == 1) {
          T* const to = group.image(image, tile.first_image) + tile.from;
          multiply<T>({to, group.rows, tile.width(), s.pixels(), 1}, across, outputs, dtype, true);
          continue;
        }
        const std::int64_t width = tile.columns();
        room.resize(static_cast<std::size_t>(group.rows * width));
        multiply<T>({room.data(), group.rows, width, width, 1}, across, outputs, dtype, false);
        for (std::int64_t k = 0; k < tile.images; ++k) {
          add_columns(group.image(image, tile.first_image + k), room.data() + k * tile.width(),
                      width, s, group.channels, tile.from, tile.to);
        }
      }
    }
  });
}

// With fewer positions of an image, the sums over them are the smaller part of a product.
constexpr std::int64_t kFewestPixels = 64;

// The patches are the pixels: one product for each image, all summed up.
template <typename T>
void conv_weight_pointwise(T* weight, const T* image, const T* out, const ConvShape& s,
                           DType dtype) {
  const Group<T> all(s, 0);
  for (std::int64_t n = 0; n < s.batch; ++n) {
    const std::int64_t pixels = s.pixels();
    multiply<T>(all.weight(weight), {all.out(out, n), s.out_channels, pixels, pixels, 1},
                {all.image(image, n), pixels, s.channels, 1, pixels}, dtype, n > 0);
  }
}

template <typename T>
void conv_weight_of(T* weight, const T* image, const T* out, const ConvShape& s, DType dtype) {
  if constexpr (std::is_floating_point_v<T>) {
    if (has_few_products(s)) return conv_weight_few(weight, image, out, s);
    if (is_pointwise(s) && s.groups == 1 && s.batch > 0 && s.pixels() >= kFewestPixels) {
      return conv_weight_pointwise(weight, image, out, s, dtype);
    }
    if (slides_for_weight(s)) {  // as above, for the pixels
      slide_for_weight(weight, image, out, s);
      const std::int64_t weights = s.out_channels * (s.channels / s.groups) * s.taps();
      if (all_finite(weight, weights) || all_finite(image, s.batch * s.channels * s.pixels())) {
        return;
      }
    }
  }
  const Tiles tiles(s);
  const std::int64_t count = s.batch == 0 || s.positions() == 0 ? 0 : tiles.count();
  parallel_for(s.groups, 1, [&](std::int64_t begin, std::int64_t end) {
    std::vector<T> room, room_out;
    for (std::int64_t g = begin; g < end; ++g) {
      const Group<T> group(s, g);
      const Matrix<T> to = group.weight(weight);
      std::fill_n(to.data, group.outputs * group.rows, T{0});
      for (std::int64_t i = 0; i < count; ++i) {
        const Tile tile(tiles, s, i);
        const Matrix<const T> outputs = group.outputs_of(out, tile, room_out);
        const Matrix<const T> columns = group.columns(image, tile, room);
        multiply<T>(to, outputs, columns.transposed(), dtype, true);
      }
    }
  });
}

// Products exist of these; others are refused before.
template <typename Body>
void visit_numbers(DType dtype, Body&& body) {
  visit_or_complex(dtype, [&]<typename T>() {
    if constexpr (std::is_same_v<T, bool>) {
      report_no_kernel(dtype);
    } else {
      body.template operator()<T>();
    }
  });
}

template <typename T>
T* data(const View& v) {
  return reinterpret_cast<T*>(v.data);
}

}  // namespace

void conv(const View& out, const View& image, const View& weight, const View& bias,
          const ConvShape& shape) {
  visit_numbers(out.dtype, [&]<typename T>() {
    conv_of<T>(data<T>(out), data<T>(image), data<T>(weight), data<T>(bias), shape, out.dtype);
  });
}

void conv_input(const View& image, const View& out, const View& weight, const View& bias,
                const ConvShape& shape) {
  visit_numbers(image.dtype, [&]<typename T>() {
    conv_input_of<T>(data<T>(image), data<T>(out), data<T>(weight), data<T>(bias), shape,
                     image.dtype);
  });
}

void conv_weight(const View& weight, const View& image, const View& out, const ConvShape& shape) {
  visit_numbers(weight.dtype, [&]<typename T>() {
    conv_weight_of<T>(data<T>(weight), data<T>(image), data<T>(out), shape, weight.dtype);
  });
}

void image_to_columns(const View& columns, const View& image, const ConvShape& s) {
  const std::int64_t rows = s.channels * s.taps();
  visit_or_complex(columns.dtype, [&]<typename T>() {
    parallel_for(s.batch, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        to_columns(data<T>(columns) + n * rows * s.positions(), s.positions(),
                   data<T>(image) + n * s.channels * s.pixels(), s, 0, rows, 0, s.positions());
      }
    });
  });
}

void columns_to_image(const View& image, const View& columns, const ConvShape& s) {
  const std::int64_t rows = s.channels * s.taps();
  visit_or_complex(columns.dtype, [&]<typename T>() {
    parallel_for(s.batch, 1, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t n = begin; n < end; ++n) {
        T* const to = data<T>(image) + n * s.channels * s.pixels();
        std::fill_n(to, s.channels * s.pixels(), T{0});
        add_columns(to, data<T>(columns) + n * rows * s.positions(), s.positions(), s, s.channels,
                    0, s.positions());
      }
    });
  });
}

}  // namespace pullback::kernels
