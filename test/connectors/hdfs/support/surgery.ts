import type { Finding } from '../../../../core/contract/diagnosis.ts';
import type { HdfsModel, HdfsModelOptions } from '../../../../testing/hdfs/model.ts';
import { below, type DirectoryNode, pathOf } from '../../../../testing/hdfs/tree.ts';
import { VirtualEnv } from '../../../core/support/virtual-env.ts';
import { clientOn, newModel, type SceneOptions, type SinkInput, sinkOn, storeOn } from './scene.ts';

type Place = 'sink' | 'store';

/** What doctor says of a sink and a store on one cluster, whose clock is so much ahead, in virtual time. */
export class Surgery {
  readonly #env = new VirtualEnv();
  readonly #scene: SceneOptions;
  readonly model: HdfsModel;

  constructor({ aheadMs = 0, ...options }: HdfsModelOptions & { aheadMs?: number } = {}, scene: SceneOptions = {}) {
    this.#scene = { env: this.#env.env, ...scene };
    this.model = newModel({ nowMs: () => this.#env.env.clock.nowMs() + aheadMs, ...options });
  }

  /** What is found, as lines; what ends it is the last. */
  async examine(place: Place = 'sink'): Promise<string[]> {
    return (await this.findings(place)).map(({ level, what }) => `${level}: ${what}`);
  }

  async findings(place: Place, input: SinkInput = {}): Promise<Finding[]> {
    const part = place === 'sink' ? sinkOn(this.model, input, this.#scene) : storeOn(this.model, this.#scene);
    const { signal } = new AbortController();
    const context = { env: this.#env.env, signal, pipeline: 'clicks', checkpointIntervalMs: 10_000 };
    const found: Finding[] = [];
    const all = async () => {
      try {
        for await (const finding of part.diagnose(context)) found.push(finding);
      } catch (error) {
        found.push({ level: 'problem', what: `thrown: ${(error as Error).message}` });
      }
    };
    await this.#env.run(all());
    return found;
  }

  /** Makes directories, as the superuser. */
  async make(...paths: string[]): Promise<this> {
    for (const path of paths) await clientOn(this.model).mkdirs(path);
    return this;
  }

  directory(path: string): DirectoryNode {
    return this.model.node(path) as DirectoryNode;
  }

  paths(): string[] {
    return [...below(this.model.tree.root)].map(pathOf).sort();
  }
}
