/*
 * text.js: names, errors and log lines come from anybody; they are shown without what could disguise them.
 *
 * Markup is no danger, since all text goes into text nodes. What is left are control characters, which would be
 * invisible, and marks that turn the direction of writing, which would let a name lie about the text beside it.
 */
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

export function visible(text) {
  return String(text ?? '').replace(HIDDEN, (char) => {
    const code = char.charCodeAt(0);
    if (code === 13) return '\\r';
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

export const firstLine = (text) => visible(String(text ?? '').split('\n', 1)[0]);
