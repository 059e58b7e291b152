/** The phones of the fault campaign as one file for Node: `vite build --config tests/faults/vite.config.ts`. */
import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vite';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  root: at('../..'),
  resolve: { alias: { '@': at('../../src') } },
  publicDir: false,
  ssr: { noExternal: true },
  build: { ssr: at('./main.ts'), outDir: at('../../node_modules/.faults'), emptyOutDir: true, minify: false, target: 'node22' },
});
