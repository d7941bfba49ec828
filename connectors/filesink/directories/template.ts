import { z } from 'zod';
import { nearest, SluiceError } from '../../../core/spi.ts';
import { parseTimePattern, type TimePattern } from './time-pattern.ts';

/** What keeps a path short enough for every place; `segment.ts` bounds its bytes. */
const SEGMENTS_MAX = 8;

/** What differs from record to record. */
export type Varying =
  | { readonly kind: 'topic' | 'partition' | 'key' }
  | { readonly kind: 'header'; readonly name: string }
  | { readonly kind: 'field'; readonly path: readonly string[] }
  | { readonly kind: 'time'; readonly pattern: TimePattern };

export type Piece = Varying | { readonly kind: 'pipeline' } | { readonly kind: 'text'; readonly text: string };

/** One name of the path. */
export type Segment = readonly Piece[];

/** What has to be known of a record to find its directory. */
export interface DirectoryNeeds {
  readonly key: boolean;
  readonly headers: boolean;
  /** A field of the value. A time may need it, too, if its settings name a field. */
  readonly value: boolean;
  readonly time: boolean;
  readonly partition: boolean;
  /** All records of one batch go to one directory: nothing but the topic, the partition and the pipeline counts. */
  readonly perBatch: boolean;
}

export interface DirectoryTemplate {
  /** As it was written. */
  readonly text: string;
  readonly segments: readonly Segment[];
  readonly needs: DirectoryNeeds;
}

const PLACEHOLDERS = ['topic', 'partition', 'pipeline', 'key', 'header', 'field', 'time'] as const;
/** What follows the colon, as messages show it. */
const ARGUMENTS: Partial<Record<string, string>> = { header: 'name', field: 'a.b', time: 'yyyy-MM-dd' };

/** `directory: "{topic}/dt={time:yyyy-MM-dd}"`, read. */
export function directoryTemplate() {
  return z.string().transform((text, context): DirectoryTemplate => {
    try {
      return parseTemplate(text);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      context.addIssue({ code: 'custom', message: error.message });
      return z.NEVER;
    }
  });
}

/** Reads a template; throws `config` saying what is wrong with it. */
export function parseTemplate(text: string): DirectoryTemplate {
  if (text === '') throw unreadable('expected a path such as {topic}');
  if (!text.isWellFormed()) throw unreadable('half a surrogate pair is no text');
  if (text.startsWith('/') || text.endsWith('/'))
    throw unreadable(
      `a directory lies below the root of the sink: no slash ${text.startsWith('/') ? 'in front' : 'at the end'}`,
    );
  const segments = split(text);
  segments.forEach(checkSegment);
  if (segments.length > SEGMENTS_MAX)
    throw unreadable(`${segments.length} directories below each other; at most ${SEGMENTS_MAX} are supported`);
  return { text, segments, needs: needsOf(segments) };
}

/** The names of a path into JSON, `a.b`; undefined when one of them is empty. */
export function parseFieldPath(text: string): readonly string[] | undefined {
  const path = text.split('.');
  return path.includes('') ? undefined : path;
}

function split(text: string): Segment[] {
  let segment: Piece[] = [];
  const segments: Segment[] = [segment];
  let at = 0;
  while (at < text.length) {
    const brace = text.indexOf('{', at);
    const open = brace < 0 ? text.length : brace;
    const [first, ...names] = literals(text.slice(at, open));
    segment.push(...(first ?? []));
    segments.push(...names);
    segment = names.at(-1) ?? segment;
    if (open === text.length) break;

    const close = text.indexOf('}', open);
    const inner = text.slice(open + 1, close);
    if (close < 0 || inner.includes('{')) throw unreadable(`the brace of "${text.slice(open)}" is never closed`);
    segment.push(placeholder(inner));
    at = close + 1;
  }
  return segments;
}

/** The text between two placeholders: a piece for every name it has a part of, none where that part is empty. */
function literals(between: string): Piece[][] {
  if (between.includes('}')) throw unreadable(`"${between}" closes a brace that was never opened`);
  return between.split('/').map((text) => (text === '' ? [] : [{ kind: 'text', text }]));
}

function placeholder(inner: string): Piece {
  const colon = inner.indexOf(':');
  const name = colon < 0 ? inner : inner.slice(0, colon);
  const kind = PLACEHOLDERS.find((known) => known === name);
  if (kind === undefined) throw unknownPlaceholder(name);
  const argument = colon < 0 ? undefined : inner.slice(colon + 1);
  if (kind !== 'header' && kind !== 'field' && kind !== 'time') {
    if (argument !== undefined) throw unreadable(`{${inner}} takes nothing after its name: write {${kind}}`);
    return { kind };
  }
  if (argument === undefined || argument === '') throw unreadable(`{${inner}} says too little: write ${example(kind)}`);
  if (kind === 'time') return { kind, pattern: parseTimePattern(argument) };
  if (kind === 'header') return { kind, name: argument };
  const path = parseFieldPath(argument);
  if (path === undefined) throw unreadable(`{${inner}} has an empty name between its dots`);
  return { kind, path };
}

function unknownPlaceholder(name: string): SluiceError {
  const meant = nearest(name, PLACEHOLDERS);
  const hint = meant === undefined ? `expected one of ${PLACEHOLDERS.map(example).join(', ')}` : undefined;
  return unreadable(`{${name}} is no placeholder; ${hint ?? `did you mean ${example(meant as string)}?`}`);
}

function example(kind: string): string {
  return ARGUMENTS[kind] === undefined ? `{${kind}}` : `{${kind}:${ARGUMENTS[kind]}}`;
}

function checkSegment(segment: Segment): void {
  const [first, second] = segment;
  if (first === undefined) throw unreadable('a name between two slashes is empty');
  if (first.kind !== 'text') return;
  if (second === undefined && (first.text === '.' || first.text === '..'))
    throw unreadable(`"${first.text}" is no name of a directory`);
  if (first.text.startsWith('.') || first.text.startsWith('_'))
    throw unreadable(`"${first.text}" begins with "${first.text[0]}": readers would ignore everything in there`);
}

function needsOf(segments: readonly Segment[]): DirectoryNeeds {
  const kinds = new Set(segments.flat().map((piece) => piece.kind));
  const [key, headers, value, time] = [kinds.has('key'), kinds.has('header'), kinds.has('field'), kinds.has('time')];
  return { key, headers, value, time, partition: kinds.has('partition'), perBatch: !(key || headers || value || time) };
}

function unreadable(message: string): SluiceError {
  return new SluiceError('config', 'DIRECTORY_TEMPLATE', { message });
}
