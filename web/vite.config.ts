import { fileURLToPath } from 'node:url';

import vue from '@vitejs/plugin-vue';
import { defineConfig } from 'vitest/config';

// The development server stands in front of a running `yingjian serve`; the shipped build is served by it.
const backend = process.env['YINGJIAN_URL'] ?? 'http://127.0.0.1:8000';

export default defineConfig({
  base: '/',
  plugins: [vue()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
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
    testTimeout: 30_000, // the machine may be busy with the rest of the suite
  },
});
