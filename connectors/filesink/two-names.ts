/** A file that is staged under one name and gets its final one by a rename, which is possible once. */
export interface TwoNames {
  readonly staged: string;
  readonly final: string;
  /** The length, which proves a file under the final name to be this one. */
  readonly bytes: number;
}

/** What lies under a name; undefined for nothing. */
export type Entry = { readonly kind: string; readonly bytes: number } | undefined;

export interface Seen {
  readonly staged: Entry;
  readonly final: Entry;
}

export type CommitOutcome =
  | { readonly kind: 'move' }
  | { readonly kind: 'alreadyVisible' }
  | { readonly kind: 'occupied' }
  | { readonly kind: 'gone' }
  /** `what` goes on where a message has named the final path. */
  | { readonly kind: 'replaced'; readonly what: string };

/** What is true of a file, from nothing but what lies under its two names. */
export function decideCommit({ bytes }: TwoNames, { staged, final }: Seen): CommitOutcome {
  if (final === undefined) return staged === undefined ? { kind: 'gone' } : { kind: 'move' };
  if (staged !== undefined) return { kind: 'occupied' };
  if (final.kind === 'directory') return { kind: 'replaced', what: 'is a directory' };
  if (final.kind !== 'file') return { kind: 'replaced', what: 'is no file' };
  if (final.bytes === bytes) return { kind: 'alreadyVisible' };
  return { kind: 'replaced', what: `has ${final.bytes} bytes instead of ${bytes}` };
}

/** Looks so that a rename by another committer in between cannot make the file seem gone, or to be there twice. */
export async function seeBoth(look: (path: string) => Promise<Entry>, { staged, final }: TwoNames): Promise<Seen> {
  const stagedBefore = await look(staged);
  const finalStatus = await look(final);
  if (stagedBefore === undefined || finalStatus === undefined) return { staged: stagedBefore, final: finalStatus };
  return { staged: await look(staged), final: finalStatus };
}
