import { parseTemplate } from '../../../../connectors/filesink/directories/template.ts';
import { openPartWriter, type WriterTuning } from '../../../../connectors/filesink/open-writer.ts';
import type { PartFile, PartFiles } from '../../../../connectors/filesink/part-files.ts';
import { PartNames } from '../../../../connectors/filesink/part-name.ts';
import type { PartWriter } from '../../../../connectors/filesink/part-writer.ts';
import type { OutputSettings } from '../../../../connectors/filesink/settings.ts';
import { SharedMemoryBudget } from '../../../../core/runtime/memory-budget.ts';
import { VirtualEnv } from '../../../core/support/virtual-env.ts';

const never = new AbortController().signal;
const MEMORY_BYTES = 64 * 1024 * 1024;

export interface FakePart {
  readonly directory: string;
  readonly name: string;
  text: string;
  /** What is kept beside it, and what was there before that was replaced. */
  readonly beside: Buffer[];
  replaced: number;
  appends: number;
  state: 'open' | 'staged' | 'disposed';
}

/** What a fake part held when it was made durable. */
export interface FakeState {
  readonly name: string;
  readonly length: number;
}

/** Keeps parts in memory; `gate` is awaited in front of every call. */
export class FakeFiles implements PartFiles<string, FakeState> {
  readonly parts: FakePart[] = [];
  readonly calls: string[] = [];
  gate: (call: string) => void | Promise<void> = () => {};

  async open({ directory, name }: { directory: string; name: string }): Promise<PartFile<string, FakeState>> {
    await this.#pass(`open ${directory}`);
    const part: FakePart = { directory, name, text: '', beside: [], replaced: 0, appends: 0, state: 'open' };
    this.parts.push(part);
    return {
      append: async (chunks) => {
        await this.#pass(`append ${directory}`);
        part.appends++;
        for (const chunk of chunks) part.text += chunk.toString('latin1');
      },
      close: async () => {
        await this.#pass(`close ${directory}`);
        part.state = 'staged';
        return name;
      },
      keepBeside: async ({ chunks, replaces }) => {
        await this.#pass(`keep ${directory}`);
        if (replaces) part.replaced += part.beside.splice(0).length;
        part.beside.push(...chunks);
      },
      persist: async (beside) => {
        await this.#pass(`persist ${directory}`);
        if (beside?.replaces) part.replaced += part.beside.splice(0).length;
        part.beside.push(...(beside?.chunks ?? []));
        return { name, length: part.text.length };
      },
      [Symbol.asyncDispose]: async () => {
        if (part.state === 'open') part.state = 'disposed';
      },
    };
  }

  async #pass(call: string): Promise<void> {
    this.calls.push(call);
    await this.gate(call);
  }
}

export const SETTINGS: OutputSettings = {
  directory: parseTemplate('{topic}'),
  format: 'ndjson',
  nulls: 'skip',
  compression: { type: 'none' },
  roll: { onCheckpoint: true, bytes: Number.MAX_SAFE_INTEGER, records: Number.MAX_SAFE_INTEGER },
  maxOpenParts: 512,
};

export function writerOn(
  files: FakeFiles,
  settings: Partial<OutputSettings> = {},
  tuning?: WriterTuning,
  { env } = new VirtualEnv(),
): Promise<PartWriter<string, FakeState>> {
  const owner = { pipeline: 'p', lineage: '0123456789abcdef', layout: 1, shard: 0, epoch: 3 };
  const memory = new SharedMemoryBudget(MEMORY_BYTES, env);
  const context = { ...owner, env, memory, signal: never };
  return openPartWriter({
    ...{ settings: { ...SETTINGS, ...settings }, context, files, handleKind: 'fake', tuning },
    names: new PartNames(context),
    events: { wantsCut: () => files.calls.push('wants a cut') },
  });
}
