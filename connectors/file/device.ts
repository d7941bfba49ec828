import type { Finding } from '../../core/spi.ts';

const FREE_BYTES_MIN = 1024 ** 3;
const FREE_SHARE_MIN = 0.05;

/** The file system that a directory is on. */
export interface Device {
  /** For this user. */
  readonly freeBytes: number;
  readonly totalBytes: number;
  /** `memory` = gone with the machine, `container` = gone with the container. */
  readonly lasts: 'memory' | 'container' | 'disk';
}

/** Looks at the file system of a directory that exists. Errors are those of Node. */
export type ReadDevice = (path: string) => Promise<Device>;

/** Whether there is room; `path` is for the message. */
export function judgeSpace({ freeBytes, totalBytes }: Device, path: string): Finding {
  const percent = totalBytes === 0 ? 0 : (100 * freeBytes) / totalBytes;
  const what = `${gib(freeBytes)} of ${gib(totalBytes)} free (${Math.floor(percent)} %) for ${path}`;
  if (freeBytes >= FREE_BYTES_MIN && percent >= 100 * FREE_SHARE_MIN) return { level: 'good', what };
  return {
    level: 'warning',
    what,
    help: 'Free space: a full disk stops the pipeline until there is some. Nothing is lost by that.',
  };
}

/** Whether what is written there outlives this process; nothing for a disk. `loss` completes "... and then". */
export function judgeLasting({ lasts }: Device, path: string, loss: string): Finding[] {
  if (lasts === 'disk') return [];
  const where = lasts === 'memory' ? 'kept in memory (tmpfs)' : "a container's own layer";
  const end = lasts === 'memory' ? 'this machine restarts' : 'the container is removed';
  return [
    {
      level: 'warning',
      what: `${path} is ${where}: gone when ${end}, and then ${loss}`,
      help: lasts === 'memory' ? 'Choose a directory on a disk.' : 'Mount a volume there.',
    },
  ];
}

function gib(bytes: number): string {
  const gibibytes = bytes / 1024 ** 3;
  return `${gibibytes.toFixed(gibibytes < 10 ? 1 : 0)} GiB`;
}
