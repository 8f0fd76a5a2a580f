import { expect, test } from 'vitest'
import type { Host } from '../../../src/base/host.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { millis, wallTime } from '../../../src/base/time.ts'
import { Pump } from '../../../src/sip/stack/pump.ts'
import type { Source } from '../../../src/sip/transaction/flow.ts'
import { TransactionLayer } from '../../../src/sip/transaction/layer.ts'
import { requestOf, sourceOf } from '../transaction/messages.ts'

const INVITE = { name: 'receive', words: ['INVITE'], body: [], arg: () => undefined }

/** A host in whose time nothing ever fires. */
function frozenHost(): Host & { readonly alarms: number[] } {
  const alarms: number[] = []
  return {
    alarms,
    now: () => millis(10.7),
    wall: () => wallTime(0),
    random: seededRandom(1),
    wake: (at) => {
      alarms.push(at)
      return () => undefined
    },
    log: () => undefined,
  }
}

function received(): { kind: 'received'; source: Source; message: ReturnType<typeof requestOf> } {
  return { kind: 'received', source: sourceOf(INVITE), message: requestOf(INVITE, 'INVITE') }
}

test('§17.2.1 the 100 leaves before the turn ends, without an alarm', () => {
  const sent: string[] = []
  const host = frozenHost()
  const pump = new Pump(host, new TransactionLayer(), (outputs) => {
    for (const output of outputs)
      if (output.kind === 'send' && output.message.kind === 'response')
        sent.push(String(output.message.status))
  })
  pump.feed(received())
  expect(sent).toEqual(['100'])
  expect(host.alarms).toEqual([])
})

test('what is fed while outputs are carried out waits for its turn', () => {
  const order: string[] = []
  const pump: Pump = new Pump(frozenHost(), new TransactionLayer(), (outputs) => {
    for (const output of outputs) {
      order.push(`${output.kind} begins`)
      if (output.kind === 'request') pump.feed({ kind: 'wake' })
      order.push(`${output.kind} ends`)
    }
  })
  pump.feed(received())
  expect(order).toEqual(['request begins', 'request ends', 'send begins', 'send ends'])
})

test('a fault in carrying out leaves the pump running', () => {
  let faults = 1
  const heard: string[] = []
  const pump = new Pump(frozenHost(), new TransactionLayer(), (outputs) => {
    if (faults-- > 0) throw new Error('once')
    for (const { kind } of outputs) heard.push(kind)
  })
  expect(() => pump.feed(received())).toThrow('once')
  pump.feed({ kind: 'wake' })
  expect(heard).toEqual(['send'])
})
