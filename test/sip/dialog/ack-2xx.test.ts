import { assert } from '../../../src/base/assert.ts'
import { after, millis, type Millis } from '../../../src/base/time.ts'
import { awaitAck, isAckFor, wakeAck2xx, type Ack2xx } from '../../../src/sip/dialog/ack-2xx.ts'
import { walk } from '../../harness/datadriven.ts'
import { saved } from './messages.ts'

walk(new URL('./testdata/ack-2xx', import.meta.url).pathname, () => {
  let now: Millis = millis(0)
  let waiting: Ack2xx | undefined

  function advance(until: Millis): string[] {
    const lines: string[] = []
    while (waiting !== undefined && waiting.at <= until) {
      now = waiting.at
      const step = wakeAck2xx(waiting, now)
      lines.push(`${now}ms ${step.kind}`)
      assert(step.kind === 'gave-up' || step.next.at > now, 'the deadline fired and did not move')
      waiting = step.kind === 'gave-up' ? undefined : saved(step.next)
    }
    now = until
    return lines
  }

  return ({ name, words }) => {
    switch (name) {
      case 'answered':
        waiting = saved(awaitAck(Number(words[0]), now))
        return 'ok'
      case 'ack':
        if (waiting === undefined || !isAckFor(waiting, Number(words[0]))) return 'not for this one'
        waiting = undefined
        return 'done'
      case 'wake-early':
        return waiting === undefined ? 'nothing' : wakeAck2xx(waiting, now).kind
      case 'advance': {
        const lines = advance(after(now, millis(Number(words[0]))))
        return lines.length === 0 ? 'ok' : lines.join('\n')
      }
      default:
        return `unknown command ${name}`
    }
  }
})
