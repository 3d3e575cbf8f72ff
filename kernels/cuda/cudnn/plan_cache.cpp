#include "kernels/cuda/cudnn/plan_cache.h"

#include <utility>

#include "core/check.h"
#include "core/log.h"

namespace drift {

PlanCache::PlanCache(std::string device, std::filesystem::path file)
    : device_(std::move(device)), file_(std::move(file)), keeps_(!file_.empty()) {
  if (keeps_) entries_ = read_plan_file(file_, device_);
}

void PlanCache::keep(const std::string& key, const PlanInfo& info) {
  if (!keeps_) return;
  entries_[key] = info;
  try {
    write_plan_file(file_, device_, entries_);
  } catch (const std::exception& error) {
    keeps_ = false;
    log_warning("the plans of this run are not kept: {}", error.what());
  }
}

std::shared_ptr<PlanCache> PlanCache::shared(const std::string& place, const std::string& device,
                                             const std::filesystem::path& file) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<PlanCache>> caches;
  const std::lock_guard lock(mutex);
  std::shared_ptr<PlanCache> cache = caches[place].lock();
  if (!cache) {
    cache = std::make_shared<PlanCache>(device, file);
    caches[place] = cache;
  }
  DRIFT_CHECK(kUsage, cache->file_ == file, "{} uses the plan file '{}', so it cannot use '{}' at the same time",
              device, cache->file_.string(), file.string());
  return cache;
}

const Plan& PlanCache::plan(const GraphRequest& request, const PlanTarget& target, const Explain& explain) {
  const std::string key = key_of(request);
  std::promise<std::unique_ptr<Plan>> promise;
  std::shared_future<std::unique_ptr<Plan>> future;
  bool mine = false;
  {
    const std::lock_guard lock(mutex_);
    auto& known = plans_[key];
    if (!known.valid()) {
      known = promise.get_future().share();
      mine = true;
    }
    future = known;
  }
  if (mine) {
    try {
      promise.set_value(build(key, request, target, explain));
    } catch (...) {
      promise.set_exception(std::current_exception());  // everybody who asks for it hears why
    }
  }
  return *future.get();
}

std::unique_ptr<Plan> PlanCache::build(const std::string& key, const GraphRequest& request, const PlanTarget& target,
                                       const Explain& explain) {
  std::string pinned;
  {
    const std::lock_guard lock(mutex_);
    if (const auto entry = entries_.find(key); entry != entries_.end()) pinned = entry->second.engine;
  }
  std::unique_ptr<Plan> plan = build_plan(request, target, pinned);
  const PlanInfo& info = plan->info();
  const std::lock_guard lock(mutex_);
  if (pinned.empty()) keep(key, info);
  if (explain) {
    const std::string trial =
        info.tried > 0 ? fmt::format(", fastest of {} at {:.1f} us", info.tried, 1e3 * info.device_ms) : "";
    explain(fmt::format("{}: {}{}, workspace {} bytes, {}, built in {:.0f} ms{}", key, info.engine,
                        pinned.empty() ? "" : " (plan file)", info.workspace_bytes,
                        info.notes.empty() ? "no notes" : info.notes, info.build_ms, trial));
  }
  return plan;
}

}  // namespace drift
