#include "data/cifar_layout.h"

#include <fmt/format.h>

#include "data/normalisation.h"

namespace drift {

std::vector<CifarFile> CifarVersion::files() const {
  std::vector<CifarFile> all = train;
  all.push_back(test);
  return all;
}

CifarLayout cifar10_layout() {
  CifarLayout layout;
  layout.name = "cifar10";
  layout.title = "CIFAR-10";
  layout.binary.folder = "cifar-10-batches-bin";
  layout.binary.test = {"test_batch.bin", 10000};
  layout.binary.names_file = "batches.meta.txt";
  layout.python.folder = "cifar-10-batches-py";
  layout.python.test = {"test_batch", 10000};
  layout.python.names_file = "batches.meta";
  for (int i = 1; i <= 5; ++i) {
    layout.binary.train.push_back({fmt::format("data_batch_{}.bin", i), 10000});
    layout.python.train.push_back({fmt::format("data_batch_{}", i), 10000});
  }
  layout.labels = {{"label", 10}};
  layout.labels_key = "labels";
  layout.names_key = "label_names";
  layout.class_names = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  layout.normalisation = kCifar10Normalisation;
  return layout;
}

CifarLayout cifar100_layout() {
  CifarLayout layout;
  layout.name = "cifar100";
  layout.title = "CIFAR-100";
  layout.binary.folder = "cifar-100-binary";
  layout.binary.train = {{"train.bin", 50000}};
  layout.binary.test = {"test.bin", 10000};
  layout.binary.names_file = "fine_label_names.txt";
  layout.python.folder = "cifar-100-python";
  layout.python.train = {{"train", 50000}};
  layout.python.test = {"test", 10000};
  layout.python.names_file = "meta";
  layout.labels = {{"coarse label", 20}, {"fine label", 100}};
  layout.labels_key = "fine_labels";
  layout.names_key = "fine_label_names";
  layout.class_names = {
      "apple",      "aquarium_fish", "baby",         "bear",       "beaver",      "bed",         "bee",
      "beetle",     "bicycle",       "bottle",       "bowl",       "boy",         "bridge",      "bus",
      "butterfly",  "camel",         "can",          "castle",     "caterpillar", "cattle",      "chair",
      "chimpanzee", "clock",         "cloud",        "cockroach",  "couch",       "crab",        "crocodile",
      "cup",        "dinosaur",      "dolphin",      "elephant",   "flatfish",    "forest",      "fox",
      "girl",       "hamster",       "house",        "kangaroo",   "keyboard",    "lamp",        "lawn_mower",
      "leopard",    "lion",          "lizard",       "lobster",    "man",         "maple_tree",  "motorcycle",
      "mountain",   "mouse",         "mushroom",     "oak_tree",   "orange",      "orchid",      "otter",
      "palm_tree",  "pear",          "pickup_truck", "pine_tree",  "plain",       "plate",       "poppy",
      "porcupine",  "possum",        "rabbit",       "raccoon",    "ray",         "road",        "rocket",
      "rose",       "sea",           "seal",         "shark",      "shrew",       "skunk",       "skyscraper",
      "snail",      "snake",         "spider",       "squirrel",   "streetcar",   "sunflower",   "sweet_pepper",
      "table",      "tank",          "telephone",    "television", "tiger",       "tractor",     "train",
      "trout",      "tulip",         "turtle",       "wardrobe",   "whale",       "willow_tree", "wolf",
      "woman",      "worm"};
  layout.normalisation = kCifar100Normalisation;
  return layout;
}

}  // namespace drift
