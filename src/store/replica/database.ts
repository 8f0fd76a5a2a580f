//! What a replica does with its database: the connection that writes, or one that a simulation has
//! put in front of it.

import type { WriteConnection } from '../database.ts'

export type ReplicaDatabase = Pick<
  WriteConnection,
  | 'get'
  | 'all'
  | 'each'
  | 'run'
  | 'changes'
  | 'script'
  | 'define'
  | 'transaction'
  | 'backup'
  | 'close'
>
