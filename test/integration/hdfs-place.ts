import { randomBytes } from 'node:crypto';
import { HdfsOutput } from '../../testing/ledger/index.ts';
import type { HdfsPlace as Cluster } from '../services/hdfs-cluster.ts';
import { waitFor } from '../services/wait.ts';
import { newestSlotOf, type Place, type SlotSeen } from './place.ts';

/** A directory of its own in a cluster. */
export class HdfsPlace implements Place {
  readonly pipeline = 'clicks';
  readonly sink: string;
  readonly store: string;
  readonly output: HdfsOutput;
  readonly watchEveryMs = 100;
  readonly #slots: HdfsOutput;

  constructor({ urls, user }: Cluster) {
    const home = `/test/${randomBytes(8).toString('hex')}`;
    const where = (path: string) =>
      `{ type: hdfs, urls: [${urls.map((url) => `"${url}"`).join(', ')}], user: ${user}, path: ${home}/${path}`;
    this.sink = `${where('clicks')}, format: ndjson }`;
    this.store = `${where('_sluice')} }`;
    this.output = new HdfsOutput({ urls, user, root: `${home}/clicks` });
    this.#slots = new HdfsOutput({ urls, user, root: `${home}/_sluice/clicks` });
  }

  async change(of: 'slots' | 'staged', withinMs: number): Promise<void> {
    const look = async () => JSON.stringify(of === 'slots' ? await this.#slots.list() : await this.staged());
    const before = await look();
    await waitFor(async () => (await look()) !== before, {
      what: `a change of ${of}`,
      timeoutMs: withinMs,
      everyMs: 1,
    });
  }

  async newestSlot(): Promise<SlotSeen> {
    const pieces: Buffer[] = [];
    for await (const piece of this.#slots.read(newestSlotOf(await this.#slots.list()))) pieces.push(piece);
    return JSON.parse(`${Buffer.concat(pieces)}`);
  }

  async staged(): Promise<string[]> {
    return await this.output.entries('.staging');
  }

  async end(): Promise<void> {} // the cluster goes with the test
}
