/*
 * toast.jsx: what came of an action. Success goes away by itself; an error stays until it is dismissed.
 */
import { createStore, useStore } from '../lib/store.js';
import { visible } from '../lib/text.js';
import { ErrorText } from './notice.jsx';

const toasts = createStore([]);
const SHOWN_MS = 6000;
let lastId = 0;

function dismiss(id) {
  toasts.set(toasts.get().filter((toast) => toast.id !== id));
}

function show(toast) {
  const id = ++lastId;
  toasts.set([...toasts.get().slice(-3), { ...toast, id }]);
  return id;
}

export function toastSuccess(text) {
  const id = show({ text });
  setTimeout(() => dismiss(id), SHOWN_MS);
}

export const toastError = (error) => show({ error });

export function Toasts() {
  const shown = useStore(toasts);
  const item = (toast) => (
    <div key={toast.id} class={`toast ${toast.error ? 'bad' : 'good'}`}>
      <div>{toast.error ? <ErrorText error={toast.error} /> : <p>{visible(toast.text)}</p>}</div>
      <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => dismiss(toast.id)}>×</button>
    </div>
  );
  return (
    <div class="toasts">
      <div role="status" aria-live="polite">{shown.filter((toast) => !toast.error).map(item)}</div>
      <div role="alert" aria-live="assertive">{shown.filter((toast) => toast.error).map(item)}</div>
    </div>
  );
}
