import type { SourceContext, SplitReader } from '../../core/spi.ts';
import { RegistryClient } from './client.ts';
import { DecodingReader } from './decoding-reader.ts';
import { jsonTextOf } from './json-text.ts';
import type { ValueSettings } from './settings.ts';

/** What one session of a source makes of its values. Dispose it behind its readers. */
export class ValueDecoding implements AsyncDisposable {
  readonly #settings: ValueSettings;
  readonly #memory: SourceContext['memory'];
  readonly #client: RegistryClient | undefined;

  constructor(settings: ValueSettings, { env, memory }: Pick<SourceContext, 'env' | 'memory'>) {
    const { registry } = settings;
    this.#settings = settings;
    this.#memory = memory;
    this.#client = registry === undefined ? undefined : new RegistryClient({ settings: registry, env });
  }

  decoded<P>(reader: SplitReader<P>): SplitReader<P> {
    const text = jsonTextOf(this.#settings.format, this.#client);
    return new DecodingReader({ reader, text, memory: this.#memory });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client?.[Symbol.asyncDispose]();
  }
}
