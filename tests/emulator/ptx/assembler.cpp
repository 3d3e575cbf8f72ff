#include "tests/emulator/ptx/assembler.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "tests/emulator/ptx/decode.h"

namespace drift::emulator::ptx {
namespace {

constexpr int kMaxCallDepth = 16;

bool is_name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '$' || c == '%';
}

u32 aligned(u32 value, u32 alignment) {
  return (value + alignment - 1) / alignment * alignment;
}

}  // namespace

void Assembler::assemble(const Function& kernel) {
  program_.kernel_name = kernel.name;
  program_.max_threads = kernel.max_threads;
  program_.register_bytes = 64;  // the carry flag
  scopes_.emplace_back();
  scopes_.emplace_back();
  for (const Parameter& parameter : kernel.parameters) {
    scopes_.back()[parameter.name] = {SymbolKind::kAddress, static_cast<u32>(parameter.bytes), kNone, parameter.offset,
                                      Space::kParameter};
    program_.parameter_bytes = static_cast<u32>(parameter.offset + parameter.bytes);
  }
  body(kernel.begin, kernel.end);
  Instruction exit;
  exit.kind = Kind::kExit;
  emit(exit);
  resolve_fixups();
  program_.local_bytes = aligned(program_.local_bytes, 16);
  program_.shared_bytes = aligned(program_.shared_bytes, program_.dynamic_alignment);
}

void Assembler::body(std::size_t begin, std::size_t end) {
  const std::string& text = source_.text;
  std::size_t at = begin;
  for (;;) {
    while (at < end && std::isspace(static_cast<unsigned char>(text[at])) != 0) ++at;
    if (at >= end) return;
    if (text[at] == '{') {
      scopes_.emplace_back();
      ++at;
    } else if (text[at] == '}') {
      scopes_.pop_back();
      ++at;
    } else if (text[at] == ';') {
      ++at;
    } else if (text.compare(at, 5, ".loc ") == 0 || text.compare(at, 5, ".loc\t") == 0) {
      at = directive_line(at);
    } else {
      std::size_t stop = at;
      while (stop < end && is_name_character(text[stop])) ++stop;
      if (stop > at && text[stop] == ':' && text[stop + 1] != ':') {
        at = label(at, stop);
        continue;
      }
      site_.line = source_.line_at(at);
      stop = std::min(text.find(';', at), end);
      std::string piece = trim(std::string_view(text).substr(at, stop - at));
      std::replace_if(
          piece.begin(), piece.end(), [](char c) { return c == '\n' || c == '\t' || c == '\r'; }, ' ');
      piece[0] == '.' ? declare(piece) : statement(piece);
      at = stop + 1;
    }
  }
}

std::size_t Assembler::directive_line(std::size_t at) {
  int file = 0, line = 0;
  if (std::sscanf(source_.text.c_str() + at, ".loc %d %d", &file, &line) == 2) site_.source_line = line;
  return std::min(source_.text.find('\n', at), source_.text.size());
}

// A label, or a jump table "name: .branchtargets a, b;". Returns where to read on.
std::size_t Assembler::label(std::size_t begin, std::size_t colon) {
  const std::string& text = source_.text;
  const std::string name = prefix_ + text.substr(begin, colon - begin);
  site_.line = source_.line_at(begin);
  constexpr std::string_view kTargets = ".branchtargets";
  std::size_t at = colon + 1;
  while (std::isspace(static_cast<unsigned char>(text[at])) != 0) ++at;
  if (text.compare(at, kTargets.size(), kTargets) == 0) {
    const std::size_t stop = text.find(';', at);
    tables_[name] = split(std::string_view(text).substr(at + kTargets.size(), stop - at - kTargets.size()), ',');
    for (std::string& target : tables_[name]) target = prefix_ + target;
    return stop + 1;
  }
  if (!labels_.emplace(name, program_.code.size()).second) fail("the label " + name + " is defined twice");
  return colon + 1;
}

void Assembler::declare(const std::string& text) {
  if (text.starts_with(".pragma")) return;
  if (text.starts_with(".reg")) return declare_registers(text);
  const Declaration variable = parse_declaration(text);
  const bool shared = variable.space == "shared";
  if (!shared && variable.space != "local" && variable.space != "param") fail("unsupported directive: " + text);
  u32& used = shared ? program_.shared_bytes : program_.local_bytes;
  used = aligned(used, variable.alignment);
  scopes_.back()[variable.name] = {SymbolKind::kAddress, static_cast<u32>(variable.bytes), kNone, used,
                                   shared ? Space::kShared : Space::kLocal};
  used += static_cast<u32>(variable.bytes);
}

