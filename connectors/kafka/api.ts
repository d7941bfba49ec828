import type { WireReader } from './wire.ts';

/** One request type in one version: how it is written and how its answer is read. */
export interface Api<Request, Response> {
  readonly name: string;
  readonly key: number;
  readonly version: number;
  /** Header with tagged fields (KIP-482). */
  readonly flexible: boolean;
  encode(request: Request): Buffer;
  decode(reader: WireReader): Response;
}

/** The isolation level as requests state it. */
export function isolation(readCommitted: boolean): number {
  return readCommitted ? 1 : 0;
}

/** Groups in the order in which topics first appear, since a topic may be named only once. */
export function byTopic<T extends { topic: string }>(partitions: readonly T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of partitions) {
    const group = groups.get(one.topic);
    if (group === undefined) groups.set(one.topic, [one]);
    else group.push(one);
  }
  return groups;
}
