// The fields of records: what each is called, its type, unit and meaning, once. The writer of metrics.jsonl, its
// reader, TensorBoard's tags and the README's table are made from this table; a new field is a row of it.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "core/json_lines.h"
#include "train/runs/records.h"

namespace drift {

using Record = std::variant<BeginRecord, StepRecord, RoundRecord, EvalRecord, CheckpointRecord, EndRecord>;

enum class FieldType : std::uint8_t {
  kCount,     // an integer from 0 to 2^53
  kNumber,    // a finite number
  kMeasured,  // a number, or null: not finite
  kText,
};

enum class Presence : std::uint8_t {
  kRequired,  // without it a line is no record
  kUsual,     // earlier versions may have written none: zero, empty, or no number
  kOptional,  // of what not every run has: left out there
};

struct FieldText {
  std::string_view name, unit, meaning;
  Presence presence = Presence::kUsual;
  std::string_view tag = {};  // of TensorBoard's scalar; empty: none
  bool may_be_infinite = false;
};

template <class R>
struct Field {
  FieldText text;
  FieldType type;
  Json (*get)(const R&);         // null where the record does not have it
  void (*set)(R&, const Json&);  // a value of the field's type; nullptr: follows from other fields
};

struct RecordKind {
  std::string_view name;     // "step"
  std::string_view meaning;  // when one is written
};

template <class R>
RecordKind kind_of();
template <class R>
std::span<const Field<R>> fields_of();

Json to_json(const Record& record);

// The record of a line. Throws kData, beginning with `place`, unless each field is what the table says; fields that the
// table does not know are passed over.
Record record_from(const Json& line, std::string_view place);

inline Step step_of(const Record& record) {
  return std::visit([](const auto& r) { return r.step; }, record);
}

// The table for people: Markdown, a section per kind.
std::string record_fields_markdown();

}  // namespace drift
