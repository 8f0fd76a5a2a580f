//! Three nodes with one address: call managers on production replicas, media and phones.

import { runKind } from '../run-kind.ts'

runKind('calls', {
  'calls answered': 2,
  'call records': 8,
  'changes of who serves': 2,
  'calls taken over': 3,
})
