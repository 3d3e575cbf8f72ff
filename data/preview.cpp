#include "data/preview.h"

#include <algorithm>
#include <new>
#include <string>
#include <vector>

#include "core/check.h"
#include "core/checked_file.h"

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#include <stb_image_write.h>

namespace drift {
namespace {

constexpr int kSeparator = 2;
constexpr std::uint8_t kPaper = 255;

struct Picture {
  int height, width;
  std::vector<std::uint8_t> pixels;  // [height,width,3]

  Picture(int h, int w, std::uint8_t value)
      : height(h), width(w), pixels(static_cast<std::size_t>(h) * static_cast<std::size_t>(w) * 3, value) {}

  std::uint8_t* at(int y, int x) {
    return pixels.data() +
           (static_cast<std::size_t>(y) * static_cast<std::size_t>(width) + static_cast<std::size_t>(x)) * 3;
  }
};

Picture read_picture(const Dataset& dataset, std::int64_t index) {
  const Shape shape = dataset.image_shape();
  Picture picture(static_cast<int>(shape[0]), static_cast<int>(shape[1]), 0);
  dataset.read_image(index, picture.pixels);
  return picture;
}

Picture cropped(Picture source, Crop crop) {
  Picture result(source.height, source.width, 0);
  for (int y = 0; y < result.height; ++y) {
    for (int x = 0; x < result.width; ++x) {
      const int from_y = y + crop.dy - kCropPad;
      const int from_x = (crop.flip ? result.width - 1 - x : x) + crop.dx - kCropPad;
      if (from_y < 0 || from_y >= source.height || from_x < 0 || from_x >= source.width) continue;
      std::copy_n(source.at(from_y, from_x), 3, result.at(y, x));
    }
  }
  return result;
}

Picture read_augmented(const Dataset& dataset, std::int64_t index, Augmentation chosen, const Rng& rng) {
  Picture picture = read_picture(dataset, index);
  const Augmentation augmentation = augmentation_for(chosen, dataset);
  if (augmentation == Augmentation::kPadCropFlip) return cropped(std::move(picture), draw_crop(rng));
  if (augmentation == Augmentation::kResizedCropFlip) dataset.read_crop(index, rng, picture.pixels);
  return picture;
}

int scale_for(const Shape& image) {
  constexpr std::int64_t kSide = 96;
  return static_cast<int>(std::max<std::int64_t>(1, kSide / image[0]));
}

void paste_enlarged(Picture source, int scale, int top, int left, Picture& sheet) {
  for (int y = 0; y < source.height * scale; ++y) {
    for (int x = 0; x < source.width * scale; ++x) {
      std::copy_n(source.at(y / scale, x / scale), 3, sheet.at(top + y, left + x));
    }
  }
}

// rows[class]: the indices of its first images.
std::vector<std::vector<std::int64_t>> first_of_each_class(const Dataset& dataset, std::size_t rows,
                                                           std::size_t columns) {
  std::vector<std::vector<std::int64_t>> result(rows);
  for (std::int64_t index = 0; index < dataset.size(); ++index) {
    const auto label = static_cast<std::size_t>(dataset.label(index));
    if (label < rows && result[label].size() < columns) result[label].push_back(index);
  }
  return result;
}

// The library's own writer of files does not notice a full disk.
std::string png_of(const Picture& picture) {
  std::string png;
  const auto append = [](void* to, void* bytes, int size) {
    static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
  };
  const int encoded =
      stbi_write_png_to_func(append, &png, picture.width, picture.height, 3, picture.pixels.data(), picture.width * 3);
  if (encoded == 0) throw std::bad_alloc();
  return png;
}

}  // namespace

void write_preview(const Dataset& dataset, const std::filesystem::path& path, const PreviewOptions& options) {
  DRIFT_CHECK(kUsage, options.columns >= 1 && options.rows_max >= 1 && options.scale >= 0,
              "a preview needs at least 1 column and row, and a scale, got {}, {} and {}", options.columns,
              options.rows_max, options.scale);
  const int scale = options.scale > 0 ? options.scale : scale_for(dataset.image_shape());
  const int rows = std::min(options.rows_max, static_cast<int>(dataset.classes()));
  const int cell_height = static_cast<int>(dataset.image_shape()[0]) * scale + kSeparator;
  const int cell_width = static_cast<int>(dataset.image_shape()[1]) * scale + kSeparator;
  Picture sheet(rows * cell_height + kSeparator, options.columns * cell_width + kSeparator, kPaper);

  const auto images =
      first_of_each_class(dataset, static_cast<std::size_t>(rows), static_cast<std::size_t>(options.columns));
  for (int row = 0; row < rows; ++row) {
    const std::vector<std::int64_t>& of_class = images[static_cast<std::size_t>(row)];
    const int filled = options.augmented && !of_class.empty() ? options.columns : static_cast<int>(of_class.size());
    for (int column = 0; column < filled; ++column) {
      const std::int64_t index = of_class[options.augmented ? 0 : static_cast<std::size_t>(column)];
      paste_enlarged(options.augmented && column > 0 ? read_augmented(dataset, index, options.augmentation,
                                                                      augmentation_rng(options.seed, column - 1, index))
                                                     : read_picture(dataset, index),
                     scale, row * cell_height + kSeparator, column * cell_width + kSeparator, sheet);
    }
  }
  OutputFile file(path);
  file.write(png_of(sheet));
  file.finish();
}

}  // namespace drift
