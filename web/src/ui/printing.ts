import { onBeforeUnmount, onMounted, readonly, type Ref, ref } from 'vue';

/** Whether the page is being put on paper: then a list shows all of its rows. */
export function usePrinting(): Readonly<Ref<boolean>> {
  const printing = ref(false);
  const begin = (): void => { printing.value = true; };
  const end = (): void => { printing.value = false; };
  onMounted(() => {
    window.addEventListener('beforeprint', begin);
    window.addEventListener('afterprint', end);
  });
  onBeforeUnmount(() => {
    window.removeEventListener('beforeprint', begin);
    window.removeEventListener('afterprint', end);
  });
  return readonly(printing);
}
