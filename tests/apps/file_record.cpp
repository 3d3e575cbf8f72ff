#include "tests/apps/file_record.h"

#include <array>
#include <cstdlib>
#include <sstream>

#include "tests/support/file_damage.h"

namespace drift::testing {

std::vector<FileCall> read_file_record(const std::filesystem::path& record) {
  const std::string text = file_text(record);
  std::vector<FileCall> calls;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    std::istringstream line(text.substr(at, end - at));
    std::array<std::string, 5> fields;
    for (std::string& field : fields) std::getline(line, field, '\t');
    const auto size = static_cast<std::size_t>(std::atol(fields[4].c_str()));
    calls.push_back({fields[0], fields[1], fields[2], std::atol(fields[3].c_str()), text.substr(end + 1, size)});
    at = end + 1 + size;
  }
  return calls;
}

}  // namespace drift::testing
