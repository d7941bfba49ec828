export interface TreeEntry {
  readonly name: string;
  readonly kind: string;
}

/**
 * The keys of a checkpoint store that is a tree of directories: those that start with `prefix` and sort after `startAfter`, in
 * byte order. `entriesOf` gets a directory relative to the root, empty or with a slash at its end. Names with a dot in front are
 * no keys.
 */
export async function keysOfTree(
  prefix: string,
  startAfter: string,
  entriesOf: (directory: string) => Promise<readonly TreeEntry[]>,
): Promise<string[]> {
  const keys: string[] = [];
  const collect = async (directory: string): Promise<void> => {
    for (const { name, kind } of await entriesOf(directory)) {
      if (name.startsWith('.')) continue;
      const key = `${directory}${name}`;
      if (kind === 'file') {
        if (key.startsWith(prefix) && key > startAfter) keys.push(key);
      } else if (kind === 'directory' && mayHold(`${key}/`, prefix, startAfter)) {
        await collect(`${key}/`);
      }
    }
  };
  await collect(prefix.slice(0, prefix.lastIndexOf('/') + 1));
  // Keys are ASCII, where the order of strings is that of bytes.
  return keys.sort();
}

/** Whether a directory can hold a key that starts with `prefix` and sorts after `startAfter`. */
function mayHold(directory: string, prefix: string, startAfter: string): boolean {
  if (!directory.startsWith(prefix) && !prefix.startsWith(directory)) return false;
  return directory > startAfter || startAfter.startsWith(directory);
}
