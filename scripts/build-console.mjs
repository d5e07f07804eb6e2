// Builds the operators' console: static files, compressed here so that the api serves them as they are.
import { cpSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { DIGEST_FILE, digestSources, dist, listSources, root } from './dist.mjs';

/** What the console is made of: most changes concern something else, and then the last build is taken. */
const isItsSource = (/** @type {string} */ path) =>
  /^(console|client)[/\\]|^package-lock[.]json$|build-console/.test(path);

/** @param {string} outDir */
export async function buildConsole(outDir) {
  const digest = digestSources(listSources().filter(isItsSource));
  const last = join(dist, 'console');
  if (existsSync(join(last, DIGEST_FILE)) && readFileSync(join(last, DIGEST_FILE), 'utf8') === digest) {
    cpSync(last, outDir, { recursive: true });
    return;
  }
  // Whoever builds, tests among them: React for development is three times as large.
  process.env.NODE_ENV = 'production';
  // Loaded only when it is needed: it takes a while.
  const { build } = await import('vite');
  await build({
    configFile: false,
    root: join(root, 'console'),
    base: '/console/',
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic' } },
    build: {
      outDir,
      emptyOutDir: true,
      target: ['chrome111', 'firefox114', 'safari16.4'],
      modulePreload: { polyfill: false },
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 1_000,
      rollupOptions: {
        // Directives for frameworks that render on servers, which we have none of.
        onwarn: (warning, warn) => warning.code === 'MODULE_LEVEL_DIRECTIVE' || warn(warning),
        output: {
          entryFileNames: 'scripts/[name]-[hash].js',
          chunkFileNames: 'scripts/[name]-[hash].js',
          assetFileNames: ({ names }) => `${names[0]?.endsWith('.woff2') ? 'fonts' : 'styles'}/[name]-[hash][extname]`,
        },
      },
    },
  });
  for (const folder of ['.', 'scripts', 'styles']) compressAll(join(outDir, folder));
  writeFileSync(join(outDir, DIGEST_FILE), digest);
}

/** @param {string} folder */
function compressAll(folder) {
  for (const name of readdirSync(folder).filter((each) => /[.](js|css|html)$/.test(each))) {
    const content = readFileSync(join(folder, name));
    writeFileSync(join(folder, `${name}.br`), brotliCompressSync(content));
    writeFileSync(join(folder, `${name}.gz`), gzipSync(content, { level: 9 }));
  }
}
