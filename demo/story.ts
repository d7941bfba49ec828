import { styleText } from 'node:util';

type Colour = 'dim' | 'bold' | 'green' | 'red' | 'yellow' | 'cyan';

/** Tells what happens, one aligned line each, on standard output. Colours only on a terminal. */
export class Story {
  readonly #startMs = performance.now();

  tell(topic: string, text: string, colour?: Colour): void {
    const seconds = ((performance.now() - this.#startMs) / 1000).toFixed(1).padStart(6);
    const [first = '', ...rest] = text.split('\n');
    this.#write(`${paint('dim', `${seconds} s`)}  ${paint('bold', topic.padEnd(10))}  ${paint(colour, first)}`);
    for (const line of rest) this.#write(`${' '.repeat(22)}${paint(colour, line)}`);
  }

  /** Text outside of the time line. */
  plain(text = '', colour?: Colour): void {
    this.#write(text === '' ? '' : paint(colour, text));
  }

  #write(line: string): void {
    process.stdout.write(`${line}\n`);
  }
}

function paint(colour: Colour | undefined, text: string): string {
  return colour === undefined ? text : styleText(colour, text, { stream: process.stdout });
}
