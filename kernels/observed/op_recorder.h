// OpRecorder: while it is told to, it writes down every operation of a CPU's backend: what ran, in which part of a step
// and for which layer, from when on and for how long. Spans say where an operation belongs: those with one of the names
// it was made with are parts of a step, those inside a part are layers. Operations that are the same thing, step for
// step, share an identity. While it does not record it only passes everything on. OpTimer adds up a whole run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "core/clock.h"
#include "kernels/observed/forwarding_backend.h"

namespace drift {

class OpRecorder final : public ForwardingBackend {
 public:
  struct Identity {
    std::string_view op;  // name_of() it
    std::string part;     // the innermost span that is one; ""
    std::string layer;    // the innermost span inside of that; ""
    OpCost cost;
  };
  struct Call {
    std::size_t identity = 0;  // of identities()
    double begin = 0, end = 0;
  };
  struct Part {
    std::string_view name;
    double begin = 0, end = 0;
  };

  // parts: names of spans, which with `clock` must outlive it.
  OpRecorder(std::unique_ptr<Backend> inner, std::span<const std::string_view> parts,
             const Clock& clock = steady_clock())
      : ForwardingBackend(*inner), inner_(std::move(inner)), names_of_parts_(parts), clock_(clock) {}

  // Forgets what was recorded, but for identities, and records from here on; outside of all spans.
  void start();
  void stop() { recording_ = false; }
  const std::vector<Call>& calls() const { return calls_; }
  const std::vector<Part>& parts() const { return parts_; }  // that ended, in that order
  const std::deque<Identity>& identities() const { return identities_; }

  void run(const Op& op) override;
  void begin_span(std::string_view name) override;
  void end_span() override;

 private:
  struct OpenSpan {
    std::string name;  // kept after its end, for its memory
    std::optional<std::string_view> part;
    double begin = 0;
  };
  using Key = std::tuple<const char*, std::string_view, std::string_view, std::int64_t, std::int64_t>;

  std::size_t identity_of(const Op& op);

  std::unique_ptr<Backend> inner_;
  std::span<const std::string_view> names_of_parts_;
  const Clock& clock_;
  bool recording_ = false;
  std::vector<OpenSpan> spans_;  // the first open_ of them
  std::size_t open_ = 0;
  std::vector<Call> calls_;
  std::vector<Part> parts_;
  std::deque<Identity> identities_;
  std::map<Key, std::size_t> known_;  // keys are views of identities_
};

}  // namespace drift
