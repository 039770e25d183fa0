#!/usr/bin/env python3
"""Compares synergy.next_fires with a second implementation of docs/triggers.md, on random cases.

    compare.py [--dsn DSN] [--seed SEED] [--cases NUMBER]

A case is a trigger frequency, a zone, an instant, and how many fires are asked for. The second implementation knows
nothing of how the extension works: it was written from the document, reads the clock on the wall with Python's zoneinfo,
and goes there day by day and minute by minute. For UTC there is a third one where it speaks the same cron: croniter.

Both sides have to read the same edition of the time zone data; Debian's PostgreSQL and Python do (package tzdata).

Output: "ok - ..." or "not ok - ..." for each zone, with the number of cases; differences follow with all that is needed
to repeat them by hand. A zone in which nothing was compared fails, and so does a run that saw no gap or doubled hour.
"""
import argparse
import random
import re
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import psycopg2
from croniter import CroniterBadDateError, croniter

UTC = timezone.utc
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND, SECOND = timedelta(microseconds=1), timedelta(seconds=1)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST, LAST = datetime(1990, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
HORIZON = date(2079, 1, 1)                                      # the search ends here: rare days may be decades apart

ZONES = """UTC Europe/Berlin America/New_York Australia/Lord_Howe Asia/Kolkata America/St_Johns Pacific/Apia
    Africa/Casablanca America/Sao_Paulo Asia/Kathmandu Europe/Dublin Africa/Cairo Asia/Tehran Pacific/Chatham
    Antarctica/Troll Antarctica/Casey America/Caracas Asia/Pyongyang Asia/Gaza Pacific/Kwajalein""".split()

# ---------------------------------------------------------------- the second implementation: cron

NAMES = {'month': dict(zip('jan feb mar apr may jun jul aug sep oct nov dec'.split(), range(1, 13))),
         'dow': dict(zip('sun mon tue wed thu fri sat'.split(), range(7)))}
BOUNDS = {'minute': (0, 59), 'hour': (0, 23), 'dom': (1, 31), 'month': (1, 12), 'dow': (0, 6)}
TWO_YEARS = [date(2000, 1, 1) + i * DAY for i in range(366 + 365)]   # with and without 29 February
NICKNAMES = {'@hourly': '0 * * * *', '@daily': '0 0 * * *', '@midnight': '0 0 * * *', '@weekly': '0 0 * * 0',
             '@monthly': '0 0 1 * *', '@yearly': '0 0 1 1 *', '@annually': '0 0 1 1 *'}


def field_values(text, field):
    """the values that one field names; 'L' is one of them"""
    def value(word):
        return NAMES[field][word] if word in NAMES.get(field, ()) else int(word)

    lowest, highest = BOUNDS[field]
    values = set()
    for element in text.split(','):
        span, _, step = element.partition('/')
        if span == 'l':
            values.add('L')
            continue
        if span == '*':
            first, last = lowest, highest
        elif '-' in span:
            first, last = map(value, span.split('-'))
            if field == 'dow' and last == 0 and first > 0:      # fri-sun
                last = 7
        else:
            first = value(span)
            last = max(highest, first) if step else first
        values.update(range(first, last + 1, int(step or 1)))
    if field == 'dow' and 7 in values:
        values = values - {7} | {0}
    return values


class Cron:
    def __init__(self, text):
        text = re.sub(r'^\s*cron\s', '', text.lower()).strip()
        fields = NICKNAMES.get(text, text).split()
        self.minutes, self.hours, self.dom, self.months, self.dow = (
            field_values(*pair) for pair in zip(fields, ('minute', 'hour', 'dom', 'month', 'dow')))
        self.either = not fields[2].startswith('*') and not fields[4].startswith('*')
        self.real_time = self.hours == set(range(24))
        self.times = [(h, m) for h in sorted(self.hours) for m in sorted(self.minutes)]

    def day_holds(self, month, day, dow, is_last):
        if month not in self.months:
            return False
        by_date = day in self.dom or (is_last and 'L' in self.dom)
        by_week = dow in self.dow
        return by_date or by_week if self.either else by_date and by_week

    def names_day(self, day):
        return self.day_holds(day.month, day.day, day.isoweekday() % 7, (day + DAY).day == 1)

    def never(self):
        """each date falls on each day of the week, some time"""
        return not any(self.day_holds(day.month, day.day, dow, (day + DAY).day == 1) for day in TWO_YEARS for dow in range(7))

    def days_from(self, day):
        while day < HORIZON:
            if self.names_day(day):
                yield day
            day += DAY

    def times_of(self, day):
        return self.times


# ---------------------------------------------------------------- the second implementation: at, once, every

class At:
    real_time = False

    def __init__(self, text):
        self.by_day = [set() for _ in range(7)]
        for entry in text.lower().strip()[len('at'):].split(','):
            day, _, time = entry.strip().rpartition('-')
            hour, minute = time.split(':')
            for d in [int(day)] if day else range(7):
                self.by_day[d].add((int(hour), int(minute)))

    def never(self):
        return False

    def days_from(self, day):
        while day < HORIZON:
            yield day
            day += DAY

    def times_of(self, day):
        return sorted(self.by_day[day.weekday()])


UNITS = {1: 'ms msec msecs millisecond milliseconds', 1000: 's sec secs second seconds', 60000: 'm min mins minute minutes',
         3600000: 'h hr hrs hour hours', 86400000: 'd day days', 7 * 86400000: 'w week weeks'}
MONTH_UNITS = {1: 'mon mons month months', 12: 'y yr yrs year years'}


def every_fires(text, after, n):
    """multiples counted from Monday, 3 January 2000; months from January 2000"""
    length, months = timedelta(0), 0
    parts = re.findall(r'(\d+):(\d+)(?::(\d+))?|(\d+)\s*([a-z]*)', text.lower().strip()[len('every'):])
    for hours, minutes, seconds, number, unit in parts:
        if hours:
            length += timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0))
        elif unit in ' '.join(MONTH_UNITS.values()).split():
            months += int(number) * next(k for k, names in MONTH_UNITS.items() if unit in names.split())
        else:
            unit = unit or 's'
            length += int(number) * timedelta(milliseconds=next(k for k, names in UNITS.items() if unit in names.split()))
    fires = []
    if months:
        year, month = after.year, after.month
        while len(fires) < n and year < 10000:
            fire = datetime(year, month, 1, tzinfo=UTC)
            if fire > after and ((year - 2000) * 12 + month - 1) % months == 0:
                fires.append(fire)
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
    else:
        monday = datetime(2000, 1, 3, tzinfo=UTC)
        fire = monday + (after - monday) // length * length
        while len(fires) < n:
            fire += length
            fires.append(fire)
    return fires


