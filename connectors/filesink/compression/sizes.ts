/** What compressing has made of bytes so far. */
export class Sizes {
  #given = 0;
  #made = 0;

  add({ given, made }: { given: number; made: number }): void {
    this.#given += given;
    this.#made += made;
  }

  /** Made per given byte; undefined before anything was made. */
  get ratio(): number | undefined {
    return this.#given === 0 ? undefined : this.#made / this.#given;
  }

  get made(): number {
    return this.#made;
  }
}
