//! Between the peer link and the main thread: servers talk with whoever serves.

import type { MessagePort } from 'node:worker_threads'
import { isServerId } from '../store/schema/server.ts'
import { Intake } from './intake.ts'
import type { PeerLink } from './peer-link.ts'
import type { FromMember, ToMember } from './protocol.ts'

type LinkUse = 'arrived' | 'changed' | 'hold' | 'send'

/** In the thread that has the link; `ConnectedServers` is at the other end of the port. */
export function relayServers(link: Pick<PeerLink, LinkUse>, port: MessagePort): void {
  const say = (message: FromMember, owned: readonly ArrayBuffer[] = []): void =>
    port.postMessage(message, [...owned])
  const intake = new Intake({
    post: ({ from, data, ends }) =>
      say({ kind: 'from-server', from, data, ends }, [data.buffer, ends.buffer]),
    hold: (server, isHeld) => link.hold(server, isHeld),
  })
  link.arrived(({ from, channel, data }) => {
    if (channel === 'rpc' && isServerId(from)) intake.take(from, data)
  })
  link.changed(({ peer, isUp }) => {
    if (!isServerId(peer)) return
    intake.begin(peer)
    say({ kind: 'server-link', peer, isUp })
  })
  port.on('message', (message: ToMember) => {
    if (message.kind === 'to-server') link.send(message.to, 'rpc', message.data)
    else if (message.kind === 'server-heard') intake.heard(message.from)
  })
}
