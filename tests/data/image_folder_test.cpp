#include "data/image_folder.h"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "tests/data/data_support.h"
#include "tests/support/temp_directory.h"

namespace drift {
namespace {

namespace fs = std::filesystem;
using testing::contains;
using Names = std::vector<std::string>;

class ImageFolderTest : public ::testing::Test {
 protected:
  void put(const std::string& file) {
    fs::create_directories((directory_ / file).parent_path());
    std::ofstream{directory_ / file};
  }
  ImageFolder list() const { return list_image_folder(directory_.path()); }
  std::string refusal() const {
    return testing::message_of(ErrorKind::kData, [this] { list(); });
  }
  void put_two_classes() {
    for (const char* file : {"train/cat/1.jpg", "train/dog/1.jpg", "val/cat/1.jpg", "val/dog/1.jpg"}) put(file);
  }

  testing::TempDirectory directory_;
};

// The order that torchvision 0.29 gives for these files.
TEST_F(ImageFolderTest, HasTorchvisionsOrder) {
  for (const char* file : {"Zebra/9.PNG", "Zebra/10.jpeg", "ant/b/2.jpg", "ant/b-c/1.jpg", "ant/b/a/3.JpG",
                           "ant/z.webp", "ant/\xc3\xa4.jpg", "bee/x.png"}) {
    put(std::string("train/") + file);
    put(std::string("val/") + file);
  }
  put("train/bee/notes.txt");
  put("train/bee/.jpg.part");
  const ImageFolder folder = list();
  EXPECT_EQ(folder.class_names, (Names{"Zebra", "ant", "bee"}));
  EXPECT_EQ(folder.train.files, (Names{"Zebra/10.jpeg", "Zebra/9.PNG", "ant/z.webp", "ant/\xc3\xa4.jpg", "ant/b/2.jpg",
                                       "ant/b-c/1.jpg", "ant/b/a/3.JpG", "bee/x.png"}));
  EXPECT_EQ(folder.train.labels, (std::vector<std::int32_t>{0, 0, 1, 1, 1, 1, 1, 2}));
  EXPECT_EQ(folder.train.ignored, 2);
  EXPECT_EQ(folder.val.ignored, 0);
  EXPECT_EQ(folder.val.files, folder.train.files);
  EXPECT_EQ(folder.val.directory, directory_ / "val");
}

TEST_F(ImageFolderTest, NamesWhatIsMissing) {
  EXPECT_TRUE(contains(refusal(), "train: no such folder"));
  fs::create_directories(directory_ / "train");
  EXPECT_TRUE(contains(refusal(), "no folder in it"));
  put("train/cat/1.jpg");
  EXPECT_TRUE(contains(refusal(), "val: no such folder"));
}

TEST_F(ImageFolderTest, NamesClassesWithoutAnImage) {
  put_two_classes();
  put("train/eel/readme.md");
  fs::create_directories(directory_ / "train/fox/deep");
  const std::string message = refusal();
  EXPECT_TRUE(contains(message, "without an image: eel, fox. Images end in .jpg")) << message;
}

TEST_F(ImageFolderTest, NamesFilesBesideTheClasses) {
  put_two_classes();
  for (const char* file : {"a.jpg", "b.txt", "c.txt", "d.txt", "e.txt"}) put(std::string("val/") + file);
  const std::string message = refusal();
  EXPECT_TRUE(contains(message, "beside the folders of the classes: a.jpg, b.txt, c.txt and 2 more")) << message;
}

TEST_F(ImageFolderTest, NamesClassesThatOneSplitLacks) {
  put_two_classes();
  put("val/eel/1.jpg");
  EXPECT_TRUE(contains(refusal(), "classes of val/ that train/ does not have: eel"));
  put("train/eel/1.jpg");
  put("train/ape/1.jpg");
  EXPECT_TRUE(contains(refusal(), "classes of train/ that val/ does not have: ape"));
}

TEST_F(ImageFolderTest, FollowsLinksButNotInCircles) {
  put_two_classes();
  put("elsewhere/2.jpg");
  fs::create_directory_symlink(directory_ / "elsewhere", directory_ / "train/cat/linked");
  fs::create_symlink(directory_ / "nowhere", directory_ / "train/cat/gone.jpg");  // opening it will say so
  EXPECT_EQ(list().train.files, (Names{"cat/1.jpg", "cat/gone.jpg", "cat/linked/2.jpg", "dog/1.jpg"}));
  fs::create_directory_symlink(directory_ / "train/cat", directory_ / "train/cat/linked/again");
  EXPECT_TRUE(contains(refusal(), "leads back to"));
}

}  // namespace
}  // namespace drift