# ---------------------------------------------------------------- the second implementation: the clock on the wall

class Met:
    """what was met on the way, to know that the cases are worth their time"""
    gap_ends = set()
    gaps = doubled = 0


def first_shown(local, zone):
    """when the clock shows this time first; if it never does, the first instant when it is past it

    Two times with the same zone compare as what the clock shows, whichever instants they are.
    """
    instant = local.astimezone(UTC)
    if instant.astimezone(zone) == local:
        return instant
    instant = local.replace(second=0, fold=1).astimezone(UTC)
    while instant.astimezone(zone) <= local:
        instant += MINUTE
    Met.gap_ends.add((zone.key, instant))
    return instant


def local_fires(rule, zone, after, n):
    """each local time that is named, once"""
    fires, enough = set(), None
    for day in rule.days_from(after.astimezone(zone).date() - 2 * DAY):
        if enough and day > enough + 2 * DAY:
            break
        for hour, minute in rule.times_of(day):
            fire = first_shown(datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone), zone)
            if fire > after:
                fires.add(fire)
        if len(fires) >= n:
            enough = enough or day
    fires = sorted(fires)[:n]
    Met.gaps += sum((zone.key, fire) in Met.gap_ends for fire in fires)
    return fires


def real_fires(cron, zone, after, n):
    """the clock is read every minute, and fires whenever it shows what is named"""
    fires, latest, looked_at = [], after.astimezone(zone), None
    instant = after.replace(second=0, microsecond=0) + MINUTE
    while len(fires) < n:
        now = instant.astimezone(zone)
        today = now.date()
        if now.minute in cron.minutes and now.hour in cron.hours and cron.names_day(today):
            fires.append(instant)
            Met.doubled += now < latest
        latest = max(now, latest)
        instant += MINUTE
        # nothing yesterday, today and for some days: not even clocks that are put back a day bring anything there
        if today != looked_at and not cron.names_day(today) and not cron.names_day(today - DAY):
            coming = next(cron.days_from(today), None)
            if coming is None:
                break
            instant = max(instant, datetime(coming.year, coming.month, coming.day, tzinfo=UTC) - 26 * HOUR)
        looked_at = today
    return fires


