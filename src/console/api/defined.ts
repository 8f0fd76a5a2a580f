//! Absent instead of undefined: what JSON knows.

type Defined<T> = {
  [K in keyof T as undefined extends T[K] ? never : K]: T[K]
} & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>
}

/** The object without its keys that are undefined. */
export function defined<T extends object>(object: T): Defined<T> {
  const present = Object.entries(object).filter(([, value]) => value !== undefined)
  return Object.fromEntries(present) as Defined<T>
}
