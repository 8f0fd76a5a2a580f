import { after, millis, type Millis } from '../../../src/base/time.ts'
import {
  isUnacknowledged,
  NOTHING_RECEIVED,
  receiveProvisional,
  reliableDeadline,
  reliableSender,
  stepReliable,
  type ReliableReceiver,
  type ReliableSender,
  type SenderInput,
} from '../../../src/sip/dialog/reliable-provisional.ts'
import { assert } from '../../../src/base/assert.ts'
import { walk } from '../../harness/datadriven.ts'
import { responseFrom, saved } from './messages.ts'

walk(new URL('./testdata/reliable-provisional', import.meta.url).pathname, () => {
  let now: Millis = millis(0)
  let sender: ReliableSender = reliableSender(1, 100)
  let receiver: ReliableReceiver = NOTHING_RECEIVED
  let lines: string[] = []

  const feed = (input: SenderInput): void => {
    const { next, outputs } = stepReliable(sender, input, now)
    sender = saved(next)
    for (const { kind, ...rest } of outputs)
      lines.push(`${now}ms ${[kind, ...Object.values(rest)].join(' ')}`)
  }
  const advance = (until: Millis): void => {
    for (let due = reliableDeadline(sender); due !== undefined && due <= until;) {
      now = due
      feed({ kind: 'wake' })
      due = reliableDeadline(sender)
      assert(due === undefined || due > now, 'the deadline fired and did not move')
    }
    now = until
  }

  return ({ name, words, body, arg }) => {
    lines = []
    switch (name) {
      case 'start':
        now = millis(0)
        sender = reliableSender(Number(arg('cseq')), Number(arg('rseq')))
        break
      case 'respond':
      case 'finished':
        feed({ kind: name })
        break
      case 'prack': {
        const [rseq, cseq, method = ''] = words
        feed({ kind: 'prack', rack: { rseq: Number(rseq), cseq: Number(cseq), method } })
        break
      }
      case 'advance':
        advance(after(now, millis(Number(words[0]))))
        break
      case 'unacknowledged':
        return String(isUnacknowledged(sender))
      case 'receive': {
        const [rseq, require = '100rel'] = words
        const head = ['SIP/2.0 183 Session Progress', 'CSeq: 7 INVITE', `Require: ${require}`]
        const reception = receiveProvisional(
          receiver,
          responseFrom(rseq === '-' ? head : [...head, `RSeq: ${rseq}`, ...body]),
        )
        if (reception.kind !== 'prack') return reception.kind
        receiver = saved(reception.next)
        return `prack RAck: ${reception.rack}`
      }
      default:
        return `unknown command ${name}`
    }
    return lines.length === 0 ? 'ok' : lines.join('\n')
  }
})