def expected_fires(text, zone, after, n):
    """the fires, and whether the others have to come beyond the horizon"""
    word = text.lower().split()[0]
    if word == 'every':
        return every_fires(text, after, n), False
    if word == 'once':
        fire = first_shown(datetime.fromisoformat(' '.join(text.split()[1:])).replace(tzinfo=zone), zone)
        return [fire] if fire > after else [], False
    rule = At(text) if word == 'at' else Cron(text)
    if rule.never():
        return [], False
    fires = (real_fires if rule.real_time else local_fires)(rule, zone, after, n)
    return fires, len(fires) < n


# ---------------------------------------------------------------- random cases

class Maker:
    def __init__(self, seed):
        self.rng = random.Random(seed)

    def chance(self, probability):
        return self.rng.random() < probability

    def changes(self, zone):
        """the instants when the zone's offset changes"""
        found, instant = [], FIRST
        while instant < LAST:
            if instant.astimezone(zone).utcoffset() != (instant + DAY).astimezone(zone).utcoffset():
                minute = instant
                while minute.astimezone(zone).utcoffset() == instant.astimezone(zone).utcoffset():
                    minute += MINUTE
                found.append(minute)
            instant += DAY
        return found

    def instant(self, change):
        rng = self.rng
        if change is None:
            at = FIRST + (LAST - FIRST) * rng.random()
        elif self.chance(0.5):
            at = change + 4 * DAY * rng.random() - 2 * DAY
        elif self.chance(0.7):
            at = change + 3 * HOUR * rng.random() - 2 * HOUR
        else:
            return change + rng.choice([0, 0, 1, -1]) * rng.choice([MICROSECOND, SECOND, MINUTE, 30 * MINUTE, HOUR, DAY])
        if self.chance(0.5):
            at = at.replace(second=0, microsecond=0)
            if self.chance(0.3):
                at += rng.choice([MICROSECOND, -MICROSECOND, SECOND])
        return at

    # ------------------------------------------------------------ texts

    def text(self, zone, at, change):
        near = (change or at) + self.rng.choice([-1, -1, 0, 0, 1]) * MINUTE
        kind = self.rng.choices(['cron', 'at', 'once', 'every'], [70, 12, 8, 10])[0]
        return kind, getattr(self, kind)(near.astimezone(zone).replace(tzinfo=None))

    def spaces(self, fields):
        space = lambda: self.rng.choice([' '] * 12 + ['  ', '\t'])  # noqa: E731
        return ''.join(field + space() for field in fields)[:-1]

    def cased(self, word):
        return self.rng.choice([word, word, word.upper(), word.capitalize()])

    def cron(self, near):
        rng = self.rng
        if self.chance(0.06):
            return self.cased(rng.choice(list(NICKNAMES)))
        if self.chance(0.03):                                   # days that never come
            days = rng.choice(['30 2 *', '31 4,6,9,11 *', '30,31 feb *', '30 2 */2'])
            return rng.choice(['0 0', '*/5 *', '10 */3']) + ' ' + days
        fields = [self.minute(near), self.hour(near)]
        fields.append('*' if self.chance(0.65) else self.field('dom', near.day))
        fields.append('*' if self.chance(0.8) else self.field('month', near.month))
        fields.append('*' if self.chance(0.65) else self.field('dow', near.isoweekday() % 7))
        return self.spaces(([self.cased('cron')] if self.chance(0.1) else []) + fields)

    def minute(self, near):
        if self.chance(0.4):
            return self.rng.choice(['0', '30', '0,30', '*/15', '*/10', '0-59/20', '15,45', '*', str(near.minute)])
        return self.field('minute', near.minute)

    def hour(self, near):
        if self.chance(0.4):
            return self.rng.choice(['*', '*', '*', '*/1', '0-23', '0/1', '0-11,12-23', '*/2', '*/3', '0-22', '1-23', '1/1'])
        return self.field('hour', near.hour)

    def field(self, field, near):
        return ','.join(self.element(field, near) for _ in range(self.rng.choice([1, 1, 1, 1, 2, 2, 3])))

    def element(self, field, near):
        rng = self.rng
        lowest, highest = BOUNDS[field]
        top = 7 if field == 'dow' else highest

        def value():
            if self.chance(0.5):
                return min(max(near + rng.choice([-1, 0, 0, 1]), lowest), highest)
            return rng.randint(lowest, top)

        def name(number):
            names = [word for word, v in NAMES.get(field, {}).items() if v == number % (7 if field == 'dow' else 99)]
            return self.cased(names[0]) if names and self.chance(0.5) else str(number)

        if field == 'dom' and self.chance(0.15):
            return rng.choice('Ll')
        shape = rng.choices(['{a}', '{a}-{b}', '*', '*/{n}', '{a}-{b}/{n}', '{a}/{n}'], [45, 15, 5, 15, 10, 10])[0]
        first, last = sorted([value(), value()])
        step = rng.randint(1, highest - lowest + 1) if self.chance(0.3) else rng.choice([1, 2, 2, 3, 4, 5])
        return shape.format(a=name(first), b=name(last), n=step)

    def at(self, near):
        def entry():
            if self.chance(0.6):
                time = near.replace(second=0) + self.rng.randint(-120, 120) * MINUTE
                if self.chance(0.5):
                    time = time.replace(minute=self.rng.choice([0, 30]))
            else:
                time = near.replace(hour=self.rng.randint(0, 23), minute=self.rng.randint(0, 59))
            text = '%02d:%02d' % (time.hour, time.minute)
            return text if self.chance(0.6) else '%d-%s' % (self.rng.choice([time.weekday(), self.rng.randint(0, 6)]), text)
        return self.cased('at') + ' ' + self.rng.choice([',', ', ']).join(entry() for _ in range(self.rng.randint(1, 6)))

    def once(self, near):
        time = near.replace(second=0, microsecond=0) + self.rng.choice([1, 1, 24, 500]) * self.rng.randint(-120, 120) * MINUTE
        if self.chance(0.4):
            return self.cased('once') + ' ' + (time + timedelta(seconds=self.rng.randint(0, 59))).isoformat(' ')
        return self.cased('once') + ' ' + time.isoformat(' ')[:16]

    def every(self, near):
        rng = self.rng
        if self.chance(0.2):
            units, most = MONTH_UNITS, {1: 40, 12: 6}
        else:
            units, most = UNITS, {1: 5000, 1000: 4000, 60000: 3000, 3600000: 100, 86400000: 40, 7 * 86400000: 9}
            if self.chance(0.15):
                return '%s %d' % (self.cased('every'), rng.randint(1, 100000))
        parts = []
        for unit in rng.sample(list(units), rng.choice([1, 1, 1, 2]) if len(units) > 1 else 1):
            name = self.cased(rng.choice(units[unit].split()))
            parts.append('%d%s%s' % (rng.randint(1, most[unit]), rng.choice(['', ' ']), name))
        if units is UNITS and self.chance(0.2):
            parts.append(rng.choice(['%d:%02d', '%02d:%02d:01']) % (rng.randint(0, 30), rng.randint(1, 59)))
        return self.cased('every') + ' ' + rng.choice([' ', '  ']).join(parts)


