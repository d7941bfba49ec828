/** On the local disk, or in HDFS. */
export const OUT = '/data/out';
export const STATE = '/data/state';
export const BUCKET = 'lake';
/** Keys below it are output; the sink's prefix with its slash. */
export const OUT_PREFIX = 'out/';
export const STATE_PREFIX = 'state/';

/** Of parts but the last, where a file is to have several and a run is to be short. */
export const SMALL_PART_BYTES = 500;
