/** Where log lines and the live progress line go. */
export interface Screen {
  /** Writes one line for good, above the live line. */
  line(text: string): void;
  /** Replaces the live line; it is cut to the width of the terminal. */
  live(text: string): void;
  /** Leaves the live line as it stands and goes on below it. */
  end(): void;
}

const CLEAR_LINE = '\r\x1b[2K';

export function terminalScreen(out: NodeJS.WriteStream): Screen {
  let shown = '';
  const draw = () => out.write(`${CLEAR_LINE}${shown.slice(0, Math.max(20, (out.columns ?? 80) - 1))}`);
  return {
    line: (text) => {
      out.write(`${shown === '' ? '' : CLEAR_LINE}${text}\n`);
      if (shown !== '') draw();
    },
    live: (text) => {
      if (text === shown) return;
      shown = text;
      draw();
    },
    end: () => {
      if (shown !== '') out.write('\n');
      shown = '';
    },
  };
}

/** A file or pipe: lines only. */
export function plainScreen(out: NodeJS.WriteStream): Screen {
  return { line: (text) => out.write(`${text}\n`), live: () => {}, end: () => {} };
}
