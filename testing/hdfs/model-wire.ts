import type { HdfsWire } from './http.ts';
import type { HdfsModel } from './model.ts';

/** Straight to a model, for cases and tests that send each request once. */
export function modelWire(model: HdfsModel): HdfsWire {
  return {
    send: async (request) => model.answer(request),
    open: async ({ body, ...request }) => {
      const upload = model.open(request);
      const write = async (bytes: Uint8Array) => upload.write(bytes);
      await write(body ?? Buffer.alloc(0));
      return { write, finish: async () => upload.finish(), cut: async () => upload.cut() };
    },
  };
}
