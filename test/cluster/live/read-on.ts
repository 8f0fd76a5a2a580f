//! `node read-on.ts DATABASE`: reads the state of one moment until its input ends, as a backup does
//! that takes long. Meanwhile the write-ahead log does not begin anew: each commit makes it longer.

import SqliteConnection from 'better-sqlite3'

const [file = ''] = process.argv.slice(2)
const db = new SqliteConnection(file, { readonly: true, timeout: 5_000 })
db.exec('BEGIN')
db.prepare('SELECT count(*) FROM sqlite_schema').get()
console.log('reads')
process.stdin.resume().once('end', () => db.close())
