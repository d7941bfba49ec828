import { type Reservation, SlabPool } from '../../core/spi.ts';

export interface PieceLimits {
  /** A record that is larger is a piece of its own. */
  readonly bytes: number;
  readonly records: number;
}

/** Large enough to make a write of, small enough to stay in the processor's cache. */
const LIMITS: PieceLimits = { bytes: 512 * 1024, records: 4096 };
const COLUMNS_BYTES_PER_RECORD = 4 * Int32Array.BYTES_PER_ELEMENT + 2 * Float64Array.BYTES_PER_ELEMENT;
/** Kept for the next pieces. */
const KEPT_MAX = 8;

/** Where the records of a piece lie in its bytes. */
export class PieceColumns {
  readonly start: Int32Array;
  readonly end: Int32Array;
  readonly keyStart: Int32Array;
  readonly keyEnd: Int32Array;
  readonly timestampMs: Float64Array;
  readonly offset: Float64Array;

  constructor(records: number) {
    this.start = new Int32Array(records);
    this.end = new Int32Array(records);
    this.keyStart = new Int32Array(records);
    this.keyEnd = new Int32Array(records);
    this.timestampMs = new Float64Array(records);
    this.offset = new Float64Array(records);
  }
}

/** The memory of all pieces in use, counted in a reservation that grows and shrinks with it. */
export class PieceMemory {
  readonly slabs: SlabPool;
  readonly recordsMax: number;
  readonly #freeColumns: PieceColumns[] = [];
  readonly #reservation: Reservation;
  #bytes = 0;

  constructor(reservation: Reservation, { bytes, records } = LIMITS) {
    this.slabs = new SlabPool({ slabBytes: bytes, keepMax: KEPT_MAX });
    this.recordsMax = records;
    this.#reservation = reservation;
  }

  takeBytes(bytesMin: number): Buffer {
    const bytes = this.slabs.take(bytesMin);
    this.#count(bytes.length);
    return bytes;
  }

  giveBytes(bytes: Buffer): void {
    this.#count(-bytes.length);
    this.slabs.put(bytes);
  }

  takeColumns(): PieceColumns {
    this.#count(this.recordsMax * COLUMNS_BYTES_PER_RECORD);
    return this.#freeColumns.pop() ?? new PieceColumns(this.recordsMax);
  }

  giveColumns(columns: PieceColumns): void {
    this.#count(-this.recordsMax * COLUMNS_BYTES_PER_RECORD);
    if (this.#freeColumns.length < KEPT_MAX) this.#freeColumns.push(columns);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    this.#reservation.resize(this.#bytes);
  }
}
