import { onMounted, onUnmounted, readonly, ref, type Ref, watch } from 'vue';

/**
 * The server's time, ticking once a second: `asOf` is what the server said, `heardAt` when this browser heard it.
 * Countdowns follow the server (which may run a drill on a faster or shifted clock), never the visitor's own clock.
 */
export function useServerNow(heard: Ref<{ asOf: string; heardAt: number } | null>): Readonly<Ref<number>> {
  const now = ref(Date.now());
  const tick = (): void => {
    const said = heard.value;
    now.value = said === null ? Date.now() : Date.parse(said.asOf) + Math.max(0, Date.now() - said.heardAt);
  };
  watch(heard, tick, { immediate: true });
  let timer: ReturnType<typeof setInterval> | undefined;
  onMounted(() => {
    timer = setInterval(tick, 1000);
  });
  onUnmounted(() => {
    clearInterval(timer);
  });
  return readonly(now);
}
