// node build.mjs [folder]: builds the widget into dist/, or into the folder that is named.
//
// The same sources give the same bytes. The names in dist/ never change; what the loader asks for
// carries the hash of the application as its version, so that it can be cached for ever.
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const OUT = resolve(process.argv[2] ?? join(HERE, "dist"));
const LIMITS = { "widget.js": 5 * 1024, all: 60 * 1024 };
const TEXTS = ["ar", "de", "es"];

const styles = {
  name: "styles",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const { code } = await transform(source, { loader: "css", minify: true, target: "es2021" });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

const shared = {
  absWorkingDir: HERE,
  bundle: true,
  minify: true,
  charset: "utf8",
  target: ["es2021", "chrome110", "firefox110", "safari16.4"],
  legalComments: "none",
  plugins: [styles],
  // The package's own browser build sets innerHTML, which a page with Trusted Types refuses.
  alias: { "decode-named-character-reference": "./src/views/entities.ts" },
  logLevel: "warning",
};

async function buildAll() {
  const texts = Object.fromEntries(TEXTS.map((name) => [`texts-${name}`, `src/texts/${name}.ts`]));
  const modules = await build({
    ...shared,
    entryPoints: { app: "src/app.tsx", ...texts },
    format: "esm",
    outdir: OUT,
  }).then(() => readFiles(["app", ...Object.keys(texts)]));
  const hash = createHash("sha256");
  for (const content of Object.values(modules)) hash.update(content);
  const version = hash.digest("hex").slice(0, 12);
  await build({
    ...shared,
    entryPoints: { widget: "src/loader/index.ts" },
    format: "iife",
    outdir: OUT,
    define: { VERSION: JSON.stringify(version) },
  });
  weigh({ ...modules, ...(await readFiles(["widget"])) });
}

async function readFiles(names) {
  const read = async (name) => [`${name}.js`, await readFile(join(OUT, `${name}.js`))];
  return Object.fromEntries(await Promise.all(names.map(read)));
}

function weigh(files) {
  const sizes = Object.entries(files).map(([name, content]) => [name, gzipSync(content).length]);
  const all = sizes.reduce((sum, [, size]) => sum + size, 0);
  for (const [name, size] of [...sizes, ["all", all]]) {
    console.log(`${String(size).padStart(6)} bytes gzipped  ${name}`);
    if (size > (LIMITS[name] ?? Infinity)) throw new Error(`${name} is over its ${LIMITS[name]} bytes`);
  }
}

await buildAll();
