//! Faults of the store: the disk, the files, the key. They end the process, because from then on
//! nothing can be acknowledged.

export type FaultCode =
  /** The directory or a file in it cannot be read or written. */
  | 'data-unusable'
  /** Another process has this data directory open. */
  | 'data-in-use'
  /** The database was written by a newer release. */
  | 'newer-schema'
  /** The key file is missing, readable by others, or not the one of this database. */
  | 'key-unusable'
  /** Of the port for the other nodes, which the replica's thread has. */
  | 'port-unusable'
  | 'disk-full'
  | 'io-error'
  | 'corrupt'
  /** What the same log has made here is not what it has made elsewhere. */
  | 'diverged'
  /** The program is wrong: a command that cannot be applied, a worker that died. */
  | 'bug'

/** What is wrong and how to mend it, in one message. */
export class StoreFault extends Error {
  override readonly name = 'StoreFault'
  readonly code: FaultCode

  constructor(code: FaultCode, message: string, cause?: unknown) {
    super(message, { cause })
    this.code = code
  }

  /** From sysexits.h, so that a supervisor can tell them apart. */
  get exitCode(): number {
    return EXIT_CODES[this.code]
  }
}

const EXIT_CODES: Readonly<Record<FaultCode, number>> = {
  'data-unusable': 2,
  'data-in-use': 2,
  'newer-schema': 2,
  'key-unusable': 2,
  'port-unusable': 2,
  'disk-full': 74,
  'io-error': 74,
  corrupt: 65,
  diverged: 65,
  bug: 70,
}

/** Makes a fault of whatever SQLite or the file system threw while `file` was worked on. */
export function faultOf(error: unknown, file: string): StoreFault {
  if (error instanceof StoreFault) return error
  const code = codeOf(error)
  const because = error instanceof Error ? error.message : String(error)
  if (code === 'SQLITE_FULL' || code === 'ENOSPC')
    return new StoreFault(
      'disk-full',
      `no space left for ${file}: free some and start again`,
      error,
    )
  if (/^SQLITE_(CORRUPT|NOTADB)/.test(code))
    return new StoreFault('corrupt', `${file} is damaged (${because}): restore a backup`, error)
  if (/^SQLITE_IOERR|^EIO$/.test(code))
    return new StoreFault('io-error', `${file}: ${because} (${code}): check the disk`, error)
  if (/^SQLITE_(CANTOPEN|READONLY|PERM|AUTH)|^E(ACCES|PERM|ROFS|NOTDIR|ISDIR|NOENT)$/.test(code)) {
    const mend = 'let the user that runs pbx own and write it, or name another with --data'
    return new StoreFault('data-unusable', `cannot use ${file} (${because}): ${mend}`, error)
  }
  return new StoreFault('bug', `${file}: ${because}`, error)
}

/** Of a database that was being copied: true when it is well, and only the copy is not. */
export function isOfCopy(error: unknown): boolean {
  const { code } = faultOf(error, 'the copy')
  if (code === 'io-error')
    return !/^SQLITE_IOERR_(READ|SHORT_READ|CORRUPTFS|DATA)/.test(codeOf(error))
  return code === 'disk-full' || code === 'data-unusable'
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error)) return ''
  return typeof error.code === 'string' ? error.code : ''
}
