/*
 * backfill.jsx: the years before a timetable began: from where, and to where, exclusive.
 */
import { useState } from 'preact/hooks';
import { useMay } from '../lib/session.js';
import { number } from '../lib/time.js';
import { visible } from '../lib/text.js';
import { perform } from './actions.jsx';
import { DialogButtons, openDialog } from './dialog.jsx';

const PATTERN = '[0-9]{10}';

function BackfillForm({ close, process }) {
  const [isBusy, setBusy] = useState(false);
  const submit = async (event) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const body = { process_name: process, from_timeperiod: form.get('from') };
    if (form.get('to')) body.to_timeperiod = form.get('to');
    setBusy(true);
    const isDone = await perform('backfill', body, (changes) => `Backfill: ${number(changes.reduce((sum, change) => sum + change.jobs, 0))} jobs made`);
    if (isDone) close();
    else setBusy(false);
  };
  return (
    <form onSubmit={submit} class="form">
      <p class="muted">The periods before its present start are made, in all processes of the timetable, and worked on beside the present ones.</p>
      <label for="backfill-from">From timeperiod</label>
      <input id="backfill-from" name="from" required pattern={PATTERN} inputMode="numeric" placeholder="2015010100" aria-describedby="backfill-help" />
      <label for="backfill-to">To timeperiod, exclusive <span class="muted">(optional)</span></label>
      <input id="backfill-to" name="to" pattern={PATTERN} inputMode="numeric" placeholder="its present start" aria-describedby="backfill-help" />
      <p id="backfill-help" class="muted small-text">Ten digits: YYYYMMDDHH, with zeros below the precision.</p>
      <DialogButtons close={close} label="Backfill" isBusy={isBusy} />
    </form>
  );
}

export function BackfillButton({ process, class: extra = '' }) {
  if (!useMay().backfill) return null;
  return (
    <button type="button" class={`button ${extra}`} onClick={() => openDialog(`Backfill ${visible(process)}`, (close) => <BackfillForm {...{ close, process }} />)}>
      Backfill
    </button>
  );
}
