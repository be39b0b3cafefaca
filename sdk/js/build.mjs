// Makes JavaScript and declarations of src/: node build.mjs [--checked] DIRECTORY
//
// With the locked TypeScript of package-lock.json where "npm ci" put it, else with the one of the system (Debian:
// node-typescript). Where the types of Node are not there either, the types are not looked at, and JavaScript is all that
// is made; "--checked" refuses that. 77: there is no TypeScript.
import * as fs from "node:fs";
import * as path from "node:path";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const here = path.dirname(fileURLToPath(import.meta.url));
const checked = process.argv.includes("--checked");
const out = path.resolve(process.argv.slice(2).find((each) => !each.startsWith("--")) ?? path.join(here, "dist"));
const require = createRequire(path.join(here, "package.json"));

function typescript() {
  for (const name of ["typescript", "/usr/share/nodejs/typescript", "/usr/lib/nodejs/typescript"]) {
    try {
      return require(name);
    } catch {
      // the next one
    }
  }
  console.error("build.mjs: there is no TypeScript: npm ci, or Debian's node-typescript");
  process.exit(77);
}

// Those of the lock: what a system has beside its node is of another age, and TypeScript does not find it.
const hasNodeTypes = fs.existsSync(path.join(here, "node_modules/@types/node/package.json"));

const ts = typescript();
const { config } = ts.readConfigFile(path.join(here, "tsconfig.json"), ts.sys.readFile);
const { options, fileNames } = ts.parseJsonConfigFileContent({ ...config, compilerOptions: { ...config.compilerOptions, outDir: out } }, ts.sys, here);
fs.rmSync(out, { recursive: true, force: true });
if (hasNodeTypes) {
  const program = ts.createProgram(fileNames, options);
  const wrong = ts.getPreEmitDiagnostics(program);
  const found = wrong.length > 0 ? wrong : program.emit().diagnostics;
  if (found.length > 0) {
    console.error(ts.formatDiagnostics(found, { getCanonicalFileName: (name) => name, getCurrentDirectory: () => here, getNewLine: () => "\n" }));
    process.exit(1);
  }
} else {
  if (checked) {
    console.error("build.mjs: the types of Node are not here: npm ci");
    process.exit(1);
  }
  fs.mkdirSync(out, { recursive: true });
  // A file alone does not tell that it is an ES module.
  const compilerOptions = { ...options, module: ts.ModuleKind.ES2022 };
  for (const file of fileNames) {
    const { outputText } = ts.transpileModule(fs.readFileSync(file, "utf8"), { compilerOptions, fileName: file });
    fs.writeFileSync(path.join(out, path.basename(file).replace(/\.ts$/, ".js")), outputText);
  }
  console.log("the types were not looked at: @types/node is not here");
}
// Its own word for what kind of modules these are: whoever builds elsewhere has no package.json beside them.
if (!out.startsWith(here)) fs.writeFileSync(path.join(out, "package.json"), '{ "type": "module" }\n');
console.log(`built ${fs.readdirSync(out).filter((name) => name.endsWith(".js")).length} modules with TypeScript ${ts.version}`);
