#include "comm/control/frame.h"

#include <gtest/gtest.h>

#include "core/rng.h"
#include "tests/support/error_of.h"
#include "tests/support/seed.h"

namespace drift::testing {
namespace {

const Frame kExample{FrameKind::kGather, {"data", "", std::string("\0bytes\xff", 7)}};

TEST(Frame, ReadsBackWhateverThePieces) {
  const std::string bytes = encode(kExample) + encode({FrameKind::kAlive}) + encode(kExample);
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    FrameReader reader;
    std::vector<Frame> frames;
    for (std::size_t at = 0; at < bytes.size(); at += piece) {
      reader.add(std::string_view(bytes).substr(at, piece));
      while (auto frame = reader.next()) frames.push_back(*frame);
    }
    EXPECT_EQ(frames, (std::vector<Frame>{kExample, {FrameKind::kAlive}, kExample})) << "pieces of " << piece;
  }
}

TEST(Frame, RefusesALengthBeforeItTakesMemoryForIt) {
  FrameReader reader;
  reader.add("GET / HTTP/1.1\r\n");
  const Error error = error_of([&] { reader.next(); });
  EXPECT_EQ(error.kind(), ErrorKind::kComm);
  EXPECT_NE(error.message().find("a control frame of 542393671 bytes; from 1 to 1048576 are allowed"),
            std::string::npos)
      << error.message();
}

// A frame in which one byte is another, or which ends early, is another frame, none yet, or an error.
TEST(Frame, ADamagedFrameIsAnErrorAtWorst) {
  const std::string whole = encode(kExample);
  const Rng rng(seed(), stream_id(Purpose::kTest));
  for (std::uint64_t turn = 0; turn < 2000; ++turn) {
    std::string bytes = whole;
    bytes[rng.below(3 * turn, static_cast<std::uint32_t>(bytes.size()))] =
        static_cast<char>(rng.below(3 * turn + 1, 256));
    bytes.resize(rng.below(3 * turn + 2, static_cast<std::uint32_t>(bytes.size() + 1)));
    FrameReader reader;
    reader.add(bytes);
    try {
      while (reader.next()) continue;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kComm);
    }
  }
}

}  // namespace
}  // namespace drift::testing
