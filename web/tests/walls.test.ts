import { ESLint } from 'eslint';
import { describe, expect, it } from 'vitest';

/** Each wall between the folders is knocked on once: a rule that never fires guards nothing. */
const WALLS = new Set(['no-restricted-imports', 'no-restricted-syntax', 'no-restricted-globals', '@intlify/vue-i18n/no-raw-text']);
const eslint = new ESLint({
  // They look at words alone: without the types of the whole project each knock takes milliseconds.
  ruleFilter: ({ ruleId }) => WALLS.has(ruleId),
  overrideConfig: { languageOptions: { parserOptions: { projectService: false } } },
});

async function rulesBroken(file: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath: file });
  return [...new Set(result!.messages.map((message) => message.ruleId ?? `fatal: ${message.message}`))];
}

// Files that exist, so that the type-aware parser knows them; the text is ours.
const ROOM = 'src/rooms/rounds/tones.ts';
const RULE = 'src/rules/clock.ts';
const API = 'src/api/query.ts';
const UI = 'src/ui/now.ts';
const STATION = 'src/station/words.ts';
const MY = 'src/my/words.ts';
const PHONE = 'src/phone/sentences.ts';
const OFFLINE = 'src/offline/leader.ts';

describe('walls between folders', () => {
  it.each([
    [ROOM, "import '@/rooms/persons/SearchPage.vue';"],
    [ROOM, "import '../persons/SearchPage.vue';"],
    [ROOM, "import '@/router';"],
    [RULE, "import 'vue';"],
    [RULE, "import '@/api/client';"],
    [RULE, "import '@/ui/words';"],
    [RULE, "import '@tanstack/vue-query';"],
    [API, "import '@/ui/words';"],
    [API, "import '@/rooms/rounds/tones';"],
    [UI, "import '@/api/client';"],
    [UI, "import '@/rooms/rounds/tones';"],
    [STATION, "import '@/api/client';"],
    [STATION, "import 'primevue/button';"],
    [STATION, "import '@/my/words';"],
    [MY, "import '@/api/client';"],
    [MY, "import '@/station/words';"],
    [PHONE, "import '@/station/words';"],
    [PHONE, "import 'vue-i18n';"],
    [OFFLINE, "import 'vue';"],
    [OFFLINE, "import '@/station/words';"],
  ])('%s may not say %s', async (file, code) => {
    expect(await rulesBroken(file, `${code}\n`)).toContain('no-restricted-imports');
  }, 60_000);

  it.each([
    [ROOM, "import '@/ui/words';\n"],
    [ROOM, "import '@/api/client';\n"],
    [RULE, "import './time';\n"],
    [UI, "import '@/rules/time';\n"],
    [STATION, "import '@/offline/core';\n"],
    [MY, "import '@/offline/qr';\n"],
    [MY, "import '@/phone/phone.css';\n"],
    [PHONE, "import 'vue';\n"],
    [OFFLINE, "import '@/rules/time';\n"],
  ])('%s may say %s', async (file, code) => {
    expect(await rulesBroken(file, code)).not.toContain('no-restricted-imports');
  }, 60_000);

  it('keeps the clock and chance out of rules', async () => {
    for (const code of ['export const a: number = Date.now();\n', 'export const b = new Date();\n', 'export const c: number = Math.random();\n']) {
      expect(await rulesBroken(RULE, code)).toContain('no-restricted-syntax');
    }
    expect(await rulesBroken(RULE, 'export const d = document.title;\n')).toContain('no-restricted-globals');
  }, 60_000);

  it('refuses a sentence written in a template', async () => {
    const broken = await rulesBroken('src/App.vue', '<template><p>Total</p></template>\n');
    expect(broken).toContain('@intlify/vue-i18n/no-raw-text');
  }, 60_000);
});
