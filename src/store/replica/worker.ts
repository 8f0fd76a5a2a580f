//! The replica's thread of a system that is alone: a group of one, which needs no clock.

import { assert } from '../../base/assert.ts'
import { parentPort, workerData } from 'node:worker_threads'
import { openReplica } from './open-replica.ts'
import type { ReplicaSettings } from './protocol.ts'
import { ReplicaService } from './service.ts'

assert(parentPort !== null, 'the replica runs in a worker thread')
const { directory, addon } = workerData as ReplicaSettings
const service = new ReplicaService(parentPort, directory)
const host = {
  onOutcomes: service.tell.bind(service),
  send: () => {},
  onFault: service.fail.bind(service),
}
service.serve(() => openReplica(directory, { addon }, host))
