"""Processes of the server that are killed, and the server itself."""
import os
import random
import signal
import time

OURS = ('synergy launcher', 'synergy scheduler', 'synergy executor', 'synergy courier')


def signal_one(w, sig, backend_type):
    """SIGKILL restarts the server; who is not there cannot be killed"""
    rows = w.surely("SELECT pid FROM pg_stat_activity WHERE backend_type = %s AND (datname = %s OR datname IS NULL) AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1",
                    backend_type, w.name)
    if not rows:
        return False
    try:
        os.kill(rows[0][0], sig)
    except ProcessLookupError:
        return False
    return True


def killer(backend_type, sig=signal.SIGKILL):
    def fault(w):
        return signal_one(w, sig, backend_type)
    fault.__name__ = '%s_%s' % ('kill' if sig == signal.SIGKILL else 'terminate', backend_type.split()[-1])
    return fault


def kill_backend(w):
    """a client's, of those that are working for us"""
    return signal_one(w, signal.SIGKILL, 'client backend')


def immediate_shutdown(w):
    w.host.stop('immediate')
    w.host.start()


def fast_restart(w):
    w.host.stop('fast')
    time.sleep(random.random())
    w.host.start()


def kill_postmaster(w):
    w.host.kill()
    time.sleep(0.5)
    w.host.start()


def terminate_all(w, seconds=2):
    """everything of ours, twice a second"""
    for _ in range(2 * seconds):
        try:
            w.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE (datname = current_database() OR backend_type = 'synergy launcher') "
                  "AND pid <> pg_backend_pid()")
        except Exception:       # noqa: BLE001      it may have hit us, or there is no server yet
            pass
        time.sleep(0.5)


def cancel_all(w, seconds=1):
    """pg_cancel_backend, as an operator does who has had enough"""
    for _ in range(4 * seconds):
        w.surely("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        time.sleep(0.25)


KILLS = [killer(t) for t in OURS] + [kill_backend, immediate_shutdown, kill_postmaster]
ALL = KILLS + [killer(t, signal.SIGTERM) for t in OURS] + [fast_restart, terminate_all, cancel_all]
