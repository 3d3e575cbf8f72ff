// What CIFAR-10 and CIFAR-100 consist of in their official layouts (Krizhevsky 2009).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/dataset.h"

namespace drift {

constexpr std::int64_t kCifarSide = 32;
constexpr std::int64_t kCifarPlane = kCifarSide * kCifarSide;
constexpr std::int64_t kCifarPixels = 3 * kCifarPlane;

struct CifarFile {
  std::string name;
  std::int64_t official_records = 0;
};

struct CifarLabel {
  std::string name;
  int classes;
};

// The files of one of the forms that a set comes in.
struct CifarVersion {
  std::string folder;  // in the official archive
  std::vector<CifarFile> train;
  CifarFile test;
  std::string names_file;

  std::vector<CifarFile> files() const;  // train, then test
};

struct CifarLayout {
  std::string name, title;
  CifarVersion binary, python;
  std::vector<CifarLabel> labels;     // a byte each of a record of the binary version; the last one is the class
  std::string labels_key, names_key;  // of the classes, in dicts of the python version
  std::vector<std::string> class_names;
  Normalisation normalisation;

  std::int64_t label_bytes() const { return static_cast<std::int64_t>(labels.size()); }
  std::int64_t record_bytes() const { return label_bytes() + kCifarPixels; }
};

CifarLayout cifar10_layout();
CifarLayout cifar100_layout();

}  // namespace drift
