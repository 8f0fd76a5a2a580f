import { seededRandom } from '../../../src/base/random.ts'
import {
  exchange,
  glareDelay,
  maySend,
  NO_EXCHANGE,
  type Carrier,
  type OfferAnswer,
  type Side,
} from '../../../src/sip/dialog/offer-answer.ts'
import { walk } from '../../harness/datadriven.ts'
import { saved } from './messages.ts'

const CARRIERS: Readonly<Record<string, Carrier>> = {
  INVITE: 'INVITE',
  'INVITE/1xx': 'INVITE 1xx',
  'INVITE/1xx-rel': 'INVITE 1xx-rel',
  'INVITE/2xx': 'INVITE 2xx',
  'INVITE/failed': 'INVITE failed',
  ACK: 'ACK',
  PRACK: 'PRACK',
  'PRACK/2xx': 'PRACK 2xx',
  'PRACK/failed': 'PRACK failed',
  UPDATE: 'UPDATE',
  'UPDATE/2xx': 'UPDATE 2xx',
  'UPDATE/failed': 'UPDATE failed',
}

/** `sent INVITE sdp`, `received INVITE/2xx`, `may UPDATE sdp`, `back-off role=uac`. */
walk(new URL('./testdata/offer-answer', import.meta.url).pathname, () => {
  let state: OfferAnswer = NO_EXCHANGE

  const pass = (by: Side, [name = '', sdp]: readonly string[]): string => {
    const carrier = CARRIERS[name]
    if (carrier === undefined) return `unknown carrier ${name}`
    const step = exchange(state, { by, carrier, sdp: sdp === 'sdp' }, seededRandom(1))
    if (step.kind === 'refused') {
      const retry = step.retryAfter === undefined ? '' : ` retry-after=${step.retryAfter}`
      return `refused ${step.status}${retry} (${step.reason})`
    }
    state = saved(step.next)
    return step.kind === 'broken' ? `broken: ${step.reason}` : step.meaning
  }

  return ({ name, words, arg }) => {
    switch (name) {
      case 'start':
        state = NO_EXCHANGE
        return describe(state)
      case 'sent':
      case 'received':
        try {
          const outcome = pass(name === 'sent' ? 'local' : 'remote', words)
          return `${outcome}\n${describe(state)}`
        } catch (error) {
          return String(error)
        }
      case 'may':
        return String(maySend(state, CARRIERS[words[0] ?? ''] ?? 'ACK', words[1] === 'sdp'))
      case 'back-off': {
        const role = arg('role') === 'uac' ? 'uac' : 'uas'
        const delays: number[] = []
        for (let seed = 0; seed < 2_000; seed++) delays.push(glareDelay(role, seededRandom(seed)))
        const stepsOk = delays.every((delay) => delay % 10 === 0)
        return `${Math.min(...delays)} to ${Math.max(...delays)} ms, steps of 10: ${stepsOk}`
      }
      default:
        return `unknown command ${name}`
    }
  }
})

function describe({ offer, settled, invite, update, previewed }: OfferAnswer): string {
  const parts = [offer === undefined ? 'no offer' : `offer by ${offer.by} in ${offer.in}`]
  if (invite !== undefined) parts.push(`INVITE by ${invite}`)
  if (update !== undefined) parts.push(`UPDATE by ${update}`)
  if (previewed) parts.push('previewed')
  if (settled) parts.push('settled')
  return `[${parts.join(', ')}]`
}
