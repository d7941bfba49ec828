import { sinkConformance } from '../../../testing/conformance/sink.ts';
import { storeConformance } from '../../../testing/conformance/store.ts';
import { type Behaviour, STRICT } from '../../../testing/s3/behaviour.ts';
import { testConformance } from '../../testing/conformance.ts';
import { BUCKET, newModel, sinkOn, storeOn, visibleIn } from './support/scene.ts';

const STORES: Readonly<Record<string, Partial<Behaviour>>> = {
  'a strict store': STRICT,
  'a store that answers replays again (versitygw)': {
    replayedComplete: 'sameAnswer',
    unknownUploadCompletes: true,
  },
  'a store that reports failures of completions in the body (AWS)': { completeErrorsInBody: true, opaqueETags: true },
};

for (const [name, behaviour] of Object.entries(STORES)) {
  testConformance(`S3 sink on ${name}`, sinkConformance, () => {
    const model = newModel({ behaviour });
    return {
      sink: sinkOn(model),
      assumeTaken: sinkOn(model, { takenByReaders: 'assume' }),
      staysOpen: sinkOn(model, { partBytes: '5MiB', roll: { onCheckpoint: false } }),
      visible: async () => visibleIn(model),
      stagedCount: async () => model.uploads(BUCKET).length,
      takeAway: async (key: string) => model.bucket(BUCKET).delete(key),
    };
  });
}

testConformance('S3 checkpoint store', storeConformance, () => {
  const model = newModel();
  return {
    connect: async () => storeOn(model),
    connectLosingResponses: async () =>
      storeOn(model, {
        exchange: async (label, effect) => {
          const answer = effect();
          if (!label.startsWith('s3.PutObject')) return answer;
          throw Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
        },
      }),
  };
});
