#!/usr/bin/env python3
"""The plugin boundary against what was promised (docs/abi.md): abi.py HEADERS SNAPSHOTS [--write]

HEADERS (kernel/include/domed) is reduced to its declarations, without comments and white space, and compared with
SNAPSHOTS/MAJOR.MINOR.txt of the version that plugin.h names.  A difference without a new version fails.  "--write" makes
the snapshot of a new version, where that version may have what it has: a minor one only adds.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

BOUNDARY = ("error.h", "host.h", "options.h", "store.h", "backup.h", "watch.h", "leases.h", "collector.h", "plugin.h")
# The kernel implements these, so a plugin that was built earlier does not miss what came behind; the rest is frozen.
MAY_GROW = ("class Host", "class Options", "enum class Code", "enum class Level", "constants")


def declarations(text: str) -> dict[str, list[str]]:
    """Each class, struct and enum with its members, in their order."""
    text = re.sub(r"//[^\n]*", "", text)
    text = re.sub(r"\\\n", " ", text)
    text = re.sub(r"^\s*#.*$", "", text, flags=re.M)
    found: dict[str, list[str]] = {}
    if constants := re.findall(r"^inline constexpr ([^;]*);", text, flags=re.M):
        found["constants"] = [" ".join(each.split()) for each in constants]
    for match in re.finditer(r"(enum class|class|struct) (\w+)( final)?\s*(:[^{;]*)?\{", text):
        body = body_of(text, match.end())
        head = " ".join(f"{match[1]} {match[2]}{match[4] or ''}".split())
        members = body.split(",") if match[1] == "enum class" else members_of(body)
        found[head] = [each for each in (" ".join(member.split()) for member in members) if each]
    return found


def body_of(text: str, begin: int) -> str:
    depth = 1
    for at in range(begin, len(text)):
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if depth == 0:
            return text[begin:at]
    raise SystemExit("abi.py: a brace is not closed")


def members_of(body: str) -> list[str]:
    """What ends with a semicolon, or with its own body."""
    members, depth, begin = [], 0, 0
    for at, char in enumerate(body):
        depth += {"{": 1, "}": -1}.get(char, 0)
        if depth == 0 and (char == ";" or (char == "}" and not body[at + 1 :].lstrip().startswith(";"))):
            members.append(body[begin:at].rstrip("{}; \n") + ("}" if char == "}" else ""))
            begin = at + 1
    return members


def boundary(headers: Path) -> tuple[tuple[int, int], dict[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for name in BOUNDARY:
        more = declarations((headers / name).read_text())
        constants = [*found.get("constants", []), *more.pop("constants", [])]
        found |= more | ({"constants": constants} if constants else {})
    unknown = {path.name for path in headers.glob("*.h")} - {*BOUNDARY, "store_rules.h"}
    if unknown:
        raise SystemExit(f"abi.py: {', '.join(sorted(unknown))}: say in BOUNDARY whether it is part of the boundary")
    plugin = (headers / "plugin.h").read_text()
    version = tuple(int(re.search(rf"#define DOMED_ABI_{part} (\d+)", plugin)[1]) for part in ("MAJOR", "MINOR"))
    return version, found


def text_of(found: dict[str, list[str]]) -> str:
    return "".join(f"{head}\n" + "".join(f"  {member}\n" for member in members) for head, members in found.items())


def read(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for line in text.splitlines():
        if line.startswith("  "):
            found[head].append(line[2:])
        else:
            found[head := line] = []
    return found


def breaks(before: dict[str, list[str]], now: dict[str, list[str]]) -> list[str]:
    """What a minor version must not do."""
    out = []
    for head, members in before.items():
        if head not in now:
            out.append(f"'{head}' is gone, or derives from something else")
        elif head == "constants":  # which have no place
            out += [f"the constant '{each}' is gone, or another" for each in members if each not in now[head]]
        elif now[head][: len(members)] != members:
            first = next((b for b, n in zip(members, [*now[head], *[""] * len(members)]) if b != n), "")
            out.append(f"'{head}': '{first}' is gone, changed or in another place")
        elif len(now[head]) > len(members) and head not in MAY_GROW:
            out.append(f"'{head}' is frozen, and has '{now[head][len(members)]}' besides: make a facet of it")
    return out


def main() -> int:
    headers, snapshots = Path(sys.argv[1]), Path(sys.argv[2])
    (major, minor), now = boundary(headers)
    kept = {tuple(map(int, path.stem.split("."))): path for path in snapshots.glob("*.*.txt")}
    earlier = max((version for version in kept if version[0] == major and version[1] < minor), default=None)
    wrong = breaks(read(kept[earlier].read_text()), now) if earlier else []
    for each in wrong:
        print(f"abi {major}.{minor}: {each}; that needs abi {major + 1}.0", file=sys.stderr)
    if wrong:
        return 1
    if "--write" in sys.argv[3:]:
        if (major, minor) in kept:
            print(f"abi.py: abi {major}.{minor} is promised already: raise DOMED_ABI_MINOR or DOMED_ABI_MAJOR in plugin.h", file=sys.stderr)
            return 1
        (snapshots / f"{major}.{minor}.txt").write_text(text_of(now))
        return 0
    if (major, minor) not in kept:
        print(f"abi.py: abi {major}.{minor} has no snapshot yet: run this with --write once it is as it is to stay", file=sys.stderr)
        return 1
    before = read(kept[(major, minor)].read_text())
    if before == now:
        print(f"the plugin boundary is that of abi {major}.{minor}")
        return 0
    for each in breaks(before, now):
        print(f"abi {major}.{minor}: {each}: that needs abi {major + 1}.0", file=sys.stderr)
    for head in now:
        added = [each for each in now[head] if each not in before.get(head, [])]
        if head not in before or (added and head in MAY_GROW):
            print(f"abi {major}.{minor}: '{head}' has {added} besides: that needs abi {major}.{minor + 1}", file=sys.stderr)
    return 1


sys.exit(main())
