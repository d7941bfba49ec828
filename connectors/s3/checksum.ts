import { crc32 } from 'node:zlib';

/** CRC32 as S3 writes it: base64 of four bytes, highest first. */
export function crc32Base64(bytes: Uint8Array): string {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return sum.toString('base64');
}

/**
 * Whether bodies may go unsigned, which saves a SHA-256 of every byte: TLS keeps them whole, and so does a machine that talks
 * to itself. Over plain HTTP to elsewhere somebody could change them, unless the user says `off`.
 */
export function mayLeaveUnsigned(endpoint: string | undefined, checksums: 'auto' | 'required' | 'off'): boolean {
  if (endpoint === undefined || checksums === 'off') return true;
  return new URL(endpoint).protocol === 'https:' || isThisMachine(endpoint);
}

/** Whether requests to the endpoint never leave this machine. */
export function isThisMachine(endpoint: string): boolean {
  return /^(localhost|127(\.\d+){3}|\[::1\])$/.test(new URL(endpoint).hostname);
}
