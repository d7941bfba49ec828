/** Settings on one line, `type` left out: `brokers 127.0.0.1:9092, topics clicks, start earliest`. */
export function settingsLine(settings: unknown): string {
  if (typeof settings !== 'object' || settings === null) return String(settings);
  return Object.entries(settings)
    .filter(([key]) => key !== 'type')
    .map(([key, value]) => `${key} ${valueText(value)}`)
    .join(', ');
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.length === 1 ? valueText(value[0]) : `[${value.map(valueText).join(', ')}]`;
  return typeof value === 'object' && value !== null ? `{ ${settingsLine(value)} }` : String(value);
}
