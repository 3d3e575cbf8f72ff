// PlanCache: every plan of one device, built once and shared by all backends of the process that use that device. It
// reads the plan file when it is made, and adds each new plan to it.
#pragma once

#include <filesystem>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "kernels/cuda/cudnn/plan.h"
#include "kernels/cuda/cudnn/plan_file.h"

namespace drift {

class PlanCache {
 public:
  using Explain = std::function<void(std::string_view)>;

  // device: its name, for messages and the plan file; file may be empty.
  PlanCache(std::string device, std::filesystem::path file);
  PlanCache(const PlanCache&) = delete;
  PlanCache& operator=(const PlanCache&) = delete;

  // The cache that other users of the same place hold, or a new one. Throws kUsage if they have another plan file.
  static std::shared_ptr<PlanCache> shared(const std::string& place, const std::string& device,
                                           const std::filesystem::path& file);

  // The plan for the request; valid as long as the cache. The first thread that asks builds it, later ones wait for
  // that. `explain` is called once per plan, by one thread at a time.
  const Plan& plan(const GraphRequest& request, const PlanTarget& target, const Explain& explain);

 private:
  // Into the plan file. With the lock held.
  void keep(const std::string& key, const PlanInfo& info);
  std::unique_ptr<Plan> build(const std::string& key, const GraphRequest& request, const PlanTarget& target,
                              const Explain& explain);

  std::string device_;
  std::filesystem::path file_;
  std::mutex mutex_;     // of what follows
  PlanEntries entries_;  // of the plan file
  bool keeps_;           // there is a plan file, and it could be written
  std::map<std::string, std::shared_future<std::unique_ptr<Plan>>> plans_;
};

}  // namespace drift
