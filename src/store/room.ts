//! Whether a disk has room for what is about to be written.

/** What statfs(2) says of it. */
type Room = { readonly bavail: number; readonly bsize: number }

/** Undefined when so many bytes fit where `directory` is; else what is wrong. */
export function lackOfRoom(room: Room, bytes: number, directory: string): string | undefined {
  return room.bavail * room.bsize > bytes ? undefined : noRoom(bytes, directory)
}

export function noRoom(bytes: number, directory: string): string {
  return `no room: ${Math.ceil(bytes / 2 ** 20)} MiB are needed in ${directory}`
}
