// Files of the python versions of CIFAR-10 and CIFAR-100: pickled dicts, as Python 2 wrote them, with the images as an
// array of NumPy and the labels as a list. Nothing that they name is called (core/pickle.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "data/cifar_layout.h"

namespace drift {

// Calls `add` with each image's label and its kCifarPixels bytes, red, green and blue planes, in their order; returns
// how many there are. Throws kData, naming the file (`place`) and what of it is not as it should be, before the first.
std::int64_t read_cifar_python(std::string_view bytes, const std::string& place, const CifarLayout& layout,
                               const std::function<void(std::int32_t label, const std::uint8_t* planes)>& add);

// The names in the file beside them, as many as there are.
std::vector<std::string> read_cifar_python_names(std::string_view bytes, const std::string& place,
                                                 const CifarLayout& layout);

}  // namespace drift
