import { refused } from './actors/processes.ts';
import type { Port } from './calls.ts';
import { loseCheckpoints, tearCheckpoint } from './output.ts';
import type { HarmName } from './plan.ts';
import type { World } from './world.ts';

/** What a pipeline must say when it has met such a harm, and whether every run has to meet it. */
const EXPECTED: Record<HarmName, { readonly codes: readonly string[]; readonly always: boolean }> = {
  truncated: { codes: ['KAFKA_LOG_TRUNCATED', 'KAFKA_OFFSET_OUT_OF_RANGE'], always: false },
  // A log that is shorter, or begins later, may show before the topic's id does.
  recreated: {
    codes: ['TOPIC_RECREATED', 'KAFKA_TOPIC_RECREATED', 'KAFKA_LOG_TRUNCATED', 'KAFKA_OFFSET_OUT_OF_RANGE'],
    always: true,
  },
  overtaken: { codes: ['KAFKA_OFFSET_OUT_OF_RANGE'], always: false },
  tornSlot: { codes: ['SLOT_DAMAGED'], always: true },
  lostState: { codes: ['OUTPUT_OF_ANOTHER_LINEAGE'], always: true },
  lyingStore: { codes: ['STORE_NOT_SAFE'], always: true },
  staleStore: { codes: ['STORE_NOT_SAFE'], always: true },
};

const STORE_PORTS: Record<World['plan']['store'], Port> = { file: 'disk', network: 'store', s3: 's3', hdfs: 'hdfs' };

/** Does the harm of the plan, at some moment amid the trouble. */
export async function doHarm(world: World): Promise<void> {
  const { plan, kafka } = world;
  if (plan.harm === undefined || plan.harm.endsWith('Store')) return;
  const dice = world.dice.fork('harm');
  await world.sleep(dice.between(0.3, 0.8) * plan.troubleMs);
  const topic = dice.pick(world.topics);
  const partition = dice.whole(0, kafka.partitionCount(topic) - 1);
  const endOffset = kafka.endOffset(topic, partition);
  switch (plan.harm) {
    case 'truncated':
      kafka.truncate(topic, partition, Math.floor(endOffset * dice.next()));
      break;
    case 'recreated':
      await until(world, () => world.savedPositions().length > 0);
      recreate(world, topic, { catchesUp: dice.chance(0.5) });
      break;
    case 'overtaken':
      kafka.deleteRecordsBefore(topic, partition, endOffset);
      break;
    case 'tornSlot':
    case 'lostState':
      await until(world, () => world.slotPaths().length > 0);
      for (const instance of world.alive) world.kill(instance);
      world.calls.dropAll(STORE_PORTS[plan.store]);
      if (plan.harm === 'lostState') loseCheckpoints(world);
      else tearCheckpoint(world, world.slotPaths().at(-1) as string);
      break;
  }
  world.note(`harm: ${plan.harm} ${topic}/${partition}`);
  world.saw(`harm ${plan.harm}`);
}

/** Only its id tells a new topic from the old one when it is as long by the time that somebody looks. */
function recreate({ kafka }: World, topic: string, { catchesUp }: { catchesUp: boolean }): void {
  const ends = Array.from({ length: kafka.partitionCount(topic) }, (_, partition) => kafka.endOffset(topic, partition));
  kafka.recreateTopic(topic);
  if (!catchesUp) return;
  for (const [partition, end] of ends.entries())
    if (end > 0) kafka.leaveGap(topic, partition, end, { asEmptyBatch: true });
}

/** The harm had to be met, and met with the right words. */
export function judgeHarm(world: World): void {
  const { plan } = world;
  if (plan.harm === undefined) return;
  const { codes, always } = EXPECTED[plan.harm];
  const ending = refused(world)?.ending;
  if (ending === undefined) {
    if (always) world.wrong(`${plan.harm} went unnoticed`);
  } else if (ending.how === 'stopped' || !codes.includes(ending.code)) {
    world.wrong(`${plan.harm} ended a run with ${JSON.stringify(ending)} instead of ${codes.join(' or ')}`);
  }
}

async function until(world: World, holds: () => boolean): Promise<void> {
  while (!holds() && refused(world) === undefined) await world.sleep(50);
}
