import { MemoryStore } from '../memory-store.ts';

/** A store that ignores the condition: a create overwrites what exists, and says that it was the first. */
export class LyingStore extends MemoryStore {
  override async createIfAbsent(key: string, bytes: Uint8Array): Promise<'created' | 'exists'> {
    this.objects.set(key, Uint8Array.from(bytes));
    return 'created';
  }
}
