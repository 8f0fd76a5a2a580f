import { millis } from '../../src/base/time.ts'
import { SimNetwork } from '../harness/sim-network.ts'
import { World } from '../harness/world.ts'
import { sipTransportContract } from './sip-transport.ts'

sipTransportContract('the simulated network', ['udp', 'tcp', 'tls', 'ws'], async () => {
  const world = new World(1)
  const network = new SimNetwork(world)
  const a = network.endpoint('10.0.0.1')
  const b = network.endpoint('10.0.0.2')
  return Promise.resolve({
    a,
    b,
    target: (transport) => b.target(transport),
    nowhere: (transport) => ({ transport, host: '10.0.0.9', port: 5060 }),
    until: async (condition) => {
      world.pass(millis(5_000), condition)
      return condition()
        ? Promise.resolve()
        : Promise.reject(new Error(`in vain:\n${world.tail()}`))
    },
    breakFlow: (flow) => b.close(flow),
    close: () => Promise.resolve(),
  })
})
