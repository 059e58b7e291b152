import { useQuery, type UseQueryReturnType } from '@tanstack/vue-query';
import { computed, type Ref } from 'vue';

import { api, body } from './client';
import type { PresetDifference, PresetHead } from './shapes';

export function usePresets(): UseQueryReturnType<readonly PresetHead[], Error> {
  return useQuery({ queryKey: ['presets'], queryFn: async () => body(await api.GET('/api/presets')).items });
}

export function usePresetDifference(
  a: Ref<string>,
  b: Ref<string>,
): UseQueryReturnType<readonly PresetDifference[], Error> {
  return useQuery({
    queryKey: ['presets', 'diff', a, b],
    enabled: computed(() => a.value !== '' && b.value !== '' && a.value !== b.value),
    queryFn: async () => {
      const query = { a: a.value, b: b.value };
      return body(await api.GET('/api/presets/diff', { params: { query } })).items;
    },
  });
}
