import { Audit, RecordReader, type Verdict } from '../ledger/index.ts';
import { visibleFile } from '../ledger/output.ts';
import type { MemoryDisk } from '../memory-disk.ts';
import { eachLine } from './lines.ts';
import { removeFile, visibleFiles } from './output.ts';
import type { World } from './world.ts';

/** A downstream job that reads along: what it has seen must never change, go, or have been seen too early. */
export class Reader {
  readonly #world: World;
  /** By path; the bytes are a new buffer whenever a file was written to. */
  readonly #seen = new Map<string, Buffer>();
  /** What the loader has moved away. */
  readonly #taken = new Map<string, Buffer>();
  readonly #record = new RecordReader();
  /** Another one after a power loss. */
  #disk: MemoryDisk;
  #epochMax = 0;
  /** Lines in all files seen so far. */
  records = 0;

  constructor(world: World) {
    this.#world = world;
    this.#disk = world.disk;
  }

  /** Looks at the whole output once. */
  look(): void {
    const world = this.#world;
    if (world.disk !== this.#disk) this.#forgetSightings();
    this.#disk = world.disk;
    const listed = visibleFiles(world);
    for (const [path, bytes] of this.#seen) {
      const now = listed.get(path);
      if (now === undefined) world.wrong(`vanished: ${path} was visible and is gone`);
      else if (now !== bytes && !now.equals(bytes)) world.wrong(`changed: ${path}`);
      if (now === undefined) this.#seen.delete(path);
    }
    const epochMaxBefore = this.#epochMax;
    for (const [path, bytes] of listed) {
      if (this.#seen.has(path)) continue;
      if (this.#taken.has(path)) world.wrong(`brought back: ${path} had been moved away`);
      this.#judgeEpoch(path, epochMaxBefore);
      this.#seen.set(path, bytes);
      this.#read(path, bytes);
    }
  }

  /** Moves away some of what is visible, as an event-driven loader does. */
  take(isTaken: () => boolean): void {
    this.look();
    for (const [path, bytes] of this.#seen) {
      if (!isTaken()) continue;
      removeFile(this.#world, path);
      this.#seen.delete(path);
      this.#taken.set(path, bytes);
      this.#world.note(`loader takes ${path}`);
      this.#world.saw('a file taken by a loader');
    }
  }

  /** A power loss may take back a rename that a reader has seen; the same file comes again. */
  #forgetSightings(): void {
    for (const [path, bytes] of this.#seen) {
      if (visibleFiles(this.#world).get(path)?.equals(bytes)) continue;
      this.#seen.delete(path);
      this.records -= this.#linesOf(path, bytes);
    }
  }

  audit(): Verdict {
    const audit = new Audit(this.#world.ledger);
    const files = [...this.#taken, ...visibleFiles(this.#world)].map(
      ([path, bytes]) => [visibleFile(path), bytes] as const,
    );
    files.sort(([a], [b]) => (a.series === b.series ? compare(a.path, b.path) : compare(a.series, b.series)));
    for (const [{ path, series }, bytes] of files) {
      audit.beginFile(path, series);
      eachLine(path, bytes, audit.line);
      audit.endFile();
    }
    return audit.finish({ recordsMin: 0 });
  }

  #judgeEpoch(path: string, epochMaxBefore: number): void {
    const { epoch } = visibleFile(path);
    const { plan, sometimes } = this.#world;
    // A commit that has to be tried again is overtaken by those behind it, and an upload keeps its key whoever ends it.
    const mayBeLate =
      sometimes.has('a commit tried again') ||
      (plan.sink === 's3' && sometimes.has('open files finished by a successor'));
    if (epoch < epochMaxBefore && !mayBeLate)
      this.#world.wrong(`zombie: ${path} appeared after files of epoch ${epochMaxBefore}`);
    this.#epochMax = Math.max(this.#epochMax, epoch);
  }

  #read(path: string, bytes: Buffer): void {
    const record = this.#record;
    const { ledger } = this.#world;
    eachLine(path, bytes, (buffer, start, end, whole) => {
      this.records++;
      if (!whole || !record.read(buffer, start, end)) {
        this.#world.wrong(`torn: ${path} holds ${JSON.stringify(buffer.toString('latin1', start, end).slice(0, 80))}`);
        return;
      }
      if (ledger.outcomeOf(record.topic, record.partition, record.sequence) === 'open')
        this.#world.wrong(`early: ${path} shows a record of an open transaction`);
    });
  }

  #linesOf(path: string, bytes: Buffer): number {
    let lines = 0;
    eachLine(path, bytes, () => lines++);
    return lines;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
