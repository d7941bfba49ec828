import { type DatagenOptions, datagen } from '../../../../connectors/datagen/index.ts';
import { S3Sink } from '../../../../connectors/s3/sink.ts';
import { S3Store } from '../../../../connectors/s3/store.ts';
import { pipeline } from '../../../../core/index.ts';
import type { S3Exchange } from '../../../../testing/s3/handler.ts';
import type { S3Model } from '../../../../testing/s3/model.ts';
import { VirtualEnv } from '../../../core/support/virtual-env.ts';
import { apiOn, BUCKET, type SinkInput, settingsOf, visibleIn } from './scene.ts';

const LATENCY_MS = 2;

export interface VirtualRunOptions {
  readonly source: DatagenOptions;
  /** A second process has another. */
  readonly pid?: number;
  readonly sink?: SinkInput;
  readonly name?: string;
  /** For a source without an end. */
  readonly stopAtMs?: number;
  /** What becomes of requests; nothing by default. */
  readonly exchangeIn?: (env: VirtualEnv) => S3Exchange;
}

export interface VirtualRun {
  /** Of all that a reader sees, in any order of files. */
  readonly lines: readonly string[];
  readonly requests: number;
  /** How long it took. */
  readonly ms: number;
  readonly restarts: number;
  /** Settled, by the engine's own count. */
  readonly files: number;
}

export const plainly: S3Exchange = async (_label, effect) => effect();

/** Counts requests until a run has ended, however it ends. */
export class VirtualScene {
  readonly env: VirtualEnv;
  requests = 0;
  readonly #model: S3Model;
  readonly #options: VirtualRunOptions;

  constructor(model: S3Model, options: VirtualRunOptions) {
    this.env = new VirtualEnv({ pid: options.pid ?? 1 });
    this.#model = model;
    this.#options = options;
  }

  /** The whole engine with S3 on both ends and the AWS client in between, until its source is read to the end, or it is stopped. */
  async run(): Promise<VirtualRun> {
    const { source, sink, name = 'virtual', stopAtMs, exchangeIn = () => plainly } = this.#options;
    const { env, counters } = this.env;
    const answer = exchangeIn(this.env);
    const exchange: S3Exchange = async (label, effect) => {
      this.requests++;
      await env.timers.sleep(LATENCY_MS);
      return await answer(label, effect);
    };
    const settings = settingsOf({ partBytes: '5MiB', ...sink });
    const api = apiOn(this.#model, { exchange });
    const store = new S3Store({ bucket: BUCKET, prefix: '_sluice', api });
    const stop = new AbortController();
    if (stopAtMs !== undefined) env.timers.after(stopAtMs, () => stop.abort());
    const running = pipeline({
      name,
      source: datagen(source),
      sink: new S3Sink({ settings, api }),
      checkpoints: { interval: '2s', store },
    }).run({ env, signal: stop.signal });
    await this.env.run(running);
    const lines = [...visibleIn(this.#model).values()].flat().sort();
    const { nowMs: ms } = this.env;
    return {
      lines,
      requests: this.requests,
      ms,
      restarts: counters.get('restarts') ?? 0,
      files: counters.get('files') ?? 0,
    };
  }
}

export const virtualRun = (model: S3Model, options: VirtualRunOptions) => new VirtualScene(model, options).run();
