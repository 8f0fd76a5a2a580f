//! Calls set up and down through a real worker, as fast as ports allow.

import type { CallId } from '../../../src/control/ids.ts'
import type { MediaControl, MediaId, Sdp } from '../../../src/control/media-control.ts'
import { openMedia } from '../../media/media-world.ts'

const LANES = 32
const MEASURE_MS = 6_000
/** Sockets rest after a call, so more calls a second than this only measure a lack of ports. */
const LANE_PAUSE_MS = 24

const OFFER = `v=0
o=- 3850224000 3850224000 IN IP4 127.0.0.45
s=call
c=IN IP4 127.0.0.45
t=0 0
m=audio 4000 RTP/AVP 96 9 8 0 101
a=rtpmap:96 opus/48000/2
a=fmtp:96 useinbandfec=1
a=rtpmap:9 G722/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=sendrecv
`.replaceAll('\n', '\r\n') as Sdp

const ANSWER = `v=0
o=- 1 1 IN IP4 127.0.0.46
s=call
c=IN IP4 127.0.0.46
t=0 0
m=audio 4002 RTP/AVP 0 101
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
`.replaceAll('\n', '\r\n') as Sdp

/** Calls a second of processor time, both threads together. */
export async function setUpCalls(): Promise<number> {
  const media = await openMedia({ ports: { first: 35_000, last: 65_000 } })
  try {
    let count = 0
    const lane = async (number: number, end: number): Promise<void> => {
      for (let call = 0; performance.now() < end; call++) {
        await oneCall(media.control, `${number}-${call}`)
        count++
        await new Promise((resolve) => setTimeout(resolve, LANE_PAUSE_MS))
      }
    }
    const before = process.cpuUsage()
    const end = performance.now() + MEASURE_MS
    await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number, end)))
    const { user, system } = process.cpuUsage(before)
    return count / ((user + system) / 1e6)
  } finally {
    await media.close()
  }
}

async function oneCall(control: MediaControl, name: string): Promise<void> {
  const call = name as CallId
  const [a, b] = [`${name}a` as MediaId, `${name}b` as MediaId]
  const offer = await control.relayOffer({ call, from: a, to: b, sdp: OFFER, restated: false })
  const answer = await control.relayAnswer({ call, from: b, to: a, sdp: ANSWER })
  if (!offer.ok || !answer.ok) throw new Error('a call could not be set up')
  await control.release([a, b])
}
