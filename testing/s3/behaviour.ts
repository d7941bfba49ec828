/** What stores that call themselves S3 do differently. The defaults are the strictest that AWS documents. */
export interface Behaviour {
  /**
   * A Complete of an upload that has already become its object: refused with NoSuchUpload (AWS documents it, MinIO does it),
   * or answered as the first time as long as something has that key, be it a newer object (versitygw; s3proxy and
   * mostly AWS for the same object).
   */
  replayedComplete: 'noSuchUpload' | 'sameAnswer';
  /** A Complete with an upload id that never was gets 200 and the ETag of whatever has that key (versitygw). */
  unknownUploadCompletes: boolean;
  /** If-None-Match and If-Match count for nothing (older Ceph, GCS in its S3 guise, proxies that drop headers). */
  ignoresConditions: boolean;
  /** Uploads are listed for a prefix, or only when the prefix is their whole key (MinIO). */
  uploadsListedFor: 'prefix' | 'exactKey';
  /** An abort of what is not there: refused with NoSuchUpload, or 204 (MinIO). */
  repeatedAbort: 'noSuchUpload' | 'noContent';
  /** A Complete that fails has said 200 already, and the error is in the body (AWS, when it takes longer). */
  completeErrorsInBody: boolean;
  /**
   * A Complete takes the upload, gives up with 500, and its object is there only once `finishAssembly` is called (AWS may
   * take minutes for many parts, longer than a client or a proxy waits).
   */
  assemblesLater: boolean;
  /** The same bytes sent twice have two ETags, and none is an MD5 (AWS with SSE-KMS or SSE-C). */
  opaqueETags: boolean;
  /** Lists show the bucket as it was so many changes ago (AWS before December 2020, replicated and caching stores). */
  listLagChanges: number;
  /** Requests signed at another time than the model's, by more than 15 minutes, are refused with RequestTimeTooSkewed (all). */
  checksRequestTime: boolean;
  /** Of every part but the last; smaller ones keep a simulation's files small. */
  partBytesMin: number;
}

export const STRICT: Readonly<Behaviour> = {
  replayedComplete: 'noSuchUpload',
  unknownUploadCompletes: false,
  ignoresConditions: false,
  uploadsListedFor: 'prefix',
  repeatedAbort: 'noSuchUpload',
  completeErrorsInBody: false,
  assemblesLater: false,
  opaqueETags: false,
  listLagChanges: 0,
  checksRequestTime: false,
  partBytesMin: 5 * 1024 * 1024,
};
