import { useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import { computed, type Ref } from 'vue';

import { api, body } from './client';
import type { PresetHead, PresetLine } from './shapes';

export function usePresets(): UseQueryReturnType<PresetHead[], Error> {
  return useQuery({
    queryKey: ['presets'],
    queryFn: async () => body(await api.GET('/api/presets')).items,
    staleTime: 300_000,
  });
}

/** The title of a preset by its code; the code itself until the titles are known. */
export function usePresetTitle(): (code: string) => string {
  const presets = usePresets();
  const titles = computed(() => new Map(presets.data.value?.map((preset) => [preset.code, preset.name])));
  return (code) => titles.value.get(code) ?? code;
}

/** The lines in which two presets differ, in the order of the schema. */
export function usePresetDifference(a: Ref<string>, b: Ref<string>): UseQueryReturnType<PresetLine[], Error> {
  return useQuery({
    queryKey: ['presets', 'diff', a, b],
    enabled: computed(() => a.value !== '' && b.value !== '' && a.value !== b.value),
    queryFn: async () => {
      const query = { a: a.value, b: b.value };
      return body(await api.GET('/api/presets/diff', { params: { query } })).items;
    },
  });
}
