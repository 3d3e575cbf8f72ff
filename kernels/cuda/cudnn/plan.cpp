#include "kernels/cuda/cudnn/plan.h"

#include <algorithm>
#include <chrono>
#include <limits>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/check.h"
#include "core/json_depth.h"
#include "core/regular_file.h"
#include "kernels/cuda/cudnn/check_cudnn.h"
#include "kernels/cuda/cudnn/frontend_graph.h"
#include "kernels/cuda/cudnn/trial.h"
#include "kernels/device_watch.h"

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

// The fewest for which cuDNN 9.19 was seen to make plans.
constexpr std::int64_t kLeastBatchNormMultiprocessors = 4;

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
    graph_ = listed_graph();
    if (!pinned.empty()) {
      choose(pinned);
    } else if (std::holds_alternative<ConvolutionGraph>(request) && target.timed) {
      choose(fastest());
    } else {
      choose();
    }
    require(graph_->get_plan_name(info_.engine), "its engine has no name");
    require(graph_->get_workspace_size(info_.workspace_bytes), "its workspace is unknown");
    info_.notes = graph_->notes();
    info_.build_ms = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  }

  void execute(cudnnHandle_t handle, std::span<const Binding> bindings, void* workspace) const override {
    std::unordered_map<std::int64_t, void*> pointers = pointers_of(bindings);
    // cuDNN does not promise that threads may run one plan at the same time.
    const std::lock_guard lock(running_);
    fe::error_t status = graph_->execute(handle, pointers, workspace);
    DRIFT_CHECK(kDevice, status.is_good(), "{} on {}: running {} failed: {}", key_of(request_), target_.device,
                info_.engine, status.get_message());
  }

 private:
  static std::unordered_map<std::int64_t, void*> pointers_of(std::span<const Binding> bindings) {
    std::unordered_map<std::int64_t, void*> pointers;
    for (const Binding& binding : bindings) {
      pointers[static_cast<std::int64_t>(binding.operand)] = const_cast<void*>(binding.data);
    }
    return pointers;
  }

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

  // The request's graph with the engines that cuDNN's heuristics list and that may be used.
  std::unique_ptr<OpenGraph> listed_graph() const {
    auto graph = std::make_unique<OpenGraph>();
    describe(request_, *graph);
    if (target_.properties) graph->set_device_properties(target_.properties);
    require(graph->validate(), "its graph is not valid");
    require(graph->build_operation_graph(target_.properties ? nullptr : target_.handle.get()),
            "cuDNN refuses its graph");
    require(graph->create_execution_plans(heuristics()), "cuDNN knows no engine");
    refuse_engines(*graph);
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

  void choose() {
    require(graph_->check_support(), "none of its engines is deterministic and precise enough");
    require(graph_->build_plans(), "none of its engines could be built");
  }

  double time_of(Trial& trial, const std::string& engine, const std::function<bool()>& enqueue) {
    try {
      return trial.milliseconds(enqueue);
    } catch (const DeviceTimeout& error) {
      throw DeviceTimeout(fmt::format("engine {} for {}: {}", engine, key_of(request_), error.message()));
    }
  }

  // The name of the fastest of those that may be used, by running each.
  std::string fastest() {
    cudaStream_t stream = nullptr;
    DRIFT_CUDNN(cudnnGetStream(target_.handle.get(), &stream), "cuDNN on {}", target_.device);
    Trial trial(std::get<ConvolutionGraph>(request_), target_.place, stream);
    std::unordered_map<std::int64_t, void*> operands = pointers_of(trial.bindings());
    double least = std::numeric_limits<double>::infinity();
    std::string name;
    const std::vector<std::string> engines = graph_->engines();
    for (std::size_t i = 0; i < engines.size(); ++i) {
      const auto index = static_cast<std::int64_t>(i);
      std::int64_t bytes = 0;
      if (graph_->build_plan_at_index(index).is_bad()) continue;
      if (graph_->get_workspace_size_plan_at_index(index, bytes).is_bad() || bytes > Trial::kMostWorkspace) continue;
      void* const workspace = trial.workspace(bytes);
      const double time = time_of(trial, engines[i], [&] {
        return graph_->execute_plan_at_index(target_.handle.get(), operands, workspace, index).is_good();
      });
      cudaGetLastError();  // of an engine that cannot run here
      ++info_.tried;
      if (time < least) least = time, name = engines[i];
    }
    graph_ = listed_graph();  // without the plans of all others
    DRIFT_CHECK(kDevice, !name.empty(), "no cuDNN plan for {} on {}: none of {} engines could be run", key_of(request_),
                target_.device, info_.tried);
    info_.device_ms = least;
    return name;
  }

  // The heuristics of one cuDNN for one device always list the same engines.
  void choose(const std::string& engine) {
    const std::vector<std::string> offered = graph_->engines();
    const auto found = std::ranges::find(offered, engine);
    DRIFT_CHECK(kDevice, found != offered.end(),
                "the plan file's engine {} for {} on {} is none of cuDNN's: {}. Remove its entry", engine,
                key_of(request_), target_.device, fmt::join(offered, " "));
    require(graph_->build_plan_at_index(found - offered.begin()),
            "the plan file's engine " + engine + " cannot be used (or remove its entry)");
    // Chooses nothing any more, but makes ready what execute() would else make at its first call, in any thread.
    require(graph_->build_plans(), "it could not be made ready");
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

std::int64_t batch_norm_multiprocessors(const PlanTarget& target, const BackendOptions& options) {
  const bool alone = options.nccl_multiprocessors == 0 && options.backends_on_device == 1;
  if (options.batch_norm == BatchNormKernels::kOwn || alone) return 0;
  const std::int64_t left =
      (target.multiprocessors - options.nccl_multiprocessors) / std::int64_t{options.backends_on_device};
  DRIFT_CHECK(kConfig, left >= kLeastBatchNormMultiprocessors,
              "--batch-norm cudnn: {} has {} multiprocessors, of which --nccl-multiprocessors takes {}, and its {} "
              "workers need {} each: give --batch-norm own",
              target.device, target.multiprocessors, options.nccl_multiprocessors, options.backends_on_device,
              kLeastBatchNormMultiprocessors);
  return left;
}

std::string cudnn_version() {
  const std::size_t version = cudnnGetVersion();
  return fmt::format("{}.{}.{}", version / 10000, version / 100 % 100, version % 100);
}

std::unique_ptr<Plan> build_plan(const GraphRequest& request, const PlanTarget& target, const std::string& pinned) {
  return std::make_unique<FrontendPlan>(request, target, pinned);
}

}  // namespace drift