# ---------------------------------------------------------------- the comparison

class Case:
    def __init__(self, maker, zone_name, changes):
        self.zone_name, self.zone = zone_name, ZoneInfo(zone_name)
        change = maker.rng.choice(changes) if changes and maker.chance(0.4) else None
        self.is_near = change is not None
        self.at = maker.instant(change)
        self.n = maker.rng.randint(1, 8)
        self.kind, self.text = maker.text(self.zone, self.at, change)

    def expect(self):
        self.expected, self.go_on = expected_fires(self.text, self.zone, self.at, self.n)

    def is_met_by(self, found):
        rest = found[len(self.expected):]
        if self.go_on and not (rest and rest[0].date() >= HORIZON - DAY and len(found) == self.n):
            return False
        return found[:len(self.expected)] == self.expected and (self.go_on or not rest)

    def explain(self, who, found):
        show = lambda fires: ', '.join(str(f)[:-6] for f in fires) or 'none'  # noqa: E731
        return '%r in %s after %s, %d fires (UTC)\n#   expected: %s\n#   %s: %s' % (
            self.text, self.zone_name, self.at, self.n, show(self.expected), who, show(found))


def ask(cursor, cases):
    """the fires of the extension, for many cases at once"""
    cursor.execute("""
        SELECT ARRAY(SELECT (extract(epoch FROM f) * 1000000)::bigint
                     FROM synergy.next_fires(c.expression, c.zone, c.at, c.n) WITH ORDINALITY fires(f, i) ORDER BY i)
        FROM unnest(%s::text[], %s::text[], %s::timestamptz[], %s::int[]) WITH ORDINALITY c(expression, zone, at, n, i)
        ORDER BY i""", tuple(map(list, zip(*((c.text, c.zone_name, c.at.isoformat(), c.n) for c in cases)))))
    return [[EPOCH + timedelta(microseconds=f) for f in fires] for (fires,) in cursor]


