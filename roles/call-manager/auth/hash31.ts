//! A short name for a text, where a chance collision does little harm. Pure.

/** FNV-1a, cut to what V8 keeps without an object of its own. */
export function hash31(text: string): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++)
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  return (hash ^ (hash >>> 31)) & 0x7fffffff
}
