import { fileURLToPath } from 'node:url';

import vueI18n from '@intlify/eslint-plugin-vue-i18n';
import vue from 'eslint-plugin-vue';
import globals from 'globals';
import tseslint from 'typescript-eslint';

/** Which folders a folder may enter. `rooms/a` never enters `rooms/b`: they meet in `api`, `ui` and `rules`. */
const doors = (message, group) => ['error', { patterns: [{ group, message }] }];
const FRAMEWORK = ['vue', 'vue/*', 'vue-*', '@vue/*', 'primevue', 'primevue/*', '@primevue/*', '@primeuix/*', '@tanstack/*', '*.vue'];

export default tseslint.config(
  { ignores: ['**/*.json', 'dist/**', 'node_modules/**', 'src/api/schema.d.ts'] },
  ...tseslint.configs.strictTypeChecked,
  ...tseslint.configs.stylisticTypeChecked,
  ...vue.configs['flat/recommended'],
  ...vueI18n.configs.base,
  {
    languageOptions: {
      globals: globals.browser,
      parserOptions: {
        parser: tseslint.parser,
        extraFileExtensions: ['.vue'],
        projectService: true,
        tsconfigRootDir: fileURLToPath(new URL('.', import.meta.url)),
      },
    },
    settings: { 'vue-i18n': { localeDir: './src/locales/*.json', messageSyntaxVersion: '^11.0.0' } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'max-lines': ['error', { max: 400 }],
      'max-lines-per-function': ['error', { max: 60 }],
      'no-console': 'error',
    },
  },
  {
    files: ['src/**/*.{ts,vue}'],
    rules: {
      '@intlify/vue-i18n/no-raw-text': [
        'error',
        {
          attributes: { '/.+/': ['title', 'aria-label', 'placeholder', 'alt', 'label', 'header'] },
          ignorePattern: '^[-–—·/:：%#()+|→ ]*$',
        },
      ],
      '@intlify/vue-i18n/no-missing-keys': 'error',
      '@intlify/vue-i18n/no-v-html': 'error',
      'vue/max-attributes-per-line': 'off',
      'vue/singleline-html-element-content-newline': 'off',
      'vue/html-self-closing': ['error', { html: { void: 'always' } }],
      'vue/block-lang': ['error', { script: { lang: 'ts' } }],
      'vue/define-props-declaration': ['error', 'type-based'],
      'vue/define-emits-declaration': ['error', 'type-based'],
      'vue/no-v-html': 'error',
    },
  },
  {
    files: ['src/rooms/**/*.{ts,vue}'],
    rules: {
      'no-restricted-imports': doors(
        'A room enters only ui, offline, api and rules; never another room.',
        ['@/rooms/**', '../**', '@/router', '@/App.vue', '@/main'],
      ),
    },
  },
  {
    files: ['src/station/**/*.{ts,vue}'],
    rules: {
      'no-restricted-imports': doors(
        'The station stands on offline, rules and phone alone: nothing of the console is carried to a phone.',
        ['@/rooms/**', '@/ui/**', '@/api/**', '@/my/**', '@/i18n', '@/router', 'primevue/**', 'vue-router', 'vue-i18n', '@tanstack/**'],
      ),
    },
  },
  {
    files: ['src/my/**/*.{ts,vue}'],
    rules: {
      'no-restricted-imports': doors(
        "A resident's phone carries nothing of the console and nothing of the station; what both pages share is in phone.",
        ['@/rooms/**', '@/ui/**', '@/api/**', '@/i18n', '@/router', 'primevue/**', 'vue-router', 'vue-i18n', '@tanstack/**', '@/station/**'],
      ),
    },
  },
  {
    files: ['src/phone/**/*.{ts,vue}'],
    rules: {
      'no-restricted-imports': doors('phone is what both pages of a phone share: it knows neither.', ['@/*/**', '../**', 'primevue/**', 'vue-*', '@tanstack/**']),
    },
  },
  {
    files: ['src/ui/**/*.{ts,vue}'],
    rules: {
      'no-restricted-imports': doors('ui knows no room and no server.', ['@/rooms/**', '@/api/**', '@/offline/**', '../**']),
    },
  },
  {
    files: ['src/api/**/*.ts'],
    rules: {
      'no-restricted-imports': doors('api knows no screen.', ['@/rooms/**', '@/ui/**', '@/offline/**', '../**']),
    },
  },
  {
    files: ['src/offline/**/*.ts', 'src/rules/**/*.ts'],
    rules: {
      'no-restricted-imports': doors(
        'offline and rules are plain TypeScript: no Vue, no screens, run in Node.',
        [...FRAMEWORK, '@/rooms/**', '@/ui/**', '@/api/**', '@/station/**', '@/my/**', '../**'],
      ),
    },
  },
  {
    files: ['src/rules/**/*.ts'],
    languageOptions: { globals: {} },
    rules: {
      'no-restricted-globals': ['error', 'window', 'document', 'fetch', 'localStorage', 'navigator', 'indexedDB'],
      'no-restricted-syntax': [
        'error',
        { selector: "CallExpression[callee.object.name='Date'][callee.property.name='now']", message: 'Time comes in as an argument.' },
        { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: 'Time comes in as an argument.' },
        { selector: "CallExpression[callee.object.name='Math'][callee.property.name='random']", message: 'Randomness comes in seeded.' },
      ],
    },
  },
  {
    files: ['tests/**/*.ts'],
    rules: { 'max-lines-per-function': 'off', '@typescript-eslint/no-non-null-assertion': 'off' },
  },
  { files: ['**/*.js'], extends: [tseslint.configs.disableTypeChecked], languageOptions: { globals: globals.node } },
);
