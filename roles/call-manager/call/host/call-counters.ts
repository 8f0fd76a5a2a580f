//! What is counted of calls, for `/metrics`.

export type CallCounters = {
  /** INVITEs that became calls. */
  began: number
  /** INVITEs of who has as many calls as one may have. */
  limited: number
  answered: number
  ended: number
  /** Calls ended because the program was wrong. */
  bugs: number
  /** Snapshots that could not be stored. */
  unsaved: number
}

export const NO_COUNTS: Readonly<CallCounters> = {
  began: 0,
  limited: 0,
  answered: 0,
  ended: 0,
  bugs: 0,
  unsaved: 0,
}
