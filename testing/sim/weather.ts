import { SluiceError } from '../../core/errors.ts';
import type { Dice } from '../dice.ts';
import { connectionRefused, connectionReset } from '../hdfs/errors.ts';
import { fileSystemError } from '../memory-disk.ts';
import { CLEAN, type Fate, type Port } from './calls.ts';
import type { FaultName, Plan } from './plan.ts';

const FETCH = 1;
/** A broken network is broken for a while: the share of calls that fail then, and otherwise. */
const STORM = { calm: 0.01, storm: 0.4 };
/** The time limit of a client. */
const SILENT_MS_MAX = 30_000;

/** How a port says that something failed. */
export function errorOf(port: Port, label: string): Error {
  switch (port) {
    case 'disk':
      return fileSystemError('EIO', label);
    case 'kafka':
      return new Error('the connection was reset');
    case 's3':
      return Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    case 'hdfs':
      return connectionReset();
    case 'store':
      return new SluiceError('unavailable', 'STORE_AWAY', { message: `${label}: no answer` });
  }
}

/** What the faults of the plan do to single calls, as long as there is trouble. */
export class Weather {
  readonly #faults: ReadonlySet<FaultName>;
  readonly #dice: Dice;
  /** Port calls fail often while it storms. */
  stormy: Port | undefined;
  over = false;

  constructor({ faults }: Plan, dice: Dice) {
    this.#faults = faults;
    this.#dice = dice;
  }

  fateOf(port: Port, label: string): Fate {
    if (this.over) return CLEAN;
    const share = this.stormy === port ? STORM.storm : STORM.calm;
    switch (port) {
      case 'disk':
        return this.#has('diskError', share / 5) ? this.#broken(port, label) : CLEAN;
      case 'kafka':
        return this.#has('kafkaAway', share) ? this.#broken(port, label) : CLEAN;
      case 'store':
      case 's3':
      case 'hdfs':
        return this.#storeFate(port, label, share);
    }
  }

  /** What a broker's answer looks like when it arrives. */
  mangle(apiKey: number, body: Buffer): Buffer {
    if (this.over || apiKey !== FETCH) return body;
    if (this.#has('bitFlips', 0.01) && body.length > 200) {
      const damaged = Buffer.from(body);
      // Behind the heads of answer and batch, where only the checksum can tell.
      const at = body.length - 1 - this.#dice.whole(0, 20);
      damaged[at] = (damaged[at] as number) ^ (1 << this.#dice.whole(0, 7));
      return damaged;
    }
    return body;
  }

  /** Where the answer to a fetch begins: now and then it holds records that were fetched before. */
  readsFrom(offset: number): number {
    if (this.over || !this.#has('oldRecords', 0.05)) return offset;
    return offset - this.#dice.whole(0, 20);
  }

  #storeFate(port: 'store' | 's3' | 'hdfs', label: string, share: number): Fate {
    const away = () => errorOf(port, label);
    if (this.#has('storeAway', share))
      return { kind: 'refused', error: connects(port, label) ? connectionRefused('http://hdfs.test') : away() };
    if (this.#has('storeAnswerLost', share)) return { kind: 'answerLost', error: away() };
    if (this.#has('storeLate', share)) return { kind: 'late', error: away(), byMs: this.#dice.between(10, 20_000) };
    if (!isOfBody(label) && this.#has('storeTwice', share)) return { kind: 'twice' };
    if (this.#has('storeSilent', share / 5))
      return { ...this.#broken(port, label), afterMs: this.#dice.between(1_000, SILENT_MS_MAX) };
    return CLEAN;
  }

  #broken(port: Port, label: string): Extract<Fate, { kind: 'refused' | 'answerLost' }> {
    const error = errorOf(port, label);
    return this.#dice.chance(0.5) ? { kind: 'refused', error } : { kind: 'answerLost', error };
  }

  #has(fault: FaultName, probability: number): boolean {
    return this.#faults.has(fault) && this.#dice.chance(probability);
  }
}

/** One of the steps of a body: nobody but its sender sends those. */
function isOfBody(label: string): boolean {
  return /^hdfs\..* (open|write|close)$/.test(label);
}

/** What fails before there is a connection has not happened, and the client may know that. */
function connects(port: Port, label: string): boolean {
  return port === 'hdfs' && !/ (write|close)$/.test(label);
}
