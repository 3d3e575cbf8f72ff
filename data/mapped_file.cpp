#include "data/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/check.h"
#include "core/regular_file.h"

namespace drift {

MappedFile::MappedFile(const std::filesystem::path& path) {
  const OpenedFile file = open_regular_file(path, O_RDONLY);
  DRIFT_CHECK(kData, file, "{}: cannot be read: {}", path.string(), file.problem);
  void* const at =
      file.bytes == 0 ? MAP_FAILED : ::mmap(nullptr, file.bytes, PROT_READ, MAP_SHARED, file.descriptor, 0);
  const std::string reason = file.bytes == 0 ? "it is empty" : system_reason();
  ::close(file.descriptor);
  DRIFT_CHECK(kData, at != MAP_FAILED, "{}: cannot be mapped: {}", path.string(), reason);
  bytes_ = {static_cast<const std::byte*>(at), file.bytes};
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

}  // namespace drift
