import { createHash } from 'node:crypto';

/** What ext4, XFS, HDFS and most others allow for one name. */
export const NAME_BYTES_MAX = 255;
const HASH_HEX = 32;

/** How each byte is written inside a name. */
const ENCODED = Array.from({ length: 256 }, (_, byte) =>
  /[A-Za-z0-9._=-]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : encodeByte(byte),
);

/**
 * Encodes any text as the name of one directory, differently for every text: it cannot leave its parent, be hidden
 * (`.`, `_` in front) or be refused for a character or its length. Letters, digits, `.`, `_`, `-` and `=` stay as they are,
 * other bytes become `%XX`; what is too long ends in `%-` and its SHA-256.
 */
export function encodeDirectoryName(text: string): string {
  // Every other `%` is followed by two digits, so a bare one is free for the empty text.
  if (text === '') return '%';
  const encoded = encodeFront(Buffer.from(text, 'utf8'));
  return encoded.length <= NAME_BYTES_MAX ? encoded : cutName(encoded, { bytesMax: NAME_BYTES_MAX, hashed: text });
}

/** The bytes as part of a name, wherever it is not the front. */
export function encodeInside(bytes: Uint8Array): string {
  let encoded = '';
  for (const byte of bytes) encoded += ENCODED[byte];
  return encoded;
}

/** The bytes as the front of a name: nothing that hides it. */
export function encodeFront(bytes: Uint8Array): string {
  const first = bytes[0];
  if (first !== DOT && first !== UNDERSCORE) return encodeInside(bytes);
  return encodeByte(first) + encodeInside(bytes.subarray(1));
}

const [DOT, UNDERSCORE] = Buffer.from('._') as unknown as [number, number];

/** `%XX`, also for a byte that could stay as it is. */
export function encodeByte(byte: number): string {
  return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
}

/** The front of an encoded name, `%-` and the hash of all that it stands for: `bytesMax` at most. */
export function cutName(encoded: string, { bytesMax, hashed }: { bytesMax: number; hashed: string }): string {
  const hash = createHash('sha256').update(hashed, 'utf8').digest('hex').slice(0, HASH_HEX);
  const kept = encoded.slice(0, bytesMax - HASH_HEX - 2).replace(/%[0-9A-F]?$/, '');
  return `${kept}%-${hash}`;
}
