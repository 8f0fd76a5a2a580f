//! Why a backup cannot be read: told to whoever wants it restored, with what would help.

export type BackupFaultCode =
  /** Not one of ours, or of a newer release. */
  | 'not-known'
  /** Cut off, changed, or not whole. */
  | 'damaged'
  /** It is encrypted, and the passphrase is missing, or another. */
  | 'locked'

export class BackupFault extends Error {
  override readonly name = 'BackupFault'
  readonly code: BackupFaultCode

  constructor(code: BackupFaultCode, message: string) {
    super(message)
    this.code = code
  }
}
