import { assert } from '../../../../src/base/assert.ts'
import { after, millis, type Millis } from '../../../../src/base/time.ts'
import {
  startRelay,
  stepRelay,
  type Relay,
  type RelayInput,
} from '../../../../roles/call-manager/message/relay.ts'
import { walk } from '../../../harness/datadriven.ts'
import { responseFrom } from '../../../sip/dialog/messages.ts'

walk(new URL('./testdata/relay', import.meta.url).pathname, () => {
  let now: Millis = millis(0)
  let relay: Relay | undefined

  const feed = (input: RelayInput): string => {
    assert(relay !== undefined, 'the script has not begun')
    const { next, output } = stepRelay(relay, input, now)
    relay = next
    if (output === undefined) return 'ok'
    if (output.kind === 'undelivered') return `${now}ms undelivered`
    return `${now}ms answer ${output.response.status} ${output.response.reason}`
  }

  return ({ name, words }) => {
    switch (name) {
      case 'start':
        now = millis(0)
        relay = startRelay(Number(words[0]), now)
        return 'ok'
      case 'response':
        return feed({
          kind: 'response',
          response: responseFrom([`SIP/2.0 ${words[0]} From ${words[1] ?? 'a device'}`]),
        })
      case 'failed':
        return feed({ kind: 'failed' })
      case 'advance': {
        const until = after(now, millis(Number(words[0])))
        const at = relay?.answerAt
        if (at === undefined || at > until) {
          now = until
          return 'ok'
        }
        now = at
        const line = feed({ kind: 'wake' })
        assert(relay?.answerAt === undefined, 'the deadline fired and was not consumed')
        now = until
        return line
      }
      default:
        return `unknown command ${name}`
    }
  }
})
