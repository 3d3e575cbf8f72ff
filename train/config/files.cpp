#include "train/config/files.h"

#include "train/config/option_kinds.h"

namespace drift {

using namespace options;

namespace {

bool is_file_name(std::string_view text) {
  return text.find('/') == std::string_view::npos;
}

}  // namespace

std::vector<Option> file_options() {
  return section(
      "Files",
      {also_in({Scope::kEval},
               on_resume(OnResume::kOfStates,
                         text(row("weights", "FILE", "start from these parameters: safetensors, or PyTorch's .pt"),
                              DRIFT_FIELD(files.weights)))),
       on_resume(OnResume::kSession,
                 text(row("out", "DIR", "the run directory; must be new or empty [runs/<date>-<time>-<name>]"),
                      DRIFT_FIELD(files.out))),
       free_on_resume(
           allowing("a name without '/'", text(row("name", "NAME", "end of that default [<model>-<algorithm>]"),
                                               DRIFT_FIELD(files.name), is_file_name))),
       free_on_resume(on_off(row("tensorboard", "", "write TensorBoard's event files, too: tb/ in the run directory"),
                             DRIFT_FIELD(files.tensorboard))),
       on_resume(
           OnResume::kSession,
           text(row("resume", "DIR", "continue this run, or one of its checkpoints; auto: start or continue --out"),
                DRIFT_FIELD(files.resume))),
       on_resume(OnResume::kSession,
                 text(row("change", "NAME,...", "with --resume: a branch, for which these options have other values"),
                      DRIFT_FIELD(files.change)))});
}

}  // namespace drift
