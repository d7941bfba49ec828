import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isTimezone, Timezone } from '../../../../connectors/filesink/directories/timezone.ts';

const HOUR_MS = 3_600_000;
const ZONES = [
  ...['UTC', 'Europe/Zurich', 'America/New_York', 'America/St_Johns', 'Asia/Kolkata', 'Asia/Kathmandu', 'Asia/Tehran'],
  ...['Australia/Lord_Howe', 'Australia/Adelaide', 'Pacific/Chatham', 'Pacific/Apia', 'Africa/Casablanca', 'Asia/Gaza'],
  ...['Africa/Cairo', 'Africa/Monrovia', 'America/Caracas', 'Asia/Pyongyang', 'Antarctica/Troll', 'America/Sao_Paulo'],
  ...['Pacific/Kwajalein', 'Asia/Kolkata', 'Europe/Dublin', 'America/Havana', '+05:45', '-03:00'],
];

/** Local time as Intl prints it, and as the offset gives it. */
const printer = (zone: string) => {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' });
  return (ms: number) => format.format(ms).replace(' ', 'T');
};
const shifted = (ms: number, offsetMs: number) => new Date(ms + offsetMs).toISOString().slice(0, 19);

test('local time is that of Intl, in zones of all kinds and whatever was asked before', () => {
  for (const name of ZONES) {
    const [zone, print] = [new Timezone(name), printer(name)];
    const moment = fc.integer({ min: Date.UTC(1905, 0, 1), max: Date.UTC(2100, 0, 1) });
    fc.assert(
      fc.property(
        moment,
        fc.array(fc.integer({ min: -2 * HOUR_MS, max: 26 * HOUR_MS }), { maxLength: 4 }),
        (ms, near) => {
          for (const at of [ms, ...near.map((distance) => ms + distance)])
            assert.equal(shifted(at, zone.offsetMsAt(at)), print(at), `${name} at ${at}`);
        },
      ),
      { numRuns: 40 },
    );
  }
});

test('an offset changes in the very millisecond in which the clocks change', () => {
  const changes: [zone: string, at: string, beforeHours: number, afterHours: number][] = [
    ['Europe/Zurich', '2026-03-29T01:00:00Z', 1, 2],
    ['Europe/Zurich', '2026-10-25T01:00:00Z', 2, 1],
    ['America/New_York', '2026-03-08T07:00:00Z', -5, -4],
    ['Australia/Lord_Howe', '2026-04-04T15:00:00Z', 11, 10.5],
    ['America/St_Johns', '2010-03-14T03:31:00Z', -3.5, -2.5],
    ['Pacific/Apia', '2011-12-30T10:00:00Z', -10, 14],
    ['Africa/Monrovia', '1972-01-07T00:44:30Z', -44.5 / 60, 0],
  ];

  for (const [name, at, beforeHours, afterHours] of changes) {
    const [zone, ms] = [new Timezone(name), Date.parse(at)];
    assert.equal(zone.offsetMsAt(ms), afterHours * HOUR_MS, `${name} from ${at} on`);
    assert.equal(zone.offsetMsAt(ms - 1), beforeHours * HOUR_MS, `${name} until ${at}`);
    assert.equal(zone.offsetMsAt(ms), afterHours * HOUR_MS);
  }
});

test('every hour around a year of changes has the offset of Intl', () => {
  for (const name of ['Africa/Casablanca', 'Europe/London', 'Australia/Lord_Howe', 'Africa/Cairo']) {
    const [zone, print] = [new Timezone(name), printer(name)];
    for (let ms = Date.UTC(2023, 0, 1); ms < Date.UTC(2023, 11, 31); ms += HOUR_MS)
      assert.equal(shifted(ms, zone.offsetMsAt(ms)), print(ms), `${name} at ${ms}`);
  }
});

test('names that the platform does not know are told apart', () => {
  for (const name of ['UTC', 'Europe/Zurich', 'GMT', '+01:00']) assert.ok(isTimezone(name), name);
  for (const name of ['Europe/Zürich', 'Mars/Olympus', '', '../UTC', 'CEST2']) assert.ok(!isTimezone(name), name);
});
