//! Our own voice towards one leg: one `o=` session id for its life, a version that goes up by one
//! when, and only when, what we say changes (RFC 3264 §8, RFC 8866 §5.2).

import { connectionValue } from './carry.ts'
import type { Connection } from './address.ts'
import type { Description } from './description.ts'
import { serializeSdp } from './serialize.ts'

export type LocalSide = {
  /** Numeric, as RFC 8866 wants. */
  readonly sessionId: string
  readonly version: number
  /** The last description sent, without `o=`; undefined before the first. */
  readonly said: string | undefined
  /** The last text sent, whole. */
  readonly text: string
}

export function newLocalSide(sessionId: string): LocalSide {
  return { sessionId, version: 0, said: undefined, text: '' }
}

/** Says `description` (made without `o=`) from `ours`; the same side when it says nothing new. */
export function say(side: LocalSide, description: Description, ours: Connection): LocalSide {
  const said = serializeSdp(description)
  if (said === side.said) return side
  const version = side.version + 1
  const origin = { type: 'o', value: `- ${side.sessionId} ${version} ${connectionValue(ours)}` }
  const [first, ...rest] = description.session
  const session = first === undefined ? [origin] : [first, origin, ...rest]
  return { ...side, version, said, text: serializeSdp({ session, media: description.media }) }
}
