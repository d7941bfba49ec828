import { decodeSlot, type Slot } from '../../../core/checkpoint/slot.ts';
import { pipeline, type RunOptions, type RunResult } from '../../../core/runtime/pipeline.ts';
import type { PipelineOptions } from '../../../core/runtime/settings.ts';
import { MemoryStore } from '../../../testing/memory-store.ts';
import { VirtualTime } from '../../../testing/virtual-time.ts';
import { Box, type BoxOptions } from './fake-sink.ts';
import { Queue, type QueueOptions } from './fake-source.ts';
import { StoreFaults } from './store-faults.ts';
import { VirtualEnv } from './virtual-env.ts';

/** One process that runs the pipeline: its clock, its view of the store, its way to be stopped. */
export interface Instance {
  readonly virtual: VirtualEnv;
  readonly faults: StoreFaults;
  readonly stop: AbortController;
  readonly run: Promise<RunResult>;
}

export interface SceneOptions {
  readonly queue?: QueueOptions;
  readonly box?: BoxOptions;
  readonly settings?: Partial<PipelineOptions>;
}

interface StartOptions {
  faults?: StoreFaults;
  /** Where the checkpoints lie, by the name that messages use. */
  storeIdentity?: string;
}

/** A queue, a box and a checkpoint store that outlive every run, and instances that run between them. */
export class Scene {
  readonly time = new VirtualTime();
  readonly queue: Queue;
  readonly box: Box;
  readonly objects = new Map<string, Uint8Array>();
  readonly #settings: Partial<PipelineOptions>;
  #pids = 0;

  constructor({ queue, box, settings = {} }: SceneOptions = {}) {
    this.queue = new Queue(queue);
    this.box = new Box(box);
    this.#settings = settings;
  }

  start(
    { faults = new StoreFaults(), storeIdentity = 'memory:', ...options }: RunOptions & StartOptions = {},
    settings: Partial<PipelineOptions> = {},
  ): Instance {
    const virtual = new VirtualEnv({ time: this.time, pid: ++this.#pids });
    const stop = new AbortController();
    const store = new MemoryStore({ identity: storeIdentity, objects: this.objects, hooks: faults.hooks });
    const { checkpoints, ...others } = { ...this.#settings, ...settings };
    const run = pipeline({
      name: 'clicks',
      source: this.queue,
      sink: this.box,
      checkpoints: { interval: '1s', ...checkpoints, store },
      ...others,
    }).run({ env: virtual.env, signal: stop.signal, ...options });
    run.catch(() => undefined); // Looked at by the test that wants to.
    return { virtual, faults, stop, run };
  }

  /** Stops it in order and waits until it has ended. */
  async stop({ virtual, stop, run }: Instance): Promise<RunResult> {
    stop.abort();
    return await virtual.run(run);
  }

  /** The slots that are retained, oldest first. */
  get slots(): Slot[] {
    return [...this.objects.keys()]
      .filter((key) => /\/\d{12}\.json$/.test(key))
      .sort()
      .map((key) => decodeSlot(this.objects.get(key) as Uint8Array, key));
  }

  get newest(): Slot {
    return this.slots.at(-1) as Slot;
  }

  /** Of the parts that were open at the newest slot. */
  get state(): Slot['sinks']['main']['state'] {
    return this.newest.sinks.main.state;
  }

  get kinds(): string {
    return this.slots.map(({ kind }) => kind).join(' ');
  }

  /** The position of every split in the newest slot. */
  get saved(): Record<string, number> {
    return Object.fromEntries(
      this.newest.source.splits.map(({ id, position }) => [id, (position as { offset: number }).offset]),
    );
  }
}
