import { assert } from '../../../../src/base/assert.ts'
import type { TenantId } from '../../../../src/control/ids.ts'
import type { SipRequest } from '../../../../src/sip/message/message.ts'
import type { FlowId } from '../../../../src/sip/transaction/flow.ts'
import type { Extension } from '../../../../roles/call-manager/directory.ts'
import { forwarded, passedBack } from '../../../../roles/call-manager/message/forward.ts'
import { walk } from '../../../harness/datadriven.ts'
import { requestFrom, responseFrom, textOf } from '../../../sip/dialog/messages.ts'

const ALICE: Extension = {
  tenant: 't' as TenantId,
  user: 'alice',
  displayName: 'Alice A.',
  domain: 'pbx.example',
  aor: 'sip:alice@pbx.example',
  enabled: true,
}

walk(new URL('./testdata/forward', import.meta.url).pathname, () => {
  let received: SipRequest | undefined
  return ({ name, body, words }) => {
    switch (name) {
      case 'forward': {
        received = requestFrom(body)
        const target = {
          aor: 'sip:bob@pbx.example',
          name: 'Bob',
          uri: 'sip:bob@192.0.2.2:5062;ob',
          route: words,
          to: 'f1' as FlowId,
          address: '192.0.2.2',
        }
        return textOf(forwarded(received, ALICE, target))
      }
      case 'back':
        assert(received !== undefined, 'nothing was forwarded yet')
        return textOf(passedBack(received, responseFrom(body), 'our-tag'))
      default:
        return `unknown command ${name}`
    }
  }
})
