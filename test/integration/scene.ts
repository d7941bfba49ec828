import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { assertExact, auditOutput, Ledger, LedgerProducer, OutputWatcher } from '../../testing/ledger/index.ts';
import { type Broker, kafkaClient } from '../services/broker.ts';
import { createTopic, deleteTopic, sharedBrokers } from '../services/kafka.ts';
import { PipelineProcess } from '../services/pipeline-process.ts';
import { waitFor } from '../services/wait.ts';
import { FolderPlace, type Place } from './place.ts';

export interface SceneOptions {
  partitions?: number;
  /** A broker that the test may kill, instead of the shared one. */
  broker?: Broker;
  /** Further keys of the source, as they stand in the file. */
  source?: string;
  /** Where output and checkpoints lie, instead of beside the pipeline file; ends with the scene. */
  place?: Place;
  /** Further keys of a sink beside the pipeline file, as they stand in the file. */
  sink?: string;
  /** Of checkpoints. */
  interval?: string;
}

/** One topic, one pipeline file in a folder of its own, a ledger of what is written, and a reader that watches the output. */
export class Scene {
  readonly topic = `test-${randomUUID().slice(0, 13)}`;
  readonly brokers: string;
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-scene-'));
  readonly place: Place;
  readonly ledger = new Ledger();
  readonly watcher: OutputWatcher;
  readonly #file = join(this.folder, 'pipeline.yaml');
  readonly #pipelines: PipelineProcess[] = [];
  readonly #producers: LedgerProducer[] = [];
  readonly #produced = new AbortController();
  #producing: Promise<void> = Promise.resolve();

  private constructor(brokers: string, { source, place, sink, interval = '200ms' }: SceneOptions) {
    const keysOf = (more: string | undefined) => (more === undefined ? '' : `, ${more}`);
    this.brokers = brokers;
    this.place = place ?? new FolderPlace(this.folder, keysOf(sink));
    const { output: root, watchEveryMs: everyMs } = this.place;
    this.watcher = new OutputWatcher({ root, ledger: this.ledger, everyMs });
    writeFileSync(
      this.#file,
      `name: ${this.place.pipeline}
source: { type: kafka, brokers: ["${brokers}"], topics: [${this.topic}], start: earliest${keysOf(source)} }
sink: ${this.place.sink}
checkpoints: { interval: ${interval}, store: ${this.place.store} }
`,
    );
  }

  /** Everything that a scene starts ends with the test. */
  static async set(t: TestContext, options: SceneOptions = {}): Promise<Scene> {
    const { partitions = 4, broker } = options;
    const scene = new Scene(broker?.brokers ?? sharedBrokers(), options);
    // One hook in the order that matters: hooks of a test run in the order in which they were added.
    t.after(async () => {
      await scene.#end();
      if (broker === undefined) await deleteTopic(scene.brokers, scene.topic);
      else await broker.stop();
    });
    await createTopic(scene.brokers, { topic: scene.topic, partitions });
    return scene;
  }

  async #end(): Promise<void> {
    for (const pipeline of this.#pipelines) await pipeline.kill();
    this.#produced.abort();
    await this.#producing.catch(() => {}); // the test has ended, in one way or the other
    for (const producer of this.#producers) await producer.disconnect();
    await this.watcher.stop();
    await this.place.end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** A producer for this ledger. */
  producer(partitions: number, { valueBytes = 100 } = {}): LedgerProducer {
    const { topic, ledger } = this;
    const transactionalIdPrefix = `${topic}-${this.#producers.length}`;
    const kafka = kafkaClient(this.brokers);
    const producer = new LedgerProducer({ kafka, ledger, topic, partitions, valueBytes, transactionalIdPrefix });
    this.#producers.push(producer);
    return producer;
  }

  /** Keeps writing in the background until `producerStops`. */
  keepProducing(producer: LedgerProducer, recordsPerSecond: number): void {
    this.#producing = producer.run({ signal: this.#produced.signal, recordsPerSecond });
    this.#producing.catch(() => {}); // `producerStops` reports it
  }

  async producerStops(): Promise<void> {
    this.#produced.abort();
    await this.#producing;
  }

  /** Starts the pipeline as a process of its own. */
  async run(name = 'sluice'): Promise<PipelineProcess> {
    const pipeline = await PipelineProcess.start(this.#file, join(this.folder, `${name}.log`));
    this.#pipelines.push(pipeline);
    return pipeline;
  }

  /** Waits until `records` are in files, by default all that were committed so far. */
  async filesHold(pipeline: PipelineProcess, records = this.ledger.totals().committed): Promise<void> {
    await waitFor(() => this.watcher.records >= records || !pipeline.running, {
      what: `${records} records in files; there are ${this.watcher.records}; the pipeline said:\n${pipeline.log}`,
      timeoutMs: 60_000,
    });
    if (!pipeline.running)
      throw new Error(`the pipeline ended with exit code ${await pipeline.exited}:\n${pipeline.log}`);
  }

  /** Waits until the pipeline has ended, which must be with this exit code. */
  async mustEnd(pipeline: PipelineProcess, exitCode: number): Promise<void> {
    const ended = waitFor(() => !pipeline.running, { what: `pid ${pipeline.pid} ends`, timeoutMs: 40_000 });
    await ended.catch((error) => {
      throw new Error(`${error.message}; it said:\n${pipeline.log}`, { cause: error });
    });
    assert.equal(await pipeline.exited, exitCode, pipeline.log);
  }

  /** Asks for an orderly stop, which must come to its end. */
  async mustStop(pipeline: PipelineProcess): Promise<void> {
    pipeline.terminate();
    await this.mustEnd(pipeline, 0);
  }

  /** Every committed record is in the files once, and the reader saw nothing odd. */
  async mustBeExact(recordsMin: number): Promise<void> {
    const watched = await this.watcher.stop();
    assertExact(await auditOutput({ root: this.place.output, ledger: this.ledger, watched, recordsMin }));
  }

  /** Waits until this process is the one that may write. */
  async hasClaimed(pipeline: PipelineProcess): Promise<void> {
    // Its slot can be read a moment before it knows that it owns the pipeline, and a stop in between is one before the start.
    const isOwner = () => pipeline.log.includes('this instance owns the pipeline') || !pipeline.running;
    await waitFor(isOwner, { what: `pid ${pipeline.pid} has claimed its shard; it said:\n${pipeline.log}` });
  }

  /** Waits for a change in its slots, or of what it has staged. */
  async changes(pipeline: PipelineProcess, of: 'slots' | 'staged'): Promise<void> {
    await this.place.change(of, 30_000).catch((error) => {
      throw new Error(`${error.message}; pid ${pipeline.pid} said:\n${pipeline.log}`, { cause: error });
    });
  }

  /** Waits until nothing is staged: what incarnations that are gone had left is removed by one that runs. */
  async stagedGoes(): Promise<void> {
    let left: string[] = [];
    const look = async () => {
      left = await this.place.staged();
      return left.length === 0;
    };
    await waitFor(look, { what: 'nothing staged is left' }).catch((error) => {
      throw new Error(`${error.message}; there is ${left.join(', ')}`, { cause: error });
    });
  }
}
