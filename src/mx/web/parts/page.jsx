/*
 * page.jsx: the head of a page, and its sections.
 *
 * The heading gets the focus after each step, so that screen readers say where one is.
 */
import { useEffect } from 'preact/hooks';
import { session } from '../lib/session.js';
import { useStore } from '../lib/store.js';
import { visible } from '../lib/text.js';

/* title: text, for the window, too; above: a breadcrumb; badge: beside the title; children: actions */
export function PageHead({ title, above, badge, children }) {
  const who = useStore(session);
  useEffect(() => {
    document.title = `${visible(title)} · Synergy ${visible(who.database)}`;
  }, [title, who.database]);
  return (
    <header class="page-head">
      {above && <nav class="crumbs" aria-label="Breadcrumb">{above}</nav>}
      <div class="page-title">
        <h1 tabIndex={-1}><bdi>{visible(title)}</bdi></h1>
        {badge}
        {children && <div class="page-actions">{children}</div>}
      </div>
    </header>
  );
}

export function Section({ title, note, tools, children, class: extra = '' }) {
  const id = `s-${title.toLowerCase().replace(/[^a-z]+/g, '-')}`;
  return (
    <section class={`section ${extra}`} aria-labelledby={id}>
      <div class="section-head">
        <h2 id={id}>{title}</h2>
        {note && <span class="muted section-note">{note}</span>}
        {tools && <div class="section-tools">{tools}</div>}
      </div>
      {children}
    </section>
  );
}
