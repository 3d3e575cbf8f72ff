// The option table: round trips, precedence, errors that name what was asked and what is allowed.
#include <fstream>
#include <gtest/gtest.h>
#include <set>

#include "tests/support/error_of.h"
#include "tests/support/temp_directory.h"
#include "tests/train/config/settings.h"
#include "train/config/toml.h"

namespace drift {
namespace {

using testing::command_line;
using testing::contains;
using testing::error_of;

ResolvedConfig resolve(std::vector<SettingLayer> layers) {
  return resolve_config(layers);
}

ResolvedConfig resolve_flags(std::vector<std::pair<std::string, std::string>> settings) {
  return resolve({command_line(std::move(settings))});
}

SettingLayer recipe(const testing::TempDirectory& directory, const std::string& text) {
  std::ofstream(directory / "recipe.toml") << text;
  return read_recipe(directory / "recipe.toml");
}

// A value of each option that is not its default: of what concerns machine, processes and files, of what is
// averaged, and of the rest.
std::map<std::string, std::string> other_surroundings() {
  return {
      {"precision", "bf16"},
      {"device", "cuda:3"},
      {"conv", "winograd"},
      {"tf32", "true"},
      {"batch-norm", "cudnn"},
      {"nccl-multiprocessors", "16"},
      {"graphs", "false"},
      {"plans", "timed"},
      {"plan-file", "plans.json"},
      {"explain-plans", "true"},
      {"op-times", "true"},
      {"capture-range", "7:9"},
      {"threads", "8"},
      {"worker-threads", "2"},
      {"loader-threads", "1"},
      {"reduce", "fast"},
      {"comm-timeout", "7.5"},
      {"device-timeout", "8.5"},
      {"control-port", "29400"},
      {"out", "runs/mine"},
      {"name", "täst"},
      {"resume", "runs/old"},
      {"change", "lr,epochs"},
      {"max-time", "3h50m"},
      {"checkpoint-minutes", "2.5"},
      {"link", "1Gbit,50us"},
      {"overlap", "false"},
      {"bucket-mb", "1.5"},
      {"straggler", "1:1.5"},
  };
}

std::map<std::string, std::string> other_averages() {
  return {
      {"algo", "post-local"},
      {"workers", "32"},
      {"local-batch", "7"},
      {"period", "600,16,1"},
      {"switch-epoch", "2.5"},
      {"switch-step", "3000"},
      {"qsr-alpha", "0.0175"},
      {"qsr-power", "3"},
      {"periods-by-level", "4,8"},
      {"node-workers", "2"},
      {"fragments", "3"},
      {"fragment-delay", "2"},
      {"wire", "bf16"},
      {"error-feedback", "false"},
      {"final-average", "false"},
      {"sync-momentum", "reset"},
      {"bn-stats", "reestimate:25"},
      {"outer", "slowmo"},
      {"outer-lr", "0.7"},
      {"outer-momentum", "0.9"},
  };
}

const std::map<std::string, std::string>& other_values() {
  static std::map<std::string, std::string> values = {
      {"model", "resnet56"},
      {"norm", "group"},
      {"groups", "4"},
      {"classes", "100"},
      {"resnet-v1", "true"},
      {"zero-init-residual", "true"},
      {"weights", "a \"b\"\\c"},
      {"data", "cifar10:/data/with space"},
      {"normalisation", "pixels"},
      {"image-size", "64"},
      {"eval-resize", "73"},
      {"bad-images", "skip"},
      {"augment", "none"},
      {"sampling", "sequential"},
      {"label-noise", "0.1"},
      {"label-smoothing", "0.2"},
      {"val-split", "0.05"},
      {"train-images", "1281167"},
      {"lr", "0.30000000000000004"},
      {"lr-schedule", "cosine"},
      {"linear-scaling", "batch256"},
      {"warmup-epochs", "5"},
      {"warmup-start", "1e-05"},
      {"decay-epochs", "250,375.5"},
      {"gamma", "0.2"},
      {"decay-on", "epoch"},
      {"min-lr", "1e-06"},
      {"momentum", "0.9"},
      {"nesterov", "true"},
      {"weight-decay", "0.0005"},
      {"decay-norm-and-bias", "true"},
      {"clip-grad-norm", "0.25"},
      {"epochs", "0.125"},
      {"steps", "77"},
      {"steps-per-epoch", "12"},
      {"seed", "9223372036854775807"},
      {"eval-every", "0"},
      {"eval-batch", "1000"},
      {"checkpoint-every", "0.5"},
      {"profile", "true"},
      {"profile-every", "3"},
      {"profile-kernels", "true"},
      {"keep-checkpoints", "0"},
      {"keep-best", "true"},
      {"tensorboard", "true"},
      {"telemetry", "false"},
  };
  values.merge(other_surroundings());
  values.merge(other_averages());
  return values;
}

TEST(Options, EveryOptionSurvivesTheRoundTripThroughToml) {
  for (const Option& option : options_of(Scope::kTrain)) {
    ASSERT_TRUE(other_values().contains(option.name)) << "no test value for --" << option.name;
    const std::string& value = other_values().at(option.name);
    ASSERT_NE(option.get(default_config()), value) << option.name;
    TrainConfig config;
    ASSERT_TRUE(option.set(config, value)) << option.name << " " << value;
    ASSERT_EQ(option.get(config), value) << option.name;
    const TrainConfig again = config_from_toml(config_to_toml(config));
    for (const Option& other : options_of(Scope::kTrain)) {
      if (other.name == "epochs" && config.length.steps) continue;  // replaced by steps
      if (other.on_resume == OnResume::kSession) continue;          // not kept
      EXPECT_EQ(other.get(again), other.get(config)) << other.name << " after setting " << option.name;
    }
  }
}

TEST(Options, AllAtOnceSurviveTheRoundTrip) {
  std::vector<std::pair<std::string, std::string>> settings;
  for (const auto& [name, value] : other_values()) {
    if (name != "epochs" && name != "switch-epoch") settings.emplace_back(name, value);
  }
  const TrainConfig config = resolve_flags(settings).config;
  const std::string toml = config_to_toml(config);
  EXPECT_EQ(config_to_toml(config_from_toml(toml)), toml);
  EXPECT_EQ(config.lr.lr, 0.30000000000000004);
  EXPECT_EQ(config_from_toml(toml).lr.lr, 0.30000000000000004);
}

TEST(Options, NamesAreUniqueAndSectionsContiguous) {
  for (const Scope scope : {Scope::kTrain, Scope::kEval, Scope::kDescribe, Scope::kPlans, Scope::kData}) {
    std::set<std::string> names, sections;
    std::string section;
    for (const Option& option : options_of(scope)) {
      EXPECT_TRUE(names.insert(option.name).second) << option.name;
      if (option.section != section) {
        EXPECT_TRUE(sections.insert(option.section).second) << option.section;
      }
      section = option.section;
      EXPECT_FALSE(option.help.empty()) << option.name;
    }
  }
}

TEST(Options, EachCommandHasItsOwn) {
  EXPECT_NE(find_option("lr"), nullptr);
  EXPECT_EQ(find_option("lr", Scope::kEval), nullptr);
  EXPECT_NE(find_option("precision", Scope::kDescribe), nullptr);
  EXPECT_EQ(find_option("sampling", Scope::kData), nullptr);
  EXPECT_NE(find_option("image-size", Scope::kData), nullptr);

  EXPECT_EQ(default_config().sync.scope.batch_norm, BatchNormPolicy::kReestimate);
  EXPECT_EQ(default_config(Scope::kEval).sync.scope.batch_norm, BatchNormPolicy::kStored);
  TrainConfig config;
  EXPECT_FALSE(find_option("bn-stats")->set(config, "stored"));
  EXPECT_FALSE(find_option("bn-stats", Scope::kEval)->set(config, "local"));
  EXPECT_TRUE(find_option("bn-stats", Scope::kEval)->set(config, "reestimate:3"));
  EXPECT_EQ(config.sync.scope.bn_batches, 3);

  const std::vector<SettingLayer> layers = {command_line({{"precison", "bf16"}})};
  const Error error = error_of([&] { resolve_config(layers, Scope::kDescribe); });
  EXPECT_EQ(error.message(), "--precison: there is no option 'precison'. Did you mean 'precision'?");
  const std::vector<SettingLayer> foreign = {command_line({{"lr", "1"}})};
  EXPECT_TRUE(contains(error_of([&] { resolve_config(foreign, Scope::kEval); }).message(), "no option 'lr'"));
}

TEST(Options, DefaultsAreThoseOfTrainConfig) {
  const ResolvedConfig resolved = resolve({});
  EXPECT_EQ(config_to_toml(resolved.config), config_to_toml(default_config()));
  EXPECT_EQ(resolved.origin_of("lr"), "default");
}

TEST(Options, CommandLineBeatsRecipeBeatsDefault) {
  const testing::TempDirectory directory;
  const SettingLayer file = recipe(directory, "lr = 0.5\nworkers = 4\nperiod = [8, 16]\nnesterov = true\n");
  const ResolvedConfig resolved = resolve({file, command_line({{"lr", "0.25"}, {"nesterov", "false"}})});
  EXPECT_EQ(resolved.config.lr.lr, 0.25);
  EXPECT_EQ(resolved.config.sync.workers, 4);
  EXPECT_EQ(resolved.config.sync.periods, (std::vector<Step>{8, 16}));
  EXPECT_FALSE(resolved.config.optimizer.nesterov);
  EXPECT_EQ(resolved.origin_of("lr"), "command line");
  EXPECT_EQ(resolved.origin_of("workers"), "recipe " + (directory / "recipe.toml").string());
  EXPECT_EQ(resolved.origin_of("gamma"), "default");
}

TEST(Options, StepsOnTheCommandLineReplaceEpochsOfARecipeAndBack) {
  const testing::TempDirectory directory;
  const ResolvedConfig steps = resolve({recipe(directory, "epochs = 500"), command_line({{"steps", "100"}})});
  EXPECT_EQ(steps.config.length.steps, 100);
  EXPECT_FALSE(contains(config_to_toml(steps.config), "\nepochs ="));
  const ResolvedConfig epochs = resolve({recipe(directory, "steps = 500"), command_line({{"epochs", "2"}})});
  EXPECT_FALSE(epochs.config.length.steps.has_value());
  EXPECT_EQ(epochs.config.length.epochs, 2);
  const Error both = error_of([] { resolve_flags({{"steps", "3"}, {"epochs", "2"}}); });
  EXPECT_EQ(both.kind(), ErrorKind::kUsage);
  EXPECT_TRUE(contains(both.message(), "--steps and --epochs exclude each other")) << both.message();
}

TEST(Options, DecayEpochsImplySteps) {
  const ResolvedConfig implied = resolve_flags({{"decay-epochs", "250,375"}});
  EXPECT_EQ(implied.config.lr.shape, LrShape::kSteps);
  EXPECT_EQ(implied.origin_of("lr-schedule"), "implied by --decay-epochs");
  const ResolvedConfig named = resolve_flags({{"decay-epochs", "250"}, {"lr-schedule", "constant"}});
  EXPECT_EQ(named.config.lr.shape, LrShape::kConstant);
}

TEST(Options, Cifar100ImpliesItsClasses) {
  const ResolvedConfig implied = resolve_flags({{"data", "cifar100:/data"}});
  EXPECT_EQ(implied.config.model.classes, 100);
  EXPECT_EQ(implied.origin_of("classes"), "implied by --data");
  EXPECT_EQ(resolve_flags({{"data", "cifar100:/data"}, {"classes", "20"}}).config.model.classes, 20);
}

TEST(Options, AliasesWork) {
  EXPECT_EQ(resolve_flags({{"wd", "5e-4"}}).config.optimizer.weight_decay, 5e-4);
}

TEST(Options, ValuesOutOfRangeNameFlagValueAndWhatIsAllowed) {
  const std::vector<std::tuple<std::string, std::string, std::string>> cases = {
      {"local-batch", "0", "--local-batch must be an integer from 1 to 2147483647, found '0'."},
      {"local-batch", "12x", "--local-batch must be an integer from 1 to 2147483647, found '12x'."},
      {"lr", "nan", "--lr must be a number above 0, found 'nan'."},
      {"lr", "-1", "--lr must be a number above 0, found '-1'."},
      {"label-noise", "1.5", "--label-noise must be a number from 0 to 1, found '1.5'."},
      {"label-smoothing", "-0.1", "--label-smoothing must be a number from 0 to 1, found '-0.1'."},
      {"normalisation", "cifar",
       "--normalisation must be one of paper, pixels, imagenet, cifar10, cifar100, found 'cifar'. Did you mean "
       "'cifar10'?"},
      {"clip-grad-norm", "-1", "--clip-grad-norm must be a number of at least 0, found '-1'."},
      {"momentum", "1", "--momentum must be a number of at least 0 and below 1, found '1'."},
      {"algo", "postlocal",
       "--algo must be one of sgd, local, post-local, found 'postlocal'. Did you mean 'post-local'?"},
      {"period", "1,2,3,4", "--period must be one to three integers of at least 1, like 16 or 16,32, found '1,2,3,4'."},
      {"period", "4,", "--period must be one to three integers of at least 1, like 16 or 16,32, found '4,'."},
      {"bn-stats", "reestimate:0",
       "--bn-stats must be reestimate, reestimate:N with N of at least 1, average or local, found 'reestimate:0'. "
       "Did you mean 'reestimate'?"},
      {"device", "gpu", "--device must be auto, cpu, cuda or cuda:N, found 'gpu'."},
      {"workers", "99999999999999999999",
       "--workers must be an integer from 1 to 65536, found '99999999999999999999'."},
  };
  for (const auto& [name, value, expected] : cases) {
    const Error error = error_of([&, n = name, v = value] { resolve_flags({{n, v}}); });
    EXPECT_EQ(error.kind(), ErrorKind::kUsage) << name;
    EXPECT_EQ(error.message(), expected);
  }
}

TEST(Options, RecipeErrorsNameFileLineAndKey) {
  const testing::TempDirectory directory;
  const std::string file = (directory / "recipe.toml").string();
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"lr = 1\n\nperoid = 3\n", ":3: peroid: unknown key. Did you mean 'period'?"},
      {"lr = \"fast\"\n", ":1: lr must be a number"},
      {"lr = 0\n", ":1: lr must be a number above 0, found '0'."},
      {"steps = 1.5\n", ":1: steps must be an integer"},
      {"nesterov = 1\n", ":1: nesterov must be true or false"},
      {"period = [1, \"2\"]\n", ":1: period must be a list of numbers in brackets"},
      {"[lr]\npeak = 1\n", ":1: lr: a recipe has no tables"},
      {"lr = \n", ":1: not valid TOML"},
      {"steps = 1\nepochs = 1\n", "exclude each other"},
  };
  for (const auto& [text, expected] : cases) {
    const Error error = error_of([&, t = text] { resolve({recipe(directory, t)}); });
    EXPECT_EQ(error.kind(), ErrorKind::kConfig) << text;
    EXPECT_TRUE(contains(error.message(), expected)) << error.message();
    EXPECT_TRUE(contains(error.message(), file)) << error.message();
  }
  const Error missing = error_of([&] { read_recipe(directory / "none.toml"); });
  EXPECT_EQ(missing.kind(), ErrorKind::kConfig);
  EXPECT_TRUE(contains(missing.message(), "none.toml")) << missing.message();
}

