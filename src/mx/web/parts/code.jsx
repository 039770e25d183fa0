/*
 * code.jsx: commands and JSON as they are.
 */
import { visible } from '../lib/text.js';

export const Code = ({ text, label }) => <pre class="code" tabIndex={0} role="region" aria-label={label}>{visible(text)}</pre>;

export function Json({ value, label }) {
  if (value === null || value === undefined || Object.keys(value).length === 0) return <p class="muted calm">none</p>;
  return <Code text={JSON.stringify(value, null, 2)} label={label} />;
}
