import type { OrphanScope } from '../../core/spi.ts';
import { isPartOf, parsePartName } from './part-name.ts';

/** What a staged thing is to a sweep: nothing of this owner's, needed, or left behind by an older incarnation. */
export type StagedKind =
  | { readonly kind: 'foreign' }
  | { readonly kind: 'kept' }
  | { readonly kind: 'orphan'; readonly epoch: number };

/** Decides by the file name alone; `isNamed` says whether a retained slot names this very thing. */
export function judgeStaged(fileName: string, scope: OrphanScope, isNamed: boolean): StagedKind {
  const part = parsePartName(fileName);
  if (part === undefined || !isPartOf(scope, part)) return { kind: 'foreign' };
  return part.epoch < scope.epochBelow && !isNamed ? { kind: 'orphan', epoch: part.epoch } : { kind: 'kept' };
}
