#include "train/checkpoint/torch_file.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/pickle.h"
#include "core/text.h"
#include "train/checkpoint/zip_archive.h"

namespace drift {
namespace {

constexpr std::string_view kOrderedDict = "collections.OrderedDict";
constexpr std::string_view kTensor = "torch._utils._rebuild_tensor_v2";
constexpr std::string_view kParameter = "torch._utils._rebuild_parameter";

struct StorageType {
  std::string_view global, dtype;
};
constexpr std::array kStorageTypes = std::to_array<StorageType>({{"torch.FloatStorage", "F32"},
                                                                 {"torch.HalfStorage", "F16"},
                                                                 {"torch.BFloat16Storage", "BF16"},
                                                                 {"torch.DoubleStorage", "F64"},
                                                                 {"torch.LongStorage", "I64"},
                                                                 {"torch.IntStorage", "I32"},
                                                                 {"torch.ShortStorage", "I16"},
                                                                 {"torch.CharStorage", "I8"},
                                                                 {"torch.ByteStorage", "U8"},
                                                                 {"torch.BoolStorage", "BOOL"}});

// Below which of these keys programs put the state dict.
constexpr std::string_view kStateDictKeys[] = {"state_dict", "model"};

constexpr std::uint64_t kMaxPickleBytes = 64 << 20;
constexpr std::size_t kMaxAxes = 64;  // PyTorch's own bound
// Tensors may share storages, and files are small: so much more than the file all of them may take.
constexpr std::uint64_t kMaxSharing = 8;

constexpr std::string_view kAdvice =
    "Load the file with PyTorch where it came from, and save the tensors alone: torch.save(model.state_dict(), ...) or "
    "torch.save(checkpoint['state_dict'], ...)";

std::vector<std::string_view> globals() {
  std::vector<std::string_view> names{kOrderedDict, kTensor, kParameter};
  for (const StorageType& type : kStorageTypes) names.push_back(type.global);
  return names;
}

bool is_dict(const PickleValue& value) {
  return value.is(PickleKind::kDict) || (value.is_call_of(kOrderedDict) && value.arguments().size() == 0);
}

bool is_tensor(const PickleValue& value) {
  return value.is_call_of(kTensor) || value.is_call_of(kParameter);
}

// "'epoch' is an integer"
std::string described(const PickleValue& key, const PickleValue& value) {
  constexpr std::size_t kShown = 200;
  const std::string name =
      key.is(PickleKind::kText) ? fmt::format("'{}'", key.string().substr(0, kShown)) : std::string("a key");
  return fmt::format("{} is {}", name, is_dict(value) ? name_of(PickleKind::kDict) : name_of(value.kind()));
}

// From the first element to the last, in elements; nothing where 64 bits do not hold that, or their number.
std::optional<std::uint64_t> length_of(const TensorEntry& entry) {
  if (std::ranges::find(entry.shape, 0) != entry.shape.end()) return 0;
  std::uint64_t length = 1, count = 1;
  bool overflow = false;
  for (std::size_t axis = 0; axis < entry.shape.size(); ++axis) {
    const auto extent = static_cast<std::uint64_t>(entry.shape[axis]);
    std::uint64_t reach = 0;
    overflow |= __builtin_mul_overflow(count, extent, &count);
    overflow |= __builtin_mul_overflow(extent - 1, static_cast<std::uint64_t>(entry.strides[axis]), &reach);
    overflow |= __builtin_add_overflow(length, reach, &length);
  }
  return overflow ? std::nullopt : std::optional(length);
}

// Makes entries of the tensors in a pickle, and reads the storages that they need.
class TorchReader {
 public:
  TorchReader(std::string file, const ZipArchive& archive, std::string folder)
      : file_(std::move(file)), archive_(archive), folder_(std::move(folder)) {}

  void read(const PickleValue& root);

  std::vector<TensorEntry> entries;
  TensorFile::Memory memory;
  std::map<std::string, std::string> metadata;

 private:
  PickleValue state_dict(PickleValue value) const;
  void check_tensors(const PickleValue& dict) const;
  void read_metadata(const PickleValue& attributes);
  TensorEntry tensor(const std::string& name, const PickleValue& value);
  std::vector<std::int64_t> integers(const std::string& where, const PickleValue& tuple) const;
  // The bytes of what is so called, and the type of its elements.
  std::pair<std::span<const std::byte>, std::string_view> storage(const std::string& where, const PickleValue& value);

