// What libjpeg's functions do where they cannot go on: they come back here, and an Error is thrown.
#pragma once

#include <csetjmp>
#include <cstddef>  // jpeglib.h needs more than it includes
#include <cstdio>
#include <jpeglib.h>

#include "core/check.h"

namespace drift {

class JpegErrors {
 public:
  JpegErrors() {
    jpeg_std_error(&manager_);
    manager_.error_exit = [](j_common_ptr info) { come_back(info); };
    manager_.output_message = [](j_common_ptr) {};  // warnings leave an image that Pillow takes too
  }
  JpegErrors(const JpegErrors&) = delete;
  JpegErrors& operator=(const JpegErrors&) = delete;

  jpeg_error_mgr* manager() { return &manager_; }

  // work: calls of libjpeg's functions alone, because they may end at any of them. Throws kData: "WHAT: why".
  template <class Work>
  void run(const char* what, const Work& work) {
    DRIFT_CHECK(kData, ends(work), "{}: {}", what, problem_);
  }

 private:
  template <class Work>
  [[gnu::noinline]] bool ends(const Work& work) {
    if (setjmp(back_) != 0) return false;
    work();
    return true;
  }
  [[noreturn]] static void come_back(j_common_ptr info) {
    auto* const errors = reinterpret_cast<JpegErrors*>(info->err);
    info->err->format_message(info, errors->problem_);
    std::longjmp(errors->back_, 1);
  }

  jpeg_error_mgr manager_;  // first: what points to it points to all of this
  std::jmp_buf back_;
  char problem_[JMSG_LENGTH_MAX] = "";
};

}  // namespace drift
