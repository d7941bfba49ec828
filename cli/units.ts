const SCALES = ['', ' k', ' M', ' G', ' T'];

/** `1.2 M`: three digits that count, for rates. */
export function short(n: number): string {
  let scale = 0;
  let value = n;
  while (value >= 999.5 && scale < SCALES.length - 1) {
    value /= 1000;
    scale++;
  }
  const digits = scale === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)}${SCALES[scale]}`;
}

/** `1.2 MB`, `12 B`. */
export function sizeText(bytes: number): string {
  const text = short(bytes);
  return text.includes(' ') ? `${text}B` : `${text} B`;
}

/** `12,345,678`: every digit, for counts. */
export function grouped(n: number): string {
  return n.toLocaleString('en-US', { maximumFractionDigits: 0 });
}

/** `0.8 s`, `2 min 5 s`, `3 h 20 min`. */
export function elapsed(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${Math.floor(seconds % 60)} s`;
  return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`;
}
