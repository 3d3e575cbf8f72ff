#include "data/gzip_file.h"

#include <algorithm>
#include <new>
#include <utility>
#include <zlib.h>

#include "core/check.h"

namespace drift {
namespace {

constexpr int kGzip = 16;  // asks zlib for a gzip header, and for its checksum at the end

unsigned char* bytes_of(std::byte* bytes) {
  return reinterpret_cast<unsigned char*>(bytes);
}

}  // namespace

void GzipFile::End::operator()(z_stream_s* stream) const {
  inflateEnd(stream);
  delete stream;
}

GzipFile::GzipFile(std::filesystem::path path) : file_(std::move(path), ErrorKind::kData), stream_(new z_stream_s{}) {
  if (inflateInit2(stream_.get(), MAX_WBITS + kGzip) != Z_OK) throw std::bad_alloc();
  constexpr std::array kMagic = {std::byte{0x1f}, std::byte{0x8b}};
  refill();
  DRIFT_CHECK(kData, stream_->avail_in >= kMagic.size() && std::equal(kMagic.begin(), kMagic.end(), input_.begin()),
              "{}: is no gzip file", file_.path().string());
}

std::uint64_t GzipFile::offset() const {
  return file_.size() - file_.remaining() - stream_->avail_in;
}

void GzipFile::refill() {
  const std::size_t count = std::min<std::size_t>(file_.remaining(), input_.size());
  file_.read(std::span(input_).first(count), "compressed bytes");
  stream_->next_in = bytes_of(input_.data());
  stream_->avail_in = static_cast<unsigned>(count);
}

bool GzipFile::was_last() {
  if (stream_->avail_in == 0) refill();
  if (stream_->avail_in == 0) return true;
  return inflateReset(stream_.get()) != Z_OK;
}

std::size_t GzipFile::read(std::span<std::byte> bytes) {
  stream_->next_out = bytes_of(bytes.data());
  stream_->avail_out = static_cast<unsigned>(bytes.size());
  while (stream_->avail_out > 0 && !ended_) {
    if (stream_->avail_in == 0) refill();
    DRIFT_CHECK(kData, stream_->avail_in > 0, "{}: truncated: ends at offset {} inside of what is compressed",
                file_.path().string(), offset());
    const int result = inflate(stream_.get(), Z_NO_FLUSH);
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    DRIFT_CHECK(kData, result == Z_OK || result == Z_STREAM_END, "{}: damaged before offset {}: {}",
                file_.path().string(), offset(), stream_->msg == nullptr ? "not compressed data" : stream_->msg);
    if (result == Z_STREAM_END) ended_ = was_last();
  }
  return bytes.size() - stream_->avail_out;
}

}  // namespace drift
