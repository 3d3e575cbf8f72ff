#include "bench/common/training_step.h"

#include "core/rng.h"
#include "engine/tape.h"

namespace drift::bench {

TrainingStep::TrainingStep(const std::string& model, std::int64_t batch, DType precision, int threads)
    : stream_(make_stream(Device{}, threads)),
      backend_(make_backend(*stream_)),
      model_(make_model({.name = model})),
      pool_(Device{}),
      precision_(precision) {
  constexpr std::uint64_t kSeed = 1;
  model_->parameters.allocate(*backend_);
  model_->parameters.initialise(*backend_, kSeed);
  const Shape& image = model_->input;
  images_ = pool_.allocate({batch, image[0], image[1], image[2]}, DType::kUint8);
  labels_ = pool_.allocate({batch}, DType::kInt32);
  const Rng random(kSeed, stream_id(Purpose::kImages));
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images_.shape().elements()));
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(random.below(i, 256));
  std::vector<std::int32_t> classes(static_cast<std::size_t>(batch));
  for (std::size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<std::int32_t>(i % 10);
  backend_->upload(pixels.data(), images_.view());
  backend_->upload(classes.data(), labels_.view());
  crops_.assign(static_cast<std::size_t>(batch), Crop{4, 4, 0, 0});
}

double TrainingStep::run(Backend& backend) {
  Tape tape(backend, pool_, precision_, Mode::kTrain);
  Tensor input = tape.scratch(images_.shape(), precision_);
  backend.augment({images_.view(), input.view(), crops_, 4, {0.4914f, 0.4822f, 0.4465f}, {0.2023f, 0.1994f, 0.2010f}});
  const Tensor logits = model_->network->forward(tape, input);
  input = Tensor();
  const Tensor result = softmax_cross_entropy(tape, logits, labels_);
  tape.backward();
  constexpr Sgd kSgd{.momentum = 0.9f, .weight_decay = 5e-4f};
  kSgd.update(backend, model_->parameters, 0.01f);
  float loss = 0;
  backend.download(TensorView{result.view().data, {1}, DType::kFloat32}, &loss);
  return loss;
}

}  // namespace drift::bench