def ask_croniter(case):
    """croniter, or None where its crons mean something else

    With two day fields it has no rule of the star, but takes a field that names all values for one. Its a/n goes to day 7.
    Newer ones take a-a, a range of one value, for the whole field. L it knows alone.
    Days of which February does not have one can lose it the first of March.
    """
    fields = case.text.lower().split()
    if len(fields) != 5 or not case.expected or re.search(r'(^|,)\w+/', fields[4]) or re.search(r'l,|,l', fields[2]):
        return None
    if any(first.zfill(2) == last.zfill(2) or not (first + last).isdigit()
           for field in fields for first, last in re.findall(r'(\w+)-(\w+)', field)):
        return None
    cron = Cron(case.text)
    if 1 < len(cron.dom - {'L'}) < 31 and max(cron.dom - {'L'}) > 28:
        return None
    if '*' not in (fields[2], fields[4]):
        if '*' in fields[2] + fields[4] or len(cron.dow) == 7 or len(cron.dom - {'L'}) == 31:
            return None
    fires = croniter(' '.join(fields), case.at)
    try:
        return [fires.get_next(datetime) for _ in case.expected]
    except CroniterBadDateError:  # of `30 feb Fri` it looks for the 30th of February, though any Friday would do
        return None


def report(differences, what):
    print(('not ok - ' if differences else 'ok - ') + what)
    for difference in differences[:10]:
        print('# ' + difference)
    if len(differences) > 10:
        print('# and %d more' % (len(differences) - 10))
    return not differences


def main():
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[0])
    parser.add_argument('--dsn', default='')
    parser.add_argument('--seed', type=int, default=random.SystemRandom().randrange(2 ** 31))
    parser.add_argument('--cases', type=int, default=16000)
    arguments = parser.parse_args()
    print('# compare.py --seed %d --cases %d' % (arguments.seed, arguments.cases), flush=True)
    maker = Maker(arguments.seed)
    cursor = psycopg2.connect(arguments.dsn).cursor()
    good, compared, by_croniter, croniter_differs = True, 0, 0, []
    for zone_name in ZONES:
        changes = maker.changes(ZoneInfo(zone_name))
        cases = [Case(maker, zone_name, changes) for _ in range(arguments.cases // len(ZONES))]
        for case in cases:
            case.expect()
        found = ask(cursor, cases) if cases else []
        differences = [c.explain('found', f) for c, f in zip(cases, found, strict=True) if not c.is_met_by(f)]
        kinds = ', '.join('%d %s' % (sum(c.kind == kind for c in cases), kind) for kind in ('cron', 'at', 'once', 'every'))
        good &= report(differences or ['nothing was compared'] * (not cases),
                       '%s: %d cases (%s), %d of them near one of %d changes, %d differ' %
                       (zone_name, len(cases), kinds, sum(c.is_near for c in cases), len(changes), len(differences)))
        compared += len(cases)
        for case in cases if zone_name == 'UTC' else []:
            fires = ask_croniter(case) if case.kind == 'cron' else None
            if fires is not None:
                by_croniter += 1
                if fires != case.expected:
                    croniter_differs.append(case.explain('croniter', fires))
    good &= report(croniter_differs or ['nothing was compared'] * (by_croniter == 0),
                   'croniter: %d cases in UTC, %d differ' % (by_croniter, len(croniter_differs)))
    good &= report([] if Met.gaps and Met.doubled else ['gaps and doubled hours have to be met'],
                   '%d cases in all; they met %d fires at the end of a gap, and %d in the second of doubled hours' %
                   (compared, Met.gaps, Met.doubled))
    raise SystemExit(not good)


if __name__ == '__main__':
    main()
