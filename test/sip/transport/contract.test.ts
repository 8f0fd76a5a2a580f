//! The contract of the stack's seam, on real sockets, with the add-on and without.

import { err } from '../../../src/base/result.ts'
import { sipTransportContract } from '../../contract/sip-transport.ts'
import { native, openBench, until } from './bench.ts'

const choices = [
  ['batched', native()],
  ['dgram', Promise.resolve(err('not wanted here'))],
] as const

for (const [kind, choice] of choices)
  sipTransportContract(`real sockets, ${kind}`, ['udp', 'tcp', 'tls'], async () => {
    const a = await openBench({ native: await choice })
    const b = await openBench({ native: await choice })
    return {
      a: a.transport,
      b: b.transport,
      target: (transport) => b.target(transport),
      // Discard: nobody listens there.
      nowhere: (transport) => ({ transport, host: '127.0.0.1', port: 9 }),
      until,
      breakFlow: (flow) => b.transport.closeFlow(flow),
      close: async () => {
        await a.transport.close()
        await b.transport.close()
      },
    }
  })
