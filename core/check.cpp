#include "core/check.h"

#include <filesystem>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace drift {
namespace {

constexpr const char* kOutOfMemory =
    "out of memory: the system gives no more. Ask for less (fewer workers, a smaller batch), or raise the limit "
    "(ulimit -v, the memory of the container or job)";

// The path from the source root on, so that messages read the same wherever the tree was built.
std::string_view short_path(std::string_view path) {
  constexpr std::string_view kHere = "core/check.cpp";
  static const std::size_t root = std::string_view(__FILE__).size() - kHere.size();
  return path.size() > root ? path.substr(root) : path;
}

std::string full_text(const std::string& message, std::string_view expression, const std::source_location& where) {
  std::string text = fmt::format("{}:{}: {}", short_path(where.file_name()), where.line(), message);
  if (!expression.empty()) text += fmt::format(" [{}]", expression);
  return text;
}

}  // namespace

int exit_code(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kInternal:
      return 1;
    case ErrorKind::kUsage:
      return 2;
    case ErrorKind::kConfig:
      return 3;
    case ErrorKind::kData:
      return 4;
    case ErrorKind::kDevice:
      return 5;
    case ErrorKind::kComm:
      return 6;
    case ErrorKind::kDiverged:
      return 7;
    case ErrorKind::kCheckpoint:
      return 8;
    case ErrorKind::kTolerance:
      return 9;
    case ErrorKind::kOutput:
      return 74;  // EX_IOERR
    case ErrorKind::kStopped:
      return 75;  // EX_TEMPFAIL
  }
  return 1;
}

Error::Error(ErrorKind kind, std::string message, std::string_view expression, std::source_location where)
    : std::runtime_error(full_text(message, expression, where)), kind_(kind), message_(std::move(message)) {}

Error caught_error(const std::exception_ptr& exception) {
  const auto of_kind = [](ErrorKind kind, std::string text) {
    return Error(kind, std::move(text), {}, std::source_location::current());
  };
  const auto foreign = [&](std::string_view text) {
    return of_kind(ErrorKind::kInternal, fmt::format("{} (not an error of Drift's own)", text));
  };
  try {
    std::rethrow_exception(exception);
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return of_kind(ErrorKind::kDevice, kOutOfMemory);
  } catch (const std::length_error&) {  // more than a container can ever hold
    return of_kind(ErrorKind::kDevice, kOutOfMemory);
  } catch (const std::filesystem::filesystem_error& error) {
    return of_kind(ErrorKind::kData, error.what());
  } catch (const std::system_error& error) {
    return of_kind(ErrorKind::kDevice, error.what());
  } catch (const std::exception& error) {
    return foreign(error.what());
  } catch (...) {
    return foreign("an exception without a text");
  }
}

namespace detail {

void fail(ErrorKind kind, std::string message, std::string_view expression, std::source_location where) {
  throw Error(kind, std::move(message), expression, where);
}

}  // namespace detail
}  // namespace drift
