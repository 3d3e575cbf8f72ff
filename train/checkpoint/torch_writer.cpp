// The writing half of torch_file.h: the pickle that torch.load() makes an ordered dict of tensors of, and the archive
// around it.
#include <bit>
#include <fmt/format.h>
#include <limits>
#include <unordered_set>
#include <vector>

#include "core/check.h"
#include "core/pickle_opcodes.h"
#include "train/checkpoint/torch_file.h"
#include "train/checkpoint/zip_archive.h"

namespace drift {
namespace {

using namespace pickle_literals;

constexpr std::string_view kFolder = "archive";

// Opcodes of protocol 2, which torch.save() has.
class PickleText {
 public:
  void op(unsigned char code) { text_ += static_cast<char>(code); }
  void text(std::string_view text) {
    op("BINUNICODE"_op);
    little_endian(static_cast<std::uint32_t>(text.size()));
    text_ += text;
  }
  void integer(std::uint64_t value) {
    const bool small = value <= std::numeric_limits<std::int32_t>::max();
    op(small ? "BININT"_op : "LONG1"_op);
    if (small) return little_endian(static_cast<std::int32_t>(value));
    text_ += static_cast<char>(sizeof value);
    little_endian(value);
  }
  void integers(std::span<const std::int64_t> values) {
    op("MARK"_op);
    for (const std::int64_t value : values) integer(static_cast<std::uint64_t>(value));
    op("TUPLE"_op);
  }
  void global(std::string_view module, std::string_view name) {
    op("GLOBAL"_op);
    text_ += fmt::format("{}\n{}\n", module, name);
  }
  void empty_ordered_dict() {
    global("collections", "OrderedDict");
    op("EMPTY_TUPLE"_op);
    op("REDUCE"_op);
  }
  std::string_view bytes() const { return text_; }

 private:
  template <class T>
  void little_endian(T value) {
    static_assert(std::endian::native == std::endian::little);
    text_.append(reinterpret_cast<const char*>(&value), sizeof value);
  }

  std::string text_;
};

void put_tensor(PickleText& pickle, const NamedTensor& tensor, const std::string& key) {
  pickle.global("torch._utils", "_rebuild_tensor_v2");
  pickle.op("MARK"_op);
  pickle.op("MARK"_op);
  pickle.text("storage");
  pickle.global("torch", "FloatStorage");
  pickle.text(key);
  pickle.text("cpu");
  pickle.integer(tensor.values.size());
  pickle.op("TUPLE"_op);
  pickle.op("BINPERSID"_op);
  pickle.integer(0);  // where in the storage
  pickle.integers(tensor.shape);
  pickle.integers(dense_strides(tensor.shape));
  pickle.op("NEWFALSE"_op);     // requires_grad
  pickle.empty_ordered_dict();  // hooks
  pickle.op("TUPLE"_op);
  pickle.op("REDUCE"_op);
}

}  // namespace

void write_torch_file(OutputFile& file, std::span<const NamedTensor> tensors,
                      const std::map<std::string, std::string>& metadata) {
  PickleText pickle;
  pickle.op("PROTO"_op);
  pickle.op(2);
  pickle.empty_ordered_dict();
  pickle.op("MARK"_op);
  std::vector<ZipPart> parts(1);  // the pickle comes first, once it is done
  std::unordered_set<std::string_view> names;
  for (const NamedTensor& tensor : tensors) {
    DRIFT_ASSERT(names.insert(tensor.name).second, "tensor '{}' is written twice", tensor.name);
    const std::string key = std::to_string(parts.size() - 1);
    pickle.text(tensor.name);
    put_tensor(pickle, tensor, key);
    parts.push_back({fmt::format("{}/data/{}", kFolder, key), std::as_bytes(tensor.values)});
  }
  pickle.op("SETITEMS"_op);
  if (!metadata.empty()) {
    pickle.op("EMPTY_DICT"_op);
    pickle.op("MARK"_op);
    for (const auto& [name, text] : metadata) {
      pickle.text(name);
      pickle.text(text);
    }
    pickle.op("SETITEMS"_op);
    pickle.op("BUILD"_op);
  }
  pickle.op("STOP"_op);

  const auto part = [](std::string_view name, std::string_view text) {
    return ZipPart{fmt::format("{}/{}", kFolder, name), std::as_bytes(std::span(text))};
  };
  parts.front() = part("data.pkl", pickle.bytes());
  parts.insert(parts.begin() + 1, part("byteorder", "little"));
  parts.push_back(part("version", "3\n"));
  write_zip(file, parts);
}

}  // namespace drift
