import type { Api } from './api.ts';
import { WireWriter } from './wire.ts';

const TOPIC_RESOURCE = 2;

export interface TopicConfigsRequest {
  readonly topics: readonly string[];
  /** Only these settings, for example `retention.ms`. */
  readonly names: readonly string[];
}

export interface TopicConfigs {
  readonly errorCode: number;
  readonly topic: string;
  /** What holds for the topic, be it set there or a default of the brokers. */
  readonly values: ReadonlyMap<string, string | null>;
}

/** DescribeConfigs v1, of topics: any broker answers. It takes the permission DescribeConfigs. */
export const topicConfigsApi: Api<TopicConfigsRequest, TopicConfigs[]> = {
  name: 'DescribeConfigs',
  key: 32,
  version: 1,
  flexible: false,
  encode({ topics, names }) {
    const writer = new WireWriter();
    writer.array(topics, (topic) => {
      writer
        .i8(TOPIC_RESOURCE)
        .string(topic)
        .array(names, (name) => writer.string(name));
    });
    return writer.bool(false).done(); // without synonyms
  },
  decode(reader) {
    reader.i32(); // throttle time
    return reader.array(() => {
      const errorCode = reader.i16();
      reader.nullableString(); // its message
      reader.i8(); // a topic
      const topic = reader.string();
      const values = reader.array((): [string, string | null] => {
        const entry: [string, string | null] = [reader.string(), reader.nullableString()];
        reader.bool(); // read-only
        reader.i8(); // where it is set
        reader.bool(); // sensitive
        reader.array(() => [reader.string(), reader.nullableString(), reader.i8()]); // synonyms
        return entry;
      });
      return { errorCode, topic, values: new Map(values) };
    });
  },
};