  std::string file_;
  const ZipArchive& archive_;
  std::string folder_;
  std::map<std::string, std::size_t, std::less<>> storages_;  // where in memory
  std::uint64_t tensor_bytes_ = 0;
};

void TorchReader::read(const PickleValue& root) {
  const PickleValue dict = state_dict(root);
  check_tensors(dict);
  std::unordered_set<std::string_view> names;
  for (std::size_t i = 0; i < dict.entries(); ++i) {
    const std::string name(dict.key(i).string());
    DRIFT_CHECK(kCheckpoint, names.insert(dict.key(i).string()).second, "{}: tensor '{}' appears twice", file_, name);
    entries.push_back(tensor(name, dict.value(i)));
  }
  if (dict.is(PickleKind::kCall) && dict.state() && dict.state()->is(PickleKind::kDict)) read_metadata(*dict.state());
}

void TorchReader::check_tensors(const PickleValue& dict) const {
  constexpr std::size_t kShown = 20;
  std::vector<std::string> others;
  for (std::size_t i = 0; i < dict.entries() && others.size() < kShown; ++i) {
    const bool sound = dict.key(i).is(PickleKind::kText) && is_tensor(dict.value(i));
    if (!sound) others.push_back(described(dict.key(i), dict.value(i)));
  }
  DRIFT_CHECK(kCheckpoint, others.empty(),
              "{}: no state dict: expected tensors by name, or those below 'state_dict' or 'model'; {}. {}", file_,
              joined(others), kAdvice);
}

// Texts may be shared in a pickle, so their sum is bounded, too.
void TorchReader::read_metadata(const PickleValue& attributes) {
  std::size_t bytes_left = 1 << 16;
  for (std::size_t i = 0; i < attributes.entries(); ++i) {
    const PickleValue key = attributes.key(i), value = attributes.value(i);
    if (!key.is(PickleKind::kText) || !value.is(PickleKind::kText)) continue;
    const std::size_t bytes = key.string().size() + value.string().size();
    DRIFT_CHECK(kCheckpoint, bytes <= bytes_left, "{}: long texts among the attributes of the state dict", file_);
    bytes_left -= bytes;
    metadata[std::string(key.string())] = value.string();
  }
}

PickleValue TorchReader::state_dict(PickleValue value) const {
  while (is_dict(value)) {
    std::optional<PickleValue> inner;
    for (const std::string_view key : kStateDictKeys) {
      if (!inner) inner = value.find(key);
      if (inner && !is_dict(*inner)) inner.reset();
    }
    if (!inner) return value;
    value = *inner;
  }
  DRIFT_FAIL(kCheckpoint, "{}: holds {}, not a state dict. {}", file_, name_of(value.kind()), kAdvice);
}

TensorEntry TorchReader::tensor(const std::string& name, const PickleValue& value) {
  const std::string where = fmt::format("{}: tensor '{}'", file_, name);
  if (value.is_call_of(kParameter)) {
    const PickleValue arguments = value.arguments();
    DRIFT_CHECK(kCheckpoint, arguments.size() > 0 && arguments[0].is_call_of(kTensor), "{}: a parameter of no tensor",
                where);
    return tensor(name, arguments[0]);
  }
  // (storage, offset, shape, strides, requires_grad, hooks[, what conjugates or negates it])
  const PickleValue arguments = value.arguments();
  DRIFT_CHECK(kCheckpoint, arguments.size() == 6 && arguments[1].is(PickleKind::kInteger),
              "{}: expected storage, offset, shape, strides and two more; it has {} arguments", where,
              arguments.size());
  const auto [bytes, dtype] = storage(where, arguments[0]);
  TensorEntry entry{.name = name, .dtype = std::string(dtype)};
  entry.shape = integers(where, arguments[2]);
  entry.strides = integers(where, arguments[3]);
  const std::int64_t offset = arguments[1].integer();
  DRIFT_CHECK(kCheckpoint, entry.shape.size() == entry.strides.size() && offset >= 0,
              "{}: {} axes with {} strides at offset {}", where, entry.shape.size(), entry.strides.size(), offset);
  const std::uint64_t element_bytes = *bytes_per_element(dtype);
  const std::optional<std::uint64_t> length = length_of(entry);
  const auto first = static_cast<std::uint64_t>(offset);
  const std::uint64_t available = bytes.size() / element_bytes;
  DRIFT_CHECK(kCheckpoint,
              length && first <= available && *length <= available - first && entry.elements() <= available,
              "{}: {} with strides {} at offset {} does not lie in its storage of {} elements", where,
              shape_text(entry.shape), shape_text(entry.strides), offset, available);
  entry.bytes = bytes.subspan(first * element_bytes, *length * element_bytes);
  tensor_bytes_ += entry.elements() * element_bytes;
  DRIFT_CHECK(kCheckpoint, tensor_bytes_ <= kMaxSharing * archive_.file_bytes(),
              "{}: tensors that share storages have over {} times the {} bytes of the file", where, kMaxSharing,
              archive_.file_bytes());
  return entry;
}

std::vector<std::int64_t> TorchReader::integers(const std::string& where, const PickleValue& tuple) const {
  DRIFT_CHECK(kCheckpoint, tuple.is(PickleKind::kTuple), "{}: {} where a tuple of integers is expected", where,
              name_of(tuple.kind()));
  DRIFT_CHECK(kCheckpoint, tuple.size() <= kMaxAxes, "{}: {} axes, more than {}", where, tuple.size(), kMaxAxes);
  std::vector<std::int64_t> result;
  for (std::size_t i = 0; i < tuple.size(); ++i) {
    DRIFT_CHECK(kCheckpoint, tuple[i].is(PickleKind::kInteger) && tuple[i].integer() >= 0,
                "{}: shape or strides hold what is no integer from 0 on", where);
    result.push_back(tuple[i].integer());
  }
  return result;
}

std::pair<std::span<const std::byte>, std::string_view> TorchReader::storage(const std::string& where,
                                                                             const PickleValue& value) {
  DRIFT_CHECK(kCheckpoint, value.is(PickleKind::kPersistent) && value.id().is(PickleKind::kTuple),
              "{}: {} where a storage is expected", where, name_of(value.kind()));
  // ('storage', type, key, location, elements)
  const PickleValue id = value.id();
  const bool sound = id.size() == 5 && id[1].is(PickleKind::kGlobal) && id[2].is(PickleKind::kText) &&
                     id[4].is(PickleKind::kInteger) && id[4].integer() >= 0;
  const auto type = sound ? std::ranges::find(kStorageTypes, id[1].global(), &StorageType::global) : nullptr;
  DRIFT_CHECK(kCheckpoint, sound && type != kStorageTypes.end(), "{}: no storage with a type, a key and a size", where);
  const std::string_view key = id[2].string();
  const std::string name = fmt::format("{}/data/{}", folder_, key);
  const auto entry = archive_.entries().find(name);
  DRIFT_CHECK(kCheckpoint, entry != archive_.entries().end(), "{}: its storage '{}' is missing in the file", where,
              name);
  std::uint64_t expected = 0;
  const bool overflow =
      __builtin_mul_overflow(static_cast<std::uint64_t>(id[4].integer()), *bytes_per_element(type->dtype), &expected);
  DRIFT_CHECK(kCheckpoint, !overflow && expected == entry->second.bytes,
              "{}: its storage '{}' has {} bytes, not those of {} {}", where, name, entry->second.bytes,
              id[4].integer(), type->dtype);
  const auto [found, is_new] = storages_.emplace(key, memory.size());
  if (is_new) memory.push_back(archive_.read(name));
  return {memory[found->second], type->dtype};
}

// The folder that all entries lie in, which programs call differently.
std::string folder_of(const std::string& file, const ZipArchive& archive) {
  constexpr std::string_view kPickle = "/data.pkl";
  std::vector<std::string> folders;
  for (const auto& [name, entry] : archive.entries()) {
    if (name.ends_with(kPickle)) folders.push_back(name.substr(0, name.size() - kPickle.size()));
  }
  DRIFT_CHECK(kCheckpoint, folders.size() == 1, "{}: a zip archive, but not one of torch.save(): it has {} data.pkl",
              file, folders.size());
  DRIFT_CHECK(kCheckpoint, !archive.entries().contains(folders.front() + "/constants.pkl"),
              "{}: a program that torch.jit.save() wrote. {}", file, kAdvice);
  return folders.front();
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void check_byte_order(const std::string& file, const ZipArchive& archive, const std::string& folder) {
  const std::string name = folder + "/byteorder";
  const auto entry = archive.entries().find(name);
  if (entry == archive.entries().end()) return;  // as before PyTorch 2.1
  const bool little = entry->second.bytes == 6 && text_of(archive.read(name)) == "little";
  DRIFT_CHECK(kCheckpoint, little, "{}: its byte order is not little-endian. Save it with PyTorch on such a machine",
              file);
}

}  // namespace

bool begins_like_torch_file(std::string_view beginning) {
  return beginning.starts_with("PK");
}

bool begins_like_legacy_torch_file(std::string_view beginning) {
  // A pickle of torch.save()'s number; before PyTorch 0.1.10 a tar archive.
  constexpr std::string_view kNumber("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12);
  const auto has = [&](std::size_t at, std::string_view text) {
    return beginning.size() >= at + text.size() && beginning.substr(at, text.size()) == text;
  };
  return (has(0, "\x80") && has(2, kNumber)) || has(257, "ustar");
}

TensorFile read_torch_file(const std::filesystem::path& path) {
  const ZipArchive archive(path);
  const std::string file = path.string(), folder = folder_of(file, archive);
  check_byte_order(file, archive, folder);
  const std::string pickle_name = folder + "/data.pkl";
  const std::uint64_t pickle_bytes = archive.entries().find(pickle_name)->second.bytes;
  DRIFT_CHECK(kCheckpoint, pickle_bytes <= kMaxPickleBytes, "{}: its data.pkl has {} bytes, more than {}", file,
              pickle_bytes, kMaxPickleBytes);
  const std::string text = text_of(archive.read(pickle_name));
  const std::vector<std::string_view> allowed = globals();
  const Pickle pickle(text, {.file = file + ": data.pkl",
                             .kind = ErrorKind::kCheckpoint,
                             .globals = allowed,
                             .advice = std::string(kAdvice)});
  TorchReader reader(file, archive, folder);
  reader.read(pickle.root());
  return {path, std::move(reader.entries), std::move(reader.memory), std::move(reader.metadata)};
}

}  // namespace drift