TEST(Options, PrintedConfigReadsBackAndShowsOrigins) {
  const ResolvedConfig resolved = resolve_flags({{"steps", "9"}, {"lr", "0.25"}, {"decay-epochs", "1,2"}});
  const std::string text = annotated_toml(resolved);
  EXPECT_EQ(config_to_toml(config_from_toml(text)), config_to_toml(resolved.config));
  EXPECT_TRUE(contains(text, "# command line\n")) << text;
  EXPECT_TRUE(contains(text, "# implied by --decay-epochs\n")) << text;
  EXPECT_TRUE(contains(text, "# epochs =  # replaced by steps\n")) << text;
  EXPECT_TRUE(contains(text, "# switch-step =  # not set\n")) << text;
}

TEST(Options, EveryRecipeParses) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(DRIFT_RECIPES)) {
    if (entry.is_directory()) continue;  // of comparisons
    SCOPED_TRACE(entry.path().string());
    EXPECT_NO_THROW(resolve({read_recipe(entry.path())}));
    ++count;
  }
  EXPECT_GE(count, 4);
}

TEST(Options, ACaptureRangeIsTwoSteps) {
  const auto range = parse_step_range("0:110");
  ASSERT_TRUE(range);
  EXPECT_EQ(range->first, 0);
  EXPECT_EQ(range->last, 110);
  for (const char* wrong : {"", ":", "5", "5:", ":5", "5:5", "6:5", "-1:5", "1:2:3", "1.5:3", "1:9000000000"}) {
    EXPECT_FALSE(parse_step_range(wrong)) << wrong;
  }
}

TEST(Options, StragglersAreWorkersAndFactors) {
  EXPECT_TRUE(parse_stragglers("")->empty());
  const auto all = parse_stragglers("1:1.5,30:1000");
  ASSERT_TRUE(all && all->size() == 2);
  EXPECT_EQ(all->at(0).worker, 1);
  EXPECT_EQ(all->at(0).factor, 1.5);
  EXPECT_EQ(all->at(1).worker, 30);
  EXPECT_EQ(all->at(1).factor, 1000);
  for (const char* const wrong : {"1", "1:", ":2", "1:0.5", "-1:2", "1:1001", "1:2:3", "1:2,3", "1:2,1:3", "1:nan"}) {
    EXPECT_FALSE(parse_stragglers(wrong)) << wrong;
  }
}

}  // namespace
}  // namespace drift
