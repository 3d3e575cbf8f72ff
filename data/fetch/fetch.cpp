#include "data/fetch/fetch.h"

#include <system_error>

#include "core/atomic_file.h"
#include "core/check.h"
#include "core/file_errors.h"
#include "data/fetch/md5.h"
#include "data/fetch/unpack.h"

namespace drift {
namespace {

namespace fs = std::filesystem;

// Without "." and a slash at its end, so that it has a name, and something to lie beside.
fs::path named(const fs::path& directory) {
  const fs::path path = with_file_errors(ErrorKind::kUsage, [&] { return fs::absolute(directory).lexically_normal(); });
  const fs::path name = path.has_filename() ? path : path.parent_path();
  DRIFT_CHECK(kUsage, name.has_filename(), "{}: is no directory to be made", directory.string());
  return name;
}

void verify(const RemoteArchive& archive, const std::string& url, PartialFile& file) {
  const std::string md5 = md5_of_file(file.path());
  if (md5 == archive.md5) return;
  file.remove();
  DRIFT_FAIL(kData, "{}: MD5 is {}, and that of the archive of {} is {}: damaged on its way, or another file; removed",
             url, md5, archive.title, archive.md5);
}

}  // namespace

Fetched fetch(const RemoteArchive& archive, const fs::path& directory, const std::string& url,
              const DownloadOptions& options) {
  const fs::path place = named(directory);
  if (is_unpacked(archive, place)) return Fetched::kBefore;
  make_directories(place.parent_path());
  PartialFile file(place.parent_path() / (place.filename().string() + ".tar.gz"));
  if (is_unpacked(archive, place)) {  // by another process, which had the file
    file.remove();
    return Fetched::kBefore;
  }
  const Remote remote{.url = url.empty() ? archive.url : url, .bytes = archive.bytes};
  if (file.size() < remote.bytes) {
    options.message(
        fmt::format("{} from {}, {} of {} bytes are there", archive.title, remote.url, file.size(), remote.bytes));
  }
  download(remote, file, options);
  options.message(fmt::format("{} bytes are there: verifying and unpacking", remote.bytes));
  verify(archive, remote.url, file);
  unpack(file.path(), archive, place, options.stop);
  file.remove();
  return Fetched::kNow;
}

}  // namespace drift
