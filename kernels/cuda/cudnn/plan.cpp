#include "kernels/cuda/cudnn/plan.h"

#include <algorithm>
#include <chrono>
#include <mutex>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "core/json_depth.h"
#include "core/regular_file.h"
#include "kernels/cuda/cudnn/frontend_graph.h"
#include "kernels/cuda/cudnn/split_sum.h"

namespace drift {
namespace {

namespace fe = cudnn_frontend;
using fe::NumericalNote_t;

const char* name_of(fe::NumericalNote_t note) {
  switch (note) {
    case NumericalNote_t::TENSOR_CORE:
      return "TENSOR_CORE";
    case NumericalNote_t::DOWN_CONVERT_INPUTS:
      return "DOWN_CONVERT_INPUTS";
    case NumericalNote_t::REDUCED_PRECISION_REDUCTION:
      return "REDUCED_PRECISION_REDUCTION";
    case NumericalNote_t::FFT:
      return "FFT";
    case NumericalNote_t::NONDETERMINISTIC:
      return "NONDETERMINISTIC";
    case NumericalNote_t::WINOGRAD:
      return "WINOGRAD";
    case NumericalNote_t::WINOGRAD_TILE_4x4:
      return "WINOGRAD_TILE_4x4";
    case NumericalNote_t::WINOGRAD_TILE_6x6:
      return "WINOGRAD_TILE_6x6";
    case NumericalNote_t::WINOGRAD_TILE_13x13:
      return "WINOGRAD_TILE_13x13";
    case NumericalNote_t::STRICT_NAN_PROP:
      return "STRICT_NAN_PROP";
    case NumericalNote_t::NOT_SET:
      break;
  }
  return "";
}

const char* name_of(fe::BehaviorNote_t note) {
  switch (note) {
    case fe::BehaviorNote_t::RUNTIME_COMPILATION:
      return "RUNTIME_COMPILATION";
    case fe::BehaviorNote_t::SUPPORTS_CUDA_GRAPH_NATIVE_API:
      return "SUPPORTS_CUDA_GRAPH_NATIVE_API";
    case fe::BehaviorNote_t::CUBLASLT_DEPENDENCY:
      return "CUBLASLT_DEPENDENCY";
    default:  // of int8 only
      return "";
  }
}

// The kernel of cuDNN's splitting engine with the smallest tiles: what its heuristics advise first for results of this
// size on Ampere (cuDNN 9.11 to 9.19), the one architecture for which they name the engine.
constexpr std::int64_t kSplitKernel = 11;

// cudnn-frontend filters by the notes of its engines but does not show them.
class OpenGraph : public fe::graph::Graph {
 public:
  std::vector<std::string> engines() const {
    std::vector<std::string> names(static_cast<std::size_t>(get_execution_plan_count()));
    for (std::size_t i = 0; i < names.size(); ++i) (void)get_plan_name_at_index(static_cast<std::int64_t>(i), names[i]);
    return names;
  }

  std::string notes() const {
    const auto index = static_cast<std::size_t>(plans.candidate);
    std::string text;
    const auto append = [&text](std::string_view name) {
      if (!name.empty()) text.append(text.empty() ? "" : " ").append(name);
    };
    for (const auto note : plans.numeric_notes.at(index)) append(name_of(note));
    for (const auto note : plans.behavior_notes.at(index)) append(name_of(note));
    return text;
  }
};

class FrontendPlan final : public Plan {
 public:
  FrontendPlan(const GraphRequest& request, const PlanTarget& target, const std::string& pinned)
      : request_(request), target_(target) {
    const auto start = std::chrono::steady_clock::now();
    graph_ = open();
    require(graph_->create_execution_plans(heuristics()), "cuDNN knows no engine");
    refuse_engines(*graph_);
    pinned.empty() ? choose() : choose(pinned);
    require(graph_->get_plan_name(info_.engine), "its engine has no name");
    require(graph_->get_workspace_size(info_.workspace_bytes), "its workspace is unknown");
    info_.notes = graph_->notes();
    info_.build_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }

  void execute(cudnnHandle_t handle, std::span<const Binding> bindings, void* workspace) const override {
    std::unordered_map<std::int64_t, void*> pointers;
    for (const Binding& binding : bindings) {
      pointers[static_cast<std::int64_t>(binding.operand)] = const_cast<void*>(binding.data);
    }
    // cuDNN does not promise that threads may run one plan at the same time.
    const std::lock_guard lock(running_);
    fe::error_t status = graph_->execute(handle, pointers, workspace);
    DRIFT_CHECK(kDevice, status.is_good(), "{} on {}: running {} failed: {}", key_of(request_), target_.device,
                info_.engine, status.get_message());
  }

 private:
  bool is_bf16_weight_gradient() const {
    const auto* convolution = std::get_if<ConvolutionGraph>(&request_);
    return convolution != nullptr && convolution->kind == ConvolutionGraph::Kind::kBackwardWeights &&
           convolution->dtype == DType::kBFloat16;
  }

  // Before 9.19 cuDNN's modes A and B divide by zero for these on Hopper and Blackwell, which ends the process.
  std::vector<fe::HeurMode_t> heuristics() const {
    constexpr int kHopper = 90;
    constexpr std::size_t kMended = 91900;
    if (is_bf16_weight_gradient() && target_.architecture >= kHopper && cudnnGetVersion() < kMended) {
      return {fe::HeurMode_t::FALLBACK};
    }
    return {fe::HeurMode_t::A, fe::HeurMode_t::B, fe::HeurMode_t::FALLBACK};
  }

  // The request's graph, without engines yet.
  std::unique_ptr<OpenGraph> open() const {
    auto graph = std::make_unique<OpenGraph>();
    describe(request_, *graph);
    if (target_.properties) graph->set_device_properties(target_.properties);
    require(graph->validate(), "its graph is not valid");
    require(graph->build_operation_graph(target_.properties ? nullptr : target_.handle.get()),
            "cuDNN refuses its graph");
    return graph;
  }

  // A resumed run must equal an uninterrupted one bit for bit, and nobody gets TF32 who did not ask for it. Winograd
  // and FFT round intermediate sums of large terms.
  void refuse_engines(OpenGraph& graph) const {
    std::vector<NumericalNote_t> refused{NumericalNote_t::NONDETERMINISTIC,
                                         NumericalNote_t::REDUCED_PRECISION_REDUCTION,
                                         NumericalNote_t::WINOGRAD,
                                         NumericalNote_t::WINOGRAD_TILE_4x4,
                                         NumericalNote_t::WINOGRAD_TILE_6x6,
                                         NumericalNote_t::WINOGRAD_TILE_13x13,
                                         NumericalNote_t::FFT};
    const auto* convolution = std::get_if<ConvolutionGraph>(&request_);
    if (convolution != nullptr && convolution->dtype == DType::kFloat32 && !convolution->tf32) {
      refused.insert(refused.end(), {NumericalNote_t::TENSOR_CORE, NumericalNote_t::DOWN_CONVERT_INPUTS});
    }
    graph.deselect_numeric_notes(refused);
  }

  // A graph with one engine, which cuts the sum of a bfloat16 weight gradient; nullptr where the sum is short, the
  // heuristics know such an engine themselves, or cuDNN has none.
  std::unique_ptr<OpenGraph> split_graph() const {
    if (!is_bf16_weight_gradient()) return nullptr;
    const std::int64_t parts = parts_of_sum(std::get<ConvolutionGraph>(request_), target_.multiprocessors);
    const std::string knob = fmt::format("_k{}=", static_cast<int>(CUDNN_KNOB_TYPE_SPLIT_K_SLC));
    const auto splits = [&knob](const std::string& engine) { return engine.find(knob) != std::string::npos; };
    if (parts == 1 || std::ranges::any_of(graph_->engines(), splits)) return nullptr;

    std::unique_ptr<OpenGraph> graph = open();
    std::int64_t engines = 0;
    require(graph->get_engine_count(engines), "cuDNN does not count its engines");
    for (std::int64_t engine = 0; engine < engines; ++engine) {
      const auto created = graph->create_execution_plan(
          engine, {{fe::KnobType_t::SPLIT_K_SLC, parts}, {fe::KnobType_t::KERNEL_CFG, kSplitKernel}});
      if (created.is_bad()) continue;  // has no such knobs, or is not for this device
      refuse_engines(*graph);
      return graph;
    }
    return nullptr;
  }

