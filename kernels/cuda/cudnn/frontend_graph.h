// From a request to cudnn-frontend's graph, its tensors numbered by Operand. Included by plan.cpp alone: this header
// and everything behind cudnn_frontend.h take a minute to compile.
#pragma once

// Its own copy of the JSON library would meet ours.
#define CUDNN_FRONTEND_SKIP_JSON_LIB
#include <cudnn_frontend.h>

#include "kernels/cuda/cudnn/graph.h"

namespace drift {

// Adds the request's operations to an empty graph.
void describe(const GraphRequest& request, cudnn_frontend::graph::Graph& graph);

}  // namespace drift
