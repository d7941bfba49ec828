import { type RequestCounter, type Requests, requestsBetween } from '../requests.ts';

/** What a measured program says of itself, as one line of JSON on standard output. */
export interface Measurement {
  records: number;
  /** Bytes of output. */
  bytes: number;
  /** User and system time of all threads before the first batch was in hand. */
  cpuStartUpS: number;
  /** From the first batch to the last durable commit. */
  cpuS: number;
  wallS: number;
  rssPeakMiB: number;
  /** Slots that moved a position, where there are such. */
  checkpoints?: number;
  /** To an S3 server, since the first batch. */
  requests?: Requests;
}

/** Measures the process it lives in. */
export class Meter {
  readonly #requests: Pick<RequestCounter, 'now'> | undefined;
  #first: { cpuS: number; atMs: number; requests: Requests | undefined } | undefined;

  constructor(requests?: Pick<RequestCounter, 'now'>) {
    this.#requests = requests;
  }

  /** Called with every batch; the first call starts the measurement. */
  batch(): void {
    this.#first ??= { cpuS: cpuS(), atMs: performance.now(), requests: this.#requests?.now };
  }

  /** The last byte is durable. */
  done(result: { records: number; bytes: number; checkpoints?: number }): void {
    const first = this.#first;
    if (first === undefined) throw new Error('no batch arrived');
    const measurement: Measurement = {
      ...result,
      cpuStartUpS: first.cpuS,
      cpuS: cpuS() - first.cpuS,
      wallS: (performance.now() - first.atMs) / 1000,
      rssPeakMiB: process.resourceUsage().maxRSS / 1024,
      ...(this.#requests && { requests: requestsBetween(first.requests ?? {}, this.#requests.now) }),
    };
    console.log(JSON.stringify(measurement));
  }
}

function cpuS(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
