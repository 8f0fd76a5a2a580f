//! Names for calls. Those of one time are neighbours in the database: what is written together then
//! lies on a few pages, where names in no order would each change a page of their own.

import type { Host } from '../../../../src/base/host.ts'
import type { CallId } from '../../../../src/control/ids.ts'

/** Milliseconds since 1970 in base 36; they outgrow this in 2059. */
const TIME_LENGTH = 8
/** Together with what every tag adds, more than anyone guesses. */
const RANDOM_LENGTH = 10

export function newCallId({ wall, random }: Pick<Host, 'wall' | 'random'>): CallId {
  const time = wall().toString(36).padStart(TIME_LENGTH, '0')
  return (time + random.token(RANDOM_LENGTH)) as CallId
}
