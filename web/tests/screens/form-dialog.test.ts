// @vitest-environment jsdom
/** A form in a dialog: sent once it is ready, with the reason it was refused, closed unless it is held open. */
import { mount } from '@vue/test-utils';
import { describe, expect, it } from 'vitest';
import { defineComponent, h, ref } from 'vue';

import { useFailure } from '@/api/error-text';
import { toApiError } from '@/api/errors';
import { i18n } from '@/i18n';
import FormDialog from '@/ui/FormDialog.vue';

import { button, eachAnew, settled, stage } from './stage';

const asked = { title: '问', action: '办', busy: false, refusal: null };
const send = (): boolean => document.querySelector('[role=dialog] form')!.dispatchEvent(new Event('submit', { cancelable: true }));

eachAnew();

describe('a form in a dialog', () => {
  it('is sent by its button, which waits until the form is ready', async () => {
    const dialog = await stage(FormDialog, { ...asked, ready: false });
    expect(button('办').disabled).toBe(true);
    await dialog.setProps({ ready: true });
    expect(button('办').disabled).toBe(false);
    expect(send()).toBe(false); // the page stays where it is
    expect(dialog.emitted('send')).toHaveLength(1);
  });

  it('tells why it was refused', async () => {
    const dialog = await stage(FormDialog, asked);
    expect(document.querySelector('[role=alert]')).toBeNull();
    await dialog.setProps({ refusal: { title: '名单变了。', detail: '请重新打开。' } });
    expect(document.querySelector('[role=alert]')!.textContent).toBe('名单变了。 请重新打开。');
  });

  it('is closed by its cross, which is gone while it is held open', async () => {
    const dialog = await stage(FormDialog, asked);
    document.querySelector<HTMLButtonElement>('.p-dialog-close-button')!.click();
    expect(dialog.emitted('close')).toHaveLength(1);
    dialog.unmount();
    await stage(FormDialog, { ...asked, closable: false });
    expect(document.querySelector('.p-dialog-close-button')).toBeNull();
  });
});

it('says what failed first of what is asked, and nothing when nothing did', async () => {
  const [first, second] = [ref<unknown>(null), ref<unknown>(undefined)];
  const told = mount(
    defineComponent(() => {
      const failure = useFailure(first, () => second.value);
      return () => h('p', failure.value?.title);
    }),
    { global: { plugins: [i18n] } },
  );
  expect(told.text()).toBe('');
  second.value = toApiError(409, { code: 'b', says: '第二个', do: '' });
  await settled();
  expect(told.text()).toBe('第二个');
  first.value = toApiError(409, { code: 'a', says: '第一个', do: '' });
  await settled();
  expect(told.text()).toBe('第一个');
});
