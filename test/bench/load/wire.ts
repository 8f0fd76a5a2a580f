//! One UDP endpoint of the load generator: texts in, texts out, as cheaply as this machine can.

import { assert } from '../../../src/base/assert.ts'
import { buildNative } from '../../../src/native/build.ts'
import { loadNative } from '../../../src/native/load.ts'
import { batchedHub } from '../../../src/native/udp-batched.ts'
import { dgramHub } from '../../../src/native/udp-dgram.ts'
import type { UdpBatch, UdpHub, UdpPeer } from '../../../src/native/udp.ts'

export class Wire {
  readonly port: number
  readonly #hub: UdpHub<undefined>
  readonly #server: UdpPeer<undefined>
  readonly #scratch = Buffer.alloc(4096)

  private constructor(hub: UdpHub<undefined>, server: UdpPeer<undefined>, port: number) {
    this.#hub = hub
    this.#server = server
    this.port = port
  }

  /** `onText` gets every datagram; all of them come from the server under test. */
  static async open(
    address: string,
    server: { readonly address: string; readonly port: number },
    onText: (text: string) => void,
    port = 0,
  ): Promise<Wire> {
    const onBatch = (batch: UdpBatch<undefined>): void => {
      for (let index = 0; index < batch.count; index++)
        onText(batch.slab(index).toString('latin1', batch.start(index), batch.end(index)))
    }
    const built = await buildNative()
    const native = loadNative(built.ok ? built.value : undefined)
    const options = { onBatch, onFailure: () => {} }
    const hub = native.ok ? batchedHub<undefined>(native.value, options) : dgramHub(options)
    const socket = await hub.open({ address, port })
    assert(socket.ok, `no socket on ${address}`)
    const peer = hub.peer(socket.value, server.address, server.port)
    assert(peer !== undefined, `${server.address} is no address`)
    return new Wire(hub, peer, socket.value.port)
  }

  send(text: string): void {
    const length = this.#scratch.write(text, 'latin1')
    this.#hub.send(this.#server, this.#scratch.subarray(0, length))
  }

  close(): Promise<void> {
    return this.#hub.close()
  }
}
