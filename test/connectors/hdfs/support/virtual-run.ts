import { datagen } from '../../../../connectors/datagen/index.ts';
import { HdfsSink } from '../../../../connectors/hdfs/sink.ts';
import { HdfsStore } from '../../../../connectors/hdfs/store.ts';
import type { WireExchange } from '../../../../connectors/hdfs/webhdfs/wire.ts';
import { pipeline } from '../../../../core/index.ts';
import { modelExchange } from '../../../../testing/hdfs/exchange.ts';
import type { HdfsModel } from '../../../../testing/hdfs/model.ts';
import { VirtualEnv } from '../../../core/support/virtual-env.ts';
import { clientOn, STORE_ROOT, settingsOf, visibleIn } from './scene.ts';

const LATENCY_MS = 2;
/** Enough checkpoints for old ones to be removed, in two partitions. */
const SOURCE = { count: 40, valueBytes: 100, partitions: 2, rate: 10 };

export interface VirtualRun {
  /** Of all that a reader sees, in any order of files. */
  readonly lines: readonly string[];
  readonly ms: number;
  readonly restarts: number;
}

/** What stands between the client and the model. */
export type WireOf = (plain: WireExchange, env: VirtualEnv) => WireExchange;

/** The whole engine with HDFS on both ends and its client in between, in virtual time. */
export class VirtualPipeline {
  readonly #env: VirtualEnv;
  readonly #model: HdfsModel;
  readonly #plain;
  readonly #running: Promise<unknown>;

  constructor(model: HdfsModel, { pid = 1, wireOf = (plain) => plain }: { pid?: number; wireOf?: WireOf } = {}) {
    this.#env = new VirtualEnv({ pid });
    this.#model = model;
    const { env } = this.#env;
    this.#plain = modelExchange(model, async (_label, effect) => {
      await env.timers.sleep(LATENCY_MS);
      return await effect();
    });
    const client = clientOn(model, { env, wire: wireOf(this.#plain, this.#env) });
    this.#running = pipeline({
      name: 'virtual',
      source: datagen(SOURCE),
      sink: new HdfsSink({ settings: settingsOf(model), client }),
      checkpoints: { interval: '500ms', store: new HdfsStore({ root: STORE_ROOT, client, ids: env.ids }) },
    }).run({ env });
    this.#running.catch(() => {}); // `end` tells
  }

  /** Until its source is read to the end. */
  async end(): Promise<VirtualRun> {
    await this.#env.run(this.#running);
    const lines = [...visibleIn(this.#model).values()].flat().sort();
    return { lines, ms: this.#env.nowMs, restarts: this.#env.counters.get('restarts') ?? 0 };
  }

  /** Kills the process after so long: what it was writing ends with what has come. */
  async dieAfter(ms: number): Promise<void> {
    await this.#env.advance(ms);
    this.#env.kill();
    this.#plain.cut();
  }
}
