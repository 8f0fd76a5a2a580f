//! Our own answer to an offer that no far side answers: one codec a line, chosen by the caller.

import type { Connection } from './address.ts'
import { carriedSection, connectionValue, directionOf, isCarried } from './carry.ts'
import { codecsOf, isAuxiliary, type Codec } from './codec.ts'
import { attributeName, type Description, type MediaSection, type SdpLine } from './description.ts'
import { reversed } from './direction.ts'
import { refused, type Ours } from './relay.ts'

/** Picks the codec to speak on a line, out of the offer's own in its order; undefined refuses. */
export type Choose = (kind: string, codecs: readonly Codec[]) => Codec | undefined

/** The codec to speak on each line of the offer; undefined where the line is refused. */
export function chosenCodecs(offer: Description, choose: Choose): readonly (Codec | undefined)[] {
  return offer.media.map((section) => {
    if (!isCarried(offer, section)) return undefined
    const speaking = codecsOf(section).filter((codec) => !isAuxiliary(codec))
    return choose(section.media.kind, speaking)
  })
}

export function answerHere(
  offer: Description,
  chosen: readonly (Codec | undefined)[],
  ours: Ours,
): Description {
  const media = offer.media.map((section, index) => {
    const codec = chosen[index]
    if (codec === undefined) return refused(section.media)
    const direction = reversed(directionOf(offer, section))
    return carriedSection(only(section, codec), direction, ours.ports[index] ?? 0)
  })
  return { session: ourSession(ours.address), media }
}

function ourSession(address: Connection): readonly SdpLine[] {
  return [
    { type: 'v', value: '0' },
    { type: 's', value: '-' },
    { type: 'c', value: connectionValue(address) },
    { type: 't', value: '0 0' },
  ]
}

/** Lines that say how the codec is spoken; all others are the offerer's own affairs. */
const ABOUT_THE_CODEC: ReadonlySet<string> = new Set(['rtpmap', 'fmtp', 'rtcp-fb'])
const KEPT: ReadonlySet<string> = new Set(['rtcp-mux', 'mid', 'ptime', 'maxptime'])

/** The section with one codec, and DTMF at the same clock rate when offered (RFC 4733 §2.1). */
function only(section: MediaSection, codec: Codec): MediaSection {
  const events = codecsOf(section).find(
    ({ name, clockRate }) =>
      name.toLowerCase() === 'telephone-event' && clockRate === codec.clockRate,
  )
  const formats = [codec, ...(events === undefined ? [] : [events])].map((each) =>
    String(each.payloadType),
  )
  const lines = section.lines.filter((line) => {
    const name = attributeName(line)
    if (line.type !== 'a' || KEPT.has(name)) return line.type === 'a'
    if (!ABOUT_THE_CODEC.has(name)) return false
    const [target = ''] = line.value.slice(name.length + 1).split(' ')
    return target === '*' || formats.includes(target)
  })
  return { media: { ...section.media, formats }, lines }
}
