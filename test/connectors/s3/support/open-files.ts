import { PartNames } from '../../../../connectors/filesink/part-name.ts';
import { UploadFinisher } from '../../../../connectors/s3/finish.ts';
import { PartMemory } from '../../../../connectors/s3/part-memory.ts';
import { Retrier } from '../../../../connectors/s3/retry.ts';
import { Spool } from '../../../../connectors/s3/spool.ts';
import { Tails } from '../../../../connectors/s3/tails.ts';
import { Uploads } from '../../../../connectors/s3/upload.ts';
import type { S3Exchange } from '../../../../testing/s3/handler.ts';
import { MemorySpoolDisk } from '../../../../testing/s3/memory-spool-disk.ts';
import { VirtualEnv } from '../../../core/support/virtual-env.ts';
import { OWNER } from './committing.ts';
import { apiOn, BUCKET, newModel } from './scene.ts';

export const PART_BYTES = 1_000;

/** One bucket whose parts may be small, and incarnations that write there one after the other. */
export class OpenFiles {
  readonly env = new VirtualEnv();
  readonly model = newModel({ behaviour: { partBytesMin: PART_BYTES } });
  readonly controller = new AbortController();

  /** What an incarnation has: files to write, and the means to finish those of others. */
  incarnation(epoch: number, { exchange, budgetBytes }: { exchange?: S3Exchange; budgetBytes?: number } = {}) {
    const { env } = this.env;
    const { signal } = this.controller;
    const api = apiOn(this.model, exchange === undefined ? {} : { exchange });
    const retrier = new Retrier(env);
    const names = new PartNames({ ...OWNER, epoch });
    const tails = new Tails({
      ...{ bucket: BUCKET, root: 'raw/', api, retrier, signal },
      names: new PartNames({ ...OWNER, epoch }),
    });
    const reservation = { bytes: 0, resize() {}, release() {} };
    const uploads = new Uploads({
      ...{ bucket: BUCKET, root: 'raw/', attributes: {}, partBytes: PART_BYTES, api, retrier, tails, env, signal },
      memory: new PartMemory({ budgetBytes: budgetBytes ?? 96 * 1024 * 1024, reservation }),
      // With little memory parts wait on disk.
      ...(budgetBytes !== undefined && {
        spool: new Spool({ directory: '/spool', disk: new MemorySpoolDisk(), ids: env.ids }),
      }),
    });
    return {
      tails,
      open: () => uploads.open({ directory: 't', name: names.next('ndjson'), covers: () => ({ 't/0': [0, 1] }) }),
      finisher: new UploadFinisher({ api, retrier, attributes: {}, epoch, names, env, signal }),
      api,
    };
  }

  tailKeys(): string[] {
    return this.model.objects(BUCKET, 'raw/_sluice/_tails/').map(([key]) => key);
  }
}
