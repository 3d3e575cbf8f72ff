// Pictures that tests draw: smooth, with edges and a little noise, so that JPEG does to them what it does to
// photographs; and folders of them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace drift::testing {

// [height,width,3]; another picture for each number.
std::vector<std::uint8_t> drawn_pixels(int width, int height, int number);
std::string png_of(int width, int height, const std::vector<std::uint8_t>& pixels);
// A picture as a file: "jpg" of quality 90, or "png".
std::string drawn_file(int width, int height, int number, std::string_view format);

// directory/train and directory/val with the classes "blue" and "red": `train` and `val` images in each, of sizes of
// their own from 20 to 70 pixels, every third a PNG file.
void draw_image_folder(const std::filesystem::path& directory, int train, int val);

}  // namespace drift::testing
