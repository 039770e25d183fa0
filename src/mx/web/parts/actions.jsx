/*
 * actions.jsx: buttons that do something. Each is there only when the role may.
 *
 * Skip, reprocess and cancel reach further than the job they are asked for, so they are tried first (dry_run), and
 * what they would change is shown before anybody confirms it.
 */
import { useState } from 'preact/hooks';
import { act } from '../lib/api.js';
import { refreshAll } from '../lib/live.js';
import { useMay } from '../lib/session.js';
import { number } from '../lib/time.js';
import { visible } from '../lib/text.js';
import { DialogButtons, openDialog, showInDialog } from './dialog.jsx';
import { State } from './state.jsx';
import { Name, Period } from './time.jsx';
import { toastError, toastSuccess } from './toast.jsx';

/* Says what has come of it; true when it was done. */
export async function perform(action, body, done) {
  try {
    const { changes } = await act(action, body);
    toastSuccess(typeof done === 'function' ? done(changes) : done);
    refreshAll();
    return true;
  } catch (error) {
    if (error.status !== 401 && !showInDialog(error)) toastError(error);
    return false;
  }
}

export const nameText = (process, entry) => (entry ? `${process} / ${entry}` : process);
const jobs = (n) => `${number(n)} ${n === 1 ? 'job' : 'jobs'}`;

/* A button that is busy while its deed is under way. Were it disabled meanwhile, it would lose the focus. */
export function ActionButton({ onAct, class: extra = '', children, ...rest }) {
  const [isBusy, setBusy] = useState(false);
  const run = async () => {
    if (isBusy) return;
    setBusy(true);
    await onAct();
    setBusy(false);
  };
  return <button type="button" class={`button ${extra}`} aria-disabled={isBusy ? 'true' : undefined} onClick={run} {...rest}>{children}</button>;
}

const SHOWN = 500;

function Changes({ changes }) {
  return (
    <>
      <ol class="changes">
        {changes.slice(0, SHOWN).map((change) => (
          <li key={`${change.process_name}/${change.timeperiod}`}>
            <Name process={change.process_name} isLink={false} />
            <Period period={change.timeperiod} process={change.process_name} isLink={false} />
            <span class="change"><State word={change.old_state} /> → <State word={change.new_state} /></span>
          </li>
        ))}
      </ol>
      {changes.length > SHOWN && <p class="muted">and {jobs(changes.length - SHOWN)} more</p>}
    </>
  );
}

function DryRun({ close, changes, label, done, action, body, isNeeded, then }) {
  const [isBusy, setBusy] = useState(false);
  const confirm = async () => {
    setBusy(true);
    if (await perform(action, body, done)) {
      close();
      then?.();
    } else setBusy(false);
  };
  return (
    <>
      {changes.length > 0
        ? <><p>{jobs(changes.length)} would change:</p><Changes changes={changes} /></>
        : <p>No job would change its state.</p>}
      <DialogButtons close={close} label={label} isDanger isBusy={isBusy} isDisabled={isNeeded && !changes.length} onConfirm={confirm} />
    </>
  );
}

async function tryFirst({ action, body, title, verb, done, isNeeded = true, label, then }) {
  try {
    const { changes } = await act(action, { ...body, dry_run: true });
    openDialog(title, (close) => (
      <DryRun {...{ close, changes, action, body, done, isNeeded, then }} label={label ?? `${verb} ${jobs(changes.length)}`} />
    ));
  } catch (error) {
    if (error.status !== 401) toastError(error);
  }
}

export function SkipButton({ process, period, class: extra }) {
  if (!useMay().skip) return null;
  const body = { process_name: process, timeperiod: period };
  const onAct = () => tryFirst({ action: 'skip', body, verb: 'Skip', title: `Skip ${visible(process)} ${period}?`, done: (changes) => `Skipped ${jobs(changes.length)}` });
  return <ActionButton onAct={onAct} class={extra} title="Finish it as skipped, with what is below it">Skip</ActionButton>;
}

export function ReprocessButton({ process, period, class: extra }) {
  if (!useMay().reprocess) return null;
  const body = { process_name: process, timeperiod: period };
  const onAct = () => tryFirst({ action: 'reprocess', body, verb: 'Reprocess', title: `Reprocess ${visible(process)} ${period}?`, done: (changes) => `Reprocessing ${jobs(changes.length)}` });
  return <ActionButton onAct={onAct} class={extra} title="Run it again, with what was made of it">Reprocess</ActionButton>;
}

/* The same for many jobs of one process. */
export function ManyButton({ action, verb, process, periods, then }) {
  if (!useMay()[action]) return null;
  const body = { process_name: process, timeperiods: periods };
  const onAct = () => tryFirst({ action, body, verb, then, title: `${verb} ${jobs(periods.length)} of ${visible(process)}?`, done: (changes) => `${verb}: ${jobs(changes.length)}` });
  return <ActionButton onAct={onAct} disabled={!periods.length}>{verb}</ActionButton>;
}

export function CancelButton({ unit, class: extra }) {
  if (!useMay().cancel) return null;
  const body = { unit_of_work_id: unit };
  const onAct = () => tryFirst({ action: 'cancel', body, title: `Cancel unit ${unit}?`, label: `Cancel unit ${unit}`, isNeeded: false, done: `Canceled unit ${unit}` });
  return <ActionButton onAct={onAct} class={extra}>Cancel unit</ActionButton>;
}

export function TriggerButton({ process, entry, class: extra }) {
  if (!useMay().trigger) return null;
  const onAct = () => perform('trigger', { process_name: process, entry_name: entry }, `Triggered ${nameText(process, entry)}`);
  return <ActionButton onAct={onAct} class={extra} title="As if its trigger fired now">Trigger now</ActionButton>;
}

export function SwitchButton({ process, entry, isOn, class: extra }) {
  const action = isOn ? 'deactivate' : 'activate';
  if (!useMay()[action]) return null;
  const done = `${isOn ? 'Switched off' : 'Switched on'} ${nameText(process, entry)}`;
  return <ActionButton onAct={() => perform(action, { process_name: process, entry_name: entry }, done)} class={extra}>{isOn ? 'Switch off' : 'Switch on'}</ActionButton>;
}

export function DaemonButton({ process, isOn, class: extra }) {
  const action = isOn ? 'stop_daemon' : 'start_daemon';
  if (!useMay()[action]) return null;
  return <ActionButton onAct={() => perform(action, { process_name: process }, `${isOn ? 'Stopping' : 'Starting'} ${process}`)} class={extra}>{isOn ? 'Stop' : 'Start'}</ActionButton>;
}

/* A question before something that cannot be taken back. */
export function confirmFirst({ title, text, label, action, body, done, then }) {
  openDialog(title, (close) => (
    <>
      <p>{text}</p>
      <DialogButtons
        close={close}
        label={label}
        isDanger
        onConfirm={async () => {
          if (!(await perform(action, body, done))) return;
          close();
          then?.();
        }}
      />
    </>
  ));
}

export function UnregisterButton({ process, entry, then, class: extra }) {
  if (!useMay().unregister_freerun) return null;
  const ask = () => confirmFirst({
    title: 'Delete this freerun?',
    text: `${visible(nameText(process, entry))} and its units of work are removed. The event log stays.`,
    label: 'Delete',
    action: 'unregister_freerun',
    body: { process_name: process, entry_name: entry },
    done: `Deleted ${nameText(process, entry)}`,
    then,
  });
  return <button type="button" class={`button ${extra ?? ''}`} onClick={ask}>Delete</button>;
}
