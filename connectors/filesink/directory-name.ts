import { createHash } from 'node:crypto';

/** What ext4, XFS, HDFS and most others allow for one name. */
const NAME_BYTES_MAX = 255;
const HASH_HEX = 32;

/**
 * Encodes any text as the name of one directory, differently for every text: it cannot leave its parent, be hidden
 * (`.`, `_` in front) or be refused for a character or its length. Letters, digits, `.`, `_`, `-` and `=` stay as they are,
 * other bytes become `%XX`; what is too long ends in `%-` and its SHA-256.
 */
export function encodeDirectoryName(text: string): string {
  // Every other `%` is followed by two digits, so a bare one is free for the empty text.
  if (text === '') return '%';
  const encoded = encodeBytes(Buffer.from(text, 'utf8'));
  if (encoded.length <= NAME_BYTES_MAX) return encoded;
  const hash = createHash('sha256').update(text, 'utf8').digest('hex').slice(0, HASH_HEX);
  const kept = encoded.slice(0, NAME_BYTES_MAX - HASH_HEX - 2).replace(/%[0-9A-F]?$/, '');
  return `${kept}%-${hash}`;
}

function encodeBytes(bytes: Buffer): string {
  let encoded = '';
  for (const [index, byte] of bytes.entries()) {
    const char = String.fromCharCode(byte);
    const isPlain = index === 0 ? /[A-Za-z0-9=-]/.test(char) : /[A-Za-z0-9._=-]/.test(char);
    encoded += isPlain ? char : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
