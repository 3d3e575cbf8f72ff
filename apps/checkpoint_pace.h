// CheckpointPace: when a checkpoint is due because the last one is so old (--checkpoint-minutes). Between two looks at
// the clock a run takes as many steps as the time left should have, by the speed so far; at first one, and never more
// than twice as many as before. Process 0 keeps it for all.
#pragma once

#include "core/clock.h"
#include "core/step.h"

namespace drift {

class CheckpointPace {
 public:
  // minutes: 0: never due.
  CheckpointPace(double minutes, const Clock& clock);

  // Steps to run before the next look.
  Step steps();
  // So many have been run since.
  void ran(Step steps);
  bool is_due() const;
  // There is a checkpoint now.
  void written() { last_ = clock_.seconds(); }

 private:
  double seconds_left() const { return limit_ - (clock_.seconds() - last_); }

  const Clock& clock_;
  double limit_;  // seconds
  double last_;   // when there was one, or the session began
  double looked_;
  Step stretch_ = 0;             // steps of the last stretch
  double seconds_per_step_ = 0;  // of it
};

}  // namespace drift
