import type { S3Response } from './http.ts';

/** An element: its name, and its text or its children. */
export type Xml = readonly [name: string, content: string | number | boolean | readonly Xml[]];

const NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

/** A document with the namespace that every answer but an error carries. */
export function xmlAnswer(root: Xml, headers: Record<string, string> = {}): S3Response {
  return answerOf(written(root, ` xmlns="${NAMESPACE}"`), 200, headers);
}

export function xmlError(status: number, fields: readonly Xml[], headers: Record<string, string>): S3Response {
  return answerOf(written(['Error', fields]), status, headers);
}

function answerOf(root: string, status: number, headers: Record<string, string>): S3Response {
  const body = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n${root}`);
  return {
    status,
    headers: { 'content-type': 'application/xml', 'content-length': String(body.length), ...headers },
    body,
  };
}

function written([name, content]: Xml, attributes = ''): string {
  const inner =
    typeof content === 'object' ? content.map((child) => written(child)).join('') : escaped(String(content));
  return `<${name}${attributes}>${inner}</${name}>`;
}

/** As AWS does: what XML 1.0 cannot carry goes as a character reference all the same. */
function escaped(text: string): string {
  return text.replace(
    /[&<>"'\p{Cc}\ufffe\uffff]/gu,
    (char) => ENTITIES[char] ?? `&#x${char.charCodeAt(0).toString(16)};`,
  );
}

const ENTITIES: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** The fields of every `<element>` below `<root>`, or undefined when the text is no such document. */
export function parsedElements(text: string, root: string, element: string): Record<string, string>[] | undefined {
  const inner = new RegExp(
    `^\\s*(?:<\\?xml[^>]*\\?>)?\\s*<${root}(?:\\s[^>]*)?(?:/>|>([\\s\\S]*)</${root}>)\\s*$`,
  ).exec(text);
  if (inner === null) return undefined;
  const elements = (inner[1] ?? '').matchAll(new RegExp(`<${element}>([\\s\\S]*?)</${element}>`, 'g'));
  return [...elements].map(([, fields = '']) =>
    Object.fromEntries(
      [...fields.matchAll(/<(\w+)>([^<]*)<\/\1>/g)].map(([, name, value = '']) => [name, unescaped(value)]),
    ),
  );
}

function unescaped(text: string): string {
  return text.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return Object.entries(ENTITIES).find(([, entity]) => entity === `&${name};`)?.[0] ?? whole;
  });
}
