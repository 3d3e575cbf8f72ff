// drift convert: weights from one program's format into another's.
#include <filesystem>

#include "apps/command.h"
#include "apps/command_line.h"
#include "apps/output.h"
#include "core/check.h"
#include "core/file_errors.h"
#include "train/checkpoint/weight_format.h"

namespace drift {

int run_convert(int argc, char** argv) {
  CommandLine command(
      std::nullopt, "drift convert",
      "Writes the weights in IN to OUT, in float32. IN is a safetensors file or a checkpoint of torch.save(),\n"
      "told apart by what they contain; its tensors lie in it as a state dict, or below 'state_dict' or 'model'.\n"
      "OUT is of the format that its name ends in: .safetensors, or .pt or .pth for torch.load(). Prefixes that\n"
      "PyTorch's wrappers put before names (module., _orig_mod.) and num_batches_tracked are left out; nothing\n"
      "that a checkpoint contains is executed.",
      {"drift convert resnet56.pt resnet56.safetensors",
       "drift convert runs/mine/ckpt/step-3000/model.safetensors mine.pt"});
  std::string in, out;
  bool force = false;
  command.add_required_value("IN", "", &in, "the weights");
  command.add_required_value("OUT", "", &out, "the file to write");
  command.add_switch("--force", force, "replace OUT where it is there");
  if (!command.parse(argc, argv)) return 0;

  check_weight_ending(out);
  const bool is_there = with_file_errors(ErrorKind::kOutput,
                                         [&] { return std::filesystem::exists(std::filesystem::symlink_status(out)); });
  DRIFT_CHECK(kUsage, force || !is_there, "{}: is there already: give --force to replace it, or another name", out);
  const Converted converted = write_converted(read_tensors(in), out);
  print("{}: {} tensors, {} elements\n", out, converted.tensors, converted.elements);
  return 0;
}

}  // namespace drift
