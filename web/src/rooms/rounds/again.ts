import { readonly, type Ref, ref } from 'vue';

import { useErrorText } from '@/api/error-text';

export type Again = Readonly<{ busy: Readonly<Ref<boolean>>; said: Readonly<Ref<string>>; again: () => Promise<void> }>;

/** Asks anew for an answer that was kept, at a button: `busy` until it is there, `said` why it did not come. */
export function useAgain(refresh: () => Promise<void>): Again {
  const errorText = useErrorText();
  const busy = ref(false);
  const said = ref('');
  async function again(): Promise<void> {
    busy.value = true;
    said.value = '';
    try {
      await refresh();
    } catch (error) {
      said.value = errorText(error).title;
    } finally {
      busy.value = false;
    }
  }
  return { busy: readonly(busy), said: readonly(said), again };
}
