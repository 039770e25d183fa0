/*
 * notice.jsx: what stands where data would: not here yet, nothing there, or gone wrong.
 */
import { visible } from '../lib/text.js';

export function Skeleton({ rows = 6 }) {
  return (
    <div class="skeleton" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, i) => <div key={i} class="skeleton-row" />)}
    </div>
  );
}

export function Empty({ title, children }) {
  return (
    <div class="empty">
      <p class="empty-title">{title}</p>
      {children}
    </div>
  );
}

/* message, detail and hint, as PostgreSQL gives them */
export function ErrorText({ error }) {
  return (
    <>
      <p class="error-message">{visible(error.message)}</p>
      {error.detail && <p>{visible(error.detail)}</p>}
      {error.hint && <p class="muted">Hint: {visible(error.hint)}</p>}
    </>
  );
}

export function ErrorNotice({ error, onRetry }) {
  return (
    <div class="notice bad" role="alert">
      <div><ErrorText error={error} /></div>
      {onRetry && <button type="button" class="button" onClick={onRetry}>Try again</button>}
    </div>
  );
}

/* The three of them around a query: children is a function of its data. Old data stay below an error. */
export function Answer({ query, rows, children }) {
  const { data, error, reload } = query;
  return (
    <>
      {error && error.status !== 401 && <ErrorNotice error={error} onRetry={reload} />}
      {data ? children(data) : !error && <Skeleton rows={rows} />}
    </>
  );
}
