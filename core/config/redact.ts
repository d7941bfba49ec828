import { createHash } from 'node:crypto';
import { isMap, type Path } from './path.ts';

export const HIDDEN = '[hidden]';
/** Shorter values occur in ordinary text: hiding them would hide everything. */
const HIDDEN_CHARS_MIN = 4;

/** The settings with `[hidden]` in place of every value for which `isHidden` says so. */
export function redact(settings: unknown, isHidden: (path: Path) => boolean, path: Path = []): unknown {
  if (Array.isArray(settings)) return settings.map((item, index) => redact(item, isHidden, [...path, index]));
  if (isMap(settings)) {
    return Object.fromEntries(
      Object.entries(settings).map(([key, item]) => [key, redact(item, isHidden, [...path, key])]),
    );
  }
  return isHidden(path) && settings !== null ? HIDDEN : settings;
}

/** sha256 in hex of settings that are already redacted; the order of keys does not count. */
export function configHash(redacted: unknown): string {
  return createHash('sha256').update(canonicalJson(redacted)).digest('hex');
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    isMap(item) ? Object.fromEntries(Object.entries(item).toSorted(([a], [b]) => (a < b ? -1 : 1))) : item,
  );
}

/** Replaces every hidden value inside a text, for logs and error messages. Longest first: one may contain another. */
export function textRedactor(hidden: Iterable<string>): (text: string) => string {
  const values = [...new Set(hidden)].filter((value) => value.length >= HIDDEN_CHARS_MIN);
  values.sort((a, b) => b.length - a.length);
  return (text) => values.reduce((redacted, value) => redacted.replaceAll(value, HIDDEN), text);
}
