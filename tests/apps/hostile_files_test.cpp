// Files that are not what they should be, from outside: something else than a file under a file's name, texts that nest
// without end, headers with very many entries. Each is answered, with the exit code of what was asked for, within a few
// seconds of CPU time.
#include <array>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "core/check.h"
#include "tests/apps/program.h"
#include "tests/support/file_damage.h"
#include "tests/support/temp_directory.h"
#include "train/checkpoint/meta.h"

namespace drift::testing {
namespace {

namespace fs = std::filesystem;

using Arguments = std::vector<std::string>;
using std::string_literals::operator""s;

Arguments small_run(const Arguments& more) {
  Arguments all = {"train", "-q",      "--model", "cifar-resnet8", "--threads", "1", "--bn-stats",
                   "local", "--steps", "2",       "--local-batch", "4"};
  all.insert(all.end(), more.begin(), more.end());
  return all;
}
Arguments on_shapes(const Arguments& more) {
  Arguments all = small_run({"--data", "shapes:16:8"});
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

// CIFAR-10 with ten records in each file.
void make_cifar(const fs::path& folder) {
  fs::create_directories(folder);
  for (const char* name : {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
                           "data_batch_5.bin", "test_batch.bin"}) {
    set_file_text(folder / name, std::string(10 * 3073, '\0'));
  }
  set_file_text(folder / "batches.meta.txt", "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\n");
}

// A file that a command reads.
struct Place {
  const char* file;  // below the directory of the test
  int exit_code;
  Arguments command;
};

const std::vector<Place>& places() {
  static const Arguments resume = {"train", "-q", "--threads", "1", "--resume", "run"};
  static const Arguments cifar = small_run({"--data", "cifar10:cifar"});
  static const std::vector<Place> all = {
      {"recipe.toml", 3, {"train", "--recipe", "recipe.toml"}},
      {"weights", 8, on_shapes({"--weights", "weights"})},
      {"weights", 8, {"eval", "--weights", "weights", "--model", "cifar-resnet8", "--data", "shapes:16:8"}},
      {"cifar/batches.meta.txt", 4, cifar},
      {"cifar/data_batch_2.bin", 4, cifar},
      {"cifar/test_batch.bin", 4, cifar},
      {"run/ckpt/step-2/meta.json", 8, resume},
      {"run/ckpt/step-2/worker-0.state", 8, resume},
      {"run/ckpt/step-2/model.safetensors", 8, resume},
      {"run/metrics.jsonl", 4, resume},
      {"run/cmd.txt", 8, resume}};
  return all;
}

struct Thing {
  const char* name;
  std::function<void(const fs::path&)> make;
};

const std::array<Thing, 4>& things() {
  static const std::array<Thing, 4> all = {
      {{"a pipe", [](const fs::path& path) { ASSERT_EQ(mkfifo(path.c_str(), 0600), 0); }},
       {"a directory", [](const fs::path& path) { fs::create_directory(path); }},
       {"a device", [](const fs::path& path) { fs::create_symlink("/dev/zero", path); }},
       {"links in a circle", [](const fs::path& path) { fs::create_symlink(path.filename(), path); }}}};
  return all;
}

class HostileFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    make_cifar(directory_ / "cifar");
    set_file_text(directory_ / "recipe.toml", "steps = 1\n");
    ASSERT_EQ(in_directory(on_shapes({"--out", "run"})).exit_code, 0);
    fs::copy_file(directory_ / "run/ckpt/step-2/model.safetensors", directory_ / "weights");
  }
  Outcome in_directory(const Arguments& arguments) const {
    return run_drift_within({.cpu_seconds = 5, .address_space = rlim_t{4} << 30, .directory = directory_.path()},
                            arguments);
  }
  void expect(int exit_code, const std::string& part, const Arguments& command) const {
    const Outcome outcome = in_directory(command);
    EXPECT_EQ(outcome.exit_code, exit_code) << outcome.err.substr(0, 2000);
    EXPECT_NE(outcome.err.find(part), std::string::npos) << "'" << part << "' is not in: " << outcome.err;
  }

