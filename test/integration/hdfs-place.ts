import { randomBytes } from 'node:crypto';
import { HdfsOutput } from '../../testing/ledger/index.ts';
import type { HdfsPlace as Cluster } from '../services/hdfs-cluster.ts';
import { waitFor } from '../services/wait.ts';
import { newestSlotOf, type Place, type SlotSeen } from './place.ts';

/** Letters that others trip over: each has a meaning in URLs, and the last ones are no ASCII. */
const ODD = 'a b+100%25 größe 点击';

/** A directory of its own in a cluster, with a name that is hard to write. The store is reached as the sink is. */
export class HdfsPlace implements Place {
  readonly pipeline = 'clicks';
  readonly sink: string;
  readonly store: string;
  readonly output: HdfsOutput;
  readonly watchEveryMs = 100;
  readonly #slots: HdfsOutput;

  constructor({ urls, user }: Cluster) {
    const home = `/test/${randomBytes(8).toString('hex')}/${ODD}`;
    const cluster = `urls: [${urls.map((url) => `"${url}"`).join(', ')}], user: ${user}`;
    this.sink = `{ type: hdfs, ${cluster}, path: "${home}/clicks", format: ndjson }`;
    this.store = `{ type: hdfs, path: "${home}/_sluice" }`;
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
