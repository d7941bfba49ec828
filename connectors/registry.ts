import type { Connector } from '../core/contract/connector.ts';

/** Every connector that a pipeline file can name. A new one is one folder and one line here. */
export const registry = {
  datagen: async (): Promise<Connector> => (await import('./datagen/index.ts')).connector,
  file: async (): Promise<Connector> => (await import('./file/index.ts')).connector,
  hdfs: async (): Promise<Connector> => (await import('./hdfs/index.ts')).connector,
  kafka: async (): Promise<Connector> => (await import('./kafka/index.ts')).connector,
  s3: async (): Promise<Connector> => (await import('./s3/index.ts')).connector,
};
