// Which communicators this build has; the others are linked as their twins in missing/, which throw when asked for.
#pragma once

namespace drift {

bool have_mpi();
bool have_nccl();

}  // namespace drift
