// The engine with sink and checkpoints in a bucket or in HDFS, and a clock at each step of a commit. Prints one line of JSON (`Report`) at its end.
// usage: program.ts <Job as JSON>
import { kafka } from '../../connectors/kafka/index.ts';
import { type CounterName, pipeline, systemEnv } from '../../core/index.ts';
import { RequestCounter, type Requests, requestsBetween } from '../requests.ts';
import { endsOf, nameOf, type Target } from './ends.ts';
import { watchedSink, watchedStore } from './watched.ts';

export interface Job {
  brokers: string;
  topic: string;
  target: Target;
  interval: string;
  /** Closes a file after so many records. */
  rollRecords?: number;
  /** `finishes` at what is latest now; `measures` so many checkpoints and stops; `dies` before the first commit. */
  how: { kind: 'finishes' } | { kind: 'measures'; checkpoints: number } | { kind: 'dies' };
}

/** From the barrier of one checkpoint until its file was ... */
export interface CommitTimes {
  stagedMs: number;
  durableMs: number;
  visibleMs: number;
}

/** What an earlier run had left, and how long it took; times since this process began. */
export interface Restored {
  handles: number;
  beganMs: number;
  visibleMs: number;
  settledMs: number;
  /** CPU time between `beganMs` and `settledMs`. */
  cpuMs: number;
  requests: Requests;
}

export interface Report {
  commits: CommitTimes[];
  /** Of the checkpoints in `commits`, the files that they made included. */
  requests: Requests;
  restored: Restored | undefined;
  inFlightMax: number;
  /** When the engine was told of the end. */
  endedMs: number;
}

/** Before these the compiler is at work, and retention has nothing to delete. */
const WARM_UP_CHECKPOINTS = 20;

const job = JSON.parse(process.argv[2] ?? '') as Job;
const { brokers, topic, target, interval, rollRecords, how } = job;
const requests = new RequestCounter();
const stop = new AbortController();
const commits: CommitTimes[] = [];
/** Of files that are staged and not visible, by name. */
const staging = new Map<string, { cutMs: number; stagedMs: number; durableMs: number }>();
let cuts = 0;
let requestsFirst: Requests = {};
let requestsMeasured: Requests = {};
let began: { handles: number; beganMs: number; cpuMs: number; requests: Requests } | undefined;
let visibleMs: number | undefined;
let restored: Restored | undefined;
let restarts = 0;

const { sink, store } = endsOf(target, rollRecords);

await pipeline({
  name: 'commits',
  source: kafka({
    ...{ brokers: brokers.split(','), topics: [topic], start: 'earliest' },
    ...(how.kind === 'measures' ? {} : { stop: 'latest' as const }),
  }),
  sink: watchedSink(sink, {
    cut: () => {
      cuts++;
      if (how.kind !== 'measures') return;
      if (cuts === WARM_UP_CHECKPOINTS + 1) requestsFirst = requests.now;
      if (cuts !== WARM_UP_CHECKPOINTS + how.checkpoints + 1) return;
      requestsMeasured = requestsBetween(requestsFirst, requests.now);
      stop.abort();
    },
    staged: ({ handles }, cutMs) => {
      const stagedMs = performance.now();
      for (const { payload } of handles) staging.set(nameOf(payload), { cutMs, stagedMs, durableMs: Number.NaN });
    },
    durable: (handles) => {
      if (how.kind === 'dies') process.kill(process.pid, 'SIGKILL');
      const durableMs = performance.now();
      for (const { payload } of handles) {
        const times = staging.get(nameOf(payload));
        if (times !== undefined) times.durableMs = durableMs;
        else began ??= { handles: handles.length, beganMs: durableMs, cpuMs: cpuMs(), requests: requests.now };
      }
    },
    settled: (handles, verdicts) => {
      const nowMs = performance.now();
      for (const [i, { payload }] of handles.entries()) {
        const verdict = verdicts[i];
        if (verdict?.kind !== 'committed') throw new Error(`not committed at once: ${JSON.stringify(verdict)}`);
        const times = staging.get(nameOf(payload));
        if (times === undefined) {
          visibleMs = nowMs;
          continue;
        }
        const { cutMs, stagedMs, durableMs } = times;
        staging.delete(nameOf(payload));
        commits.push({ stagedMs: stagedMs - cutMs, durableMs: durableMs - cutMs, visibleMs: nowMs - cutMs });
      }
    },
  }),
  checkpoints: { interval, store: watchedStore(store, noteSettled) },
}).run({ env: systemEnv({ metrics: { add: count, set: () => {} } }), signal: stop.signal });
if (restarts > 0) throw new Error(`${restarts} restarts: the measurement is worth nothing`);

const report: Report = {
  commits: how.kind === 'measures' ? commits.slice(WARM_UP_CHECKPOINTS, WARM_UP_CHECKPOINTS + how.checkpoints) : [],
  requests: requestsMeasured,
  restored,
  inFlightMax: requests.inFlightMax,
  endedMs: performance.now(),
};
console.log(JSON.stringify(report));

/** The first slot after all that was carried is visible is the one without it. */
function noteSettled(): void {
  if (began === undefined || visibleMs === undefined || restored !== undefined) return;
  const { handles, beganMs, cpuMs: cpuBeganMs, requests: requestsBefore } = began;
  restored = {
    ...{ handles, beganMs, visibleMs, settledMs: performance.now(), cpuMs: cpuMs() - cpuBeganMs },
    requests: requestsBetween(requestsBefore, requests.now),
  };
}

function count(counter: CounterName, n: number): void {
  if (counter === 'restarts') restarts += n;
}

function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e3;
}
