/*
 * router.js: where we are, and how to get elsewhere.
 *
 * Links are plain <a href>: a click on one of ours is caught at the document, so that a new tab, a copied address and
 * a screen reader get what they expect. Names may hold anything, so a path is built from encoded segments only.
 */
import { createStore } from './store.js';

const here = () => ({ path: location.pathname, search: location.search, isBack: false });

export const place = createStore(here());

/* path`/jobs/${name}/${period}` with each value encoded */
export function path(strings, ...values) {
  return strings.reduce((done, string, i) => done + encodeURIComponent(values[i - 1]) + string);
}

/* ?a=1&b=2 of those that have a value */
export function search(values) {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(values))
    if (value !== undefined && value !== null && value !== '' && value !== false) params.set(name, String(value));
  const text = params.toString();
  return text && `?${text}`;
}

export function navigate(url, { replace = false } = {}) {
  history[replace ? 'replaceState' : 'pushState'](null, '', url);
  place.set(here());
}

/* Other arguments behind the same path, without a step in the history: for filters that change while one types. */
export function setArguments(values) {
  navigate(location.pathname + search({ ...Object.fromEntries(new URLSearchParams(location.search)), ...values }), {
    replace: true,
  });
}

export const argumentsOf = (place) => Object.fromEntries(new URLSearchParams(place.search));

/* The first pattern that fits: ["/jobs/:process/:timeperiod", page]; null when none does, or a segment is no UTF-8. */
export function match(routes, pathname) {
  const segments = pathname.split('/').slice(1);
  for (const [pattern, page] of routes) {
    const wanted = pattern.split('/').slice(1);
    if (wanted.length !== segments.length) continue;
    if (!wanted.every((part, i) => (part.startsWith(':') ? segments[i] !== '' : part === segments[i]))) continue;
    try {
      const params = {};
      wanted.forEach((part, i) => {
        if (part.startsWith(':')) params[part.slice(1)] = decodeURIComponent(segments[i]);
      });
      return { page, params };
    } catch {
      return null;
    }
  }
  return null;
}

export function startRouter() {
  addEventListener('popstate', () => place.set({ ...here(), isBack: true }));
  document.addEventListener('click', (event) => {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target.closest?.('a[href]');
    if (!link || link.target || link.origin !== location.origin || link.hasAttribute('download')) return;
    if (link.pathname === location.pathname && link.search === location.search && link.hash) return;
    if (link.pathname === '/login') return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}
