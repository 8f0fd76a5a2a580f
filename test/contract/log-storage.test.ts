import { logIndex, term, type LogIndex, type NodeId } from '../../src/raft/entry.ts'
import { WriteConnection } from '../../src/store/database.ts'
import { SqliteLogStorage } from '../../src/store/replica/log-storage.ts'
import { insertRaft } from '../../src/store/schema/raft.ts'
import { migrate } from '../../src/store/schema/schema.ts'
import { Disk } from '../raft/disk.ts'
import { newHome } from '../store/home.ts'
import { ABC, logStorageContract } from './log-storage.ts'

logStorageContract('the disk of the simulation', () => {
  const disk = new Disk(ABC)
  return {
    storage: () => disk,
    write: (ready) => {
      disk.write(ready)
      disk.sync()
    },
    compact: (index, membership) => disk.compact(index, membership),
    reopen: () => {},
    close: () => {},
  }
})

const NO_SNAPSHOTS = { current: () => undefined, chunk: () => undefined }

logStorageContract('SQLite', () => {
  const file = `${newHome()}/raft.db`
  const open = (): WriteConnection => WriteConnection.open(file, { addon: undefined })
  let db = open()
  migrate(db)
  db.transaction(() =>
    insertRaft(db, 'a' as NodeId, { index: logIndex(0), term: term(0), membership: ABC }),
  )
  const storageOf = (applied: number): SqliteLogStorage =>
    new SqliteLogStorage(db, NO_SNAPSHOTS, applied as LogIndex)
  let storage = storageOf(0)
  return {
    storage: () => storage,
    write: (ready) => db.transaction(() => storage.write(ready)),
    compact: (index, membership) => {
      const of = storage.term(index)
      if (of !== undefined) db.transaction(() => storage.compact({ index, term: of, membership }))
    },
    reopen: () => {
      db.close()
      db = open()
      storage = storageOf(0)
    },
    close: () => db.close(),
  }
})
