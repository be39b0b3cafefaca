#!/usr/bin/env bash
# One spelling for one thing: what stands in two files fails, and both places are named.  Two functions are the
# same where their bodies are, but for white space and comments: from three lines on; outside of classes also
# shorter ones, where name and parameters are the same too.  So are two constants of one name and value.
# Plugins share but the public headers, so that they may have constants of each other.  one_spelling.sh SOURCE
set -euo pipefail
cd "$1"
folders='kernel client domectl console runner plugins bench'
found=$(find $folders -name '*.h' -o -name '*.cpp' | sort | xargs awk '
# The line without what may hold a brace that is none: texts, characters, comments.  "plain" gets it without
# comments alone.
function bare(line,   at, end, out) {
  out = plain = ""
  for (;;) {
    if (raw != "") {                              # in a raw string that goes on
      end = index(line, raw)
      if (!end) { plain = plain line; return out }
      plain = plain substr(line, 1, end + length(raw) - 1)
      line = substr(line, end + length(raw)); raw = ""
    }
    if (remark) {
      end = index(line, "*/")
      if (!end) return out
      line = substr(line, end + 2); remark = 0
    }
    if (!match(line, /R"[^("]*\(|"|\/\/|\/\*|'"'"'[^\\]'"'"'|'"'"'\\[^'"'"']+'"'"'|'"'"'\\'"'"''"'"'/)) {
      plain = plain line
      return out line
    }
    out = out substr(line, 1, RSTART - 1)
    plain = plain substr(line, 1, RSTART - 1)
    at = substr(line, RSTART, RLENGTH)
    line = substr(line, RSTART + RLENGTH)
    if (at == "//") return out
    if (at == "/*") { remark = 1; continue }
    plain = plain at
    if (at ~ /^R"/) { raw = ")" substr(at, 3, length(at) - 3) "\""; continue }
    if (at == "\"") {
      match(line, /^([^"\\]|\\.)*"/)
      plain = plain substr(line, 1, RLENGTH)
      line = substr(line, RLENGTH + 1)
    }
    out = out "@"
  }
}
function is_function(head) {
  return head ~ /\)/ && head !~ /^ *catch/ && head !~ /(^|[^A-Za-z0-9_])(namespace|class|struct|enum|union)([^A-Za-z0-9_]|$)/ &&
         head !~ /=[ \t]*$/
}
function name_of(head) { sub(/[ \t]*\(.*/, "", head); sub(/.*[ *&]/, "", head); return head }
function squeezed(text) { gsub(/[ \t\n]+/, "", text); return text }
function compare(key, place) {
  ++seen
  if (key in first && index(first[key], FILENAME ":") != 1) print first[key] "  and  " place
  else if (!(key in first)) first[key] = place
}
FNR == 1 { depth = 0; head = ""; at_head = 0; inside = 0; raw = ""; remark = 0; classes = 0 }
{
  line = bare($0)
  if (line ~ /^[ \t]*#/) next
  if (FILENAME !~ /^plugins/ && line ~ /^(inline )?(static )?const(expr)? .*[ *&]k[A-Z][A-Za-z0-9]* ?=.*;/) {
    constant = plain
    sub(/;.*/, "", constant); sub(/.*[ *&]k/, "k", constant)
    compare(squeezed(constant), FILENAME ":" FNR " " constant)
  }
  if (inside) { text = text "\n" plain; if (line ~ /[^ \t]/) ++lines }
  count = length(line)
  for (i = 1; i <= count; ++i) {
    c = substr(line, i, 1)
    if (c == "{") {
      if (!inside && is_function(head)) {
        inside = depth + 1; begun = at_head; text = ""; lines = 0; rest = substr(line, i + 1)
        whose = head
      } else if (!inside && head ~ /(^|[^a-z_])(class|struct|union)[^a-z_]/) {
        ++classes; class_at[depth + 1] = 1
      }
      ++depth; head = ""; at_head = 0
    } else if (c == "}") {
      if (inside && depth == inside) {
        inside = 0
        if (lines > 1) {
          sub(/\n[^\n]*$/, "", text)
          if (lines - 1 >= 3) compare(squeezed(text), FILENAME ":" begun " " name_of(whose))
          else if (!classes) compare(squeezed(whose) squeezed(text), FILENAME ":" begun " " name_of(whose))
        }
      }
      if (class_at[depth]) { class_at[depth] = 0; --classes }
      --depth; head = ""; at_head = 0
    } else if (c == ";" && !inside) { head = ""; at_head = 0 }
    else { head = head c; if (!at_head && c !~ /[ \t]/) at_head = FNR }
  }
  head = head " "
}
END { print seen + 0, "functions and constants" }')
grep -E '^[0-9]{4,} functions' <<<"$found" >/dev/null || { echo "too few were found in $folders: $found"; exit 1; }
[ "$(wc -l <<<"$found")" = 1 ] || { echo 'these stand in two files; give them one home, and one spelling:'; grep -v ' functions and constants$' <<<"$found"; exit 1; }