  TempDirectory directory_;
};

TEST_F(HostileFiles, WhatIsNoFileIsRefusedByNameWhereverAFileIsExpected) {
  for (const Place& place : places()) {
    const fs::path path = directory_ / place.file;
    for (const Thing& thing : things()) {
      SCOPED_TRACE(fmt::format("{} as {}", thing.name, place.file));
      fs::rename(path.string(), path.string() + ".kept");
      thing.make(path);
      expect(place.exit_code, path.filename(), place.command);
      fs::remove(path);
      fs::rename(path.string() + ".kept", path.string());
    }
  }
}

std::string repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST_F(HostileFiles, RecipesThatNestOrAreNoTextAreRefusedBeforeTheyAreParsed) {
  const std::string open = repeated("[", 100'000), keys = repeated(".a", 100'000);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {fmt::format("a{} = 1\n", keys), "tables"},
      {fmt::format("[a{}]\n", keys), "tables"},
      {"[[a]]\n", "tables"},
      {"lr = { a = 1 }\n", "tables"},
      {"period = " + open + repeated("]", 100'000) + "\n", "nests"},
      {"period = " + open, "nests"},
      {"model = \"res\0net\"\n"s, "text"},
      {"model = \"\xff\"\n", "text"},
      {" [\n", "tables"},
      {" [\0\0Mod\n"s, "text"},
      {"steps = 1\n = 2\n", ":2"},
      {"steps", ":1"},
      {"\"steps\" = 1", "key"},
      {std::string(2 << 20, ' '), "bytes"}};
  for (const auto& [text, part] : cases) {
    SCOPED_TRACE(text.substr(0, 100));
    set_file_text(directory_ / "recipe.toml", text);
    expect(3, part, {"train", "--recipe", "recipe.toml"});
  }
}

TEST_F(HostileFiles, AStoredConfigThatNestsIsRefused) {
  const fs::path meta = directory_ / "run/ckpt/step-2/meta.json";
  CheckpointContents contents = parse_checkpoint_meta(meta, file_text(meta));
  contents.meta.config_toml = fmt::format("a{} = 1\n", repeated(".a", 100'000));
  set_file_text(meta, checkpoint_meta_text(contents));
  expect(3, "tables", {"train", "--resume", "run"});
}

TEST_F(HostileFiles, JsonThatNestsIsRefused) {
  const std::string deep = repeated("[", 100'000), closed = deep + repeated("]", 100'000);
  for (const std::string& value : {deep, closed, repeated("{\"a\":", 100'000)}) {
    SCOPED_TRACE(value.substr(0, 20));
    std::string length(8, '\0');
    const std::string header = "{\"a\":" + value + "}";
    for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i) & 0xff);
    set_file_text(directory_ / "weights", length + header);
    expect(8, "deeper", on_shapes({"--weights", "weights"}));
    const fs::path meta = directory_ / "run/ckpt/step-2/meta.json";
    const std::string sound = file_text(meta);
    set_file_text(meta, value);
    expect(8, "deeper", {"train", "--resume", "run"});
    set_file_text(meta, sound);
    set_file_text(directory_ / "run/metrics.jsonl", "{\"kind\":" + value + "}\n");
    expect(4, "deeper", {"train", "--resume", "run"});
  }
}

TEST_F(HostileFiles, RecordsThatAreNotOnesOfARunAreRefused) {
  for (const char* line :
       {"{}", "{\"kind\":3}", "{\"kind\":\"step\"}", "{\"kind\":\"step\",\"step\":\"1\"}",
        "{\"kind\":\"eval\",\"step\":1}", "{\"kind\":\"eval\",\"step\":1,\"top1\":0.5,\"t_eval\":1}"}) {
    SCOPED_TRACE(line);
    set_file_text(directory_ / "run/metrics.jsonl", std::string(line) + "\n");
    expect(4, "metrics.jsonl", {"train", "--resume", "run"});
  }
  set_file_text(directory_ / "run/metrics.jsonl", std::string(8 << 20, ' '));
  expect(4, "metrics.jsonl", {"train", "--resume", "run"});
}

// Each lookup in a list of them would make it quadratic: minutes.
TEST_F(HostileFiles, AHeaderOfVeryManyEntriesIsReadInNoTime) {
  std::string header = "{";
  for (int i = 0; i < 400'000; ++i) {
    header += fmt::format("{}\"t{}\":{{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", i == 0 ? "" : ",", i);
  }
  header += "}";
  std::string length(8, '\0');
  for (std::size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(header.size() >> (8 * i) & 0xff);
  set_file_text(directory_ / "weights", length + header);
  expect(8, "unknown t", on_shapes({"--weights", "weights"}));
}

TEST_F(HostileFiles, AHugeFileIsNotReadIntoMemoryWhereASmallOneIsExpected) {
  for (const auto& [file, exit_code, command] :
       {Place{"recipe.toml", 3, {"train", "--recipe", "recipe.toml"}},
        Place{"run/ckpt/step-2/meta.json", 8, {"train", "--resume", "run"}},
        Place{"cifar/batches.meta.txt", 4, small_run({"--data", "cifar10:cifar"})}}) {
    SCOPED_TRACE(file);
    set_file_text(directory_ / file, "");
    fs::resize_file(directory_ / file, std::uintmax_t{1} << 40);
    expect(exit_code, "bytes", command);
  }
}

}  // namespace
}  // namespace drift::testing
