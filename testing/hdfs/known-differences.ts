/** What the HTTP gateway (HttpFS 3.4.2) does otherwise than WebHDFS, by the name of the case. */
export interface GatewayDifference {
  readonly does: string;
  /** The model's gateway does it, too. */
  readonly isModelled: boolean;
}

const modelled = (does: string): GatewayDifference => ({ does, isModelled: true });

export const GATEWAY_DIFFERENCES: Readonly<Record<string, GatewayDifference>> = {
  'a DataNode says 100 although nobody expects it, then 201 without a body and the path in a header': modelled(
    'says no 100, and 201 with the path in a body',
  ),
  'overwrite is off unless it is asked for': modelled('overwrites unless it is asked not to'),
  'a file gets the permission, replication and block size that were asked for, and 644 without':
    modelled('makes files with 755'),
  'APPEND adds to a file, and needs one': modelled('looks at nothing in the first step'),
  'reading from behind the end is refused': modelled('looks at nothing in the first step'),
  'what is not there is not read, and neither is a directory': modelled('looks at nothing in the first step'),
  'a file without read permission is not read by others, and a directory not entered': modelled(
    'looks at nothing in the first step',
  ),
  'a strict RENAME (renameoptions=NONE) answers 200 without a body': modelled('ignores renameoptions'),
  'a strict RENAME says which is missing: the source or the directory of the target': modelled('ignores renameoptions'),
  'a strict RENAME is refused when the target is taken, by a file or by a directory': modelled('ignores renameoptions'),
  'RENAME with renameoptions=OVERWRITE replaces a file, but not a directory and not itself': modelled(
    'ignores renameoptions, and overwrites nothing',
  ),
  'RENAME needs an absolute target': modelled('takes a relative target to be below the home directory of the user'),
  'LISTSTATUS_BATCH gives a directory page by page, each behind a name': modelled('gives everything in the first page'),
  'LISTSTATUS_BATCH goes on behind a name that is not there, and ends behind the last': modelled(
    'gives everything, wherever it is asked to start',
  ),
  'a file may have "tab\\t" in its name: written, renamed, read, listed and deleted': {
    does: 'loses the tab on the way to its own second step',
    isModelled: false,
  },
  'a colon in a name is refused, and nothing is found under one': modelled(
    'refuses it in the second step, as an IllegalArgumentException, and refuses to look, too',
  ),
  'dots that lead elsewhere are refused in a path, and followed in the target of a RENAME':
    modelled('follows dots in paths, too'),
  'the place where the bytes go has letters of other alphabets as they are in JSON, and encoded in the header of a 307':
    modelled('encodes them in JSON, too'),
  'a name of 255 bytes will do, and a longer one is refused': {
    does: 'refuses with the name of another exception',
    isModelled: false,
  },
  'an operation that does not exist, or not with that method, is refused with 400': modelled('refuses it with 500'),
  'a quota of names is refused with NSQuotaExceededException: making, writing and moving into':
    modelled('has no SETQUOTA'),
  'a quota of space counts whole blocks, and leaves a closed file without bytes behind': modelled('has no SETQUOTA'),
};
