//! Groups of production nodes over a simulated network, disk and clock.

import { runKind } from '../run-kind.ts'

runKind('raft', { acknowledged: 20, leases: 1 })
