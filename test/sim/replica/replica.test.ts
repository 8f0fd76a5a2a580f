//! Groups of production replicas on real databases, over a simulated network, disk and clock.

import { runKind } from '../run-kind.ts'

runKind('replica', {
  acknowledged: 50,
  reads: 15,
  leases: 1,
  'nodes that went over to the next schema amid faults': 0.2,
  'snapshots taken over': 0.2,
  'processes ended by a fault of the disk': 0.5,
})
