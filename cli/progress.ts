import type { CounterName, GaugeName, Metrics } from '../core/contract/env.ts';
import { elapsed, grouped, short } from './units.ts';

/** Rates are averages over this long. */
const RATE_WINDOW_MS = 5_000;

export type RunState = 'starting' | 'running' | 'stopping';

export interface Snapshot {
  readonly state: RunState;
  readonly records: number;
  readonly recordsPerSecond: number;
  readonly bytes: number;
  readonly bytesPerSecond: number;
  readonly files: number;
  readonly checkpoints: number;
  readonly restarts: number;
  /** Records between the position and the end; undefined until the source has said. */
  readonly lag: number | undefined;
  readonly lastCheckpointAgeMs: number | undefined;
  readonly pendingHandles: number;
}

interface Sample {
  readonly atMs: number;
  readonly records: number;
  readonly bytes: number;
}

/** Collects what the engine counts and tells how the run is doing. */
export class Progress implements Metrics {
  readonly #monotonicMs: () => number;
  readonly #counters: Record<CounterName, number> = {
    records: 0,
    bytes: 0,
    checkpoints: 0,
    files: 0,
    restarts: 0,
    fetches: 0,
  };
  readonly #gauges: Partial<Record<GaugeName, number>> = {};
  readonly #samples: Sample[] = [];
  #stopping = false;

  constructor(monotonicMs: () => number) {
    this.#monotonicMs = monotonicMs;
  }

  add(counter: CounterName, n: number): void {
    this.#counters[counter] += n;
  }

  set(gauge: GaugeName, value: number): void {
    this.#gauges[gauge] = value;
  }

  stopping(): void {
    this.#stopping = true;
  }

  /** How it stands now; call it regularly, since rates are taken between calls. */
  snapshot(): Snapshot {
    const { records, bytes, files, checkpoints, restarts } = this.#counters;
    const { lag, lastCheckpointAtMs, pendingHandles = 0, epoch } = this.#gauges;
    const now = { atMs: this.#monotonicMs(), records, bytes };
    this.#samples.push(now);
    while (this.#samples.length > 2 && now.atMs - (this.#samples[1] as Sample).atMs >= RATE_WINDOW_MS) {
      this.#samples.shift();
    }
    const before = this.#samples[0] as Sample;
    const seconds = (now.atMs - before.atMs) / 1000;
    const perSecond = (count: number) => (seconds === 0 ? 0 : count / seconds);
    return {
      state: this.#stopping ? 'stopping' : epoch === undefined ? 'starting' : 'running',
      records,
      recordsPerSecond: perSecond(records - before.records),
      bytes,
      bytesPerSecond: perSecond(bytes - before.bytes),
      files,
      checkpoints,
      restarts,
      lag,
      lastCheckpointAgeMs: lastCheckpointAtMs === undefined ? undefined : now.atMs - lastCheckpointAtMs,
      pendingHandles,
    };
  }
}

/** The live line of a terminal. */
export function progressLine(pipeline: string, snapshot: Snapshot): string {
  const { state, records, recordsPerSecond, bytesPerSecond, files, restarts, lag, lastCheckpointAgeMs } = snapshot;
  const parts = [
    `${pipeline} ${state}`,
    `${grouped(records)} records`,
    `${short(recordsPerSecond)}/s`,
    `${(bytesPerSecond / 1e6).toFixed(1)} MB/s`,
    ...(lag === undefined ? [] : [`lag ${grouped(lag)}`]),
    lastCheckpointAgeMs === undefined ? 'no checkpoint yet' : `checkpoint ${elapsed(lastCheckpointAgeMs)} ago`,
    `${grouped(files)} ${files === 1 ? 'file' : 'files'}`,
  ];
  if (restarts > 0) parts.push(`${restarts} ${restarts === 1 ? 'restart' : 'restarts'}`);
  return parts.join(' | ');
}

/** The same for machines: whole numbers, units in the names. */
export function progressFields(snapshot: Snapshot): Record<string, number | string | null> {
  return {
    state: snapshot.state,
    records: snapshot.records,
    recordsPerSecond: Math.round(snapshot.recordsPerSecond),
    bytes: snapshot.bytes,
    bytesPerSecond: Math.round(snapshot.bytesPerSecond),
    files: snapshot.files,
    checkpoints: snapshot.checkpoints,
    restarts: snapshot.restarts,
    lag: snapshot.lag ?? null,
    lastCheckpointAgeMs: snapshot.lastCheckpointAgeMs === undefined ? null : Math.round(snapshot.lastCheckpointAgeMs),
    pendingHandles: snapshot.pendingHandles,
  };
}
