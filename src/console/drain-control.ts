//! What the console needs of whoever keeps new calls from this host.

export type DrainState = {
  /** ISO 8601. */
  readonly since: string
  /** Although nobody else could take over. */
  readonly isForced: boolean
}

export interface DrainControl {
  /** Undefined while it takes calls. */
  readonly state: DrainState | undefined
  /** Undefined when it is under way, else why not. */
  begin(isForced: boolean): Promise<string | undefined>
  end(): Promise<void>
}