  void choose() {
    if (auto split = split_graph(); split && split->check_support().is_good() && split->build_plans().is_good()) {
      graph_ = std::move(split);
      return;
    }
    require(graph_->check_support(), "none of its engines is deterministic and precise enough");
    require(graph_->build_plans(), "none of its engines could be built");
  }

  // The heuristics of one cuDNN for one device always list the same engines.
  void choose(const std::string& engine) {
    if (use(*graph_, engine)) return;
    std::unique_ptr<OpenGraph> split = split_graph();
    const bool is_split = split && use(*split, engine);
    DRIFT_CHECK(kDevice, is_split, "the plan file's engine {} for {} on {} is none of cuDNN's: {} {}. Remove its entry",
                engine, key_of(request_), target_.device, fmt::join(graph_->engines(), " "),
                split ? split->engines().front() : "");
    graph_ = std::move(split);
  }

  // Builds the engine of that name; false if the graph has none.
  bool use(OpenGraph& graph, const std::string& engine) const {
    const std::vector<std::string> offered = graph.engines();
    const auto found = std::ranges::find(offered, engine);
    if (found == offered.end()) return false;
    require(graph.build_plan_at_index(found - offered.begin()),
            "the plan file's engine " + engine + " cannot be used (or remove its entry)");
    // Chooses nothing any more, but makes ready what execute() would else make at its first call, in any thread.
    require(graph.build_plans(), "it could not be made ready");
    return true;
  }

  void require(fe::error_t status, std::string_view what) const {
    DRIFT_CHECK(
        kDevice, status.is_good(),
        "no cuDNN plan for {} on {}: {}. Try the other --precision, another batch size or number of channels, or "
        "--device cpu. cuDNN {} says: {}",
        key_of(request_), target_.device, what, cudnn_version(), status.get_message());
  }

  GraphRequest request_;
  PlanTarget target_;
  std::unique_ptr<OpenGraph> graph_;
  mutable std::mutex running_;
};

}  // namespace

PlanTarget read_plan_target(const std::filesystem::path& file) {
  constexpr std::size_t kBytesMax = 1 << 20;
  constexpr int kDepthMax = 16;
  const std::string text = read_text(file, kBytesMax, ErrorKind::kConfig);
  DRIFT_CHECK(kConfig, json_depth(text) <= kDepthMax, "{}: not a file of device properties (it nests deeper than {})",
              file.string(), kDepthMax);
  const auto json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  DRIFT_CHECK(kConfig, json.is_object() && json.contains("deviceName") && json.contains("deviceVer"),
              "{}: not a file of device properties (a JSON object with deviceName, deviceVer, ...)", file.string());
  auto properties = std::make_shared<fe::DeviceProperties>();
  fe::error_t status = properties->deserialize({text.begin(), text.end()});
  DRIFT_CHECK(kConfig, status.is_good(), "{}: cuDNN does not take these device properties: {}", file.string(),
              status.get_message());
  const int architecture = json["deviceVer"].get<int>() / 10;
  return {.handle = nullptr,
          .properties = std::move(properties),
          .device = fmt::format("{}, sm_{}", json["deviceName"].get<std::string>(), architecture),
          .architecture = architecture,
          .multiprocessors = json.value("multiProcessorCount", std::int64_t{0})};
}

std::int64_t multiprocessors_left(const PlanTarget& target, int reserved) {
  if (reserved == 0) return 0;
  DRIFT_CHECK(kConfig, reserved < target.multiprocessors,
              "--nccl-multiprocessors {}: {} has {} multiprocessors, and some must be left for batch norms", reserved,
              target.device, target.multiprocessors);
  return target.multiprocessors - reserved;
}

std::string cudnn_version() {
  const std::size_t version = cudnnGetVersion();
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

std::unique_ptr<Plan> build_plan(const GraphRequest& request, const PlanTarget& target, const std::string& pinned) {
  return std::make_unique<FrontendPlan>(request, target, pinned);
}

}  // namespace drift
