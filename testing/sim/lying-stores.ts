import { MemoryStore } from '../memory-store.ts';

/** A store that ignores the condition: a create overwrites what exists, and says that it was the first. */
export class OverwritingStore extends MemoryStore {
  override async createIfAbsent(key: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    this.objects.set(key, Uint8Array.from(bytes));
    return 'created';
  }
}

/** A store whose lists do not show what was created last. */
export class StaleStore extends MemoryStore {
  override async list(prefix: string, startAfter: string): Promise<string[]> {
    const newest = [...this.objects.keys()].at(-1);
    return (await super.list(prefix, startAfter)).filter((key) => key !== newest);
  }
}
