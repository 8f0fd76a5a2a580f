//! What the database of a node tells of the nodes there are, read beside the process that has it.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { NodeId } from '../../control/ids.ts'
import { ReadConnection } from '../../store/database.ts'
import { DATABASE } from '../../store/replica/open-replica.ts'
import { clusterNodes, givenNodeIds, type ClusterNode } from '../../store/schema/node.ts'
import type { ReadOnlyDatabase } from '../../store/store.ts'

/** None before the first start. `addon`: the native SQLite. Throws when it cannot be read. */
export function givenIdsIn(data: string, addon: string | undefined): readonly NodeId[] {
  return readIn(data, addon, givenNodeIds)
}

/** As `givenIdsIn`. */
export function nodesIn(data: string, addon: string | undefined): readonly ClusterNode[] {
  return readIn(data, addon, clusterNodes)
}

function readIn<T>(
  data: string,
  addon: string | undefined,
  query: (db: ReadOnlyDatabase) => readonly T[],
): readonly T[] {
  const file = join(data, DATABASE)
  if (!existsSync(file)) return []
  const db = ReadConnection.open(file, { addon })
  try {
    return query(db)
  } finally {
    db.close()
  }
}
