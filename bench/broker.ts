import { startBroker } from '../test/services/broker.ts';

/** The user's own broker, or a private one of this run that is gone afterwards. */
export async function useBroker(
  given: string | undefined,
): Promise<{ brokers: string; how: string; stop(): Promise<void> }> {
  if (given !== undefined) return { brokers: given, how: given, stop: async () => {} };
  const broker = await startBroker({ say: console.log });
  return { brokers: broker.brokers, how: 'a private JVM broker', stop: () => broker.stop() };
}
