#include "train/config/model.h"

#include "train/config/option_kinds.h"

namespace drift {

using namespace options;

std::vector<Option> model_options() {
  const auto kShape = {Scope::kEval, Scope::kDescribe, Scope::kPlans};
  std::vector<Option> rows = section(
      "Model",
      {also_in({Scope::kEval},
               text(row("model", "NAME", "network; `drift describe` lists them"), DRIFT_FIELD(model.name))),
       also_in(kShape, choice(row("norm", "", "normalisation of CIFAR ResNets: batch (with ReLU) or group (with SiLU)"),
                              {{"batch", "batch"}, {"group", "group"}}, DRIFT_FIELD(model.norm))),
       also_in(kShape, number(row("groups", "N", "groups of --norm group"), at_least(1), DRIFT_FIELD(model.groups))),
       also_in(kShape, number(row("classes", "N", "outputs; cifar100 implies 100"), {.min = 2, .max = 1 << 20},
                              DRIFT_FIELD(model.classes))),
       also_in(kShape,
               on_off(row("resnet-v1", "", "bottlenecks of resnet50 and deeper: stride in the 1x1, not the 3x3"),
                      DRIFT_FIELD(model.resnet_v1))),
       on_off(row("zero-init-residual", "", "torchvision's ResNets: the last gamma of each block starts at 0"),
              DRIFT_FIELD(model.zero_init_residual))});
  for (Option& row : rows) row.on_resume = OnResume::kOfStates;
  return rows;
}

}  // namespace drift
