/** Puts a field's text on the clipboard; false where the browser lets nobody, the text is then selected for the user to. */
export async function copied(field: HTMLTextAreaElement): Promise<boolean> {
  field.focus();
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return false; // a county served over plain http has no clipboard
  }
}
