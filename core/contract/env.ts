/** Everything a part may take from the world besides its ports: who it is, time, timers, randomness, ids, logs and metrics. */
export interface Env {
  readonly self: Self;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly ids: Ids;
  readonly log: Logger;
  readonly metrics: Metrics;
}

/** Who writes a slot, for the messages of whoever finds it. Decides nothing. */
export interface Self {
  readonly host: string;
  readonly pid: number;
  readonly version: string;
}

export interface Clock {
  /** Wall time in ms since 1970. May jump: for people and file names of the day, never for decisions. */
  nowMs(): number;
  /** The same moment as ISO 8601 text in UTC. */
  isoNow(): string;
  /** Milliseconds since some fixed moment of this process; never goes back. */
  monotonicMs(): number;
}

export interface Timers {
  /** Resolves after `ms`, or at once when `signal` aborts: the caller looks at its signal, it is not an error. */
  sleep(ms: number, options?: { signal?: AbortSignal | undefined }): Promise<void>;
  /** Calls `run` once after `ms`; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
}

export interface Random {
  /** Uniform in [0, 1). */
  next(): number;
}

export interface Ids {
  /** `bytes` random bytes in lower-case hex. Unguessable, so that two hosts never make the same. */
  hex(bytes: number): string;
}

export type LogFields = Record<string, unknown>;

export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Counters only grow; gauges are set. Names are API: they are what dashboards and the progress line read. */
export interface Metrics {
  add(counter: CounterName, n: number): void;
  set(gauge: GaugeName, value: number): void;
}

export type CounterName =
  | 'records' // taken by the sink
  | 'bytes' // of output, before compression
  | 'checkpoints' // slots that moved a position
  | 'files' // handles committed
  | 'restarts' // incarnations after the first
  | 'fetches';

export type GaugeName =
  | 'lag' // records between the position and the end, over all splits
  | 'pendingHandles'
  | 'checkpointMs' // barrier to durable slot, of the last one
  | 'lastCheckpointAtMs' // monotonic
  | 'epoch'
  | 'memoryBytes'; // reserved of the budget
