#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "base/json.h"

namespace domed {

// One JSON object as text, a member after the other, as they are added.  For what is answered very
// often: a tree of values costs ten times as much.  Keys are plain words.
class ObjectText {
 public:
  ObjectText& text(std::string_view key, std::string_view value) {
    return json(key, json_string(value));
  }
  ObjectText& number(std::string_view key, std::integral auto value) {
    return json(key, std::to_string(value));
  }
  // "value": any value's text.
  ObjectText& json(std::string_view key, std::string_view value) {
    ((text_ += text_.empty() ? "{\"" : ",\"").append(key) += "\":").append(value);
    return *this;
  }
  std::string take() { return text_.empty() ? "{}" : std::move(text_ += '}'); }

 private:
  std::string text_;
};

}  // namespace domed
