/*
 * dialog.jsx: one modal dialog at a time, opened from anywhere with what it shall show.
 *
 * <dialog> brings the focus trap, Escape and the way back to the button by itself.
 */
import { useEffect, useRef } from 'preact/hooks';
import { createStore, useStore } from '../lib/store.js';
import { ErrorText } from './notice.jsx';

const current = createStore(null);
const failure = createStore(null);

/* content: a function of close, that gives what is below the title */
export function openDialog(title, content) {
  failure.set(null);
  current.set({ title, content });
}

/* What went wrong with a dialog's deed is said in the dialog, since all else is out of reach meanwhile. False: none is open. */
export function showInDialog(error) {
  if (!current.get()) return false;
  failure.set(error);
  return true;
}

export function DialogHost() {
  const shown = useStore(current);
  const error = useStore(failure);
  const element = useRef(null);
  useEffect(() => {
    if (shown && !element.current.open) element.current.showModal();
  }, [shown]);
  if (!shown) return null;
  const close = () => element.current?.close();
  return (
    <dialog
      ref={element}
      class="dialog"
      aria-labelledby="dialog-title"
      onClose={() => current.set(null)}
      onClick={(event) => event.target === element.current && close()}
    >
      <div class="dialog-body">
        <h2 id="dialog-title">{shown.title}</h2>
        <div role="alert">{error && <div class="notice bad"><div><ErrorText error={error} /></div></div>}</div>
        {shown.content(close)}
      </div>
    </dialog>
  );
}

/* Cancel and the deed. */
export function DialogButtons({ close, label, isDanger, isBusy, isDisabled, onConfirm }) {
  return (
    <div class="dialog-buttons">
      <button type="button" class="button" onClick={close}>Cancel</button>
      <button
        type={onConfirm ? 'button' : 'submit'}
        class={`button ${isDanger ? 'danger' : 'primary'}`}
        disabled={isBusy || isDisabled}
        onClick={onConfirm}
      >
        {label}
      </button>
    </div>
  );
}
