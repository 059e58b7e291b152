import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import vue from '@vitejs/plugin-vue';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';

// The development server stands in front of a running `yingjian serve`; the shipped build is served by it.
const backend = process.env['YINGJIAN_URL'] ?? 'http://127.0.0.1:8000';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** Writes an application's service worker: which files make it up, under a version that changes with any of them. */
function worker(name: string): Plugin {
  return {
    name: `${name}-worker`,
    apply: 'build',
    generateBundle(_options, bundle) {
      const files = new Set<string>();
      const take = (file: string): void => {
        if (files.has(file)) return;
        const part = bundle[file];
        if (part === undefined) return;
        files.add(file);
        if (part.type !== 'chunk') return;
        for (const next of [...part.imports, ...part.dynamicImports, ...(part.viteMetadata?.importedCss ?? []), ...(part.viteMetadata?.importedAssets ?? [])]) take(next);
      };
      for (const part of Object.values(bundle)) {
        if (part.type === 'chunk' && part.isEntry && part.name === name) take(part.fileName);
      }
      const page = readFileSync(at(`./${name}/index.html`), 'utf8');
      const still = readdirSync(at(`./public/${name}`)).map((file) => `${name}/${file}`);
      const listed = [`/${name}/`, ...[...files, ...still].sort().map((file) => `/${file}`)];
      const text = readFileSync(at('./worker.js'), 'utf8');
      const hash = createHash('sha256').update(page).update(text).update(listed.join());
      for (const file of still) hash.update(readFileSync(at(`./public/${file}`)));
      const version = hash.digest('hex').slice(0, 12);
      const source = text.replace('__NAME__', name).replace('__VERSION__', version).replace('__FILES__', JSON.stringify(listed));
      this.emitFile({ type: 'asset', fileName: `${name}/sw.js`, source });
    },
  };
}

export default defineConfig({
  base: '/',
  plugins: [vue(), worker('station'), worker('my')],
  resolve: { alias: { '@': at('./src') } },
  define: {
    __VUE_OPTIONS_API__: 'true', // PrimeVue components are written with it
    __VUE_PROD_DEVTOOLS__: 'false',
    __INTLIFY_JIT_COMPILATION__: 'true', // no `eval`, so the page can forbid it
  },
  build: {
    outDir: 'dist',
    target: ['chrome100', 'firefox100', 'safari15'],
    sourcemap: false,
    chunkSizeWarningLimit: 400,
    rolldownOptions: { input: { index: at('./index.html'), station: at('./station/index.html'), my: at('./my/index.html') } },
  },
  server: {
    host: '127.0.0.1',
    port: 5173,
    proxy: { '/api': { target: backend, changeOrigin: false } },
  },
  test: {
    include: ['tests/**/*.test.ts', 'src/**/*.test.ts'],
    environment: 'node',
    restoreMocks: true,
    maxWorkers: '100%', // by itself vitest leaves a core idle, of two
    testTimeout: 30_000, // the machine may be busy with the rest of the suite
  },
});
