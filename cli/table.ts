/** Columns of text, each as wide as its widest cell; numbers go right, as such and as text with separators. */
export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const lines = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => String(cells[column]).length)));
  const isNumeric = head.map(
    (_, column) => rows.length > 0 && rows.every((cells) => /^\d[\d,]*(\.\d+)?$/.test(String(cells[column]))),
  );
  return lines
    .map((cells) =>
      cells
        .map((cell, column) => {
          const width = widths[column] as number;
          return isNumeric[column] ? String(cell).padStart(width) : String(cell).padEnd(width);
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}