// ".reg .b32 %r<5>, x"
void Assembler::declare_registers(const std::string& text) {
  const std::string rest = trim(std::string_view(text).substr(4));
  const std::size_t space = std::min(rest.find(' '), rest.size());
  const Type type = parse_type(std::string_view(rest).substr(1, space - 1));
  if (type == Type::kUnknown) fail("unsupported registers: " + text);
  Symbol symbol;
  symbol.kind = type == Type::kPred ? SymbolKind::kPredicate : SymbolKind::kRegister;
  symbol.bytes = bytes_of(type);
  for (const std::string& name : split(std::string_view(rest).substr(space), ',')) {
    const std::size_t bracket = name.find('<');
    const int count = bracket == std::string::npos ? 1 : std::atoi(name.c_str() + bracket + 1);
    for (int i = 0; i < count; ++i) {
      symbol.offset = new_register(symbol.bytes);
      scopes_.back()[bracket == std::string::npos ? name : name.substr(0, bracket) + std::to_string(i)] = symbol;
    }
  }
}

void Assembler::statement(const std::string& text) {
  const Statement parsed = parse_statement(text, site_.line, site_.source_line);
  site_.text = text;
  Instruction instruction;
  if (!parsed.guard.empty()) instruction.guard = predicate(parsed.guard);
  instruction.guard_negated = parsed.guard_negated;
  find_decoder(parsed)(*this, parsed, instruction);
}

void Assembler::emit(const Instruction& instruction) {
  program_.code.push_back(instruction);
  program_.sites.push_back(site_);
}

void Assembler::jump(Instruction instruction, const std::string& label) {
  instruction.kind = Kind::kBranch;
  fixups_.push_back({program_.code.size(), prefix_ + label, false});
  emit(instruction);
}

void Assembler::jump_by_table(Instruction instruction, const std::string& table) {
  instruction.kind = Kind::kIndexedBranch;
  fixups_.push_back({program_.code.size(), prefix_ + table, true});
  emit(instruction);
}

void Assembler::leave(Instruction instruction) {
  if (depth_ > 0) return jump(instruction, "$return");
  instruction.kind = Kind::kExit;
  emit(instruction);
}

// The callee's body is assembled in place, its parameters being names for the caller's. A guarded call is jumped over.
void Assembler::inline_call(const Instruction& guard, const std::string& function,
                            const std::vector<std::string>& returns, const std::vector<std::string>& arguments) {
  const Function& callee = source_.functions.at(function);
  if (depth_ >= kMaxCallDepth) fail("calls nest too deeply (recursion?) in " + function);
  if (returns.size() != callee.returns.size() || arguments.size() != callee.parameters.size()) {
    fail("the call does not fit the parameters of " + function);
  }
  Scope bound;
  const auto bind = [&](const Parameter& parameter, const std::string& name) {
    const Symbol* symbol = find(name);
    if (symbol == nullptr) fail("unknown argument " + name);
    bound[parameter.name] = *symbol;
  };
  for (std::size_t i = 0; i < returns.size(); ++i) bind(callee.returns[i], returns[i]);
  for (std::size_t i = 0; i < arguments.size(); ++i) bind(callee.parameters[i], arguments[i]);

  const std::string caller_prefix = prefix_;
  const Site caller_site = site_;
  std::vector<Scope> caller_scopes(std::make_move_iterator(scopes_.begin() + 1),
                                   std::make_move_iterator(scopes_.end()));
  scopes_.resize(1);
  scopes_.push_back(std::move(bound));
  prefix_ = "call " + std::to_string(++calls_) + " of " + function + ": ";
  ++depth_;
  if (guard.guard != kNone) {
    Instruction skip = guard;
    skip.guard_negated = !skip.guard_negated;
    jump(skip, "$return");
  }
  body(callee.begin, callee.end);
  labels_[prefix_ + "$return"] = program_.code.size();
  --depth_;
  prefix_ = caller_prefix;
  site_ = caller_site;
  scopes_.resize(1);
  scopes_.insert(scopes_.end(), std::make_move_iterator(caller_scopes.begin()),
                 std::make_move_iterator(caller_scopes.end()));
}

void Assembler::resolve_fixups() {
  const auto position = [this](const std::string& label) {
    const auto found = labels_.find(label);
    if (found == labels_.end()) fail("there is no label " + label);
    return static_cast<u32>(found->second);
  };
  for (const Fixup& fixup : fixups_) {
    site_ = program_.sites[fixup.instruction];
    int& target = program_.code[fixup.instruction].target;
    if (!fixup.is_table) {
      target = static_cast<int>(position(fixup.label));
      continue;
    }
    std::vector<u32> table;
    for (const std::string& label : tables_[fixup.label]) table.push_back(position(label));
    target = static_cast<int>(program_.jump_tables.size());
    program_.jump_tables.push_back(std::move(table));
  }
}

}  // namespace drift::emulator::ptx
