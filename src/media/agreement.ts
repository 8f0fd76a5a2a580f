//! What two descriptions agree on, kept with the leg they were exchanged with.

import { directionOf } from '../sdp/carry.ts'
import type { Description } from '../sdp/description.ts'
import { NO_WAY, wantedByAnswer, type Direction } from '../sdp/direction.ts'
import { refused } from '../sdp/relay.ts'
import type { Session } from './session.ts'

/** Keeps an exchange with a leg; a line that either side refuses is refused in both. */
export function agree(
  session: Session,
  told: Description,
  described: Description,
  wants: readonly Direction[],
): void {
  session.told = withoutDead(told, described)
  session.described = withoutDead(described, told)
  session.wants = wants
}

function withoutDead(one: Description, other: Description): Description {
  const media = one.media.map((section, index) => {
    const counterpart = other.media[index]
    return counterpart === undefined || counterpart.media.port === 0
      ? refused(section.media)
      : section
  })
  return { session: one.session, media }
}

/** What an offerer wants: what it says. */
export function wantsOf(offer: Description): readonly Direction[] {
  return offer.media.map((section) => directionOf(offer, section))
}

export function wantsOfAnswer(asked: Description, answer: Description): readonly Direction[] {
  return asked.media.map((section, index) => {
    const answered = answer.media[index]
    if (answered === undefined) return NO_WAY
    return wantedByAnswer(directionOf(asked, section), directionOf(answer, answered))
  })
}
