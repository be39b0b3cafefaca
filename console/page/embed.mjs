// embed.mjs DIST OUT.cpp: the built page as a table of bytes (console/assets.h), each file plain and compressed.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const [dist, out] = process.argv.slice(2);
const kMost = 200 * 1024; // compressed, all of it: what a page of text may cost
const types = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

function files(folder) {
  return readdirSync(folder)
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(path).isDirectory() ? files(path) : [path];
    });
}

// A string literal of octal escapes: three digits always, so that nothing behind one is taken for a part of it.
function literal(bytes) {
  let text = "";
  const lines = [];
  for (const byte of bytes) {
    text += byte >= 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x5c && byte !== 0x3f ? String.fromCharCode(byte) : "\\" + byte.toString(8).padStart(3, "0");
    if (text.length > 4000) lines.push(`"${text}"`), (text = "");
  }
  return [...lines, `"${text}"`].join("\n");
}

let compressed = 0;
const entries = files(dist).map((path) => {
  const name = path.slice(dist.length);
  const type = types[name.split(".").pop()];
  if (!type) throw new Error(`embed.mjs does not know the type of ${name}`);
  const plain = readFileSync(path);
  const zipped = gzipSync(plain, { level: 9 });
  compressed += zipped.length;
  const etag = createHash("sha256").update(plain).digest("hex").slice(0, 16);
  return `{"${name}", "${type}", "\\"${etag}\\"", {${literal(plain)}, ${plain.length}}, {${literal(zipped)}, ${zipped.length}}},`;
});
if (compressed > kMost) throw new Error(`the page has ${compressed} bytes compressed, more than ${kMost}`);
writeFileSync(
  out,
  `// Made by page/embed.mjs: ${compressed} bytes compressed.
#include "console/assets.h"

namespace domed::console {
namespace {

constexpr Asset kAssets[] = {
${entries.join("\n")}
};

}  // namespace

const Asset* find_asset(std::string_view path) {
  for (const Asset& asset : kAssets)
    if (asset.path == path) return &asset;
  return nullptr;
}

}  // namespace domed::console
`,
);
console.log(`the page: ${compressed} bytes compressed`);
