import { statfs } from 'node:fs/promises';
import type { Device, ReadDevice } from './device.ts';

/** Numbers of Linux (statfs(2)); other systems have their own, which mean a disk here. */
const LASTS: Readonly<Record<number, Device['lasts']>> = {
  16914836: 'memory', // tmpfs, 0x01021994
  2240043254: 'memory', // ramfs, 0x858458f6
  2035054128: 'container', // overlayfs, 0x794c7630
};

/** The devices of this machine. */
export const nodeDevice: ReadDevice = async (path) => {
  const { bsize, bavail, blocks, type } = await statfs(path);
  return { freeBytes: bavail * bsize, totalBytes: blocks * bsize, lasts: LASTS[type] ?? 'disk' };
};
