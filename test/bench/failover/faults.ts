//! What befalls the node that serves, and how it is undone.

import type { Node } from '../../cluster/live/trio.ts'

export type Fault = {
  readonly name: string
  readonly strike: (leader: Node) => void
  readonly mend: (leader: Node) => Promise<void> | void
}

export const KILLED: Fault = {
  name: 'killed',
  strike: (leader) => leader.signal('SIGKILL'),
  async mend(leader) {
    await leader.stopped()
    leader.start()
  },
}

export const CABLE: Fault = {
  name: 'cable',
  strike: (leader) => leader.host.cut(),
  mend: (leader) => leader.host.mend(),
}

export const TRANSFERRED: Fault = {
  name: 'transferred',
  strike: (leader) => void leader.pbx('transfer-leadership'),
  mend: () => {},
}

export const FAULTS: readonly Fault[] = [
  KILLED,
  {
    name: 'stopped',
    strike: (leader) => leader.signal('SIGSTOP'),
    mend: (leader) => leader.signal('SIGCONT'),
  },
  CABLE,
  TRANSFERRED,
]
