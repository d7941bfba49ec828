/** Where a value sits in the settings: `['source', 'brokers', 1]`. */
export type Path = readonly (string | number)[];

/** The way people write a path: `source.brokers[1]`. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else if (/^[\w-]+$/.test(step)) text += text === '' ? step : `.${step}`;
    else text += `[${JSON.stringify(step)}]`;
  }
  return text;
}

/** Equal for equal paths only; for sets and maps. */
export function pathKey(path: Path): string {
  return JSON.stringify(path);
}

/** The value at `path`, or undefined when the way there does not exist. */
export function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

export function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
