// OpRecorder: while it is told to, it writes down every operation of a backend: what ran, in which part of a step and
// for which layer, from when on and until when, as marks (moments.h). Spans say where an operation belongs: those with
// one of the names it was made with are parts of a step, those inside a part are layers. Operations that are the same
// thing, step for step, share an identity. What is captured is written down once, and belongs to each step that replays
// it. While it does not record it only passes everything on. OpTimer adds up a whole run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "kernels/observed/forwarding_backend.h"
#include "kernels/observed/kernel_watch.h"
#include "kernels/observed/moments.h"

namespace drift {

class OpRecorder final : public ForwardingBackend {
 public:
  using Mark = Moments::Mark;

  struct Identity {
    std::string_view op;  // name_of() it
    std::string part;     // the innermost span that is one; ""
    std::string layer;    // the innermost span inside of that; ""
    OpCost cost;
  };
  struct Call {
    std::size_t identity = 0;  // of identities()
    Mark begin = 0, end = 0;
  };
  struct Part {
    std::string_view name;
    Mark begin = 0, end = 0;
  };
  struct Recording {
    Mark begin = 0, end = 0;
    std::vector<Call> calls;
    std::vector<Part> parts;  // that ended, in that order
    bool captured = false;    // something, while it was made
  };

  // parts: names of spans, which must outlive it. kernels: is told whose are those that are captured; or nullptr.
  OpRecorder(std::unique_ptr<Backend> inner, std::span<const std::string_view> parts, std::unique_ptr<Moments> moments,
             std::unique_ptr<KernelWatch> kernels = nullptr)
      : ForwardingBackend(*inner),
        inner_(std::move(inner)),
        names_of_parts_(parts),
        moments_(std::move(moments)),
        kernels_(std::move(kernels)) {}

  // A recording begins, outside of all spans.
  void start();
  bool records() const { return recording_.has_value(); }
  // It is over. What its marks say is the next that moments() has to take.
  Recording stop();
  Moments& moments() { return *moments_; }
  KernelWatch* kernels() { return kernels_.get(); }
  const std::deque<Identity>& identities() const { return identities_; }

  // Of work that is captured while it records: what each replay does.
  Recording captured(const std::function<void()>& work);
  // It was replayed; nothing happens while it does not record.
  void replayed(const Recording& captured);

  void run(const Op& op) override;
  void begin_span(std::string_view name) override;
  void end_span() override;

 private:
  struct OpenSpan {
    std::string name;  // kept after its end, for its memory
    std::optional<std::string_view> part;
    Mark begin = 0;
  };
  using Key = std::tuple<const char*, std::string_view, std::string_view, std::int64_t, std::int64_t>;

  std::size_t identity_of(const Op& op);
  Mark begin_of(const Identity& op);

  std::unique_ptr<Backend> inner_;
  std::span<const std::string_view> names_of_parts_;
  std::unique_ptr<Moments> moments_;
  std::unique_ptr<KernelWatch> kernels_;
  std::optional<Recording> recording_, outside_;  // outside_: the step's, while what is captured has its own
  std::optional<Mark> last_;                      // of what is captured, nothing but operations behind it
  std::vector<OpenSpan> spans_;                   // the first open_ of them
  std::size_t open_ = 0;
  std::deque<Identity> identities_;
  std::map<Key, std::size_t> known_;  // keys are views of identities_
};

}  // namespace drift
