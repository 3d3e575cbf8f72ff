// The files of an image folder: train/ and val/, a folder per class in each, in the order of torchvision's ImageFolder.
// Classes are sorted by name; the images of a class are all files in its folder and in folders below it whose name ends
// like an image's, sorted by folder and then by name. Nothing is opened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace drift {

struct ImageFolderSplit {
  std::filesystem::path directory;
  std::vector<std::string> files;    // [N], below `directory`: "cat/7.jpg"
  std::vector<std::int32_t> labels;  // [N], in the order of the classes, so sorted
  std::int64_t ignored = 0;          // files in folders of classes that are not called like images
};

struct ImageFolder {
  std::vector<std::string> class_names;
  ImageFolderSplit train, val;
};

// Throws kData, naming up to three of what it means, if `directory` has no train/ or val/, one of them has no classes
// or has files beside them, a class has no image, the two have other classes, or a folder cannot be read or leads back
// to itself.
ImageFolder list_image_folder(const std::filesystem::path& directory);

}  // namespace drift
